import datetime as dt
from typing import Any

import pytest

from kubeinformer.controller._recording.event_bodies import event_body, is_reporter, renamed

NOON = dt.datetime(2026, 5, 4, 12, 0, 0, tzinfo=dt.UTC)
Json = dict[str, Any]


def body(regarding: Json, **change: Any) -> Json:
    facts: Json = {"type_": "Normal", "reason": "Scaled", "note": "to 3", "action": "Scale", "related": None} | change
    return event_body(regarding, moment=NOON, **facts)


def obj(name: str = "web", **metadata: str) -> Json:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name} | metadata, "spec": {"secret": 1}}


def test_an_event_refers_to_its_object_and_holds_nothing_of_it() -> None:
    event = body(obj(namespace="shop", uid="u1", resourceVersion="7"), related=obj("other"))
    assert event["metadata"].pop("name").startswith("web.")
    assert event == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": "shop"},
        "eventTime": "2026-05-04T12:00:00.000000Z",
        "regarding": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "namespace": "shop",
            "name": "web",
            "uid": "u1",
            "resourceVersion": "7",
        },
        "related": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"},
        "type": "Normal",
        "reason": "Scaled",
        "action": "Scale",
        "note": "to 3",
    }


def test_what_has_no_namespace_has_its_events_in_the_default_one() -> None:
    event = body(obj())
    assert event["metadata"]["namespace"] == "default"
    assert "namespace" not in event["regarding"]
    assert "related" not in event


def test_the_action_is_the_reason_by_default() -> None:
    assert body(obj(), action="")["action"] == "Scaled"


def test_what_is_too_long_is_cut() -> None:
    event = body(obj("x" * 253), reason="r" * 200, action="a" * 200, note="é" * 600)
    assert (len(event["reason"]), len(event["action"])) == (128, 128)
    assert event["note"] == "é" * 512
    words = body(obj(), reason="é" * 65, action="a" + "é" * 64)
    assert (words["reason"], words["action"]) == ("é" * 64, "a" + "é" * 63), "the server counts bytes"
    assert body(obj(), note="a" + "é" * 600)["note"] == "a" + "é" * 511, "not in the middle of a letter"
    assert len(event["metadata"]["name"]) == 253


def test_names_are_unique_and_such_as_the_server_takes() -> None:
    assert body(obj())["metadata"]["name"] != body(obj())["metadata"]["name"]
    assert ":" not in body(obj("system:node"))["metadata"]["name"]
    for odd in ("a..b", "a.-b", "a-.b", "A"):
        assert odd not in body(obj(odd))["metadata"]["name"]
    for cut_at in "-.":
        assert "a" * 235 + "." in body(obj("a" * 235 + cut_at + "b" * 17))["metadata"]["name"]
    event = body(obj(namespace="shop"))
    again = renamed(event)
    assert again["metadata"]["name"] != event["metadata"]["name"]
    assert again["metadata"]["namespace"] == "shop"


@pytest.mark.parametrize(
    ("regarding", "change", "message"),
    [
        ({}, {}, "an event is about an object with kind and name"),
        (obj(""), {}, "an event is about an object with kind and name"),
        (obj(), {"related": {"kind": "Pod"}}, "an event is about an object with kind and name"),
        (obj(namespace="a/../b"), {}, "not a namespace: 'a/../b'"),
        (obj(), {"type_": "Error"}, "type_='Error' must be 'Normal' or 'Warning'"),
        (obj(), {"reason": ""}, "an event needs a reason"),
    ],
)
def test_what_is_no_event(regarding: Json, change: Json, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        body(regarding, **change)


def test_who_may_report() -> None:
    domain = ".".join(["a" * 62, "b" * 62])
    assert is_reporter(f"{domain}/x2")
    assert not is_reporter(f"{domain}/x22"), "129 characters"
    assert is_reporter("X_y.z-1")
    assert not is_reporter("example.com/x/y")
