"""CustomResourceDefinitions as manifests: what the server fills in, refuses, and serves because of them.

Rules. Pure: manifests in; manifests, causes and `ResourceType` out. What people get wrong is checked: names, scope,
versions, the storage version, a schema that is missing or not structural. A conversion webhook is refused, because
there is nothing that could call it.

Theory. If all versions have the same schema, the real server moves it to the top level before it is validated. That is
why messages mention ``spec.validation``, although nobody wrote that.

Source. ``apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`` at 1.37; the causes were seen on a
real kube-apiserver.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing._status import Cause
from kubeinformer.testing._types.fields import field
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._types.schema import violations

__all__ = ["completed", "manifest_causes", "resource_types", "update_causes"]

_LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_SCOPES = ("Cluster", "Namespaced")
_REQUIRED = "FieldValueRequired"
_MUST_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    f"and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{_LABEL_1035}')"
)


def completed(manifest: RawObject) -> RawObject:
    """Fill in the names and the conversion that a manifest may leave out."""
    spec = dict(manifest.get("spec") or {})
    names = dict(spec.get("names") or {})
    if names.get("kind"):
        names = {"singular": names["kind"].lower(), "listKind": f"{names['kind']}List"} | {
            name: value for name, value in names.items() if value
        }
    return manifest | {"spec": {"conversion": {"strategy": "None"}} | spec | {"names": names}}


def resource_types(manifest: RawObject) -> list[ResourceType]:
    """The served versions, with the storage version first."""
    spec = manifest["spec"]
    versions = sorted(spec["versions"], key=lambda version: not version.get("storage"))
    return [
        ResourceType(
            Resource(spec["group"], version["name"], spec["names"]["plural"]),
            spec["names"]["kind"],
            spec["scope"] == "Namespaced",
            custom=True,
            singular=spec["names"]["singular"],
            short_names=tuple(spec["names"].get("shortNames") or ()),
            categories=tuple(spec["names"].get("categories") or ()),
            subresources=tuple(name for name in ("status",) if name in (version.get("subresources") or {})),
            fields=tuple(field(each["jsonPath"].removeprefix(".")) for each in version.get("selectableFields") or ()),
            schema=version["schema"]["openAPIV3Schema"],
        )
        for version in versions
        if version.get("served")
    ]


def manifest_causes(manifest: RawObject) -> list[Cause]:
    """Find what is wrong with a manifest that was `completed`."""
    spec, names = manifest["spec"], manifest["spec"]["names"]
    group, plural = spec.get("group") or "", names.get("plural") or ""
    causes = []
    if manifest["metadata"]["name"] != f"{plural}.{group}":
        why = 'must be spec.names.plural+"."+spec.group'
        causes.append(_invalid("metadata.name", manifest["metadata"]["name"], why))
    if not group:
        causes.append(Cause(_REQUIRED, "Required value", "spec.group"))
    elif "." not in group:
        causes.append(_invalid("spec.group", group, "should be a domain with at least one dot"))
    causes += _scope_causes(spec.get("scope") or "")
    versions: Sequence[RawObject] = spec.get("versions") or []
    causes += _version_causes(spec, versions)
    if (strategy := spec["conversion"].get("strategy")) != "None":
        text = f'Unsupported value: "{strategy}": supported values: "None"'
        causes.append(Cause("FieldValueNotSupported", text, "spec.conversion.strategy"))
    for name in ("plural", "singular", "kind", "listKind"):
        value = names.get(name) or ""
        if not value:
            causes.append(Cause(_REQUIRED, "Required value", f"spec.names.{name}"))
        elif not re.fullmatch(_LABEL_1035, value if name in {"plural", "singular"} else value.lower()):
            causes.append(_invalid(f"spec.names.{name}", value, _MUST_1035))
    return causes + _stored_version_causes(versions)


def update_causes(old: RawObject, new: RawObject) -> list[Cause]:
    """Find changes that are not allowed any more once a definition is served."""
    before, after = old["spec"], new["spec"]
    fields = {"spec.group": ("group",), "spec.scope": ("scope",), "spec.names.plural": ("names", "plural")}
    fields["spec.names.kind"] = ("names", "kind")
    values = {field: (_at(before, path), _at(after, path)) for field, path in fields.items()}
    return [_invalid(field, given, "field is immutable") for field, (was, given) in values.items() if was != given]


def _at(spec: RawObject, path: tuple[str, ...]) -> object:
    value: object = spec
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _scope_causes(scope: str) -> Iterator[Cause]:
    if not scope:
        yield Cause(_REQUIRED, "Required value", "spec.scope")
    elif scope not in _SCOPES:
        yield _unsupported("spec.scope", scope, _SCOPES)


def _version_causes(spec: RawObject, versions: Sequence[RawObject]) -> Iterator[Cause]:
    names = [version.get("name") for version in versions]
    if len(set(names)) != len(names):
        yield _invalid("spec.versions", versions, "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        why = "must have exactly one version marked as storage version"
        yield _invalid("spec.versions", spec.get("versions"), why)
    schemas = [(version.get("schema") or {}).get("openAPIV3Schema") for version in versions]
    is_shared = all(schema == schemas[0] for schema in schemas)
    for index, (version, schema) in enumerate(zip(versions, schemas, strict=True)):
        if not re.fullmatch(_LABEL_1035, version.get("name") or ""):
            yield _invalid(f"spec.versions[{index}].name", version.get("name") or "", _MUST_1035)
        field = f"spec.versions[{index}].schema.openAPIV3Schema"
        if not isinstance(schema, dict):
            yield Cause(_REQUIRED, "Required value", field)
        elif not is_shared:
            yield from _root_causes(schema, field)
        elif index == 0:
            yield from _root_causes(schema, "spec.validation.openAPIV3Schema")


def _stored_version_causes(versions: Sequence[RawObject]) -> list[Cause]:
    """Additional causes of the real server, which derives the stored versions from the wrong list."""
    stored = [version.get("name") for version in versions if version.get("storage")]
    if not stored:
        why = "must have at least one stored version"
        return [_invalid("status.storedVersions", None, why)]
    if len(stored) > 1:
        return [_invalid("status.storedVersions", stored[:1], f"must have the storage version {stored[-1]}")]
    return []


def _root_causes(schema: RawObject, field: str) -> Iterator[Cause]:
    if not schema.get("type"):
        yield Cause(_REQUIRED, "Required value: must not be empty at the root", f"{field}.type")
    elif schema["type"] != "object":
        yield _invalid(f"{field}.type", schema["type"], "must be object at the root")
    yield from _schema_causes(schema, field, is_root=True)


def _schema_causes(schema: RawObject, field: str, *, is_root: bool = False) -> Iterator[Cause]:
    """Find what makes a schema not structural."""
    type_ = schema.get("type")
    is_open = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not type_ and not is_open and not is_root:
        yield Cause(_REQUIRED, "Required value: must not be empty for specified object fields", f"{field}.type")
    elif type_ and type_ not in _TYPES:
        yield _unsupported(f"{field}.type", type_, _TYPES)
    elif type_ == "array" and not schema.get("items"):
        yield Cause(_REQUIRED, "Required value: must be specified", f"{field}.items")
    if "default" in schema:
        for cause in violations(schema["default"], schema):
            yield Cause(cause.reason, cause.message, f"{field}.default" + (f".{cause.field}" if cause.field else ""))
    if isinstance(schema.get("items"), dict):
        yield from _schema_causes(schema["items"], f"{field}.items")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _schema_causes(schema["additionalProperties"], f"{field}.additionalProperties")
    for name, below in (schema.get("properties") or {}).items():
        if not (is_root and name in {"metadata", "apiVersion", "kind"}):
            yield from _schema_causes(below, f"{field}.properties[{name}]")


def _invalid(field: str, value: object, why: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {msgspec.json.encode(value).decode()}: {why}", field)


def _unsupported(field: str, value: str, supported: Sequence[str]) -> Cause:
    choices = ", ".join(f'"{choice}"' for choice in supported)
    return Cause("FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {choices}', field)
