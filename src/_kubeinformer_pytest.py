"""The pytest plugin of kubeinformer, as pytest loads it: what it does is in ``kubeinformer.testing``.

Rules. pytest imports this module at every start, for every user who has kubeinformer installed, and before coverage
begins to measure. So it is outside the package, whose import takes a quarter of a second, and imports only pytest. A
fixture is a few lines that import what they need when a test requests it. There are no assertions here, so pytest need
not rewrite the module, nor warn if it cannot: PYTEST_DONT_REWRITE. The entry point has the name of the module. By that
name, pytest knows that the plugin is already loaded if somebody names it as well.

Source. hypothesis 6.170, ``_hypothesis_pytestplugin.py``, which is a separate module for the same reasons.
"""

import importlib.util
import typing

import pytest

if typing.TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from kubeinformer import Cluster
    from kubeinformer.testing import FakeApiServer
    from kubeinformer.testing.pytest_plugin import Eventually, InformerSynced

__all__ = ["cluster", "eventually", "fake_api_server", "informer_synced"]


@pytest.fixture
def _kubeinformer_ready(request: pytest.FixtureRequest) -> None:
    """Reports what is missing, instead of the errors of pytest and Python."""
    if "anyio_backend" not in request.fixturenames:
        pytest.fail(
            "the fixtures of kubeinformer need an event loop, and this test is not run by anyio's pytest plugin: make "
            "it `async def`, and mark it, or its module, with pytest.mark.anyio",
            pytrace=False,
        )
    if importlib.util.find_spec("h11") is None:
        pytest.fail(
            "the fixtures of kubeinformer need its extra for tests: pip install 'kubeinformer[testing]'", pytrace=False
        )


@pytest.fixture
async def fake_api_server(_kubeinformer_ready: None) -> "AsyncGenerator[FakeApiServer]":
    """A new, empty fake API server on loopback, for this test only: `kubeinformer.testing.FakeApiServer`."""
    from kubeinformer.testing import FakeApiServer  # noqa: PLC0415 - see above

    async with FakeApiServer() as server:
        yield server


@pytest.fixture
async def cluster(fake_api_server: "FakeApiServer") -> "AsyncGenerator[Cluster]":
    """A connection to the fake API server: `kubeinformer.connect`."""
    from kubeinformer import connect  # noqa: PLC0415 - see above

    async with connect(server=fake_api_server.url) as cluster:
        yield cluster


@pytest.fixture
async def informer_synced(cluster: "Cluster") -> "AsyncGenerator[InformerSynced]":
    """Makes informers, waits until they are in sync, and closes them when the test ends.

    ``pods = await informer_synced("v1/pods")`` has the arguments of ``Cluster.informer``, and ``timeout=`` in seconds.
    """
    from kubeinformer.testing._fixtures import synced_informers  # noqa: PLC0415 - see above

    async with synced_informers(cluster) as informer_synced:
        yield informer_synced


@pytest.fixture
def eventually(request: pytest.FixtureRequest, _kubeinformer_ready: None) -> "Eventually":
    """Waits until a condition is true.

    ``pod = await eventually(lambda: pods.store.get("default/web-0"))`` takes a function, sync or async, and
    ``timeout=`` in seconds. It returns the first true value that the function returns.
    """
    from kubeinformer.testing._fixtures import make_eventually  # noqa: PLC0415 - see above

    used = request.getfixturevalue("cluster") if "cluster" in request.fixturenames else None
    return make_eventually(used)
