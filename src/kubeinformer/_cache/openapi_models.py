"""Models of the generated clients, such as ``kubernetes_asyncio.client.V1Pod``, and those of ``kubernetes``.

Both packages generate their classes from one OpenAPI document. Their ``ApiClient`` decodes JSON to these classes, but
also opens connections, which are not needed here. So a client is made without its constructor: its ``deserialize`` uses
only the configuration (kubernetes_asyncio 36.1, kubernetes 37.0). Neither package is imported unless the user gave one
of its classes, and such a user has imported the package already.
"""

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeGuard

__all__ = ["is_openapi_model", "openapi_decoder"]


def is_openapi_model(model: object) -> TypeGuard[type[Any]]:
    """Whether it is a model class of one of these packages."""
    return isinstance(model, type) and hasattr(model, "openapi_types") and hasattr(model, "attribute_map")


def openapi_decoder(model: type[Any]) -> Callable[[bytes], Any]:
    """Make a function that decodes JSON to the model."""
    generated = next(base for base in reversed(model.__mro__) if "openapi_types" in vars(base))  # it may be a subclass
    package = generated.__module__.partition(".")[0]
    client_module = importlib.import_module(f"{package}.client.api_client")
    configuration_module = importlib.import_module(f"{package}.client.configuration")
    client = client_module.ApiClient.__new__(client_module.ApiClient)
    client.configuration = configuration_module.Configuration()
    return lambda body: client.deserialize(SimpleNamespace(data=body), model)
