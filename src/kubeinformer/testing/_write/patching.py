"""The three patches and the apply: from a content type and a body to what they make of an object.

Rules. Only the content type decides. Strategic merge patches are for built-in resources, because a custom resource has
no merge keys. A client that sends one for a custom resource gets a 415 that names the alternatives.

Source. ``apiserver/pkg/endpoints/handlers/patch.go`` at 1.37; refusals as seen on a real server.
"""

from collections.abc import Callable

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._patches.json_patch import JsonPatchError, json_patch
from kubeinformer.testing._patches.merge_patch import merge_patch
from kubeinformer.testing._patches.strategic import StrategicPatchError, strategic_merge_patch
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._types.traits import shape_of
from kubeinformer.testing._write import refusals
from kubeinformer.testing._write.payload import read_yaml

__all__ = [
    "APPLY",
    "JSON_PATCH",
    "MERGE_PATCH",
    "STRATEGIC",
    "check_patch_type",
    "patcher",
    "read_configuration",
    "read_patch",
]

APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

_ALL = (JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY)


def check_patch_type(type_: ResourceType, content_type: str) -> str:
    """Parse the content type of a PATCH; 415 if the resource does not support such a patch."""
    given = content_type.partition(";")[0].strip()
    if given not in _ALL:
        raise refusals.unknown_patch_type()
    if given == STRATEGIC and type_.custom:
        raise _status.unsupported_media_type(f"{JSON_PATCH}, {MERGE_PATCH}, {APPLY}")
    return given


def read_patch(patch_type: str, body: bytes) -> object:
    """Decode a patch that is not an apply; 400 if the body cannot be a patch."""
    try:
        patch = msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise _status.bad_request("invalid JSON patch") from None
    wanted = list if patch_type == JSON_PATCH else dict
    if not isinstance(patch, wanted):
        what = "[]handlers.jsonPatchOp" if wanted is list else "map[string]interface {}"
        raise _status.bad_request(f"error decoding patch: json: cannot unmarshal into Go value of type {what}")
    return patch


def patcher(type_: ResourceType, patch_type: str, patch: object) -> Callable[[RawObject], RawObject]:
    """Make the function that applies a patch to an object of this type.

    That function raises a `FakeApiError`: 400, 422 or 500.
    """

    def patched(old: RawObject) -> RawObject:
        try:
            if patch_type == JSON_PATCH and isinstance(patch, list):
                new = json_patch(old, patch)
            elif patch_type == STRATEGIC and isinstance(patch, dict):
                new = strategic_merge_patch(old, patch, shape_of(type_))
            else:
                new = merge_patch(old, patch)
        except JsonPatchError:
            raise refusals.patch_failed() from None
        except StrategicPatchError as error:
            raise refusals.patch_without_key(str(error)) from None
        if not isinstance(new, dict) or not (new.get("metadata") or {}).get("name"):
            raise refusals.name_missing(old["metadata"]["name"])
        if new.get("kind") != type_.kind or new.get("apiVersion") != type_.resource.api_version:
            raise refusals.wrong_kind(type_, new)
        return new

    return patched


def read_configuration(type_: ResourceType, body: bytes) -> RawObject:
    """Decode what is applied: YAML, which includes JSON.

    Raises:
        FakeApiError: 400.
    """
    config = read_yaml(body, "error encoding patch")
    if not isinstance(config, dict):
        raise _status.bad_request(
            "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}"
        )
    version, kind = str(config.get("apiVersion") or ""), str(config.get("kind") or "")
    if kind != type_.kind or version != type_.resource.api_version:
        group = version if "/" in version else f"/{version}"
        raise _status.bad_request(f"invalid object type: {group}, Kind={kind}")
    if isinstance(config.get("metadata"), dict) and config["metadata"].get("managedFields") is not None:
        raise _status.bad_request("metadata.managedFields must be nil")
    return config
