"""The fixtures for pytest, and their types: `fake_api_server`, `cluster`, `informer_synced`, `eventually`.

pytest finds the plugin by itself where kubeinformer is installed. Where it is told to look for none
(``PYTEST_DISABLE_PLUGIN_AUTOLOAD``), ``-p kubeinformer.testing.pytest_plugin`` names it; to name what is there already
does no harm. The fixtures can be imported from here, but are no attributes that pytest could find as well: it would
have each of them twice. Nothing is asserted here, so pytest need not rewrite it: PYTEST_DONT_REWRITE. The types are for
annotations::

    async def test_it(informer_synced: InformerSynced, eventually: Eventually) -> None: ...
"""

from typing import TYPE_CHECKING

import _kubeinformer_pytest
from kubeinformer.testing._fixtures import Eventually, InformerSynced

if TYPE_CHECKING:
    from _kubeinformer_pytest import cluster, eventually, fake_api_server, informer_synced

__all__ = ["Eventually", "InformerSynced", "cluster", "eventually", "fake_api_server", "informer_synced"]

pytest_plugins: tuple[str, ...] = ("_kubeinformer_pytest",)


def __getattr__(name: str) -> object:
    if name in _kubeinformer_pytest.__all__:
        return getattr(_kubeinformer_pytest, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
