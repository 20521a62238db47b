"""What a client gets for its Accept header: whole objects, their metadata, tables, or a 406."""

from collections.abc import Mapping

import pytest
from tests.conformance.client import JSON, Answer, Server
from tests.conformance.objects import PARTIAL, PARTIAL_LIST, TABLE, WATCH_LIST, config_maps, fill, in_namespace

NOPE = "application/json;as=Nope;g=meta.k8s.io;v=v1"


def read(server: Server, path: str, accept: str | None, query: Mapping[str, str] | None = None, **more: str) -> Answer:
    return server.request("GET", path, accept=accept, query=dict(query or {}) | more)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "ConfigMapList"),
        ("", "ConfigMapList"),
        ("*/*", "ConfigMapList"),
        ("text/plain, */*;q=0.1", "ConfigMapList"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "ConfigMapList"),
        ("application/json;charset=utf-8", "ConfigMapList"),
        ("application/json;foo=bar", "ConfigMapList"),
        ("application/json;q=x", "ConfigMapList"),
        ("application/json;q=0", "ConfigMapList"),
        (PARTIAL_LIST, "PartialObjectMetadataList"),
        (f"{PARTIAL_LIST},application/json", "PartialObjectMetadataList"),
        (f"application/json,{PARTIAL_LIST}", "ConfigMapList"),
        (f"application/json;q=0.1, {PARTIAL_LIST};q=0.5", "PartialObjectMetadataList"),
        (f"{PARTIAL_LIST};q=0.1, application/json;q=0.5", "ConfigMapList"),
        (f"*/*,{PARTIAL_LIST}", "PartialObjectMetadataList"),
        (TABLE, "Table"),
        ("*/*;as=Table;g=meta.k8s.io;v=v1", "Table"),
        (f"{TABLE},{PARTIAL_LIST}", "Table"),
        ("application/json; as=Table; g=meta.k8s.io; v=v1 ; q=0.3 , application/json;q=0.2", "Table"),
        ("application/json;as=Table;g=meta.k8s.io;v=v1beta1", "Table"),
        (f"{NOPE},application/json", "ConfigMapList"),
        ("application/json;as=Table;g=meta.k8s.io;v=v9,application/json", "ConfigMapList"),
        ("application/cbor,application/json", "ConfigMapList"),
    ],
)
def test_a_list_in_a_form(server: Server, namespace: str, accept: str | None, kind: str) -> None:
    answer = read(server, config_maps(namespace), accept)
    assert (answer.status, answer.json["kind"]) == (200, kind)
    assert answer.headers["content-type"] == JSON


@pytest.mark.parametrize(
    "accept",
    [
        "text/plain",
        "text/*",
        "application/*",
        "garbage",
        "APPLICATION/JSON",
        "application/cbor",
        NOPE,
        "application/json;v=v1",
        "application/json;as=Table",
        "application/json;as=Table;g=meta.k8s.io;v=v9",
        PARTIAL,
        f"{PARTIAL},application/json",
    ],
)
def test_a_list_in_a_form_that_does_not_exist(server: Server, namespace: str, accept: str) -> None:
    assert read(server, config_maps(namespace), accept).refusal() == (406, "NotAcceptable")


@pytest.mark.parametrize(
    ("accept", "kind"), [(PARTIAL, "PartialObjectMetadata"), (TABLE, "Table"), (JSON, "ConfigMap")]
)
def test_an_object_in_a_form(server: Server, namespace: str, accept: str, kind: str) -> None:
    fill(server, namespace, ["one"])
    path = f"{config_maps(namespace)}/one"
    assert read(server, path, accept).json["kind"] == kind
    assert read(server, path, f"{accept},application/json").json["kind"] == kind


@pytest.mark.parametrize("accept", [PARTIAL_LIST, "text/plain", NOPE])
def test_an_object_in_a_form_that_does_not_exist(server: Server, namespace: str, accept: str) -> None:
    fill(server, namespace, ["one"])
    assert read(server, f"{config_maps(namespace)}/one", accept).refusal() == (406, "NotAcceptable")


