"""Models of the generated clients: ``kubernetes_asyncio.client.V1Pod``, and the same of ``kubernetes``.

Both packages generate their classes from one OpenAPI document and decode them in their ``ApiClient``, which also opens
connections that nobody needs here. So one is made without its constructor: its ``deserialize`` uses the configuration
and nothing else (kubernetes_asyncio 36.1, kubernetes 37.0). Neither package is imported unless a class of it was given,
and who has a class has imported the package.
"""

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeGuard

__all__ = ["is_openapi_model", "openapi_decoder"]


def is_openapi_model(model: object) -> TypeGuard[type[Any]]:
    """Whether a class is one of those models."""
    return isinstance(model, type) and hasattr(model, "openapi_types") and hasattr(model, "attribute_map")


def openapi_decoder(model: type[Any]) -> Callable[[bytes], Any]:
    """Make the function that decodes JSON to the model."""
    generated = next(base for base in reversed(model.__mro__) if "openapi_types" in vars(base))  # it may be extended
    package = generated.__module__.partition(".")[0]
    client_module = importlib.import_module(f"{package}.client.api_client")
    configuration_module = importlib.import_module(f"{package}.client.configuration")
    client = client_module.ApiClient.__new__(client_module.ApiClient)
    client.configuration = configuration_module.Configuration()
    return lambda body: client.deserialize(SimpleNamespace(data=body), model)
