"""Every error that this library raises, as one tree, sorted by what has to be done.

::

    KubeInformerError
    ├── UsageError                  fix the calling code
    │   ├── IndexerError            an ``indexers=`` function raised
    │   ├── ModelMismatch           an object does not fit the ``model=``
    │   ├── TransformError          the ``transform=`` function raised, or returned no dict
    │   ├── BadReconcile            a reconcile is not async, or did not return a `Result` or None
    │   └── InformerClosed          the informer was used after it was closed
    ├── ConfigError                 fix the kubeconfig, the arguments of ``connect()`` or the pod's service account
    ├── ServerRefused               fix RBAC, the CRD, the selector, or the object that you write
    │   ├── Unauthorized            HTTP 401
    │   ├── Forbidden               HTTP 403
    │   ├── NotFound                HTTP 404
    │   ├── Conflict                HTTP 409: somebody else changed the object meanwhile, or owns one of its fields
    │   ├── AlreadyExists           HTTP 409: an object with that name already exists
    │   └── Invalid                 HTTP 422: the object breaks the rules of its type
    ├── ServerUnavailable           the server cannot answer now: an informer tries again
    │   └── Redirected              HTTP 3xx: a proxy, or the server's URL, leads elsewhere
    ├── ProtocolError               the server, or a proxy, sent what no API server may send
    │   ├── MalformedData           not JSON, not UTF-8, cut off, or not compressed as announced
    │   ├── ObjectTooLarge          one object is over the size limit
    │   └── WrongKind               well formed, but not what was requested
    ├── TransportError              the network failed: an informer tries again
    │   ├── ConnectionFailed        no connection could be made
    │   ├── ConnectionLost          the connection broke before the answer ended
    │   ├── ReadDeadlineExceeded    the peer went silent
    │   └── RequestTimeout          ``Cluster.request`` did not get a complete answer in time
    ├── CorruptEntry                memory of the process was damaged: read again later, check the hardware
    ├── AlreadyOwned                the object already has a controller, and may have only one
    ├── LeadershipLost              another process leads, or may lead: end this process, and restart it
    ├── QueueShutDown               a work queue has no more keys: its workers end
    ├── SyncTimeout                 no complete snapshot in time
    ├── WaitTimeout                 a resource version was not reached in time
    ├── ReconcileTimeout            a reconcile took longer than its ``reconcile_timeout=``; it is retried
    ├── StrayCancellation           a reconcile was cancelled, but not by its controller
    └── Terminal                    raise it in a reconcile if a retry cannot help

Informers retry after lost connections, expired versions and throttling, and count them. They do not raise these errors:
you find them as the ``__cause__`` of a `SyncTimeout`, and in ``Informer.statistics()``. ``Cluster.request`` sends a
request once, and raises them. No message contains a credential.
"""

__all__ = [
    "AlreadyExists",
    "AlreadyOwned",
    "BadReconcile",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "ConnectionLost",
    "CorruptEntry",
    "Forbidden",
    "IndexerError",
    "InformerClosed",
    "Invalid",
    "KubeInformerError",
    "LeadershipLost",
    "MalformedData",
    "ModelMismatch",
    "NotFound",
    "ObjectTooLarge",
    "ProtocolError",
    "QueueShutDown",
    "ReadDeadlineExceeded",
    "ReconcileTimeout",
    "Redirected",
    "RequestTimeout",
    "ServerRefused",
    "ServerUnavailable",
    "StrayCancellation",
    "SyncTimeout",
    "Terminal",
    "TransformError",
    "TransportError",
    "Unauthorized",
    "UsageError",
    "WaitTimeout",
    "WrongKind",
]


class KubeInformerError(Exception):
    """The base class of all errors of this library."""


class UsageError(KubeInformerError):
    """The calling code requested something that cannot work."""


