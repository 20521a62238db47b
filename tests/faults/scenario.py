"""One informer, two readers and a writer on a server that plays a fault script; and what must hold in the end.

Rules. Public names only, and nothing that knows of a transport: it runs on whatever `connect` takes on this event loop.
The clock is moved forwards whenever nothing happens, so deadlines and waits of seconds pass in milliseconds; what stays
real is the network. The limit is real time too: a fault that an informer does not survive is found by the clock on the
wall, not by one that jumps.

What holds. Each reader's events fold without contradiction: nothing is added twice, and nothing is changed or deleted
that is not there. At the end, after one more change, the store equals the server's list and each reader's fold equals
the store. No task is left, nothing was logged as an error, and requests were not sent faster than the backoff allows.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import anyio

from kubeinformer import (
    Added,
    Deleted,
    Informer,
    KubeInformerError,
    RawObject,
    Subscription,
    Synced,
    Timing,
    Updated,
    connect,
)
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.faults import Script, jump_clock

__all__ = ["FAST", "Divergence", "Outcome", "hurrying", "survive"]

PODS = "v1/pods"
OBJECTS = 50  # three pages: of 4, 32 and the rest
CHANGES = 30
LIMIT = 60.0  # real seconds for one scenario; a good one takes less than one, and more on a busy machine
MOST_REQUESTS = 2_000  # a loop without waits sends thousands in a second

FAST = Timing(
    backoff_first=0.05,
    backoff_limit=0.5,
    healthy_after=2.0,
    watch_timeout=(2, 4),
    initial_silence=2.0,
    initial_progress=2.0,
    read_margin=1.0,
    shortest_read_deadline=1.0,
    paged_for=5.0,
    probe_first=0.5,
    probe_limit=1.0,
)

_TICK = 0.0015  # real seconds
_JUMP = 0.3  # seconds of the event loop's clock


class Divergence(AssertionError):
    """What was promised does not hold."""


@dataclass(frozen=True)
class Outcome:
    """How one scenario went."""

    injected: tuple[str, ...]
    requests: int
    syncs: int
    failures: dict[str, int]


async def survive(script: Script, *, paged: bool, compressed: bool) -> Outcome:
    """Play a script on an informer.

    Raises:
        Divergence: It did not survive.
    """
    with _errors_logged() as errors:
        before = _tasks()
        try:
            outcome = await _scenario(script, paged=paged, compressed=compressed)
        except KubeInformerError as error:
            raise Divergence(f"an error that nobody could mend: {error!r}") from error
        left = _tasks() - before
    if left:
        raise Divergence(f"tasks are left: {left}")
    if errors:
        raise Divergence(f"logged: {errors}")
    return outcome


async def _scenario(script: Script, *, paged: bool, compressed: bool) -> Outcome:
    server = FakeApiServer(gzip_threshold=512, bookmark_interval=0.5)
    server.watch_list_enabled = not paged
    draw = random.Random(script.seed)  # noqa: S311 - no secrets here
    for number in range(OBJECTS):
        server.create(PODS, _pod(f"pod-{number}", draw))
    async with server:
        server.play(script)
        async with connect(server=server.url, timing=FAST, compressed=compressed) as cluster:
            pods = cluster.informer(PODS)
            readers = [_Reader(), _Reader(slow=True)]
            async with anyio.create_task_group() as tasks:
                for reader in readers:
                    tasks.start_soon(reader.read, pods)
                async with hurrying(server, pods):
                    await _write(server, draw)
                    for last in ("last", "very-last"):
                        server.create(PODS, _pod(last, draw))
                        await _agree(server, pods, readers)
                tasks.cancel_scope.cancel()
            statistics = pods.statistics()
        requests = len(server.requests)
    if requests > MOST_REQUESTS:
        raise Divergence(f"{requests} requests: a busy loop")
    injected = tuple(record.fault.kind for record in server.faults)
    return Outcome(injected, requests, statistics.syncs, statistics.failures)


class _Reader:
    """Folds what it is told."""

    def __init__(self, *, slow: bool = False) -> None:
        self.folded: dict[str, RawObject] = {}
        self._slow = slow

    async def read(self, pods: Informer[RawObject]) -> None:
        async with pods.events() as events:
            await self._fold(events)

    async def _fold(self, events: Subscription[RawObject]) -> None:
        async for event in events:
            match event:
                case Added(key=key, object=pod):
                    self._require(key not in self.folded, f"{key} was added twice")
                    self.folded[key] = pod
                case Updated(key=key, old=old, object=pod):
                    self._require(self.folded.get(key) == old, f"{key} was updated from a state that it was not in")
                    self.folded[key] = pod
                case Deleted(key=key):
                    self._require(key in self.folded, f"{key} was deleted and not there")
                    del self.folded[key]
                case Synced():
                    pass
            if self._slow:
                await anyio.sleep(_TICK)

    @staticmethod
    def _require(holds: bool, problem: str) -> None:  # noqa: FBT001 - reads like assert
        if not holds:
            raise Divergence(problem)


async def _write(server: FakeApiServer, draw: random.Random) -> None:
    """Change objects at random, some at once and some with time between."""
    for number in range(CHANGES):
        keys = [_key(pod) for pod in server.list(PODS)]
        match draw.randrange(10):
            case 0 | 1:
                server.create(PODS, _pod(f"new-{number}", draw))
            case 2 | 3:
                key = draw.choice(keys)
                server.delete(PODS, key)
                if draw.random() < 0.5:  # the same name again, another uid
                    server.create(PODS, _pod(key.partition("/")[2], draw))
            case _:
                server.patch(PODS, draw.choice(keys), {"metadata": {"annotations": {"text": _text(draw)}}})
        match draw.randrange(12):
            case 0:
                server.compact()
            case 1:
                server.bookmark()
            case 2 | 3:
                pass  # the next change comes at once
            case 4:
                await anyio.sleep(1.0)
            case _:
                await anyio.sleep(_TICK)


async def _agree(server: FakeApiServer, pods: Informer[RawObject], readers: list[_Reader]) -> None:
    """Wait until the server, the store and the readers say the same."""
    begin = time.monotonic()
    while True:
        listed = {_key(pod): pod for pod in server.list(PODS)}
        held = dict(pods.store.items())
        agreed = listed == held and all(reader.folded == held for reader in readers)
        if agreed and pods.statistics().syncs:  # without a sync it is only a coincidence
            return
        if time.monotonic() - begin > LIMIT:
            raise Divergence(_difference(listed, held, readers, pods, server))
        await anyio.sleep(_TICK)


def _difference(
    listed: dict[str, RawObject],
    held: dict[str, RawObject],
    readers: list[_Reader],
    pods: Informer[RawObject],
    server: FakeApiServer,
) -> str:
    def keys(one: dict[str, RawObject], other: dict[str, RawObject]) -> list[str]:
        return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))

    folds = [keys(held, reader.folded) for reader in readers]
    last = [(record.query, record.status) for record in server.requests[-3:]]
    return (
        f"after {LIMIT:g} s the store differs from the server in {keys(listed, held)}, the readers from the store in "
        f"{folds}; {pods.statistics()}; last requests: {last}"
    )


@asynccontextmanager
async def hurrying(server: FakeApiServer, pods: Informer[RawObject]) -> AsyncGenerator[None]:
    """Let time pass at once whenever nothing happens."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_hurry, server, pods)
        yield
        tasks.cancel_scope.cancel()


