"""Conditions: the list ``status.conditions`` of ``metav1.Condition``, with one condition of each type.

Rules. ``lastTransitionTime`` changes when the status changes, and only then, because people compute "ready since" from
it. What the server would refuse is refused here, where the mistake was made. Fields and types that others have set
stay.

Source. ``apimachinery/pkg/api/meta/conditions.go`` and the patterns of ``metav1.Condition`` at 1.37.
"""

import datetime as dt
import re
from typing import Literal, TypeAlias, cast

from kubeinformer import RawObject
from kubeinformer.controller.timestamps import second_time, utc_now

__all__ = ["ConditionStatus", "get_condition", "is_condition_true", "set_condition"]

ConditionStatus: TypeAlias = Literal["True", "False", "Unknown"]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_TYPE = re.compile(rf"({_LABEL}(\.{_LABEL})*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])")
_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
_TYPE_LIMIT, _REASON_LIMIT, _MESSAGE_LIMIT = 316, 1024, 32768  # characters


def set_condition(
    target: RawObject | list[RawObject],
    type_: str,
    status: bool | ConditionStatus,  # noqa: FBT001 - the first three are what a condition is
    reason: str,
    message: str = "",
    *,
    observed_generation: int | None = None,
    now: dt.datetime | None = None,
) -> bool:
    """Set one condition, and return whether anything changed. If not, there is nothing to write.

    The object gets a new ``status``, and the list gets new entries. What you took out of them before does not change.

    Args:
        target: An object, or a list of conditions. In an object, ``status.conditions`` is changed, or created.
        type_: The type of the condition, such as ``Ready``.
        status: True, False or ``"Unknown"``; or the strings that the object contains.
        reason: One word for programs, such as ``MinimumReplicasUnavailable``.
        message: A sentence for people.
        observed_generation: The ``metadata.generation`` that the condition is about; by default that of the object.
        now: The time of the change; by default from the wall clock.

    Example:
        >>> from kubeinformer.controller import is_condition_true, set_condition
        >>> widget = {"metadata": {"name": "w", "generation": 2}}
        >>> set_condition(widget, "Ready", True, "AllReady", "3 of 3 replicas are ready")
        True
        >>> is_condition_true(widget, "Ready")
        True
        >>> set_condition(widget, "Ready", True, "AllReady", "3 of 3 replicas are ready")
        False

    Raises:
        ValueError: The server would reject the condition.
    """
    wanted: RawObject = {
        "type": _matching("type", type_, _TYPE, _TYPE_LIMIT),
        "status": _status(status),
        "reason": _matching("reason", reason, _REASON, _REASON_LIMIT),
        "message": message,
    }
    if len(message) > _MESSAGE_LIMIT:
        raise ValueError(f"message= has {len(message)} characters, more than {_MESSAGE_LIMIT}")
    if observed_generation is None and isinstance(target, dict):
        observed_generation = (target.get("metadata") or {}).get("generation")
    if observed_generation is not None:
        wanted["observedGeneration"] = observed_generation
    known = get_condition(target, type_)
    if known is None or known.get("status") != wanted["status"]:
        wanted["lastTransitionTime"] = second_time(now or utc_now())
    changed = (known or {}) | wanted
    if changed == known:
        return False
    conditions = [changed if found is known else found for found in _conditions(target)]
    if known is None:
        conditions.append(changed)
    if isinstance(target, list):
        target[:] = conditions
    else:
        target["status"] = (target.get("status") or {}) | {"conditions": conditions}
    return True


def get_condition(target: RawObject | list[RawObject], type_: str) -> RawObject | None:
    """Return the condition of a type; None if there is none.

    Args:
        target: An object, or a list of conditions.
        type_: The type of the condition, such as ``Ready``.
    """
    return next((found for found in _conditions(target) if found.get("type") == type_), None)


def is_condition_true(target: RawObject | list[RawObject], type_: str) -> bool:
    """Return whether the condition of that type exists and has status ``"True"``. Arguments as for `get_condition`."""
    found = get_condition(target, type_)
    return found is not None and found.get("status") == "True"


def _conditions(target: RawObject | list[RawObject]) -> list[RawObject]:
    if isinstance(target, list):
        return target
    return cast("list[RawObject]", (target.get("status") or {}).get("conditions") or [])


def _status(status: bool | ConditionStatus) -> str:  # noqa: FBT001 - as above
    text = str(status)
    if text not in {"True", "False", "Unknown"}:
        raise ValueError(f"status={status!r} must be True, False or 'Unknown'")
    return text


def _matching(name: str, value: str, pattern: re.Pattern[str], limit: int) -> str:
    if len(value) > limit or not pattern.fullmatch(value):
        raise ValueError(
            f"{name}={value[:80]!r} is not one that the server takes: up to {limit} characters of the pattern "
            f"{pattern.pattern}"
        )
    return value
