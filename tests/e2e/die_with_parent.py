"""Become another program that the kernel kills when the process that asked for it dies.

Run as ``python -IS die_with_parent.py PARENT_PID PROGRAM [ARGUMENT...]``; the process id stays the same.

Why a program of its own. The kernel can be asked (PR_SET_PDEATHSIG) to kill us with our parent; this is the
only way that also works when the test process is killed with SIGKILL or by the out-of-memory killer, where no
`finally`, fixture or atexit hook runs. The request must be made in the child before it becomes the server.
`subprocess` offers ``preexec_fn`` for that, which runs Python between fork and exec, may deadlock when the
parent has threads, and warns about it since Python 3.12; util-linux has setpriv, which is not everywhere. The
request survives execve, so a tiny program in between does it for 10 ms.
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
