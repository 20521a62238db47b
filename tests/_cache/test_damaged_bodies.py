"""Bodies in damaged memory: an error, or by luck the very bytes that were compressed; never another object."""

import pytest
from tests._cache.bodies import random_bytes, shaped, trained

from kubeinformer._cache.compression import PLAIN, SAMPLE_COUNT, Compression, Damaged


def with_dictionary(shape: str = "a") -> Compression:
    made = Compression()
    made.install(trained([shaped(shape, number) for number in range(SAMPLE_COUNT)]))
    return made


@pytest.mark.parametrize("made", [Compression(), with_dictionary()], ids=["plain", "dictionary"])
def test_no_flipped_bit_gives_another_object(made: Compression) -> None:
    """A few bits of a frame mean nothing; all others are noticed."""
    data = shaped("a", 7_777)
    encoding, kept = made.compress(data)
    noticed = 0
    for bit in range(len(kept) * 8):
        damaged = bytearray(kept)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            assert made.decompress(encoding, bytes(damaged)) == data
        except Damaged:
            noticed += 1
    assert noticed > len(kept) * 8 * 0.95


@pytest.mark.parametrize("made", [Compression(), with_dictionary()], ids=["plain", "dictionary"])
def test_no_overwritten_byte_gives_another_object(made: Compression) -> None:
    data = shaped("a", 7_777)
    encoding, kept = made.compress(data)
    for position in range(len(kept)):
        for value in (0x00, 0xFF, kept[position] ^ 0xFF, ord("A")):
            damaged = bytes([*kept[:position], value, *kept[position + 1 :]])
            try:
                assert made.decompress(encoding, damaged) == data
            except Damaged:
                assert damaged != kept


@pytest.mark.parametrize("made", [Compression(), with_dictionary()], ids=["plain", "dictionary"])
def test_a_cut_body_is_noticed(made: Compression) -> None:
    encoding, kept = made.compress(shaped("a", 1))
    for size in range(len(kept)):
        with pytest.raises(Damaged):
            made.decompress(encoding, kept[:size])


@pytest.mark.parametrize("garbage", [b"", b"\0", b"\0" * 500, b"\xff" * 500, b'{"kind":"Pod"}', random_bytes(500)])
def test_what_is_no_frame_is_noticed(garbage: bytes) -> None:
    with pytest.raises(Damaged):
        with_dictionary().decompress(1, garbage)


def test_a_header_that_claims_more_than_there_is_memory_is_noticed() -> None:
    claims = b"\x28\xb5\x2f\xfd" + bytes([0b11100000]) + b"\xff" * 8 + b"\0" * 20
    with pytest.raises(Damaged):
        Compression().decompress(PLAIN, claims)


def test_memory_that_cannot_be_had_is_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a damaged size in a header leads to is the library's affair, and may change."""

    def refuse(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr("kubeinformer._cache.compression.zstd.decompress", refuse)
    with pytest.raises(Damaged):
        Compression().decompress(*Compression().compress(b"{}"))


def test_a_body_under_another_dictionary_than_its_own_is_noticed() -> None:
    made = with_dictionary("a")
    _, kept = made.compress(shaped("a", 1))
    made.install(trained([shaped("b", number) for number in range(64)]))
    for encoding in (PLAIN, 2):
        with pytest.raises(Damaged):
            made.decompress(encoding, kept)


def test_the_error_quotes_nothing_of_the_body() -> None:
    encoding, kept = Compression().compress(b"very secret" * 3)
    with pytest.raises(Damaged) as caught:
        Compression().decompress(encoding, kept[:-1])
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
