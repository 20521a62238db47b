"""How large objects are, and what an informer would take for them.

Theory. What an informer takes for a collection is, measured on 20,000 to 1,000,000 objects (docs/benchmarks/scale.md):
for each object 380 bytes of Python's (key, uid, version, entry, the dict's slot) and the compressed body; and 3 MB once
for the dictionary that bodies are compressed with. With ``retain="keys"`` an object takes 352 bytes and nothing more.
How well bodies compress differs from one resource to the next, so that is measured on a sample, in the informer's own
way: zstd with a dictionary that is made of other objects of the collection, if it has as many as that takes. Held
against informers on the fake server: 444 bytes for 450 (pods of 6.6 KB), 190 for 182 and 195 for 163 (1 KB).
"""

import sys
from collections.abc import Sequence

from kubeinformer.cli._doctor.report import Memory, Sample

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["MIN_FOR_A_DICTIONARY", "estimate", "measure"]

_ENTRY, _KEY_ENTRY, _DICTIONARY = 380, 352, 3_000_000  # bytes; the head says where they come from
MIN_FOR_A_DICTIONARY = 128  # objects, the informer's own number
_DICTIONARY_CONTENT = 64 * 1024  # bytes, as above
_LEVEL = 1
_FEWEST = 8  # objects of a sample, below which half of it says nothing about the other half


def measure(bodies: Sequence[bytes], objects: int) -> Sample:
    """Sizes of some objects. Blocks for some milliseconds: for a worker thread.

    Args:
        bodies: Their JSON; at least one.
        objects: How many there are in the collection.
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
    """What an informer on so many such objects would take."""
    once = _DICTIONARY if objects >= MIN_FOR_A_DICTIONARY else 0
    return Memory(informer=objects * (_ENTRY + sample.stored) + once, keys=objects * _KEY_ENTRY)
