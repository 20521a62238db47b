"""A Kubernetes API server for tests, demos and benchmarks: needs the extra ``kubeinformer[testing]``.

From the outside in: `FakeApiServer` (``server``), what it answers with (`FakeApiError`), what it logs
(`RequestRecord`), and what can be served without being held (`SyntheticObjects`, `synthetic_pods`,
`synthetic_objects`). What goes wrong on purpose is in ``kubeinformer.testing.faults``. ``python -m
kubeinformer.testing`` runs it as a process of its own.
"""

try:
    from kubeinformer.testing._api.handlers import RequestRecord
    from kubeinformer.testing._made.fleet import synthetic_objects, synthetic_pods
    from kubeinformer.testing._made.synthetic import SyntheticObjects
    from kubeinformer.testing._replica import Replica
    from kubeinformer.testing._status import FakeApiError
    from kubeinformer.testing.server import FakeApiServer
except ModuleNotFoundError as _missing:
    if _missing.name != "h11":
        raise
    # Of the same type, so that pytest.importorskip() skips.
    raise ModuleNotFoundError(
        "kubeinformer.testing needs h11: install it with `pip install 'kubeinformer[testing]'`", name="h11"
    ) from None

__all__ = [
    "FakeApiError",
    "FakeApiServer",
    "Replica",
    "RequestRecord",
    "SyntheticObjects",
    "synthetic_objects",
    "synthetic_pods",
]