async def _hurry(server: FakeApiServer, pods: Informer[RawObject]) -> None:
    before: object = None
    while True:
        await anyio.sleep(_TICK)
        statistics = pods.statistics()
        now = (statistics.received_bytes, statistics.changes, statistics.pending, len(server.requests))
        if now == before:
            jump_clock(_JUMP)
        before = now


def _pod(name: str, draw: random.Random) -> RawObject:
    return {"metadata": {"name": name, "namespace": "default", "annotations": {"text": _text(draw)}}, "spec": {}}


def _text(draw: random.Random) -> str:
    """Some of everything that UTF-8 has, line separators that are none included."""
    return "".join(draw.choices(["abc", "é", "漢", "😀", "\u2028", "\u0085", '"', "\\", "\n"], k=draw.randint(1, 60)))


def _key(pod: RawObject) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _tasks() -> set[object]:
    """The tasks of this event loop; those of trio cannot be left behind."""
    try:
        return set(asyncio.all_tasks())
    except RuntimeError:
        return set()


class _Errors(logging.Handler):
    """Keeps what is logged at ERROR and above."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


@contextmanager
def _errors_logged() -> Iterator[list[str]]:
    handler = _Errors()
    logging.getLogger().addHandler(handler)
    try:
        yield handler.told
    finally:
        logging.getLogger().removeHandler(handler)
