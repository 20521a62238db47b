"""From an entry to what a user sees: a dict, or an instance of the ``model=`` they gave."""

from collections.abc import Callable
from typing import Any, Generic, TypeAlias, cast

import msgspec
from typing_extensions import TypeVar

from kubeinformer._cache.codecs import Codec, decode_object
from kubeinformer._cache.entries import Entry
from kubeinformer.errors import ModelMismatch
from kubeinformer.resources import RawObject

__all__ = ["Model", "Reader"]

T = TypeVar("T", default=RawObject)

Model: TypeAlias = type[T] | Callable[[RawObject], T]
"""A `msgspec.Struct` type, decoded straight from JSON, or any callable that takes the object as a dict."""


class Reader(Generic[T]):
    """Decodes what a codec keeps.

    Args:
        resource: Names the collection in errors.
        codec: Who keeps it.
        model: What to decode to; None for dicts.
    """

    def __init__(self, resource: str, codec: Codec, model: Model[T] | None = None) -> None:
        self._resource = resource
        self._codec = codec
        self._model = cast("Callable[[RawObject], T] | None", model)
        is_struct = isinstance(model, type) and issubclass(model, msgspec.Struct)
        self._struct: msgspec.json.Decoder[Any] | None = msgspec.json.Decoder(model) if is_struct else None

    def load(self, key: str, entry: Entry) -> T:
        """What is kept of an object.

        Raises:
            ModelMismatch: It does not fit the model.
        """
        if self._struct is not None:
            return self._fit(self._struct, key, self._codec.raw(key, entry))
        return self._shape(key, self._codec.load(key, entry))

    def decode(self, key: str, body: bytes) -> T:
        """An object straight from the server's JSON, whole: what indexers see.

        Raises:
            ModelMismatch: It does not fit the model.
        """
        if self._struct is not None:
            return self._fit(self._struct, key, body)
        return self._shape(key, decode_object(body))

    def _fit(self, decoder: msgspec.json.Decoder[Any], key: str, body: bytes) -> T:
        try:
            return cast("T", decoder.decode(body))
        except msgspec.MsgspecError as error:
            raise ModelMismatch(self._resource, key, str(error)) from error

    def _shape(self, key: str, item: RawObject) -> T:
        if self._model is None:
            return cast("T", item)
        try:
            return self._model(item)
        except Exception as error:  # the user's function may raise anything; its text may quote the object
            raise ModelMismatch(self._resource, key, f"it raised {type(error).__name__}") from error
