import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._protocol.strategies import RESOURCE, chunk_sizes, cut

from kubeinformer._protocol.frames import LineFramer
from kubeinformer.errors import MalformedData, ObjectTooLarge


def framed(data: bytes, sizes: list[int] | None = None, *, limit: int = 1_000) -> list[tuple[int, bytes]]:
    framer = LineFramer(RESOURCE, size_limit=limit)
    lines = [line for chunk in cut(data, sizes or []) for line in framer.feed(chunk)]
    framer.finish()
    return lines


@given(lines=st.lists(st.text(st.sampled_from("a\u2028\u0085\x1e\r\f {"), max_size=20)), sizes=chunk_sizes)
def test_any_chunks_give_the_same_lines_and_positions(lines: list[str], sizes: list[int]) -> None:
    data = "".join(line + "\n" for line in lines).encode()
    expected = [line.encode() for line in lines if line not in {"", "\r"}]
    found = framed(data, sizes)
    assert [line for _, line in found] == expected
    assert all(data[position:].startswith(line + b"\n") for position, line in found)
    assert all(not position or data[position - 1 : position] == b"\n" for position, _ in found)


@pytest.mark.parametrize("sizes", [[], [1], [2], [3, 1]])
def test_blank_lines_are_skipped_and_counted(sizes: list[int]) -> None:
    assert framed(b"\n\r\na\n\nb\r\n\r\n", sizes) == [(3, b"a"), (6, b"b\r")]


def test_lines_are_bytes_of_their_own() -> None:
    framer = LineFramer(RESOURCE, size_limit=100)
    [first] = framer.feed(b"one\ntw")
    assert framer.pending == 2
    [second] = framer.feed(b"o\n")
    assert (first, second) == ((0, b"one"), (4, b"two"))
    assert type(second[1]) is bytes
    assert framer.pending == 0


@pytest.mark.parametrize("sizes", [[], [1], [7]])
def test_the_limit_itself_is_allowed(sizes: list[int]) -> None:
    line = b"x" * 10
    assert framed((line + b"\n") * 3, sizes, limit=10) == [(0, line), (11, line), (22, line)]


@pytest.mark.parametrize("sizes", [[], [1], [7]])
@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_line_over_the_limit_is_refused_after_those_before_it(sizes: list[int], ending: bytes) -> None:
    framer = LineFramer(RESOURCE, size_limit=10)
    found: list[tuple[int, bytes]] = []
    lines = (line for chunk in cut(b"ok\n" + b"x" * 11 + ending, sizes) for line in framer.feed(chunk))
    with pytest.raises(ObjectTooLarge, match=r"v1/pods at byte 3: .*more than 10 bytes") as caught:
        found.extend(lines)
    assert found == [(0, b"ok")]
    assert caught.value.position == 3


def test_a_line_over_the_limit_is_refused_before_it_is_complete() -> None:
    framer = LineFramer(RESOURCE, size_limit=10)
    assert list(framer.feed(b"x" * 10)) == []
    with pytest.raises(ObjectTooLarge):
        list(framer.feed(b"x"))
    assert framer.pending <= 10


def test_a_stream_that_ends_inside_a_line_was_cut() -> None:
    framer = LineFramer(RESOURCE, size_limit=100)
    assert list(framer.feed(b'{}\n{"type":')) == [(0, b"{}")]
    with pytest.raises(MalformedData, match=r"v1/pods at byte 3: .*cut in the middle of an event, after 8 of"):
        framer.finish()


def test_an_event_without_its_newline_was_cut_too() -> None:
    framer = LineFramer(RESOURCE, size_limit=100)
    assert list(framer.feed(b"{}")) == []
    with pytest.raises(MalformedData, match="cut"):
        framer.finish()


def test_a_lone_carriage_return_at_the_end_is_no_event() -> None:
    assert framed(b"a\n\r") == [(0, b"a")]


@pytest.mark.timeout(20)
def test_small_chunks_of_a_large_line_take_linear_time() -> None:
    """A framer that searches, or joins, all it has at each chunk would copy 2.5 TB here."""
    line = b"x" * 10_000_000
    [(position, found)] = framed(line + b"\n", [40], limit=20_000_000)
    assert (position, found) == (0, line)
