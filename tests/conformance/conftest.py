"""One suite, two servers: every row is collected twice, as ``[fake]`` and, marked e2e, as ``[real]``.

Rules. A row takes exactly one of the server fixtures below and is written once; whichever server disagrees with it
fails it. ``server`` is shared by the whole session, so a row there works in a namespace of its own and never counts
what is not its own. The others are started for one module: they are compacted, or have other feature gates.
`test_rows` proves that both servers are asked the same questions; the summary says how many rows passed on each.
"""

from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from tests.conformance.client import Server
from tests.conformance.rows import COLLECTED, PASSED
from tests.conformance.servers import fake_server, real_server, started_real_server

_HERE = Path(__file__).parent
_TARGETS = ["fake", pytest.param("real", marks=pytest.mark.e2e)]
# As for tests/e2e: a server may take a minute to start on a busy machine.
_TIMEOUT = 180  # seconds


@pytest.hookimpl(tryfirst=True)  # before the marks are looked at for -m
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    rows: dict[str, set[str]] = {"fake": set(), "real": set()}
    for item in items:
        if _HERE in item.path.parents and (target := _target(item)):
            rows[target].add(item.nodeid.replace(f"[{target}", "["))
            if target == "real":
                item.add_marker(pytest.mark.timeout(_TIMEOUT))
    config.stash[COLLECTED] = rows
    config.stash[PASSED] = Counter()


def _target(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    values = callspec.params if callspec is not None else {}
    return next((str(value) for name, value in values.items() if name.endswith("server")), "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.passed and (target := _target(item)):
        item.config.stash[PASSED][target] += 1
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    passed = config.stash.get(PASSED, Counter())
    if passed:
        terminalreporter.write_line(f"conformance rows passed: fake {passed['fake']}, real {passed['real']}")


@pytest.fixture(scope="session")
def _shared_fake() -> Iterator[Server]:
    with fake_server() as server:
        yield server


@pytest.fixture(scope="session", params=_TARGETS)
def server(request: pytest.FixtureRequest) -> Server:
    """The server that most rows share."""
    if request.param == "fake":
        fake: Server = request.getfixturevalue("_shared_fake")
        return fake
    return real_server(request.getfixturevalue("control_plane"))


def _private(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, **gates: bool
) -> Iterator[Server]:
    if request.param == "fake":
        with fake_server(**gates) as server:
            yield server
    else:
        directory = tmp_path_factory.mktemp("control-plane")
        with started_real_server(request.getfixturevalue("assets"), directory, **gates) as server:
            yield server


@pytest.fixture(scope="module", params=_TARGETS)
def compacted_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose versions may be made to expire."""
    yield from _private(request, tmp_path_factory)


@pytest.fixture(scope="module", params=_TARGETS)
def listing_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose gate WatchList is off, as on older ones."""
    yield from _private(request, tmp_path_factory, watch_list=False)


@pytest.fixture(scope="module", params=_TARGETS)
def sharded_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose gate ShardedListAndWatch is on."""
    yield from _private(request, tmp_path_factory, sharded=True)


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A fresh namespace on the row's server."""
    (name,) = (name for name in request.fixturenames if name.endswith("server"))
    server: Server = request.getfixturevalue(name)
    return server.create_namespace()
