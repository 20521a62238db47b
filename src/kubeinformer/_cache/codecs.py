"""How bodies are kept: one codec for each value of ``retain=``.

====================  ===========================================  =================================
``retain=``           kept for each object                         a read costs
====================  ===========================================  =================================
``"compressed"``      zstd with a trained dictionary               decompress and decode
``"bytes"``           the server's JSON                            decode
``"objects"``         the decoded dict, shared by all readers      nothing
``"metadata"``        as compressed, without spec and status       decompress and decode
``"keys"``            nothing but key, uid and resource version    building a dict of four strings
====================  ===========================================  =================================

A codec encodes the JSON of an object once, and decodes it for each read. The ``encoding`` numbers let one collection
hold bodies from before and after a dictionary was trained.
"""

import json
import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Literal, Protocol, TypeAlias, cast

import msgspec

from kubeinformer._cache.compression import Compression
from kubeinformer._cache.entries import Body, Entry
from kubeinformer._protocol.identity import Identity
from kubeinformer.resources import RawObject

__all__ = ["Codec", "Retain", "Transform", "decode_object", "encode_object", "make_codec"]

Retain: TypeAlias = Literal["compressed", "bytes", "objects", "metadata", "keys"]
"""What of each object is kept: its JSON, compressed; its JSON as it came; the decoded dict, shared by all readers; its
metadata, compressed; nothing but key, uid and resource version."""

Transform: TypeAlias = Callable[[RawObject], RawObject]
"""Takes the object as a dict that is its own to change, and returns it or another dict."""

RETAIN_VALUES = ("compressed", "bytes", "objects", "metadata", "keys")

_decode = msgspec.json.Decoder(dict).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode

_LONGEST_INTEGER = 4_300  # digits; Python's own limit, because the conversion to int takes quadratic time


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_INTEGER else Decimal(text)


def _fraction(text: str) -> float | Decimal:
    number = float(text)
    if not math.isinf(number):
        return number
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of more than 18 digits: beyond Decimal too, so it stays infinite
        return number


def decode_object(body: bytes) -> RawObject:
    """Decode one object to a dict."""
    try:
        return cast("RawObject", _decode(body))
    except msgspec.DecodeError:
        # This is valid JSON that msgspec does not accept: 1e400, or an integer of thousands of digits. The author of a
        # custom resource can send both. The bytes have passed the strict checks of the protocol layer, so only the
        # range of a number can be the problem. Such numbers become Decimals.
        return cast("RawObject", json.loads(body, parse_int=_integer, parse_float=_fraction))


def encode_object(item: RawObject) -> bytes:
    """Encode a dict from `decode_object` again."""
    return _encode(item)


class Codec(Protocol):
    """Encodes the bodies of objects for storage, and decodes them again."""

    @property
    def compression(self) -> Compression | None:
        """The compression whose dictionary can be trained, if this codec compresses."""
        ...

    @property
    def keeps_labels(self) -> bool:
        """Whether objects can be selected by their labels."""
        ...

    def encode(self, identity: Identity, body: bytes) -> tuple[int, Body]:
        """Turn an object's JSON into what is kept: the encoding's number and the body."""
        ...

    def load(self, key: str, entry: Entry) -> RawObject:
        """What is kept, as a dict. Raises `Damaged`."""
        ...

    def raw(self, key: str, entry: Entry) -> bytes:
        """What is kept, as JSON. Raises `Damaged`."""
        ...


def make_codec(retain: Retain, api_version: str, transform: Transform | None = None) -> Codec:
    """Build the codec of one collection.

    Args:
        retain: What is kept of each object.
        api_version: The ``apiVersion`` of the collection, such as ``apps/v1``.
        transform: Used only by the codec whose objects are shared by all readers. It is applied before storing.

    Raises:
        ValueError: ``retain`` is not one of the accepted values.
    """
    match retain:
        case "compressed":
            return CompressedCodec()
        case "bytes":
            return BytesCodec()
        case "objects":
            return ObjectsCodec(transform)
        case "metadata":
            return MetadataCodec()
        case "keys":
            return KeysCodec(api_version)
        case _:
            raise ValueError(f"retain={retain!r} is none of {', '.join(map(repr, RETAIN_VALUES))}")