class IndexerError(UsageError):
    """A function in ``indexers=`` raised an exception, or did not return an iterable of strings.

    This ends the scope of ``connect()``, because an incomplete index would give wrong answers from then on. The
    function's own exception is the ``__cause__``.
    """

    resource: str
    index: str
    key: str
    problem: str

    def __init__(self, resource: str, index: str, key: str, problem: str) -> None:
        super().__init__(resource, index, key, problem)
        self.resource, self.index, self.key, self.problem = resource, index, key, problem

    def __str__(self) -> str:
        return (
            f"indexer {self.index!r} of {self.resource} failed on {self.key!r}: {self.problem}; "
            "an indexer must return an iterable of str for every object the server may send"
        )


class ModelMismatch(UsageError):
    """An object does not fit the ``model=`` of its informer. It stays in the store; `Store.raw` returns it."""

    resource: str
    key: str
    problem: str

    def __init__(self, resource: str, key: str, problem: str) -> None:
        super().__init__(resource, key, problem)
        self.resource, self.key, self.problem = resource, key, problem

    def __str__(self) -> str:
        return (
            f"{self.key!r} of {self.resource} does not fit the model: {self.problem}; "
            "make the field optional, or widen its type"
        )


class TransformError(UsageError):
    """The function in ``transform=`` raised an exception, or did not return a dict.

    It is raised where the object is read. With ``retain="objects"`` or ``indexers=``, which need every object when it
    arrives, it ends the scope of ``connect()``. The function's own exception is the ``__cause__``.
    """

    resource: str
    problem: str

    def __init__(self, resource: str, problem: str) -> None:
        super().__init__(resource, problem)
        self.resource, self.problem = resource, problem

    def __str__(self) -> str:
        return (
            f"the transform of {self.resource} failed: {self.problem}; "
            "it must return a dict for every object the server may send"
        )


class BadReconcile(UsageError):
    """The reconcile function of a `Controller` is not async, or did not return a `Result` or None."""

    function: str
    key: str
    problem: str

    def __init__(self, function: str, key: str, problem: str) -> None:
        super().__init__(function, key, problem)
        self.function, self.key, self.problem = function, key, problem

    def __str__(self) -> str:
        return f"{self.function} {self.problem} for {self.key!r}; it must be `async def` and return a Result or None"


class InformerClosed(UsageError):
    """The informer, or its cluster, has been closed."""

    def __init__(self, resource: str) -> None:
        super().__init__(resource)
        self.resource = resource

    def __str__(self) -> str:
        return f"the informer for {self.resource} is closed: use it inside `async with connect()`, before aclose()"


class ConfigError(KubeInformerError):
    """No usable connection to a cluster was found. The message lists where it was looked for, in order."""


class ServerRefused(KubeInformerError):
    """The server refused the request. A retry does not help: the request, or something in the cluster, has to change.

    Attributes:
        verb: The RBAC verb of the request: ``list``, ``watch``, ``get``, ``create``, ``update``, ``patch``,
            ``delete``, ``deletecollection``.
        resource: The resource, as in ``Cluster.informer``: ``apps/v1/deployments``. With the subresource, if there is
            one: ``apps/v1/deployments/status``. Or a path that belongs to no resource: ``/version``.
        namespace: The namespace of the request; None for all namespaces, and if there is none.
        status: The HTTP status code.
        reason: ``Status.reason`` from the server, such as ``Forbidden``; empty if it gave none.
        detail: ``Status.message`` from the server, at most 1,000 characters.
        name: The name of the object; None if the request was for a collection.
        causes: The server's objections in detail, as (field, reason, message). Each part may be empty.
        remedy: What to do.
    """

    verb: str
    resource: str
    namespace: str | None
    status: int
    reason: str
    detail: str
    name: str | None
    causes: tuple[tuple[str, str, str], ...]

    remedy: str = "check the request against the API server's documentation of this resource"

    def __init__(
        self,
        verb: str,
        resource: str,
        namespace: str | None,
        status: int,
        reason: str,
        detail: str,
        *,
        name: str | None = None,
        causes: tuple[tuple[str, str, str], ...] = (),
        remedy: str | None = None,
    ) -> None:
        super().__init__(verb, resource, namespace, status, reason, detail)
        self.verb, self.resource, self.namespace, self.name = verb, resource, namespace, name
        self.status, self.reason, self.detail, self.causes = status, reason, detail, causes
        if remedy is not None:
            self.remedy = remedy

    def __str__(self) -> str:
        said = f", it said: {self.detail}" if self.detail else ""
        # The server's own text contains the causes, but it is long, and may have been cut.
        texts = (f"{field}: {message}" if field else message for field, _, message in self.causes)
        also = "".join(f"; also: {text}" for text in texts if text not in self.detail)
        return (
            f"server refused to {self.verb} {self.resource}{self._where()} "
            f"(HTTP {self.status}{' ' + self.reason if self.reason else ''}{said}{also}); {self.remedy}"
        )

    def _where(self) -> str:
        if self.name:
            return _object(self.namespace, self.name)
        if self.namespace:
            return f" in namespace {self.namespace!r}"
        return " in all namespaces" if self.verb in {"list", "watch", "deletecollection"} else ""


