"""Requests about one Lease, and which refusals are permanent.

Rules. A verb that was allowed once is *proven*. If it is refused later, the API server may just be starting, or the
right was taken away; the request is worth another try. If a verb has never been allowed, a Role is missing, and
somebody has to be told.
"""

from kubeinformer import (
    AlreadyExists,
    Cluster,
    Conflict,
    Forbidden,
    NotFound,
    RawObject,
    Resource,
)
from kubeinformer.controller._election.lease import LeaseWrite

__all__ = ["LeaseClient"]

_LEASES = Resource.parse("coordination.k8s.io/v1/leases")
_REMEDY = (
    "leader election needs a Role in that namespace with the verbs get, create and update on leases of "
    "coordination.k8s.io (create cannot be limited by resourceNames)"
)


class LeaseClient:
    """Reads and writes one lease.

    Args:
        cluster: Carries the requests.
        namespace: Where the lease is.
        name: Its name.
        timeout: Seconds for one request.
    """

    def __init__(self, cluster: Cluster, namespace: str, name: str, timeout: float) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._collection, self._object = _LEASES.path(namespace), _LEASES.path(namespace, name)
        self._timeout = timeout
        self._proven: set[str] = set()
        self._verb = ""

    @property
    def is_proven(self) -> bool:
        """Whether the verb of the last request has ever been allowed."""
        return self._verb in self._proven

    async def read(self) -> RawObject | None:
        """The lease; None when there is none."""
        try:
            return await self._request("get", "GET", self._object, None)
        except NotFound:
            self._proven.add("get")
            return None

    async def write(self, write: LeaseWrite) -> RawObject:
        """The lease as written.

        Raises:
            AlreadyExists, Conflict, NotFound: Somebody else wrote or deleted it since it was read. For a new lease,
                NotFound means that there is no such namespace.
            KubeInformerError: What else `Cluster.request` raises.
        """
        if write.is_new:
            return await self._request("create", "POST", self._collection, write.body)
        return await self._request("update", "PUT", self._object, write.body)

    async def _request(self, verb: str, method: str, path: str, body: RawObject | None) -> RawObject:
        self._verb = verb
        try:
            answer = await self._cluster.request(method, path, body, timeout=self._timeout)
        except Forbidden as refusal:
            if "cannot" in refusal.detail:  # RBAC's word; a namespace that is being deleted is refused with 403 as well
                refusal.remedy = _REMEDY  # all rights at once: naming only the missing one could take three restarts
            raise
        except (AlreadyExists, Conflict):
            self._proven.add(verb)
            raise
        self._proven.add(verb)
        return answer
