"""`FakeApiServer`: a Kubernetes API server in the test's own event loop.

Rules. Real HTTP on a loopback socket, so that what is tested is what runs in production; no other part of it is a
server: no etcd, no disk, no threads. The methods are synchronous and take effect at once, so a test can act between
two awaits and know that nothing else did. They belong to the event loop's thread.

Theory. See the modules behind it: ``_writing`` and ``_deleting`` (what writes mean), ``_apply`` (who owns which field),
``_crds`` and ``_schema`` (custom resources), ``_garbage`` (what controllers do), ``_collection`` (versions and
history), ``_listing``, ``_watching``, ``_body`` (gzip), ``_http`` (sockets).

Not here. Admission, defaulting and validation of built-in contents, protobuf, TLS.
"""

import os
import random
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias

from kubeinformer._protocol.selectors import FieldSelector, LabelSelector
from kubeinformer.errors import UsageError
from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing import _churn, _status
from kubeinformer.testing._access import Access, Rule
from kubeinformer.testing._cluster import Cluster
from kubeinformer.testing._deleting import CRDS, Deletion
from kubeinformer.testing._handlers import Api, RequestRecord, Settings, handle
from kubeinformer.testing._kinds import ResourceType
from kubeinformer.testing._listener import Listener
from kubeinformer.testing._options import Selection
from kubeinformer.testing._patching import JSON_PATCH, MERGE_PATCH, STRATEGIC, check_patch_type, patcher
from kubeinformer.testing._payload import read_body
from kubeinformer.testing._rules import WriteOptions
from kubeinformer.testing._status import FakeApiError
from kubeinformer.testing._storage import Storage
from kubeinformer.testing._synthetic import SyntheticObjects
from kubeinformer.testing._traits import has_status
from kubeinformer.testing._writing import key_of

__all__ = ["FakeApiServer"]

_Objects: TypeAlias = list[RawObject]  # inside the class, `list` is its method
_TRUSTED = WriteOptions(is_trusted=True)
_PATCH_TYPES = {"merge": MERGE_PATCH, "json": JSON_PATCH, "strategic": STRATEGIC}


