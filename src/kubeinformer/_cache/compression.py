"""zstd with a dictionary that is made of the first objects of a collection.

Theory. Objects of one resource repeat each other far more than they repeat themselves: plain zstd makes a 6.9 KB pod
1.7 KB, a dictionary of its neighbours 270 bytes, and compressing gets faster too, because nearly everything is one
long match. The first objects are compressed without one and serve as samples; `train` then runs in a worker thread,
and `recode` brings the earlier bodies over, a few at a time.

A collection may change its shape: an operator's new version writes other objects than the dictionary was made of. So
what is gained is watched, and when bodies come out half as large again, new samples are taken and all of it happens
again, the old dictionaries being kept for the bodies that they still serve better. Bodies carry a checksum, so that
damaged memory is an error (`Damaged`) and not another object.

The dictionary's content is whole samples, spread over those at hand, with entropy tables made for the rest of them
(``finalize_dict``). zstd's own trainer, which selects short segments, gave 295 bytes a pod and not 270, took 240 ms
and not 3, and 13 MB of memory and not 1.4: it is made for samples that share less (docs/decisions/0006).

``compression.zstd`` (``backports.zstd`` before Python 3.14) and not the ``zstandard`` package: that one's
``compress()`` allocates for the worst case and shrinks afterwards, which left 183 MB of heap for 59 MB of content.
"""

import sys
from collections.abc import Sequence

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Compression", "Damaged", "train"]

PLAIN = 0  # the encoding's number for bodies without a dictionary

# Measured on pods of 6.9 KB: with 32 KiB 265 bytes, with 64 KiB 270, with 110 KiB 267; what varies more profits more.
DICTIONARY_BYTES = 64 * 1024
SAMPLE_COUNT = 128
SAMPLE_BYTES = 2 * 2**20  # bounds the memory of samples; reached first by objects over 16 KiB
LARGEST_SAMPLE = 2 * DICTIONARY_BYTES  # beyond this an object repeats itself more than a dictionary can tell
# How many bodies in a row tell what a dictionary gains, and the factor by which they may be larger than the first ones
# after it was made. Pods that come in another order, of other applications, stayed within 1.2.
WINDOW = 256
DEGRADED = 1.5
# Each costs 64 KiB for its content and 150 KiB for its tables. A collection that is never done changing stops here.
DICTIONARY_LIMIT = 8
_LEVEL = 1  # with a dictionary, level 3 was no smaller (276 bytes to 270) and 50 % slower


def train(samples: Sequence[bytes]) -> bytes | None:
    """Make a dictionary, or None where the samples have nothing in common. For a worker thread."""
    spread = samples[:: max(1, sum(map(len, samples)) // DICTIONARY_BYTES)]
    content = b"".join(spread)[-DICTIONARY_BYTES:]
    try:
        raw = zstd.ZstdDict(content, is_raw=True)
        return zstd.finalize_dict(raw, samples, DICTIONARY_BYTES, _LEVEL).dict_content
    except (zstd.ZstdError, ValueError):  # the latter: content of less than 8 bytes
        return None


class Damaged(Exception):
    """A body does not decompress to what was compressed."""


class Compression:
    """Compresses and decompresses bodies; collects samples until it has a dictionary."""

    def __init__(self) -> None:
        # Mapping[int, int]: the parameters are IntEnum members, and mappings are invariant in their keys.
        self._options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: _LEVEL,
            # The encoding's number says which dictionary; four bytes less for each object.
            zstd.CompressionParameter.dict_id_flag: 0,
            # Four bytes for each object: what they detect would otherwise be read as if it were true.
            zstd.CompressionParameter.checksum_flag: 1,
        }
        self._dictionaries: list[zstd.ZstdDict | None] = [None]
        self._compressor = zstd.ZstdCompressor(options=self._options)
        self._samples: list[bytes] = []
        self._sample_bytes = 0
        self._is_sampling = True
        self._window = _Window()
        self._expected: float | None = None  # the first window's ratio since the samples were taken

    @property
    def has_enough_samples(self) -> bool:
        """Whether `take_samples` and `train` should run now."""
        return len(self._samples) >= SAMPLE_COUNT or self._sample_bytes >= SAMPLE_BYTES

    def take_samples(self) -> list[bytes]:
        """Hand the samples over and stop collecting."""
        samples, self._samples = self._samples, []
        self._sample_bytes = 0
        self._is_sampling = False
        return samples

    def install(self, dictionary: bytes) -> None:
        """Compress with this dictionary from now on; older bodies stay readable."""
        zstd_dict = zstd.ZstdDict(dictionary)
        self._dictionaries.append(zstd_dict)
        self._compressor = zstd.ZstdCompressor(options=self._options, zstd_dict=zstd_dict.as_digested_dict)
        self._window = _Window()
        self._expected = None

    @property
    def current(self) -> int:
        """The number of the encoding that `compress` uses now."""
        return len(self._dictionaries) - 1

    def compress(self, body: bytes) -> tuple[int, bytes]:
        """Return the encoding's number and the compressed bytes."""
        compressed = self._compressor.compress(body, self._compressor.FLUSH_FRAME)
        if self._is_sampling:
            # Who takes them may still be busy with the dictionary before: no more than enough are held meanwhile.
            if len(body) <= LARGEST_SAMPLE and not self.has_enough_samples:
                self._samples.append(body)
                self._sample_bytes += len(body)
        elif self._window.is_full_with(len(body), len(compressed)):
            self._judge(self._window.ratio)
            self._window = _Window()
        return self.current, compressed

    def decompress(self, encoding: int, body: bytes) -> bytes:
        """Undo `compress`.

        Raises:
            Damaged: It cannot be undone, or gives something else.
        """
        dictionary = self._dictionaries[encoding]
        try:
            return zstd.decompress(body, dictionary.as_digested_dict if dictionary else None)
        except (zstd.ZstdError, MemoryError) as error:  # the latter: a damaged header may claim any size
            raise Damaged(str(error)) from None

    def recode(self, encoding: int, body: bytes) -> tuple[int, bytes]:
        """Bring a body to the current encoding, or leave it if that makes it no smaller. Raises as `decompress`."""
        anew = self._compressor.compress(self.decompress(encoding, body), self._compressor.FLUSH_FRAME)
        return (self.current, anew) if len(anew) < len(body) else (encoding, body)

    def _judge(self, ratio: float) -> None:
        if self._expected is None:
            self._expected = ratio
        elif ratio > self._expected * DEGRADED and self.current < DICTIONARY_LIMIT:
            self._is_sampling = True
            self._expected = None


class _Window:
    """What compressing a number of bodies gains."""

    def __init__(self) -> None:
        self._count = self._before = self._after = 0

    def is_full_with(self, before: int, after: int) -> bool:
        """Add one body, of so many bytes before and after."""
        self._count += 1
        self._before += before
        self._after += after
        return self._count >= WINDOW

    @property
    def ratio(self) -> float:
        """Bytes after for each byte before."""
        return self._after / max(self._before, 1)
