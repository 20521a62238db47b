import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeinformer._protocol.page_size import (
    FIRST_PAGE_LIMIT,
    LARGEST_LIMIT,
    TARGET_PAGE_BYTES,
    next_page_limit,
)


def test_the_first_page_is_bearable_even_with_the_largest_objects() -> None:
    assert FIRST_PAGE_LIMIT * 1.5 * 2**20 <= 2 * TARGET_PAGE_BYTES


@pytest.mark.parametrize(
    ("limit", "size", "items", "expected"),
    [
        pytest.param(4, 4 * 6_500, 4, 32, id="pods grow by 8 at most"),
        pytest.param(500, 500 * 6_500, 500, 645, id="then to the target"),
        pytest.param(20, 20 * 2**20, 20, 4, id="objects of 1 MiB: four make a page"),
        pytest.param(4, 4 * 10 * 2**20, 4, 1, id="never less than one"),
        pytest.param(2_000, 2_000 * 100, 2_000, 5_000, id="tiny objects: the largest limit"),
        pytest.param(77, 130, 0, 77, id="an empty page tells nothing"),
        pytest.param(20, 0, 5, 160, id="no bytes"),
        pytest.param(20, 20_000 * 6_500, 20_000, 160, id="a server that ignores the limit"),
    ],
)
def test_limit_follows_bytes(limit: int, size: int, items: int, expected: int) -> None:
    assert next_page_limit(limit, size, items) == expected


@given(limit=st.integers(1, LARGEST_LIMIT), size=st.integers(0, 2**32), items=st.integers(0, 10**6))
def test_limit_stays_within_bounds_and_near_the_target(limit: int, size: int, items: int) -> None:
    following = next_page_limit(limit, size, items)
    assert 1 <= following <= LARGEST_LIMIT
    if items and following > 1:
        assert following * size <= TARGET_PAGE_BYTES * items