def test_a_refusal_has_no_other_form(server: Server, namespace: str) -> None:
    for accept in (PARTIAL, TABLE):
        assert read(server, f"{config_maps(namespace)}/none", accept).refusal() == (404, "NotFound")


def test_a_watch_in_a_form_that_does_not_exist(server: Server, namespace: str) -> None:
    assert read(server, config_maps(namespace), "text/plain", watch="true").refusal() == (406, "NotAcceptable")


# Metadata only


def test_the_metadata_of_an_object(server: Server, namespace: str) -> None:
    (created,) = fill(server, namespace, ["one"], labels={"one": {"a": "b"}})
    partial = read(server, f"{config_maps(namespace)}/one", PARTIAL).json
    assert partial == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": created["metadata"],
    }


def test_the_metadata_of_a_list(server: Server, namespace: str) -> None:
    created = fill(server, namespace, "abc")
    listed = read(server, config_maps(namespace), PARTIAL_LIST, limit="2").json
    assert (listed["kind"], listed["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert listed["metadata"].keys() == {"resourceVersion", "continue", "remainingItemCount"}
    assert [item["metadata"] for item in listed["items"]] == [each["metadata"] for each in created[:2]]
    assert all(item.keys() == {"kind", "apiVersion", "metadata"} for item in listed["items"])
    assert {(item["kind"], item["apiVersion"]) for item in listed["items"]} == {
        ("PartialObjectMetadata", "meta.k8s.io/v1")
    }


def test_the_metadata_of_custom_resources(server: Server, namespace: str) -> None:
    path = in_namespace(server.register_plain("Gizmo", group="rows.example.com"), namespace)
    body = {"apiVersion": "rows.example.com/v1", "kind": "Gizmo", "metadata": {"name": "one"}, "spec": {"a": 1}}
    created = server.ok("POST", path, body)
    listed = read(server, path, PARTIAL_LIST).json
    assert (listed["kind"], listed["metadata"].keys()) == ("PartialObjectMetadataList", {"resourceVersion"})
    assert [item["metadata"] for item in listed["items"]] == [created["metadata"]]


@pytest.mark.parametrize("accept", [PARTIAL, f"{PARTIAL},application/json"])
def test_a_watch_of_metadata(server: Server, namespace: str, accept: str) -> None:
    (created,) = fill(server, namespace, ["one"])
    with server.watch(config_maps(namespace), accept=accept, query=WATCH_LIST) as watch:
        event, bookmark = watch.take(2)
        server.ok("PATCH", f"{config_maps(namespace)}/one", {"data": {"a": "1"}})
        server.ok("DELETE", f"{config_maps(namespace)}/one")
        changes = watch.take(2)
    assert event["object"] == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": created["metadata"],
    }
    assert (bookmark["type"], bookmark["object"]["kind"]) == ("BOOKMARK", "PartialObjectMetadata")
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert [change["type"] for change in changes] == ["MODIFIED", "DELETED"]
    assert all(change["object"].keys() == {"kind", "apiVersion", "metadata"} for change in changes)


def test_a_created_object_is_answered_in_the_form(server: Server, namespace: str) -> None:
    for accept, kind in ((PARTIAL, "PartialObjectMetadata"), (TABLE, "Table")):
        body = {"metadata": {"name": kind.lower()}}
        answer = server.request("POST", config_maps(namespace), accept=accept, body=body)
        assert (answer.status, answer.json["kind"]) == (201, kind)


# Tables


def columns(table: dict[str, list[dict[str, str]]]) -> list[str]:
    return [column["name"] for column in table["columnDefinitions"]]


def test_a_table_of_a_list(server: Server, namespace: str) -> None:
    created = fill(server, namespace, "abc")
    table = read(server, config_maps(namespace), TABLE, limit="2").json
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["metadata"].keys() == {"resourceVersion", "continue", "remainingItemCount"}
    assert (columns(table)[0], columns(table)[-1]) == ("Name", "Age")
    for column in table["columnDefinitions"]:
        assert column.keys() == {"name", "type", "format", "description", "priority"}
    assert table["columnDefinitions"][0]["format"] == "name"
    assert [row["cells"][0] for row in table["rows"]] == ["a", "b"]
    assert {len(row["cells"]) for row in table["rows"]} == {len(columns(table))}
    assert [row["object"] for row in table["rows"]] == [
        {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": each["metadata"]}
        for each in created[:2]
    ]


def test_a_table_of_an_object(server: Server, namespace: str) -> None:
    (created,) = fill(server, namespace, ["one"])
    table = read(server, f"{config_maps(namespace)}/one", TABLE).json
    assert table["metadata"] == {"resourceVersion": created["metadata"]["resourceVersion"]}
    assert [row["cells"][0] for row in table["rows"]] == ["one"]


def test_a_table_of_nothing_has_columns(server: Server, namespace: str) -> None:
    table = read(server, config_maps(namespace), TABLE).json
    assert columns(table)[0] == "Name"
    assert table["rows"] == []


def test_a_table_of_custom_resources(server: Server, namespace: str) -> None:
    path = in_namespace(server.register_plain("Gizmo", group="rows.example.com"), namespace)
    body = {"apiVersion": "rows.example.com/v1", "kind": "Gizmo", "metadata": {"name": "one"}, "spec": {"a": 1}}
    created = server.ok("POST", path, body)
    table = read(server, path, TABLE, includeObject="Object").json
    assert [(column["name"], column["type"]) for column in table["columnDefinitions"]] == [
        ("Name", "string"),
        ("Age", "date"),
    ]
    (row,) = table["rows"]
    assert row["cells"][0] == "one"
    assert isinstance(row["cells"][1], str)
    assert row["object"] == created


@pytest.mark.parametrize("include", ["", "Metadata", "Object", "None"])
def test_a_row_has_the_object_as_asked(server: Server, namespace: str, include: str) -> None:
    (created,) = fill(server, namespace, ["one"])
    for path in (config_maps(namespace), f"{config_maps(namespace)}/one"):
        (row,) = read(server, path, TABLE, includeObject=include).json["rows"]
        if include == "None":
            assert row["object"] is None
        elif include == "Object":
            assert row["object"] == created
        else:
            assert row["object"]["kind"] == "PartialObjectMetadata"


def test_a_row_cannot_have_anything_else(server: Server, namespace: str) -> None:
    fill(server, namespace, ["one"])
    for path in (config_maps(namespace), f"{config_maps(namespace)}/one"):
        assert read(server, path, TABLE, includeObject="other").refusal() == (400, "BadRequest")


def test_the_version_of_the_form_is_that_of_the_rows(server: Server, namespace: str) -> None:
    fill(server, namespace, ["one"])
    table = read(server, config_maps(namespace), TABLE.replace("v=v1", "v=v1beta1")).json
    assert table["apiVersion"] == table["rows"][0]["object"]["apiVersion"] == "meta.k8s.io/v1beta1"


@pytest.mark.parametrize("include", ["", "None"])
def test_a_watch_of_tables_defines_the_columns_once(server: Server, namespace: str, include: str) -> None:
    fill(server, namespace, ["a", "b"])
    with server.watch(config_maps(namespace), accept=TABLE, query=WATCH_LIST, includeObject=include) as watch:
        *initial, bookmark = watch.until("BOOKMARK")
        server.ok("DELETE", f"{config_maps(namespace)}/a")
        (deleted,) = watch.take(1)
    tables = [event["object"] for event in (*initial, bookmark, deleted)]
    assert [event["type"] for event in initial] == ["ADDED", "ADDED"]
    assert {table["kind"] for table in tables} == {"Table"}
    assert columns(tables[0])[0] == "Name"
    assert [table["columnDefinitions"] for table in tables[1:]] == [None] * 3
    assert sorted(table["rows"][0]["cells"][0] for table in tables[:2]) == ["a", "b"]
    assert [(table["rows"][0]["object"] is None) for table in tables] == [include == "None"] * 2 + [
        False,
        include == "None",
    ]
    metadata = bookmark["object"]["rows"][0]["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert bookmark["object"]["metadata"] == {"resourceVersion": metadata["resourceVersion"]}
    assert deleted["object"]["rows"][0]["cells"][0] == "a"
