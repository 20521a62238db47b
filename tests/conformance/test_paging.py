"""Lists in pages: ``limit`` and ``continue``."""

import base64
import json
from collections.abc import Mapping

import pytest
from tests.conformance.client import Json, Server
from tests.conformance.objects import config_maps, fill, names


def pages(server: Server, path: str, query: Mapping[str, str]) -> list[Json]:
    """Every page of a list."""
    found = [server.ok("GET", path, query=query)]
    while token := found[-1]["metadata"].get("continue"):
        found.append(server.ok("GET", path, continue_=token, query=query))
    return found


def test_pages_are_one_list(server: Server, namespace: str) -> None:
    fill(server, namespace, "abcde")
    found = pages(server, config_maps(namespace), {"limit": "2"})
    assert [names(page) for page in found] == [["a", "b"], ["c", "d"], ["e"]]
    assert len({page["metadata"]["resourceVersion"] for page in found}) == 1
    assert [page["metadata"].get("remainingItemCount") for page in found] == [3, 1, None]
    assert found[-1]["metadata"].keys() == {"resourceVersion"}


def test_pages_are_of_the_version_of_the_first(server: Server, namespace: str) -> None:
    fill(server, namespace, "bcdf")
    path = config_maps(namespace)
    first = server.ok("GET", path, limit="2")
    server.ok("DELETE", f"{path}/d")
    server.ok("PATCH", f"{path}/f", {"data": {"changed": "yes"}})
    fill(server, namespace, "aeg")
    second = server.ok("GET", path, limit="9", continue_=first["metadata"]["continue"])
    assert names(second) == ["d", "f"]
    assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}
    assert not second["items"][1].get("data")


def test_a_page_that_is_just_full_is_the_last(server: Server, namespace: str) -> None:
    fill(server, namespace, "ab")
    assert server.ok("GET", config_maps(namespace), limit="2")["metadata"].keys() == {"resourceVersion"}


@pytest.mark.parametrize("limit", ["0", "-1", "1000"])
def test_limits_that_limit_nothing(server: Server, namespace: str, limit: str) -> None:
    fill(server, namespace, "abc")
    listed = server.ok("GET", config_maps(namespace), limit=limit)
    assert names(listed) == ["a", "b", "c"]
    assert "continue" not in listed["metadata"]


@pytest.mark.parametrize("limit", ["", "x", "1.5"])
def test_limits_that_are_no_numbers(server: Server, namespace: str, limit: str) -> None:
    assert server.get(config_maps(namespace), limit=limit).refusal() == (400, "BadRequest")


@pytest.mark.parametrize("selector", [{"labelSelector": "!none"}, {"fieldSelector": "metadata.name!=zz"}])
def test_with_a_selector_nobody_counts_what_remains(server: Server, namespace: str, selector: dict[str, str]) -> None:
    fill(server, namespace, "abc")
    found = pages(server, config_maps(namespace), {"limit": "2"} | selector)
    assert [names(page) for page in found] == [["a", "b"], ["c"]]
    assert found[0]["metadata"].keys() == {"resourceVersion", "continue"}


def test_pages_of_what_is_selected_are_full(server: Server, namespace: str) -> None:
    fill(server, namespace, "abcdef", labels={name: {"take": "yes"} for name in "acef"})
    found = pages(server, config_maps(namespace), {"limit": "3", "labelSelector": "take"})
    assert [names(page) for page in found] == [["a", "c", "e"], ["f"]]


def test_a_single_name_is_no_page(server: Server, namespace: str) -> None:
    fill(server, namespace, "abc")
    listed = server.ok("GET", config_maps(namespace), limit="1", fieldSelector="metadata.name=b")
    assert names(listed) == ["b"]
    assert "continue" not in listed["metadata"]


def test_the_selector_may_change_between_pages(server: Server, namespace: str) -> None:
    fill(server, namespace, "abc", labels={"c": {"take": "yes"}})
    path = config_maps(namespace)
    token = server.ok("GET", path, limit="1")["metadata"]["continue"]
    assert names(server.ok("GET", path, continue_=token, labelSelector="take")) == ["c"]


def test_pages_over_all_namespaces(server: Server) -> None:
    spaces = sorted(server.create_namespace() for _ in range(2))
    for space in spaces:
        fill(server, space, "ab")
    found = pages(server, "/api/v1/configmaps", {"limit": "3"})
    keys = [(item["metadata"]["namespace"], item["metadata"]["name"]) for page in found for item in page["items"]]
    assert keys == sorted(set(keys))
    assert {(space, name) for space in spaces for name in "ab"} <= set(keys)


@pytest.mark.parametrize("token", ["garbage", "!!!", "e30"])
def test_a_token_that_cannot_be_read(server: Server, namespace: str, token: str) -> None:
    assert server.get(config_maps(namespace), limit="2", continue_=token).refusal() == (400, "BadRequest")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"v": "other"}, (400, "BadRequest")),
        ({"v": ""}, (400, "BadRequest")),
        ({"rv": 0}, (400, "BadRequest")),
        ({"rv": "x"}, (400, "BadRequest")),
        ({"rv": 99_999_999}, (504, "Timeout")),
    ],
)
def test_a_token_that_was_changed(
    server: Server, namespace: str, change: dict[str, object], refusal: tuple[int, str]
) -> None:
    fill(server, namespace, "abc")
    token = server.ok("GET", config_maps(namespace), limit="1")["metadata"]["continue"]
    content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    changed = base64.urlsafe_b64encode(json.dumps(content | change).encode()).decode().rstrip("=")
    assert server.get(config_maps(namespace), limit="2", continue_=changed).refusal() == refusal


def test_an_empty_token_is_none(server: Server, namespace: str) -> None:
    fill(server, namespace, "abc")
    assert names(server.ok("GET", config_maps(namespace), limit="2", continue_="")) == ["a", "b"]


def test_a_token_goes_with_no_version_but_0(server: Server, namespace: str) -> None:
    fill(server, namespace, "abc")
    path = config_maps(namespace)
    first = server.ok("GET", path, limit="1")["metadata"]
    token, version = first["continue"], first["resourceVersion"]
    assert names(server.ok("GET", path, continue_=token, resourceVersion="0", limit="1")) == ["b", "c"]
    assert server.get(path, continue_=token, resourceVersion=version).refusal() == (400, "BadRequest")
    answer = server.get(path, continue_=token, resourceVersion=version, resourceVersionMatch="Exact")
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == [("FieldValueForbidden", "resourceVersionMatch")]
