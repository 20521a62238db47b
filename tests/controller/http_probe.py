"""A client that sends requests like a kubelet, and one that misbehaves."""

import anyio

__all__ = ["Asked", "ask", "get"]


class Asked:
    """An answer, taken apart."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split(" ")[1]) if first else 0
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.text = body.decode()


async def ask(port: int, request: bytes) -> Asked:
    """Send bytes, and read until the server hangs up."""
    raw = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(request)
        try:
            while True:
                raw += await stream.receive()
        except anyio.EndOfStream:
            return Asked(raw)


async def get(port: int, path: str, *headers: str, method: str = "GET") -> Asked:
    """What a well-behaved client gets."""
    lines = [f"{method} {path} HTTP/1.1", "Host: pod", *headers]
    return await ask(port, "\r\n".join(lines).encode() + b"\r\n\r\n")
