import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeinformer._protocol.continuation import Continuation
from kubeinformer._protocol.pages import PageMeta


def meta(token: str, version: str = "7", kind: str = "Pod", api_version: str = "v1") -> PageMeta:
    return PageMeta(version, token, kind, api_version, None, None)


@given(pages=st.integers(1, 200))
def test_a_list_of_any_length_is_fine(pages: int) -> None:
    continuation = Continuation.after_first(meta("t0"))
    assert (continuation.token, continuation.pages) == ("t0", 1)
    for number in range(1, pages):
        assert continuation.problem(meta(f"t{number}")) is None
        continuation = continuation.after(meta(f"t{number}"))
        assert (continuation.token, continuation.pages) == (f"t{number}", number + 1)
    assert continuation.problem(meta("")) is None


@given(before=st.integers(0, 60), length=st.integers(1, 60))
def test_a_loop_of_any_length_is_noticed_soon(before: int, length: int) -> None:
    def token(page: int) -> str:
        return f"t{page if page < before else before + (page - before) % length}"

    continuation = Continuation.after_first(meta(token(0)))
    for page in range(1, 3 * max(before, length) + length + 3):
        if continuation.problem(meta(token(page))):
            assert page >= before + length, "nothing was repeated yet"
            return
        continuation = continuation.after(meta(token(page)))
    raise AssertionError("the loop was not noticed")


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        (meta("t1", version="8"), "of version 8 while the first was of 7"),
        (meta("t1", kind="Secret"), "a list of v1/Secret while the first was one of v1/Pod"),
        (meta("t1", api_version="v2"), "a list of v2/Pod while the first was one of v1/Pod"),
        (meta("t0"), "after 2 pages the continue token leads back"),
    ],
)
def test_what_does_not_belong(page: PageMeta, problem: str) -> None:
    found = Continuation.after_first(meta("t0")).problem(page)
    assert found is not None
    assert problem in found
