"""Every error this library raises, as one tree sorted by who must act.

::

    KubeInformerError
    ├── UsageError                  fix the calling code
    │   ├── IndexerError            an ``indexers=`` function raised
    │   ├── ModelMismatch           an object does not fit the ``model=``
    │   ├── TransformError          the ``transform=`` function raised, or returned no dict
    │   └── InformerClosed          the informer was used after it was closed
    ├── ConfigError                 fix the kubeconfig, the arguments of ``connect()`` or the pod's service account
    ├── ServerRefused               fix RBAC, the CRD or the selector
    │   ├── Unauthorized            HTTP 401
    │   ├── Forbidden               HTTP 403
    │   └── NotFound                HTTP 404
    ├── ServerUnavailable           the server cannot answer now: retried, seen only as a cause
    │   └── Redirected              HTTP 3xx: something in between, or the server's URL, leads elsewhere
    ├── ProtocolError               the server broke its contract: report it
    │   ├── MalformedData           not JSON, not UTF-8, cut off, or not compressed as announced
    │   ├── ObjectTooLarge          one object is over the size cap
    │   └── WrongKind               well formed, but not what was asked for
    ├── TransportError              the network failed: retried, seen only as a cause
    │   ├── ConnectionFailed        no connection could be made
    │   ├── ConnectionLost          the connection broke before the answer ended
    │   └── ReadDeadlineExceeded    the peer went silent
    ├── CorruptEntry                the process' memory was damaged: read again later, look at the hardware
    ├── SyncTimeout                 no complete snapshot within the time given
    └── WaitTimeout                 a resource version was not reached within the time given

Lost connections, expired versions and throttling are retried and counted, never thrown at users: they show up
as the ``__cause__`` of a `SyncTimeout` and in ``Informer.statistics()``. No message holds a credential.
"""

__all__ = [
    "ConfigError",
    "ConnectionFailed",
    "ConnectionLost",
    "CorruptEntry",
    "Forbidden",
    "IndexerError",
    "InformerClosed",
    "KubeInformerError",
    "MalformedData",
    "ModelMismatch",
    "NotFound",
    "ObjectTooLarge",
    "ProtocolError",
    "ReadDeadlineExceeded",
    "Redirected",
    "ServerRefused",
    "ServerUnavailable",
    "SyncTimeout",
    "TransformError",
    "TransportError",
    "Unauthorized",
    "UsageError",
    "WaitTimeout",
    "WrongKind",
]


class KubeInformerError(Exception):
    """Base of everything this library raises on purpose."""


class UsageError(KubeInformerError):
    """The calling code asked for something that cannot work."""


class IndexerError(UsageError):
    """A function given as ``indexers=`` raised, or did not return an iterable of strings.

    An index with a hole would answer wrongly for ever, so this ends the scope of ``connect()``.
    The function's own exception is the ``__cause__``.
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
    """An object in the store does not fit the ``model=`` given for its informer. It stays there; ``raw()`` has it."""

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
    """The function given as ``transform=`` raised, or returned something else than a dict.

    A read raises it to who reads. With ``retain="objects"`` or ``indexers=``, which need every object when it comes,
    it ends the scope of ``connect()``. The function's own exception is the ``__cause__``.
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


class InformerClosed(UsageError):
    """The informer, or the cluster it came from, has been closed."""

    def __init__(self, resource: str) -> None:
        super().__init__(resource)
        self.resource = resource

    def __str__(self) -> str:
        return f"the informer for {self.resource} is closed: use it inside `async with connect()`, before aclose()"


class ConfigError(KubeInformerError):
    """No usable way to a cluster was found. The message lists what was looked for, in order."""


class ServerRefused(KubeInformerError):
    """The server answered, and the answer is no: only somebody with rights on the cluster can change it.

    Attributes:
        verb: What was tried, in RBAC's words: ``list``, ``watch``.
        resource: The resource as given to ``Cluster.informer``, such as ``apps/v1/deployments``.
        namespace: The namespace asked for, or None for all of them.
        status: The HTTP status code.
        reason: ``Status.reason`` as the server gave it, such as ``Forbidden``; empty when it gave none.
        detail: ``Status.message`` as the server gave it.
    """

    verb: str
    resource: str
    namespace: str | None
    status: int
    reason: str
    detail: str

    remedy = "check the request against the API server's documentation of this resource"

    def __init__(self, verb: str, resource: str, namespace: str | None, status: int, reason: str, detail: str) -> None:
        super().__init__(verb, resource, namespace, status, reason, detail)
        self.verb, self.resource, self.namespace = verb, resource, namespace
        self.status, self.reason, self.detail = status, reason, detail

    def __str__(self) -> str:
        where = f"in namespace {self.namespace!r}" if self.namespace else "in all namespaces"
        said = f", it said: {self.detail}" if self.detail else ""
        return (
            f"server refused to {self.verb} {self.resource} {where} "
            f"(HTTP {self.status}{' ' + self.reason if self.reason else ''}{said}); {self.remedy}"
        )


