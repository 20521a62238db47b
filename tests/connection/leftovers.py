"""What kubernetes_asyncio leaves behind when it cannot parse what gcloud prints: a process that nobody waited for."""

import gc
import threading


def collect_processes() -> None:
    """Let it be collected now, in the test that made it, and not in one that comes later.

    asyncio waits for the process in a thread, which holds it for as long as it runs.
    """
    for thread in threading.enumerate():
        if "waitpid-" in thread.name:
            thread.join(10)
    gc.collect()