def _object(namespace: str | None, name: str) -> str:
    key = f"{namespace}/{name}" if namespace else name
    return f" {key!r}"


class Unauthorized(ServerRefused):
    """HTTP 401: the server does not accept the credentials."""

    remedy = "check that the token or client certificate is current and belongs to this cluster"


class Forbidden(ServerRefused):
    """HTTP 403: the server knows the user, but RBAC does not allow the request."""

    remedy = "bind a Role or ClusterRole with the verbs list and watch on this resource to this user or service account"


class NotFound(ServerRefused):
    """HTTP 404: the server does not serve this resource, or has no such object."""

    remedy = "check group, version and plural (`kubectl api-resources`), and that the CRD is installed"


class Conflict(ServerRefused):
    """HTTP 409: the object has changed since it was read, or another field manager owns a field of an apply."""

    remedy = "read the object again, make the change to it, and write that"


class AlreadyExists(ServerRefused):
    """HTTP 409 on a create: an object with that name already exists."""

    remedy = "read it, or choose another name"


class Invalid(ServerRefused):
    """HTTP 422: the object, or the result of a patch, is invalid for its type. See ``causes``."""

    remedy = "correct the fields named"


class ServerUnavailable(KubeInformerError):
    """The server cannot answer now (429, 5xx, 408, 410, or an ERROR event).

    An informer retries, so there you see this error only as a cause and in the statistics. ``Cluster.request`` raises
    it.

    Attributes:
        retry_after: How many seconds the server asks clients to wait; None if it does not say.
        is_retried: Whether this library retries the request by itself.

    The other attributes are those of `ServerRefused`.
    """

    verb: str
    resource: str
    status: int
    reason: str
    detail: str
    namespace: str | None
    name: str | None
    retry_after: float | None
    is_retried: bool

    def __init__(
        self,
        verb: str,
        resource: str,
        status: int,
        reason: str,
        detail: str,
        *,
        namespace: str | None = None,
        name: str | None = None,
        retry_after: float | None = None,
        is_retried: bool = True,
    ) -> None:
        super().__init__(verb, resource, status, reason, detail)
        self.verb, self.resource, self.namespace, self.name = verb, resource, namespace, name
        self.status, self.reason, self.detail = status, reason, detail
        self.retry_after, self.is_retried = retry_after, is_retried

    def __str__(self) -> str:
        said = f", it said: {self.detail}" if self.detail else ""
        what = self.resource + (_object(self.namespace, self.name) if self.name else "")
        return (
            f"server could not {self.verb} {what} now "
            f"(HTTP {self.status}{' ' + self.reason if self.reason else ''}{said}); {self._outlook()}"
        )

    def _outlook(self) -> str:
        if self.is_retried:
            return "it is tried again"
        later = "later" if self.retry_after is None else f"in {self.retry_after:g} s"
        return f"try again {later}; after a 5xx, check first whether it was executed"


class Redirected(ServerUnavailable):
    """HTTP 3xx: a redirect. It is not followed, because the token would be sent along.

    Attributes:
        location: The target as ``scheme://host``, without user, path and query, which may contain secrets; or a
            description of it.
    """

    def __init__(self, verb: str, resource: str, status: int, location: str, *, is_retried: bool = True) -> None:
        super().__init__(verb, resource, status, "", "", is_retried=is_retried)
        self.args: tuple[object, ...] = (verb, resource, status, location)  # a copy is made from these
        self.location = location

    def __str__(self) -> str:
        return (
            f"the answer to {self.verb} {self.resource} was a redirect to {self.location} (HTTP {self.status}), which "
            "is not followed: check the server's URL, and whether a proxy requires a login"
            + ("; it is tried again" if self.is_retried else "")
        )


