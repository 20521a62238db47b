"""The kind of a resource's objects. It is needed because owner references name kinds, while informers name plurals.

Rules. Discovery has the answer; every authenticated user may read it (``system:discovery``). It is asked once, after
the informer has synced. At that time the resource is known to be served. So a failure now comes from the network, the
server, or a credential that could not be obtained at that moment, and the request is retried.
"""

import logging
from dataclasses import dataclass

import anyio

from kubeinformer import (
    Cluster,
    ConfigError,
    ProtocolError,
    Resource,
    ServerRefused,
    ServerUnavailable,
    TransportError,
)

__all__ = ["Kind", "discover"]

logger: logging.Logger = logging.getLogger("kubeinformer.controller")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds; the informers' own are of this size


@dataclass(frozen=True, slots=True)
class Kind:
    """How owner references name a resource.

    Attributes:
        group: The API group, empty for the core group.
        kind: Such as ``Deployment``.
        is_namespaced: Whether its keys have a namespace.
    """

    group: str
    kind: str
    is_namespaced: bool


async def discover(cluster: Cluster, resource: str, *, pause: float = _FIRST_PAUSE) -> Kind:
    """Ask for a resource's kind until the server answers.

    Args:
        cluster: The cluster to ask.
        resource: Such as ``apps/v1/deployments``.
        pause: Seconds before the second attempt. Each later pause is twice as long, up to half a minute.
    """
    while True:
        try:
            return await _ask(cluster, Resource.parse(resource))
        except (ServerRefused, ServerUnavailable, TransportError, ProtocolError, ConfigError) as error:
            logger.warning(
                "the kind of %s is not known yet, discovery is asked again",
                resource,
                extra={"resource": resource, "error": type(error).__name__, "reason": str(error)},
            )
        await anyio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _ask(cluster: Cluster, resource: Resource) -> Kind:
    path = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    answer = await cluster.request("GET", path)
    for served in answer.get("resources") or ():
        if served["name"] == resource.plural:
            return Kind(resource.group, served["kind"], served["namespaced"])
    raise ProtocolError(str(resource), f"discovery at {path} does not list it")
