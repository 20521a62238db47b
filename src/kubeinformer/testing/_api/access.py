"""Who may do what: bearer tokens and rules.

Rules. Without tokens, everybody is ``system:anonymous``. With tokens, a request without a known token gets a 401.
Everything is allowed until a rule forbids it. In a rule, each of verb, resource, user and namespace is an exact value
or a wildcard. The newest rule that covers a request decides, so "nothing, except for this" takes two rules. As in RBAC,
the version of a resource is ignored, and a rule for one namespace does not cover requests across all namespaces. A 403
has the text of RBAC.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kubeinformer.resources import Resource
from kubeinformer.testing import _status

__all__ = ["Access", "Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A decision about all requests that it covers. None matches anything."""

    allows: bool
    verb: str | None
    resource: Resource | None
    user: str | None
    namespace: str | None

    def covers(self, verb: str, group: str, plural: str, user: str, namespace: str) -> bool:
        """Whether the rule covers this. The namespace is empty for all namespaces and for cluster scope."""
        return (
            self.verb in {None, verb}
            and (self.resource is None or (self.resource.group, self.resource.plural) == (group, plural))
            and self.user in {None, user}
            and self.namespace in {None, namespace}
        )


class Access:
    """The tokens and rules of one server.

    Attributes:
        rules: Oldest first.
    """

    def __init__(self, tokens: Mapping[str, str] | None) -> None:
        self._tokens = tokens
        self.rules: list[Rule] = []

    def authenticate(self, authorization: str) -> str:
        """Return the user of an Authorization header; 401 if there is none."""
        if self._tokens is None:
            return "system:anonymous"
        scheme, _, token = authorization.partition(" ")
        user = self._tokens.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise _status.unauthorized()
        return user

    def allows(self, user: str, verb: str, group: str, plural: str, namespace: str) -> bool:
        """Whether a request is allowed. The arguments need not be things that exist."""
        for rule in reversed(self.rules):
            if rule.covers(verb, group, plural, user, namespace):
                return rule.allows
        return True

    def authorize(self, user: str, verb: str, resource: Resource, namespace: str, name: str) -> None:
        """Raise the 403 if a request is not allowed."""
        if not self.allows(user, verb, resource.group, resource.plural, namespace):
            raise _status.forbidden(user, verb, resource, namespace, name)