class ProtocolError(KubeInformerError):
    """The server sent something that no API server may send. The connection was closed, and nothing of it was applied.

    Attributes:
        resource: The resource that was being read.
        problem: What is wrong, without the content of the object, which may be a Secret.
        position: Byte offset in the decompressed body where the bad frame or item starts; None if it is not known.
    """

    resource: str
    problem: str
    position: int | None

    remedy = "look for a proxy between here and the API server; if there is none, report it with this message"

    def __init__(self, resource: str, problem: str, position: int | None = None) -> None:
        super().__init__(resource, problem, position)
        self.resource, self.problem, self.position = resource, problem, position

    def __str__(self) -> str:
        where = "" if self.position is None else f" at byte {self.position}"
        return f"bad answer for {self.resource}{where}: {self.problem}; {self.remedy}"


class MalformedData(ProtocolError):
    """The data is not JSON, not UTF-8, cut off in the middle, or not compressed as the headers say."""


class ObjectTooLarge(ProtocolError):
    """One object is larger than the size limit, in bytes of JSON."""

    remedy = "raise object_size_limit= of connect() if the object is meant to be that large, or ask for fewer at a time"


class WrongKind(ProtocolError):
    """The answer is well formed, but not what was requested: a Table, an HTML page, an object without a name."""


class TransportError(KubeInformerError):
    """The network failed.

    An informer retries, so there you see this error only as a cause and in the statistics. ``Cluster.request`` raises
    it. Then the server may have executed the request, except after `ConnectionFailed`.
    """


class ConnectionFailed(TransportError):
    """No connection could be made: it was refused, the host is unknown, TLS is not trusted, or the proxy refused."""


class ConnectionLost(TransportError):
    """The connection broke before the answer was complete."""


class ReadDeadlineExceeded(TransportError):
    """The server sent nothing for longer than a working server would take."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"no byte for {self.seconds:g} s on an open connection: it counts as dead, and is opened again"


class RequestTimeout(TransportError):
    """``Cluster.request`` did not get a complete answer in time. The server may have executed the request.

    Attributes:
        request: Method and path.
        seconds: The time limit.
    """

    request: str
    seconds: float

    def __init__(self, request: str, seconds: float) -> None:
        super().__init__(request, seconds)
        self.request, self.seconds = request, seconds

    def __str__(self) -> str:
        return (
            f"{self.request}: no complete answer within {self.seconds:g} s; if it was a write, check whether it was "
            "executed before you try again"
        )


class CorruptEntry(KubeInformerError):
    """A stored object can no longer be decompressed: its memory was overwritten, or the hardware is failing.

    The object is fetched again in the background. Until then, reads of this key raise this error; other keys are not
    affected.

    Attributes:
        resource: The informer's resource.
        key: The object's key.
    """

    resource: str
    key: str

    def __init__(self, resource: str, key: str) -> None:
        super().__init__(resource, key)
        self.resource, self.key = resource, key

    def __str__(self) -> str:
        return (
            f"the stored object {self.key!r} of {self.resource} was damaged in memory; it is being fetched again: "
            "read it later, and suspect an extension module or the hardware if this happens again"
        )


class AlreadyOwned(KubeInformerError):
    """The object already has a controller (an owner reference), and no object may have two.

    Attributes:
        owned: The object, as ``Kind namespace/name``.
        owner: Its controller, as ``Kind name``.
    """

    owned: str
    owner: str

    def __init__(self, owned: str, owner: str) -> None:
        super().__init__(owned, owner)
        self.owned, self.owner = owned, owner

    def __str__(self) -> str:
        return (
            f"{self.owned} is controlled by {self.owner} already: "
            "give it another name, or remove the other controller's owner reference first"
        )


class LeadershipLost(KubeInformerError):
    """This process no longer holds the lease, or cannot be sure that it does. The work under the lease was cancelled.

    Attributes:
        lease: ``namespace/name`` of the lease.
        identity: The identity with which this process held it.
        holder: Who holds it now, as far as is known; None for nobody or unknown.
        reason: What happened.
    """

    lease: str
    identity: str
    holder: str | None
    reason: str

    def __init__(self, lease: str, identity: str, holder: str | None, reason: str) -> None:
        super().__init__(lease, identity, holder, reason)
        self.lease, self.identity, self.holder, self.reason = lease, identity, holder, reason

    def __str__(self) -> str:
        if self.holder is None:
            now = "nobody is known to hold it now"
        elif self.holder == self.identity:
            now = "nobody else is known to hold it yet"
        else:
            now = f"it is now held by {self.holder!r}"
        return (
            f"{self.identity!r} does not hold the lease {self.lease}: {self.reason}; {now}. "
            "Let this process end: started again, it is a new candidate"
        )


class QueueShutDown(KubeInformerError):
    """A work queue was shut down and has no more keys. A worker that waits for a key has to end.

    Attributes:
        name: The queue's name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"work queue {self.name!r} is shut down: it has no more keys, and a worker that waits for one has to end"


