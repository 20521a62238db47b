import sys
from pathlib import Path

import pytest

from kubeinformer.cli import _memory
from kubeinformer.cli._memory import Memory, own_memory

_MB = 1_000_000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_linux_says_now_and_peak() -> None:
    memory = own_memory()
    assert memory.now is not None
    assert memory.peak is not None
    assert 5 * _MB < memory.now <= memory.peak < 5000 * _MB


def test_elsewhere_the_peak_alone_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_memory, "_STATUS", tmp_path / "none")
    memory = own_memory()
    assert memory.now is None
    assert memory.peak is not None
    assert 5 * _MB < memory.peak < 5000 * _MB


def test_a_mac_counts_in_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_memory, "_STATUS", tmp_path / "none")
    kibibytes = own_memory().peak
    monkeypatch.setattr(sys, "platform", "darwin")
    unscaled = own_memory().peak
    assert kibibytes is not None
    assert unscaled is not None
    assert unscaled < kibibytes / 500


def test_a_status_without_figures_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmRSS:\t12 kB\nVmHWM:\tmuch\n")
    monkeypatch.setattr(_memory, "_STATUS", status)
    assert own_memory() == Memory(12 * 1024, None)