class BytesCodec:
    """Keeps the server's JSON as it came."""

    compression: Compression | None = None
    keeps_labels = True

    def encode(self, identity: Identity, body: bytes) -> tuple[int, Body]:  # noqa: ARG002 - the protocol's signature
        """Return it unchanged."""
        return 0, body

    def load(self, key: str, entry: Entry) -> RawObject:
        """Decode it."""
        return decode_object(self.raw(key, entry))

    def raw(self, key: str, entry: Entry) -> bytes:  # noqa: ARG002 - the protocol's signature
        """Return what is kept."""
        return cast("bytes", entry.body)


class CompressedCodec:
    """Keeps compressed JSON."""

    keeps_labels = True

    def __init__(self) -> None:
        self.compression: Compression | None = Compression()
        self._compression = self.compression

    def encode(self, identity: Identity, body: bytes) -> tuple[int, Body]:  # noqa: ARG002 - the protocol's signature
        """Compress it."""
        return self._compression.compress(body)

    def load(self, key: str, entry: Entry) -> RawObject:
        """Decompress and decode it."""
        return decode_object(self.raw(key, entry))

    def raw(self, key: str, entry: Entry) -> bytes:  # noqa: ARG002 - the protocol's signature
        """Decompress it."""
        return self._compression.decompress(entry.encoding, cast("bytes", entry.body))


class ObjectsCodec:
    """Keeps the decoded dict. It is fast to read, but takes 15 to 60 times the memory. Readers must not change it."""

    compression: Compression | None = None
    keeps_labels = True

    def __init__(self, transform: Transform | None) -> None:
        self._transform = transform

    def encode(self, identity: Identity, body: bytes) -> tuple[int, Body]:  # noqa: ARG002 - the protocol's signature
        """Decode it now."""
        item = decode_object(body)
        return 0, self._transform(item) if self._transform else item

    def load(self, key: str, entry: Entry) -> RawObject:  # noqa: ARG002 - the protocol's signature
        """Return the only copy, which all readers share."""
        return cast("RawObject", entry.body)

    def raw(self, key: str, entry: Entry) -> bytes:
        """Encode it again. The JSON is equal to what the server sent, but not byte for byte."""
        return encode_object(self.load(key, entry))


class _MetadataOnly(msgspec.Struct, omit_defaults=True):
    """What ``retain="metadata"`` keeps of an object."""

    kind: str | None = None  # null means the same as missing, as everywhere
    apiVersion: str | None = None  # noqa: N815 - the wire's name
    metadata: msgspec.Raw = msgspec.Raw()


class MetadataCodec(CompressedCodec):
    """Keeps kind, apiVersion and metadata, compressed."""

    def __init__(self) -> None:
        super().__init__()
        self._project = msgspec.json.Decoder(_MetadataOnly).decode

    def encode(self, identity: Identity, body: bytes) -> tuple[int, Body]:
        """Drop spec, status and everything else, then compress."""
        return super().encode(identity, msgspec.json.encode(self._project(body)))


class KeysCodec:
    """Keeps no body. A read builds its result from the key and the entry."""

    compression: Compression | None = None

    keeps_labels = False

    def __init__(self, api_version: str) -> None:
        self._kind, self._api_version = "", api_version

    def encode(self, identity: Identity, body: bytes) -> tuple[int, Body]:  # noqa: ARG002 - the protocol's signature
        """Remember the kind, which is the same for all objects of the collection."""
        self._kind, self._api_version = identity.kind, identity.api_version or self._api_version
        return 0, b""

    def load(self, key: str, entry: Entry) -> RawObject:
        """Build the smallest object that still identifies itself."""
        namespace, _, name = key.rpartition("/")
        metadata = {"name": name, "uid": entry.uid, "resourceVersion": entry.resource_version}
        if namespace:
            metadata["namespace"] = namespace
        return {"kind": self._kind, "apiVersion": self._api_version, "metadata": metadata}

    def raw(self, key: str, entry: Entry) -> bytes:
        """Encode the same."""
        return msgspec.json.encode(self.load(key, entry))
