"""Whatever comes: a typed error or what the references say. Seconds of what `make fuzz` does for minutes."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests._protocol.strategies import lists, objects, values
from tests.fuzz.mutations import CORPUS, SIZED, changed, inside_gzip, seeds
from tests.fuzz.targets import TARGETS


class _Drawn:
    """Choices that hypothesis makes, and makes smaller."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def between(self, least: int, most: int) -> int:
        return self._draw(st.integers(least, most))


@st.composite
def _mutated(draw: st.DrawFn, target: str) -> bytes:
    known = seeds(target)
    data = draw(st.sampled_from(known))
    change = inside_gzip if target == "gzip_members" else changed
    for _ in range(draw(st.integers(0, 4))):
        data = change(data, known, _Drawn(draw))
    return data


@st.composite
def _grown(draw: st.DrawFn, target: str) -> bytes:
    """Well formed more often than not."""
    if target in {"page", "scanners"}:
        body = draw(lists(draw(st.lists(st.one_of(objects(), values), max_size=3))))
    else:
        body = draw(st.one_of(objects(), values))
        if target == "watch_event":
            kind = draw(st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "OTHER"]))
            body = f'{{"type":"{kind}","object":{body}}}'
    data = body.encode()
    if target == "gzip_members":
        data = gzip.compress(data, mtime=0)
    return draw(st.binary(min_size=2, max_size=2)) + data if target in SIZED else data


@pytest.mark.parametrize("target", TARGETS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_anything_is_an_error_of_ours_or_what_the_references_say(target: str, data: st.DataObject) -> None:
    drawn = st.one_of(_mutated(target), _mutated(target), _grown(target), st.binary(max_size=200))
    TARGETS[target](data.draw(drawn))


@pytest.mark.parametrize("target", TARGETS)
def test_each_seed_is_accepted_or_refused(target: str) -> None:
    known = seeds(target)
    assert len(known) >= 3
    assert sum(map(len, known)) < 20_000
    for data in known:
        TARGETS[target](data)


def test_each_target_has_a_corpus_and_each_corpus_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
