"""Tasks that live and fail together. If one of them fails, its exception comes out without an ExceptionGroup around it.

Theory. anyio wraps every exception that leaves a task group in an ExceptionGroup. Here one failure ends all the tasks,
so there is nearly always only one, and a caller can catch it with a plain ``except``.
"""

from collections.abc import Awaitable, Callable

import anyio

__all__ = ["Crew"]


class Crew:
    """Runs functions at the same time. Can be used once."""

    def __init__(self) -> None:
        self._scope = anyio.CancelScope()
        self._failures: list[BaseException] = []

    async def run(self, *functions: Callable[[], Awaitable[None]]) -> None:
        """Run the functions until all have ended, one has failed, or `stop` is called.

        Raises:
            Exception: What the failed function raised. Several failures at once come as a group.
            SystemExit, KeyboardInterrupt: A function raised it, even if others failed, too.
        """
        with self._scope:
            async with anyio.create_task_group() as tasks:
                for function in functions:
                    tasks.start_soon(self._guard, function)
        match sorted(self._failures, key=lambda failure: isinstance(failure, Exception)):
            case []:
                pass
            case [SystemExit() | KeyboardInterrupt() as leaving, *_]:
                self._failures = []
                raise leaving
            case [failure]:
                self._failures = []  # its traceback leads back to here
                raise failure
            case failures:
                self._failures = []
                raise BaseExceptionGroup("several tasks failed at once", failures)

    def stop(self) -> None:
        """Cancel what still runs; `run` returns."""
        self._scope.cancel()

    async def _guard(self, function: Callable[[], Awaitable[None]]) -> None:
        try:
            await function()
        except (Exception, SystemExit, KeyboardInterrupt) as failure:  # noqa: BLE001 - run() raises it
            if all(
                failure is not known for known in self._failures
            ):  # one error may end several, as an informer's does
                self._failures.append(failure)
            self._scope.cancel()
