"""`Replica`: another API server of the same etcd, with its own address."""

from types import TracebackType
from typing import Self

from kubeinformer.errors import UsageError
from kubeinformer.testing._api.handlers import Api, handle
from kubeinformer.testing._faults.requests import Asked
from kubeinformer.testing._replication import Follower, served_by
from kubeinformer.testing._wire.http import Exchange
from kubeinformer.testing._wire.listener import Listener

__all__ = ["Replica"]


class Replica:
    """A second API server of a cluster. Its watches are behind until `catch_up`. Made by `FakeApiServer.replica`.

    Writes, and lists and watches without a version, are up to date, because they go to etcd. A watch from a version
    that the replica has not seen is refused: 504, "Too large resource version".
    """

    def __init__(self, api: Api, behind: int) -> None:
        if type(behind) is not int or behind < 0:
            raise ValueError(f"behind must be a whole number of versions of at least 0, got {behind!r}")
        self._api = api
        self._follower = Follower(api, behind)
        self._listener: Listener | None = None

    async def __aenter__(self) -> Self:
        self._listener = await Listener.open(0, self._handle)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._listener is not None
        listener, self._listener = self._listener, None
        await listener.close()

    async def _handle(self, exchange: Exchange) -> None:
        asked = Asked.parse(exchange.request, {})
        is_watch = asked.verb == "watch"
        version = asked.query.get("resourceVersion")
        await handle(served_by(self._follower, self._api, version, is_watch=is_watch), exchange)

    @property
    def url(self) -> str:
        """The URL of the replica, such as ``http://127.0.0.1:40123``.

        Raises:
            UsageError: It is not listening: use it inside ``async with``.
        """
        if self._listener is None:
            raise UsageError("a replica has an address inside `async with` only")
        return f"http://127.0.0.1:{self._listener.port}"

    @property
    def behind(self) -> int:
        """How many versions it is behind now. Every write increases this."""
        return self._follower.behind

    def catch_up(self) -> None:
        """Catch up with everything that has happened until now."""
        self._follower.catch_up()
