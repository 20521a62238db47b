"""The body of a request: JSON or YAML, and whether it is the expected object.

Rules. Pure: bytes in, an object or a refusal out. A built-in object may omit its kind and version, a custom one may
not. Neither may have others than those of the URL.

Source. ``apiserver/pkg/endpoints/handlers/negotiation`` and ``create.go`` at 1.37; refusals as seen on a real server.
"""

import msgspec
import yaml  # type: ignore[import-untyped]  # no stubs wanted for two calls

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._write import refusals

__all__ = ["read_body", "read_object", "read_yaml"]

_JSON, _YAML = "application/json", "application/yaml"
_ACCEPTED = f"{_JSON}, {_YAML}"


def read_object(type_: ResourceType, content_type: str, body: bytes) -> RawObject:
    """Decode the object of a POST or a PUT.

    Raises:
        FakeApiError: 400, 415 or 422.
    """
    try:
        obj = read_body(content_type, body)
    except _status.FakeApiError as error:
        if error.code == 415:  # noqa: PLR2004 - HTTP's own number
            raise
        what = f"the object provided is unrecognized (must be of type {type_.kind}): "
        raise _status.bad_request(what + error.status["message"]) from None
    kind, version = obj.get("kind"), obj.get("apiVersion")
    if not type_.custom:
        if kind not in {None, "", type_.kind} or version not in {None, "", type_.resource.api_version}:
            given = f'{kind or type_.kind} in version "{str(version or type_.resource.version).rpartition("/")[2]}"'
            raise _status.bad_request(f"{given} cannot be handled as a {type_.kind}")
        return obj
    for name, value in (("Kind", kind), ("apiVersion", version)):
        if not value:
            what = f"the object provided is unrecognized (must be of type {type_.kind}): Object '{name}' is missing"
            raise _status.bad_request(what)
    if version != type_.resource.api_version:
        raise _status.bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({type_.resource.api_version})"
        )
    if kind != type_.kind:
        raise refusals.wrong_kind(type_, obj)
    return obj


def read_body(content_type: str, body: bytes) -> RawObject:
    """Decode a JSON or YAML object of any kind.

    Raises:
        FakeApiError: 400 or 415.
    """
    match content_type.partition(";")[0].strip():
        case "" | "application/json":
            try:
                obj = msgspec.json.decode(body)
            except msgspec.DecodeError as error:
                raise _status.bad_request(f"couldn't get version/kind; json parse error: {error}") from None
        case "application/yaml":
            obj = read_yaml(body, "couldn't get version/kind; yaml parse error")
        case _:
            raise _status.unsupported_media_type(_ACCEPTED)
    if not isinstance(obj, dict):
        raise _status.bad_request("couldn't get version/kind; json parse error: not an object")
    return obj


def read_yaml(body: bytes, what: str) -> object:
    """Decode YAML, which includes JSON. Timestamps stay strings, as in JSON.

    Raises:
        FakeApiError: 400.
    """
    try:
        return yaml.load(body, Loader=_Loader)  # noqa: S506 - a safe loader with fewer types
    except yaml.YAMLError as error:
        raise _status.bad_request(f"{what}: yaml: {error}") from None


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # the base has no types, as above
    """Only the plain values of JSON: no dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
