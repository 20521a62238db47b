"""What a read refuses, it refuses with a typed error that quotes nothing of the object."""

import enum
import traceback
from typing import Any, Literal

import msgspec
import pytest
from tests._cache.bodies import body, identity, keep
from tests._cache.test_reader import DATA, KEY, SECRET, Pod, annotate, named
from tests._runtime.mirror import new_cache

from kubeinformer import MalformedData, ModelMismatch, Retain
from kubeinformer._cache.codecs import Transform, make_codec
from kubeinformer._cache.entries import Entry
from kubeinformer._cache.reader import Model, Reader, checked_transform


class TestSecrets:
    @pytest.mark.parametrize(
        ("field", "problem"),
        [
            (Literal["a", "b"], "Invalid enum value - at `$.data`"),
            (Literal[1, 2], "Expected `int`, got `str` - at `$.data`"),
            (enum.Enum("Enum", {"A": "a"}), "Invalid enum value - at `$.data`"),
            (int, "Expected `int`, got `str` - at `$.data`"),
        ],
    )
    @pytest.mark.parametrize("transform", [None, annotate])
    @pytest.mark.parametrize("value", [SECRET, f"two\n{SECRET}", f"x - at `{SECRET}", f"x - at `{SECRET}`"])
    def test_a_mismatch_quotes_no_value(
        self, value: str, transform: Transform | None, field: Any, problem: str
    ) -> None:
        model = msgspec.defstruct("Odd", [("data", field)])
        checked = checked_transform("v1/secrets", transform)
        codec = make_codec("compressed", "v1", checked)
        entry = keep(codec, body("a", data=value))
        with pytest.raises(ModelMismatch) as caught:
            Reader("v1/secrets", codec, model, checked).load(KEY, entry)
        assert f"does not fit the model: {problem};" in str(caught.value)
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert caught.value.__context__ is None


class TestNesting:
    """What is left of Python's stack differs from reader to reader."""

    @pytest.mark.parametrize("model", [None, Pod, named])
    @pytest.mark.parametrize("transform", [None, annotate])
    @pytest.mark.parametrize("error_in", ["load", "decode"])
    def test_is_a_typed_error(self, error_in: str, transform: Transform | None, model: Model[Any] | None) -> None:
        codec = make_codec("bytes", "v1")
        depth = 100_000
        deep = b'{"metadata":{"name":"a"},"x":' + b"[" * depth + b"]" * depth + b"}"
        entry = Entry("u", "1", 0, 0, deep)
        reader: Reader[Any] = Reader("v1/pods", codec, model, checked_transform("v1/pods", transform))
        with pytest.raises(MalformedData, match=r"v1/pods.*nested more deeply"):
            reader.load(KEY, entry) if error_in == "load" else reader.decode(KEY, entry, deep)

    @pytest.mark.parametrize("retain", ["objects", "metadata"])
    def test_is_one_also_where_objects_are_decoded_before_they_are_kept(self, retain: Retain) -> None:
        depth = 100_000
        deep = b'{"metadata":{"name":"a"},"x":' + b"[" * depth + b"]" * depth + b"}"
        cache = new_cache(retain)
        with pytest.raises(MalformedData, match="nested more deeply"):
            cache.upsert(identity(DATA), deep)
        assert cache.entries == {}
