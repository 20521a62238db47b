import copy
import datetime as dt
from typing import Any

import pytest

from kubeinformer.controller import get_condition, is_condition_true, set_condition

Json = dict[str, Any]
NOON = dt.datetime(2026, 5, 4, 12, 0, 0, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(minutes=5)


def test_a_new_condition_is_appended() -> None:
    widget: Json = {"metadata": {"generation": 4}}
    assert set_condition(widget, "Ready", status=True, reason="AllUp", message="3 of 3", now=NOON)
    assert widget["status"]["conditions"] == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "AllUp",
            "message": "3 of 3",
            "observedGeneration": 4,
            "lastTransitionTime": "2026-05-04T12:00:00Z",
        }
    ]
    assert is_condition_true(widget, "Ready")


def test_the_time_moves_with_the_status_only() -> None:
    conditions: list[Json] = []
    set_condition(conditions, "Ready", "False", "Starting", "1 of 3", now=NOON)
    assert set_condition(conditions, "Ready", "False", "Waiting", "2 of 3", now=LATER)
    assert conditions[0]["lastTransitionTime"] == "2026-05-04T12:00:00Z"
    assert conditions[0]["reason"] == "Waiting"
    assert set_condition(conditions, "Ready", "Unknown", "Waiting", "2 of 3", now=LATER)
    assert conditions[0]["lastTransitionTime"] == "2026-05-04T12:05:00Z"
    assert len(conditions) == 1


def test_setting_the_same_changes_nothing() -> None:
    widget: Json = {"metadata": {"generation": 4}, "status": {"replicas": 3, "conditions": None}}
    assert set_condition(widget, "Ready", status=True, reason="AllUp", now=NOON)
    assert not set_condition(widget, "Ready", status=True, reason="AllUp", now=LATER)
    assert widget["status"]["replicas"] == 3
    widget["metadata"]["generation"] = 5
    assert set_condition(widget, "Ready", status=True, reason="AllUp", now=LATER)
    assert set_condition(widget, "Ready", status=True, reason="AllUp", observed_generation=9)
    assert widget["status"]["conditions"][0]["observedGeneration"] == 9


def test_other_conditions_and_fields_stay() -> None:
    other = {"type": "Synced", "status": "True"}
    mine = {"type": "Ready", "status": "True", "lastHeartbeatTime": "x"}
    conditions = [other, mine]
    set_condition(conditions, "Ready", status=False, reason="Down", now=NOON)
    assert conditions[0] == {"type": "Synced", "status": "True"}
    assert conditions[1]["lastHeartbeatTime"] == "x"


def test_a_status_that_was_kept_to_compare_with_stays_as_it_was() -> None:
    widget: Json = {"status": {"replicas": 1}}
    set_condition(widget, "Ready", status=True, reason="Up")
    before = widget["status"]
    kept = copy.deepcopy(before)
    widget["status"] = {"replicas": 1, "conditions": before["conditions"]}
    assert set_condition(widget, "Ready", status=False, reason="Down")
    assert before == kept != widget["status"]


@pytest.mark.parametrize("target", [{}, {"status": None}, {"status": {}}, []])
def test_where_there_is_none(target: Any) -> None:
    assert get_condition(target, "Ready") is None
    assert not is_condition_true(target, "Ready")


def test_now_is_the_default() -> None:
    conditions: list[Json] = []
    set_condition(conditions, "example.com/Ready", "Unknown", "a:b,C_1")
    assert conditions[0]["lastTransitionTime"].endswith("Z")
    assert not is_condition_true(conditions, "example.com/Ready")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type_": "not a type"}, "type='not a type' is not one that the server takes"),
        ({"type_": "x" * 317}, "up to 316 characters"),
        ({"status": "true"}, "status='true' must be True, False or 'Unknown'"),
        ({"reason": ""}, "reason='' is not one"),
        ({"reason": "R" * 1025}, "up to 1024 characters"),
        ({"reason": "Two words"}, "reason='Two words' is not one"),
        ({"reason": "Ends-"}, "reason='Ends-'"),
        ({"message": "x" * 32769}, "message= has 32769 characters, more than 32768"),
    ],
)
def test_what_the_server_would_refuse_is_refused(change: Json, message: str) -> None:
    conditions: list[Json] = []
    wanted: Json = {"type_": "Ready", "status": True, "reason": "Up"} | change
    with pytest.raises(ValueError, match=message):
        set_condition(conditions, **wanted)
    assert conditions == []


def test_the_longest_words_that_the_server_takes() -> None:
    conditions: list[Json] = []
    assert set_condition(conditions, "T" * 316, True, "R" * 1024, "m" * 32768)  # noqa: FBT003 - as one would
