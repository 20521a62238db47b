import os
from typing import Any

import pytest
import trio.testing

import kubeinformer.connection

# Each backend that has a transport.
BACKENDS = ["asyncio", *(["trio"] if hasattr(kubeinformer.connection, "HttpxTransport") else [])]


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The backends, each with a clock that can jump."""
    options = {"clock": trio.testing.MockClock(rate=1)} if request.param == "trio" else {}
    return str(request.param), options


@pytest.fixture
def seeds() -> int:
    """How many seeds to try for each case: ``KUBEINFORMER_FAULT_SEEDS``."""
    return int(os.environ.get("KUBEINFORMER_FAULT_SEEDS", "1"))
