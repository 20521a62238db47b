"""`FakeApiServer`: a Kubernetes API server in the event loop of the test.

Rules. It speaks real HTTP on a loopback socket, so the code under test is the code that runs in production. Nothing
else about it is a server: there is no etcd, no disk, and no thread. The methods are synchronous and take effect
immediately. So a test can act between two awaits, and know that nothing else happened. Call the methods in the thread
of the event loop.

Theory. The folders behind it, from the socket inwards: ``_wire`` (HTTP, gzip), ``_api`` (who requests what, and whether
that is allowed), ``_read`` (lists, watches, their forms, discovery), ``_write`` (what writes mean, definitions of
resources, what controllers do), ``_patches`` (pure, with the owners of fields), ``_store`` (objects, versions and
history), ``_types`` (what a resource is), ``_made`` (synthetic objects). ``_faults`` is between the socket and all of
them.

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
        port: The TCP port; 0 for any free port.
        resource_version: The version to start with. Older versions are expired.
        tokens: Bearer tokens and their users. With None, everybody is accepted as ``system:anonymous``.
        gzip: Whether to compress for clients that accept it.
        gzip_threshold: Lists of at least this size in bytes are compressed. By default 128 KiB, as on a real server.
        bookmark_interval: Seconds between two bookmarks of one watch.
        history_limit: The maximum number of changes that are remembered for one resource. A watch that falls behind
            gets a 410.
        history_bytes: The approximate maximum size of the objects in the history of one resource, in bytes.
        request_limit: How many requests are remembered in `requests`.
        managed_fields: Whether objects show their ``metadata.managedFields``. The owners of fields are tracked either
            way.
        garbage_collection: Whether dependents are deleted with their owners, and the contents of a namespace with it.
            In a cluster, controllers do that; an API server alone does not.

    Differences from a real server when reading:
        It only writes JSON. Protobuf, CBOR and YAML in an Accept header are ignored; if nothing else is in it, the
        answer is a 406. A table has the columns Name and Age for every resource. A watch that requests the format of a
        list gets a 406, instead of a stream that ends at its first event; so does ``application/*`` alone, also for
        custom resources.

        A version that is too new is refused immediately, not after three seconds. Versions and continue tokens expire
        if the history is full, or on request, but not after a time. Continue tokens of other servers are a 400.
        Initial events are sent in the order of the keys. Bookmarks are sent exactly at their interval, and contain
        only metadata. ``v1/events`` and ``events.k8s.io/v1/events`` are different collections.

        A request without a token is a 401, as on a server without anonymous users. Access rules are about resources:
        a subresource is allowed if its resource is, and every known user may read discovery, version and health. The
        only access review is SelfSubjectAccessReview. ``/``, ``/metrics``, ``/openapi/v2``, ``/openapi/v3`` and the
        old ``/api/v1/watch/...`` are a 404. Discovery lists what is served, in one version of each group. There are no
        ETags, audit ids, warnings, or flow control headers.

        A shard selector may contain ``||``, but no parentheses.

    Differences from a real server when writing:
        The contents of built-in objects are neither validated nor completed. Any spec is accepted, even if a real
        server would treat it as immutable. No defaults are filled in, except the first phase of a pod and of a
        namespace. Unknown fields of built-in objects are kept; ``fieldValidation`` is parsed, but has no effect.
        Metadata is validated as on a real server. Custom resources are validated by their schema, except for CEL rules
        and formats other than ``date-time``.

        There is no ``/scale`` and no conversion webhook. A CustomResourceDefinition is served immediately, and the
        answer to its creation says so. An apply with a value of the wrong type is a 422 by the schema, not a 500. A
        JSON pointer must begin with a slash. For built-in objects, ``managedFields`` may differ in whether a map is
        owned in addition to its contents.

        Garbage is collected before the request that caused it is answered, only for owners that were deleted on this
        server, and pods are removed without a kubelet. The conformance suite does not cover garbage collection,
        because its real API server has no controllers. In-process writes of a test have the effect of the whole
        cluster; see each method.
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
        """The URL of the server, such as ``http://127.0.0.1:40123``.

        Raises:
            UsageError: It is not listening: use it inside ``async with``.
        """
        if self._listener is None:
            raise UsageError("the fake API server has an address inside `async with FakeApiServer()` only")
        return f"http://127.0.0.1:{self._listener.port}"

    # Objects at large

    def seed(
        self, resource: str, objects: int | SyntheticObjects, make: Callable[[int], RawObject] | None = None
    ) -> None:
        """Serve synthetic objects. They are made when they are read, so any number takes little memory.

        They appear immediately, without events. As after a restore from a backup, open watches of the resource get a
        410 and have to start over.

        Args:
            resource: The resource of these objects.
            objects: A number, or the objects themselves (`synthetic_pods`, `synthetic_objects`, your own).
            make: If ``objects`` is a number: a function that makes object number i. By default, pods are made by
                `synthetic_pods`, and all other objects by `synthetic_objects`.

        Raises:
            UsageError: Two objects have the same key.
        """
        self._storage.seed(Resource.parse(resource), objects, make)

    async def churn(self, resource: str, *, per_second: float, seed: int = 0) -> None:
        """Update, delete and create random objects until it is cancelled.

        Args:
            resource: The resource to change.
            per_second: Changes per second. One in ten is a deletion, and one in ten a creation.
            seed: Equal seeds make equal changes.
        """
        collection = self._storage.collection(Resource.parse(resource))
        await _churn.churn(self._cluster, collection, per_second, random.Random(seed))  # noqa: S311 - no secrets here

    # Versions

    @property
    def resource_version(self) -> str:
        """The newest version of all resources."""
        return str(self._storage.version)

    def compact(self) -> None:
        """Expire all older versions and all continue tokens. Open watches continue."""
        self._storage.compact()

    def expire_continue_tokens(self) -> None:
        """Expire all continue tokens that were given out until now."""
        self._storage.token_epoch += 1

    def bookmark(self) -> None:
        """Send a bookmark now, to every open watch that allows bookmarks."""
        self._settings.bookmarks_asked += 1
        for collection in self._storage.collections.values():
            collection.news.notify()

    # Features

    @property
    def watch_list_enabled(self) -> bool:
        """Whether watches may request initial events. If False, these get a 422, as from an older server."""
        return self._settings.watch_list_enabled

    @watch_list_enabled.setter
    def watch_list_enabled(self, value: bool) -> None:
        self._settings.watch_list_enabled = value

    @property
    def sharding_enabled(self) -> bool:
        """Whether ``shardSelector`` is supported. If False, it is ignored, as on a server without the feature gate."""
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
        """Answer 403 to matching requests from now on.

        Args:
            verb: An RBAC verb, such as ``list`` or ``watch``; None for any.
            resource: Such as ``v1/pods``, where the version is ignored; None for any.
            user: A user of ``tokens``, or ``system:anonymous`` if there are no tokens; None for any.
            namespace: A namespace; None for any, and for requests across all namespaces; ``""`` only for the latter.
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
        """Make an exception from earlier `deny` calls. Arguments as in `deny`; the newest matching rule decides."""
        self._rule(allows=True, verb=verb, resource=resource, user=user, namespace=namespace)

    def allow_all(self) -> None:
        """Forget all calls of `deny` and `allow`."""
        self._access.rules.clear()

    def _rule(
        self, *, allows: bool, verb: str | None, resource: str | None, user: str | None, namespace: str | None
    ) -> None:
        parsed = None if resource is None else Resource.parse(resource)
        self._access.rules.append(Rule(allows, verb, parsed, user, namespace))

    def drop_connections(self, *, how: Literal["reset", "close"] = "reset") -> int:
        """Cut every open connection, even idle ones, in the middle of what it sends.

        Args:
            how: ``"reset"`` for a TCP reset, ``"close"`` for an orderly close, which also leaves the body incomplete.

        Returns:
            The number of connections that were cut.
        """
        connections = self._listener.connections if self._listener is not None else set()
        for connection in connections:
            connection.cut(reset=how == "reset")
        return len(connections)

    @property
    def connection_count(self) -> int:
        """The number of connections that are open now."""
        return len(self._listener.connections) if self._listener is not None else 0

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The requests until now, oldest first; at most the last ``request_limit``."""
        return tuple(self._requests)

    # Faults

    def play(self, script: Script) -> None:
        """Inject the faults of a script, from the next request on. They replace those of an earlier script.

        This lasts until `stop_faults`, or until the server ends. See `kubeinformer.testing.faults`.

        Args:
            script: The faults.
        """
        self.stop_faults()
        self._player = Player(script, self._api, lambda: self._listener)
        self._is_playing = True

    def stop_faults(self) -> None:
        """Stop injecting faults. Stalled answers continue, and a server that refuses connections accepts them again."""
        if self._player is not None and self._is_playing:
            self._is_playing = False
            self._player.stop()

    @property
    def faults(self) -> tuple[FaultRecord, ...]:
        """The faults that the last script has injected until now, oldest first."""
        return tuple(self._player.records) if self._player is not None else ()

    def replica(self, behind: int) -> Replica:
        """Make a second API server of the same cluster, whose watches are behind. Use it with ``async with``.

        Args:
            behind: The number of versions that it is behind, at least 0. It is less if the history is shorter.

        Raises:
            ValueError: The number is out of range.
        """
        return Replica(self._api, behind)