class FakeApiServer:
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
        Contents of built-in objects are neither checked nor completed: any spec is accepted, and no default is filled
        in but a pod's first phase and a namespace's. Metadata is checked as on a real server, and so are custom
        resources by their schema (CEL rules and formats other than ``date-time`` are not). ``fieldValidation`` is
        ignored: unknown fields of built-in objects are kept. There is no ``/scale``, and no conversion webhook. A
        definition serves at once. Garbage is collected before the request that made it is answered, and only after
        owners that were deleted here. Deleting by hand needs no grace period. Every other answer is compared with a
        real server's by the project's conformance suite.
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
        self._storage = Storage(resource_version, history_limit, history_bytes, shows_managers=managed_fields)
        self._cluster = Cluster(self._storage, garbage_collection=garbage_collection)
        self._access = Access(tokens)
        self._requests: deque[RequestRecord] = deque(maxlen=request_limit)
        self._api = Api(self._cluster, self._access, self._settings, self._requests.append)
        self._port = port
        self._listener: Listener | None = None

    # Lifetime

    async def __aenter__(self) -> Self:
        self._listener = await Listener.open(self._port, lambda exchange: handle(self._api, exchange))
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._listener is not None
        listener, self._listener = self._listener, None
        await listener.close()

    @property
    def url(self) -> str:
        """Where the server listens, such as ``http://127.0.0.1:40123``.

        Raises:
            UsageError: It does not listen: ask inside ``async with``.
        """
        if self._listener is None:
            raise UsageError("the fake API server has an address inside `async with FakeApiServer()` only")
        return f"http://127.0.0.1:{self._listener.port}"

    # Objects

    # Each of these acts as the whole cluster, not as a client: it sets status and spec in one go, needs no
    # resourceVersion, and a pod goes at once because the test is its kubelet, too.

    def create(self, resource: str, obj: RawObject) -> RawObject:
        """Create an object; ``metadata.namespace`` defaults to ``default``. Returns it as stored, a copy.

        A namespace that does not exist is created with it, so that a test need not; a client gets a 404 instead.
        The status is kept, so that a running pod is one call; a client's is dropped where there is a ``/status``.

        Raises:
            FakeApiError: 400, 404, 409 AlreadyExists or 422, as over HTTP.
        """
        return self._cluster.writing.create(Resource.parse(resource), obj, options=_TRUSTED)

    def update(self, resource: str, obj: RawObject) -> RawObject:
        """Replace an object. Without a ``metadata.resourceVersion`` it replaces whatever is there.

        Raises:
            FakeApiError: 404, 409 Conflict or 422.
        """
        parsed, key = self._place(resource, obj)
        return self._cluster.writing.update(parsed, key, obj, _TRUSTED)

    def update_status(self, resource: str, obj: RawObject) -> RawObject:
        """Replace an object's status and nothing else, as a PUT to ``/status`` does.

        Raises:
            FakeApiError: 404, also when the resource has no ``/status``; 409 Conflict or 422.
        """
        parsed, key = self._place(resource, obj)
        if not has_status(self._storage.collection(parsed).type):
            raise _status.unknown_resource()
        return self._cluster.writing.update(parsed, key, obj, WriteOptions(is_trusted=True, subresource="status"))

    def patch(
        self,
        resource: str,
        key: str,
        patch: RawObject | _Objects,
        *,
        type: Literal["merge", "json", "strategic"] = "merge",  # noqa: A002 - what the API calls it
    ) -> RawObject:
        """Patch the object with this key, ``namespace/name`` or ``name``.

        Args:
            resource: Where it is.
            key: Which one.
            patch: An object, or for a JSON patch the list of its operations.
            type: JSON merge patch (RFC 7386), JSON patch (RFC 6902), or strategic merge patch, which custom
                resources do not have.

        Raises:
            FakeApiError: 404, 409 Conflict, 415 or 422.
        """
        parsed = Resource.parse(resource)
        type_ = self._storage.collection(parsed).type
        patch_type = check_patch_type(type_, _PATCH_TYPES[type])
        return self._cluster.writing.change(parsed, key, patcher(type_, patch_type, patch), _TRUSTED)

    def apply(self, resource: str, obj: RawObject, *, field_manager: str, force: bool = False) -> RawObject:
        """Apply an object server-side: create it, or merge it into what is there, as this manager.

        What the manager applied earlier and now does not is removed, unless somebody else owns it.

        Args:
            resource: Where it is.
            obj: What the manager wants; kind and apiVersion may be left out.
            field_manager: Who wants it.
            force: Whether to take fields that others own and that get another value.

        Raises:
            FakeApiError: 409 Conflict with a cause FieldManagerConflict for each such field; 404 or 422.
        """
        parsed, key = self._place(resource, obj)
        options = WriteOptions(is_trusted=True, manager=field_manager, force=force)
        return self._cluster.writing.apply(parsed, key, obj, options)[0]

    def delete(
        self,
        resource: str,
        key: str,
        *,
        propagation_policy: Literal["Background", "Foreground", "Orphan"] | None = None,
    ) -> RawObject:
        """Delete an object, or mark it with a deletionTimestamp if it has finalizers. Returns its last state.

        Args:
            resource: Where it is.
            key: Which one.
            propagation_policy: What becomes of its dependents; as ``Background`` by default.

        Raises:
            FakeApiError: 404.
        """
        options = Deletion(policy=propagation_policy or "", grace=0)
        return self._cluster.deleting.delete(Resource.parse(resource), key, options)[0]

    def get(self, resource: str, key: str) -> RawObject:
        """Read an object; a copy.

        Raises:
            FakeApiError: 404.
        """
        return self._storage.get(Resource.parse(resource), key)

    def list(
        self, resource: str, *, namespace: str | None = None, label_selector: str = "", field_selector: str = ""
    ) -> _Objects:
        """Read all objects that are selected, in key order; copies.

        Raises:
            FakeApiError: 404; 400, the resource cannot be selected by a field.
            ValueError: A selector cannot be read.
        """
        collection = self._storage.collection(Resource.parse(resource))
        labels = LabelSelector.parse(label_selector)
        fields = collection.type.select_fields(FieldSelector.parse(field_selector))
        selection = Selection(collection.type, namespace or "", labels, fields)
        entries = ((key, collection.entries[key]) for key in collection.keys)
        return [collection.type.decode(stored.body) for key, stored in entries if selection.matches(key, stored)]

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

    # Resources

    def register(self, resource: str, *, kind: str, namespaced: bool = True, status_subresource: bool = False) -> None:
        """Serve a custom resource whose objects may hold anything.

        Args:
            resource: Such as ``example.com/v1/widgets``.
            kind: Such as ``Widget``.
            namespaced: Whether its objects live in namespaces.
            status_subresource: Whether clients write its status through ``/status`` only.

        Raises:
            UsageError: It is served already.
        """
        subresources = ("status",) if status_subresource else ()
        type_ = ResourceType(Resource.parse(resource), kind, namespaced, custom=True, subresources=subresources)
        self._storage.register(type_)

    def register_crd(self, manifest: RawObject | str | os.PathLike[str]) -> RawObject:
        """Create a CustomResourceDefinition, and serve what it defines from now on. Returns it as stored.

        Args:
            manifest: The definition, or the path of a YAML or JSON file with it and nothing else.

        Raises:
            FakeApiError: 409, it exists; 422, the manifest is one that a real server refuses.
            OSError: The file cannot be read.
            ValueError: It holds no object.
        """
        loaded = manifest if isinstance(manifest, dict) else _load(Path(manifest))
        return self._cluster.writing.create(CRDS, loaded, options=_TRUSTED)

    def unregister(self, resource: str) -> None:
        """Delete a resource as if its CRD was: DELETED for every object, the end of every watch, then 404.

        Raises:
            FakeApiError: 404, it is not served.
        """
        self._cluster.unregister(Resource.parse(resource))

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

    def _place(self, resource: str, obj: RawObject) -> tuple[Resource, str]:
        parsed = Resource.parse(resource)
        return parsed, key_of(self._storage.collection(parsed).type, obj)


def _load(path: Path) -> RawObject:
    try:
        return read_body("application/yaml", path.read_bytes())
    except FakeApiError as error:
        raise ValueError(f"{path} holds no manifest: {error.status['message']}") from None
