"""Bytes that are nearly right: seeds, changed a little, by whoever gives the choices.

A `Choices` says how; hypothesis and atheris each have theirs. So one set of changes serves both, and hypothesis can
make a failure smaller.
"""

import gzip
import zlib
from pathlib import Path
from typing import Final, Protocol

CORPUS: Final = Path(__file__).parent / "corpus"
SIZED: Final = frozenset({"frames", "page", "scanners", "gzip_members"})
"""Targets whose first two bytes choose sizes."""

TOKENS: Final = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b"\r\n", b" ", b"\0", b"null", b"true", b"-0", b"1e999",
    b"1" * 400, b"0.5", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xc2\x85", b"\xed\xa0\x80", b"\\ud800", b"\\u0000",
    b'"items":', b'"items":[],', b'"items":null', b'"kind":"Table","apiVersion":"meta.k8s.io/v1",', b'"kind":"Status"',
    b'"metadata":{"name":"b","resourceVersion":"2"},', b'"resourceVersion":"",', b'"continue":"next",', b'"code":410',
    b'"k8s.io/initial-events-end":"true"', b'"type":"DELETED",', b'"object":{},', b"[" * 200, b'{"a":' * 200,
    b"<html>", b"&x\n", b"*x\n", b"- ", b"!!python/none", b"\x1f\x8b\x08\x00", b"\x1f\x8b\x08\xff",
)  # fmt: skip
"""What has broken parsers."""


class Choices(Protocol):
    """Gives numbers; of no distribution in particular."""

    def between(self, least: int, most: int) -> int: ...


def seeds(target: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted((CORPUS / target).iterdir())]


def changed(data: bytes, others: list[bytes], choices: Choices) -> bytes:
    """Change one place: cut, repeat, overwrite, put a token there, or go on as another input does."""
    start = choices.between(0, len(data))
    end = choices.between(start, min(len(data), start + 40))
    match choices.between(0, 5):
        case 0:
            return data[:start] + data[end:]
        case 1:
            return data[:end] + data[start:]
        case 2:
            return data[:start] + bytes([choices.between(0, 255)]) + data[start + 1 :]
        case 3:
            return data[:start] + TOKENS[choices.between(0, len(TOKENS) - 1)] + data[end:]
        case 4:
            return data[:start]
        case _:
            other = others[choices.between(0, len(others) - 1)]
            return data[:start] + other[choices.between(0, len(other)) :]


def inside_gzip(data: bytes, others: list[bytes], choices: Choices) -> bytes:
    """Change what is compressed, or how: a change to compressed bytes seldom gets beyond their checksum."""
    sizes, stream = data[:2], data[2:]
    try:
        content = gzip.decompress(stream)
    except (OSError, EOFError, zlib.error):
        return changed(data, others, choices)
    match choices.between(0, 3):
        case 0:
            return changed(data, others, choices)
        case 1:
            return sizes + stream + gzip.compress(content[:100], choices.between(0, 9), mtime=0)
        case 2:
            return sizes + stream + bytes(choices.between(0, 20))
        case _:
            half = choices.between(0, len(content))
            parts = content[:half], changed(content[half:], others, choices)[:4_000]
            return sizes + b"".join(gzip.compress(part, mtime=0) for part in parts)
