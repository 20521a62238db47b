"""Strategic merge patches by their laws; what each directive does is in the conformance rows."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeinformer.resources import RawObject
from kubeinformer.testing._patches.merge_patch import merge_patch
from kubeinformer.testing._patches.strategic import StrategicPatchError, strategic_merge_patch
from kubeinformer.testing._types.shapes import BuiltInShape

POD = BuiltInShape("Pod")
names = st.sampled_from("abcd")
values = st.sampled_from(["1", "2"])
containers = st.lists(
    st.builds(lambda name, image: {"name": name, "image": image}, names, values),
    max_size=4,
    unique_by=lambda container: container["name"],
)
pods = st.builds(
    lambda found, finalizers: {"metadata": {"finalizers": finalizers}, "spec": {"containers": found}},
    containers,
    st.lists(names, max_size=3, unique=True),
)


def patched(target: RawObject, patch: RawObject) -> RawObject:
    return strategic_merge_patch(target, patch, POD)


def listed(pod: RawObject) -> list[str]:
    return [each["name"] for each in pod["spec"]["containers"]]


@given(pod=pods, patch=pods)
def test_merging_is_idempotent_and_loses_nothing(pod: RawObject, patch: RawObject) -> None:
    kept = copy.deepcopy((pod, patch))
    once = patched(pod, patch)
    assert patched(once, patch) == once
    assert set(listed(once)) == set(listed(pod)) | set(listed(patch))
    assert set(once["metadata"]["finalizers"]) == {*pod["metadata"]["finalizers"], *patch["metadata"]["finalizers"]}
    assert (pod, patch) == kept


@given(pod=pods, patch=pods)
def test_what_is_patched_keeps_the_patchs_order_and_the_rest_its_own(pod: RawObject, patch: RawObject) -> None:
    result, old, new = listed(patched(pod, patch)), listed(pod), listed(patch)
    assert [name for name in result if name in new] == new
    assert [name for name in result if name not in new] == [name for name in old if name not in new]


@given(pod=pods, order=st.permutations("abcd"))
def test_an_order_is_obeyed(pod: RawObject, order: list[str]) -> None:
    patch = {"spec": {"$setElementOrder/containers": [{"name": name} for name in order]}}
    assert listed(patched(pod, patch)) == [name for name in order if name in listed(pod)]


@given(pod=pods, names=st.sets(names))
def test_deletion_takes_what_it_names(pod: RawObject, names: set[str]) -> None:
    gone = [{"name": name, "$patch": "delete"} for name in sorted(names)]
    patch = {"spec": {"containers": gone}, "metadata": {"$deleteFromPrimitiveList/finalizers": sorted(names)}}
    result = patched(pod, patch)
    assert listed(result) == [name for name in listed(pod) if name not in names]
    assert result["metadata"]["finalizers"] == [each for each in pod["metadata"]["finalizers"] if each not in names]


maps = st.recursive(
    st.dictionaries(names, values | st.none(), max_size=3),
    lambda inner: st.dictionaries(names, inner | values, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60)
@given(target=maps, patch=maps)
def test_without_lists_it_is_a_merge_patch(target: RawObject, patch: RawObject) -> None:
    assert patched(target, patch) == merge_patch(target, patch)


@pytest.mark.parametrize(
    ("kind", "path", "key"),
    [
        ("Pod", "spec.containers", "name"),
        ("Pod", "spec.initContainers", "name"),
        ("Pod", "spec.ephemeralContainers", "name"),
        ("Pod", "spec.volumes", "name"),
        ("Pod", "spec.imagePullSecrets", "name"),
        ("Pod", "spec.hostAliases", "ip"),
        ("Pod", "spec.topologySpreadConstraints", "topologyKey"),
        ("Pod", "spec.containers.env", "name"),
        ("Pod", "spec.containers.ports", "containerPort"),
        ("Deployment", "spec.template.spec.containers.volumeMounts", "mountPath"),
        ("Deployment", "spec.template.spec.containers.volumeDevices", "devicePath"),
        ("Service", "spec.ports", "port"),
        ("Node", "status.addresses", "type"),
        ("Node", "status.conditions", "type"),
        ("Pod", "metadata.ownerReferences", "uid"),
        ("Pod", "metadata.finalizers", ""),
        ("ServiceAccount", "secrets", "name"),
        ("Pod", "spec.tolerations", None),
        ("Pod", "spec.containers.args", None),
        ("Pod", "spec.containers.envFrom", None),
        ("EndpointSlice", "ports", None),
        ("Role", "rules", None),
        ("Ingress", "spec.rules", None),
    ],
)
def test_how_lists_merge(kind: str, path: str, key: str | None) -> None:
    shape: Any = BuiltInShape(kind)
    for name in path.split("."):
        shape = shape.field(name)
    assert shape.merge_key == key


def test_an_item_without_its_key() -> None:
    with pytest.raises(StrategicPatchError, match="does not contain declared merge key: name"):
        patched({"spec": {"containers": [{"name": "a"}]}}, {"spec": {"containers": [{"image": "1"}]}})
