"""`LeaderElection`: of several processes, one runs the body.

Rules. The body runs only after a successful write of the lease, and for at most ``renew_deadline`` seconds from the
moment at which the last such write began. Then it is cancelled, whatever the network does: no request is waited for any
longer. `is_leader` compares times and does not read a flag, so it is right even if the event loop was blocked, the
process was stopped or the machine slept. The lease is renewed until the body has ended, and given back then. Leaving
takes at most half of ``renew_deadline`` after the end of the body, even when cancelled.

Theory. `lease` explains why two candidates never lead at the same time. Cancelling cannot end a body that does not
await, or one that continues in a ``finally``. Such a body has ``lease_duration - renew_deadline`` seconds. Code that
starts work in a loop of its own calls `check` first, as the controllers here do before each step. A lost lease stays
lost for this body. Even if nobody holds the lease then, somebody may have held it meanwhile, for example while this
machine slept.

Not here. What may be written when: `lease`. In what order: `lease_attempts`. Requests: `lease_client`.
"""

import logging
import random
import socket
import uuid
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Self, final

import anyio

from kubeinformer import (
    Cluster,
    ConfigError,
    KubeInformerError,
    LeadershipLost,
    ProtocolError,
    ServerRefused,
    ServerUnavailable,
    TransportError,
    UsageError,
)
from kubeinformer.controller._election.lease import JITTER, Candidate, LeaseTiming
from kubeinformer.controller._election.lease_attempts import LeaseAttempts, boot_clock
from kubeinformer.controller._election.lease_client import LeaseClient
from kubeinformer.controller.scopes import open_background
from kubeinformer.resources import check_namespace

__all__ = ["LeaderElection"]

logger: logging.Logger = logging.getLogger("kubeinformer.leader_election")


