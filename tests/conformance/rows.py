"""Which rows were collected, and how many passed: kept in pytest's config between its hooks and `test_rows`."""

from collections import Counter

import pytest

__all__ = ["COLLECTED", "PASSED"]

COLLECTED = pytest.StashKey[dict[str, set[str]]]()
"""The rows collected for each server, before any was deselected."""
PASSED = pytest.StashKey[Counter[str]]()
"""How many rows passed on each server."""
