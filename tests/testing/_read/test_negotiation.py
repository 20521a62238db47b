import pytest

from kubeinformer.testing import FakeApiError
from kubeinformer.testing._read.negotiation import (
    AGGREGATED_DISCOVERY,
    PLAIN,
    Form,
    negotiate,
    negotiate_discovery,
    negotiate_object,
)

TABLE = Form("Table", "meta.k8s.io/v1")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", PLAIN),
        ("application/json", PLAIN),
        ("text/plain,*/*", PLAIN),
        ("application/json;as=Table;g=meta.k8s.io;v=v1", TABLE),
        ("application/json ; v=v1 ; g=meta.k8s.io ; as=Table", TABLE),
        ("*/*,application/json;as=Table;g=meta.k8s.io;v=v1", TABLE),
        ("application/json,*/*;as=Table;g=meta.k8s.io;v=v1", PLAIN),
        ("application/json;q=0.2,application/json;as=Table;g=meta.k8s.io;v=v1;q=0.9", TABLE),
        ("application/json;as=Table;g=meta.k8s.io;v=v1beta1", Form("Table", "meta.k8s.io/v1beta1")),
        ("application/json;as=Other;g=meta.k8s.io;v=v1,application/json", PLAIN),
        ("text/plain,application/*;as=Table;g=meta.k8s.io;v=v1,application/json", PLAIN),
    ],
)
def test_the_best_clause_that_can_be_served_wins(accept: str, form: Form) -> None:
    assert negotiate_object(accept, is_list=True) == form


@pytest.mark.parametrize("accept", ["text/plain", "application/*", ";", ",", "application/json;as=;g=;v="])
def test_nothing_that_can_be_served(accept: str) -> None:
    with pytest.raises(FakeApiError, match="406 NotAcceptable"):
        negotiate(accept)


def test_the_form_of_lists_is_not_that_of_objects() -> None:
    one, many = (
        f"application/json;as=PartialObjectMetadata{kind};g=meta.k8s.io;v=v1,application/json" for kind in ("", "List")
    )
    assert negotiate_object(one, is_list=False).kind == "PartialObjectMetadata"
    assert negotiate_object(many, is_list=True).kind == "PartialObjectMetadataList"
    with pytest.raises(FakeApiError, match="you requested PartialObjectMetadata, but the requested object is a list"):
        negotiate_object(one, is_list=True)
    with pytest.raises(FakeApiError, match="PartialObjectMetadataList, but the requested object is not a list"):
        negotiate_object(many, is_list=False)


def test_discovery_has_a_form_of_its_own() -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert negotiate_discovery(accept) == AGGREGATED_DISCOVERY
    with pytest.raises(FakeApiError, match="406"):
        negotiate_object(accept, is_list=True)
