"""The ``auth-provider`` section of a kubeconfig, the predecessor of credential plugins.

Rules. ``oidc``: the id-token in the file is used until it expires. Then the file is read again, because kubectl writes
renewed tokens into it. The token is not renewed here. With most issuers, using a refresh token replaces it, and the new
one would have to be written into the user's kubeconfig. A failure to do so would log the user out of kubectl as well.

``gcp`` (kubectl removed it in 1.26): is run by kubernetes_asyncio's loader, in a thread with its own event loop. So it
works on trio, and the import (65 MB, 0.5 s) does not block the main loop. All other providers are refused by name.

Why not kubernetes_asyncio's loader (36.1) for ``oidc``: if no ``idp-certificate-authority-data`` is given, it renews
tokens over TLS *without verification*, and sends the client's secret and the refresh token (config/openid.py,
``verify_ssl=self._ssl_ca_cert is not None``). If it is given, the loader fails with a TypeError.
"""

import asyncio
import base64
import binascii
import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import anyio.to_thread

from kubeinformer.connection.credentials import Credentials, Secret, bearer
from kubeinformer.errors import ConfigError

__all__ = ["GcpCredentials", "OidcCredentials"]

# gcloud takes a second or two.
TIME_LIMIT = 60.0  # seconds


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class OidcCredentials(Credentials):
    """The id-token that kubectl keeps in the kubeconfig.

    Args:
        read: Reads the provider's ``config`` section again; may block.
        source: Where the section is, for messages.
        now: Returns the time of day.
    """

    def __init__(
        self, read: Callable[[], Mapping[str, Any]], *, source: str, now: Callable[[], dt.datetime] = _now
    ) -> None:
        self._read, self._source, self._now = read, source, now
        self._header: str | None = None
        self._expires: dt.datetime | None = None

    async def authorization(self) -> str | None:
        """The id-token as a header.

        Raises:
            ConfigError: There is no token, or it has expired and was not renewed in the file.
        """
        if self._header is None or (self._expires is not None and self._expires <= self._now()):
            self._header = None
            token = Secret((await anyio.to_thread.run_sync(self._read)).get("id-token") or "")
            remedy = (
                "renew it with `kubectl get --raw /version`, which writes it into the file, or use a credential "
                "plugin (exec) such as kubelogin, which renews it whenever needed"
            )
            if not token:
                raise ConfigError(f"the oidc provider of {self._source} has no id-token; {remedy}")
            expires = _expiry(token)
            if expires is not None and expires <= self._now():
                raise ConfigError(f"the oidc id-token of {self._source} expired at {expires.isoformat()}; {remedy}")
            self._header, self._expires = bearer(token, self._source), expires
        return self._header

    async def refresh(self) -> None:
        """Read the file again at the next request."""
        self._header = None

    def __repr__(self) -> str:
        return f"OidcCredentials({self._source})"


def _expiry(token: str) -> dt.datetime | None:
    """When a JWT expires (RFC 7519, 4.1.4). None if it does not say, or if it is not a JWT: the server then decides."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return dt.datetime.fromtimestamp(claims["exp"], dt.UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError, binascii.Error):
        return None


class GcpCredentials(Credentials):
    """A token that ``gcloud`` prints, through kubernetes_asyncio.

    Args:
        read: Reads the provider's ``config`` section again; may block.
        source: Where the section is, for messages.
        now: Returns the time of day.
    """

    def __init__(
        self, read: Callable[[], Mapping[str, Any]], *, source: str, now: Callable[[], dt.datetime] = _now
    ) -> None:
        self._read, self._source, self._now = read, source, now
        self._config: dict[str, Any] | None = None
        self._running = anyio.Lock()

    async def authorization(self) -> str | None:
        """The access token as a header. Runs the command if there is no token, or if it has expired.

        Raises:
            ConfigError: The command failed or printed no token.
        """
        async with self._running:
            # A thread cannot be cancelled, so it is left alone until its time limit.
            token, problem = await anyio.to_thread.run_sync(self._load, abandon_on_cancel=True)
        if problem is not None:
            # Raised here, because the frames below have the provider's section among their variables.
            raise ConfigError(
                f"the gcp provider of {self._source} gave no token ({problem}); check cmd-path and cmd-args, or "
                "better, move to gke-gcloud-auth-plugin: `gcloud container clusters get-credentials` does"
            )
        return bearer(token, self._source)

    async def refresh(self) -> None:
        """Forget the token; the command runs at the next request."""
        if self._config is not None:
            self._config.pop("access-token", None)

    def __repr__(self) -> str:
        return f"GcpCredentials({self._source})"

    def _load(self) -> tuple[Secret, str | None]:
        """The token, or the reason why there is none. Runs in a thread.

        The loader stores the token and its expiry in the section that it gets.
        """
        from kubernetes_asyncio.config.kube_config import KubeConfigLoader  # noqa: PLC0415 - heavy, and rarely needed

        if self._config is None:
            self._config = dict(self._read())
        user = {"auth-provider": {"name": "gcp", "config": self._config}}
        loader = KubeConfigLoader(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {}}],
                "users": [{"name": "u", "user": user}],
            }
        )

        async def token() -> str:
            return str(await asyncio.wait_for(loader.load_gcp_token(), TIME_LIMIT))

        try:
            return Secret(asyncio.run(token()).removeprefix("Bearer ")), None
        except Exception as error:  # noqa: BLE001 - the text of any error may quote the section or the output
            return Secret(), type(error).__name__
