"""Shared by the tests of informers: a connection, the oracle's view in the form of the store, and reading with a limit.

Rules. Nothing here looks inside the library. The oracle blocks, so it is called in a thread; the informers continue
while a test waits for its answer. Every wait has a limit. The limits are long, because on a busy machine with two
cores, seconds pass quickly.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread
from tests.e2e.api_client import Json
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import ADMIN, Token

from kubeinformer import (
    Added,
    Cluster,
    Deleted,
    Event,
    Informer,
    Resource,
    Subscription,
    Synced,
    Timing,
    Updated,
    connect,
)

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 60.0  # seconds

# A server that was restarted is found again within a second: the default's half a minute would only be waited out.
IMPATIENT = Timing(backoff_first=0.1, backoff_limit=1.0, probe_first=0.5, probe_limit=1.0)

_INTERVAL = 0.02  # seconds


def connected(
    plane: ControlPlane,
    *,
    token: Token = ADMIN,
    server: str | None = None,
    timing: Timing | None = None,
    compressed: bool = True,
) -> AbstractAsyncContextManager[Cluster]:
    """``connect()`` as most users without a kubeconfig would write it; ``server`` for a way around."""
    return connect(
        server=server or plane.url,
        token=token.value,
        ca_file=plane.ca_file,
        timing=timing,
        compressed=compressed,
    )


async def ask(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what blocks, such as the oracle, in a thread."""
    return await anyio.to_thread.run_sync(partial(function, *args, **kwargs))


async def listed(
    plane: ControlPlane,
    resource: str,
    namespace: str | None = None,
    *,
    label_selector: str = "",
    field_selector: str = "",
) -> dict[str, Json]:
    """The server's own list, by key, each object with the ``kind`` and ``apiVersion`` that stand on the list only."""
    path = Resource.parse(resource).path(namespace)
    answer = await ask(plane.client.list_all, path, label_selector=label_selector, field_selector=field_selector)
    common = {"kind": answer["kind"].removesuffix("List"), "apiVersion": answer["apiVersion"]}
    return {key_of(item): common | item for item in answer["items"]}


def held(informer: Informer[Json]) -> dict[str, Json]:
    """What the store has, by key."""
    return dict(informer.store.items())


def key_of(item: Json) -> str:
    metadata = item["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else str(metadata["name"])


def version_of(item: Json) -> str:
    return str(item["metadata"]["resourceVersion"])


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what can only be asked, in `PATIENCE` seconds."""
    with anyio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110 - counters and servers tell nobody when they change
            await anyio.sleep(_INTERVAL)


async def failed(informer: Informer[Any], error: type[Exception]) -> None:
    """Wait until the informer's last failure is one of these; ``synced(timeout=0)`` then raises at once."""
    await eventually(lambda: isinstance(informer.statistics().last_error, error))


async def next_event(events: Subscription[Json]) -> Event[Json]:
    with anyio.fail_after(PATIENCE):
        return await anext(events)


async def upto(events: Subscription[Json], last: str) -> list[tuple[str, str]]:
    """What is told up to the first event about the object of that name, that one left out.

    How a test says that nothing else happened: it makes one more change, and reads up to that.
    """
    told: list[tuple[str, str]] = []
    while (one := described(await next_event(events)))[1] != last:
        told.append(one)
    return told


async def upto_synced(events: Subscription[Json]) -> list[tuple[str, str]]:
    """What is told before `Synced`."""
    told: list[tuple[str, str]] = []
    while not isinstance(event := await next_event(events), Synced):
        told.append(described(event))
    return told


def described(event: Event[Any]) -> tuple[str, str]:
    """An event as its word and the object's name; a deletion that was inferred is ``Vanished``."""
    match event:
        case Added(key=key) | Updated(key=key):
            return type(event).__name__, key.rpartition("/")[2]
        case Deleted(key=key, final_state_known=known):
            return "Deleted" if known else "Vanished", key.rpartition("/")[2]
        case Synced():
            return "Synced", ""
