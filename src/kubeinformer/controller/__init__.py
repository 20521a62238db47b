"""What controllers need, on the public names of ``kubeinformer`` only.

- ``leader_election``: `LeaderElection`; behind it ``lease`` (pure) and ``lease_client``
- ``server_side_apply``, ``finalizers``: writing objects; ``owners``, ``conditions``: what stands in them
- ``event_recorder``: `EventRecorder`; behind it ``event_series`` and ``event_bodies`` (pure)
"""

from kubeinformer.controller.conditions import ConditionStatus, get_condition, is_condition_true, set_condition
from kubeinformer.controller.event_recorder import EventRecorder, EventType
from kubeinformer.controller.finalizers import ensure_finalizer, finalized, remove_finalizer
from kubeinformer.controller.leader_election import LeaderElection
from kubeinformer.controller.owners import owner_reference, set_controller_reference
from kubeinformer.controller.server_side_apply import apply, apply_status

__all__ = [
    "ConditionStatus",
    "EventRecorder",
    "EventType",
    "LeaderElection",
    "apply",
    "apply_status",
    "ensure_finalizer",
    "finalized",
    "get_condition",
    "is_condition_true",
    "owner_reference",
    "remove_finalizer",
    "set_condition",
    "set_controller_reference",
]
