import pytest

from kubeinformer._protocol.selectors import FieldSelector
from kubeinformer.testing import FakeApiError, FakeApiServer
from kubeinformer.testing._types.fields import Field, FieldConditions, field

KNOWN = {
    each.label: each
    for each in (
        field("spec.on", absent="false"),
        field("status.count", absent="0"),
        field("kind", "other.kind"),
        Field("never", ()),
    )
}


@pytest.mark.parametrize(
    ("selector", "obj"),
    [
        ("spec.on=true", {"spec": {"on": True}}),
        ("spec.on=false", {"spec": {"on": False}}),
        ("spec.on=false", {}),
        ("spec.on!=true", {"spec": None}),
        ("status.count=3", {"status": {"count": 3}}),
        ("status.count=0", {"status": "none"}),
        ("kind=a", {"kind": "a", "other": {"kind": "b"}}),
        ("kind=b", {"kind": "", "other": {"kind": "b"}}),
        ("kind=", {}),
        ("never=", {"never": "x"}),
    ],
)
def test_a_value_that_is_not_there_is_that_of_its_type(selector: str, obj: dict[str, object]) -> None:
    assert FieldConditions(FieldSelector.parse(selector), KNOWN, is_closed=False).matches(obj)
    opposite = selector.replace("!=", "=") if "!=" in selector else selector.replace("=", "!=")
    assert not FieldConditions(FieldSelector.parse(opposite), KNOWN, is_closed=False).matches(obj)


def test_an_unknown_field_is_refused_in_one_of_two_ways() -> None:
    with pytest.raises(FakeApiError, match=r"400 BadRequest: field label not supported: spec\.off"):
        FieldConditions(FieldSelector.parse("spec.on=true,spec.off=true"), KNOWN, is_closed=False)
    with pytest.raises(FakeApiError, match=r'"spec\.off" is not a known field selector: only "spec\.on", "status'):
        FieldConditions(FieldSelector.parse("spec.off=true"), KNOWN, is_closed=True)


def test_in_process_lists_know_the_same_fields() -> None:
    server = FakeApiServer()
    server.create("v1/pods", {"metadata": {"name": "a"}, "spec": {"hostNetwork": True}})
    server.create("v1/pods", {"metadata": {"name": "b"}, "spec": {}})
    (pod,) = server.list("v1/pods", field_selector="spec.hostNetwork=false")
    assert pod["metadata"]["name"] == "b"
    with pytest.raises(FakeApiError, match="field label not supported"):
        server.list("v1/pods", field_selector="spec.other=1")
