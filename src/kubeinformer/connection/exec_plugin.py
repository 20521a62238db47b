"""Credential plugins: programs that print a token or a certificate, such as ``aws eks get-token``.

Rules. All requests that come during a run share its result. The output of a plugin is a credential, so no message
contains it. Messages and reprs show the command and the file that names it, but neither its arguments nor its
variables, which may be secrets. The plugin's standard error is that of this process, as with kubectl, because plugins
use it to ask people to log in. No shell is involved. Standard input is empty, unless the plugin may ask a person at a
terminal. Its environment is that of this process and what the kubeconfig adds. The time and the output of a plugin are
limited. It is killed if it exceeds a limit, or if its caller is cancelled.

If a run fails, all that waited for it fail with the same message, and so does whoever asks within ``YOUNG`` after it.

Theory. The contract is client.authentication.k8s.io. The request is an ``ExecCredential`` in the environment variable
``KUBERNETES_EXEC_INFO``; the answer is an ``ExecCredential`` with the credential on standard output. The credential is
used until its ``expirationTimestamp``, or as long as the process lives if there is none, or until the server answers
401. Many streams get that 401 at once, and some of them for the previous credential. So a credential that is younger
than ``YOUNG`` is not discarded.

Why not kubernetes_asyncio's ``ExecProvider`` (36.1): it runs on asyncio only, has no time limit, and leaves the process
behind if it is cancelled. It hangs if a plugin fills its standard error, which it puts into the exception and the log.
It drops certificates that come together with a token, and the expiry of those that come alone. It leaves keys in
temporary files until exit.

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

# client-go has no limit at all, so a plugin that hangs blocks the controller. A token request to a cloud takes a second
# or two, a login in a browser some minutes.
TIME_LIMIT, TIME_LIMIT_INTERACTIVE = 60.0, 600.0  # seconds

# A token has a few KB, a certificate with its chain and key about ten.
OUTPUT_LIMIT = 2**20  # bytes

# Those that kubectl accepts; v1alpha1 was removed in 1.24.
API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")

# Longer than it takes until all streams of a process have got the same 401. Short enough that a token which the server
# really refuses is replaced at the next attempts of the list-watch machine (backoff up to 30 s).
YOUNG = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecPlugin:
    """How to run a plugin, as the kubeconfig says.

    Attributes:
        command: Path or name of the program.
        args: Its arguments. No repr shows them.
        env: Additional environment variables. No repr shows them.
        api_version: ``client.authentication.k8s.io/v1`` or ``v1beta1``.
        interactive_mode: ``Never``, ``IfAvailable`` or ``Always``: whether it may read standard input.
        cluster: What the plugin is told about the cluster (``provideClusterInfo``), or None.
        install_hint: The kubeconfig's text on how to get the program.
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
    """The result of one run. It has no repr, because all of it is secret."""

    authorization: str | None = field(repr=False)
    certificate: ClientCertificate | None = field(repr=False)
    expires: dt.datetime | None
    at: float


class ExecCredentials(Credentials):
    """The credential that a plugin prints, kept until it expires.

    Args:
        plugin: How to run the plugin.
        clock: Returns monotonic seconds, for the age of a credential.
        now: Returns the time of day, for its expiry.
        time_limit: Seconds for a run; None for the default of the plugin's interactive mode.
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
        """The token as a header. Runs the plugin if there is no credential, or if it has expired.

        Raises:
            ConfigError: The plugin cannot be run, failed, took too long, or printed no credential.
        """
        return (await self._current()).authorization

    async def client_certificate(self) -> ClientCertificate | None:
        """The certificate, if the plugin printed one; see `authorization`."""
        return (await self._current()).certificate

    async def refresh(self) -> None:
        """Run the plugin again at the next request, unless its credential is only seconds old."""
        if self._issued is not None and self._clock() - self._issued.at >= YOUNG:
            self._issued = None

    def __repr__(self) -> str:
        return f"ExecCredentials({self._plugin.command!r})"

    async def _current(self) -> _Issued:
        if (issued := self._valid()) is not None:
            return issued
        async with self._running:  # if this task is cancelled, the next one in line runs the plugin
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
            # Raised here, because the frames below have the environment, the arguments and the output as variables.
            raise ConfigError(found)
        return found

    async def _ask(self, limit: float, *, interactive: bool) -> "_Issued | str":
        """Run the plugin. Returns what it issued, or a text that says why there is nothing."""
        plugin = self._plugin
        spec: dict[str, Any] = {"interactive": interactive}
        if plugin.cluster is not None:
            spec["cluster"] = plugin.cluster
        request = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
        try:
            # The extensions of the cluster may hold types of YAML that JSON does not have, such as dates.
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
        """Parse the output. If it cannot be used, returns a text that says why, without quoting it."""
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
    """Exit code and standard output; None for the output if it was too large. The program has ended in any case."""
    output = bytearray()
    async with await anyio.open_process(
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=None,  # inherited, because it is for people
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
    """Parse a time in RFC 3339, as Go prints it. A time without a zone is not valid."""
    if not text:
        return None
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _has_terminal() -> bool:
    try:
        return sys.stdin.isatty()
    except (AttributeError, ValueError):  # no standard input, or a closed one, as in a daemon
        return False
