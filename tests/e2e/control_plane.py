"""A real control plane for tests: etcd and kube-apiserver, and every way to make them misbehave.

The binaries come from the directory in KUBEBUILDER_ASSETS, which is the convention of controller-runtime's envtest
(`tests/e2e/envtest/build` makes them). There is no controller manager, scheduler, node or service account. So objects
stay as the test wrote them. Pods are pending for ever, and are gone immediately when they are deleted. A deleted
namespace stays Terminating, because the controller that would empty it does not run.

Rules. Addresses, keys and data outlive the processes. A server that was stopped, killed, or restarted with other flags
is the same server to its clients. Every method blocks, and may be called from any thread, so it can be used from
asyncio and trio (``anyio.to_thread.run_sync``). When ``start`` returns, the server is ready. When ``stop`` or ``kill``
returns, it is gone.

Not here. `etcd`, processes (`process`), certificates and tokens (`credentials`), questions to the API (`api_client`).
"""

import http
import os
import signal
import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tests.e2e import credentials
from tests.e2e.api_client import ApiClient
from tests.e2e.credentials import ADMIN, NOBODY, OPERATOR, READER, Authority, ClientCertificate, Credential
from tests.e2e.etcd import Etcd
from tests.e2e.process import Process, ReservedPort

ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"

# Seen on 2 shared cores: 3 to 5 s. A busy CI machine gets ten times that.
_START_TIMEOUT = 60.0  # seconds
# It waits for open requests for at most --request-timeout, 60 s.
_STOP_TIMEOUT = 90.0  # seconds
_PROBE_TIMEOUT = 5.0  # seconds; /readyz takes milliseconds, with etcd away 4 s


class ApiServer:
    """One kube-apiserver on loopback, with TLS, RBAC and three static users."""

    def __init__(self, binary: Path, directory: Path, etcd: Etcd, authority: Authority) -> None:
        self._binary = binary
        self._etcd = etcd
        self._port = ReservedPort()
        self.process = Process("kube-apiserver", directory / "kube-apiserver.log")
        self.client = ApiClient(self.url, ssl.create_default_context(cadata=authority.certificate.decode()))
        self._files = directory / "kube-apiserver"
        self._files.mkdir()
        self.ca_file = self._files / "ca.crt"
        self.ca_file.write_bytes(authority.certificate)
        certificate, key = authority.issue_server()
        (self._files / "tls.crt").write_bytes(certificate)
        (self._files / "tls.key").write_bytes(key)
        (self._files / "service-account.key").write_bytes(credentials.service_account_key())
        credentials.write_token_file(self._files / "tokens.csv", [ADMIN, READER, NOBODY, OPERATOR])

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port.number}"

    def start(self, *extra_args: str) -> None:
        """Start it and wait until it is ready.

        Args:
            extra_args: Further flags for this run, such as ``--feature-gates=WatchList=false``, or
                ``--shutdown-watch-termination-grace-period=0s`` for the `stop` of a stock server; the last one
                of a name wins.

        Raises:
            ServerError: It does not come up (a flag it does not know, no etcd); the text ends with its log.
        """
        command = [
            str(self._binary),
            f"--etcd-servers={self._etcd.url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port.number}",
            # Otherwise it looks for the machine's address in the network, and a sandbox may have none; loopback
            # must not become an endpoint of the service "kubernetes", so nobody reconciles that.
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--cert-dir={self._files}",
            f"--tls-cert-file={self._files / 'tls.crt'}",
            f"--tls-private-key-file={self._files / 'tls.key'}",
            f"--client-ca-file={self.ca_file}",
            f"--token-auth-file={self._files / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._files / 'service-account.key'}",
            f"--service-account-signing-key-file={self._files / 'service-account.key'}",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",  # without its controller no pod could be created
            # Not the default, which makes `stop` take a minute when a watch is open: the watch stays, silent,
            # until --request-timeout is over (seen). With it, seen: watches ended after 20 ms, gone after 1.2 s.
            "--shutdown-watch-termination-grace-period=10s",
            *extra_args,
        ]
        self.process.spawn(command)
        self.process.wait_ready(self.is_ready, timeout=_START_TIMEOUT)

    def stop(self) -> None:
        """SIGTERM, then wait for its end: about a second. Open watches get an orderly end."""
        self.process.terminate(timeout=_STOP_TIMEOUT)

    def kill(self) -> None:
        """SIGKILL: open watches are cut off in the middle, without a last chunk."""
        self.process.kill()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, and even new ones are accepted (by the kernel); nothing answers."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send(signal.SIGCONT)

    def restart(self, *extra_args: str) -> None:
        """Stop, then start on the same port with these flags only: those of the last start are forgotten."""
        self.stop()
        self.start(*extra_args)

    @property
    def version(self) -> str:
        """What it calls itself, such as ``v1.37.2``."""
        return str(self.client.get("/version")["gitVersion"])

    def metrics(self) -> str:
        """Its metrics in Prometheus' text format."""
        return self.client.text("/metrics")

    def memory_high_water(self) -> int:
        """The most physical memory it had, in bytes, since its start or `reset_memory_high_water`."""
        return self.process.memory_high_water()

    def reset_memory_high_water(self) -> None:
        self.process.reset_memory_high_water()

    def close(self) -> None:
        """Kill it and give its port back."""
        self.kill()
        self._port.close()

    def is_ready(self) -> bool:
        return self.client.request("GET", "/readyz", timeout=_PROBE_TIMEOUT).status == http.HTTPStatus.OK


