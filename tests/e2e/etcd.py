"""The database of the API server. Tests take it away from the server, and erase its history."""

import base64
import http.client
import json
import shutil
import signal
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.e2e.process import Process, ReservedPort

# Seen: 0.2 s up, 0.05 s down; a busy CI machine may take its time.
_START_TIMEOUT = _STOP_TIMEOUT = 30.0  # seconds
_CALL_TIMEOUT = 5.0  # seconds; milliseconds are normal


class Etcd:
    """One etcd member on loopback, in clear text and without fsync: it survives kill -9, not power loss.

    An API server whose etcd is away keeps its watches and answers from its caches; other requests hang, for at
    most a minute. It finds etcd again some seconds after its return, later the longer it was away (seen: 3 s
    after 1 s, 8 s after 10 s, 56 s after 2 min: the back-off of gRPC).
    """

    def __init__(self, binary: Path, directory: Path) -> None:
        self._binary = binary
        self._data = directory / "etcd"
        self._port = ReservedPort()
        self.process = Process("etcd", directory / "etcd.log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port.number}"

    def start(self) -> None:
        """Start it on its data and wait until it serves.

        Raises:
            ServerError: It does not come up; the text ends with its log.
        """
        command = [
            str(self._binary),
            f"--data-dir={self._data}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            "--listen-peer-urls=http://127.0.0.1:0",  # a single member has no peers
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]
        self.process.spawn(command)
        self.process.wait_ready(self._is_ready, timeout=_START_TIMEOUT)

    def stop(self) -> None:
        self.process.terminate(timeout=_STOP_TIMEOUT)

    def kill(self) -> None:
        self.process.kill()

    def pause(self) -> None:
        """Stop its clock (SIGSTOP): connections stay open and nothing answers."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send(signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def compact(self) -> int:
        """Forget all history before now, and wait until it is gone; the revision compacted to.

        A running API server still serves older positions from its watch cache: what it can no longer do is
        read them from etcd (a list page's ``continue``, an exact resourceVersion).
        """
        key = base64.b64encode(b"\0").decode()  # need not exist: the answer's header is what is wanted
        revision = int(self._call("/v3/kv/range", {"key": key})["header"]["revision"])
        self._call("/v3/kv/compaction", {"revision": revision, "physical": True})
        return revision

    def save(self, directory: Path) -> None:
        """Copy its data into a directory that does not exist yet. Only while it is stopped."""
        shutil.copytree(self._data, directory)

    def restore(self, directory: Path) -> None:
        """Put back what `save` copied: all writes since are undone, and versions count on from there. Also stopped."""
        shutil.rmtree(self._data)
        shutil.copytree(directory, self._data)

    def close(self) -> None:
        """Kill it and give its port back."""
        self.kill()
        self._port.close()

    def _is_ready(self) -> bool:
        with closing(self._connect()) as connection:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK

    def _call(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """One call of the gRPC gateway, where 64-bit integers are strings and bytes are base64."""
        with closing(self._connect()) as connection:
            connection.request("POST", path, json.dumps(body))
            response = connection.getresponse()
            text = response.read().decode()
        assert response.status == http.HTTPStatus.OK, f"etcd {path}: HTTP {response.status}: {text}"
        answer = json.loads(text)
        assert isinstance(answer, dict), text
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port.number, timeout=_CALL_TIMEOUT)
