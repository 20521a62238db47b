"""Does what the plan says to the servers and to the wire, and undoes it."""

import time
from collections import Counter
from collections.abc import Callable

import anyio
from tests.e2e.chaos.plan import Action, Fault, Phase
from tests.e2e.control_plane import ControlPlane
from tests.e2e.mirrors import ask
from tests.e2e.wire import Wire

WITHOUT_WATCH_LIST = "--feature-gates=WatchList=false"


class Trouble:
    """Makes it.

    Args:
        plane: The servers.
        wire: Between them and some informers.
        say: Takes a line for people about each action.

    Attributes:
        faults: How many were made, by kind.
        ended: When the last one was undone, in seconds of the monotonic clock.
    """

    def __init__(self, plane: ControlPlane, wire: Wire, say: Callable[[str], None]) -> None:
        self._plane = plane
        self._wire = wire
        self._say = say
        self._under_way = 0
        self.faults: Counter[str] = Counter()
        self.ended = time.monotonic()

    @property
    def is_calm(self) -> bool:
        """Whether the servers are left alone right now; the wire is nothing that a writer would feel."""
        return self._under_way == 0

    async def run(self, phase: Phase) -> None:
        """Both lanes of a phase, to their ends. Nothing but frozen connections is left of it."""
        async with anyio.create_task_group() as lanes:
            lanes.start_soon(self._server_lane, phase.servers)
            lanes.start_soon(self._wire_lane, phase.wire)
        self.ended = time.monotonic()

    async def _server_lane(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            await anyio.sleep(action.pause)
            self._note(action)
            self._under_way += 1
            await self._to_servers(action)
            self._under_way -= 1

    async def _wire_lane(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            await anyio.sleep(action.pause)
            self._note(action)
            await self._to_wire(action)

    def _note(self, action: Action) -> None:
        self.faults[action.fault.value] += 1
        self._say(str(action))

    async def _to_servers(self, action: Action) -> None:
        api, etcd = self._plane.api, self._plane.etcd
        flags = () if action.has_watch_list else (WITHOUT_WATCH_LIST,)
        match action.fault:
            case Fault.API_KILLED:
                await ask(api.kill)
                await anyio.sleep(action.seconds)
                await ask(api.start, *flags)
            case Fault.API_RESTARTED:
                await ask(api.restart, *flags)
            case Fault.API_PAUSED:
                api.pause()
                await anyio.sleep(action.seconds)
                api.resume()
            case Fault.ETCD_KILLED:
                await ask(etcd.kill)
                await anyio.sleep(action.seconds)
                await ask(etcd.start)
            case Fault.ETCD_PAUSED:
                etcd.pause()
                await anyio.sleep(action.seconds)
                etcd.resume()
            case Fault.COMPACTED:
                await ask(self._plane.compact)
            case Fault.COMPACTED_AND_KILLED:
                await ask(self._plane.compact)
                await ask(api.kill)
                await anyio.sleep(action.seconds)
                await ask(api.start, *flags)
            case Fault.BOTH_KILLED:
                await ask(api.kill)
                await ask(etcd.kill)
                await anyio.sleep(action.seconds)
                await ask(etcd.start)
                await ask(api.start, *flags)
            case _:
                raise AssertionError(f"{action.fault} is the wire's")

    async def _to_wire(self, action: Action) -> None:
        wire = self._wire
        match action.fault:
            case Fault.CUT:
                wire.cut()
            case Fault.UNPLUGGED:
                wire.unplug()
                await anyio.sleep(action.seconds)
                wire.plug()
            case Fault.FROZEN:
                wire.freeze()
            case Fault.STALLED:
                wire.freeze()
                await anyio.sleep(action.seconds)
                wire.thaw()
            case _:
                raise AssertionError(f"{action.fault} is the servers'")
