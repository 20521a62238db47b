import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeinformer._protocol.versions import has_reached, is_comparable, is_earlier


@given(current=st.integers(0, 10**25), wanted=st.integers(0, 10**25))
def test_decimal_numbers_compare_as_numbers(current: int, wanted: int) -> None:
    assert has_reached(str(current), str(wanted)) is (current >= wanted)
    assert is_earlier(str(current), str(wanted)) is (current < wanted)


def test_numbers_compare_by_value_not_by_letters() -> None:
    assert has_reached("10", "9")
    assert not has_reached("9", "10")


def test_numbers_longer_than_python_would_parse_compare_too() -> None:
    assert has_reached("9" * 5_000, "1")
    assert not has_reached("1", "9" * 5_000)
    assert has_reached("9" * 5_000, "9" * 4_999 + "8")
    assert has_reached("007", "7")
    assert has_reached("7", "007")


def test_nothing_is_reached_before_the_first_snapshot() -> None:
    assert not has_reached(None, "0")


@pytest.mark.parametrize("odd", ["", "abc", "-1", "1.0", " 1", "1_0", "٣", "²", "0x1"])
def test_what_is_no_number_only_equals_itself(odd: str) -> None:
    assert not is_comparable(odd)
    assert has_reached(odd, odd)
    assert not has_reached(odd, "1")
    assert not has_reached("1", odd)
    assert not any(is_earlier(one, other) for one, other in [(odd, odd), (odd, "1"), ("1", odd)])


def test_a_number_is_comparable() -> None:
    assert is_comparable("0")
    assert is_comparable("18446744073709551616")


@given(one=st.integers(0, 10**25), other=st.integers(0, 10**25))
def test_of_two_numbers_the_smaller_is_earlier(one: int, other: int) -> None:
    assert is_earlier(str(one), str(other)) is (one < other)


@pytest.mark.parametrize(
    ("version", "than", "earlier"),
    [
        ("1", "2", True),
        ("2", "1", False),
        ("7", "7", False),
        ("9", "10", True),
        ("10", "9", False),
        ("007", "7", False),
        ("7", "007", False),
        ("006", "7", True),
        ("ab", "ac", False),
        ("ab", "1", False),
        ("1", "ab", False),
        ("", "1", False),
    ],
)
def test_earlier_is_by_value_and_of_numbers_only(version: str, than: str, earlier: bool) -> None:  # noqa: FBT001
    assert is_earlier(version, than) is earlier
