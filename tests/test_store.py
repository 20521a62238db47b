"""The read side, with every kind of ``retain=``: private copies, selections, indexes, iteration while it changes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tests._runtime.scripted import (
    HANG,
    QUICK,
    Answer,
    FedTransport,
    ScriptedTransport,
    added,
    deleted,
    end,
    event,
    modified,
    pod,
)

from kubeinformer import Informer, ModelMismatch, RawObject, Store, UsageError, connect

pytestmark = pytest.mark.anyio

RETAINED = ("compressed", "bytes", "objects", "metadata", "keys")


def labelled(name: str, version: int, labels: dict[str, str] | None, namespace: str = "default") -> bytes:
    obj = pod(name, version, spec={"nodeName": f"node-{version % 2}"})
    obj["metadata"] |= {"labels": labels, "namespace": namespace}
    return event("ADDED", obj)


POPULATION = (
    labelled("a", 1, {"app": "web", "tier": "front"})
    + labelled("b", 2, {"app": "web"})
    + labelled("c", 3, {"app": "db"}, namespace="shop")
    + labelled("d", 4, None, namespace="shopping")
    + end(10)
)


def by_node(obj: RawObject) -> list[str]:
    return [obj["spec"]["nodeName"]]


@asynccontextmanager
async def stocked(*script: bytes, **options: Any) -> AsyncGenerator[Informer[Any]]:
    """An informer that has seen this."""
    transport = ScriptedTransport(Answer([*script, HANG]))
    async with connect(transport=transport, timing=QUICK) as cluster:
        informer = cluster.informer("v1/pods", **options)
        await transport.idle()
        yield informer


def names(objects: Any) -> list[str]:
    return [obj["metadata"]["name"] for obj in objects]


class TestRetain:
    @pytest.mark.parametrize("retain", RETAINED)
    async def test_what_is_kept(self, retain: str) -> None:
        whole = pod("a", 5, spec={"nodeName": "n"}, status={"phase": "Running"})
        whole["metadata"]["labels"] = {"app": "web"}
        async with stocked(event("ADDED", whole) + end(10), retain=retain) as pods:
            kept = pods.store.get("default/a")
        metadata = whole["metadata"]
        match retain:
            case "metadata":
                expected = {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}
            case "keys":
                expected = {"kind": "Pod", "apiVersion": "v1", "metadata": {**metadata}}
                del expected["metadata"]["labels"]
            case _:
                expected = whole
        assert kept == expected

    @pytest.mark.parametrize("retain", RETAINED)
    async def test_indexes_see_the_whole_object_whatever_is_kept(self, retain: str) -> None:
        async with stocked(POPULATION, retain=retain, indexers={"node": by_node}) as pods:
            assert names(pods.store.by_index("node", "node-1")) == ["a", "c"]

    @pytest.mark.parametrize("retain", RETAINED)
    async def test_raw_and_metadata_agree_with_get(self, retain: str) -> None:
        async with stocked(POPULATION, retain=retain) as pods:
            for key in pods.store:
                obj, raw = pods.store.get(key), pods.store.raw(key)
                assert obj is not None
                assert raw is not None
                assert msgspec.json.decode(raw) == obj
                assert pods.store.metadata(key) == obj["metadata"]

    @pytest.mark.parametrize("retain", ["compressed", "bytes"])
    async def test_raw_is_what_the_server_sent(self, retain: str) -> None:
        body = (
            b'{"metadata": {"name":"a", "resourceVersion":"5", "x":1e400}, "kind": "Pod", "apiVersion": "v1",'
            b' "z" : 123456789012345678901234567890 }'
        )
        line = b'{"type":"ADDED","object":' + body + b"}\n"
        async with stocked(line + end(10), retain=retain) as pods:
            assert pods.store.raw("a") == body
            obj = pods.store.get("a")
            assert obj is not None
            assert obj["z"] == 123456789012345678901234567890

    @pytest.mark.parametrize("retain", RETAINED)
    async def test_stored_bytes_follow_what_is_kept(self, retain: str) -> None:
        script = POPULATION + modified("a", 11, note="x" * 100) + deleted("b", 12)
        async with stocked(script, retain=retain) as pods:
            sizes = [len(e.body) for e in pods._cache.entries.values() if isinstance(e.body, bytes)]
            assert pods.statistics().stored_bytes == sum(sizes)
            assert bool(sum(sizes)) == (retain not in {"objects", "keys"})


class TestReading:
    @pytest.mark.parametrize("retain", [name for name in RETAINED if name != "objects"])
    async def test_copies_are_private(self, retain: str) -> None:
        async with stocked(POPULATION, retain=retain, indexers={"node": by_node}) as pods:
            store: Store[RawObject] = pods.store
            before = store.get("default/a")
            for obj in (store.get("default/a"), next(store.values()), next(store.items())[1], next(store.list())):
                assert obj is not None
                obj["metadata"]["name"] = "changed"
            next(store.by_index("node", "node-1"))["metadata"].clear()
            assert store.get("default/a") == before
            metadata = store.metadata("default/a")
            assert metadata is not None
            metadata.clear()
            assert store.metadata("default/a")

    async def test_objects_are_shared_where_that_was_asked_for(self) -> None:
        async with stocked(POPULATION, retain="objects") as pods:
            assert pods.store.get("default/a") is pods.store.get("default/a")

    async def test_what_is_not_there(self) -> None:
        async with stocked(POPULATION) as pods:
            for key in ("default/nope", "a", "", "default/"):
                assert pods.store.get(key) is None
                assert pods.store.raw(key) is None
                assert pods.store.metadata(key) is None
                assert key not in pods.store
            assert 7 not in pods.store

    async def test_keys_values_items_agree(self) -> None:
        async with stocked(POPULATION) as pods:
            store = pods.store
            assert list(store) == list(store.keys()) == ["default/a", "default/b", "shop/c", "shopping/d"]
            assert names(store.values()) == ["a", "b", "c", "d"]
            assert list(store.items()) == list(zip(store.keys(), store.values(), strict=True))
            assert len(store) == 4
            assert "shop/c" in store
            assert store.resource_version == "10"

    async def test_before_the_first_snapshot(self) -> None:
        async with stocked(added("a", 5)) as pods:
            assert pods.store.resource_version is None
            assert names(pods.store.values()) == ["a"]


class TestList:
    @pytest.mark.parametrize("retain", ["compressed", "bytes", "objects", "metadata"])
    @pytest.mark.parametrize(
        ("selection", "expected"),
        [
            ({}, "abcd"),
            ({"namespace": "default"}, "ab"),
            ({"namespace": "shop"}, "c"),  # and not "shopping"
            ({"namespace": "none"}, ""),
            ({"label_selector": ""}, "abcd"),
            ({"label_selector": "app=web"}, "ab"),
            ({"label_selector": "app==web,tier"}, "a"),
            ({"label_selector": "app in (db, web),!tier"}, "bc"),
            ({"label_selector": "app!=web"}, "cd"),
            ({"label_selector": "app notin (web)"}, "cd"),
            ({"namespace": "default", "label_selector": "tier=front"}, "a"),
        ],
    )
    async def test_selections(self, retain: str, selection: dict[str, str], expected: str) -> None:
        async with stocked(POPULATION, retain=retain) as pods:
            assert names(pods.store.list(**selection)) == list(expected)

    async def test_a_selector_that_is_none_is_refused_at_the_call(self) -> None:
        async with stocked(POPULATION) as pods:
            with pytest.raises(ValueError, match="app in"):
                pods.store.list(label_selector="app in (")

    async def test_labels_that_are_not_kept_are_no_answer(self) -> None:
        async with stocked(POPULATION, retain="keys") as pods:
            assert names(pods.store.list("default")) == ["a", "b"]
            with pytest.raises(UsageError, match=r'retain="keys" keeps none'):
                pods.store.list(label_selector="app!=web")

    async def test_what_cannot_match_is_not_decoded(self) -> None:
        decoded: list[str] = []

        def model(item: RawObject) -> str:
            decoded.append(item["metadata"]["name"])
            return decoded[-1]

        async with stocked(POPULATION, model=model, indexers={"first": lambda name: [name[0]]}) as pods:
            decoded.clear()
            assert list(pods.store.list("default", "tier")) == ["a"]
            assert list(pods.store.by_index("first", "c")) == ["c"]
            assert list(pods.store.index_keys("first", "d")) == ["shopping/d"]
            assert decoded == ["a", "c"]

    async def test_objects_whose_transform_takes_their_metadata_have_no_labels(self) -> None:
        def bare(item: RawObject) -> RawObject:
            return {"spec": item["spec"]}

        async with stocked(POPULATION, retain="objects", transform=bare) as pods:
            assert pods.store.metadata("default/a") == {}
            assert len(list(pods.store.list(label_selector="!app"))) == 4

    @pytest.mark.parametrize("metadata", [None, 5, {"labels": 5}, {"labels": ["app"]}, {"labels": {"app": ["web"]}}])
    async def test_labels_that_are_none(self, metadata: Any) -> None:
        """No API server stores such, but transforms may make them."""

        def odd(item: RawObject) -> RawObject:
            return item | {"metadata": metadata}

        async with stocked(POPULATION, retain="objects", transform=odd) as pods:
            assert pods.store.metadata("default/a") == (metadata if isinstance(metadata, dict) else {})
            assert len(list(pods.store.list(label_selector="app!=web"))) == 4
            assert list(pods.store.list(label_selector="app in (web)")) == []


class TestIndexes:
    async def test_kept_through_every_change(self) -> None:
        def by_both(obj: RawObject) -> list[str]:
            return [obj["spec"]["nodeName"], obj["spec"]["nodeName"], "all"]

        transport = FedTransport()
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer("v1/pods", indexers={"both": by_both, "node": by_node})

            async def after(change: bytes, version: int) -> dict[str, list[str]]:
                transport.response.feed(change)
                await pods.wait_for(str(version), timeout=20)
                return {value: sorted(names(pods.store.by_index("both", value))) for value in ("n1", "n2", "all")}

            one, two = {"nodeName": "n1"}, {"nodeName": "n2"}
            assert await after(added("a", 1, spec=one) + added("b", 2, spec=two) + end(2), 2) == {
                "n1": ["a"],
                "n2": ["b"],
                "all": ["a", "b"],
            }
            assert await after(modified("a", 3, spec=two), 3) == {"n1": [], "n2": ["a", "b"], "all": ["a", "b"]}
            assert await after(deleted("b", 4, spec=two), 4) == {"n1": [], "n2": ["a"], "all": ["a"]}
            assert await after(modified("a", 5, uid="another", spec=one), 5) == {"n1": ["a"], "n2": [], "all": ["a"]}
            assert list(pods.store.index_keys("node", "n1")) == ["default/a"]
            assert list(pods.store.index_keys("both", "n2")) == []
            await after(deleted("a", 6, uid="another", spec=one), 6)
            assert list(pods.store.index_keys("both", "all")) == []
            assert names(pods.store.by_index("node", "n2")) == []

    async def test_swept_with_the_store(self) -> None:
        transport = ScriptedTransport(
            Answer([POPULATION]),
            Answer(status=410),
            Answer([labelled("c", 3, None, "shop") + end(20), HANG]),
        )
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer("v1/pods", indexers={"node": by_node})
            await transport.idle()
            assert names(pods.store.by_index("node", "node-1")) == ["c"]
            assert names(pods.store.by_index("node", "node-0")) == []
            assert list(pods.store.index_keys("node", "node-0")) == []

    async def test_an_index_that_is_not_there(self) -> None:
        async with stocked(POPULATION, indexers={"node": by_node}) as pods:
            with pytest.raises(KeyError, match="no index 'nodes' on v1/pods; indexers= gave: 'node'"):
                pods.store.by_index("nodes", "x")
            with pytest.raises(KeyError, match="no index"):
                pods.store.index_keys("nodes", "x")
        async with stocked(POPULATION) as pods:
            with pytest.raises(KeyError, match="gave: none"):
                pods.store.by_index("node", "x")


class TestModels:
    class Spec(msgspec.Struct):
        nodeName: str  # noqa: N815 - the wire's name

    class Pod(msgspec.Struct):
        metadata: dict[str, Any]
        spec: "TestModels.Spec"

    async def test_a_struct(self) -> None:
        async with stocked(POPULATION, model=self.Pod, indexers={"node": lambda p: [p.spec.nodeName]}) as pods:
            found = pods.store.get("default/a")
            assert isinstance(found, self.Pod)
            assert found.spec.nodeName == "node-1"
            assert [p.metadata["name"] for p in pods.store.by_index("node", "node-1")] == ["a", "c"]

    async def test_a_function(self) -> None:
        async with stocked(POPULATION, model=lambda obj: obj["metadata"]["name"].upper()) as pods:
            assert pods.store.get("default/a") == "A"
            assert list(pods.store.values()) == ["A", "B", "C", "D"]

    async def test_an_object_that_does_not_fit_stays_and_says_so(self) -> None:
        async with stocked(added("odd", 1, spec={}) + end(10), model=self.Pod) as pods:
            with pytest.raises(ModelMismatch, match=r"'default/odd' of v1/pods does not fit.*nodeName"):
                pods.store.get("default/odd")
            assert pods.store.raw("default/odd")
            assert pods.store.metadata("default/odd")

    async def test_a_function_that_fails(self) -> None:
        async with stocked(added("odd", 1) + end(10), model=lambda obj: obj["spec"]) as pods:
            with pytest.raises(ModelMismatch, match="it raised KeyError") as caught:
                pods.store.get("default/odd")
            assert isinstance(caught.value.__cause__, KeyError)


async def test_iterating_while_it_changes() -> None:
    transport = FedTransport()
    async with connect(transport=transport, timing=QUICK) as cluster:
        pods = cluster.informer("v1/pods", indexers={"node": by_node})
        transport.response.feed(POPULATION)
        await pods.synced(timeout=20)
        iterations = [pods.store.values(), pods.store.list(label_selector="!nope"), (o for _, o in pods.store.items())]
        assert [next(iteration)["metadata"]["name"] for iteration in iterations] == ["a"] * 3
        indexed = pods.store.by_index("node", "node-0")
        keys = pods.store.keys()
        newer = {"nodeName": "new"}
        transport.response.feed(deleted("b", 11) + added("new", 12, spec=newer))
        transport.response.feed(modified("c", 13, spec=newer, note="newer").replace(b"default", b"shop"))
        await pods.wait_for("13", timeout=20)
        # What was deleted is skipped, what is new left out, what changed is as it is now.
        for iteration in iterations:
            rest = list(iteration)
            assert names(rest) == ["c", "d"]
            assert rest[0]["note"] == "newer"
        assert names(indexed) == ["d"]
        assert list(keys) == ["default/a", "default/b", "shop/c", "shopping/d"]
