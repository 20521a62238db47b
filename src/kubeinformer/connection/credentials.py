"""Who we are to the API server, asked anew for every request.

Rules. A secret lives in a private attribute of one object here and leaves it in two ways only: as the value of the
``Authorization`` header, or as a private key on its way into a TLS context. It is in no repr, message or log record,
and no exception raised here is chained to one that holds it. What cannot stand in a header (a newline from a badly
cut token file) is refused here, because HTTP libraries put the header's value into their complaint.

Theory. A stream is authorized once, when it opens, and lives for minutes, so asking per request is cheap and enough:
tokens that expire are replaced by the next request. A 401 means that the server thinks otherwise than the expiry
says (revoked, clock skew): `Credentials.refresh` forgets what is cached, and the next request gets a fresh one.

Not here. Credential plugins (``exec_plugin``) and the old auth providers (``auth_provider``).
"""

import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import anyio

from kubeinformer.errors import ConfigError

__all__ = [
    "Anonymous",
    "BasicCredentials",
    "ClientCertificate",
    "Credentials",
    "StaticToken",
    "TokenFile",
    "bearer",
]

# The kubelet renews a projected token at 80% of its life, an hour by default, and the old one stays valid for the
# rest. client-go reads the file again once a minute as well (transport/token_source.go, `period: time.Minute`).
TOKEN_FILE_PERIOD = 60.0  # seconds

# What a header may carry is visible ASCII (RFC 9110, 5.5); a token has no spaces inside (RFC 6750, 2.1).
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """A certificate and its key, each as a file path or as PEM text. Text wins, as in a kubeconfig.

    Attributes:
        certificate_file: Path of a PEM file with the certificate and its chain; it may hold the key as well.
        key_file: Path of the private key.
        certificate_data: The same as text.
        key_data: The same as text. In no repr.
    """

    certificate_file: str | None = None
    key_file: str | None = None
    certificate_data: str | None = field(default=None, repr=False)
    key_data: str | None = field(default=None, repr=False)


class Credentials(Protocol):
    """What gives the credentials of one user. Subclass it to bring your own: write `authorization` and `refresh`.

    Called from many streams at once: an implementation that asks somebody must do so once for all of them.
    """

    async def authorization(self) -> str | None:
        """The value of the ``Authorization`` header for a request made now, or None for no such header.

        Raises:
            ConfigError: There is none to be had; the message says what to repair.
        """

    async def client_certificate(self) -> ClientCertificate | None:
        """A certificate to present from now on, or None to use the one in the configuration."""
        return None

    async def refresh(self) -> None:
        """Forget what is cached: the server answered 401. Never raises; the next `authorization` may."""


def bearer(token: str, source: str) -> str:
    """Make a header value of a token.

    Args:
        token: The token; whitespace around it is dropped, as files end in a newline.
        source: Where it is from, for the message.

    Raises:
        ConfigError: It is empty or could not stand in a header. The token is not in the message.
    """
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        what = "holds characters that no token has" if token else "is empty"
        raise ConfigError(f"the token from {source} {what}: it must be one word of visible ASCII characters")
    return f"Bearer {token}"


class Anonymous(Credentials):
    """No header: the server is public or local, or a client certificate says who we are."""

    async def authorization(self) -> str | None:
        """None, always."""
        return None

    async def refresh(self) -> None:
        """Nothing to forget."""

    def __repr__(self) -> str:
        return "Anonymous()"


class StaticToken(Credentials):
    """One bearer token that never changes.

    Raises:
        ConfigError: The token is empty or holds what no token has.
    """

    def __init__(self, token: str, *, source: str = "token=") -> None:
        self._header = bearer(token, source)
        self._source = source

    async def authorization(self) -> str | None:
        """The token given."""
        return self._header

    async def refresh(self) -> None:
        """Nothing to forget: there is but this token."""

    def __repr__(self) -> str:
        return f"StaticToken(from {self._source})"


class BasicCredentials(Credentials):
    """User name and password (RFC 7617): API servers dropped it in 1.19, proxies before them have not.

    Raises:
        ConfigError: The user name holds a colon, which the scheme cannot say.
    """

    def __init__(self, username: str, password: str) -> None:
        if ":" in username:
            raise ConfigError("a user name for basic authentication cannot hold a colon (RFC 7617, section 2)")
        self._header = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()

    async def authorization(self) -> str | None:
        """User name and password."""
        return self._header

    async def refresh(self) -> None:
        """Nothing to forget."""

    def __repr__(self) -> str:
        return "BasicCredentials()"


class TokenFile(Credentials):
    """A bearer token in a file that somebody else renews, such as the kubelet.

    Args:
        path: The file. It is first read by the first request.
        period: Seconds for which a token is used without looking at the file again.
        clock: Monotonic seconds, for tests.
    """

    def __init__(
        self, path: str | Path, *, period: float = TOKEN_FILE_PERIOD, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._period, self._clock = Path(path), period, clock
        self._header: str | None = None
        self._read_at = 0.0

    async def authorization(self) -> str | None:
        """The token in the file, at most `period` old.

        Raises:
            ConfigError: The file cannot be read or holds no token, and no earlier token is at hand.
        """
        if self._header is None or self._clock() - self._read_at >= self._period:
            try:
                # Readers that come at the same time read the file once each: cheaper than a lock. What is not ASCII
                # becomes what no token has.
                text = await anyio.Path(self._path).read_text(encoding="ascii", errors="replace")
                self._header = bearer(text, str(self._path))
            except (OSError, ConfigError) as error:
                # While the file is swapped, or its volume is away, the old token likely still holds; if not, the
                # 401 forgets it and the next failure is told. client-go does the same.
                if self._header is None:
                    if isinstance(error, ConfigError):
                        raise
                    raise ConfigError(
                        f"cannot read the token file {self._path}: {error.strerror}; check that the service account's "
                        "token is mounted (automountServiceAccountToken) or that tokenFile names a readable file"
                    ) from None
            self._read_at = self._clock()
        return self._header

    async def refresh(self) -> None:
        """Read the file again at the next request."""
        self._header = None

    def __repr__(self) -> str:
        return f"TokenFile({str(self._path)!r})"
