"""The fixtures for pytest, and their types: `fake_api_server`, `cluster`, `informer_synced`, `eventually`.

pytest finds the plugin by itself where kubeinformer is installed. Where it is told to look for none
(``PYTEST_DISABLE_PLUGIN_AUTOLOAD``), ``-p kubeinformer.testing.pytest_plugin`` names it; to name what is there already
does no harm. Nothing is asserted here, so pytest need not rewrite it: PYTEST_DONT_REWRITE. The types are for
annotations::

    async def test_it(informer_synced: InformerSynced, eventually: Eventually) -> None: ...
"""

from _kubeinformer_pytest import _kubeinformer_ready as _kubeinformer_ready  # noqa: PLC0414 - pytest looks for it here
from _kubeinformer_pytest import cluster, eventually, fake_api_server, informer_synced
from kubeinformer.testing._fixtures import Eventually, InformerSynced

__all__ = ["Eventually", "InformerSynced", "cluster", "eventually", "fake_api_server", "informer_synced"]
