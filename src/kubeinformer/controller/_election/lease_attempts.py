"""One attempt at a lease: what is read and written for a `Candidate`, and in what order.

Rules. The time of a write is taken before its request leaves; the time of a read is taken when its answer has arrived.
``lease`` explains why. After a lost race, the lease is read again and the attempt is repeated once. The other write may
have been this candidate's own, with a lost answer, or one that only added a label.
"""

import time
from collections.abc import Callable

from kubeinformer import AlreadyExists, Conflict, NotFound, RawObject
from kubeinformer.controller._election.lease import Candidate, LeaseWrite
from kubeinformer.controller._election.lease_client import LeaseClient
from kubeinformer.controller.timestamps import utc_now

__all__ = ["LeaseAttempts", "boot_clock"]

# Unlike CLOCK_MONOTONIC, it goes on while the machine sleeps, as the clocks of other machines do.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_clock() -> float:
    """Seconds since the machine started, including those in which it slept."""
    return time.clock_gettime(_CLOCK)


class LeaseAttempts:
    """What one candidate does on the server.

    Args:
        candidate: Knows and decides.
        client: Carries it out.
        clock: Seconds of a clock that only goes forward.
    """

    def __init__(self, candidate: Candidate, client: LeaseClient, clock: Callable[[], float]) -> None:
        self._candidate, self._client, self._clock = candidate, client, clock
        self.has_written = False  # or tried to: then the lease may be ours, whatever the answer was

    async def lead(self) -> None:
        """Get the lease, unless somebody else has it.

        Raises:
            KubeInformerError: What `LeaseClient` raises, also if a race was lost twice.
        """
        await self.learn()
        await self._claim(self._next)

    async def renew(self) -> None:
        """Keep the lease, unless it was lost: then somebody else may have led meanwhile, and given it back.

        Raises:
            KubeInformerError: As `lead`.
        """
        await self._claim(lambda: self._next() if self._candidate.is_leader(self._clock()) else None)

    async def give_back(self) -> bool:
        """Give the lease back, and return whether it was ours.

        Raises:
            KubeInformerError: As `lead`.
        """
        written = await self._write(lambda: self._candidate.release(utc_now()))
        if written is None:
            return False
        lease, _ = written
        self._candidate.released(lease, self._clock())
        return True

    async def learn(self) -> None:
        """Read what the server has.

        Raises:
            KubeInformerError: As `lead`.
        """
        self._candidate.observe(await self._client.read(), self._clock())

    def _next(self) -> LeaseWrite | None:
        return self._candidate.next_write(self._clock(), utc_now())

    async def _claim(self, decide: Callable[[], LeaseWrite | None]) -> None:
        written = await self._write(decide)
        if written is not None:
            self._candidate.written(*written)

    async def _write(self, decide: Callable[[], LeaseWrite | None]) -> tuple[RawObject, float] | None:
        """The lease as written, and when that began; None when there is nothing to write."""
        for is_last in (False, True):
            write = decide()
            if write is None:
                break
            self.has_written = True
            began = self._clock()
            try:
                return await self._client.write(write), began
            except (AlreadyExists, Conflict, NotFound) as lost:
                if isinstance(lost, NotFound) and write.is_new:
                    raise  # it is the namespace that is missing
                await self.learn()
                if is_last:
                    raise
        return None
