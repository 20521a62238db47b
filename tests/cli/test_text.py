import io
from datetime import UTC, datetime

import pytest

from kubeinformer.cli._text import age, is_terminal, megabytes, one_line, printable


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("default/web-0", "default/web-0"),
        ("größe 名", "größe 名"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\x9b31m", "a\\x9b31m"),  # the one-byte form of ESC [
        ("a\x7f\b", "a\\x7f\\x08"),
        ("a\u202eb", "a\\u202eb"),  # turns the reading direction round
        ("a\ud800", "a\\ud800"),  # JSON can say it, no terminal can show it
        ("a\r\nb", "a\\r\\nb"),
    ],
)
def test_what_cannot_be_seen_is_escaped(text: str, safe: str) -> None:
    assert printable(text) == safe


def test_an_error_of_many_lines_becomes_one() -> None:
    assert one_line("no:\n  a\t b\x1b[0m\r\n") == "no: a b\\x1b[0m"


@pytest.mark.parametrize(
    ("timestamp", "said"),
    [
        ("2026-07-01T11:59:57Z", "3s"),
        ("2026-07-01T11:58:01Z", "119s"),
        ("2026-07-01T11:58:00Z", "2m"),
        ("2026-07-01T09:00:00Z", "3h"),
        ("2026-06-29T12:00:01Z", "47h"),
        ("2026-06-29T12:00:00Z", "2d"),
        ("2023-06-01T12:00:00Z", "3y31d"),
        ("2026-07-01T13:00:00Z", "0s"),  # the server's clock is ahead
        ("2026-07-01T12:00:00", "<unknown>"),
        ("yesterday", "<unknown>"),
        (None, "<unknown>"),
        (17, "<unknown>"),
    ],
)
def test_age(timestamp: object, said: str) -> None:
    assert age(timestamp, datetime(2026, 7, 1, 12, tzinfo=UTC)) == said


def test_megabytes() -> None:
    assert megabytes(1_234_567_890) == "1,234.6 MB"


def test_a_closed_stream_is_no_terminal() -> None:
    assert not is_terminal(None)
    assert not is_terminal(io.StringIO())
