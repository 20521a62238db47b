"""The write side: any sequence of writes leaves what a plain dict would hold, and tells exactly what changed."""

import json
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests._cache.bodies import body, identity, shaped, trained
from tests._runtime.mirror import new_cache

from kubeinformer import IndexerError, ModelMismatch, RawObject, Retain
from kubeinformer._cache.cache import Cache
from kubeinformer._cache.codecs import make_codec
from kubeinformer._cache.entries import Change, Entry
from kubeinformer._cache.reader import Reader

_DICTIONARY = trained()
_NAMES, _UIDS, _VERSIONS = st.sampled_from("abc"), st.sampled_from("pq"), st.integers(1, 3)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("upsert"), _NAMES, _UIDS, _VERSIONS),
        st.tuples(st.just("remove"), _NAMES, _UIDS, _VERSIONS),
        st.sampled_from([("begin",), ("sweep",), ("recode",)]),
    ),
    max_size=25,
)


def by_version(item: RawObject) -> list[str]:
    return [item["metadata"]["resourceVersion"], "all"]


def state(name: str, uid: str, version: int) -> bytes:
    """The same object in the same version is always the same JSON."""
    return body(name, version, uid, note=f"{name}{uid}{version}" * version)


def put(cache: Cache[Any], data: bytes) -> tuple[Change, ...]:
    return cache.upsert(identity(data), data)


def remove(cache: Cache[Any], data: bytes) -> Change | None:
    return cache.remove(identity(data), data)


def swept(cache: Cache[Any]) -> list[Change]:
    return [change for change in cache.sweep() if change is not None]


def contents(cache: Cache[Any]) -> dict[str, bytes]:
    return {key: cache.reader.raw(key, entry) for key, entry in cache.entries.items()}


@dataclass
class Known:
    """What the model holds of one object."""

    uid: str
    version: int
    is_seen: bool = True


