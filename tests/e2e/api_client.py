"""The oracle: what the API server says if it is asked in the plainest way.

Tests compare the contents of the SDK with the answers from here, so this shares nothing with the SDK: http.client,
complete answers, no paging, no retries, no special use of the watch cache. Each request opens its own connection. So it
never uses a stale connection to a server that was killed a moment ago, and threads share nothing. Network errors are
OSError or http.client.HTTPException; errors of the server are statuses.
"""

import http.client
import json
import ssl
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from tests.e2e.credentials import ADMIN, Token
from tests.e2e.polling import wait_until

Json = dict[str, Any]

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

# A healthy answer takes milliseconds; a list of 20,000 pods a few seconds. A paused server takes this long.
_TIMEOUT = 30.0  # seconds


class Answer(NamedTuple):
    status: int
    body: Json


class UnexpectedAnswer(AssertionError):
    """The server's answer is not the one that the test takes for granted."""

    def __init__(self, verb: str, path: str, answer: Answer) -> None:
        super().__init__(verb, path, answer)
        self.answer = answer

    def __str__(self) -> str:
        verb, path, answer = self.args
        return f"{verb} {path}: HTTP {answer.status}: {answer.body.get('message', answer.body)}"


class ApiClient:
    """Blocking JSON over TLS to one API server, as the admin unless a call names another token.

    Token None sends none: the user is then the client certificate's in ``tls``, or anonymous.
    """

    def __init__(self, url: str, tls: ssl.SSLContext) -> None:
        self._address = urlsplit(url).netloc
        self._tls = tls

    # -- requests

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        token: Token | None = ADMIN,
        content_type: str = JSON,
        timeout: float = _TIMEOUT,
    ) -> Answer:
        """One request, one whole JSON answer, whatever its status."""
        with closing(self._connect(timeout)) as connection:
            return _exchange(connection, method, path, body, token, content_type)

    def text(self, path: str, *, token: Token | None = ADMIN, timeout: float = _TIMEOUT) -> str:
        """The body of a 200 that is not JSON: /metrics, /readyz.

        Raises:
            UnexpectedAnswer: Any other status.
        """
        with closing(self._connect(timeout)) as connection:
            connection.request("GET", path, headers=_headers(token))
            response = connection.getresponse()
            text = response.read().decode()
        if response.status != http.HTTPStatus.OK:
            raise UnexpectedAnswer("GET", path, Answer(response.status, {"message": text}))
        return text

    @contextmanager
    def watch(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        token: Token | None = ADMIN,
        timeout: float = _TIMEOUT,
    ) -> Iterator[Iterator[Json]]:
        """The events of a watch by hand, up to the server's orderly end of the stream.

        Bookmarks are asked for; everything else is in ``query``. ``timeout`` is the longest silence, in seconds.

        Raises:
            UnexpectedAnswer: The server refused before the stream began.
            TimeoutError: By the iterator: it was silent for too long.
            http.client.IncompleteRead: By the iterator: the stream was cut off.
        """
        target = f"{path}?{urlencode({'watch': 'true', 'allowWatchBookmarks': 'true', **query})}"
        with closing(self._connect(timeout)) as connection:
            connection.request("GET", target, headers=_headers(token))
            with connection.getresponse() as response:
                if response.status != http.HTTPStatus.OK:
                    raise UnexpectedAnswer("GET", target, Answer(response.status, _decode(response.read())))
                yield _events(response)

    # -- shortcuts of tests, which fail on any other answer than success

    def get(self, path: str) -> Json:
        return self._ok("GET", path)

    def create(self, path: str, body: Mapping[str, Any]) -> Json:
        return self._ok("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Json:
        return self._ok("PATCH", path, body, content_type=MERGE_PATCH)

    def delete(self, path: str) -> Json:
        return self._ok("DELETE", path)

    def create_many(self, path: str, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Create objects one after the other over one connection (seen: 350 pods a second)."""
        with closing(self._connect(_TIMEOUT)) as connection:
            for body in bodies:
                answer = _exchange(connection, "POST", path, body, ADMIN, JSON)
                if answer.status != http.HTTPStatus.CREATED:
                    raise UnexpectedAnswer("POST", path, answer)

    def list_all(self, path: str, *, label_selector: str = "", field_selector: str = "") -> Json:
        """The newest state of a collection, unpaged: its ``items`` and ``metadata.resourceVersion``."""
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        query = urlencode({name: value for name, value in selectors.items() if value})
        return self._ok("GET", f"{path}?{query}" if query else path)

    def create_namespace(self, prefix: str = "e2e") -> str:
        """A namespace nobody else uses; its name."""
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        self.create("/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def create_crd(self, crd: Mapping[str, Any]) -> None:
        """Create a CustomResourceDefinition and wait until its objects can be listed."""
        self.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        spec = crd["spec"]
        paths = [
            f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
            for version in spec["versions"]
            if version["served"]
        ]
        served = wait_until(lambda: all(self.request("GET", path).status == http.HTTPStatus.OK for path in paths))
        assert served, f"the API server does not serve {paths}"

    @contextmanager
    def granted(
        self, who: Token, *, verbs: Iterable[str], resource: str, group: str = "", namespace: str | None = None
    ) -> Iterator[None]:
        """Let a user do something, in one namespace or in all, until the block ends.

        The authorizer learns of both from its own watches, a little late; both ends wait for it, so a 403
        inside and anything but a 403 afterwards are the server's last word.
        """
        name = f"e2e-{uuid.uuid4().hex[:8]}"
        scope = f"/namespaces/{namespace}" if namespace else ""
        kind = "Role" if namespace else "ClusterRole"
        base = f"/apis/rbac.authorization.k8s.io/v1{scope}/{kind.lower()}"
        rules = [{"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}]
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who.user}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}

        def is_allowed(verb: str) -> bool:
            attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace or ""}
            review = self.create(
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                {"spec": {"user": who.user, "resourceAttributes": attributes}},
            )
            return bool(review["status"]["allowed"])

        self.create(f"{base}s", {"metadata": {"name": name}, "rules": rules})
        binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
        self.create(f"{base}bindings", binding)
        assert wait_until(lambda: all(map(is_allowed, rules[0]["verbs"]))), "RBAC does not grant it"
        try:
            yield
        finally:
            self.delete(f"{base}bindings/{name}")
            self.delete(f"{base}s/{name}")
        assert wait_until(lambda: not any(map(is_allowed, rules[0]["verbs"]))), "RBAC still grants it"

    def _ok(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, content_type: str = JSON) -> Json:
        answer = self.request(method, path, body, content_type=content_type)
        if not 200 <= answer.status < 300:
            raise UnexpectedAnswer(method, path, answer)
        return answer.body

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._address, context=self._tls, timeout=timeout)


def _headers(token: Token | None) -> dict[str, str]:
    return {"Accept": JSON} | ({"Authorization": f"Bearer {token.value}"} if token else {})


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Mapping[str, Any] | None,
    token: Token | None,
    content_type: str,
) -> Answer:
    data = None if body is None else json.dumps(body).encode()
    headers = _headers(token) | ({} if data is None else {"Content-Type": content_type})
    connection.request(method, path, data, headers)
    response = connection.getresponse()
    return Answer(response.status, _decode(response.read()))


def _events(response: http.client.HTTPResponse) -> Iterator[Json]:
    rest = b""
    # Not line by line: of all ways to read, http.client tells only in this one a cut from an end.
    while data := response.read1(65536):
        *lines, rest = (rest + data).split(b"\n")
        yield from map(json.loads, lines)


def _decode(data: bytes) -> Json:
    """A JSON object; an empty or other body (a 404 of an unknown path is plain text) as its message."""
    try:
        body = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace").strip()}
    assert isinstance(body, dict), f"not a JSON object: {data[:100]!r}"
    return body
