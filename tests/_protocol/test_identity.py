import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from tests._protocol.strategies import RESOURCE, objects, values

from kubeinformer._protocol.identity import Identity, identify, identify_item
from kubeinformer.errors import MalformedData, ProtocolError, WrongKind

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "web-0", "namespace": "default", "uid": "u-1", "resourceVersion": "41", "labels": {"a": "b"}},
    "spec": {"nodeName": "node-7"},
}


def identified(value: Any) -> Identity:
    return identify(RESOURCE, json.dumps(value).encode(), 9)


def with_metadata(**changes: Any) -> dict[str, Any]:
    return {**POD, "metadata": {**POD["metadata"], **changes}}  # type: ignore[dict-item]  # a dict, as POD shows


def test_the_identity_of_an_object() -> None:
    identity = identified(POD)
    assert identity == Identity("web-0", "default", "u-1", "41", "Pod", "v1")
    assert identity.key == "default/web-0"


@pytest.mark.parametrize("absent", ["", None])
def test_null_is_as_good_as_missing(absent: str | None) -> None:
    node = {"metadata": {"name": "node-7", "resourceVersion": "1", "namespace": absent, "uid": absent}, "kind": None}
    assert identified(node) == Identity("node-7", "", "", "1", "", "")
    assert identified(node).key == "node-7"


@pytest.mark.parametrize(
    ("members", "is_told_empty"),
    [
        ({}, False),
        ({"kind": "Pod", "apiVersion": "v1"}, False),
        ({"kind": "Pod"}, False),
        ({"kind": None}, True),
        ({"kind": ""}, True),
        ({"apiVersion": None}, True),
        ({"apiVersion": ""}, True),
        ({"kind": "", "apiVersion": "v1"}, True),
        ({"kind": "Pod", "apiVersion": ""}, True),
    ],
)
def test_an_item_may_tell_its_kind_empty(members: dict[str, Any], *, is_told_empty: bool) -> None:
    item = {"metadata": {"name": "a", "resourceVersion": "1"}, **members}
    found = Identity("a", "", "", "1", members.get("kind") or "", members.get("apiVersion") or "")
    assert identify_item(RESOURCE, json.dumps(item).encode(), 9) == (found, is_told_empty)


@pytest.mark.parametrize("view", [bytes, memoryview, msgspec.Raw])
def test_any_kind_of_bytes_will_do(view: Any) -> None:
    assert identify(RESOURCE, view(json.dumps(POD).encode()), None).name == "web-0"


@given(text=objects())
def test_the_rest_of_an_object_may_be_anything(text: str) -> None:
    identity = identify(RESOURCE, text.encode(), 0)
    metadata = json.loads(text, parse_int=str)["metadata"]
    assert (identity.name, identity.resource_version) == (metadata["name"], metadata["resourceVersion"])


@given(value=values)
def test_any_other_json_gives_a_typed_error(value: str) -> None:
    with pytest.raises(ProtocolError, match="v1/pods at byte 9"):
        identify(RESOURCE, value.encode(), 9)


@pytest.mark.parametrize(
    "value", [{}, {"metadata": None}, {"metadata": {}}, with_metadata(name=None), with_metadata(name="")]
)
def test_an_object_needs_a_name(value: Any) -> None:
    with pytest.raises(WrongKind, match=r"v1/pods at byte 9: object without metadata\.name"):
        identified(value)


@pytest.mark.parametrize("name", [".", "..", "a/b", "../a", "/"])
@pytest.mark.parametrize("field", ["name", "namespace"])
def test_a_name_that_leads_elsewhere_in_a_path_is_refused(field: str, name: str) -> None:
    with pytest.raises(WrongKind, match="v1/pods at byte 9: object whose name or namespace is no segment of a path"):
        identified(with_metadata(**{field: name}))


@pytest.mark.parametrize("name", ["...", ".a", "a..b", "XX..XX"])
def test_dots_within_a_name_are_fine(name: str) -> None:
    assert identified(with_metadata(name=name, namespace=name)).key == f"{name}/{name}"


@pytest.mark.parametrize("version", [None, ""])
def test_an_object_needs_a_version(version: str | None) -> None:
    with pytest.raises(WrongKind, match=r"v1/pods at byte 9: object without metadata\.resourceVersion"):
        identified(with_metadata(resourceVersion=version))


@pytest.mark.parametrize("changes", [{"uid": 5}, {"name": ["web-0"]}, {"resourceVersion": 41}])
def test_metadata_of_other_types_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(
        WrongKind, match=r"v1/pods at byte 9: an object should be here, but Expected .* at `\$\.metadata"
    ):
        identified(with_metadata(**changes))


@pytest.mark.parametrize(
    ("kind", "version"), [("Table", "meta.k8s.io/v1"), ("Table", "meta.k8s.io/v1beta1"), ("Status", "v1")]
)
def test_tables_and_statuses_are_no_objects(kind: str, version: str) -> None:
    with pytest.raises(WrongKind, match=rf"v1/pods at byte 9: kind {kind} \({version}\) came, not v1/pods"):
        identified({**POD, "kind": kind, "apiVersion": version})


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("Table", "dynamodb.services.k8s.aws/v1alpha1"),
        ("Status", "dynamodb.services.k8s.aws/v1alpha1"),
        ("Table", "v1"),
        ("Status", "meta.k8s.io/v1"),
        ("Pod", "meta.k8s.io/v1"),
    ],
)
def test_custom_resources_may_have_these_names(kind: str, version: str) -> None:
    found = identified({**POD, "kind": kind, "apiVersion": version})
    assert (found.kind, found.api_version) == (kind, version)


@pytest.mark.parametrize("where", ['"spec":"\\xff"', '"\\xff":1', '"metadata":{"name":"\\xff"}'])
def test_bytes_that_are_no_utf8_are_refused_wherever_they_are(where: str) -> None:
    bad = where.encode().replace(b"\\xff", b"\xff")
    with pytest.raises(MalformedData, match=r"v1/pods at byte 0: .*not UTF-8"):
        identify(RESOURCE, b'{"metadata":{"name":"a","resourceVersion":"1"},' + bad + b"}", 0)


def test_a_cut_object_is_malformed_wherever_it_is_cut() -> None:
    text = json.dumps(POD).encode()
    for length in range(len(text)):
        with pytest.raises(MalformedData):
            identify(RESOURCE, text[:length], 0)
