"""What ``doctor`` finds out: facts, and what they mean. These classes are the JSON of ``--json``, field by field.

Rules. A fact that could not be found out is None, and `ResourceReport.failures` or `Connection.error` says why. The
schema is stable: fields may be added, but if an existing field gets another name or meaning, `SCHEMA` changes. Times
are in seconds, sizes in bytes.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = [
    "SCHEMA",
    "Access",
    "Connection",
    "Finding",
    "Memory",
    "Report",
    "ResourceReport",
    "Sample",
    "Server",
    "Severity",
    "Stage",
    "User",
    "WatchList",
]

SCHEMA = "kubeinformer.doctor/v1"

Stage: TypeAlias = Literal["config", "dns", "tcp", "tls", "proxy", "http", "credentials", "time"]
"""Where the way to the server ends. ``config``: a file of the kubeconfig, or a program for credentials, is of no use;
``http``: something answered, but not as an API server does; ``credentials``: the server does not take them."""

Severity: TypeAlias = Literal["error", "warning", "note"]

WatchList: TypeAlias = Literal["supported", "refused", "ignored"]
"""``ignored``: the stream began, but the end of the first state was never announced."""


@dataclass(slots=True, kw_only=True)
class Connection:
    """The connection to the server.

    Attributes:
        reached: Whether an API server answered; None if the time was up before that was known.
        failed_at: The stage at which the connection failed.
        error: Why it failed, in one line.
        seconds: How long the first answer took, including name resolution, TCP and TLS.
        clock_skew: The server's clock minus ours, in whole seconds; None if the server does not tell its time.
        verified: Whether the server's certificate is checked: False with insecure-skip-tls-verify.
    """

    reached: bool | None = None
    failed_at: Stage | None = None
    error: str = ""
    seconds: float | None = None
    clock_skew: float | None = None
    verified: bool = True


@dataclass(slots=True, kw_only=True)
class Server:
    """The server, as it describes itself.

    Attributes:
        version: ``gitVersion`` of ``/version``.
        platform: Such as ``linux/amd64``.
        ready: Whether ``/readyz`` reports that the server is ready.
        failed_checks: The checks in it that fail.
    """

    version: str | None = None
    platform: str | None = None
    ready: bool | None = None
    failed_checks: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class User:
    """Who is asking, as the server sees it (SelfSubjectReview, Kubernetes 1.28 and later)."""

    name: str | None = None
    groups: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Access:
    """What RBAC allows (SelfSubjectAccessReview)."""

    get: bool | None = None
    list: bool | None = None
    watch: bool | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The verbs that are not allowed."""
        verbs = (("get", self.get), ("list", self.list), ("watch", self.watch))
        return tuple(verb for verb, allowed in verbs if allowed is False)


@dataclass(slots=True, kw_only=True)
class Sample:
    """The sizes of the objects on one page.

    Attributes:
        objects: The number of these objects.
        mean: The average size of their JSON.
        largest: The size of the largest JSON.
        stored: The average size of the compressed body that an informer keeps.
    """

    objects: int
    mean: int
    largest: int
    stored: int


@dataclass(slots=True, kw_only=True)
class Memory:
    """The estimated memory of an informer on all objects.

    Attributes:
        informer: With the default ``retain="compressed"``.
        keys: With ``retain="keys"``.
    """

    informer: int
    keys: int


@dataclass(slots=True, kw_only=True)
class ResourceReport:
    """One resource.

    Attributes:
        resource: ``apps/v1/deployments``.
        namespace: The namespace that was examined; None for all of them, and for cluster-scoped resources.
        asked: True if the user named the resource, False if it is one of the usual ones.
        served: Whether the server serves it.
        kind: Its kind.
        namespaced: Whether its objects are in namespaces.
        verbs: The verbs that the resource supports, according to discovery.
        suggestion: What may be meant, if it is not served.
        access: What this user may do.
        watch_list: Whether the first state can be streamed (``sendInitialEvents``, KEP-3157). This is tried out.
        watch_list_seconds: The time from the request to the bookmark that ends an empty first state.
        bookmarks: Whether a bookmark was seen.
        gzip_watch: Whether the stream is compressed.
        gzip_list: Whether lists are compressed; None if no list was large enough to tell.
        sharding: Whether ``shardSelector`` is obeyed (1.36, alpha).
        limit_obeyed: Whether ``limit`` is obeyed.
        objects: The number of objects.
        sample: The sizes of some of them.
        memory: How much memory an informer would take.
        failures: Why facts are missing, by what was tried: ``discovery``, ``access``, ``watch``, ``list``, ``time``.
    """

    resource: str
    namespace: str | None = None
    asked: bool = True
    served: bool | None = None
    kind: str | None = None
    namespaced: bool | None = None
    verbs: list[str] = field(default_factory=list)
    suggestion: str = ""
    access: Access = field(default_factory=Access)
    watch_list: WatchList | None = None
    watch_list_seconds: float | None = None
    bookmarks: bool | None = None
    gzip_watch: bool | None = None
    gzip_list: bool | None = None
    sharding: bool | None = None
    limit_obeyed: bool | None = None
    objects: int | None = None
    sample: Sample | None = None
    memory: Memory | None = None
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the facts mean to the person who can act.

    Attributes:
        severity: An error makes the cluster unhealthy, for what was asked.
        about: ``connection``, ``server``, ``user``, ``namespace``, or a resource.
        code: Identifies the kind of trouble, whatever the message says.
        message: What is wrong.
        remedy: What to do, or to look at next; empty if there is nothing to do.
    """

    severity: Severity
    about: str
    code: str
    message: str
    remedy: str = ""


@dataclass(slots=True, kw_only=True)
class Report:
    """The whole report.

    Attributes:
        healthy: Whether there is no error among the findings.
        url: The URL of the server.
        source: Where the URL and the credentials were found.
        seconds: How long the examination took.
        namespace: The namespace that was requested; None for all.
        namespace_exists: Whether it exists; None for all namespaces, and if this user may not ask.
    """

    schema: str = SCHEMA
    healthy: bool = False
    url: str
    source: str
    seconds: float = 0.0
    namespace: str | None = None
    namespace_exists: bool | None = None
    connection: Connection = field(default_factory=Connection)
    server: Server = field(default_factory=Server)
    user: User = field(default_factory=User)
    resources: list[ResourceReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
