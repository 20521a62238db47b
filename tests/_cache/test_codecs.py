"""What is kept of an object for each value of ``retain=``, and what a read gives of it."""

import json
import math
from decimal import Decimal
from math import isinf
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._cache.bodies import body, identity, keep, trained
from tests._protocol.strategies import objects

from kubeinformer import Retain
from kubeinformer._cache.codecs import RETAIN_VALUES, decode_object, encode_object, make_codec

WHOLE: tuple[Retain, ...] = ("compressed", "bytes", "objects")
TOO_LONG = "9" * 4_301  # digits of an integer that Python refuses to build
_TEXTS = objects().filter(lambda text: TOO_LONG not in text)


def meant(text: str | bytes) -> Any:
    """What JSON means: floats, and Decimals where a float would be infinite."""
    return json.loads(text, parse_float=lambda number: Decimal(number) if isinf(float(number)) else float(number))


def load(retain: Retain, data: bytes, key: str = "default/a") -> Any:
    codec = make_codec(retain, "v1")
    return codec.load(key, keep(codec, data))


def raw(retain: Retain, data: bytes, key: str = "default/a") -> bytes:
    codec = make_codec(retain, "v1")
    return codec.raw(key, keep(codec, data))


@pytest.mark.parametrize("retain", WHOLE)
@given(text=_TEXTS)
def test_a_read_gives_what_the_json_says(retain: Retain, text: str) -> None:
    assert load(retain, text.encode()) == meant(text)


@pytest.mark.parametrize("retain", ["compressed", "bytes"])
@given(text=objects(), dictionaries=st.integers(0, 2))
def test_raw_is_byte_for_byte_what_came(retain: Retain, text: str, dictionaries: int) -> None:
    codec = make_codec(retain, "v1")
    before = keep(codec, text.encode())
    for _ in range(dictionaries if codec.compression else 0):
        assert codec.compression is not None
        codec.compression.install(_DICTIONARY)
    after = keep(codec, text.encode())
    assert codec.raw("a", before) == codec.raw("a", after) == text.encode()


@given(text=_TEXTS)
def test_raw_of_objects_means_the_same_as_what_came(text: str) -> None:
    assert meant(raw("objects", text.encode())) == meant(text)


@given(text=_TEXTS)
def test_metadata_is_kept_whole_and_nothing_else(text: str) -> None:
    expected = meant(text)
    assert load("metadata", text.encode()) == {"metadata": expected["metadata"]}


_DICTIONARY = trained()


@pytest.mark.parametrize("retain", RETAIN_VALUES)
def test_load_and_raw_agree(retain: Retain) -> None:
    data = body("a", 7, spec={"nodeName": "n"}, status={"phase": "Running"})
    assert json.loads(raw(retain, data)) == load(retain, data)


@pytest.mark.parametrize("retain", RETAIN_VALUES)
def test_the_size_that_is_counted(retain: Retain) -> None:
    """Bytes where bytes are kept; nothing is kept of keys, and nobody can say how large a dict is."""
    kept = keep(make_codec(retain, "v1"), body("a", note="x" * 1_000)).body
    match retain:
        case "bytes":
            assert isinstance(kept, bytes)
            assert len(kept) > 1_000
        case "compressed" | "metadata":
            assert isinstance(kept, bytes)
            assert 0 < len(kept) < 500
        case "objects":
            assert isinstance(kept, dict)
        case _:
            assert kept == b""


@pytest.mark.parametrize("retain", RETAIN_VALUES)
def test_only_what_is_compressed_can_have_a_dictionary(retain: Retain) -> None:
    assert (make_codec(retain, "v1").compression is not None) == (retain in {"compressed", "metadata"})


@pytest.mark.parametrize("retain", RETAIN_VALUES)
def test_labels_are_kept_by_all_that_keep_anything(retain: Retain) -> None:
    assert make_codec(retain, "v1").keeps_labels is (retain != "keys")


def test_usual_objects_are_decoded_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(json, "loads")  # an order of magnitude slower
    assert decode_object(b'{"a":{"b":[1,2.5,"c",null]}}') == {"a": {"b": [1, 2.5, "c", None]}}


class TestMetadata:
    def test_keeps_kind_and_version_beside_it(self) -> None:
        data = body("a", 7, spec={"x": 1}, status={"y": 2})
        kept = load("metadata", data)
        assert kept == {name: json.loads(data)[name] for name in ("kind", "apiVersion", "metadata")}

    def test_samples_of_a_dictionary_are_what_is_kept(self) -> None:
        codec = make_codec("metadata", "v1")
        keep(codec, body("a", spec={"x": "not kept"}))
        assert codec.compression is not None
        (sample,) = codec.compression.take_samples()
        assert b"not kept" not in sample
        assert b'"uid-a"' in sample


