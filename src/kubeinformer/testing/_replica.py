"""`Replica`: another API server in front of the same etcd, with an address of its own."""

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
    """A second API server of a cluster, whose watches are behind until `catch_up`. Made by `FakeApiServer.replica`.

    Lists and watches that ask for no version are up to date, because they come from etcd; so are writes. A watch from
    a version that it has not seen is refused: 504, "Too large resource version".
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
        """Where it listens, such as ``http://127.0.0.1:40123``.

        Raises:
            UsageError: It does not listen: ask inside ``async with``.
        """
        if self._listener is None:
            raise UsageError("a replica has an address inside `async with` only")
        return f"http://127.0.0.1:{self._listener.port}"

    @property
    def behind(self) -> int:
        """By how many versions it is behind now. Grows with every write."""
        return self._follower.behind

    def catch_up(self) -> None:
        """See everything that has happened up to now."""
        self._follower.catch_up()
