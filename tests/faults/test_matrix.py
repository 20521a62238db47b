"""Every kind of fault, alone and mixed, with seed after seed: nothing is lost.

``KUBEINFORMER_FAULT_SEEDS=200`` tries more seeds; each test then takes as much longer. A failure prints the script,
which `Script.parse` plays again.
"""

import gc
import zlib

import pytest
from tests.faults.scenario import Divergence, survive

from kubeinformer.testing.faults import KINDS, Script

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(0)]

MIXTURE = "mixture"


@pytest.mark.parametrize("compressed", [True, False], ids=["gzip", "identity"])
@pytest.mark.parametrize("paged", [False, True], ids=["watch-list", "paged"])
@pytest.mark.parametrize("kind", [*sorted(KINDS), MIXTURE])
async def test_an_informer_survives(
    kind: str, *, paged: bool, compressed: bool, seeds: int, caplog: pytest.LogCaptureFixture
) -> None:
    first = zlib.crc32(f"{kind} {paged} {compressed}".encode())  # other seeds for each case
    for seed in range(first, first + seeds):
        script = Script.random(seed, None if kind == MIXTURE else [kind], count=4 if kind == MIXTURE else 2)
        try:
            await survive(script, paged=paged, compressed=compressed)
        except Divergence as divergence:
            divergence.add_note(f"script: {script.as_data()}")
            raise
    gc.collect()  # asyncio tells of exceptions that nobody took when their task is collected
    assert [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}] == []
