import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeinformer._protocol.shards import Shard, checked_shard, refuses_shard
from kubeinformer._protocol.status import Status

# From the draft of FNV's authors (draft-eastlake-fnv-17, appendix C), and one that a real server put into its half.
VECTORS = {"": 0xCBF29CE484222325, "a": 0xAF63DC4C8601EC8C, "foobar": 0x85944171F73967E8}

UIDS = st.one_of(st.uuids().map(str), st.text(alphabet=st.characters(exclude_categories=["Cs"])))


@pytest.mark.parametrize(("text", "value"), VECTORS.items())
def test_the_hash_is_fnv_1a(text: str, value: int) -> None:
    count = 1 << 64  # a shard for each hash
    assert Shard(value, count).holds(text)
    assert not Shard(value - 1, count).holds(text)
    assert not Shard(value + 1, count).holds(text)


@given(uid=UIDS, count=st.one_of(st.integers(1, 40), st.integers(1, 1 << 64)))
def test_each_object_is_in_one_shard(uid: str, count: int) -> None:
    if count <= 40:
        holders = [index for index in range(count) if Shard(index, count).holds(uid)]
        assert len(holders) == 1
    else:
        assert (Shard(0, count).start, Shard(count - 1, count).end) == (0, 1 << 64)
        assert Shard(count // 2, count).start == Shard(count // 2 - 1, count).end


def test_shards_are_of_about_the_same_size() -> None:
    drawn = random.Random(7)  # noqa: S311 - no secrets
    uids = [str(uuid.UUID(int=drawn.getrandbits(128), version=4)) for _ in range(7_000)]
    found = [sum(map(Shard(index, 7).holds, uids)) for index in range(7)]
    assert min(found) > 800
    assert sum(found) == 7_000


@pytest.mark.parametrize(
    ("shard", "bounds"),
    [
        (Shard(0, 2), ("0x0000000000000000", "0x8000000000000000")),
        (Shard(1, 2), ("0x8000000000000000", "0x10000000000000000")),
        (Shard(1, 3), ("0x5555555555555555", "0xaaaaaaaaaaaaaaaa")),
    ],
)
def test_the_selector_is_as_the_server_spells_it(shard: Shard, bounds: tuple[str, str]) -> None:
    assert shard.selector == "shardRange(object.metadata.uid, '{}', '{}')".format(*bounds)


def test_what_is_given_is_checked() -> None:
    assert checked_shard((1, 3)) == Shard(1, 3)
    assert checked_shard((0, 2)) == Shard(0, 2)
    assert checked_shard((0, 1 << 64)) == Shard(0, 1 << 64)
    assert checked_shard((0, 1)) is checked_shard(None) is None


@pytest.mark.parametrize("given", [(3, 3), (-1, 3), (0, 0), (0.0, 3), (0,), (0, 1, 2), "ab", 5, (0, (1 << 64) + 1)])
def test_what_is_no_shard_is_refused(given: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"must be \(INDEX, COUNT\), such as \(0, 3\)"):
        checked_shard(given)


@pytest.mark.parametrize(
    ("status", "refuses"),
    [
        (Status(500, message="invalid shard selector: unexpected expression"), True),
        (Status(400, message='unknown parameter "shardSelector"'), True),
        (Status(500, message="etcd is down"), False),
        (Status(501, message="shard"), False),
        (Status(503, message="shard"), False),
        (Status(410, "Expired"), False),
    ],
)
def test_which_refusals_are_about_the_shard(status: Status, refuses: bool) -> None:  # noqa: FBT001 - a table's column
    assert refuses_shard(status) is refuses
