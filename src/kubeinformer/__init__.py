"""Streaming Kubernetes informers: watch-list, flat memory, always correct.

The layers, from what you call down to the wire; imports point down only:

- ``connecting``: `connect`, which opens a connection and ends everything that was made in it
- ``cluster``: `Cluster`, for shared informers and single requests
- ``informer``: `Informer`, which mirrors one collection
- ``store`` and ``events``: what a reader sees
- ``_runtime``: drives the protocol over a transport, and notifies readers
- ``_cache``: the stored objects; ``connection``: credentials, TLS and transports
- ``_protocol``: what the server's bytes mean; no I/O, no clock
- ``errors``, ``resources``: the types that all of them use

``kubeinformer.controller`` has controllers on these informers, ``kubeinformer.testing`` an API server for tests, and
``kubeinformer.connection`` what a transport of your own needs.
"""

from kubeinformer._cache.codecs import Retain, Transform
from kubeinformer._cache.indexes import Indexer
from kubeinformer._cache.reader import Model
from kubeinformer._protocol.timing import Timing
from kubeinformer._runtime.consistency import ConsistencyReport
from kubeinformer._runtime.health import InformerStatistics
from kubeinformer._runtime.subscription import Subscription
from kubeinformer._runtime.writes import Write
from kubeinformer.cluster import Cluster
from kubeinformer.connecting import connect
from kubeinformer.errors import (
    AlreadyExists,
    AlreadyOwned,
    BadReconcile,
    ConfigError,
    Conflict,
    ConnectionFailed,
    ConnectionLost,
    CorruptEntry,
    Forbidden,
    IndexerError,
    InformerClosed,
    Invalid,
    KubeInformerError,
    LeadershipLost,
    MalformedData,
    ModelMismatch,
    NotFound,
    ObjectTooLarge,
    ProtocolError,
    ReadDeadlineExceeded,
    ReconcileTimeout,
    Redirected,
    RequestTimeout,
    ServerRefused,
    ServerUnavailable,
    StrayCancellation,
    SyncTimeout,
    Terminal,
    TransformError,
    TransportError,
    Unauthorized,
    UsageError,
    WaitTimeout,
    WrongKind,
)
from kubeinformer.events import Added, Deleted, Event, Synced, Updated
from kubeinformer.informer import Informer
from kubeinformer.resources import RawObject, Resource
from kubeinformer.store import Store

__all__ = [
    "Added",
    "AlreadyExists",
    "AlreadyOwned",
    "BadReconcile",
    "Cluster",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "ConnectionLost",
    "ConsistencyReport",
    "CorruptEntry",
    "Deleted",
    "Event",
    "Forbidden",
    "Indexer",
    "IndexerError",
    "Informer",
    "InformerClosed",
    "InformerStatistics",
    "Invalid",
    "KubeInformerError",
    "LeadershipLost",
    "MalformedData",
    "Model",
    "ModelMismatch",
    "NotFound",
    "ObjectTooLarge",
    "ProtocolError",
    "RawObject",
    "ReadDeadlineExceeded",
    "ReconcileTimeout",
    "Redirected",
    "RequestTimeout",
    "Resource",
    "Retain",
    "ServerRefused",
    "ServerUnavailable",
    "Store",
    "StrayCancellation",
    "Subscription",
    "SyncTimeout",
    "Synced",
    "Terminal",
    "Timing",
    "Transform",
    "TransformError",
    "TransportError",
    "Unauthorized",
    "Updated",
    "UsageError",
    "WaitTimeout",
    "Write",
    "WrongKind",
    "connect",
]
