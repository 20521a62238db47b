import pytest

from kubeinformer._runtime.limits import Limits


def test_defaults_take_every_object_of_a_real_server() -> None:
    assert Limits().object_size >= 10_000_000
    assert Limits().page >= 2 * 4 * 2**20


@pytest.mark.parametrize("value", [0, -1, 1.5, "8", True, None])
def test_anything_but_a_positive_whole_number_is_refused_by_the_argument_s_name(value: object) -> None:
    with pytest.raises(ValueError, match=r"^object_size_limit=.* at least 1$"):
        Limits(object_size=value)  # type: ignore[arg-type] # what a caller might pass
    with pytest.raises(ValueError, match=r"^page_budget=.* at least 1$"):
        Limits(page=value)  # type: ignore[arg-type] # as above
