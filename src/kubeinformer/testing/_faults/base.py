"""`Fault`: the base of all faults, which says to which requests a fault applies.

Rules. A fault is data: frozen, comparable, and checked when it is made. What it does to an exchange is an `Effect`,
which is made for each exchange. So a fault may be in several scripts and servers at the same time.

``on``, ``resource`` and the requirements of the kind itself say which requests match. ``nth`` skips the first ones,
``probability`` draws, ``times`` and ``for_seconds`` end the fault.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from kubeinformer.resources import Resource
from kubeinformer.testing._faults import checks
from kubeinformer.testing._faults.effects import Effect, Line
from kubeinformer.testing._faults.requests import VERBS, Asked

__all__ = ["Fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The base of all faults: to which requests a fault applies. By default, to the first request that is possible.

    Attributes:
        on: One or several of ``list``, ``watch``, ``watch-list``, ``get``, ``create``, ``update``, ``patch``,
            ``delete`` and ``other`` (requests about no resource); None for all that this kind of fault supports. A
            ``watch`` starts from a known version or from now; a ``watch-list`` requests initial events.
        resource: Such as ``v1/pods``; None for any.
        nth: The first matching request that it applies to, counted from 1.
        times: The maximum number of requests that it applies to; None for no limit.
        for_seconds: How long it applies, counted from the first time; None for no limit.
        probability: The probability, greater than 0, that it applies to a matching request. It depends on the seed of
            the script.

    Raises:
        ValueError: A field is out of range. The message names the field, the accepted values, and all fields.
    """

    kind: ClassVar[str] = ""
    """The name of this fault in the data of a script."""
    verbs: ClassVar[tuple[str, ...]] = VERBS
    """The requests that it can apply to."""
    _replaces: ClassVar[bool] = False
    """Whether it answers in the server's place. Of several such faults, the first one that applies does."""

    on: str | tuple[str, ...] | None = None
    resource: str | None = None
    nth: int = checks.option(1, checks.count)
    times: int | None = checks.option(1, checks.optional(checks.count))
    for_seconds: float | None = checks.option(None, checks.optional(checks.seconds))
    probability: float = checks.option(1.0, checks.probability)

    def __post_init__(self) -> None:
        for field in fields(self):
            value, check = getattr(self, field.name), field.metadata.get("check")
            if isinstance(check, checks.Check) and not check.holds(value):
                raise self._wrong(field.name, check.accepted, value)
        for verb in self._selected:
            if verb not in self.verbs:
                raise self._wrong("on", f"of {checks.names(self.verbs)}", self.on)
        if not self._selected:
            raise self._wrong("on", f"of {checks.names(self.verbs)}", self.on)
        if self.resource is not None:
            try:
                Resource.parse(self.resource)
            except (ValueError, AttributeError, TypeError):
                raise self._wrong("resource", "such as 'v1/pods' or 'apps/v1/deployments'", self.resource) from None
        self._check()

    def _check(self) -> None:
        """Refuse fields that contradict each other."""

    @property
    def _selected(self) -> tuple[str, ...]:
        """The verbs that the fault applies to."""
        if self.on is None:
            return self.verbs
        return (self.on,) if isinstance(self.on, str) else self.on

    def _matches(self, asked: Asked) -> bool:
        """Whether a request matches."""
        if asked.verb not in self._selected:
            return False
        return self.resource is None or asked.resource == Resource.parse(self.resource)

    def _effect(self, line: Line) -> Effect:
        """Make the effect for one exchange."""
        raise NotImplementedError(type(self).__name__)  # pragma: no cover - every kind has its own

    def as_data(self) -> dict[str, Any]:
        """Return the fault as data for `Script.parse`, without the fields that have their default."""
        told: dict[str, Any] = {"fault": self.kind}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                told[field.name] = _plain(value)
        return told

    def _wrong(self, name: str, accepted: str, value: object) -> ValueError:
        known = checks.names(field.name for field in fields(self))
        return ValueError(f"fault {self.kind!r}: {name} must be {accepted}, got {value!r}; its fields are {known}")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (tuple, list)) else value
