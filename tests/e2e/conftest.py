"""Fixtures on a real API server, and the mark ``e2e`` for everything in this folder."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.e2e.control_plane import ControlPlane, StartControlPlane

_HERE = Path(__file__).parent
# The project's limit is made for tests that start nothing; a server may take a minute on a busy machine.
_TIMEOUT = 180  # seconds


@pytest.hookimpl(tryfirst=True)  # before the marks are looked at for -m
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(_TIMEOUT))


@pytest.fixture
def anyio_backend() -> str:
    """One loop is enough here: what differs on trio is the transport, and that is tested on sockets of its own."""
    return "asyncio"


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A fresh namespace. It is not deleted: without its controller that would never finish."""
    return control_plane.client.create_namespace()


@pytest.fixture
def private_control_plane(assets: Path, tmp_path: Path) -> Iterator[StartControlPlane]:
    """Starts control planes of a test's own, ended with the test; arguments are flags of the API server."""
    number = itertools.count()
    with ExitStack() as planes:

        def start(*extra_args: str) -> ControlPlane:
            directory = tmp_path / f"control-plane-{next(number)}"
            directory.mkdir()
            return planes.enter_context(ControlPlane(assets, directory, *extra_args))

        yield start
