"""Plant every mistake of `mutants`, one at a time, and see that a test notices: ``python tests/mutation/run.py``.

How. The interpreter imports the tests and all they need once, forgets this package's own modules, and then forks for
each mutant. The child imports the package anew, with the mutated source in its module's place, and runs pytest: first
the test module that mirrors the mutated one, with few hypothesis examples; then, if nothing failed, all of its folder
with as many as always. A mutant is killed when pytest fails, or when it takes many times the processor time that the
tests need: only that is a hang, because the machine may be busy with other things.

A survivor must stand in ``equivalent.toml``, with the reason why it changes nothing that anybody could see. The exit
status is 1 when one does not, or when one that stands there is killed by the mirrored tests, or is no mutant any more.
"""

import argparse
import datetime as dt
import gc
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import signal
import sys
import threading
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.mutation.mutants import Mutant, mutants_of  # noqa: E402 - the path first
from tests.mutation.page import write_page  # noqa: E402 - the path first

HERE = Path(__file__).parent
RESULTS = ROOT / ".mutation"
PACKAGE = "kubeinformer"
FOLDERS = ("_protocol", "_cache")

_MEMORY_LIMIT = 3 * 2**30  # bytes: a mutant may collect without end
_HANG_FACTOR, _HANG_SECONDS = 5, 5  # of what the tests need, in processor time, and beyond that
_WALL_SECONDS = 600  # for a mutant that sleeps: nothing in the tests waits
_WALL_EXIT = 99
_OPTIONS = ["-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
_RUN = ["-x", "-o", "timeout=0", "--tb=line", *_OPTIONS]


class MutatedModule(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Gives one module's mutated source to whoever imports it."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source
        self.was_imported = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the protocol's signature
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's signature
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 - the protocol's signature
        self.was_imported = True
        return self._source


@dataclass(frozen=True, slots=True)
class Stage:
    """Tests to run, and with how many hypothesis examples.

    Attributes:
        paths: What pytest is given.
        examples: Per hypothesis test, where that test does not say it itself.
        cpu_limit: Processor seconds after which the tests hang.
    """

    paths: tuple[str, ...]
    examples: int
    cpu_limit: int = _WALL_SECONDS


def run_tests(stage: Stage, log: Path, module: str = "", source: str = "") -> tuple[str, float]:
    """Run a stage in a child: how that ended, and the processor seconds it took."""
    child = os.fork()
    if child == 0:
        try:
            _run_here(stage, log, module, source)
        finally:
            os._exit(3)
    _, status, usage = os.wait4(child, 0)
    seconds = usage.ru_utime + usage.ru_stime
    code = os.waitstatus_to_exitcode(status)
    match code:
        case 0:
            return "passed", seconds
        case 1 | 2:  # a test failed; or the package, or a test module, could not be imported
            return "failed", seconds
        case _ if code in (-signal.SIGXCPU, -signal.SIGKILL, _WALL_EXIT):
            return "hung", seconds
        case _ if code < 0:
            return "failed", seconds  # a crash of the interpreter, such as a stack that overflows
        case _:
            raise SystemExit(f"{module}: pytest ended with {code}; see {log}")


def _run_here(stage: Stage, log: Path, module: str, source: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (stage.cpu_limit, stage.cpu_limit + 5))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT, _MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    timer = threading.Timer(_WALL_SECONDS, os._exit, (_WALL_EXIT,))
    timer.daemon = True
    timer.start()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    every = tuple(hypothesis.HealthCheck)
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # a failure is enough: no shrinking, no explaining
    hypothesis.settings.register_profile(
        "mutation",
        max_examples=stage.examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=every,
    )
    hypothesis.settings.load_profile("mutation")
    mutated = MutatedModule(module, source)
    if module:
        sys.meta_path.insert(0, mutated)
    code = int(pytest.main([*_RUN, *stage.paths]))
    if module and not mutated.was_imported:
        code = 5
    sys.stdout.flush()
    os._exit(code)


def warm_up() -> None:
    """Import the tests and all they need, so that children need not; but nothing of the package."""
    with _silence():
        pytest.main(["--collect-only", *_OPTIONS, *(f"tests/{folder}" for folder in FOLDERS)])
    for name in list(sys.modules):
        if name.startswith((f"{PACKAGE}.", "tests.")) or name == PACKAGE:
            del sys.modules[name]
    gc.collect()
    gc.freeze()


@contextmanager
def _silence() -> Iterator[None]:
    kept, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)


def stages_of(path: Path, *, mirror_only: bool) -> list[Stage]:
    """The mirrored test module, then its folder; measured on the unmutated package."""
    folder = f"tests/{path.parent.name}"
    mirror = f"{folder}/test_{path.stem}.py"
    stages = [Stage((folder,), 100)]
    if (ROOT / mirror).exists():
        stages = [Stage((mirror,), 5), *([] if mirror_only else stages)]
    return [_measured(stage) for stage in stages]


_MEASURED: dict[Stage, Stage] = {}


def _measured(stage: Stage) -> Stage:
    if stage not in _MEASURED:
        log = RESULTS / f"clean-{os.getpid()}.log"
        verdict, seconds = run_tests(stage, log)
        if verdict != "passed":
            raise SystemExit(f"without any mutant {stage.paths} {verdict}: see {log}")
        limit = round(seconds * _HANG_FACTOR + _HANG_SECONDS)
        _MEASURED[stage] = Stage(stage.paths, stage.examples, limit)
    return _MEASURED[stage]


def judge(module: str, mutant: Mutant, stages: Sequence[Stage]) -> tuple[str, float]:
    """``killed``, ``hung``, or ``survived``; and the processor seconds it took to tell."""
    total = 0.0
    for stage in stages:
        verdict, seconds = run_tests(stage, RESULTS / f"mutant-{os.getpid()}.log", module, mutant.source)
        total += seconds
        if verdict != "passed":
            return {"failed": "killed", "hung": "hung"}[verdict], total
    return "survived", total


class Verdicts:
    """What was found of each mutant of a module, kept from run to run: what is killed stays so when tests are added.

    A mutant is known by the source of its function, so whatever changes there makes all mutants of it new.
    """

    def __init__(self, name: str) -> None:
        self._path = RESULTS / f"{name}.verdicts.json"
        self._by_source: dict[str, tuple[str, float]] = {}
        if self._path.exists():
            self._by_source = json.loads(self._path.read_text())

    def of(self, mutant: Mutant) -> tuple[str, float]:
        return self._by_source.get(self._key(mutant), ("", 0.0))

    def put(self, mutant: Mutant, verdict: str, seconds: float) -> None:
        self._by_source[self._key(mutant)] = verdict, round(seconds, 2)
        self._path.write_text(json.dumps(self._by_source, indent=0) + "\n")

    @staticmethod
    def _key(mutant: Mutant) -> str:
        return hashlib.sha256(f"{mutant.scope}\n{mutant.part}".encode()).hexdigest()[:32]


def equivalents() -> dict[str, dict[tuple[str, str, str], str]]:
    """By module, the mutants that change nothing and the reason each."""
    found: dict[str, dict[tuple[str, str, str], str]] = defaultdict(dict)
    for entry in tomllib.loads((HERE / "equivalent.toml").read_text())["mutant"]:
        key = (entry["scope"], entry["before"].strip("\n"), entry["after"].strip("\n"))
        found[entry["module"]][key] = entry["reason"]
    return found


def run(path: Path, known: dict[tuple[str, str, str], str], *, mirror_only: bool, again: bool) -> dict[str, Any]:
    """Judge all mutants of one module."""
    name = f"{path.parent.name}.{path.stem}"
    mutants, excluded = mutants_of(path.read_text())
    verdicts, stages = Verdicts(name), stages_of(path, mirror_only=mirror_only)
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    total = 0.0

    def tell(problem: str, *key: str) -> None:
        wrong.append("\n".join([f"{problem}: {name} {key[0]}", f"    - {key[1]}", f"    + {key[2]}"]))
        print(wrong[-1], flush=True)

    for mutant in mutants:
        key = (mutant.scope, mutant.before, mutant.after)
        verdict, seconds = verdicts.of(mutant) if again else ("", 0.0)
        if verdict not in ({"killed", "hung", "survived"} if key in known else {"killed", "hung"}):
            verdict, seconds = judge(f"{PACKAGE}.{name}", mutant, stages[:1] if key in known else stages)
            verdicts.put(mutant, verdict, seconds)
        match verdict, key in known:
            case "survived", True:
                verdict = "equivalent"
            case "survived", False:
                tell("survived", *key)
            case _, True:
                tell("listed as equivalent, and killed", *key)
            case "hung", _:
                print(f"hung: {name} {mutant.scope}: {mutant.after}", flush=True)
        counts[verdict] += 1
        total += seconds
    for key in sorted(known.keys() - {(mutant.scope, mutant.before, mutant.after) for mutant in mutants}):
        tell("listed as equivalent, and no mutant", *key)
    return {
        "module": name,
        "mutants": len(mutants),
        **{verdict: counts[verdict] for verdict in ("killed", "hung", "equivalent", "survived")},
        "excluded": dict(sorted(excluded.items())),
        "seconds": round(total),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "wrong": wrong,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help="such as _protocol.frames; all of both folders without any")
    parser.add_argument("--mirror-only", action="store_true", help="the mirrored test module alone should kill them")
    parser.add_argument("--again", action="store_true", help="take over what earlier runs killed")
    options = parser.parse_args()
    os.chdir(ROOT)
    RESULTS.mkdir(exist_ok=True)
    paths = [path for folder in FOLDERS for path in sorted((ROOT / "src" / PACKAGE / folder).glob("*.py"))]
    paths = [path for path in paths if not options.modules or f"{path.parent.name}.{path.stem}" in options.modules]
    known = equivalents()
    warm_up()
    wrong: list[str] = []
    for path in paths:
        name = f"{path.parent.name}.{path.stem}"
        result = run(path, known.get(name, {}), mirror_only=options.mirror_only, again=options.again)
        wrong += result["wrong"]
        if not options.mirror_only:
            (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
        print({key: value for key, value in result.items() if key != "wrong"}, flush=True)
    if not options.mirror_only and not options.modules:
        write_page(ROOT / "docs/explanation/mutation.md", RESULTS, known)
    print("\n".join(wrong) or "nothing survived but what is listed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
