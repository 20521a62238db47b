"""Runs one target under atheris, which keeps the inputs that reach new code: ``make fuzz``.

::

    python tests/fuzz/guided.py page -max_total_time=600 .venv-fuzz/corpus/page tests/fuzz/corpus/page

What follows the target goes to libFuzzer. A failure is written to ``crash-…``; give that file in place of the corpora
to see it again, and put a test of what it shows beside those of the module it is in.

In an environment of its own: atheris is a wheel for one version of Python at a time.
"""

import random
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["kubeinformer"]):
    from tests.fuzz.mutations import changed, inside_gzip, seeds
    from tests.fuzz.targets import TARGETS


class _Seeded:
    """Choices that follow from a seed, as libFuzzer wants them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - hides nothing

    def between(self, least: int, most: int) -> int:
        return self._random.randint(least, most)


def main() -> None:
    """Fuzz until libFuzzer's own options say that it is enough."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: {sys.argv[0]} ({'|'.join(TARGETS)}) [option of libFuzzer] ... [corpus] ...")
    name = sys.argv.pop(1)
    known = seeds(name)
    change = inside_gzip if name == "gzip_members" else changed

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        choices = _Seeded(seed)
        if choices.between(0, 1):
            return bytes(atheris.Mutate(data, max_size))
        return change(data, known, choices)[:max_size]

    atheris.Setup([sys.argv[0], *sys.argv[1:]], TARGETS[name], custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