class TestKeys:
    def test_a_read_gives_who_it_is(self) -> None:
        expected = {"name": "a", "namespace": "default", "uid": "uid-a", "resourceVersion": "7"}
        assert load("keys", body("a", 7)) == {"kind": "Pod", "apiVersion": "v1", "metadata": expected}

    def test_an_object_without_a_namespace_is_given_none(self) -> None:
        node = b'{"kind":"Node","metadata":{"name":"n","uid":"u","resourceVersion":"1"}}'
        codec = make_codec("keys", "example.com/v2")
        found = codec.load(identity(node).key, keep(codec, node))
        expected = {"name": "n", "uid": "u", "resourceVersion": "1"}
        assert found == {"kind": "Node", "apiVersion": "example.com/v2", "metadata": expected}

    def test_kind_and_version_are_of_the_same_object(self) -> None:
        kind, version = "PartialObjectMetadata", "meta.k8s.io/v1"
        partial_one = b'{"kind":"%b","apiVersion":"%b","metadata":{"name":"n","resourceVersion":"1"}}'
        found = load("keys", partial_one % (kind.encode(), version.encode()))
        assert (found["kind"], found["apiVersion"]) == (kind, version)


class TestObjects:
    def test_the_one_copy_is_shared(self) -> None:
        codec = make_codec("objects", "v1")
        entry = keep(codec, body("a"))
        assert codec.load("default/a", entry) is codec.load("default/a", entry)

    @pytest.mark.parametrize("retain", ["compressed", "bytes", "metadata", "keys"])
    def test_all_others_are_private(self, retain: Retain) -> None:
        codec = make_codec(retain, "v1")
        entry = keep(codec, body("a"))
        first, second = codec.load("default/a", entry), codec.load("default/a", entry)
        assert first == second
        first["metadata"].clear()
        assert codec.load("default/a", entry) == second

    def test_a_transform_is_applied_once_and_before_it_is_kept(self) -> None:
        seen = []

        def transform(item: dict[str, Any]) -> dict[str, Any]:
            seen.append(item["metadata"]["name"])
            return {"only": item["metadata"]["name"]}

        codec = make_codec("objects", "v1", transform)
        entry = keep(codec, body("a"))
        assert [codec.load("default/a", entry) for _ in range(3)] == [{"only": "a"}] * 3
        assert codec.raw("default/a", entry) == b'{"only":"a"}'
        assert seen == ["a"]

    @pytest.mark.parametrize("retain", ["compressed", "bytes", "metadata", "keys"])
    def test_all_others_keep_what_came(self, retain: Retain) -> None:
        def transform(item: dict[str, Any]) -> dict[str, Any]:
            raise AssertionError(item)

        codec = make_codec(retain, "v1", transform)
        assert codec.load("default/a", keep(codec, body("a")))["metadata"]["name"] == "a"


def test_metadata_of_an_object_whose_kind_and_version_are_null() -> None:
    data = b'{"kind":null,"apiVersion":null,"metadata":{"name":"a","resourceVersion":"1"},"spec":{}}'
    codec = make_codec("metadata", "v1")
    assert codec.load("a", keep(codec, data)) == {"metadata": {"name": "a", "resourceVersion": "1"}}


class TestNumbers:
    """Legal JSON that is not in everybody's range."""

    @pytest.mark.parametrize("text", ["1e-400", "-0", "12345678901234567890123"])
    def test_are_read_as_python_reads_them(self, text: str) -> None:
        data = f'{{"metadata":{{"name":"a","resourceVersion":"1"}},"spec":{{"x":{text}}}}}'.encode()
        assert decode_object(data) == json.loads(data)

    @pytest.mark.parametrize("text", ["1e400", "-1E+400", "9" * 5_000 + "." + "9"])
    def test_those_that_no_float_can_hold_become_decimals_and_numbers_again(self, text: str) -> None:
        item = decode_object(f'{{"spec":{{"x":{text}}}}}'.encode())
        assert item["spec"]["x"] == Decimal(text)
        assert json.loads(encode_object(item), parse_float=Decimal)["spec"]["x"] == Decimal(text)

    @pytest.mark.parametrize(
        ("text", "kind"), [("7", int), ("-7.5", float), ("9" * 4_300, int), (TOO_LONG, Decimal), ("1e400", Decimal)]
    )
    def test_only_those_out_of_range_become_decimals(self, text: str, kind: type) -> None:
        item = decode_object(f'{{"infinite":1e400,"x":{text}}}'.encode())
        assert type(item["x"]) is kind
        assert str(item["x"]).lower().replace("+", "") == text

    def test_an_integer_of_thousands_of_digits_can_be_read(self) -> None:
        data = f'{{"metadata":{{"name":"a","resourceVersion":"1"}},"spec":{{"x":{TOO_LONG}}}}}'.encode()
        identity(data)  # it is taken in ...
        assert str(load("bytes", data)["spec"]["x"]) == TOO_LONG
        objects = make_codec("objects", "v1")
        assert objects.raw("default/a", keep(objects, data)) == data  # to the digit


@pytest.mark.parametrize("retain", ["", "all", "Compressed", None, 7])
def test_what_is_none_of_the_values_is_refused_with_those_that_are(retain: Any) -> None:
    with pytest.raises(ValueError, match=r"is none of 'compressed', 'bytes', 'objects', 'metadata', 'keys'"):
        make_codec(retain, "v1")


def test_the_values_are_those_of_the_type() -> None:
    assert get_args(Retain) == RETAIN_VALUES


@pytest.mark.parametrize(
    ("text", "value"), [("1e4123456789012345678901234567890", math.inf), ("-1E+9999999999999999999", -math.inf)]
)
def test_numbers_beyond_decimals_are_infinite_and_no_crash(text: str, value: float) -> None:
    assert decode_object(b'{"n":%s,"m":1e400}' % text.encode()) == {"n": value, "m": Decimal("1e400")}