@final
class LeaderElection:
    """A lease that one of several processes holds while it runs the body of ``async with``.

    Example::

        async with connect() as cluster:
            async with LeaderElection(cluster, "my-operator", namespace="my-operator"):
                ...  # only one process at a time gets here

    Entering waits until this candidate holds the lease. If it loses the lease, the body is cancelled, and leaving
    raises `LeadershipLost`. Let this error end the process; after a restart, the process is a new candidate. An
    election can be entered again afterwards. Two elections in one process are two candidates.

    Args:
        cluster: The cluster that has the lease.
        name: The name of the lease: the same for all candidates, and used for nothing else.
        namespace: The namespace of the lease. It must exist.
        identity: What the lease shows as its holder; by default ``<hostname>_<uuid>``. It must be unique, because a
            candidate that finds its own identity in the lease continues as the holder.
        lease_duration: Seconds that others wait after the last renewal that they saw (client-go: 15).
        renew_deadline: Seconds after its last successful renewal within which the leader stops (client-go: 10).
        retry_period: Seconds between two attempts. Candidates that wait for the lease add up to 1.2 times as much at
            random (client-go: 2).
        release_on_exit: Give the lease back on leaving, so that the next leader need not wait for ``lease_duration``.

    Raises:
        ValueError: The three times leave no room for one another, or a name is malformed.
        Forbidden: On entering: RBAC does not allow what is needed: ``get``, ``create`` and ``update`` of leases. Raised
            immediately if a verb has never been allowed; if it was allowed before, the request is retried.
        ServerRefused, ConfigError: On entering, by the same rule, for example if the namespace does not exist.
        LeadershipLost: On leaving: the lease was lost meanwhile. If the body raised an error, it is the cause.
        UsageError: On entering: the election is entered already.
    """

    def __init__(
        self,
        cluster: Cluster,
        name: str,
        *,
        namespace: str,
        identity: str | None = None,
        lease_duration: float = 15.0,
        renew_deadline: float = 10.0,
        retry_period: float = 2.0,
        release_on_exit: bool = True,
    ) -> None:
        if not name:
            raise ValueError("a lease needs a name: one for all candidates of this election")
        self._timing = LeaseTiming(
            lease_duration=lease_duration, renew_deadline=renew_deadline, retry_period=retry_period
        )
        self._name, self._namespace = name, check_namespace(namespace)
        self._identity = identity or f"{socket.gethostname()}_{uuid.uuid4()}"
        self._releases = release_on_exit
        # Half, so that a request which hangs leaves time for another one.
        self._client = LeaseClient(cluster, namespace, name, renew_deadline / 2)
        self._candidate, self._attempts = self._begin()
        self._scope: AbstractAsyncContextManager[None] | None = None
        self._failure: KubeInformerError | None = None  # since the last success
        self._told_holder: str | None = None

    @property
    def lease(self) -> str:
        """``namespace/name`` of the lease."""
        return f"{self._namespace}/{self._name}"

    @property
    def identity(self) -> str:
        """The name that this candidate writes into the lease."""
        return self._identity

    @property
    def holder(self) -> str | None:
        """Who held the lease when it was last read or written, maybe this candidate; None for nobody or unknown."""
        return self._candidate.holder

    @property
    def is_leader(self) -> bool:
        """Whether this candidate leads now, by the clock. Can be read from any thread."""
        return self._candidate.is_leader(boot_clock())

    def check(self) -> None:
        """Do nothing while this candidate leads, and raise otherwise. Call it before every piece of work.

        Raises:
            LeadershipLost: This candidate does not lead, by the clock.
        """
        if not self.is_leader:
            raise LeadershipLost(self.lease, self.identity, self.holder, self._reason())

    async def __aenter__(self) -> Self:
        if self._scope is not None:
            raise UsageError(f"the election for {self.lease} is entered already: make a second one")
        self._scope = self._leading()
        try:
            await self._scope.__aenter__()
        except BaseException:
            self._scope = None
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        assert self._scope is not None
        scope, self._scope = self._scope, None
        return await scope.__aexit__(exc_type, exc, traceback)

    @asynccontextmanager
    async def _leading(self) -> AsyncGenerator[None]:
        self._candidate, self._attempts = self._begin()
        loss = ""
        error: BaseException | None = None
        try:
            await self._acquire()
            try:
                # Shielded: a body that was cancelled may take its time to end, and needs the lease for that.
                keeping = anyio.CancelScope(shield=True)
                async with open_background() as tasks:
                    tasks.start_soon(self._keep, keeping, tasks.cancel_scope, name=f"kubeinformer lease {self.lease}")
                    try:
                        yield
                    finally:
                        keeping.cancel()
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as raised:  # noqa: BLE001 - raised again below, or the cause of what is
                error = raised
            # Also if the body ended by itself: the last things that it did, it may have done without the lease.
            if not self.is_leader:
                loss = self._reason()
        finally:
            await self._leave()
        try:
            if loss:
                logger.error("lease lost", extra=self._facts() | {"reason": loss})
                raise LeadershipLost(self.lease, self.identity, self.holder, loss) from error or self._failure
            if error is not None:
                raise error
        finally:
            error = None  # its traceback holds this frame

    # Before

    async def _acquire(self) -> None:
        while True:
            try:
                await self._attempts.lead()
                self._failure = None
            except (ServerUnavailable, TransportError, ProtocolError) as error:
                self._failed(error)
            except (ServerRefused, ConfigError) as refusal:
                if not self._client.is_proven:
                    raise
                self._failed(refusal)
            if self.is_leader:
                break
            self._tell_holder()
            # The random number is no secret; it keeps candidates from asking at the same moments.
            await anyio.sleep(self._timing.retry_period * random.uniform(1, 1 + JITTER))  # noqa: S311 - as said
        logger.info("lease acquired", extra=self._facts())

    def _tell_holder(self) -> None:
        if self.holder != self._told_holder:
            self._told_holder = self.holder
            logger.info("waiting for the lease", extra=self._facts())

    # Meanwhile

    async def _keep(self, scope: anyio.CancelScope, body: anyio.CancelScope) -> None:
        """Renew until the scope ends, or until the lease is lost: then cancel the body."""
        candidate = self._candidate
        with scope:
            while (deadline := candidate.deadline) is not None and (left := deadline - boot_clock()) > 0:
                with anyio.move_on_after(left):
                    await anyio.sleep(self._timing.retry_period * random.uniform(1, JITTER))  # noqa: S311 - no secret
                    await self._renew()
            body.cancel()

    async def _renew(self) -> None:
        try:
            await self._attempts.renew()
            self._failure = None
        except KubeInformerError as error:  # of any kind: the deadline says how long it is tried
            self._failed(error)

    def _failed(self, error: KubeInformerError) -> None:
        # While a server is down, the same error comes again and again: logged once at WARNING, then at DEBUG.
        level = logging.WARNING if type(error) is not type(self._failure) else logging.DEBUG
        self._failure = error
        logger.log(level, "lease request failed", extra=self._facts() | {"error": str(error)})

    # After

    async def _leave(self) -> None:
        """Give the lease back, or find out who has it; within a time limit, and whatever happens."""
        knows = self.is_leader  # what the server has; if not, a write may be on its way, or somebody else has written
        self._candidate.resign()
        if not self._attempts.has_written:
            return
        problem = "the time was up"
        with anyio.move_on_after(self._timing.renew_deadline / 2, shield=True):
            try:
                if not knows:
                    await self._attempts.learn()
                if self._releases and await self._attempts.give_back():
                    logger.info("lease released", extra=self._facts())
            except KubeInformerError as error:
                problem = str(error)
            else:
                return
        logger.warning("lease not released", extra=self._facts() | {"error": problem})

    def _reason(self) -> str:
        """Why this candidate does not lead."""
        seconds = f"{self._timing.renew_deadline:g} s"
        if not self._attempts.has_written:
            return "it was never acquired"
        if self.holder != self.identity:
            return "somebody else has taken it" if self.holder else "it was given back"
        if self._failure is not None:
            return f"it was not renewed within {seconds}; last failure: {self._failure}"
        return f"this process did not come to renew it within {seconds}: it was stopped, or its event loop was blocked"

    def _begin(self) -> tuple[Candidate, LeaseAttempts]:
        candidate = Candidate(self._name, self._namespace, self._identity, self._timing)
        return candidate, LeaseAttempts(candidate, self._client, boot_clock)

    def _facts(self) -> dict[str, str | None]:
        return {"lease": self.lease, "identity": self._identity, "holder": self.holder}
