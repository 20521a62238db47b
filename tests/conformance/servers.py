"""The two servers that every row runs against: the fake in a thread, the real one as processes.

Rules. All that a row could tell them apart by without asking them is here: how they are started, how a user gets a
right, how versions expire. Both are handed over with the same users and the same feature gates.
"""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from anyio.from_thread import BlockingPortal, start_blocking_portal
from tests.conformance.client import ADMIN, NOBODY, READER, Server, Token
from tests.e2e.control_plane import ControlPlane

from kubeinformer.resources import Resource
from kubeinformer.testing import FakeApiServer

__all__ = ["fake_server", "real_server", "started_real_server"]


class _Fake(Server):
    def __init__(self, fake: FakeApiServer, portal: BlockingPortal) -> None:
        super().__init__(fake.url, tls=None)
        self._fake, self._portal = fake, portal

    @contextmanager
    def granted(
        self, who: Token, *, verbs: Iterable[str], resource: str, group: str = "", namespace: str | None = None
    ) -> Iterator[None]:
        name = str(Resource(group, "v1", resource))

        def allow() -> None:
            for verb in verbs:
                self._fake.allow(verb, name, who.user, namespace=namespace)

        def deny() -> None:
            self._fake.deny(user=who.user)

        self._portal.call(allow)
        try:
            yield
        finally:
            self._portal.call(deny)

    def compact(self) -> None:
        self._portal.call(self._fake.compact)


class _Real(Server):
    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane.url, tls=ssl.create_default_context(cafile=plane.ca_file))
        self._plane = plane

    def granted(
        self, who: Token, *, verbs: Iterable[str], resource: str, group: str = "", namespace: str | None = None
    ) -> AbstractContextManager[None]:
        return self._plane.client.granted(who, verbs=verbs, resource=resource, group=group, namespace=namespace)

    def compact(self) -> None:
        # Alone it expires nothing: lists and watches are answered from a cache, which only a restart empties.
        self._plane.compact()
        self._plane.api.restart()


@contextmanager
def fake_server(*, watch_list: bool = True, sharded: bool = False, managed_fields: bool = False) -> Iterator[Server]:
    """The fake, in a thread with an event loop of its own."""
    tokens = {token.value: token.user for token in (ADMIN, READER, NOBODY)}
    fake = FakeApiServer(tokens=tokens, managed_fields=managed_fields)
    fake.watch_list_enabled, fake.sharding_enabled = watch_list, sharded
    for token in (READER, NOBODY):
        fake.deny(user=token.user)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(fake):
        yield _Fake(fake, portal)


def real_server(plane: ControlPlane) -> Server:
    """A control plane that runs already."""
    return _Real(plane)


@contextmanager
def started_real_server(
    assets: Path, directory: Path, *, watch_list: bool = True, sharded: bool = False
) -> Iterator[Server]:
    """A control plane of its own, for rows that compact it or need other feature gates."""
    gates = f"--feature-gates=WatchList={str(watch_list).lower()},ShardedListAndWatch={str(sharded).lower()}"
    with ControlPlane(assets, directory, gates) as plane:
        yield _Real(plane)
