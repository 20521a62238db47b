"""From an entry to what a user sees: a dict, or an instance of the ``model=``, after the ``transform=``.

Rules. Whatever a codec keeps is read only through this module. If a body cannot be decompressed, a `CorruptEntry` is
raised here, and the damage is reported, so that the object can be fetched again. Transforms and models run when an
object is read, never when it arrives: a sync of objects that nobody reads does not run them at all. There are two
exceptions: indexers, which see every object, and ``retain="objects"``, whose only copy is transformed before it is
stored.

An exception that a read raises leaves this module without the frames below it, because the object is among their
variables.
"""

import re
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, cast

import msgspec
from typing_extensions import TypeVar

from kubeinformer._cache.codecs import Codec, ObjectsCodec, Transform, decode_object, encode_object
from kubeinformer._cache.compression import Damaged
from kubeinformer._cache.entries import Entry
from kubeinformer._cache.openapi_models import is_openapi_model, openapi_decoder
from kubeinformer._cache.user_code import keep_their_frames
from kubeinformer.errors import CorruptEntry, KubeInformerError, MalformedData, ModelMismatch, TransformError
from kubeinformer.resources import RawObject

__all__ = ["Model", "Reader", "checked_transform"]

T = TypeVar("T", default=RawObject)

# msgspec's messages quote the values of enums, literals and tags, but no error may contain the content of an object.
# The end of such a message is the path in the object. A value may contain the same text, but a quote follows it there.
_QUOTED = re.compile(r"^(Invalid (?:enum )?value)\b.*?(?=\Z| - at `[^`]*`\Z)", re.DOTALL)


class _WithMetadata(msgspec.Struct):
    metadata: Any = None  # a transform may have made anything of it, or taken it away


_metadata = msgspec.json.Decoder(_WithMetadata).decode

Model: TypeAlias = type[T] | Callable[[RawObject], T]
"""A `msgspec.Struct` type, decoded straight from JSON; a model class of kubernetes_asyncio or kubernetes; or any
callable that takes the object as a dict."""


def checked_transform(resource: str, transform: Transform | None) -> Transform | None:
    """Wrap a user's function, so that an exception or a wrong result becomes a `TransformError`."""
    if transform is None:
        return None

    def checked(item: RawObject) -> RawObject:
        try:
            found = cast("object", transform(item))
        except Exception as error:  # the user's function may raise anything; its text may quote the object
            keep_their_frames(error)
            raise TransformError(resource, f"it raised {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise TransformError(resource, f"it returned {type(found).__name__}, not a dict")
        return cast("RawObject", found)

    return checked


class Reader(Generic[T]):
    """Decodes what a codec keeps.

    Args:
        resource: Names the collection in errors.
        codec: The codec.
        model: What to decode to; None for dicts.
        transform: Applied to the dict before it is converted to the model; made by `checked_transform`.

    Attributes:
        on_damage: Called with the key and the entry that could not be read.
    """

    def __init__(
        self, resource: str, codec: Codec, model: Model[T] | None = None, transform: Transform | None = None
    ) -> None:
        self._resource = resource
        self._codec = codec
        self._transform = transform
        self._is_kept_transformed = isinstance(codec, ObjectsCodec)
        self._from_json: Callable[[bytes], T] | None = None
        self._from_dict: Callable[[RawObject], T] = lambda item: cast("T", item)
        self.on_damage: Callable[[str, Entry], None] = lambda _key, _entry: None
        if isinstance(model, type) and issubclass(model, msgspec.Struct):
            self._decode_with(cast("Callable[[bytes], T]", msgspec.json.Decoder(model).decode))
        elif is_openapi_model(model):
            self._decode_with(openapi_decoder(model))
        elif model is not None:
            self._from_dict = cast("Callable[[RawObject], T]", model)

    def _decode_with(self, from_json: Callable[[bytes], T]) -> None:
        self._from_json = from_json
        # The result of a transform is encoded to JSON first, so that the model treats all objects in the same way.
        self._from_dict = lambda item: from_json(encode_object(item))

    def raw(self, key: str, entry: Entry) -> bytes:
        """What is kept of an object, as JSON.

        Raises:
            CorruptEntry: It can no longer be decompressed.
        """
        try:
            return self._codec.raw(key, entry)
        except Damaged:
            raise self._damaged(key, entry) from None

    def metadata(self, key: str, entry: Entry) -> RawObject:
        """What is kept of an object's metadata, without model and transform. Nothing else is decoded.

        Raises:
            CorruptEntry: It can no longer be decompressed.
        """
        found = _metadata(self.raw(key, entry)).metadata
        return found if isinstance(found, dict) else {}

    def load(self, key: str, entry: Entry) -> T:
        """What is kept of an object.

        Raises:
            CorruptEntry: It can no longer be decompressed.
            MalformedData: It is nested too deeply for the rest of Python's stack.
            ModelMismatch: It does not fit the model.
            TransformError: The transform failed on it.
        """
        try:
            return self._load(key, entry)
        except KubeInformerError as error:
            raise error.with_traceback(None)  # noqa: B904 - it is the same error

    def _load(self, key: str, entry: Entry) -> T:
        if self._from_json is not None and self._transform is None:
            return self._fit(self._from_json, key, self.raw(key, entry))
        try:
            item = self._codec.load(key, entry)
        except Damaged:
            raise self._damaged(key, entry) from None
        except RecursionError:
            raise self.too_deep() from None
        return self._shape(key, item, transformed=self._is_kept_transformed)

    def decode(self, key: str, entry: Entry, body: bytes) -> T:
        """What indexers see of a new state: the whole object, whatever the codec keeps. Raises as `load`."""
        if self._is_kept_transformed:
            return self._load(key, entry)
        if self._from_json is not None and self._transform is None:
            return self._fit(self._from_json, key, body)
        return self._shape(key, self._decoded(body), transformed=False)

    def too_deep(self) -> MalformedData:
        """The error for an object that is nested too deeply for the rest of Python's stack."""
        return MalformedData(self._resource, "an object that is nested more deeply than this Python can decode here")

    def _decoded(self, body: bytes) -> RawObject:
        try:
            return decode_object(body)
        except RecursionError:
            raise self.too_deep() from None

    def _shape(self, key: str, item: RawObject, *, transformed: bool) -> T:
        if self._transform is not None and not transformed:
            item = self._transform(item)
        return self._fit(self._from_dict, key, item)

    def _fit(self, make: Callable[[Any], T], key: str, source: bytes | RawObject) -> T:
        try:
            return make(source)
        except msgspec.MsgspecError as error:
            problem = _QUOTED.sub(r"\1", str(error))
        except RecursionError:
            raise self.too_deep() from None
        except Exception as error:  # the user's function may raise anything; its text may quote the object
            keep_their_frames(error)
            raise ModelMismatch(self._resource, key, f"it raised {type(error).__name__}") from error
        # Raised outside of the except block, so that msgspec's error, which may quote a value, is not the context.
        raise ModelMismatch(self._resource, key, problem)

    def _damaged(self, key: str, entry: Entry) -> CorruptEntry:
        self.on_damage(key, entry)
        return CorruptEntry(self._resource, key)
