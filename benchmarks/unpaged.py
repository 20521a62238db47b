"""An API server at its worst: no watch-list (422), ``limit`` ignored, everything in one list. For `benchmarks.scale`.

``python -m benchmarks.unpaged --objects N --size BYTES`` serves ``/api/v1/secrets``, whose objects are made while they
are sent. Their payload is the same again and again, so it would compress to almost nothing in a client that keeps
bodies. So use it only for ``retain="metadata"`` and ``"keys"``.
"""

import argparse
import base64
import json
from collections.abc import Iterator
from random import Random
from urllib.parse import parse_qs, urlsplit

from benchmarks.loopback import PIECE, Answer, forever, serve

_VERSION = 5_000_000
_REFUSAL = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "message": 'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden',
    "reason": "Invalid",
    "code": 422,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=400)
    parser.add_argument("--size", type=int, default=1_000_000, help="bytes of JSON of one object, about")
    arguments = parser.parse_args()

    def respond(target: str) -> Answer:
        query = parse_qs(urlsplit(target).query)
        if "sendInitialEvents" in query:
            return Answer([json.dumps(_REFUSAL).encode()], "422 Unprocessable Entity")
        if "watch" in query:
            return Answer(forever())
        return Answer(_pieces(_secrets(arguments.objects, arguments.size)))

    serve(respond)


def _secrets(count: int, size: int) -> Iterator[bytes]:
    """Yield one list of all secrets."""
    noise = base64.b64encode(Random(0).randbytes(PIECE * 3 // 4))  # noqa: S311 - stands for data, protects nothing
    payload = max(0, size - len(_secret(0, b"")))
    blocks, rest = divmod(payload, len(noise))
    yield b'{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"%d"},"items":[' % _VERSION
    for index in range(count):
        head, tail = _secret(index, b"\0").split(b"\0")
        yield head if index == 0 else b"," + head
        for _ in range(blocks):
            yield noise
        yield noise[:rest] + tail
    yield b"]}\n"


def _secret(index: int, data: bytes) -> bytes:
    return (
        b'{"metadata":{"name":"secret-%07d","namespace":"tenant-%03d","uid":"5f0c4b8e-6b1d-4d0a-9a2e-%012d",'
        b'"resourceVersion":"%d","creationTimestamp":"2026-01-01T00:00:00Z","labels":{"app":"app-%d"}},'
        b'"data":{"value":"%b"},"type":"Opaque"}'
    ) % (index, index % 20, index, 1000 + index, index % 97, data)


def _pieces(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Join what is small: one system call an object would be the bottleneck."""
    pending: list[bytes] = []
    size = 0
    for part in parts:
        pending.append(part)
        size += len(part)
        if size >= PIECE:
            yield b"".join(pending)
            pending, size = [], 0
    yield b"".join(pending)


if __name__ == "__main__":
    main()
