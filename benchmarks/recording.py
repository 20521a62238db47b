"""A recorded watch-list stream for `benchmarks.live`. It is made once, and is the same in every run.

Theory. 5,000 pods of about 6.5 KB are the initial events; live events follow. Nine in ten are MODIFIED: one annotation
of 32 digits and the version of a pod have changed, as after a heartbeat or a change of status. The others alternate
between DELETED and ADDED. An object that comes back under its old key has a different uid. Keys are drawn at random
from a fixed seed. The last event adds a pod whose name occurs nowhere else, so no later change is merged into it: a
reader that gets it has got everything.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from kubeinformer.testing import synthetic_pods

__all__ = ["EVENTS_FILE", "INITIAL_FILE", "KEYS", "LAST_KEY", "record"]

INITIAL_FILE, EVENTS_FILE = "initial", "events"  # in the folder of `record`
KEYS = 5_000
LAST_KEY = "bench/last"

_FIRST_VERSION = 100_000
_COMING_AND_GOING = 0.1
_LARGEST_ABSENCE = KEYS // 20  # keys that are away at most: so ADDED and DELETED are equally many
_OPENING = b'{"kind":"Pod","apiVersion":"v1",'
_END = (
    b'{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"%d",'
    b'"annotations":{"k8s.io/initial-events-end":"true"}}}}\n'
)
_LAST = (
    b'{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"last","namespace":"bench",'
    b'"uid":"00000000-0000-0000-0000-000000000001","resourceVersion":"%d"}}}\n'
)


def record(folder: Path, events: int) -> None:
    """Write the initial events and then so many live ones, as they come over the wire without compression."""
    pods = _Pods()
    with (folder / INITIAL_FILE).open("wb") as file:
        for index in range(KEYS):
            file.write(_event(b"ADDED", pods.body(index, _FIRST_VERSION + index)))
        file.write(_END % (_FIRST_VERSION + KEYS))
    first = _FIRST_VERSION + KEYS + 1
    with (folder / EVENTS_FILE).open("wb") as file:
        file.writelines(_live(pods, range(first, first + events - 1)))
        file.write(_LAST % (first + events - 1))


def _live(pods: "_Pods", versions: range) -> Iterator[bytes]:
    random = Random(0)  # noqa: S311 - equal in every run, that is the point
    present, absent = list(range(KEYS)), list[int]()
    for version in versions:
        if random.random() >= _COMING_AND_GOING:
            yield _event(b"MODIFIED", pods.body(random.choice(present), version))
        elif absent and (len(absent) >= _LARGEST_ABSENCE or random.random() < 1 / 2):
            index = _take(absent, random)
            present.append(index)
            pods.replace(index)
            yield _event(b"ADDED", pods.body(index, version))
        else:
            index = _take(present, random)
            absent.append(index)
            yield _event(b"DELETED", pods.body(index, version))


def _take(indexes: list[int], random: Random) -> int:
    place = random.randrange(len(indexes))
    indexes[place], indexes[-1] = indexes[-1], indexes[place]
    return indexes.pop()


def _event(type_: bytes, body: bytes) -> bytes:
    return b'{"type":"' + type_ + b'","object":' + _OPENING + body[1:] + b"}\n"


class _Metadata(msgspec.Struct):
    uid: str


class _Object(msgspec.Struct):
    metadata: _Metadata


class _Pods:
    """The pods, each in its present life."""

    def __init__(self) -> None:
        self._pods = synthetic_pods(KEYS)
        self._decode = msgspec.json.Decoder(_Object).decode
        self._lives = [0] * KEYS

    def replace(self, index: int) -> None:
        """Make it another object under the same key."""
        self._lives[index] += 1

    def body(self, index: int, version: int) -> bytes:
        body = self._pods.body(index, version)
        heartbeat = hashlib.blake2b(str(version).encode(), digest_size=16).hexdigest().encode()
        marked = body.replace(b'"annotations":{', b'"annotations":{"bench.example.com/heartbeat":"%b",' % heartbeat, 1)
        assert len(marked) > len(body), "the pods of the fake server have annotations"
        if life := self._lives[index]:
            uid = self._decode(body).metadata.uid
            marked = marked.replace(uid.encode(), b"%08x" % life + uid[8:].encode(), 1)
        return marked
