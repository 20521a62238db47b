"""Credential plugins: programs that print a token or a certificate (``aws eks get-token`` and its kind).

Rules. One run serves everybody who asks meanwhile. What a plugin printed stands in no message: it is the credential.
Of how it is run, messages and reprs show the command and the file that names it; its arguments and variables may hold
secrets. Its standard error goes where ours goes, as with kubectl, because that is where it asks people to log in. No
shell is involved; standard input is empty unless it may ask a person at a terminal; its environment is this process's
and what the kubeconfig adds. A plugin has a limited time and a limited output; beyond either, or when its caller is
cancelled, it is killed.

A run that failed fails everybody who waited for it, and whoever asks within ``YOUNG`` of it, with the same words.

Theory. The contract is client.authentication.k8s.io: an ``ExecCredential`` with the request in the environment variable
``KUBERNETES_EXEC_INFO``, one with the credential on standard output. It is used until its ``expirationTimestamp``, or
for as long as the process lives if there is none, or until the server answers 401. Many streams get that 401 at once,
and some still with the credential before: so one that is younger than ``YOUNG`` is not thrown away.

Why not kubernetes_asyncio's ``ExecProvider`` (36.1): it runs on asyncio only, has no time limit, leaves the process
behind when cancelled, hangs when a plugin fills its standard error, puts standard error into the exception and the
log, drops certificates that come beside a token and the expiry of those that come alone, and leaves keys in temporary
files until exit.

Source. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio

from kubeinformer.connection.credentials import ClientCertificate, Credentials, bearer
from kubeinformer.errors import ConfigError

__all__ = ["API_VERSIONS", "INTERACTIVE_MODES", "ExecCredentials", "ExecPlugin"]

# client-go has no limit at all, and a hung plugin hangs the controller with it. A cloud's token call takes a second
# or two, a person in front of a browser some minutes.
TIME_LIMIT, TIME_LIMIT_INTERACTIVE = 60.0, 600.0  # seconds

# A token has a few KB, a certificate with its chain and key some ten.
OUTPUT_LIMIT = 2**20  # bytes

# Those that kubectl takes; v1alpha1 is gone since 1.24.
API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")

# Longer than it takes all streams of a process to hear the same 401; short enough that a token which the server
# really does not want is replaced by the machine's next tries (backoff up to 30 s).
YOUNG = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecPlugin:
    """How to run a plugin, as the kubeconfig says.

    Attributes:
        command: Path or name of the program.
        args: Its arguments. In no repr.
        env: Variables beside the process's own. In no repr.
        api_version: ``client.authentication.k8s.io/v1`` or ``v1beta1``.
        interactive_mode: ``Never``, ``IfAvailable`` or ``Always``: whether it may read standard input.
        cluster: What to tell it about the cluster (``provideClusterInfo``), or None.
        install_hint: What the kubeconfig says about how to get the program.
        source: Where this was read, for messages.
    """

    command: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_version: str = "client.authentication.k8s.io/v1"
    interactive_mode: str = "IfAvailable"
    cluster: Mapping[str, Any] | None = field(default=None, repr=False)
    install_hint: str = ""
    source: str = "kubeconfig"


@dataclass(frozen=True, slots=True)
class _Issued:
    """What one run gave. No repr: it is all secret."""

    authorization: str | None = field(repr=False)
    certificate: ClientCertificate | None = field(repr=False)
    expires: dt.datetime | None
    at: float


class ExecCredentials(Credentials):
    """What a plugin prints, kept until it expires.

    Args:
        plugin: How to run it.
        clock: Monotonic seconds, for the age of a credential.
        now: The time of day, for its expiry.
        time_limit: Seconds for a run; None takes the default for its interactive mode.
    """

    def __init__(
        self,
        plugin: ExecPlugin,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        time_limit: float | None = None,
    ) -> None:
        self._plugin, self._clock, self._now, self._time_limit = plugin, clock, now, time_limit
        self._issued: _Issued | None = None
        self._failed: tuple[str, float] | None = None
        self._running = anyio.Lock()

    async def authorization(self) -> str | None:
        """The token as a header; runs the plugin if there is none or it expired.

        Raises:
            ConfigError: The plugin cannot be run, failed, took too long, or printed no credential.
        """
        return (await self._current()).authorization

    async def client_certificate(self) -> ClientCertificate | None:
        """The certificate, if the plugin gave one; see `authorization`."""
        return (await self._current()).certificate

    async def refresh(self) -> None:
        """Run the plugin again at the next request, unless its credential is seconds old."""
        if self._issued is not None and self._clock() - self._issued.at >= YOUNG:
            self._issued = None

    def __repr__(self) -> str:
        return f"ExecCredentials({self._plugin.command!r})"

    async def _current(self) -> _Issued:
        if (issued := self._valid()) is not None:
            return issued
        async with self._running:  # cancelled while running: the next in line runs it instead
            if (issued := self._valid()) is not None:
                return issued
            if self._failed is not None and self._clock() - self._failed[1] < YOUNG:
                raise ConfigError(self._failed[0])
            try:
                self._issued = issued = await self._run()
            except ConfigError as error:
                self._failed = (str(error), self._clock())
                raise
        return issued

    def _valid(self) -> _Issued | None:
        issued = self._issued
        if issued is None or (issued.expires is not None and issued.expires <= self._now()):
            return None
        return issued

    async def _run(self) -> _Issued:
        plugin = self._plugin
        interactive = plugin.interactive_mode != "Never" and _has_terminal()
        if plugin.interactive_mode == "Always" and not interactive:
            raise ConfigError(f"{self._name} needs a terminal (interactiveMode: Always), and there is none")
        limit = self._time_limit or (TIME_LIMIT_INTERACTIVE if interactive else TIME_LIMIT)
        found = await self._ask(limit, interactive=interactive)
        if isinstance(found, str):
            # Raised out here: the frames below have the environment, the arguments and the output for variables.
            raise ConfigError(found)
        return found

    async def _ask(self, limit: float, *, interactive: bool) -> "_Issued | str":
        """Run it; what it issued, or in words why there is nothing."""
        plugin = self._plugin
        spec: dict[str, Any] = {"interactive": interactive}
        if plugin.cluster is not None:
            spec["cluster"] = plugin.cluster
        request = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
        try:
            # The cluster's extensions may hold what YAML knows and JSON does not, such as dates.
            environment = {**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": json.dumps(request, default=str)}
            with anyio.fail_after(limit):
                code, output = await _run(
                    [plugin.command, *plugin.args], environment, stdin=None if interactive else subprocess.DEVNULL
                )
        except TimeoutError:
            return f"{self._name} gave nothing within {limit:g} s and was ended"
        except OSError as error:
            hint = plugin.install_hint or "install it, or repair PATH"
            return f"{self._name} cannot be run: {error.strerror}; {hint}"
        except (TypeError, ValueError):  # a NUL in an argument, an equals sign in a variable's name
            return f"{self._name} cannot be run: its args, env or cluster hold what no program can be given"
        if output is None:
            return f"{self._name} printed more than {OUTPUT_LIMIT} bytes and was ended"
        if code != 0:
            return (
                f"{self._name} failed with exit code {code}; its own words are on standard error, "
                "and running it by hand shows them again"
            )
        return self._read(output)

    def _read(self, output: bytes) -> "_Issued | str":
        """Parse what was printed; in words why it is nothing, quoting none of it."""
        try:
            answer = json.loads(output)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            answer = {}
        status = answer.get("status")
        if not isinstance(status, dict) or answer.get("kind") != "ExecCredential":
            return f"{self._name} printed no ExecCredential (JSON) with a status"
        if answer.get("apiVersion") != self._plugin.api_version:
            return (
                f"{self._name} answered in another version than {self._plugin.api_version}, which the kubeconfig "
                "names: update the plugin, or the apiVersion of the exec section"
            )
        token, certificate, key = (
            status.get(name) or None for name in ("token", "clientCertificateData", "clientKeyData")
        )
        if token is None and certificate is None:
            return f"{self._name} gave neither token nor clientCertificateData"
        if (certificate is None) != (key is None):
            return f"{self._name} gave one of clientCertificateData and clientKeyData without the other"
        try:
            expires = _timestamp(status.get("expirationTimestamp"))
        except (TypeError, ValueError):
            return f"{self._name} gave an expirationTimestamp that is not RFC 3339"
        try:
            authorization = None if token is None else bearer(str(token), self._name)
        except ConfigError as error:
            return str(error)
        return _Issued(
            authorization=authorization,
            certificate=None
            if certificate is None
            else ClientCertificate(certificate_data=str(certificate), key_data=str(key)),
            expires=expires,
            at=self._clock(),
        )

    @property
    def _name(self) -> str:
        return f"the credential plugin {self._plugin.command!r} (from {self._plugin.source})"


async def _run(
    command: list[str], environment: Mapping[str, str], *, stdin: int | None
) -> tuple[int, bytes] | tuple[int, None]:
    """Exit code and standard output, or None for the latter when it was too much; the program is gone either way."""
    output = bytearray()
    async with await anyio.open_process(
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=None,  # inherited: it speaks to people
        env=environment,
    ) as process:
        assert process.stdout is not None
        async for piece in process.stdout:
            output += piece
            if len(output) > OUTPUT_LIMIT:
                process.kill()
                return await process.wait(), None
        return await process.wait(), bytes(output)


def _timestamp(text: str | None) -> dt.datetime | None:
    """RFC 3339, as Go prints it; a time without a zone is not one."""
    if not text:
        return None
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _has_terminal() -> bool:
    try:
        return sys.stdin.isatty()
    except (AttributeError, ValueError):  # no standard input, or closed: a daemon
        return False
