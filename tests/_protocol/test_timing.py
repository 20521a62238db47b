import math
from dataclasses import fields
from typing import Any

import pytest

from kubeinformer._protocol.timing import Timing


def test_defaults_are_those_of_the_protocol_notes() -> None:
    timing = Timing()
    assert (timing.backoff_first, timing.backoff_limit, timing.healthy_after) == (0.8, 30.0, 120.0)
    assert timing.watch_timeout == (300, 600)
    assert (timing.initial_silence, timing.initial_progress, timing.initial_failure_limit) == (60.0, 60.0, 3)
    assert (timing.read_margin, timing.bookmark_patience, timing.shortest_read_deadline) == (15.0, 3.0, 30.0)
    assert (timing.proof_after, timing.list_timeout) == (1.0, 300.0)
    assert (timing.paged_for, timing.probe_first, timing.probe_limit) == (600.0, 30.0, 300.0)


@pytest.mark.parametrize("name", [field.name for field in fields(Timing)])
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_every_value_must_be_greater_than_zero(name: str, value: float) -> None:
    values: dict[str, Any] = {name: (value, 600) if name == "watch_timeout" else value}
    with pytest.raises(ValueError, match=rf"Timing\.{name} must be greater than 0 seconds, got {value}"):
        Timing(**values)


def test_watch_timeout_must_be_ordered() -> None:
    assert Timing(watch_timeout=(5, 5)).watch_timeout == (5, 5)
    with pytest.raises(ValueError, match=r"Timing\.watch_timeout must be \(least, most\), got \(6, 5\)"):
        Timing(watch_timeout=(6, 5))
