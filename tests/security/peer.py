"""A server that answers with the bytes it was given, and certificates good and bad."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubeinformer import Informer

LOOPBACK = "127.0.0.1"


@dataclass
class Peer:
    """What it got.

    Attributes:
        connections: How many were made, handshakes that failed included.
        heads: The head of each request.
    """

    url: str = ""
    port: int = 0
    connections: int = 0
    heads: list[str] = field(default_factory=list)


@asynccontextmanager
async def answering(answer: bytes, context: ssl.SSLContext | None = None) -> AsyncGenerator[Peer]:
    """Give each request the same bytes, then hang up; no bytes: hang up at once."""
    peer = Peer()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            peer.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    loop = asyncio.get_running_loop()
    listener = socket.create_server((LOOPBACK, 0))
    peer.port = listener.getsockname()[1]
    peer.url = f"{'https' if context else 'http'}://{LOOPBACK}:{peer.port}"
    listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
    tasks: set[asyncio.Task[None]] = set()

    async def accept() -> None:
        while True:
            sock, _ = await loop.sock_accept(listener)
            peer.connections += 1
            task = asyncio.create_task(serve(sock))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def serve(sock: socket.socket) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, ssl=context)
        except OSError:  # the handshake failed
            return
        await talk(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    accepting = asyncio.create_task(accept())
    try:
        yield peer
    finally:
        accepting.cancel()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(accepting, *tasks, return_exceptions=True)
        listener.close()


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files and as text."""

    certificate_file: Path
    key_file: Path

    @property
    def certificate(self) -> str:
        return self.certificate_file.read_text()

    @property
    def key(self) -> str:
        return self.key_file.read_text()

    def server_context(self, *, client_ca: Path | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate_file, self.key_file)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        return context


async def fails_to_sync(informer: Informer[Any], *, times: int = 1) -> None:
    """Wait for a failure, or for several, and raise what `Informer.synced` makes of it."""
    with anyio.fail_after(30):  # never reached by a test that passes
        while sum(informer.statistics().failures.values()) < times:
            await anyio.lowlevel.checkpoint()
    await informer.synced(timeout=0)


class Authority:
    """Signs certificates for servers and clients."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster-ca")])
        self.file = self.issue("cluster-ca", is_authority=True).certificate_file
        self.pem = self.file.read_text()

    def issue(
        self,
        name: str,
        *,
        begins: dt.timedelta = dt.timedelta(days=-3),
        ends: dt.timedelta = dt.timedelta(days=1),
        is_authority: bool = False,
        by_itself: bool = False,
    ) -> Pair:
        """A certificate for a DNS name or an address."""
        now = dt.datetime.now(dt.UTC)
        key = self._key if is_authority else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternative: x509.GeneralName
        try:
            alternative = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if by_itself else self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .sign(key if by_itself else self._key, hashes.SHA256())
        )
        self._count += 1
        files = [self._folder / f"{self._count}.{kind}" for kind in ("crt", "key")]
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return Pair(*files)