class Model:
    """A dict with a flag for each object, and who is told of the changes."""

    def __init__(self, cache: Cache[RawObject]) -> None:
        self.cache = cache
        self.known: dict[str, Known] = {}
        self.told: dict[str, Entry] = {}

    def play(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("upsert", name, uid, version):
                old = self.known.get(name)
                self.known[name] = Known(uid, version)
                is_known = old is not None and (old.uid, old.version) == (uid, version)
                expected = 0 if is_known else 2 if old is not None and old.uid != uid else 1
                assert len(self.tell(*put(self.cache, state(name, uid, version)))) == expected
            case ("remove", name, uid, version):
                old = self.known.pop(name, None)
                change = remove(self.cache, state(name, uid, version))
                if old is None:
                    assert change is None
                else:
                    assert change is not None
                    assert (change.final is not None) == (old.uid == uid)
                    assert change.final is None or change.final.resource_version == str(version)
                    self.tell(change)
            case ("begin",):
                for known in self.known.values():
                    known.is_seen = False
                self.cache.begin_sweep()
            case ("sweep",):
                unseen = [name for name, known in self.known.items() if not known.is_seen]
                changes = self.tell(*swept(self.cache))
                assert sorted(change.key for change in changes) == sorted(f"default/{name}" for name in unseen)
                for name in unseen:
                    del self.known[name]
            case ("recode",):
                assert self.cache.codec.compression is not None
                self.cache.codec.compression.install(_DICTIONARY)
                assert all(step is None for step in self.cache.recode())

    def tell(self, *changes: Change) -> tuple[Change, ...]:
        for change in changes:
            assert self.told.get(change.key) is change.old
            if change.new is None:
                del self.told[change.key]
            else:
                self.told[change.key] = change.new
        return changes

    def check(self) -> None:
        cache = self.cache
        expected = {f"default/{name}": state(name, known.uid, known.version) for name, known in self.known.items()}
        assert contents(cache) == expected
        assert self.told == cache.entries
        assert all(entry is cache.entries[key] for key, entry in self.told.items())
        assert cache.stored_bytes == sum(len(entry.body) for entry in cache.entries.values())
        assert cache._unseen == sum(not known.is_seen for known in self.known.values())
        assert sorted(cache.indexes.keys("version", "all")) == sorted(expected)
        for version in (1, 2, 3):
            filed = sorted(cache.indexes.keys("version", str(version)))
            assert filed == sorted(f"default/{name}" for name, known in self.known.items() if known.version == version)


@settings(deadline=None)
@given(_STEPS)
def test_any_sequence_of_writes_leaves_what_a_plain_dict_would_hold(steps: list[tuple[Any, ...]]) -> None:
    model = Model(new_cache(indexers={"version": by_version}))
    for step in steps:
        model.play(step)
        model.check()


def test_a_new_cache_holds_nothing_and_wants_nothing() -> None:
    cache = new_cache()
    assert (cache.entries, cache.resource_version, cache.stored_bytes) == ({}, None, 0)
    assert not cache.has_enough_samples


class TestWhatIsKnown:
    def test_costs_no_decoding_and_no_compressing(self) -> None:
        """A resync brings every object again; nearly all of them are as they were."""
        cache = new_cache(indexers={"version": by_version})
        data = body("a", 1)
        put(cache, data)
        entry = cache.entries["default/a"]
        cache.begin_sweep()
        assert cache.upsert(identity(data), b"not looked at") == ()
        assert cache.entries["default/a"] is entry
        assert swept(cache) == []

    def test_a_sweep_in_which_nothing_was_deleted_looks_at_nothing(self) -> None:
        cache = new_cache()
        put(cache, body("a", 1))
        cache.begin_sweep()
        put(cache, body("a", 1))
        cache.entries["default/a"].generation = -1  # would be deleted by whoever looks
        assert list(cache.sweep()) == []

    def test_another_uid_is_a_deletion_and_an_addition(self) -> None:
        cache = new_cache()
        put(cache, body("a", 1, "p"))
        old = cache.entries["default/a"]
        gone, new = put(cache, body("a", 1, "q"))
        assert (gone.old, gone.new, gone.final) == (old, None, None)
        assert (new.old, new.new) == (None, cache.entries["default/a"])

    def test_a_deletion_brings_the_final_state(self) -> None:
        cache = new_cache()
        put(cache, body("a", 1))
        final = body("a", 2, note="the end")
        change = remove(cache, final)
        assert change is not None
        assert change.final is not None
        assert cache.reader.raw("default/a", change.final) == final

    def test_a_swept_object_is_what_was_known_of_it(self) -> None:
        cache = new_cache()
        put(cache, body("a", 1))
        old = cache.entries["default/a"]
        cache.begin_sweep()
        assert swept(cache) == [Change("default/a", old, None)]

    def test_a_sweep_over_many_lets_others_run(self) -> None:
        cache = new_cache("keys")
        for number in range(5_000):
            put(cache, body(f"web-{number}"))
        cache.begin_sweep()
        put(cache, body("web-0"))
        steps = list(cache.sweep())
        assert steps.count(None) == 2
        assert len(steps) - steps.count(None) == 4_999
        assert list(cache.entries) == ["default/web-0"]


class TestMemory:
    """Whatever goes over all entries must not hold much for each of them."""

    @pytest.mark.parametrize("walk", ["sweep", "recode"])
    def test_of_a_walk_is_a_pointer_for_each_entry(self, walk: str) -> None:
        cache = new_cache()
        count = 20_000
        entry = put(cache, body("one"))[0].new
        assert entry is not None
        for number in range(count):
            cache.entries[f"default/{number}"] = entry
        cache.begin_sweep()
        if walk == "recode":
            assert cache.codec.compression is not None
            cache.codec.compression.install(_DICTIONARY)
        tracemalloc.start()
        try:
            steps = cache.sweep() if walk == "sweep" else cache.recode()
            for _, _ in zip(steps, range(3), strict=False):
                pass
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 12 * count + 50_000


class TestAnIndexerThatFails:
    @pytest.mark.parametrize("known", [True, False])
    def test_leaves_everything_as_it_was(self, *, known: bool) -> None:
        def by_note(item: RawObject) -> list[str]:
            return [item["note"]]

        cache = new_cache(indexers={"note": by_note})
        if known:
            put(cache, body("a", 1, note="x"))
        before, size = contents(cache), cache.stored_bytes
        with pytest.raises(IndexerError, match="'note' of v1/pods failed on 'default/a'"):
            put(cache, body("a", 2))
        assert (contents(cache), cache.stored_bytes) == (before, size)
        assert list(cache.indexes.keys("note", "x")) == list(before)

    def test_names_the_object_when_it_is_the_model_that_fails(self) -> None:
        codec = make_codec("compressed", "v1")
        cache = Cache("v1/pods", codec, Reader("v1/pods", codec, model=by_absent), {"all": lambda _: ["all"]})
        with pytest.raises(ModelMismatch, match="'default/a' of v1/pods"):
            put(cache, body("a"))
        assert cache.entries == {}


def by_absent(item: RawObject) -> list[str]:
    return [item["absent"]]


def kept_sizes(cache: Cache[Any]) -> Mapping[str, int]:
    return {key: len(entry.body) for key, entry in cache.entries.items()}


class TestRecode:
    def filled(self, count: int = 200) -> Cache[RawObject]:
        cache = new_cache()
        for number in range(count):
            put(cache, shaped("a", number))
        assert cache.has_enough_samples
        assert cache.codec.compression is not None
        cache.codec.compression.install(trained(cache.codec.compression.take_samples()))
        return cache

    def test_makes_bodies_smaller_and_keeps_who_they_are(self) -> None:
        cache = self.filled()
        before, entries, sizes = contents(cache), dict(cache.entries), kept_sizes(cache)
        assert len(list(cache.recode())) == 3
        assert contents(cache) == before
        assert all(cache.entries[key] is entry for key, entry in entries.items())
        assert all(size < sizes[key] / 2 for key, size in kept_sizes(cache).items())
        assert cache.stored_bytes == sum(kept_sizes(cache).values())

    def test_what_changes_while_others_run_is_right(self) -> None:
        cache = self.filled()
        steps = cache.recode()
        next(steps)
        put(cache, shaped("b", 199))
        remove(cache, shaped("a", 198))
        put(cache, shaped("b", 500))
        old = put(cache, shaped("a", 150).replace(b'"151"', b'"9999"'))[0].old
        assert old is not None
        old_body = old.body
        for _ in steps:
            assert cache.stored_bytes == sum(kept_sizes(cache).values())
        assert cache.stored_bytes == sum(kept_sizes(cache).values())
        assert contents(cache)["default/web-500"] == shaped("b", 500)
        assert "default/web-198" not in cache.entries
        assert old.body is old_body  # somebody else's now, and no longer counted

    def test_a_damaged_body_is_reported_and_the_others_are_brought_over(self) -> None:
        cache = self.filled()
        damaged = cache.entries["default/web-7"]
        damaged.body = b"?" * len(damaged.body)
        reports: list[tuple[str, Entry]] = []
        cache.reader.on_damage = lambda key, entry: reports.append((key, entry))
        for _ in cache.recode():
            pass
        assert reports == [("default/web-7", damaged)]
        assert reports[0][1] is damaged
        others = {entry.encoding for key, entry in cache.entries.items() if key != "default/web-7"}
        assert others == {1}
        assert cache.stored_bytes == sum(kept_sizes(cache).values())

    @pytest.mark.parametrize("retain", ["bytes", "objects", "keys"])
    def test_nothing_where_nothing_is_compressed(self, retain: Retain) -> None:
        cache = new_cache(retain)
        put(cache, body("a"))
        before = cache.entries["default/a"].body
        assert list(cache.recode()) == []
        assert cache.entries["default/a"].body is before
        assert not cache.has_enough_samples


class TestMend:
    def test_gives_an_entry_its_body_back_and_nobody_else_notices(self) -> None:
        cache = new_cache(indexers={"version": by_version})
        for name in "ab":
            put(cache, body(name, 1, note="x" * 50))
        before, size, entry = contents(cache), cache.stored_bytes, cache.entries["default/a"]
        damaged = b"no longer what it was, nor of the same length"
        cache.stored_bytes += len(damaged) - len(entry.body)
        entry.body = damaged
        cache.mend(entry, identity(before["default/a"]), before["default/a"])
        assert contents(cache) == before
        assert cache.entries["default/a"] is entry
        assert cache.stored_bytes == size
        assert sorted(cache.indexes.keys("version", "1")) == ["default/a", "default/b"]

    def test_uses_the_dictionary_of_now(self) -> None:
        cache = new_cache()
        put(cache, shaped("a", 1))
        assert cache.codec.compression is not None
        cache.codec.compression.install(_DICTIONARY)
        entry = cache.entries["default/web-1"]
        cache.mend(entry, identity(shaped("a", 1)), shaped("a", 1))
        assert entry.encoding == 1
        assert contents(cache) == {"default/web-1": shaped("a", 1)}


def versions(items: Iterator[Any]) -> list[str]:
    return [item["metadata"]["resourceVersion"] for item in items]


@pytest.mark.parametrize("retain", ["compressed", "bytes", "objects", "metadata", "keys"])
def test_a_cache_of_any_kind_counts_the_bytes_it_keeps(retain: Retain) -> None:
    cache = new_cache(retain, {"all": lambda _: ["all"]})
    for step in (body("a", 1), body("b", 1), body("a", 2, note="x" * 500), body("a", 2, "other")):
        put(cache, step)
        kept = [entry.body for entry in cache.entries.values()]
        assert cache.stored_bytes == sum(len(data) for data in kept if isinstance(data, bytes))
    assert versions(cache.reader.load(key, entry) for key, entry in cache.entries.items()) == ["2", "1"]
    assert json.loads(cache.reader.raw("default/a", cache.entries["default/a"]))["metadata"]["uid"] == "other"
    for name, uid in (("a", "other"), ("b", "")):
        remove(cache, body(name, 9, uid))
    assert cache.stored_bytes == 0
    assert not list(cache.indexes.keys("all", "all"))
