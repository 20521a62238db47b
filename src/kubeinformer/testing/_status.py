"""How an API server refuses: ``Status`` objects with the texts, reasons and details of the real server.

Rules. Every refusal of the fake is a `FakeApiError` that carries a Status. Over HTTP, the Status is the body, and its
``code`` is the HTTP status. In process, the error is raised as it is. Clients decide by ``reason``, ``details`` and
``metadata.continue``, and people read ``message``, so all of them are those of the real server.

Source. ``k8s.io/apimachinery/pkg/api/errors/errors.go`` and, for list options,
``pkg/apis/meta/internalversion/validation/validation.go``, both at 1.37; the messages of 403, 410, 422 and 504 were
seen on a real kube-apiserver 1.37.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kubeinformer.errors import KubeInformerError
from kubeinformer.resources import RawObject, Resource

__all__ = ["Cause", "FakeApiError"]


class FakeApiError(KubeInformerError):
    """The error that a real API server would answer. The in-process methods of `FakeApiServer` raise it.

    Attributes:
        status: The ``Status`` object, as in the body of the response.
    """

    def __init__(self, status: RawObject) -> None:
        super().__init__(status)
        self.status = status

    @property
    def code(self) -> int:
        """The HTTP status code."""
        return int(self.status["code"])

    @property
    def reason(self) -> str:
        """``Status.reason``, such as ``Conflict``; empty if the real server gives none."""
        return str(self.status.get("reason", ""))

    def __str__(self) -> str:
        return f"{self.code} {self.reason or 'without a reason'}: {self.status['message']}"


class PageNotFound(FakeApiError):
    """A 404 that is sent as plain text: the answer to a path where there is no API."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of ``Status.details.causes``: ``reason``, ``message`` and the ``field`` they are about."""

    reason: str
    message: str
    field: str = ""

    def as_json(self) -> RawObject:
        """The entry in the form of the Status."""
        return {"reason": self.reason, "message": self.message} | ({"field": self.field} if self.field else {})


def failure(
    code: int, reason: str, message: str, *, details: RawObject | None = None, fresh_continue: str = ""
) -> FakeApiError:
    """Make the Status of a failure. ``fresh_continue`` becomes its ``metadata.continue``."""
    return FakeApiError(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": fresh_continue} if fresh_continue else {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            **({"details": details} if details is not None else {}),
            "code": code,
        }
    )


def qualified(resource: Resource) -> str:
    """The name of a resource in messages: ``pods``, ``deployments.apps``."""
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def about(resource: Resource, name: str) -> RawObject:
    group = {"group": resource.group} if resource.group else {}
    return {**({"name": name} if name else {}), **group, "kind": resource.plural}


def not_found(resource: Resource, name: str) -> FakeApiError:
    """404: the resource is served, the object does not exist."""
    return failure(404, "NotFound", f'{qualified(resource)} "{name}" not found', details=about(resource, name))


def unknown_resource() -> FakeApiError:
    """404: a group that is built into the server has no such resource, or no such version."""
    return failure(404, "NotFound", "the server could not find the requested resource", details={})


def page_not_found() -> PageNotFound:
    """404 outside of those groups. Over HTTP it is sent as text."""
    return PageNotFound(failure(404, "NotFound", "404 page not found", details={}).status)


def already_exists(resource: Resource, name: str) -> FakeApiError:
    """409 to a POST of an object that exists."""
    message = f'{qualified(resource)} "{name}" already exists'
    return failure(409, "AlreadyExists", message, details=about(resource, name))


def conflict(resource: Resource, name: str, why: str) -> FakeApiError:
    """409 to a write whose precondition is not met."""
    message = f'Operation cannot be fulfilled on {qualified(resource)} "{name}": {why}'
    return failure(409, "Conflict", message, details=about(resource, name))


def stale(resource: Resource, name: str) -> FakeApiError:
    """409 to an update from an older resourceVersion."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(resource, name, why)


def version_required(resource: Resource, name: str) -> FakeApiError:
    """422 to a PUT without a resourceVersion."""
    cause = Cause("FieldValueInvalid", "Invalid value: 0: must be specified for an update", "metadata.resourceVersion")
    return invalid(resource.plural, resource.group, name, [cause])


def bad_request(message: str) -> FakeApiError:
    """400."""
    return failure(400, "BadRequest", message)


def method_not_allowed() -> FakeApiError:
    """405."""
    message = "the server does not allow this method on the requested resource"
    return failure(405, "MethodNotAllowed", message, details={})


def not_acceptable(message: str = "only the following media types are accepted: application/json") -> FakeApiError:
    """406: the Accept header names no format that this server can write."""
    return failure(406, "NotAcceptable", message, details={})


def unsupported_media_type(accepted: str) -> FakeApiError:
    """415: the body of a write has a type that this server cannot read."""
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return failure(415, "UnsupportedMediaType", message, details={})


def unclassified(message: str) -> FakeApiError:
    """500 without a reason: the answer of a real server for an error that is not turned into a Status."""
    return failure(500, "", message)


def unauthorized() -> FakeApiError:
    """401."""
    return failure(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, resource: Resource, namespace: str, name: str) -> FakeApiError:
    """403 from RBAC."""
    subject = qualified(resource) + (f' "{name}"' if name else "")
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{user}" cannot {verb} resource "{resource.plural}" '
        f'in API group "{resource.group}" {where}'
    )
    return failure(403, "Forbidden", message, details=about(resource, name))


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> FakeApiError:
    """422 with one cause for each field. The message joins them as the real server does."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    subject = f"{kind}.{group}" if group else kind
    details = {
        **({"name": name} if name else {}),
        **({"group": group} if group else {}),
        **({"kind": kind} if kind else {}),
        "causes": [cause.as_json() for cause in causes],
    }
    return failure(422, "Invalid", f'{subject} "{name}" is invalid: {joined}', details=details)


def invalid_list_options(causes: Sequence[Cause]) -> FakeApiError:
    """422 about the query of a list or watch."""
    return invalid("ListOptions", "meta.k8s.io", "", causes)


def version_expired(asked: int, oldest: int) -> FakeApiError:
    """410: the history does not reach back to the requested version."""
    return failure(410, "Expired", f"too old resource version: {asked} ({oldest})")


def continue_expired(fresh: str) -> FakeApiError:
    """410 to a page of a list, with a token for the rest of the list at a newer version."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return failure(410, "Expired", message, fresh_continue=fresh)


def version_too_large(asked: int, current: int) -> FakeApiError:
    """504: the server has not seen that version yet. The answer has a Retry-After of one second."""
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    cause = Cause("ResourceVersionTooLarge", "Too large resource version")
    return failure(504, "Timeout", message, details={"causes": [cause.as_json()], "retryAfterSeconds": 1})


def internal_error(error: Exception) -> FakeApiError:
    """500: a bug in the fake itself."""
    return failure(500, "InternalError", f"Internal error occurred: {type(error).__name__}: {error}")
