"""The fixtures for pytest, and their types: `fake_api_server`, `cluster`, `informer_synced`, `eventually`.

pytest finds the plugin by itself if kubeinformer is installed. If plugins are not loaded automatically
(``PYTEST_DISABLE_PLUGIN_AUTOLOAD``), use ``-p kubeinformer.testing.pytest_plugin``; this does no harm if the plugin is
already loaded. The fixtures can be imported from this module, but they are not attributes that pytest finds, because it
would have each of them twice. There are no assertions here, so pytest need not rewrite it: PYTEST_DONT_REWRITE. The
types are for annotations::

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
