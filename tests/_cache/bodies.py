"""Bodies of pods, and codecs that keep them: what the tests of `_cache` write and read."""

import json
import random
from collections.abc import Iterable
from typing import Any

from tests._runtime.scripted import pod

from kubeinformer._cache import compression
from kubeinformer._cache.codecs import Codec
from kubeinformer._cache.compression import Compression, train
from kubeinformer._cache.entries import Entry
from kubeinformer._protocol.identity import Identity, identify


def body(name: str, version: int = 1, uid: str = "", **more: Any) -> bytes:
    return json.dumps(pod(name, version, uid, **more)).encode()


def identity(data: bytes) -> Identity:
    return identify("v1/pods", data, None)


def keep(codec: Codec, data: bytes, generation: int = 0) -> Entry:
    """What a cache would hold of this object."""
    who = identity(data)
    return Entry(who.uid, who.resource_version, generation, *codec.encode(who, data))


def shaped(shape: str, number: int) -> bytes:
    """One of many similar bodies; those of two shapes share hardly anything but their metadata's form."""
    items = [
        {f"{shape}{index}name": f"{shape * 5}{index}", f"{shape}value": shape * 3 + str(index)} for index in range(20)
    ]
    return body(f"web-{number}", number + 1, spec={shape * 4: items, "number": number * 7919})


def fill(compression_: Compression, shape: str, count: int) -> list[tuple[int, bytes]]:
    return [compression_.compress(shaped(shape, number)) for number in range(count)]


def trained(samples: Iterable[bytes] | None = None) -> bytes:
    """A dictionary of bodies of the shape ``a``, or of these."""
    made = train(list(samples or (shaped("a", number) for number in range(compression.SAMPLE_COUNT))))
    assert made is not None
    return made


def random_bytes(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311 - only has to be incompressible
