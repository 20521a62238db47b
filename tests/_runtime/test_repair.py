"""What was damaged in memory is fetched again: the same state of the same object, or nothing."""

import logging
from dataclasses import replace

import anyio
import pytest
from tests._cache.bodies import trained
from tests._runtime.damage import (
    KEY,
    NOTE,
    answer,
    damage,
    is_damaged,
    kept_bytes,
    no_wait,
    read,
    repairing,
    settled,
)
from tests._runtime.mirror import PODS, new_cache
from tests._runtime.scripted import HANG, QUICK, Answer, FedTransport, ScriptedTransport, page, pod, refuse
from tests._runtime.source import Source, drain

from kubeinformer import CorruptEntry, Resource, Synced, Updated
from kubeinformer._protocol.requests import Collection
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.listing import Listing
from kubeinformer._runtime.repair import Repair

pytestmark = pytest.mark.anyio


class TestMending:
    async def test_the_same_state_mends_the_entry_and_no_reader_is_told(self) -> None:
        source = Source()
        a, b = source.put("a", note=NOTE), source.put("b", note=NOTE)
        transport = ScriptedTransport(answer(a))
        async with source.delivery.subscribe() as reader, repairing(source, transport):
            drain(reader)
            entry = damage(source)
            with pytest.raises(CorruptEntry, match=r"'default/a' of v1/pods"):
                read(source)
            await settled()
            assert source.state == {KEY: a, "default/b": b}
            assert source.cache.entries[KEY] is entry
            assert source.cache.stored_bytes == kept_bytes(source)
            assert reader.pending == 0
            assert source.delivery.changes == 2
        assert len(transport.requests) == 1

    async def test_what_is_not_read_is_not_fetched(self) -> None:
        source = Source()
        source.put("a")
        transport = ScriptedTransport()
        async with repairing(source, transport):
            damage(source)
            await settled()
        assert transport.requests == []

    async def test_what_was_reported_before_it_runs_is_mended(self) -> None:
        source = Source()
        a = source.put("a")
        listing = Listing(PODS, ScriptedTransport(answer(a)), Limits(), QUICK)
        made = Repair(listing, source.cache, no_wait)
        damage(source)
        assert is_damaged(source)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made.run)
            await settled()
            assert read(source) == a
            tasks.cancel_scope.cancel()

    async def test_many_reads_are_one_request_and_one_line_in_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        source = Source()
        a = source.put("a", note=NOTE)
        transport = ScriptedTransport(answer(a))
        with caplog.at_level(logging.INFO, "kubeinformer.repair"):
            async with repairing(source, transport):
                damage(source)
                assert all(is_damaged(source) for _ in range(5))
                await settled()
                assert read(source) == a
        assert len(transport.requests) == 1
        assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
        assert all(vars(record)["key"] == KEY for record in caplog.records)
        assert NOTE not in caplog.text

    async def test_each_of_many_is_asked_for_by_its_name(self) -> None:
        source = Source()
        objects = [source.put(name) for name in "abc"]
        transport = ScriptedTransport(*map(answer, objects))
        async with repairing(source, transport):
            for name in "abc":
                damage(source, name)
                assert is_damaged(source, name)
            await settled()
            assert list(source.state.values()) == objects
        assert len(transport.requests) == 3

    async def test_one_that_cannot_be_had_keeps_no_other_from_it(self) -> None:
        source = Source()
        source.put("a")
        b = source.put("b")
        transport = ScriptedTransport(refuse(404), answer(b))
        async with repairing(source, transport):
            for name in "ab":
                damage(source, name)
                assert is_damaged(source, name)
            await transport.idle()
            assert read(source, "b") == b
            assert is_damaged(source, "a")

    async def test_an_entry_may_be_damaged_again(self) -> None:
        source = Source()
        a = source.put("a")
        async with repairing(source, ScriptedTransport(answer(a), answer(a))):
            for _ in range(2):
                damage(source)
                assert is_damaged(source)
                await settled()
                assert read(source) == a

    async def test_keeps_what_the_codec_keeps(self) -> None:
        source = Source()
        source.cache = new_cache("metadata")
        source.delivery = Delivery(source.cache)
        a = source.put("a", spec={"nodeName": "n"})
        async with repairing(source, ScriptedTransport(answer(a))):
            damage(source)
            assert is_damaged(source)
            await settled()
            assert read(source) == {name: a[name] for name in ("kind", "apiVersion", "metadata")}

    async def test_found_by_bringing_bodies_over_to_a_dictionary(self) -> None:
        source = Source()
        objects = [source.put(f"web-{number}", spec={"image": NOTE}) for number in range(10)]
        compression = source.cache.codec.compression
        assert compression is not None
        compression.install(trained([source.cache.reader.raw(*item) for item in source.cache.entries.items()]))
        async with repairing(source, ScriptedTransport(answer(objects[3]))):
            damage(source, "web-3")
            for _ in source.cache.recode():
                pass
            await settled()
            assert list(source.state.values()) == objects
            assert {entry.encoding for entry in source.cache.entries.values()} == {1}


