"""Installs the wheel of a folder into an empty environment, alone, and uses it: `python tests/wheel.py dist`."""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PROGRAM = """
import sys
import kubeinformer, kubeinformer.connection
from kubeinformer import Resource
assert Resource.parse("apps/v1/deployments").path("x") == "/apis/apps/v1/namespaces/x/deployments"
assert "kubernetes_asyncio" not in sys.modules and "typer" not in sys.modules
print("imported", kubeinformer.__file__)
"""


def main(folder: Path) -> None:
    (wheel,) = folder.glob("*.whl")
    constraints = Path(__file__).parent.parent / "constraints.txt"
    with tempfile.TemporaryDirectory() as empty:
        venv.create(empty, with_pip=True)
        python = str(Path(empty) / "bin" / "python")

        def run(*arguments: str, expect: int = 0) -> str:
            done = subprocess.run([python, *arguments], check=False, capture_output=True, text=True, cwd=empty)  # noqa: S603 - our own interpreter
            if done.returncode != expect:
                sys.exit(f"{arguments} exited with {done.returncode}, not {expect}:\n{done.stdout}{done.stderr}")
            return done.stdout + done.stderr

        pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--constraint", str(constraints))
        run(*pip, str(wheel))
        sys.stdout.write(run("-c", PROGRAM))
        # Without its extra the command says which one it needs, in one line.
        sys.stdout.write(run(str(Path(empty) / "bin" / "kubeinformer"), "--help", expect=2))
        run(*pip, f"{wheel}[cli]")
        sys.stdout.write(run(str(Path(empty) / "bin" / "kubeinformer"), "--version"))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
