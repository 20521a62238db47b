"""Scripts as data: what is read, what is refused, and what is drawn."""

import json
from typing import Any

import pytest

from kubeinformer.testing.faults import KINDS, Cut, Deny, Fault, Html, Script, StreamError, TooManyRequests


def test_a_script_is_read_from_data() -> None:
    script = Script.parse(
        [
            {"fault": "cut", "after_bytes": 100, "on": "watch", "times": 2},
            {"fault": "deny", "on": ["list", "watch"], "for_seconds": 5, "times": None},
        ]
    )
    assert script == Script(
        [Cut(after_bytes=100, on="watch", times=2), Deny(on=("list", "watch"), for_seconds=5, times=None)]
    )
    assert script.seed == 0


@pytest.mark.parametrize(
    "text",
    [
        '{"seed": 7, "faults": [{"fault": "too_many_requests", "retry_after": 3}]}',
        b'{"seed": 7, "faults": [{"fault": "too_many_requests", "retry_after": 3}]}',
        "seed: 7\nfaults:\n- fault: too_many_requests\n  retry_after: 3\n",
    ],
)
def test_a_script_is_read_from_text(text: str | bytes) -> None:
    assert Script.parse(text) == Script([TooManyRequests(retry_after=3)], seed=7)


def test_the_word_on_is_a_field_in_yaml_too() -> None:
    """YAML 1.1 reads it as true."""
    assert Script.parse("- {fault: too_many_requests, on: list}") == Script([TooManyRequests(on="list")])


def test_the_seed_of_the_data_comes_first() -> None:
    assert Script.parse([], seed=3).seed == 3
    assert Script.parse({"seed": 4}, seed=3).seed == 4


def test_a_status_stays_as_it_is() -> None:
    status = {"code": 410, "details": {"causes": [{"reason": "x"}]}}
    script = Script([StreamError(status=status, after_events=1)])
    assert Script.parse(json.dumps(script.as_data())) == script


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([{"fault": "cutt"}], ["unknown fault 'cutt'", "cut, deny, drip"]),
        ([{"after_bytes": 1}], ["unknown fault None", "cut, deny, drip"]),
        ([{"fault": ["cut"]}], ["unknown fault ('cut',)"]),
        ([{"fault": "cut", "after_byte": 1}], ["unknown field 'after_byte' of fault 'cut'", "after_bytes"]),
        ([{"fault": "cut", "after_bytes": -3}], ["fault 'cut': after_bytes", "at least 1", "got -3", "after_events"]),
        ([{"fault": "cut", "after_bytes": 0}], ["fault 'cut': after_bytes", "at least 1", "got 0"]),
        ([{"fault": "cut", "after_bytes": "9"}], ["fault 'cut': after_bytes", "got '9'"]),
        ([{"fault": "cut", "after_bytes": True}], ["fault 'cut': after_bytes", "got True"]),
        ([{"fault": "cut", "after_bytes": 1, "after_events": 1}], ["after_events must be left out beside after_bytes"]),
        ([{"fault": "cut", "before_head": True, "inside": "member"}], ["inside must be left out beside before_head"]),
        ([{"fault": "cut", "how": "gently"}], ["how must be one of 'reset', 'close'", "got 'gently'"]),
        ([{"fault": "cut", "times": 0}], ["times", "at least 1, or None", "got 0"]),
        ([{"fault": "cut", "nth": None}], ["nth", "at least 1", "got None"]),
        ([{"fault": "cut", "probability": 0}], ["probability", "at most 1", "got 0"]),
        ([{"fault": "cut", "probability": 1.01}], ["probability", "at most 1", "got 1.01"]),
        ([{"fault": "cut", "for_seconds": -1}], ["for_seconds", "greater than 0", "got -1"]),
        ([{"fault": "cut", "on": "wach"}], ["fault 'cut': on must be of", "watch-list", "got 'wach'"]),
        ([{"fault": "cut", "on": []}], ["fault 'cut': on must be of"]),
        ([{"fault": "expire_page", "on": "watch"}], ["fault 'expire_page': on must be of list"]),
        ([{"fault": "expire_page", "page": 1}], ["page must be a whole number of at least 2"]),
        ([{"fault": "cut", "resource": "pods"}], ["resource must be such as 'v1/pods'", "got 'pods'"]),
        ([{"fault": "cut", "resource": 5}], ["resource must be such as 'v1/pods'", "got 5"]),
        ([{"fault": "server_error", "code": 404}], ["code must be a whole number from 500 to 599", "got 404"]),
        ([{"fault": "html", "code": 201}], ["code must be one of 200, 502, 503, 504", "got 201"]),
        ([{"fault": "stall", "seconds": 0}], ["seconds must be a number of seconds greater than 0"]),
        ([{"fault": "stream_error", "status": "no"}], ["status must be an object"]),
        ([{"fault": "stream_error", "reason": 1}], ["reason must be a string"]),
        ([{"fault": "refuse_connections", "drop": 1}], ["drop must be true or false"]),
        ({"fault": "cut"}, ["unknown field 'fault' of a script", "faults, seed"]),
        ({"seed": "x"}, ["seed must be a whole number"]),
        (["cut"], ["fault 0 of the script must be an object"]),
        ("cut", ["a script is a list of objects"]),
        ("7", ["a script is a list of objects"]),
        ("a: [", ["must be JSON or YAML", "line 1"]),
        (b"\x80", ["must be JSON or YAML"]),
    ],
)
def test_bad_data_is_refused_in_words(data: Any, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Script.parse(data)
    for word in words:
        assert word in str(caught.value)


def test_faults_are_checked_however_they_are_made() -> None:
    with pytest.raises(ValueError, match="fault 'cut': after_events must be a whole number of at least 1"):
        Cut(after_events=-1)
    with pytest.raises(ValueError, match="fault 'html': code must be one of"):
        Html(code=201)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a script's faults are"):
        Script(["cut"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="a script's faults are"):
        Script([Fault()])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_be_made_with_nothing_said(kind: str) -> None:
    script = Script.parse([{"fault": kind}])
    assert script.faults == (KINDS[kind](),)
    assert script.as_data() == {"seed": 0, "faults": [{"fault": kind}]}


@pytest.mark.parametrize("kind", [*sorted(KINDS), None])
def test_what_is_drawn_is_a_function_of_the_seed_and_can_be_read_again(kind: str | None) -> None:
    kinds = [kind] if kind else None
    drawn = [Script.random(seed, kinds) for seed in range(100)]
    assert drawn == [Script.random(seed, kinds) for seed in range(100)]
    assert [Script.parse(json.dumps(script.as_data())) for script in drawn] == drawn
    assert {fault.kind for script in drawn for fault in script.faults} == set(kinds or KINDS)
    assert {len(script.faults) for script in drawn} == {3}


@pytest.mark.parametrize(
    ("options", "words"), [({"kinds": ["x"]}, "'x'"), ({"kinds": []}, "kinds"), ({"count": 0}, "count")]
)
def test_what_cannot_be_drawn(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Script.random(1, **options)
