import msgspec
import pytest

from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing import FakeApiError
from kubeinformer.testing._read.negotiation import Form
from kubeinformer.testing._read.table import TableRendering, human_duration
from kubeinformer.testing._types.kinds import ResourceType

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86_400, 365 * 86_400
WIDGETS = ResourceType(Resource.parse("example.com/v1/widgets"), "Widget", namespaced=True, custom=True)
OBJECT: RawObject = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "w", "namespace": "n", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"a": 1},
}
BODY = WIDGETS.encode(OBJECT)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE + 59, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 23 * HOUR, "7d23h"),
        (8 * DAY + 23 * HOUR, "8d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR + 3 * DAY, "2y3d"),
        (8 * YEAR + 3 * DAY, "8y"),
    ],
)
def test_the_longer_the_coarser(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


def test_an_object_of_unknown_age_has_none() -> None:
    body = WIDGETS.encode({"metadata": {"name": "w"}})
    rendering = TableRendering(WIDGETS, Form("Table", "meta.k8s.io/v1"), "None")
    assert msgspec.json.decode(rendering.item(body)) == {"cells": ["w", None], "object": None}


def test_only_the_first_table_defines_the_columns() -> None:
    rendering = TableRendering(WIDGETS, Form("Table", "meta.k8s.io/v1"), "Object")
    first, second = (msgspec.json.decode(rendering.object(BODY)) for _ in range(2))
    assert [column["name"] for column in first["columnDefinitions"]] == ["Name", "Age"]
    assert second["columnDefinitions"] is None
    assert second["metadata"] == {"resourceVersion": "7"}
    assert second["rows"][0]["object"] == OBJECT


def test_a_list_that_is_empty_is_a_table() -> None:
    rendering = TableRendering(WIDGETS, Form("Table", "meta.k8s.io/v1beta1"), "")
    head, tail = rendering.list_parts(5, "token", 3, None)
    table = msgspec.json.decode(head + tail)
    assert (table["apiVersion"], table["rows"]) == ("meta.k8s.io/v1beta1", [])
    assert table["metadata"] == {"resourceVersion": "5", "continue": "token", "remainingItemCount": 3}


def test_what_a_row_cannot_include_is_refused() -> None:
    with pytest.raises(FakeApiError, match=r"400 BadRequest.*must be 'Metadata', 'Object', 'None', or empty"):
        TableRendering(WIDGETS, Form("Table", "meta.k8s.io/v1"), "Everything")