class ControlPlane:
    """An etcd and an API server, as one context: entered they are ready, left they are gone.

    Args:
        assets: The directory of the binaries ``etcd`` and ``kube-apiserver``.
        directory: An empty directory for data, keys and logs. It stays: removing it is its owner's business.
        extra_args: Further flags of the API server's first start.
    """

    def __init__(self, assets: Path, directory: Path, *extra_args: str) -> None:
        self._extra_args = extra_args
        self._authority = Authority()
        self.etcd = Etcd(assets / "etcd", directory)
        self.api = ApiServer(assets / "kube-apiserver", directory, self.etcd, self._authority)
        self.client = self.api.client

    @property
    def url(self) -> str:
        return self.api.url

    @property
    def ca_file(self) -> Path:
        return self.api.ca_file

    def __enter__(self) -> Self:
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            self.etcd.start()
            self.api.start(*self._extra_args)
            on_failure.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill both, API server first. Nothing of them is wanted afterwards, so nobody waits for manners."""
        self.api.close()
        self.etcd.close()

    def compact(self) -> int:
        """See `Etcd.compact`."""
        return self.etcd.compact()

    def issue_client(self, user: str, *groups: str) -> ClientCertificate:
        """A client certificate for a user of any name; only those in system:masters have rights from the start."""
        return self._authority.issue_client(user, groups)

    def write_kubeconfig(
        self,
        path: Path,
        contexts: Mapping[str, Credential] | None = None,
        *,
        current: str | None = None,
        namespace: str | None = None,
    ) -> Path:
        """Write a kubeconfig with a context for each credential (default: ``admin``, by token); its path."""
        credentials.write_kubeconfig(
            path,
            server=self.url,
            authority=self._authority.certificate,
            contexts=contexts or {"admin": ADMIN},
            current=current,
            namespace=namespace,
        )
        return path


class StartControlPlane(Protocol):
    """What the fixture ``private_control_plane`` gives: each call starts one, with flags of its API server."""

    def __call__(self, *extra_args: str) -> ControlPlane: ...


def find_assets() -> Path | None:
    """The directory in KUBEBUILDER_ASSETS, or None if the variable is not set.

    Raises:
        FileNotFoundError: It is set, and the binaries are not there.
    """
    value = os.environ.get(ASSETS_VARIABLE)
    if not value:
        return None
    assets = Path(value).resolve()
    for name in ("etcd", "kube-apiserver"):
        if not os.access(assets / name, os.X_OK):
            raise FileNotFoundError(f"{ASSETS_VARIABLE}={value}: no program {name} there")
    return assets
