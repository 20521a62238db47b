import pytest
from tests.conformance.rows import COLLECTED


def test_both_servers_are_asked_the_same_rows(request: pytest.FixtureRequest) -> None:
    rows = request.config.stash[COLLECTED]
    assert rows["fake"] == rows["real"]
