"""Writes to the real server at a fixed rate through several connections, and remembers what was acknowledged.

Rules. Each object belongs to one connection, so what happens to it happens in an order that is known. One connection is
one thread with blocking requests. What a request did that broke or timed out is unknown: it may take effect later, so
until the next quiet point its object is in doubt and `Ledger` says nothing of it. An outage is not made up for.
"""

import http.client
import json
import random
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.e2e.api_client import JSON, MERGE_PATCH
from tests.e2e.chaos.collections import COLOURS, CONFIG_MAPS, RESOURCES, SECRETS, TIERS, Json, State
from tests.e2e.credentials import ADMIN

from kubeinformer import Resource

CONNECTIONS = 24
_OBJECTS = 6  # of each resource, each connection's own
_TIMEOUT = 5.0  # seconds
_RETRY = 0.2  # seconds

# Of 100 changes to objects that exist 60 are updates and 15 move it in or out of a selector; 13 replace it by another
# of the same name, 12 delete it.
_UPDATES, _RELABELS, _REPLACES = 0.60, 0.75, 0.88

_BROKEN = (OSError, http.client.HTTPException, ValueError)  # ValueError: half an answer is no JSON


@dataclass
class Written:
    """What is known of one object. ``version`` None: it does not exist."""

    resource: str
    namespace: str
    name: str
    uid: str | None = None
    version: str | None = None
    is_in_doubt: bool = False

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass
class Counts:
    """One connection's, so that nothing is shared while it writes."""

    asked: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