class TestRequests:
    @pytest.mark.parametrize(
        ("collection", "key", "path", "selectors"),
        [
            (PODS, "shop/a", "/api/v1/namespaces/shop/pods", {"fieldSelector": "metadata.name=a"}),
            (
                replace(PODS, namespace="shop", field_selector="spec.nodeName=n", label_selector="app in (a,b)"),
                "shop/a.b-c",
                "/api/v1/namespaces/shop/pods",
                {"fieldSelector": "spec.nodeName=n,metadata.name=a.b-c", "labelSelector": "app in (a,b)"},
            ),
            (
                Collection(resource=Resource.parse("example.com/v1/widgets")),
                "w",
                "/apis/example.com/v1/widgets",
                {"fieldSelector": "metadata.name=w"},
            ),
        ],
    )
    async def test_a_list_of_one(self, collection: Collection, key: str, path: str, selectors: dict[str, str]) -> None:
        source = Source()
        namespace, _, name = key.rpartition("/")
        source.put("a")
        source.cache.entries[key] = source.cache.entries.pop(KEY)
        source.cache.entries[key].body = b"garbage"
        transport = ScriptedTransport()
        async with repairing(source, transport, collection=collection):
            with pytest.raises(CorruptEntry):
                source.cache.reader.load(key, source.cache.entries[key])
            await transport.idle()
        (request,) = transport.requests
        assert request.path == path
        assert dict(request.query) == selectors
        assert (namespace in request.path) or not namespace
        assert name in dict(request.query)["fieldSelector"]

    @pytest.mark.parametrize("metadata_only", [True, False])
    async def test_in_the_form_that_is_mirrored(self, *, metadata_only: bool) -> None:
        source = Source()
        source.put("a")
        transport = ScriptedTransport()
        async with repairing(source, transport, collection=replace(PODS, metadata_only=metadata_only)):
            damage(source)
            assert is_damaged(source)
            await transport.idle()
        accepted = dict(transport.requests[0].headers)["accept"]
        assert ("PartialObjectMetadataList" in accepted) == metadata_only


class TestTheStream:
    """It goes on meanwhile, and knows better."""

    @pytest.mark.parametrize("change", ["update", "replace", "delete"])
    async def test_may_be_faster_than_the_answer(self, change: str) -> None:
        source = Source()
        a = source.put("a", note=NOTE)
        transport = FedTransport()
        async with repairing(source, transport):
            damage(source)
            assert is_damaged(source)
            await settled()
            assert len(transport.requests) == 1
            match change:
                case "update":
                    expected = {KEY: source.put("a", note="newer")}
                case "replace":
                    expected = {KEY: source.put("a", uid="another")}
                case _:
                    source.delete("a")
                    expected = {}
            transport.response.feed(page([a], 99), b"")
            await settled()
            assert source.state == expected
            assert source.cache.stored_bytes == kept_bytes(source)
            assert len(transport.requests) == 1

    @pytest.mark.parametrize("change", ["update", "delete"])
    async def test_what_it_replaced_before_the_next_try_is_not_fetched(self, change: str) -> None:
        source = Source()
        source.put("a")

        def meanwhile() -> float:
            if change == "update":
                source.put("a")
            else:
                source.delete("a")
            return 0.0

        transport = ScriptedTransport(answer())
        async with repairing(source, transport, jitter=meanwhile):
            damage(source)
            assert is_damaged(source)
            await settled()
        assert len(transport.requests) == 1

    async def test_an_old_state_that_a_reader_holds_is_not_fetched(self) -> None:
        source = Source()
        source.put("a")
        transport = ScriptedTransport()
        async with source.delivery.subscribe() as reader, repairing(source, transport):
            assert drain(reader)[-1] == Synced()
            entry = damage(source)
            newer = source.put("a")
            (event,) = drain(reader)
            assert isinstance(event, Updated)
            assert event.object == newer
            with pytest.raises(CorruptEntry):
                _ = event.old
            assert source.cache.entries[KEY] is not entry
            await settled()
        assert transport.requests == []

    async def test_an_old_state_does_not_stand_for_the_new_one(self) -> None:
        source = Source()
        source.put("a")
        async with source.delivery.subscribe() as reader, repairing(source, ScriptedTransport(answer(pod("a", 2)))):
            drain(reader)
            damage(source)
            newer = source.put("a")
            (event,) = drain(reader)
            assert isinstance(event, Updated)
            damage(source)
            assert is_damaged(source)
            with pytest.raises(CorruptEntry):
                _ = event.old
            await settled()
            assert read(source) == newer

    async def test_what_it_brought_may_be_damaged_too(self) -> None:
        source = Source()
        a = source.put("a")
        transport = FedTransport()
        async with repairing(source, transport):
            damage(source)
            assert is_damaged(source)
            await settled()
            newer = source.put("a", note="newer")
            damage(source)
            assert is_damaged(source)
            transport.response.feed(page([a], 99), b"", page([newer], 99), b"")
            await settled()
            assert len(transport.requests) == 2
            assert read(source) == newer


async def test_cancelling_leaves_no_request_behind() -> None:
    source = Source()
    source.put("a")
    transport = ScriptedTransport(Answer([b"{", HANG]))
    async with repairing(source, transport):
        damage(source)
        assert is_damaged(source)
        await transport.idle()
        assert transport.open_streams == 1
    assert transport.open_streams == 0
