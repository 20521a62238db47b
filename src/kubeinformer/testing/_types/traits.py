"""How the built-in resources differ where the API has no general rule: one table for each difference.

Source. The strategies in ``pkg/registry`` at 1.37; every row was checked on a real kube-apiserver.
"""

from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._types.shapes import BuiltInShape, SchemaShape, Shape

__all__ = ["counts_generations", "has_status", "resets_status", "returns_deleted", "shape_of"]

_WITH_GENERATION = frozenset(
    {
        *("Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"),
        *("Ingress", "PodDisruptionBudget", "HorizontalPodAutoscaler", "CustomResourceDefinition", "EndpointSlice"),
        *("NetworkPolicy", "APIService", "FlowSchema", "PriorityLevelConfiguration"),
    }
)
# Nodes and Namespaces are created with the status that the creator gives. For all others, it is dropped.
_STATUS_AT_CREATION = frozenset({"Node"})
_RETURNED = frozenset(
    {
        *("Pod", "Service", "ServiceAccount", "PersistentVolume", "PersistentVolumeClaim", "Job", "StorageClass"),
        *("PodTemplate", "ResourceQuota"),
    }
)


def has_status(type_: ResourceType) -> bool:
    """Whether there is a ``/status``. If so, the status can only be changed there."""
    return "status" in type_.subresources


def resets_status(type_: ResourceType) -> bool:
    """Whether a status that is given at creation is dropped."""
    return has_status(type_) and type_.kind not in _STATUS_AT_CREATION


def counts_generations(type_: ResourceType) -> bool:
    """Whether objects have a ``metadata.generation``."""
    return type_.custom or type_.kind in _WITH_GENERATION


def returns_deleted(type_: ResourceType) -> bool:
    """Whether a DELETE that takes effect at once is answered with the object instead of a Status."""
    return not type_.custom and type_.kind in _RETURNED


def shape_of(type_: ResourceType) -> Shape:
    """How objects are merged."""
    return SchemaShape(type_.schema or {}, is_root=True) if type_.custom else BuiltInShape(type_.kind)
