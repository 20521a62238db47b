"""The options of a write: its query, and the options in the body of a DELETE.

Rules. Pure. What cannot be parsed is a 400. What is not allowed is a 422 about ``CreateOptions``, ``UpdateOptions``,
``PatchOptions`` or ``DeleteOptions``. ``fieldValidation`` is checked but has no effect, because the fake knows no Go
types.

Source. ``apimachinery/pkg/apis/meta/v1/validation`` at 1.37; seen on a real server.
"""

from collections.abc import Mapping

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._status import Cause
from kubeinformer.testing._wire.http import HttpRequest
from kubeinformer.testing._write.deleting import Deletion
from kubeinformer.testing._write.payload import read_body
from kubeinformer.testing._write.rules import WriteOptions

__all__ = ["read_deletion", "read_write_options"]

_MANAGER_LENGTH = 128  # bytes
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_POLICIES = ("Foreground", "Background", "Orphan")
_TRUE = frozenset({"true", "1", "t", "T", "TRUE", "True"})  # Go's strconv.ParseBool
_FALSE = frozenset({"", "false", "0", "f", "F", "FALSE", "False"})


def read_write_options(
    request: HttpRequest, kind: str, *, subresource: str = "", is_apply: bool = False
) -> WriteOptions:
    """Parse the query of a POST, PUT or PATCH. ``kind`` is the kind of its options.

    Raises:
        FakeApiError: 400 or 422.
    """
    query = request.query
    manager, force = query.get("fieldManager", ""), _boolean(query, "force")
    causes = _dry_run_causes(query.get("dryRun"))
    if is_apply and not manager:
        causes.append(Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager"))
    if len(manager.encode()) > _MANAGER_LENGTH:
        text = f"Too long: may not be more than {_MANAGER_LENGTH} bytes"
        causes.append(Cause("FieldValueTooLong", text, "fieldManager"))
    if force is not None and not is_apply and kind == "PatchOptions":
        causes.append(Cause("FieldValueForbidden", "Forbidden: may not be specified for non-apply patch", "force"))
    if (validation := query.get("fieldValidation", "")) not in _VALIDATIONS:
        text = f'Unsupported value: "{validation}": supported values: "", "Ignore", "Strict", "Warn"'
        causes.append(Cause("FieldValueNotSupported", text, "fieldValidation"))
    if causes:
        raise _status.invalid(kind, "meta.k8s.io", "", causes)
    agent = request.headers.get("user-agent", "").partition("/")[0].strip()
    return WriteOptions(
        manager=manager or agent or "unknown",
        subresource=subresource,
        dry_run="dryRun" in query,
        force=bool(force),
    )


def read_deletion(request: HttpRequest) -> Deletion:
    """Parse the options of a DELETE. The body takes precedence over the query.

    Raises:
        FakeApiError: 400 or 422.
    """
    body: RawObject = {}
    if request.body:
        body = read_body(request.headers.get("content-type", ""), request.body)
        if body.get("kind", "DeleteOptions") != "DeleteOptions":
            given = f'no kind "{body["kind"]}" is registered for version "{body.get("apiVersion", "")}"'
            raise _status.bad_request(given)
    dry_run = body.get("dryRun") or ([request.query["dryRun"]] if "dryRun" in request.query else [])
    policy = body.get("propagationPolicy") or request.query.get("propagationPolicy", "")
    orphan = body["orphanDependents"] if "orphanDependents" in body else _boolean(request.query, "orphanDependents")
    causes = [cause for value in dry_run for cause in _dry_run_causes(value)]
    if policy and policy not in _POLICIES:
        text = f'Unsupported value: "{policy}": supported values: "Foreground", "Background", "Orphan", "nil"'
        causes.append(Cause("FieldValueNotSupported", text, "propagationPolicy"))
    elif policy and orphan is not None:
        text = f'Invalid value: "{policy}": orphanDependents and deletionPropagation cannot be both set'
        causes.append(Cause("FieldValueInvalid", text, "propagationPolicy"))
    if causes:
        raise _status.invalid("DeleteOptions", "meta.k8s.io", "", causes)
    if orphan is not None:
        policy = "Orphan" if orphan else "Background"
    grace = body["gracePeriodSeconds"] if "gracePeriodSeconds" in body else _integer(request.query)
    preconditions = body.get("preconditions") or {}
    # A real server treats a negative grace period as one second.
    grace = 1 if isinstance(grace, int) and grace < 0 else grace
    return Deletion(policy=policy, grace=grace, preconditions=preconditions, dry_run=bool(dry_run), is_from_client=True)


def _dry_run_causes(value: str | None) -> list[Cause]:
    if value in {None, "All"}:
        return []
    return [Cause("FieldValueNotSupported", f'Unsupported value: ["{value}"]: supported values: "All"', "dryRun")]


def _integer(query: Mapping[str, str]) -> int | None:
    text = query.get("gracePeriodSeconds", "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise _status.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _boolean(query: Mapping[str, str], name: str) -> bool | None:
    text = query.get(name)
    if text is None:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise _status.bad_request(f'strconv.ParseBool: parsing "{text}": invalid syntax')