class SyncTimeout(KubeInformerError):
    """No complete snapshot arrived within the ``timeout=`` of ``synced()``. The informer keeps trying.

    The last failure is the ``__cause__``, and is part of the message. It is None if nothing has failed: then the
    snapshot is not complete yet, or has to wait for those of other informers (``is_queued``).
    """

    resource: str
    seconds: float
    cause: BaseException | None
    is_queued: bool

    def __init__(self, resource: str, seconds: float, cause: BaseException | None, *, is_queued: bool = False) -> None:
        super().__init__(resource, seconds, cause)
        self.resource, self.seconds, self.cause, self.is_queued = resource, seconds, cause, is_queued

    def __str__(self) -> str:
        if self.cause:
            why = f"last failure: {self.cause}"
        elif self.is_queued:
            why = "nothing failed, other informers sync first (concurrent_syncs= of connect() limits their number)"
        else:
            why = "nothing failed, the server's answer or the rest of the snapshot is still on its way"
        return f"{self.resource} not synced within {self.seconds:g} s; {why}"


class WaitTimeout(KubeInformerError):
    """``wait_for(resource_version)`` did not see that version, or a later one, in time."""

    resource: str
    wanted: str
    reached: str | None
    seconds: float

    def __init__(self, resource: str, wanted: str, reached: str | None, seconds: float) -> None:
        super().__init__(resource, wanted, reached, seconds)
        self.resource, self.wanted, self.reached, self.seconds = resource, wanted, reached, seconds

    def __str__(self) -> str:
        return (
            f"{self.resource} did not reach resource version {self.wanted} within {self.seconds:g} s "
            f"(it is at {self.reached or 'none yet'}); if the object is outside the informer's selectors, "
            "the version is only reached with the server's next bookmark, a minute or two later"
        )


class ReconcileTimeout(KubeInformerError):
    """A reconcile was cancelled because it took longer than the ``reconcile_timeout=`` of its controller."""

    function: str
    key: str
    seconds: float

    def __init__(self, function: str, key: str, seconds: float) -> None:
        super().__init__(function, key, seconds)
        self.function, self.key, self.seconds = function, key, seconds

    def __str__(self) -> str:
        return (
            f"{self.function} took longer than {self.seconds:g} s for {self.key!r} and was cancelled; "
            "look for what it waits on, or raise reconcile_timeout="
        )


class StrayCancellation(KubeInformerError):
    """A reconcile was cancelled, but not by its controller: it awaited a task or future that somebody cancelled."""

    function: str
    key: str

    def __init__(self, function: str, key: str) -> None:
        super().__init__(function, key)
        self.function, self.key = function, key

    def __str__(self) -> str:
        return (
            f"{self.function} was cancelled for {self.key!r}, and not by its controller: a task or future that it "
            "awaited was cancelled; catch asyncio.CancelledError where it awaits one that others may cancel"
        )


class Terminal(KubeInformerError):
    """Raise this in a reconcile if a retry cannot help. It is logged and counted; the next change reconciles again."""
