"""`FakeApiServer`: a Kubernetes API server in the test's own event loop.

Rules. Real HTTP on a loopback socket, so that what is tested is what runs in production; no other part of it is a
server: no etcd, no disk, no threads. The methods are synchronous and take effect at once, so a test can act between
two awaits and know that nothing else did. They belong to the event loop's thread.

Theory. See the folders behind it, from the socket inwards: ``_wire`` (HTTP, gzip), ``_api`` (who asks for what, and may
they), ``_read`` (lists, watches, their forms, discovery), ``_write`` (what writes mean, definitions of resources, what
controllers do), ``_patches`` (pure, with who owns which field), ``_store`` (objects, versions and history), ``_types``
(what a resource is), ``_made`` (synthetic objects). ``_faults`` stands between the socket and all of them.

Not here. Admission, defaulting and validation of built-in contents, protobuf, TLS.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Literal, Self

from kubeinformer.errors import UsageError
from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing._api.access import Access, Rule
from kubeinformer.testing._api.handlers import Api, RequestRecord, Settings, handle
from kubeinformer.testing._cluster import Cluster
from kubeinformer.testing._faults.player import FaultRecord, Player
from kubeinformer.testing._faults.script import Script
from kubeinformer.testing._in_process import _InProcess
from kubeinformer.testing._made import churn as _churn
from kubeinformer.testing._made.synthetic import SyntheticObjects
from kubeinformer.testing._replica import Replica
from kubeinformer.testing._store.storage import Storage
from kubeinformer.testing._wire.http import Exchange
from kubeinformer.testing._wire.listener import Listener

__all__ = ["FakeApiServer"]


class FakeApiServer(_InProcess):
    """A fake Kubernetes API server on loopback, for tests, demos and benchmarks.

    Example::

        async with FakeApiServer() as server:
            server.create("v1/pods", {"metadata": {"name": "web-0"}})
            async with connect(server=server.url) as cluster:
                ...

    Args:
        port: The TCP port, 0 for any free one.
        resource_version: The version to start at; older ones are expired.
        tokens: Bearer tokens and their users. None lets everybody in as ``system:anonymous``.
        gzip: Whether to compress for clients that accept it.
        gzip_threshold: Bytes from which on a list is compressed; a real server's 128 KiB by default.
        bookmark_interval: Seconds between two bookmarks of one watch.
        history_limit: Changes of one resource that are remembered at most. A watch that falls behind gets a 410.
        history_bytes: Bytes of objects that one resource's history holds at most, about.
        request_limit: How many requests are remembered in `requests`.
        managed_fields: Whether objects show their ``metadata.managedFields``. Who owns what is followed either way.
        garbage_collection: Whether dependents go with their owners, and what is in a namespace with it; a cluster's
            controllers do that, and a bare API server does not.

    Differs from a real server, in what it reads:
        It writes JSON only: protobuf, CBOR and YAML are passed over in an Accept header, so alone they are a 406. A
        table has the columns Name and Age for every resource. A watch that asks for the form of a list is a 406
        instead of a stream that ends at its first event, and ``application/*`` alone is one for custom resources too.

        A version that is too new is refused at once, not after three seconds. Versions and continue tokens expire
        when the history is full or on request, not by the clock; tokens are its own, and another server's are a 400.
        Initial events come in the order of keys. Bookmarks come at exactly their interval and carry nothing but
        metadata. What is listed and watched as ``v1/events`` is not the same as in ``events.k8s.io/v1/events``.

        A request without a token is a 401, as on a server without anonymous users. Rules are about resources: a
        subresource is as allowed as its resource, and discovery, version and health are open to every known user. Of
        the reviews there is SelfSubjectAccessReview alone. ``/``, ``/metrics``, ``/openapi/v2``, ``/openapi/v3`` and
        the old ``/api/v1/watch/...`` are a 404. Discovery names what is served, in one version of each group. There
        are no ETags, audit ids, warnings, or headers of flow control.

        A shard selector may be joined by ``||`` but has no parentheses.

    Differs from a real server, in what it writes:
        Contents of built-in objects are neither checked nor completed: any spec is accepted, also one that a real
        server holds to be immutable, and no default is filled in but a pod's first phase and a namespace's. Unknown
        fields of built-in objects are kept; ``fieldValidation`` is read and not obeyed. Metadata is checked as on a
        real server, and custom resources by their schema, except for CEL rules and formats other than ``date-time``.

        There is no ``/scale`` and no conversion webhook. A definition serves at once, and its first answer says so.
        An apply of a value of the wrong type is a 422 by the schema, not a 500. A JSON pointer has to begin with a
        slash. Of built-in objects, ``managedFields`` may differ in which maps are owned beside what is in them.

        Garbage is collected before the request that made it is answered, only after owners that were deleted here,
        and pods in it need no kubelet. The conformance suite has no rows for it, since the real API server it asks
        has no controllers. What a test writes in process it writes as the whole cluster; see each method.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        resource_version: int = 1000,
        tokens: Mapping[str, str] | None = None,
        gzip: bool = True,
        gzip_threshold: int | None = None,
        bookmark_interval: float = 60.0,
        history_limit: int = 10_000,
        history_bytes: int = 64 * 1024 * 1024,
        request_limit: int = 10_000,
        managed_fields: bool = False,
        garbage_collection: bool = True,
    ) -> None:
        self._settings = Settings(gzip=gzip, bookmark_interval=bookmark_interval)
        if gzip_threshold is not None:
            self._settings.gzip_threshold = gzip_threshold
        storage = Storage(resource_version, history_limit, history_bytes, shows_managers=managed_fields)
        super().__init__(Cluster(storage, garbage_collection=garbage_collection))
        self._access = Access(tokens)
        self._requests: deque[RequestRecord] = deque(maxlen=request_limit)
        self._api = Api(self._cluster, self._access, self._settings, self._requests.append)
        self._port = port
        self._listener: Listener | None = None
        self._player: Player | None = None
        self._is_playing = False

    # Lifetime

    async def __aenter__(self) -> Self:
        self._listener = await Listener.open(self._port, self._handle)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self.stop_faults()
        listener, self._listener = self._listener, None
        await listener.close()

    async def _handle(self, exchange: Exchange) -> None:
        if self._player is not None and self._is_playing:
            await self._player.handle(exchange)
        else:
            await handle(self._api, exchange)

    @property
    def url(self) -> str:
        """Where the server listens, such as ``http://127.0.0.1:40123``.

        Raises:
            UsageError: It does not listen: ask inside ``async with``.
        """
        if self._listener is None:
            raise UsageError("the fake API server has an address inside `async with FakeApiServer()` only")
        return f"http://127.0.0.1:{self._listener.port}"

    # Objects at large

    def seed(
        self, resource: str, objects: int | SyntheticObjects, make: Callable[[int], RawObject] | None = None
    ) -> None:
        """Serve synthetic objects that are made when they are read, so that any number costs little memory.

        They appear at once and without events: like after a restore from a backup, open watches of the resource get
        a 410 and have to start over.

        Args:
            resource: Where they appear.
            objects: How many, or the objects themselves (`synthetic_pods`, `synthetic_objects`, your own).
            make: Makes object number i, for a count. By default pods are those of `synthetic_pods`, all others those
                of `synthetic_objects`.

        Raises:
            UsageError: Two objects have the same key.
        """
        self._storage.seed(Resource.parse(resource), objects, make)

    async def churn(self, resource: str, *, per_second: float, seed: int = 0) -> None:
        """Update, delete and create objects at random until cancelled.

        Args:
            resource: Whose objects.
            per_second: Changes a second, of which one in ten is a deletion and one in ten a creation.
            seed: Equal seeds give equal changes.
        """
        collection = self._storage.collection(Resource.parse(resource))
        await _churn.churn(self._cluster, collection, per_second, random.Random(seed))  # noqa: S311 - no secrets here

    # Versions

    @property
    def resource_version(self) -> str:
        """The newest version, over all resources."""
        return str(self._storage.version)

    def compact(self) -> None:
        """Let all older versions and all continue tokens expire, for good. Open watches go on."""
        self._storage.compact()

    def expire_continue_tokens(self) -> None:
        """Let all continue tokens given out so far expire, for good."""
        self._storage.token_epoch += 1

    def bookmark(self) -> None:
        """Send a bookmark to every open watch that allows them, now."""
        self._settings.bookmarks_asked += 1
        for collection in self._storage.collections.values():
            collection.news.notify()

    # Features

    @property
    def watch_list_enabled(self) -> bool:
        """Whether watches may ask for initial events; if not, they get a 422 as from an older server."""
        return self._settings.watch_list_enabled

    @watch_list_enabled.setter
    def watch_list_enabled(self, value: bool) -> None:
        self._settings.watch_list_enabled = value

    @property
    def sharding_enabled(self) -> bool:
        """Whether lists and watches obey ``shardSelector``; if not they ignore it, as a server without the gate."""
        return self._settings.sharding_enabled

    @sharding_enabled.setter
    def sharding_enabled(self, value: bool) -> None:
        self._settings.sharding_enabled = value

    # Access, connections

    def deny(
        self,
        verb: str | None = None,
        resource: str | None = None,
        user: str | None = None,
        *,
        namespace: str | None = None,
    ) -> None:
        """Answer 403 from now on.

        Args:
            verb: RBAC's, such as ``list`` and ``watch``; None stands for any.
            resource: Such as ``v1/pods``, whose version does not count; None stands for any.
            user: As in ``tokens``, ``system:anonymous`` without them; None stands for any.
            namespace: None stands for any and for requests across all; ``""`` for the latter only.
        """
        self._rule(allows=False, verb=verb, resource=resource, user=user, namespace=namespace)

    def allow(
        self,
        verb: str | None = None,
        resource: str | None = None,
        user: str | None = None,
        *,
        namespace: str | None = None,
    ) -> None:
        """Make an exception from earlier `deny` calls. Arguments as there; of several rules the newest decides."""
        self._rule(allows=True, verb=verb, resource=resource, user=user, namespace=namespace)

    def allow_all(self) -> None:
        """Forget every `deny` and `allow`."""
        self._access.rules.clear()

    def _rule(
        self, *, allows: bool, verb: str | None, resource: str | None, user: str | None, namespace: str | None
    ) -> None:
        parsed = None if resource is None else Resource.parse(resource)
        self._access.rules.append(Rule(allows, verb, parsed, user, namespace))

    def drop_connections(self, *, how: Literal["reset", "close"] = "reset") -> int:
        """Cut every open connection, idle ones too, in the middle of whatever it sends.

        Args:
            how: With a TCP reset, or with an orderly close that still leaves the body unfinished.

        Returns:
            How many there were.
        """
        connections = self._listener.connections if self._listener is not None else set()
        for connection in connections:
            connection.cut(reset=how == "reset")
        return len(connections)

    @property
    def connection_count(self) -> int:
        """How many connections are open now."""
        return len(self._listener.connections) if self._listener is not None else 0

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """What was asked so far, oldest first, at most the last ``request_limit``."""
        return tuple(self._requests)

    # Faults

    def play(self, script: Script) -> None:
        """Inject the faults of a script from the next request on, in place of those of an earlier script.

        Until `stop_faults`, or until the server is left. See `kubeinformer.testing.faults`.

        Args:
            script: What goes wrong, and when.
        """
        self.stop_faults()
        self._player = Player(script, self._api, lambda: self._listener)
        self._is_playing = True

    def stop_faults(self) -> None:
        """Inject nothing more. What is stalled goes on, and a server that refuses connections listens again."""
        if self._player is not None and self._is_playing:
            self._is_playing = False
            self._player.stop()

    @property
    def faults(self) -> tuple[FaultRecord, ...]:
        """What the last script has injected so far, oldest first."""
        return tuple(self._player.records) if self._player is not None else ()

    def replica(self, behind: int) -> Replica:
        """A second API server of the same cluster, whose watches are behind. Enter it with ``async with``.

        Args:
            behind: By how many versions, at least 0; fewer where the history is shorter.

        Raises:
            ValueError: The number is out of range.
        """
        return Replica(self._api, behind)