class Unauthorized(ServerRefused):
    """HTTP 401: the server does not know who is asking."""

    remedy = "check that the token or client certificate is current and belongs to this cluster"


class Forbidden(ServerRefused):
    """HTTP 403: the server knows who is asking, and RBAC does not allow it."""

    remedy = "bind a Role or ClusterRole with the verbs list and watch on this resource to this user or service account"


class NotFound(ServerRefused):
    """HTTP 404: the server does not serve this resource."""

    remedy = "check group, version and plural (`kubectl api-resources`), and that the CRD is installed"


class ServerUnavailable(KubeInformerError):
    """The server cannot answer now (429, 5xx, 410, or an ERROR event): always retried.

    Seen only as a cause and in statistics. Attributes as in `ServerRefused`.
    """

    verb: str
    resource: str
    status: int
    reason: str
    detail: str

    def __init__(self, verb: str, resource: str, status: int, reason: str, detail: str) -> None:
        super().__init__(verb, resource, status, reason, detail)
        self.verb, self.resource, self.status, self.reason, self.detail = (
            verb,
            resource,
            status,
            reason,
            detail,
        )

    def __str__(self) -> str:
        said = f", it said: {self.detail}" if self.detail else ""
        return (
            f"server could not {self.verb} {self.resource} now "
            f"(HTTP {self.status}{' ' + self.reason if self.reason else ''}{said}); it is tried again"
        )


class Redirected(ServerUnavailable):
    """HTTP 3xx: what answered wants the request to go elsewhere. It is not followed: the token would go along.

    Attributes:
        location: Where to, as ``scheme://host``, without user, path and query, which may hold secrets; or in words.
    """

    def __init__(self, verb: str, resource: str, status: int, location: str) -> None:
        super().__init__(verb, resource, status, "", "")
        self.args: tuple[object, ...] = (verb, resource, status, location)  # what a copy is made of
        self.location = location

    def __str__(self) -> str:
        return (
            f"the answer to {self.verb} {self.resource} was a redirect to {self.location} (HTTP {self.status}), which "
            "is not followed: check the server's URL, and whether a proxy between wants a login; it is tried again"
        )


class ProtocolError(KubeInformerError):
    """The server sent what no API server may send. The connection was dropped, nothing of it was applied.

    Attributes:
        resource: The resource that was being read.
        problem: What was wrong, without the object's content (it may be a Secret).
        position: Byte offset in the decoded body at which the bad frame or item starts, None when unknown.
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
    """Not JSON, not UTF-8, cut off in the middle, or not compressed as the headers said."""


class ObjectTooLarge(ProtocolError):
    """One object is larger than the size cap, in bytes of JSON."""

    remedy = "raise object_size_limit= of connect() if the object is meant to be that large"


class WrongKind(ProtocolError):
    """Well formed, but not what was asked for: a Table, an HTML page, an object without a name."""


class TransportError(KubeInformerError):
    """The network failed. Always retried; seen only as a cause and in statistics."""


class ConnectionFailed(TransportError):
    """No connection could be made: refused, no such host, TLS not trusted, proxy said no."""


class ConnectionLost(TransportError):
    """The connection broke before the answer was complete."""


class ReadDeadlineExceeded(TransportError):
    """The peer sent nothing for as long as a live one would have taken at most."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"no byte for {self.seconds:g} s on an open connection: it is taken for dead and opened again"


class CorruptEntry(KubeInformerError):
    """What the store keeps of one object does not decompress any more: its memory was overwritten, or is failing.

    The object is fetched again in the background; until then reads of this key raise, all others go on.

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
            f"what is kept of {self.key!r} of {self.resource} was damaged in memory; it is being fetched again: "
            "read it later, and suspect an extension module or the hardware if this comes again"
        )


class SyncTimeout(KubeInformerError):
    """No complete snapshot came within the time given to ``synced()``. The informer keeps trying.

    The last failure is the ``__cause__``, and stands in the message; None when nothing failed yet and the
    snapshot is just not complete, or has to wait for those of other informers (``is_queued``).
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
            why = "nothing failed, other informers sync first (concurrent_syncs= of connect() says how many may)"
        else:
            why = "nothing failed, the snapshot is still arriving"
        return f"{self.resource} not synced within {self.seconds:g} s; {why}"


class WaitTimeout(KubeInformerError):
    """``wait_for(resource_version)`` did not see that version, or a later one, within the time given."""

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
            f"(it is at {self.reached or 'none yet'}); an object outside the informer's selectors is only passed "
            "by the server's next bookmark, a minute or two later"
        )
