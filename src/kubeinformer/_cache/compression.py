"""zstd compression with a dictionary that is made from the first objects of a collection.

Theory. Objects of one resource have much in common with each other, and little repetition within themselves. Plain
zstd compresses a pod of 6.9 KB to 1.7 KB; with a dictionary of other pods it is 270 bytes. Compressing gets faster,
too, because nearly everything is one long match. The first objects are compressed without a dictionary and serve as
samples. Then `train` runs in a worker thread, and `recode` encodes the earlier bodies again, a few at a time.

The shape of a collection may change: a new version of an operator may write objects that differ from those in the
dictionary. So the compression ratio is watched. When bodies become half as large again, new samples are taken and a new
dictionary is trained. The old dictionaries are kept for the bodies that they still compress better. Bodies carry a
checksum, so that damaged memory leads to an error (`Damaged`) and not to another object.

The content of a dictionary is whole samples, evenly chosen from those available. Its entropy tables are made for all
samples (``finalize_dict``). zstd's own trainer, which selects short segments, was worse: 295 bytes for a pod instead
of 270, 240 ms instead of 3, and 13 MB of memory instead of 1.4. It is made for samples that have less in common
(docs/decisions/0006).

``compression.zstd`` (``backports.zstd`` before Python 3.14) is used, and not the ``zstandard`` package. The latter's
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

# Measured with pods of 6.9 KB: 265 bytes with 32 KiB, 270 with 64 KiB, 267 with 110 KiB. Objects that vary more profit
# more from a larger dictionary.
DICTIONARY_BYTES = 64 * 1024
SAMPLE_COUNT = 128
SAMPLE_BYTES = 2 * 2**20  # limits the memory of samples; objects over 16 KiB reach this limit before SAMPLE_COUNT
LARGEST_SAMPLE = 2 * DICTIONARY_BYTES  # larger objects gain more from their own repetitions than from a dictionary
# The ratio is measured over this number of bodies in a row. DEGRADED is the factor by which it may be worse than the
# first ratio after training. Pods of other applications, in another order, stayed within 1.2.
WINDOW = 256
DEGRADED = 1.5
# Each costs 64 KiB for its content and 150 KiB for its tables. The limit is for collections that never stop changing.
DICTIONARY_LIMIT = 8
_LEVEL = 1  # with a dictionary, level 3 was no smaller (276 bytes to 270) and 50 % slower


def train(samples: Sequence[bytes]) -> bytes | None:
    """Make a dictionary, or return None if the samples have nothing in common. Runs in a worker thread."""
    spread = samples[:: max(1, sum(map(len, samples)) // DICTIONARY_BYTES)]
    content = b"".join(spread)[-DICTIONARY_BYTES:]
    try:
        raw = zstd.ZstdDict(content, is_raw=True)
        return zstd.finalize_dict(raw, samples, DICTIONARY_BYTES, _LEVEL).dict_content
    except (zstd.ZstdError, ValueError):  # the latter: content of less than 8 bytes
        return None


class Damaged(Exception):
    """A body does not decompress to the original bytes."""


class Compression:
    """Compresses and decompresses bodies; collects samples until it has a dictionary."""

    def __init__(self) -> None:
        # Mapping[int, int]: the parameters are IntEnum members, and mappings are invariant in their keys.
        self._options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: _LEVEL,
            # The number of the encoding identifies the dictionary. This saves four bytes for each object.
            zstd.CompressionParameter.dict_id_flag: 0,
            # Four bytes for each object. Without them, damage would be read as if it were the object.
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
        """Return the samples and stop collecting."""
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
            # The training of the previous dictionary may not have finished. Do not collect more than enough meanwhile.
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
            Damaged: It cannot be decompressed, or the result is not what was compressed.
        """
        dictionary = self._dictionaries[encoding]
        try:
            return zstd.decompress(body, dictionary.as_digested_dict if dictionary else None)
        except (zstd.ZstdError, MemoryError) as error:  # the latter: a damaged header may claim any size
            raise Damaged(str(error)) from None

    def recode(self, encoding: int, body: bytes) -> tuple[int, bytes]:
        """Bring a body to the current encoding, unless that makes it no smaller. Raises as `decompress`."""
        anew = self._compressor.compress(self.decompress(encoding, body), self._compressor.FLUSH_FRAME)
        return (self.current, anew) if len(anew) < len(body) else (encoding, body)

    def _judge(self, ratio: float) -> None:
        if self._expected is None:
            self._expected = ratio
        elif ratio > self._expected * DEGRADED and self.current < DICTIONARY_LIMIT:
            self._is_sampling = True
            self._expected = None


class _Window:
    """The compression ratio over a number of bodies."""

    def __init__(self) -> None:
        self._count = self._before = self._after = 0

    def is_full_with(self, before: int, after: int) -> bool:
        """Add one body, with its size before and after compression. True if the window is full now."""
        self._count += 1
        self._before += before
        self._after += after
        return self._count >= WINDOW

    @property
    def ratio(self) -> float:
        """Size after compression, divided by the size before."""
        return self._after / max(self._before, 1)
