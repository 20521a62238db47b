"""The Go program of the comparison: built once for each state of its sources, outside of the repository."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["build_client", "client_go_version", "go_version"]

_SOURCES = Path(__file__).with_name("clientgo")


def build_client() -> Path:
    """The program; minutes the first time, nothing afterwards."""
    inputs = hashlib.sha256(b"".join((_SOURCES / name).read_bytes() for name in ("go.mod", "go.sum", "main.go")))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = cache / "kubeinformer" / "peers" / inputs.hexdigest()[:16] / "clientgo"
    if not program.exists():
        print("building the Go client (minutes the first time)", file=sys.stderr)
        # Built aside, then renamed: an interrupted build leaves nothing that looks finished.
        aside = program.with_suffix(f".{os.getpid()}")
        _go("build", "-trimpath", "-o", str(aside), ".")
        aside.rename(program)
    return program


def client_go_version() -> str:
    return _go("list", "-m", "-f", "{{.Version}}", "k8s.io/client-go")


def go_version() -> str:
    return _go("env", "GOVERSION")


def _go(*arguments: str) -> str:
    go = shutil.which("go")
    if go is None:
        sys.exit("the go command is not on PATH: install Go >= 1.26 (https://go.dev/dl/), or leave out client-go")
    # As the servers are built: no C compiler, and no workspace above us.
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"}
    done = subprocess.run(
        [go, *arguments], cwd=_SOURCES, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()
