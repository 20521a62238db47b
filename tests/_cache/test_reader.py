"""What a read gives: the object, through the transform, as the model; or one of three errors, which quote nothing."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from tests._cache.bodies import body, identity, keep

from kubeinformer import CorruptEntry, ModelMismatch, RawObject, Retain, TransformError
from kubeinformer._cache.codecs import Codec, Transform, make_codec
from kubeinformer._cache.entries import Entry
from kubeinformer._cache.reader import Model, Reader, checked_transform

KEY = "default/a"
SECRET = "hunter2"
DATA = body("a", 7, data={"password": SECRET}, spec={"nodeName": "n1"})
DECODED: tuple[Retain, ...] = ("compressed", "bytes", "metadata", "keys")  # on each read; "objects" once


class Metadata(msgspec.Struct):
    name: str
    note: str = ""


class Pod(msgspec.Struct):
    metadata: Metadata


@dataclass
class Named:
    """As a class of somebody's own: called with the dict."""

    item: RawObject

    @property
    def name(self) -> str:
        return str(self.item["metadata"]["name"])


def named(item: RawObject) -> str:
    return f"pod {item['metadata']['name']} {item['metadata'].get('note', '')}".strip()


def annotate(item: RawObject) -> RawObject:
    """A transform that changes its argument."""
    item["metadata"]["note"] = item["metadata"].get("note", "") + "seen"
    return item


def replace(item: RawObject) -> RawObject:
    """A transform that leaves its argument alone."""
    return {"metadata": {"name": item["metadata"]["name"], "note": "seen"}}


def fail(item: RawObject) -> RawObject:
    raise LookupError(str(item))


def frames(error: BaseException | None) -> list[str]:
    """The names of the functions that an exception went through."""
    return [frame.name for frame in traceback.extract_tb(error.__traceback__ if error else None)]


@dataclass
class Held:
    """One object at rest, and who reads it."""

    codec: Codec
    reader: Reader[Any]
    entry: Entry

    def load(self) -> Any:
        return self.reader.load(KEY, self.entry)

    def decode(self) -> Any:
        return self.reader.decode(KEY, self.entry, DATA)


def held(retain: Retain = "compressed", model: Model[Any] | None = None, transform: Transform | None = None) -> Held:
    checked = checked_transform("v1/pods", transform)
    codec = make_codec(retain, "v1", checked)
    return Held(codec, Reader("v1/pods", codec, model, checked), keep(codec, DATA))


class TestMetadata:
    @pytest.mark.parametrize("retain", [*DECODED, "objects"])
    @pytest.mark.parametrize("model", [None, Pod, fail])
    def test_is_what_is_kept_whatever_the_model(self, retain: Retain, model: Model[Any] | None) -> None:
        this = held(retain, model)
        assert this.reader.metadata(KEY, this.entry) == this.codec.load(KEY, this.entry)["metadata"]

    @pytest.mark.parametrize("left", [{}, {"metadata": None}, {"metadata": ["a"]}])
    def test_is_empty_where_a_transform_left_none(self, left: RawObject) -> None:
        this = held("objects", transform=lambda _: left)
        assert this.reader.metadata(KEY, this.entry) == {}


