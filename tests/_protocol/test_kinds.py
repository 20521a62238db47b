import pytest

from kubeinformer import Resource, WrongKind
from kubeinformer._protocol.identity import Identity
from kubeinformer._protocol.kinds import KindCheck
from kubeinformer._protocol.requests import Collection


def of(kind: str, api_version: str) -> Identity:
    return Identity("a", "default", "uid", "1", kind, api_version)


def check(resource: str = "v1/pods", *, metadata_only: bool = False) -> KindCheck:
    return KindCheck(Collection(resource=Resource.parse(resource), metadata_only=metadata_only))


@pytest.mark.parametrize(
    ("resource", "metadata_only", "kind", "api_version"),
    [
        ("v1/pods", False, "Pod", "v1"),
        ("apps/v1/deployments", False, "Deployment", "apps/v1"),
        ("example.com/v1/widgets", False, "Table", "example.com/v1"),
        ("v1/pods", True, "PartialObjectMetadata", "meta.k8s.io/v1"),
        ("example.com/v1/widgets", True, "PartialObjectMetadata", "meta.k8s.io/v1"),
    ],
)
def test_the_collections_own_kind_passes(resource: str, api_version: str, kind: str, *, metadata_only: bool) -> None:
    kinds = check(resource, metadata_only=metadata_only)
    for _ in range(2):
        kinds.accept(of(kind, api_version))


@pytest.mark.parametrize(
    ("resource", "metadata_only", "kind", "api_version"),
    [
        ("v1/pods", False, "Deployment", "apps/v1"),
        ("apps/v1/deployments", False, "Deployment", "apps/v1beta1"),
        ("v1/pods", False, "Pod", ""),
        ("v1/pods", False, "", "v1"),
        ("v1/pods", False, "PartialObjectMetadata", "meta.k8s.io/v1"),
        # Asked for no content, and content comes: it may be Secrets.
        ("v1/secrets", True, "Secret", "v1"),
    ],
)
def test_what_was_not_asked_for_does_not(resource: str, api_version: str, kind: str, *, metadata_only: bool) -> None:
    with pytest.raises(WrongKind) as caught:
        check(resource, metadata_only=metadata_only).accept(of(kind, api_version), 17)
    assert caught.value.position == 17
    assert caught.value.resource == resource
    assert repr(kind) in caught.value.problem
    assert repr(api_version) in caught.value.problem


def test_all_objects_of_a_snapshot_are_of_one_kind() -> None:
    kinds = check()
    kinds.accept(of("Pod", "v1"))
    for _ in range(2):
        with pytest.raises(WrongKind, match=r"'ConfigMap'.*among objects of kind 'Pod'"):
            kinds.accept(of("ConfigMap", "v1"))
        with pytest.raises(WrongKind, match="of kind 'Pod' and apiVersion 'v2', which should be 'v1'"):
            kinds.accept(of("Pod", "v2"))
    kinds.accept(of("Pod", "v1"))


def test_a_new_snapshot_may_be_of_another_kind() -> None:
    """A CRD that was deleted and made anew."""
    kinds = check("example.com/v1/widgets")
    kinds.accept(of("Widget", "example.com/v1"))
    kinds.begin()
    kinds.accept(of("Gadget", "example.com/v1"))
    with pytest.raises(WrongKind):
        kinds.accept(of("Widget", "example.com/v1"))


def test_a_kind_of_any_length_makes_a_short_message() -> None:
    with pytest.raises(WrongKind) as caught:
        check().accept(of("x" * 10_000, "y" * 10_000))
    assert f"an object of kind '{'x' * 60}' and apiVersion '{'y' * 60}', which should be 'v1'" in str(caught.value)


def test_the_first_object_has_a_kind() -> None:
    with pytest.raises(WrongKind, match="among objects of kind 'unknown'"):
        check().accept(of("", "v1"))
