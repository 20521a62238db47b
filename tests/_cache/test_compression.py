"""Bodies get small, stay readable through every dictionary, and never come back as something else."""

import sys

import pytest
from tests._cache.bodies import body, fill, random_bytes, shaped, trained

from kubeinformer._cache.compression import (
    DICTIONARY_BYTES,
    DICTIONARY_LIMIT,
    LARGEST_SAMPLE,
    PLAIN,
    SAMPLE_BYTES,
    SAMPLE_COUNT,
    WINDOW,
    Compression,
    Damaged,
    train,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

READY = SAMPLE_COUNT  # bodies until there is a dictionary to be made


def with_dictionary(shape: str = "a") -> Compression:
    made = Compression()
    fill(made, shape, READY)
    retrain(made)
    return made


def retrain(made: Compression) -> None:
    """What the runtime does when there are samples."""
    assert made.has_enough_samples
    dictionary = train(made.take_samples())
    assert dictionary is not None
    made.install(dictionary)


class TestRoundTrip:
    @pytest.mark.parametrize("data", [b"", b"{}", shaped("a", 1), random_bytes(200_000), b"x" * 1_000_000])
    @pytest.mark.parametrize("dictionaries", [0, 1, 2])
    def test_any_bytes_come_back(self, data: bytes, dictionaries: int) -> None:
        made = Compression()
        for _ in range(dictionaries):
            made.install(trained())
        encoding, kept = made.compress(data)
        assert encoding == made.current == dictionaries
        assert made.decompress(encoding, kept) == data

    def test_repetition_within_a_body_is_used_without_a_dictionary(self) -> None:
        data = body("a", note="x" * 1_000)
        encoding, kept = Compression().compress(data)
        assert encoding == PLAIN
        assert len(kept) < len(data) / 4

    @pytest.mark.parametrize("dictionaries", [0, 1])
    def test_each_body_carries_a_checksum_and_no_dictionarys_number(self, dictionaries: int) -> None:
        made = with_dictionary() if dictionaries else Compression()
        _, kept = made.compress(body("a"))
        descriptor = kept[4]  # RFC 8878, section 3.1.1.1.1
        assert descriptor & 0b111 == 0b100


class TestDictionary:
    def test_makes_bodies_like_its_samples_small(self) -> None:
        plain, made = Compression(), with_dictionary()
        new = shaped("a", 5_000)  # not among the samples
        assert len(made.compress(new)[1]) < len(plain.compress(new)[1]) / 3

    def test_has_a_bounded_size(self) -> None:
        large = [random_bytes(LARGEST_SAMPLE, seed) for seed in range(16)]
        assert len(trained(large)) <= DICTIONARY_BYTES

    @pytest.mark.parametrize("samples", [[], [b""], [b"{}"], [b"", b"{}"] * 3])
    def test_none_is_made_of_samples_without_content(self, samples: list[bytes]) -> None:
        assert train(samples) is None

    def test_is_made_of_samples_from_the_first_to_the_last(self) -> None:
        """Samples are more than a dictionary holds; those of one namespace stand together in them."""
        common = [random_bytes(2_000, seed).hex() for seed in range(4)]
        samples = [body(f"web-{number}", note=text) for text in common for number in range(32)]
        assert sum(map(len, samples)) > DICTIONARY_BYTES * 4
        made = Compression()
        made.install(trained(samples))
        for text in common:
            assert len(made.compress(body("new", note=text))[1]) < 200

    def test_is_made_of_all_samples_where_they_are_few(self) -> None:
        samples = [random_bytes(500, seed) for seed in range(3)]
        made = Compression()
        made.install(trained(samples))
        assert all(len(made.compress(data)[1]) < 50 for data in samples)

    def test_none_is_made_where_the_library_finds_nothing_to_make_one_of(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise zstd.ZstdError

        monkeypatch.setattr("kubeinformer._cache.compression.zstd.finalize_dict", refuse)
        assert train([shaped("a", 1)]) is None

    def test_earlier_bodies_stay_readable(self) -> None:
        made = Compression()
        kept = [(shaped(shape, 1), *made.compress(shaped(shape, 1))) for shape in "ab"]
        for shape in "abc":
            made.install(trained([shaped(shape, number) for number in range(64)]))
            kept.append((shaped(shape, 2), *made.compress(shaped(shape, 2))))
        assert [encoding for _, encoding, _ in kept] == [PLAIN, PLAIN, 1, 2, 3]
        assert all(made.decompress(encoding, small) == data for data, encoding, small in kept)


class TestSamples:
    def test_enough_by_their_number(self) -> None:
        made = Compression()
        fill(made, "a", SAMPLE_COUNT - 1)
        assert not made.has_enough_samples
        fill(made, "a", 1)
        assert made.has_enough_samples

    def test_enough_by_their_size(self) -> None:
        made = Compression()
        for _ in range(2 * 2**20 // LARGEST_SAMPLE):
            assert not made.has_enough_samples
            made.compress(b"x" * LARGEST_SAMPLE)
        assert made.has_enough_samples
        assert sum(map(len, made.take_samples())) == SAMPLE_BYTES == 2 * 2**20

    def test_large_bodies_are_none(self) -> None:
        made = Compression()
        for _ in range(SAMPLE_COUNT):
            made.compress(b"x" * (LARGEST_SAMPLE + 1))
        assert not made.has_enough_samples
        assert made.take_samples() == []

    def test_are_the_bodies_themselves_and_handed_over_once(self) -> None:
        made = Compression()
        fill(made, "a", READY)
        assert made.take_samples() == [shaped("a", number) for number in range(READY)]
        assert made.take_samples() == []
        assert not made.has_enough_samples

    def test_none_are_taken_while_a_dictionary_is_made_or_does_its_work(self) -> None:
        made = Compression()
        fill(made, "a", READY)
        samples = made.take_samples()
        fill(made, "a", READY)
        assert not made.has_enough_samples
        assert made.take_samples() == []
        dictionary = train(samples)
        assert dictionary is not None
        made.install(dictionary)
        fill(made, "a", WINDOW * 4)
        assert not made.has_enough_samples
        assert made.take_samples() == []

    def test_no_more_are_held_than_are_needed(self) -> None:
        """Whoever takes them may be busy for a while, with bringing bodies over to the dictionary before."""
        made = Compression()
        fill(made, "a", SAMPLE_COUNT * 3)
        assert made.has_enough_samples
        assert len(made.take_samples()) <= SAMPLE_COUNT
        large = Compression()
        for _ in range(SAMPLE_COUNT - 1):
            large.compress(b"x" * LARGEST_SAMPLE)
        assert sum(map(len, large.take_samples())) < SAMPLE_BYTES + LARGEST_SAMPLE


class TestRetraining:
    """A dictionary is judged by the bodies that came first after it."""

    def test_another_shape_gets_a_dictionary_of_its_own(self) -> None:
        made = with_dictionary("a")
        old = made.compress(shaped("a", 9))
        fill(made, "a", WINDOW)
        before = len(made.compress(shaped("b", 9_999))[1])
        fill(made, "b", WINDOW * 2)  # the window in which the shape changes may be of both
        fill(made, "b", READY)
        retrain(made)
        encoding, after = made.compress(shaped("b", 9_999))
        assert encoding == 2
        assert len(after) < before / 2
        assert made.decompress(encoding, after) == shaped("b", 9_999)
        assert made.decompress(*old) == shaped("a", 9)

    def test_needs_samples_of_the_new_shape_first(self) -> None:
        made = with_dictionary("a")
        fill(made, "a", WINDOW)
        fill(made, "b", WINDOW)
        ready = [made.has_enough_samples]
        for count in (READY - 1, 1):
            fill(made, "b", count)
            ready.append(made.has_enough_samples)
        assert ready == [False, False, True]
        assert made.take_samples() == [*(shaped("b", number) for number in range(READY - 1)), shaped("b", 0)]

    def test_bodies_from_before_it_was_there_do_not_count(self) -> None:
        """They keep coming while it is made, and are as large as if there was none."""
        made = Compression()
        fill(made, "a", READY)
        samples = made.take_samples()
        fill(made, "a", WINDOW + WINDOW // 2)
        made.install(trained(samples))
        fill(made, "a", WINDOW)
        fill(made, "b", WINDOW + READY)
        assert made.has_enough_samples

    @pytest.mark.parametrize(("noise", "is_worse"), [(280, False), (400, True)])
    def test_half_as_large_again_is_another_shape(self, noise: int, is_worse: bool) -> None:  # noqa: FBT001
        made = with_dictionary("a")
        for size, count in ((200, WINDOW), (noise, WINDOW + READY)):
            for number in range(count):
                made.compress(shaped("a", number) + random_bytes(size, number))
        assert made.has_enough_samples is is_worse

    def test_less_than_a_window_of_another_shape_changes_nothing(self) -> None:
        made = with_dictionary("a")
        fill(made, "a", WINDOW)
        for _ in range(4):
            fill(made, "a", WINDOW - 10)
            fill(made, "b", 10)
        fill(made, "b", READY)
        assert not made.has_enough_samples

    def test_larger_bodies_that_gain_as_much_are_no_other_shape(self) -> None:
        def some(number: int, count: int) -> bytes:
            return b"".join(shaped("a", number + index) + random_bytes(100, number + index) for index in range(count))

        made = with_dictionary("a")
        for number in range(WINDOW - 1):
            made.compress(some(number, 1))
        made.compress(some(WINDOW, 10))
        for number in range(WINDOW * 2):
            made.compress(some(number, 3))
        for number in range(WINDOW + READY):
            made.compress(some(number, 1))
        assert not made.has_enough_samples

    def test_what_a_new_dictionary_gains_is_judged_by_itself(self) -> None:
        """The new shape may be one that never gets as small as the one before."""

        def noisy(number: int) -> bytes:
            return shaped("b", number) + random_bytes(200, number)

        made = with_dictionary("a")
        fill(made, "a", WINDOW)
        for number in range(WINDOW + READY):
            made.compress(noisy(number))
        retrain(made)
        for number in range(WINDOW * 4 + READY):
            made.compress(noisy(number))
        assert not made.has_enough_samples
        assert made.current == 2

    def test_the_number_of_dictionaries_is_bounded(self) -> None:
        made = Compression()
        shapes = "abcdefghijklmnopq"
        for shape in shapes:
            fill(made, shape, WINDOW * 2 + READY)
            if made.has_enough_samples:
                retrain(made)
            fill(made, shape, WINDOW)
        assert len(shapes) > DICTIONARY_LIMIT
        assert made.current == DICTIONARY_LIMIT
        assert made.decompress(*made.compress(shaped("z", 1))) == shaped("z", 1)

    def test_samples_that_made_no_dictionary_do_not_end_it(self) -> None:
        made = Compression()
        fill(made, "a", READY)
        made.take_samples()  # and train() gave None
        fill(made, "a", WINDOW)
        for number in range(WINDOW + READY):
            made.compress(random_bytes(500, number))
        assert made.has_enough_samples
        made.take_samples()  # and again
        fill(made, "a", WINDOW)
        for number in range(WINDOW + READY):
            made.compress(random_bytes(500, number))
        assert made.has_enough_samples


class TestRecode:
    def test_brings_a_body_over_when_that_makes_it_smaller(self) -> None:
        made = Compression()
        encoding, plain = made.compress(shaped("a", 1))
        made.install(trained())
        anew, small = made.recode(encoding, plain)
        assert anew == 1
        assert len(small) < len(plain)
        assert made.decompress(anew, small) == shaped("a", 1)

    def test_keeps_a_body_that_the_older_dictionary_serves_better(self) -> None:
        made = with_dictionary("a")
        kept = made.compress(shaped("a", 1))
        made.install(trained([shaped("b", number) for number in range(64)]))
        assert made.recode(*kept) == kept

    def test_keeps_a_body_that_becomes_no_smaller(self) -> None:
        made = Compression()
        made.install(trained())
        kept = made.compress(shaped("a", 1))
        made.install(trained())
        assert made.recode(*kept) == kept

    def test_takes_no_samples_and_judges_nothing(self) -> None:
        made = Compression()
        kept = made.compress(shaped("a", 1))
        for _ in range(SAMPLE_COUNT):
            made.recode(*kept)
        assert not made.has_enough_samples

    def test_refuses_a_damaged_body(self) -> None:
        made = with_dictionary()
        with pytest.raises(Damaged, match="Unable to decompress"):
            made.recode(PLAIN, b"garbage")