class TestModels:
    @pytest.mark.parametrize("retain", [*DECODED, "objects"])
    def test_none_gives_dicts(self, retain: Retain) -> None:
        this = held(retain)
        assert this.load() == this.codec.load(KEY, this.entry)
        assert this.decode()["spec"] == {"nodeName": "n1"}

    @pytest.mark.parametrize("retain", [*DECODED, "objects"])
    @pytest.mark.parametrize(
        ("model", "expected"),
        [(Pod, Pod(Metadata("a"))), (named, "pod a"), (lambda item: Named(item).name, "a"), (lambda _: None, None)],
    )
    def test_are_made_of_what_is_kept(self, retain: Retain, model: Model[Any], expected: Any) -> None:
        this = held(retain, model)
        assert this.load() == this.decode() == expected

    def test_a_class_of_ones_own_is_called_with_the_dict(self) -> None:
        found = held(model=Named).load()
        assert isinstance(found, Named)
        assert found.name == "a"

    @pytest.mark.parametrize("retain", [*DECODED, "objects"])
    def test_an_object_that_does_not_fit(self, retain: Retain) -> None:
        class Strict(msgspec.Struct):
            metadata: int

        this = held(retain, Strict)
        for read in (this.load, this.decode):
            with pytest.raises(ModelMismatch, match=r"'default/a' of v1/pods.*Expected `int`") as caught:
                read()
            assert SECRET not in str(caught.value)
        assert this.reader.raw(KEY, this.entry)

    def test_a_struct_is_made_of_the_very_bytes(self) -> None:
        class Exact(msgspec.Struct):
            spec: msgspec.Raw

        codec = make_codec("compressed", "v1")
        data = b'{"metadata":{"name":"a","resourceVersion":"1"},"spec":[ 1.50, 1e400, {"x":1,"x":2} ]}'
        entry = keep(codec, data)
        reader = Reader("v1/pods", codec, Exact)
        for found in (reader.load(KEY, entry), reader.decode(KEY, entry, data)):
            assert bytes(found.spec) == b'[ 1.50, 1e400, {"x":1,"x":2} ]'

    def test_a_function_that_fails(self) -> None:
        this = held(model=fail)
        for read in (this.load, this.decode):
            with pytest.raises(ModelMismatch, match=r"'default/a' of v1/pods .*it raised LookupError") as caught:
                read()
            assert SECRET not in str(caught.value)
            assert isinstance(caught.value.__cause__, LookupError)
            assert frames(caught.value.__cause__) == ["fail"]

    def test_what_a_read_raises_has_no_frames_that_hold_the_object(self) -> None:
        with pytest.raises(ModelMismatch) as caught:
            held(model=fail).load()
        assert frames(caught.value)[-1] == "load"
        assert "_load" not in frames(caught.value)


class TestTransforms:
    @pytest.mark.parametrize("retain", [*DECODED, "objects"])
    @pytest.mark.parametrize("transform", [annotate, replace])
    @pytest.mark.parametrize(
        ("model", "expected"),
        [(None, "seen"), (Pod, Pod(Metadata("a", "seen"))), (named, "pod a seen")],
    )
    def test_run_before_the_model_and_once_for_each_read(
        self, retain: Retain, transform: Transform, model: Model[Any] | None, expected: Any
    ) -> None:
        this = held(retain, model, transform)
        for read in (this.load, this.load, this.decode):
            found = read()
            assert (found["metadata"]["note"] if model is None else found) == expected

    @pytest.mark.parametrize("retain", DECODED)
    def test_what_is_kept_stays_as_it_came(self, retain: Retain) -> None:
        this = held(retain, transform=annotate)
        before = this.reader.raw(KEY, this.entry)
        this.load()
        assert this.reader.raw(KEY, this.entry) == before
        assert b"seen" not in before

    @pytest.mark.parametrize("retain", DECODED)
    def test_nothing_runs_before_somebody_reads(self, retain: Retain) -> None:
        seen: list[RawObject] = []

        def transform(item: RawObject) -> RawObject:
            seen.append(item)
            return item

        this = held(retain, transform=transform)
        assert this.reader.raw(KEY, this.entry)
        assert seen == []
        this.load()
        this.load()
        assert len(seen) == 2
        assert seen[0] is not seen[1]

    @pytest.mark.parametrize("model", [None, Pod, named])
    def test_objects_are_transformed_once_before_they_are_kept(self, model: Model[Any] | None) -> None:
        seen = 0

        def transform(item: RawObject) -> RawObject:
            nonlocal seen
            seen += 1
            return annotate(item)

        this = held("objects", model, transform)
        assert seen == 1
        first, second = this.load(), this.load()
        assert seen == 1
        assert first == second
        assert (first is second) == (model is None)
        assert b'"note":"seen"' in this.reader.raw(KEY, this.entry)

    def test_indexers_of_objects_see_the_one_copy(self) -> None:
        seen = 0

        def transform(item: RawObject) -> RawObject:
            nonlocal seen
            seen += 1
            return annotate(item)

        this = held("objects", transform=transform)
        assert this.decode() is this.load()
        assert seen == 1

    def test_a_struct_is_made_as_it_is_without_one(self) -> None:
        class Dated(msgspec.Struct):
            spec: dict[str, str]
            data: Any = None

        assert held(model=Dated, transform=lambda item: item).load() == held(model=Dated).load()

    @pytest.mark.parametrize("text", [dict[int, int], msgspec.Raw])
    def test_a_struct_may_have_what_only_json_can_be_decoded_to(self, text: Any) -> None:
        model = msgspec.defstruct("Odd", [("spec", text)])
        data = body("a", spec={"1": 2})
        for transform in (None, lambda item: item):
            checked = checked_transform("v1/pods", transform)
            codec = make_codec("compressed", "v1", checked)
            found: Any = Reader("v1/pods", codec, model, checked).load(KEY, keep(codec, data))
            assert found.spec

    @pytest.mark.parametrize("transform", [annotate, replace])
    def test_a_result_that_does_not_fit_the_model(self, transform: Transform) -> None:
        class Strict(msgspec.Struct):
            metadata: dict[str, int]

        with pytest.raises(ModelMismatch, match=r"'default/a' of v1/pods.*Expected `int`"):
            held(model=Strict, transform=transform).load()


