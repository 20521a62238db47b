"""How fast the server can send: reads a watch-list to its end, with as little work as possible.

The other benchmarks are compared with this one. Bytes are read from the socket, decompressed, and searched for the end
bookmark. No client that keeps what it reads can be faster on the same stream.
"""

import os
import ssl
import time
import zlib
from collections.abc import Callable

import aiohttp

__all__ = ["drain"]

_END = b'"k8s.io/initial-events-end":"true"'
_QUERY = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion="


async def drain(*, compressed: bool, see: Callable[[bytes], None] | None = None) -> float:
    """Read all pods of the server in ``BENCH_SERVER``; the seconds from the request to the end bookmark.

    Args:
        compressed: Whether to let the server compress.
        see: Is shown each piece of decompressed bytes.
    """
    headers = {
        "authorization": "Bearer " + os.environ["BENCH_TOKEN"],
        "accept-encoding": "gzip" if compressed else "identity",
    }
    url = f"{os.environ['BENCH_SERVER']}/api/v1/pods?{_QUERY}"
    tls = ssl.create_default_context(cafile=os.environ["BENCH_CA_FILE"])
    async with aiohttp.ClientSession(auto_decompress=False, read_bufsize=2**18) as session:
        started = time.perf_counter()
        async with session.get(url, headers=headers, ssl=tls) as response:
            response.raise_for_status()
            is_gzip = response.headers.get("content-encoding") == "gzip"
            tail, decoder = b"", zlib.decompressobj(31)
            while _END not in tail:
                data = await response.content.readany()
                if not data:
                    raise RuntimeError("the stream ended before its end bookmark")
                pieces = []
                while data and is_gzip:
                    pieces.append(decoder.decompress(data))
                    data = decoder.unused_data
                    if decoder.eof:
                        decoder = zlib.decompressobj(31)
                decoded = b"".join(pieces) + data
                if see is not None:
                    see(decoded)
                tail = tail[-len(_END) - 200 :] + decoded
        return time.perf_counter() - started
