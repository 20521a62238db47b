"""The kubeconfig of somebody without credentials: what programs need to find the fake API server."""

import json
from pathlib import Path

__all__ = ["write_kubeconfig"]


def write_kubeconfig(file: Path, url: str) -> Path:
    """Write it, and give the file."""
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "fake",
                "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "nobody"}}],
                "clusters": [{"name": "fake", "cluster": {"server": url}}],
                "users": [{"name": "nobody", "user": {}}],
            }
        ),
        "utf-8",
    )
    return file