class TestTransformsThatFail:
    @pytest.mark.parametrize("model", [None, Pod, named])
    @pytest.mark.parametrize(
        ("transform", "problem"),
        [
            (fail, "it raised LookupError"),
            (lambda _: None, "it returned NoneType, not a dict"),
            (lambda item: [item], "it returned list, not a dict"),
            (lambda item: str(item), "it returned str, not a dict"),  # noqa: PLW0108 - a type is no function of a dict
        ],
    )
    @pytest.mark.parametrize("retain", DECODED)
    def test_say_so_to_who_reads_and_quote_nothing(
        self, retain: Retain, transform: Any, problem: str, model: Model[Any] | None
    ) -> None:
        this = held(retain, model, transform)
        for read in (this.load, this.decode):
            with pytest.raises(TransformError) as caught:
                read()
            assert f"the transform of v1/pods failed: {problem};" in str(caught.value)
            assert SECRET not in str(caught.value)
            assert isinstance(caught.value.__cause__, LookupError) == ("raised" in problem)
            assert frames(caught.value.__cause__) == (["fail"] if "raised" in problem else [])
        assert this.reader.raw(KEY, this.entry)

    @pytest.mark.parametrize("transform", [fail, lambda _: None])
    def test_objects_are_not_kept_at_all(self, transform: Any) -> None:
        codec = make_codec("objects", "v1", checked_transform("v1/pods", transform))
        with pytest.raises(TransformError):
            codec.encode(identity(DATA), DATA)

    def test_what_is_no_exception_of_the_function_goes_through(self) -> None:
        def interrupted(_: RawObject) -> RawObject:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            held(transform=interrupted).load()

    def test_no_transform_needs_no_check(self) -> None:
        assert checked_transform("v1/pods", None) is None


class TestDamage:
    @pytest.mark.parametrize("retain", ["compressed", "metadata"])
    @pytest.mark.parametrize("transform", [None, annotate])
    @pytest.mark.parametrize("model", [None, Pod, named])
    def test_is_an_error_that_names_the_object_and_is_reported(
        self, retain: Retain, transform: Transform | None, model: Model[Any] | None
    ) -> None:
        this = held(retain, model, transform)
        reports: list[tuple[str, Entry]] = []
        this.reader.on_damage = lambda key, entry: reports.append((key, entry))
        this.entry.body = b"garbage"
        reads: list[Callable[[], object]] = [
            this.load,
            lambda: this.reader.raw(KEY, this.entry),
            lambda: this.reader.metadata(KEY, this.entry),
        ]
        for count, read in enumerate(reads, start=1):
            with pytest.raises(CorruptEntry, match=r"'default/a' of v1/pods was damaged") as caught:
                read()
            assert (caught.value.resource, caught.value.key) == ("v1/pods", KEY)
            assert caught.value.__suppress_context__
            assert len(reports) == count
        assert all(key == KEY and entry is this.entry for key, entry in reports)

    def test_is_an_error_also_where_nobody_is_told(self) -> None:
        this = held()
        this.entry.body = b""
        with pytest.raises(CorruptEntry):
            this.load()

    def test_a_whole_body_is_not_reported(self) -> None:
        this = held(model=fail)
        reports: list[str] = []
        this.reader.on_damage = lambda key, _: reports.append(key)
        with pytest.raises(ModelMismatch):
            this.load()
        assert reports == []
