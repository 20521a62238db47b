"""How large objects are, and how much memory an informer would take for them.

Theory. The formula was measured on collections of 20,000 to 1,000,000 objects (docs/benchmarks/scale.md). Each object
takes 380 bytes of Python objects (key, uid, version, entry, the dict's slot), plus its compressed body. The dictionary
that bodies are compressed with takes 3 MB once. With ``retain="keys"``, an object takes 352 bytes and nothing more. How
well bodies compress differs between resources. So that is measured on a sample, in the same way as the informer does
it: zstd, with a dictionary made of other objects of the collection, if there are enough of them. Compared with
informers on the fake server, the estimate was 444 bytes for 450 (pods of 6.6 KB), and 190 for 182 and 195 for 163 (1
KB).
"""

import sys
from collections.abc import Sequence

from kubeinformer.cli._doctor.report import Memory, Sample

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["MIN_FOR_A_DICTIONARY", "estimate", "measure"]

_ENTRY, _KEY_ENTRY, _DICTIONARY = 380, 352, 3_000_000  # bytes; see the head of the module
MIN_FOR_A_DICTIONARY = 128  # objects; the same number as in the informer
_DICTIONARY_CONTENT = 64 * 1024  # bytes; the same as in the informer
_LEVEL = 1
_FEWEST = 8  # objects in a sample; with fewer, one half says nothing about the other half


def measure(bodies: Sequence[bytes], objects: int) -> Sample:
    """Measure the sizes of some objects. Call it in a worker thread: it blocks for some milliseconds.

    Args:
        bodies: The JSON of these objects; at least one.
        objects: The number of objects in the whole collection.
    """
    sizes = [len(body) for body in bodies]
    dictionary, measured = None, bodies
    if objects >= MIN_FOR_A_DICTIONARY and len(bodies) >= _FEWEST:
        content = b"".join(bodies[::2])[-_DICTIONARY_CONTENT:]
        dictionary, measured = zstd.ZstdDict(content, is_raw=True), bodies[1::2]
    compressor = zstd.ZstdCompressor(level=_LEVEL, zstd_dict=dictionary)
    stored = [len(compressor.compress(body, compressor.FLUSH_FRAME)) for body in measured]
    return Sample(
        objects=len(bodies),
        mean=round(sum(sizes) / len(sizes)),
        largest=max(sizes),
        stored=round(sum(stored) / len(stored)),
    )


def estimate(objects: int, sample: Sample) -> Memory:
    """Estimate the memory of an informer on this number of such objects."""
    once = _DICTIONARY if objects >= MIN_FOR_A_DICTIONARY else 0
    return Memory(informer=objects * (_ENTRY + sample.stored) + once, keys=objects * _KEY_ENTRY)
