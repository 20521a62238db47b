import gzip
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._protocol.strategies import RESOURCE, chunk_sizes, cut

from kubeinformer._protocol.gzip import BodyDecoder, GzipDecoder, IdentityDecoder, body_decoder
from kubeinformer.errors import MalformedData


def decoded(decoder: BodyDecoder, data: bytes, sizes: list[int] | None = None) -> bytes:
    pieces = [piece for chunk in cut(data, sizes or []) for piece in decoder.feed(chunk)]
    decoder.finish()
    assert all(pieces)
    return b"".join(pieces)


@given(
    members=st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 40)), max_size=5),
    sizes=chunk_sizes,
    max_output=st.integers(1, 300),
)
def test_any_members_with_any_padding_in_any_chunks_decode_to_the_same(
    members: list[tuple[bytes, int]], sizes: list[int], max_output: int
) -> None:
    stream = b"".join(gzip.compress(content, mtime=0) + bytes(padding) for content, padding in members)
    expected = b"".join(content for content, _ in members)
    assert decoded(GzipDecoder(RESOURCE, max_output=max_output), stream, sizes) == expected


@given(content=st.binary(max_size=300), sizes=chunk_sizes, max_output=st.integers(1, 300))
def test_identity_hands_over_what_came(content: bytes, sizes: list[int], max_output: int) -> None:
    decoder = IdentityDecoder(max_output=max_output)
    assert decoded(decoder, content, sizes) == content
    assert all(len(piece) <= max_output for piece in decoder.feed(content))


def test_headers_with_all_optional_fields_are_members_too() -> None:
    raw = zlib.compressobj(wbits=-15)
    content = raw.compress(b"hello") + raw.flush()
    trailer = zlib.crc32(b"hello").to_bytes(4, "little") + (5).to_bytes(4, "little")
    member = b"\x1f\x8b\x08\x1c" + bytes(6) + b"\x03\0abc" + b"name\0" + b"comment\0" + content + trailer
    assert decoded(GzipDecoder(RESOURCE), member + member, [1]) == b"hellohello"


@pytest.mark.parametrize("max_output", [1, 1_000, 65_536])
def test_a_bomb_never_gives_more_than_max_output_at_a_time(max_output: int) -> None:
    size = 300 * max_output
    pieces = [len(piece) for piece in GzipDecoder(RESOURCE, max_output=max_output).feed(gzip.compress(bytes(size)))]
    assert sum(pieces) == size
    assert max(pieces) <= max_output


@pytest.mark.parametrize("max_output", [1, 7, 250, 500, 999, 1_000, 1_001])
def test_all_that_can_be_decoded_comes_at_once(max_output: int) -> None:
    """The next bytes of a watch may be minutes away."""
    member = zlib.compressobj(wbits=31)
    flushed = member.compress(b"x" * 1_000) + member.flush(zlib.Z_SYNC_FLUSH)
    for length in range(len(flushed) + 1):
        pieces = GzipDecoder(RESOURCE, max_output=max_output).feed(flushed[:length])
        assert b"".join(pieces) == zlib.decompressobj(31).decompress(flushed[:length])


def test_a_bomb_is_not_unpacked_before_its_pieces_are_asked_for() -> None:
    pieces = GzipDecoder(RESOURCE).feed(gzip.compress(bytes(50_000_000)))
    assert len(next(pieces)) == 262_144


def test_one_chunk_of_many_members_takes_linear_time() -> None:
    """Each member hands back what follows it: with the whole chunk on offer these would be 900 GB of copies."""
    member = gzip.compress(b"", mtime=0)
    assert decoded(GzipDecoder(RESOURCE), member * 300_000) == b""


def test_long_padding_is_skipped() -> None:
    stream = gzip.compress(b"a") + bytes(200_000) + gzip.compress(b"b") + bytes(200_000)
    assert decoded(GzipDecoder(RESOURCE), stream) == b"ab"


def test_the_end_between_members_is_an_end() -> None:
    decoder = GzipDecoder(RESOURCE)
    decoder.finish()
    assert decoded(decoder, gzip.compress(b"a")) == b"a"


def test_each_end_inside_a_member_is_an_error() -> None:
    stream = gzip.compress(b"first") + gzip.compress(b"second")
    boundaries = {0, len(gzip.compress(b"first")), len(stream)}
    for length in set(range(len(stream))) - boundaries:
        decoder = GzipDecoder(RESOURCE)
        for _ in decoder.feed(stream[:length]):
            pass
        with pytest.raises(MalformedData, match=f"v1/pods: .*inside member [12] .* after {length} compressed bytes"):
            decoder.finish()


def test_a_broken_checksum_names_member_and_byte() -> None:
    good, broken = gzip.compress(b"good") * 2, bytearray(gzip.compress(b"broken"))
    broken[-5] ^= 1
    where = f"member 3, at or after compressed byte {len(good)}"
    with pytest.raises(MalformedData, match=f"v1/pods: .*{where} .*incorrect data check"):
        decoded(GzipDecoder(RESOURCE), good + bytes(broken))


def test_what_is_no_gzip_is_refused_at_its_first_byte() -> None:
    with pytest.raises(MalformedData, match=r"member 1, at or after compressed byte 0 .*incorrect header check"):
        decoded(GzipDecoder(RESOURCE), b'{"kind":"PodList"}')


def test_zeros_before_the_first_member_are_no_padding() -> None:
    with pytest.raises(MalformedData, match="incorrect header check"):
        decoded(GzipDecoder(RESOURCE), bytes(10) + gzip.compress(b"a"))


def test_only_zeros_are_padding() -> None:
    for byte in range(1, 256):
        with pytest.raises(MalformedData, match="member 2"):
            decoded(GzipDecoder(RESOURCE), gzip.compress(b"first") + bytes([0, byte, byte]))


def test_garbage_after_a_member_names_its_byte() -> None:
    first = gzip.compress(b"first") + bytes(3)
    with pytest.raises(MalformedData, match=f"member 2, at or after compressed byte {len(first)}"):
        decoded(GzipDecoder(RESOURCE), first + b"garbage")


def test_incompressible_data_larger_than_a_slice_decodes() -> None:
    content = random.Random(1).randbytes(300_000)  # noqa: S311 - hides nothing
    assert decoded(GzipDecoder(RESOURCE), gzip.compress(content), [100_000]) == content


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (None, IdentityDecoder),
        ("", IdentityDecoder),
        ("identity", IdentityDecoder),
        ("gzip", GzipDecoder),
        (" X-GZIP ", GzipDecoder),
    ],
)
def test_the_header_chooses_the_decoder(header: str | None, kind: type) -> None:
    decoder = body_decoder(RESOURCE, header)
    assert type(decoder) is kind
    if kind is GzipDecoder:
        with pytest.raises(MalformedData, match="v1/pods"):
            decoded(decoder, b"no gzip")


@pytest.mark.parametrize("header", ["br", "gzip, gzip", "zstd" * 1_000])
def test_encodings_that_were_not_asked_for_are_refused_briefly(header: str) -> None:
    problem = f"content-encoding {header[:40]!r}, which was not asked for"
    with pytest.raises(MalformedData, match=rf"v1/pods: {problem}"):
        body_decoder(RESOURCE, header)
