"""The credentials for the API server, which are requested again for every request.

Rules. A secret is stored in a private attribute of one object here. It leaves this object in two ways only: as the
value of the ``Authorization`` header, or as a private key on its way into a TLS context. It is in no repr, message or
log record, and no exception raised here is chained to one that holds it. The frames that such an exception passes do
not have it among their variables either, or only as a `Secret`, because error reporters print variables. What cannot be
part of a header (a newline from a token file that was cut badly) is refused here, because HTTP libraries put the value
of the header into their error messages.

Theory. A stream is authorized once, when it opens, and lives for minutes. So asking for credentials at each request is
cheap and sufficient: the next request replaces a token that has expired. A 401 means that the server disagrees with the
expiry (the token was revoked, or the clocks differ). `Credentials.refresh` then forgets what is cached, and the next
request gets new credentials.

Not here. Credential plugins (``exec_plugin``) and the old auth providers (``auth_provider``).
"""

import base64
import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, SupportsIndex

import anyio

from kubeinformer.errors import ConfigError

__all__ = [
    "Anonymous",
    "BasicCredentials",
    "ClientCertificate",
    "Credentials",
    "Secret",
    "StaticToken",
    "TokenFile",
    "bearer",
    "sendable",
]

# The kubelet renews a projected token at 80% of its lifetime, which is an hour by default. The old token stays valid
# for the rest of it. client-go also reads the file once a minute (transport/token_source.go, `period: time.Minute`).
TOKEN_FILE_PERIOD = 60.0  # seconds

# A token has a few KB; a much larger file is not a token. API servers accept at most 1 MB of headers (Go's default).
TOKEN_FILE_LIMIT = 2**20  # bytes

# A header may contain visible ASCII (RFC 9110, 5.5); a token contains no spaces (RFC 6750, 2.1).
_TOKEN = re.compile(r"[\x21-\x7e]+")
_HEADER = re.compile(r"[\x20-\x7e]+")


class Secret(str):
    """A str whose repr does not show the text, for variables and attributes that hold a secret.

    In all other respects it is a normal str. Its parts hide their text as well, because rich cuts a long text before it
    calls repr.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"

    def __getitem__(self, key: SupportsIndex | slice) -> "Secret":
        return Secret(super().__getitem__(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """A certificate and its key, each as a file path or as PEM text. Text takes precedence, as in a kubeconfig.

    Attributes:
        certificate_file: Path of a PEM file with the certificate and its chain; it may also contain the key.
        key_file: Path of the private key.
        certificate_data: The certificate and its chain as PEM text.
        key_data: The private key as PEM text. No repr shows it.
    """

    certificate_file: str | None = None
    key_file: str | None = None
    certificate_data: str | None = field(default=None, repr=False)
    key_data: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.key_data is not None:  # for dataclasses.asdict, which knows nothing of repr=False
            object.__setattr__(self, "key_data", Secret(self.key_data))


class Credentials(Protocol):
    """The source of one user's credentials. To write your own, subclass it, with `authorization` and `refresh`.

    Many streams call it at the same time. If an implementation has to fetch a credential, it must do so once for all
    of them.
    """

    async def authorization(self) -> str | None:
        """Return the value of the ``Authorization`` header for a request that is made now, or None for no header.

        Raises:
            ConfigError: No credential is available; the message says what to repair.
        """

    async def client_certificate(self) -> ClientCertificate | None:
        """Return the certificate to use from now on, or None to use the one in the configuration."""
        return None

    async def refresh(self) -> None:
        """Forget what is cached, because the server answered 401. Does not raise; the next `authorization` may."""


def bearer(token: str, source: str) -> str:
    """Make the value of the ``Authorization`` header from a token.

    Args:
        token: The token. Whitespace around it is dropped, because files end in a newline.
        source: Where it is from, for the message.

    Raises:
        ConfigError: It is empty, or cannot be part of a header. The token is not in the message.
    """
    token = Secret(token.strip())
    if not _TOKEN.fullmatch(token):
        what = "holds characters that no token has" if token else "is empty"
        raise ConfigError(f"the token from {source} {what}: it must be one word of visible ASCII characters")
    return Secret(f"Bearer {token}")


def sendable(authorization: str | None) -> str | None:
    """Check a header value from `Credentials` that a user wrote, and return it; None for no header.

    Raises:
        ConfigError: It cannot be part of a header, or would end it. It is not in the message.
    """
    if not authorization:
        return None
    authorization = Secret(authorization)
    if not _HEADER.fullmatch(authorization):
        raise ConfigError(
            "the credentials gave an Authorization header that cannot be sent: it must be visible ASCII characters"
        )
    return authorization


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
        token = Secret(token)  # because an error may pass this frame
        self._source = source
        self._header = bearer(token, source)

    async def authorization(self) -> str | None:
        """The token."""
        return self._header

    async def refresh(self) -> None:
        """Nothing to forget: there is only this token."""

    def __repr__(self) -> str:
        return f"StaticToken(from {self._source})"


class BasicCredentials(Credentials):
    """User name and password (RFC 7617): API servers dropped it in 1.19, proxies before them have not.

    Raises:
        ConfigError: The user name holds a colon, which the scheme cannot say, or one of the two is no text.
    """

    def __init__(self, username: str, password: str) -> None:
        username, password = Secret(username), Secret(password)
        if ":" in username:
            raise ConfigError("a user name for basic authentication cannot hold a colon (RFC 7617, section 2)")
        with contextlib.suppress(UnicodeEncodeError):  # it holds the password, so it must not become a context
            self._header = Secret("Basic " + base64.b64encode(f"{username}:{password}".encode()).decode())
            return
        raise ConfigError("user name and password must be text that UTF-8 can say")

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
                # If several requests come at the same time, each of them reads the file: this is cheaper than a lock.
                # What is not ASCII becomes a character that no token has.
                text = Secret((await _head_of(self._path)).decode("ascii", "replace"))
                self._header = bearer(text, str(self._path))
            except (OSError, ConfigError) as error:
                # While the file is being replaced, or its volume is missing, the old token is probably still valid. If
                # not, a 401 makes us forget it, and the next failure is reported. client-go does the same.
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


async def _head_of(path: Path) -> bytes:
    """The content of a file.

    Raises:
        ConfigError: It is too large for a token.
        OSError: It cannot be read.
    """
    async with await anyio.open_file(path, "rb") as file:
        content = await file.read(TOKEN_FILE_LIMIT + 1)
    if len(content) > TOKEN_FILE_LIMIT:
        del content
        raise ConfigError(f"the token file {path} is larger than {TOKEN_FILE_LIMIT} bytes: it holds something else")
    return content
