"""A fake Kubernetes API server for tests, demos and benchmarks. It needs the extra ``kubeinformer[testing]``.

`FakeApiServer` is the server, `FakeApiError` its errors, `RequestRecord` its log of requests. `SyntheticObjects`,
`synthetic_pods` and `synthetic_objects` are objects that it can serve without storing them.
``kubeinformer.testing.faults`` has the faults that it can inject. ``python -m kubeinformer.testing`` runs it as a
separate process.
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
    # The same type as the original error, so that pytest.importorskip() skips.
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
