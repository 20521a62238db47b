"""``SelfSubjectAccessReview``: "May I?" It is answered from the same rules that cause the 403s.

Rules. Pure. Everybody may ask, whatever is denied. A subresource is not a separate resource here: whoever may read pods
may read their status. Paths that are not resources are open to everybody (``_read.endpoints``).

Source. ``pkg/registry/authorization/selfsubjectaccessreview`` and ``pkg/apis/authorization/validation`` at 1.37; seen
on a real server.
"""

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._api.access import Access
from kubeinformer.testing._read.discovery import SELF_SUBJECT_ACCESS_REVIEWS

__all__ = ["review"]

_KIND = SELF_SUBJECT_ACCESS_REVIEWS.kind
_GROUP = SELF_SUBJECT_ACCESS_REVIEWS.resource.group
_API_VERSION = SELF_SUBJECT_ACCESS_REVIEWS.resource.api_version


def review(access: Access, user: str, asked: RawObject) -> RawObject:
    """Answer a review.

    Raises:
        FakeApiError: 400: it is another kind of object. 422: it asks nothing, or two questions.
    """
    kind, api_version = asked.get("kind", _KIND), asked.get("apiVersion", _API_VERSION)
    if (kind, api_version) != (_KIND, _API_VERSION):
        raise _status.bad_request(f'{kind} in version "{api_version}" cannot be handled as a {_KIND}')
    spec = asked.get("spec")
    questions = {
        name for name in ("resourceAttributes", "nonResourceAttributes") if isinstance(spec, dict) and spec.get(name)
    }
    if not isinstance(spec, dict) or len(questions) != 1:
        why = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise _status.invalid("", _GROUP, "", [_status.Cause("FieldValueInvalid", why, "spec")])
    allowed = True
    if "resourceAttributes" in questions:
        attributes = spec["resourceAttributes"]
        verb, group, plural, namespace = (
            attributes.get(name, "") for name in ("verb", "group", "resource", "namespace")
        )
        allowed = access.allows(user, verb, group, plural, namespace)
    return {"kind": _KIND, "apiVersion": _API_VERSION, "metadata": {}, "spec": spec, "status": {"allowed": allowed}}
