"""Runs some code in a process of its own, and tells how far its memory grew in the operating system's eyes."""

import subprocess
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_PROGRAM: Final = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
def peak():
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024
def reset():
    Path("/proc/self/clear_refs").write_text("5")
{setup}
reset()
before = peak()
{code}
print(peak() - before)
"""


def growth(setup: str, code: str) -> int:
    """Bytes by which the resident memory of a new process grew at most while it ran ``code``."""
    program = _PROGRAM.format(root=str(_ROOT), setup=setup, code=code)
    ran = subprocess.run(  # noqa: S603 - this test's own text
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=50
    )
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)
