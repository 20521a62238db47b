"""Becomes another program, which the kernel kills when the process that started it dies.

Run it as ``python -IS die_with_parent.py PARENT_PID PROGRAM [ARGUMENT...]``; the process id stays the same.

Why this is a separate program. The kernel can kill a process together with its parent (PR_SET_PDEATHSIG). This is the
only way that also works if the test process is killed by SIGKILL or by the out-of-memory killer: then no `finally`, no
fixture and no atexit hook runs. The child must make this request before it becomes the server. `subprocess` offers
``preexec_fn`` for that. But it runs Python between fork and exec, so it may deadlock if the parent has threads, and
since Python 3.12 it warns about that. The program setpriv of util-linux does not exist everywhere. The request survives
execve, so a tiny program in between makes it, which takes 10 ms.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: int, command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
    # A parent that died before the request was made sends no signal any more.
    if os.getppid() != parent:
        sys.exit(f"process {parent} is gone already")
    os.execv(command[0], command)  # noqa: S606 - replacing ourselves is the purpose


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