class Connection(threading.Thread):
    """Creates, changes, relabels, deletes and replaces its objects, at its share of the rate.

    Args:
        number: Which of all.
        seed: Of what it intends to do.
        gate: Set while it may write.
        rate: Changes a second.
    """

    def __init__(
        self,
        number: int,
        *,
        url: str,
        tls: ssl.SSLContext,
        namespaces: list[str],
        seed: int,
        gate: threading.Event,
        rate: float,
    ) -> None:
        super().__init__(name=f"writer-{number}", daemon=True)
        self._address, self._tls = urlsplit(url).netloc, tls
        self._chance = random.Random(f"{seed}-writer-{number}")  # noqa: S311 - to be replayed is the purpose
        self._gate = gate
        self._interval = 1 / rate
        self._connection: http.client.HTTPSConnection | None = None
        self._is_over = False
        self.idle = threading.Event()
        self.counts = Counts()
        self.objects = [
            Written(resource, namespaces[index % len(namespaces)], f"o-{number}-{index}")
            for resource in RESOURCES
            for index in range(_OBJECTS)
        ]

    def finish(self) -> None:
        self._is_over = True
        self._gate.set()
        self.join()

    def run(self) -> None:
        due = time.monotonic()
        while not self._is_over:
            if not self._gate.is_set():
                self.idle.set()
                self._gate.wait()
                self.idle.clear()
                due = time.monotonic()
                continue
            try:
                due += self._interval * self._change()
            except _BROKEN as error:
                self._disconnect()
                self.counts.failed[type(error).__name__] += 1
                time.sleep(_RETRY)
                due = time.monotonic()
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due, time.monotonic() - 1.0)
        self._disconnect()

    def _change(self) -> int:
        """Intend one thing, which is the seed's; what is made of it depends on what there is. How many requests."""
        one = self._chance.choice(self.objects)
        intention, body = self._chance.random(), self._body(one)
        if one.version is None:
            self._create(one, body)
        elif intention < _UPDATES:
            self._write(one, "PATCH", "updated", {name: body[name] for name in body if name != "metadata"})
        elif intention < _RELABELS:
            self._write(one, "PATCH", "relabelled", {"metadata": {"labels": body["metadata"]["labels"]}})
        else:
            is_gone = self._write(one, "DELETE", "deleted", None)
            if is_gone and intention < _REPLACES:
                self._create(one, body, "recreated")
                return 2
        return 1

    def _create(self, one: Written, body: Json, word: str = "created") -> None:
        resource = Resource.parse(one.resource)
        self._write(one, "POST", word, {"apiVersion": resource.api_version, **body})

    def _body(self, one: Written) -> Json:
        value = f"{self._chance.randrange(10**6)} \u2028 ü {'x' * self._chance.randrange(800)}"
        labels = {"tier": self._chance.choice(TIERS)}
        metadata = {"name": one.name, "labels": labels}
        colour = self._chance.choice(COLOURS)
        if one.resource == CONFIG_MAPS:
            return {"metadata": metadata, "kind": "ConfigMap", "data": {"value": value}}
        if one.resource == SECRETS:
            return {"metadata": metadata, "kind": "Secret", "stringData": {"value": value}}
        return {"metadata": metadata, "kind": "Widget", "spec": {"colour": colour, "value": value}}

    def _write(self, one: Written, method: str, word: str, body: Json | None) -> bool:
        """One request; whether it did what it should."""
        path = Resource.parse(one.resource).path(one.namespace, None if method == "POST" else one.name)
        self.counts.asked[word] += 1
        try:
            status, answer = self._exchange(method, path, body)
        except _BROKEN:
            one.is_in_doubt = True
            raise
        if status == http.HTTPStatus.NOT_FOUND:
            one.is_in_doubt, one.uid, one.version = True, None, None
        elif status == http.HTTPStatus.CONFLICT:
            one.is_in_doubt, one.version = True, one.version or "unknown"
        elif not 200 <= status < 300:
            one.is_in_doubt = True
            raise ServerSaidNo(status)
        else:
            self.counts.acknowledged[word] += 1
            if method == "DELETE":
                one.uid = one.version = None
            else:
                one.uid, one.version = answer["metadata"]["uid"], answer["metadata"]["resourceVersion"]
            return True
        self.counts.failed[str(status)] += 1
        return False

    def _exchange(self, method: str, path: str, body: Json | None) -> tuple[int, Json]:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self._address, context=self._tls, timeout=_TIMEOUT)
        headers = {"Accept": JSON, "Authorization": f"Bearer {ADMIN.value}"}
        if body is not None:
            headers["Content-Type"] = MERGE_PATCH if method == "PATCH" else JSON
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._connection.getresponse()
        data = response.read()
        return response.status, json.loads(data) if response.status < 300 else {}

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class ServerSaidNo(OSError):
    """An answer that is neither a success nor about one object: 429, 5xx, a 403 of a server on its way up."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")


class Writer:
    """All connections. Made, it is paused."""

    def __init__(self, *, url: str, tls: ssl.SSLContext, namespaces: list[str], seed: int, rate: float) -> None:
        self._gate = threading.Event()
        self._connections = [
            Connection(
                number, url=url, tls=tls, namespaces=namespaces, seed=seed, gate=self._gate, rate=rate / CONNECTIONS
            )
            for number in range(CONNECTIONS)
        ]
        for connection in self._connections:
            connection.start()

    def resume(self) -> None:
        for connection in self._connections:
            connection.idle.clear()  # here too: a pause that follows at once must wait for them
        self._gate.set()

    def pause(self) -> None:
        """Returns when no request is on its way any more."""
        self._gate.clear()
        for connection in self._connections:
            connection.idle.wait()

    def finish(self) -> None:
        for connection in self._connections:
            connection.finish()

    @property
    def is_writing(self) -> bool:
        return self._gate.is_set()

    @property
    def acknowledged(self) -> int:
        return sum(connection.counts.acknowledged.total() for connection in self._connections)

    def counts(self) -> dict[str, dict[str, int]]:
        totals = Counts()
        for connection in self._connections:
            totals.asked += connection.counts.asked
            totals.acknowledged += connection.counts.acknowledged
            totals.failed += connection.counts.failed
        return {"asked": dict(totals.asked), "acknowledged": dict(totals.acknowledged), "failed": dict(totals.failed)}

    def audit(self, server: dict[str, State]) -> list[str]:
        """While paused: what was acknowledged and is not in the server's lists. Doubts end here.

        Args:
            server: The whole state of each resource.
        """
        wrong = []
        for connection in self._connections:
            for one in connection.objects:
                found = server[one.resource].get(one.key)
                uid, version = (found.uid, found.version) if found else (None, None)
                if not one.is_in_doubt and (uid, version) != (one.uid, one.version):
                    wrong.append(f"{one.resource} {one.key}: {one.version} was acknowledged, the server has {version}")
                one.uid, one.version, one.is_in_doubt = uid, version, False
        return wrong
