"""Every error this library raises, as one tree sorted by who must act.

::

    KubeInformerError
    ├── UsageError                  fix the calling code
    │   ├── IndexerError            an ``indexers=`` function raised
    │   ├── ModelMismatch           an object does not fit the ``model=``
    │   ├── TransformError          the ``transform=`` function raised, or returned no dict
    │   ├── BadReconcile            a reconcile is not async, or returned neither `Result` nor None
    │   └── InformerClosed          the informer was used after it was closed
    ├── ConfigError                 fix the kubeconfig, the arguments of ``connect()`` or the pod's service account
    ├── ServerRefused               fix RBAC, the CRD, the selector or what is written
    │   ├── Unauthorized            HTTP 401
    │   ├── Forbidden               HTTP 403
    │   ├── NotFound                HTTP 404
    │   ├── Conflict                HTTP 409: somebody else wrote the object meanwhile, or owns a field of it
    │   ├── AlreadyExists           HTTP 409: an object of that name is there
    │   └── Invalid                 HTTP 422: the object breaks the rules of its type
    ├── ServerUnavailable           the server cannot answer now: an informer tries again
    │   └── Redirected              HTTP 3xx: something in between, or the server's URL, leads elsewhere
    ├── ProtocolError               the server broke its contract: report it
    │   ├── MalformedData           not JSON, not UTF-8, cut off, or not compressed as announced
    │   ├── ObjectTooLarge          one object is over the size cap
    │   └── WrongKind               well formed, but not what was asked for
    ├── TransportError              the network failed: an informer tries again
    │   ├── ConnectionFailed        no connection could be made
    │   ├── ConnectionLost          the connection broke before the answer ended
    │   ├── ReadDeadlineExceeded    the peer went silent
    │   └── RequestTimeout          ``Cluster.request`` had no whole answer within the time given
    ├── CorruptEntry                the process' memory was damaged: read again later, look at the hardware
    ├── AlreadyOwned                the object has another controller: only one may have it
    ├── LeadershipLost              another process leads, or may: end this one, a restart makes a new candidate
    ├── QueueShutDown               a work queue has no more keys: its workers end
    ├── SyncTimeout                 no complete snapshot within the time given
    ├── WaitTimeout                 a resource version was not reached within the time given
    ├── ReconcileTimeout            a reconcile took longer than its ``reconcile_timeout=``: tried again
    ├── StrayCancellation           a reconcile was cancelled by nobody: something that it awaited was
    └── Terminal                    raised by a reconcile: trying again cannot help

Lost connections, expired versions and throttling are retried and counted by informers, never thrown at users: they
show up as the ``__cause__`` of a `SyncTimeout` and in ``Informer.statistics()``. ``Cluster.request`` asks once, and
raises them. No message holds a credential.
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


class BadReconcile(UsageError):
    """The function given to a `Controller` is not async, or returned something else than a `Result` or None."""

    function: str
    key: str
    problem: str

    def __init__(self, function: str, key: str, problem: str) -> None:
        super().__init__(function, key, problem)
        self.function, self.key, self.problem = function, key, problem

    def __str__(self) -> str:
        return f"{self.function} {self.problem} for {self.key!r}; it must be `async def` and return a Result or None"


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
        verb: What was tried, in RBAC's words: ``list``, ``watch``, ``get``, ``create``, ``update``, ``patch``,
            ``delete``, ``deletecollection``.
        resource: The resource as given to ``Cluster.informer``, such as ``apps/v1/deployments``; with the subresource,
            such as ``apps/v1/deployments/status``; or a path that belongs to none, such as ``/version``.
        namespace: The namespace asked for; None for all of them, and where there is none.
        status: The HTTP status code.
        reason: ``Status.reason`` as the server gave it, such as ``Forbidden``; empty when it gave none.
        detail: ``Status.message`` as the server gave it, at most 1,000 characters.
        name: The object's, None when a collection was asked for.
        causes: What the server objects to in particular, as (field, reason, message), each of which may be empty.
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
        # The server's own text has the causes in it, but is long, and may have been cut.
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
    """HTTP 401: the server does not know who is asking."""

    remedy = "check that the token or client certificate is current and belongs to this cluster"


class Forbidden(ServerRefused):
    """HTTP 403: the server knows who is asking, and RBAC does not allow it."""

    remedy = "bind a Role or ClusterRole with the verbs list and watch on this resource to this user or service account"


class NotFound(ServerRefused):
    """HTTP 404: the server does not serve this resource, or has no such object."""

    remedy = "check group, version and plural (`kubectl api-resources`), and that the CRD is installed"


class Conflict(ServerRefused):
    """HTTP 409: the object has changed since it was read, or another manager owns a field that is to be applied."""

    remedy = "read the object again, make the change anew, and write that"


class AlreadyExists(ServerRefused):
    """HTTP 409 on a create: an object of that name is there."""

    remedy = "read it, or choose another name"


class Invalid(ServerRefused):
    """HTTP 422: the object, or what a patch would make of it, breaks the rules of its type. See ``causes``."""

    remedy = "correct the fields named"


class ServerUnavailable(KubeInformerError):
    """The server cannot answer now (429, 5xx, 408, 410, or an ERROR event).

    An informer tries again: there it is seen only as a cause and in statistics. ``Cluster.request`` raises it.

    Attributes:
        retry_after: Seconds the server asks to be left alone, None when it does not say.
        is_retried: Whether this library tries again by itself.

    The others are those of `ServerRefused`.
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
        return f"try again {later}; after a 5xx look first whether it was done"


