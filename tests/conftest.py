from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.e2e.control_plane import ASSETS_VARIABLE, ControlPlane, find_assets

pytest_plugins = ["pytester"]

# Hypothesis fails an example of more than 200 ms, and a test whose examples are slow to draw: on a busy machine any of
# them is, now and then. pytest's own limit ends what hangs. A profile that somebody chose (tests/mutation) stays.
if settings.get_current_profile_name() == "default":
    settings.register_profile("by-no-clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("by-no-clock")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every async test runs on both; test modules of asyncio-only parts override this fixture."""
    return str(request.param)


# Here, because tests/e2e and tests/conformance share it.


@pytest.fixture(scope="session")
def assets() -> Path:
    """The directory of the API server's binaries. Unset skips; set and wrong fails, or CI would pass on nothing."""
    found = find_assets()
    if found is None:
        pytest.skip(f"no API server: run `make e2e`, or set {ASSETS_VARIABLE} to $(tests/e2e/envtest/build)")
    return found


@pytest.fixture(scope="session")
def control_plane(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The one all tests share. A test that breaks, restarts or compacts takes a private one."""
    with ControlPlane(assets, tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane
