import io
import signal
import sys

import pytest

from kubeinformer.cli._ending import CommandError
from kubeinformer.cli._output import Output


class Pieces(io.RawIOBase):
    def __init__(self) -> None:
        self.sizes: list[int] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        size = len(data)  # type: ignore[arg-type]  # a buffer
        self.sizes.append(size)
        return size


def replace_stdout(monkeypatch: pytest.MonkeyPatch) -> Pieces:
    """Not a fixture: pytest puts its own stdout back before a test begins."""
    pieces = Pieces()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(pieces), "ascii"))
    return pieces


def test_a_long_output_leaves_in_blocks_as_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = replace_stdout(monkeypatch)
    output = Output()
    for _ in range(1000):
        output.line(bytes(999))
    assert sum(pieces.sizes) > 900_000
    assert max(pieces.sizes) < 70_000
    output.flush()
    assert sum(pieces.sizes) == 1_000_000


def test_nothing_to_flush_is_no_write(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = replace_stdout(monkeypatch)
    Output().flush()
    assert pieces.sizes == []


def test_what_the_character_set_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    output = Output()
    output.text("größe")
    output.flush()
    assert raw.getvalue() == b"gr\\xf6\\xdfe\n"


def test_a_closed_stdout_is_an_error_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(CommandError, match="stdout is closed"):
        Output()


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda *_: None])
def test_the_handler_of_ctrl_c_is_as_before_afterwards(handler: object, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = replace_stdout(monkeypatch)
    before = signal.signal(signal.SIGINT, handler)  # type: ignore[arg-type]  # what signal() takes
    try:
        with Output() as output:
            output.text("x")
            output.flush()
        assert pieces.sizes
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_after_ctrl_c_no_write_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = replace_stdout(monkeypatch)
    passed_on: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: passed_on.append(number))
    try:
        with Output() as output:
            output.text("x")
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                output.flush()
    finally:
        signal.signal(signal.SIGINT, before)
    assert passed_on == [signal.SIGINT]  # to asyncio, which cancels what is not writing
    assert pieces.sizes == []


def test_ctrl_c_ends_a_write_on_the_spot(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = replace_stdout(monkeypatch)
    monkeypatch.setattr(pieces, "write", lambda _: signal.raise_signal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with Output() as output, pytest.raises(KeyboardInterrupt):
            output.line(bytes(100_000))
    finally:
        signal.signal(signal.SIGINT, before)
