"""Rows for objects that no honest server sends; those of honest ones are in test_watch."""

import json
from decimal import Decimal
from typing import Any, cast

import pytest

from kubeinformer import Added, RawObject, Store
from kubeinformer.cli._output import Output
from kubeinformer.cli._views import Format, View, make_view


class Hostile:
    """A store whose one object tries to take the terminal over."""

    key = "ns\x1b]0;owned\x07/web\x1b[2J"

    def metadata(self, key: str) -> RawObject:
        assert key == self.key
        return {"resourceVersion": "1\x1b[A", "creationTimestamp": "\x1b[31m"}

    def raw(self, key: str) -> bytes:
        assert key == self.key
        return b'{\r\n  "a": [\n1,\n2]\n}'


@pytest.fixture
def store() -> Store[RawObject]:
    return cast("Store[RawObject]", Hostile())


def view(form: Format) -> tuple[View, Output]:
    output = Output()
    return make_view(form, output), output


@pytest.mark.parametrize("form", [Format.TABLE, Format.NAME])
def test_no_escape_sequence_reaches_the_terminal(
    form: Format, store: Store[RawObject], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    rows, output = view(form)
    rows.begin([Hostile.key], live=True)
    rows.row(store, Hostile.key)
    rows.event(Added(Hostile.key, {"metadata": store.metadata(Hostile.key)}))
    output.flush()
    out = capsysbinary.readouterr().out
    assert b"web\\x1b[2J" in out
    assert not set(out) - set(b"\n") & set(range(32))


def test_an_indented_object_is_still_one_line(
    store: Store[RawObject], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    rows, output = view(Format.JSON)
    rows.row(store, Hostile.key)
    output.flush()
    assert [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()] == [{"a": [1, 2]}]


def test_an_object_that_is_gone_meanwhile_has_no_row(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    class Empty:
        def raw(self, key: str) -> None:
            del key

    rows, output = view(Format.JSON)
    rows.row(cast("Any", Empty()), "a/b")
    output.flush()
    assert capsysbinary.readouterr().out == b""


def test_numbers_of_any_size_stay_numbers(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    rows, output = view(Format.JSON)
    rows.event(Added("a/b", {"metadata": {"name": "b"}, "spec": [Decimal("1E+400"), Decimal("9" * 5_000)]}))
    output.flush()
    assert b'"spec":[1E+400,' + b"9" * 5_000 + b"]" in capsysbinary.readouterr().out


def test_a_namespace_that_comes_after_a_heading_without_one_is_shown(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    rows, output = view(Format.TABLE)
    rows.begin([], live=True)
    rows.event(Added("default/web-0", {"metadata": {"resourceVersion": "7"}}))
    output.flush()
    assert capsysbinary.readouterr().out.splitlines() == [
        b"EVENT     NAME VERSION    AGE",
        b"ADDED     default web-0 7          <unknown>",
    ]
