"""Waits for the first snapshot: shows the progress to a person, and stops when waiting is hopeless.

Theory. An informer never gives up. That is right for a controller, because RBAC may be granted in a minute. But in
front of a command line there is somebody who can act now. So a failure that only a person can repair ends the wait. A
failure that the informer handles by itself does not: if an older server refuses a watch-list, it lists instead; after a
first 401, it reads its credentials again.
"""

import sys
from types import TracebackType
from typing import Self

import anyio
from rich.live import Live
from rich.text import Text

from kubeinformer import (
    ConfigError,
    Informer,
    InformerStatistics,
    ServerRefused,
    SyncTimeout,
    Unauthorized,
)
from kubeinformer.cli._ending import Notices
from kubeinformer.cli._text import is_terminal, megabytes

__all__ = ["StateNotices", "first_sync"]

_TICK = 0.1  # seconds between two checks; a display that changes ten times per second looks alive
_REFUSES_WATCH_LIST = frozenset({400, 415, 422})


class StateNotices:
    """Prints a line on stderr for each change of state: what is wrong, and when it is over.

    The same failure is not printed again.

    Args:
        informer: The informer whose state is watched.
        notices: Prints the lines.
    """

    def __init__(self, informer: Informer, notices: Notices) -> None:
        self._informer = informer
        self._notices = notices
        self._said: str | None = None

    def look(self) -> None:
        """Print what changed since the last check."""
        error = self._informer.statistics().last_error
        if error is not None and _refuses_watch_list(error):
            return
        name = None if error is None else type(error).__name__
        if name == self._said:
            return
        self._said = name
        self._notices.say(f"{self._informer.resource} is live again" if error is None else f"warning: {error}")

    async def watch(self) -> None:
        """Check again and again, until cancelled."""
        while True:
            self.look()
            await anyio.sleep(_TICK)


async def first_sync(
    informer: Informer, notices: Notices, *, give_up_after: float | None, states: StateNotices | None
) -> None:
    """Wait until the informer has its first snapshot.

    Args:
        informer: The informer.
        notices: The progress is shown on its console, if that is a terminal.
        give_up_after: Seconds; None waits for ever.
        states: Prints failures while waiting; None prints none.

    Raises:
        ServerRefused: The server refused, in a way that only a person can change.
        ConfigError: The credentials cannot be used.
        SyncTimeout: The time is up.
    """
    started = anyio.current_time()
    with _Progress(informer, notices) as progress:
        while True:
            waited = anyio.current_time() - started
            tick = _TICK if give_up_after is None else max(0.0, min(_TICK, give_up_after - waited))
            try:
                await informer.synced(timeout=tick)
            except (ServerRefused, SyncTimeout):
                statistics = informer.statistics()
                error = statistics.last_error
                if error is not None and _is_final(error, statistics):
                    raise error from None
                if give_up_after is not None and anyio.current_time() - started >= give_up_after:
                    raise SyncTimeout(informer.resource, give_up_after, error) from None
            else:
                return
            # A refusal either ends the wait in a moment, or the informer handles it. Neither needs a line.
            if states is not None and not isinstance(error, ServerRefused):
                states.look()
            progress.show(statistics, anyio.current_time() - started)


def _is_final(error: Exception, statistics: InformerStatistics) -> bool:
    match error:
        case ConfigError():
            return True
        case Unauthorized():
            return statistics.failures[type(error).__name__] > 1
        case _:
            return isinstance(error, ServerRefused) and not _refuses_watch_list(error)


def _refuses_watch_list(error: Exception) -> bool:
    """Whether this is the answer of a server that is too old for watch-lists. The informer then requests a list."""
    return isinstance(error, ServerRefused) and error.verb == "watch" and error.status in _REFUSES_WATCH_LIST


class _Progress:
    """One line with the progress, if there is a terminal. It is removed when the wait is over."""

    def __init__(self, informer: Informer, notices: Notices) -> None:
        self._resource = informer.resource
        console = notices.console
        self._live: Live | None = None
        if is_terminal(sys.stderr) and not console.is_dumb_terminal:
            # Drawn by this task: a thread could draw in the middle of other lines.
            self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, statistics: InformerStatistics, seconds: float) -> None:
        if self._live is not None:
            come = f"{statistics.objects:,} objects, {megabytes(statistics.received_bytes)} received, {seconds:.1f} s"
            self._live.update(Text(f"syncing {self._resource}: {come}"), refresh=True)