class Redirected(ServerUnavailable):
    """HTTP 3xx: what answered wants the request to go elsewhere. It is not followed: the token would go along.

    Attributes:
        location: Where to, as ``scheme://host``, without user, path and query, which may hold secrets; or in words.
    """

    def __init__(self, verb: str, resource: str, status: int, location: str, *, is_retried: bool = True) -> None:
        super().__init__(verb, resource, status, "", "", is_retried=is_retried)
        self.args: tuple[object, ...] = (verb, resource, status, location)  # what a copy is made of
        self.location = location

    def __str__(self) -> str:
        return (
            f"the answer to {self.verb} {self.resource} was a redirect to {self.location} (HTTP {self.status}), which "
            "is not followed: check the server's URL, and whether a proxy between wants a login"
            + ("; it is tried again" if self.is_retried else "")
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

    remedy = "raise object_size_limit= of connect() if the object is meant to be that large, or ask for fewer at a time"


class WrongKind(ProtocolError):
    """Well formed, but not what was asked for: a Table, an HTML page, an object without a name."""


class TransportError(KubeInformerError):
    """The network failed. An informer tries again: there it is seen only as a cause and in statistics.

    ``Cluster.request`` raises it. Unless it is `ConnectionFailed`, the server may have done what was asked.
    """


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


class RequestTimeout(TransportError):
    """``Cluster.request`` had no whole answer within the time given. The server may have done what was asked.

    Attributes:
        request: Method and path.
        seconds: The time given.
    """

    request: str
    seconds: float

    def __init__(self, request: str, seconds: float) -> None:
        super().__init__(request, seconds)
        self.request, self.seconds = request, seconds

    def __str__(self) -> str:
        return (
            f"{self.request}: no whole answer within {self.seconds:g} s; if it was a write, look whether it was done "
            "before trying again"
        )


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


class AlreadyOwned(KubeInformerError):
    """The object is controlled by another one, and no object may have two controllers.

    Attributes:
        owned: The object, as ``Kind namespace/name``.
        owner: Who controls it, as ``Kind name``.
    """

    owned: str
    owner: str

    def __init__(self, owned: str, owner: str) -> None:
        super().__init__(owned, owner)
        self.owned, self.owner = owned, owner

    def __str__(self) -> str:
        return (
            f"{self.owned} is controlled by {self.owner} already: "
            "give it another name, or take the other controller's owner reference away first"
        )


class LeadershipLost(KubeInformerError):
    """This process does not hold the lease any more, or cannot be sure of it. Its body was cancelled.

    Attributes:
        lease: ``namespace/name`` of the lease.
        identity: As what this process held it.
        holder: Who holds it now, as far as known; None for nobody or unknown.
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
    """A work queue was shut down and has no more keys to hand out: who waits for one is to end.

    Attributes:
        name: The queue's name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"work queue {self.name!r} is shut down: it has no more keys, and a worker that asks for one is to end"


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
            why = "nothing failed, the server's answer or the rest of the snapshot is still on its way"
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


class ReconcileTimeout(KubeInformerError):
    """A reconcile was cancelled, because it took longer than the controller's ``reconcile_timeout=``."""

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
    """A reconcile ended in a cancellation, and nobody had cancelled it: it awaited a task or future that was."""

    function: str
    key: str

    def __init__(self, function: str, key: str) -> None:
        super().__init__(function, key)
        self.function, self.key = function, key

    def __str__(self) -> str:
        return (
            f"{self.function} was cancelled for {self.key!r}, and not by its controller: what it awaited was; "
            "catch asyncio.CancelledError where it awaits a task or future that others may cancel"
        )


class Terminal(KubeInformerError):
    """Raised by a reconcile that trying again cannot help: it is logged and counted, and waits for the next change."""
