"""Who may do what: bearer tokens and rules of denial.

Rules. Without tokens everybody is ``system:anonymous`` and may do everything; with tokens a request without a known
one gets a 401. A denial is exact or a wildcard in each of verb, resource and user, and gives a 403 in RBAC's words.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kubeinformer.resources import Resource
from kubeinformer.testing import _status

__all__ = ["Access", "Denial"]


@dataclass(frozen=True, slots=True)
class Denial:
    """A rule; None stands for anything."""

    verb: str | None
    resource: Resource | None
    user: str | None

    def covers(self, verb: str, resource: Resource, user: str) -> bool:
        """Whether the rule forbids this."""
        return self.verb in {None, verb} and self.resource in {None, resource} and self.user in {None, user}


class Access:
    """The tokens and rules of one server.

    Attributes:
        denials: The rules; any of them is enough to forbid.
    """

    def __init__(self, tokens: Mapping[str, str] | None) -> None:
        self._tokens = tokens
        self.denials: list[Denial] = []

    def authenticate(self, authorization: str) -> str:
        """Find the user behind an Authorization header; 401 if there is none."""
        if self._tokens is None:
            return "system:anonymous"
        scheme, _, token = authorization.partition(" ")
        user = self._tokens.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise _status.unauthorized()
        return user

    def authorize(self, user: str, verb: str, resource: Resource, namespace: str, name: str) -> None:
        """Let a request pass, or raise the 403."""
        if any(denial.covers(verb, resource, user) for denial in self.denials):
            raise _status.forbidden(user, verb, resource, namespace, name)
