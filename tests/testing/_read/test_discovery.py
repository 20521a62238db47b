from kubeinformer.resources import Resource
from kubeinformer.testing._read.discovery import Discovery
from kubeinformer.testing._types.kinds import ResourceType


def widgets(version: str, plural: str = "widgets") -> ResourceType:
    resource = Resource("example.com", version, plural)
    return ResourceType(resource, "Widget", namespaced=False, custom=True, singular="one", subresources=("status",))


def test_versions_are_ordered_by_maturity_and_number() -> None:
    given = ("v1alpha1", "v1beta2", "v10", "other", "v2", "v1beta11", "v1")
    group = Discovery(widgets(version) for version in given).group("example.com")
    assert group is not None
    versions = [version["version"] for version in group["versions"]]
    assert versions == ["v10", "v2", "v1", "v1beta11", "v1beta2", "v1alpha1", "other"]
    assert group["preferredVersion"]["groupVersion"] == "example.com/v10"


def test_resources_stand_in_the_order_of_their_names() -> None:
    listed = Discovery([widgets("v1", "b"), widgets("v1", "a")]).resources("example.com", "v1")
    assert listed is not None
    assert [entry["name"] for entry in listed["resources"]] == ["a", "a/status", "b", "b/status"]
    assert listed["resources"][0]["singularName"] == "one"


def test_what_is_not_served_is_not_there() -> None:
    discovery = Discovery([widgets("v1")])
    assert discovery.group("other") is None
    assert discovery.group("") is None
    assert discovery.resources("example.com", "v2") is None
    assert discovery.resources("", "v1") is None


def test_custom_resources_name_their_group_in_the_one_document() -> None:
    items = Discovery([widgets("v1")]).aggregated(core=False)["items"]
    (entry,) = items[0]["versions"][0]["resources"]
    assert entry["responseKind"] == {"group": "example.com", "version": "v1", "kind": "Widget"}
    assert entry["scope"] == "Cluster"
    assert [sub["subresource"] for sub in entry["subresources"]] == ["status"]
    assert "shortNames" not in entry
