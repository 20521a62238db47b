"""``doctor``: a healthy cluster, and every way in which one is not; what is said then, and with which exit code."""

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.impostor import HEALTHY, PODS, VERBS, Answers, Query, Reply, bookmark, events, impostor, page, refusal
from tests.e2e.credentials import Authority

from kubeinformer.cli._doctor import asking, resource
from kubeinformer.cli._doctor.command import USUAL
from kubeinformer.cli._doctor.diagnosis import conclude
from kubeinformer.cli._doctor.report import Connection, Report, ResourceReport

if TYPE_CHECKING:
    from tests.cli.conftest import Ended, Run, Serve, Served, Spawn

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
HOSTILE = "v1\x1b[2J\u202e\nv2"


def report(ended: "Ended") -> dict[str, Any]:
    assert ended.err == ""
    found: dict[str, Any] = json.loads(ended.out)
    assert found["schema"] == "kubeinformer.doctor/v1"
    assert found["healthy"] is (ended.code == 0)
    return found


def codes(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding["severity"], finding["code"]) for finding in found["findings"]]


def kubeconfig(folder: Path, url: str, user: dict[str, Any] | None = None, **cluster: Any) -> Path:
    file = folder / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url, **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
    }
    file.write_text(json.dumps(config))
    file.chmod(0o600)
    return file


@pytest.fixture
def examine(run: "Run") -> Any:
    """The report on v1/pods of an impostor with these answers."""

    def examine(answers: Answers, *more: object, resource: str = "v1/pods", **options: Any) -> dict[str, Any]:
        with impostor(answers, **options) as url:
            return report(run("doctor", resource, "--json", "--server", url, *more))

    return examine


# Health.


def test_a_healthy_cluster_on_one_screen(server: "Served", run: "Run") -> None:
    server.do("seed", "v1/pods", 2000)
    ended = run("doctor", "--server", server.url)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 110
    assert lines[0].startswith(server.url)
    table = {line.split()[0]: line.split()[1:] for line in lines if "/v1/" in line or line.startswith("v1/")}
    assert set(table) == set(USUAL)
    pods = table["v1/pods"]
    assert pods[:2] + pods[3:] == [
        "yes",
        "in",
        "ms",
        "yes",
        "watch,",
        "list",
        "yes",
        "2,000",
        "6.6",
        "KB",
        pods[-2],
        "MB",
    ]
    assert "INFORMER   estimated memory for all objects" in ended.out
    assert re.fullmatch(r"healthy: informers on these resources can work \(\d+\.\d s\)", lines[-1])


def test_a_few_objects_take_more_than_nothing(server: "Served", run: "Run") -> None:
    server.pod("web-0")
    out = run("doctor", "v1/pods", "--server", server.url).out
    (pods,) = (line for line in out.splitlines() if line.startswith("v1/pods"))
    assert pods.endswith("  1        0.2 KB  < 0.1 MB")


def test_the_same_as_json(server: "Served", run: "Run") -> None:
    server.do("seed", "v1/pods", 2000)
    found = report(run("doctor", "--json", "--server", server.url))
    assert found["connection"]["reached"] is True
    assert found["server"]["version"] == "v1.37.0-kubeinformer"
    assert found["server"]["ready"] is True
    assert [entry["resource"] for entry in found["resources"]] == list(USUAL)
    pods = found["resources"][0]
    assert pods["access"] == {"get": True, "list": True, "watch": True}
    assert (pods["kind"], pods["namespaced"], pods["served"]) == ("Pod", True, True)
    assert (pods["watch_list"], pods["bookmarks"], pods["gzip_watch"], pods["gzip_list"]) == (
        "supported",
        True,
        True,
        True,
    )
    assert (pods["sharding"], pods["limit_obeyed"], pods["objects"]) == (True, True, 2000)
    assert pods["failures"] == {}
    assert codes(found) == []


def test_nothing_is_written_but_questions(server: "Served", run: "Run") -> None:
    server.pod("web-0")
    version = server.do("get", "v1/pods", "default/web-0")["metadata"]["resourceVersion"]
    assert run("doctor", "--server", server.url).code == 0
    written = {record.path for record in server.records if record.method != "GET"}
    assert written == {REVIEWS, WHOAMI}
    assert server.resource_version == version


def test_no_answer_is_large_however_large_the_collection(server: "Served", run: "Run") -> None:
    server.do("seed", "v1/pods", 100_000)
    assert run("doctor", "v1/pods", "--server", server.url).code == 0
    lists = [record.query for record in server.records if record.path == PODS and "watch" not in record.query]
    assert all(0 < int(query["limit"]) <= 200 for query in lists)
    watches = [record.query for record in server.records if "watch" in record.query]
    assert all(query["fieldSelector"] == "metadata.name=kubeinformer-doctor" for query in watches)


def test_one_namespace(server: "Served", run: "Run") -> None:
    server.pod("web-0")
    server.pod("web-0", namespace="shop")
    server.do("deny", namespace="")
    found = report(run("doctor", "-n", "shop", "--json", "--server", server.url))
    assert found["healthy"]
    assert [entry["resource"] for entry in found["resources"]] == [name for name in USUAL if name != "v1/nodes"]
    assert {entry["namespace"] for entry in found["resources"]} == {"shop"}
    assert found["resources"][0]["objects"] == 1


def test_a_cluster_scoped_resource_has_no_namespace(server: "Served", run: "Run") -> None:
    server.do("create", "v1/nodes", {"metadata": {"name": "node-1"}})
    (nodes,) = report(run("doctor", "v1/nodes", "-n", "shop", "--json", "--server", server.url))["resources"]
    assert (nodes["namespace"], nodes["objects"]) == (None, 1)


def test_a_resource_named_twice_is_looked_at_once(server: "Served", run: "Run") -> None:
    found = report(run("doctor", "v1/pods", "v1/pods", "--json", "--server", server.url))
    assert len(found["resources"]) == 1


# Somebody who may not.


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_verb_that_is_missing(verb: str, server: "Served", run: "Run") -> None:
    server.do("deny", verb, "v1/pods")
    ended = run("doctor", "v1/pods", "v1/nodes", "--server", server.url)
    assert ended.code == 1
    assert f"error: v1/pods: this user may not {verb} it in all namespaces" in ended.out
    assert "bind a ClusterRole" in ended.out
    ended = run("doctor", "v1/pods", "-n", "shop", "--server", server.url)
    assert f"may not {verb} it in namespace shop" in ended.out
    assert "bind a Role" in ended.out
    assert "v1/nodes" not in ended.out


def test_get_is_not_needed_for_health(server: "Served", run: "Run") -> None:
    server.do("deny", "get", "v1/nodes")
    found = report(run("doctor", "v1/nodes", "--json", "--server", server.url))
    assert codes(found) == [("warning", "no-get")]


def test_what_nobody_asked_for_may_be_closed(server: "Served", run: "Run") -> None:
    server.do("deny", resource="v1/nodes")
    found = report(run("doctor", "--json", "--server", server.url))
    assert found["healthy"]
    assert ("warning", "forbidden") in codes(found)


def test_but_not_all_of_it(server: "Served", run: "Run") -> None:
    server.do("deny")
    ended = run("doctor", "--server", server.url)
    assert len(ended.out.splitlines()) < 24
    assert "warning: v1/pods, v1/services, v1/configmaps, apps/v1/deployments: this user may not" in ended.out
    assert ended.out.splitlines()[-1].startswith("not healthy: 1 error, 2 warnings (")  # as many as are to be read
    server.do("allow", "get")
    found = report(run("doctor", "--json", "--server", server.url))
    assert not found["healthy"]
    assert ("error", "nothing-allowed") in codes(found)


def test_a_server_without_reviews_is_tried_all_the_same(examine: Any) -> None:
    found = examine({REVIEWS: refusal(404), WHOAMI: refusal(404)})
    assert found["user"]["name"] is None
    assert found["resources"][0]["access"] == {"get": None, "list": None, "watch": None}
    assert found["resources"][0]["objects"] == 10
    assert codes(found) == [("warning", "not-answered")]
    assert found["healthy"]


def test_a_refusal_without_reviews_is_still_one(examine: Any) -> None:
    found = examine({REVIEWS: refusal(404), PODS: refusal(403, "no rights")})
    assert [code for code in codes(found) if code[0] == "error"] == [("error", "not-answered")] * 2
    assert any("HTTP 403: no rights" in finding["message"] for finding in found["findings"])


def test_who_is_asking(examine: Any) -> None:
    assert examine({})["user"] == {"name": "alice", "groups": ["admins"]}
    anonymous = Reply({"status": {"userInfo": {"username": "system:anonymous"}}}, 201)
    found = examine({WHOAMI: anonymous})
    assert codes(found) == [("note", "anonymous")]


# What is not there.


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("v1/podz", "did you mean v1/pods?"),
        ("apps/v7/deployments", "did you mean apps/v1/deployments?"),
        ("example.com/v1/widgets", "needs its CRD"),
        ("v7/pods", "needs its CRD"),
        ("v1/xyzzy", "needs its CRD"),
    ],
)
def test_a_resource_that_is_not_served(name: str, meant: str, server: "Served", run: "Run") -> None:
    ended = run("doctor", name, "--server", server.url)
    assert ended.code == 1
    assert f"error: {name}: the server does not serve it" in ended.out
    assert meant in ended.out


def test_a_namespace_that_is_not_there(server: "Served", run: "Run") -> None:
    server.pod("web-0")
    ended = run("doctor", "v1/pods", "-n", "nosuch", "--server", server.url)
    assert ended.code == 0, "somebody may make it"
    assert "warning: namespace: there is no namespace nosuch" in ended.out
    for options, exists in (("-n", "nosuch"), False), (("-n", "default"), True), ((), None):
        found = report(run("doctor", "v1/pods", *options, "--json", "--server", server.url))
        assert found["namespace_exists"] is exists
        assert codes(found) == ([("warning", "no-namespace")] if exists is False else [])


@pytest.mark.parametrize("reply", [refusal(403), refusal(404), Reply(b"short", headers={"Content-Length": "100"})])
def test_a_namespace_of_which_nothing_is_told(reply: Reply, examine: Any) -> None:
    """One that holds something is there, whatever is said about it."""
    answers = {"/api/v1/namespaces/shop": reply, "/api/v1/namespaces/shop/pods": HEALTHY[PODS]}
    found = examine(answers, "-n", "shop")
    assert codes(found) == []
    assert found["resources"][0]["objects"] == 10


def test_a_resource_that_cannot_be_watched(examine: Any) -> None:
    found = examine({"/api/v1": Reply({"resources": [{"name": "pods", "verbs": ["get", "list"]}]})})
    assert codes(found) == [("error", "cannot-watch")]


def test_discovery_that_fails(examine: Any) -> None:
    found = examine({"/api/v1": refusal(503, "later")})
    assert codes(found) == [("warning", "not-answered")]
    assert found["resources"][0]["objects"] == 10


@pytest.mark.parametrize("body", [b"{", {"resources": "none"}, {"resources": [7]}, [1]])
def test_discovery_that_is_nonsense(body: object, examine: Any) -> None:
    assert codes(examine({"/api/v1": Reply(body)})) == [("error", "not-served")]


# What the server can do.


def test_a_server_that_does_not_stream(server: "Served", run: "Run") -> None:
    server.set("watch_list_enabled", value=False)
    found = report(run("doctor", "v1/pods", "--json", "--server", server.url))
    assert codes(found) == [("warning", "watch-list-refused")]
    assert found["resources"][0]["watch_list"] == "refused"
    assert found["resources"][0]["gzip_watch"] is True
    assert "refused" in run("doctor", "v1/pods", "--server", server.url).out


def test_a_server_that_ignores_shards(server: "Served", run: "Run") -> None:
    server.set("sharding_enabled", value=False)
    (pods,) = report(run("doctor", "v1/pods", "--json", "--server", server.url))["resources"]
    assert pods["sharding"] is False


def watching(stream: bytes, **options: Any) -> Answers:
    return {PODS: lambda query: Reply(stream, **options) if query.get("watch") else page(query)}


@pytest.mark.parametrize(
    ("stream", "bookmarks"),
    [(b"", None), (events(bookmark(end=False)), True), (events({"type": "ADDED", "object": {}}), None)],
)
def test_a_stream_that_never_says_where_the_first_state_ends(
    stream: bytes,
    bookmarks: object,
    examine: Any,
) -> None:
    found = examine(watching(stream))
    assert codes(found) == [("warning", "watch-list-ignored")]
    assert found["resources"][0]["bookmarks"] is bookmarks


def test_a_stream_without_end_is_not_read_without_end(examine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (asking, resource):
        monkeypatch.setattr(module, "SILENCE_LIMIT", 50)
    released = threading.Event()
    added = events({"type": "ADDED", "object": {"spec": "x" * 1000}})
    found = examine(watching(added * 2000, released=released))
    released.set()
    assert codes(found) == [("warning", "watch-list-ignored")]
    assert found["seconds"] < 15, "it did not wait for more: the server is silent for 20"


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (events({"type": "ERROR", "object": {"message": "etcd is away"}}), "etcd is away"),
        (events({"type": "ERROR", "object": {}}), "without a message"),
        (b"<html>\n", "not one of JSON events"),
        (events({"no": "event"}), "not one of JSON events"),
    ],
)
def test_a_stream_that_fails(stream: bytes, said: str, examine: Any) -> None:
    found = examine(watching(stream))
    assert codes(found) == [("error", "not-answered")]
    assert said in found["findings"][0]["message"]


def test_a_watch_that_is_refused(examine: Any) -> None:
    found = examine({PODS: lambda query: refusal(429, "slow down") if query.get("watch") else page(query)})
    assert "HTTP 429: slow down" in found["findings"][0]["message"]
    assert found["resources"][0]["objects"] == 10


def test_nothing_is_compressed(examine: Any) -> None:
    def pods(query: Query) -> Reply:
        return Reply(events(bookmark())) if query.get("watch") else page(query, objects=500, size=20_000)

    found = examine({PODS: pods})
    assert codes(found) == [("note", "not-compressed")]
    assert found["resources"][0]["gzip_list"] is False
    assert found["healthy"]


def test_a_server_that_ignores_limit(examine: Any) -> None:
    def pods(query: Query) -> Reply:
        return Reply(events(bookmark())) if query.get("watch") else page(query, obeys=False)

    found = examine({PODS: pods})
    assert codes(found) == [("warning", "limit-ignored")]
    assert found["resources"][0]["objects"] == 10


def test_an_answer_that_is_too_large(examine: Any) -> None:
    def pods(query: Query) -> Reply:
        return Reply(events(bookmark())) if query.get("watch") else page(query, obeys=False, size=10**6)

    found = examine({PODS: pods})
    assert codes(found) == [("error", "not-answered")]
    assert "ignores limit" in found["findings"][0]["message"]


@pytest.mark.parametrize(
    "body", [b"<html>", {"kind": "Table"}, {"metadata": 7}, {"metadata": {}, "items": 7}, b"[" * 5000]
)
def test_a_list_that_is_none(body: object, examine: Any) -> None:
    found = examine({PODS: lambda query: Reply(events(bookmark())) if query.get("watch") else Reply(body)})
    assert codes(found) == [("error", "not-answered")]
    assert "no list of objects" in found["findings"][0]["message"]


@pytest.mark.parametrize("items", [None, []])
def test_a_list_of_nothing(items: object, examine: Any) -> None:
    empty = Reply({"metadata": {}, "items": items})
    found = examine({PODS: lambda query: Reply(events(bookmark())) if query.get("watch") else empty})
    assert found["healthy"]
    assert found["resources"][0]["objects"] == 0
    assert found["resources"][0]["memory"] is None


def test_a_list_that_does_not_say_how_many_follow(examine: Any) -> None:
    some = Reply({"metadata": {"continue": "x"}, "items": [{}]})
    found = examine({PODS: lambda query: Reply(events(bookmark())) if query.get("watch") else some})
    assert found["resources"][0]["objects"] is None


# Memory.


@pytest.mark.parametrize(("name", "objects"), [("v1/pods", 2000), ("v1/configmaps", 2000), ("v1/pods", 20)])
def test_the_estimate_is_what_an_informer_takes(name: str, objects: int, server: "Served", run: "Run") -> None:
    server.do("seed", name, objects)
    (found,) = report(run("doctor", name, "--json", "--server", server.url))["resources"]
    assert found["objects"] == objects
    assert found["sample"]["stored"] == pytest.approx(server.stored_by_an_informer(name) / objects, rel=0.25)
    once = 3_000_000 if objects >= 128 else 0
    assert found["memory"]["informer"] == once + objects * (380 + found["sample"]["stored"])


def test_much_memory_is_worth_a_warning(examine: Any) -> None:
    def pods(query: Query) -> Reply:
        if query.get("watch"):
            return Reply(events(bookmark()))
        return page(query, objects=2_000_000)

    found = examine({PODS: pods})
    assert codes(found) == [("warning", "memory")]
    assert found["healthy"]


# No way to the server. In human form: it must fit one screen, and say what to look at.


def no_way(ended: "Ended", stage: str) -> str:
    assert (ended.code, ended.err) == (1, "")
    lines = ended.out.splitlines()
    assert len(lines) < 15
    assert f"  reached  no, it fails at: {stage}" in lines
    assert lines[-1].startswith("not healthy: 1 error")
    return ended.out


def test_nobody_listens(run: "Run", free_port: int) -> None:
    out = no_way(run("doctor", "--server", f"http://127.0.0.1:{free_port}"), "tcp")
    assert "connection refused" in out
    assert f"`curl -vk http://127.0.0.1:{free_port}/version`" in out


def test_the_name_is_unknown(run: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    out = no_way(run("doctor", "--server", "https://cluster.invalid"), "dns")
    assert "`getent hosts cluster.invalid`" in out


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = authority.issue_server()
    (tmp_path / "tls.crt").write_bytes(certificate)
    (tmp_path / "tls.key").write_bytes(key)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    return context


def test_the_right_authority(run: "Run", authority: Authority, tls: ssl.SSLContext, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    with impostor(tls=tls) as url:
        assert run("doctor", "v1/pods", "--server", url, "--ca-file", tmp_path / "ca.crt").code == 0


def test_the_wrong_authority(run: "Run", tls: ssl.SSLContext, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(Authority().certificate)
    with impostor(tls=tls) as url:
        out = no_way(run("doctor", "--server", url, "--ca-file", tmp_path / "ca.crt"), "tls")
    assert "certificate is not trusted" in out
    assert "openssl s_client -connect 127.0.0.1:" in out


def test_an_authority_that_is_not_checked(run: "Run", tls: ssl.SSLContext, tmp_path: Path) -> None:
    with impostor(tls=tls) as url:
        file = kubeconfig(tmp_path, url, None, **{"insecure-skip-tls-verify": True})
        found = report(run("doctor", "v1/pods", "--json", "--kubeconfig", file))
    assert codes(found) == [("warning", "not-verified")]
    assert found["connection"]["verified"] is False


def test_plain_http_to_a_tls_port(run: "Run", tls: ssl.SSLContext) -> None:
    with impostor(tls=tls) as url:
        no_way(run("doctor", "--server", url.replace("https", "http")), "http")


def test_plain_http_to_a_tls_port_of_go(run: "Run") -> None:
    said = Reply(b"Client sent an HTTP request to an HTTPS server.\n", 400, {"Content-Type": "text/plain"})
    with impostor({"/version": said}) as url:
        out = no_way(run("doctor", "--server", url), "http")
    assert "begin the server's URL with https://" in out


def test_tls_to_a_plain_port(run: "Run") -> None:
    with impostor() as url:
        out = no_way(run("doctor", "--server", url.replace("http", "https")), "tls")
    assert "does not speak TLS on this port" in out


def test_a_proxy_that_is_away(run: "Run", free_port: int, tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, "https://cluster.invalid", None, **{"proxy-url": f"http://127.0.0.1:{free_port}"})
    out = no_way(run("doctor", "--kubeconfig", file), "proxy")
    assert "proxy cannot be reached" in out
    assert "HTTPS_PROXY" in out


def test_a_proxy_that_says_no(run: "Run", tmp_path: Path) -> None:
    with impostor() as proxy:  # it does not know CONNECT: a 501
        file = kubeconfig(tmp_path, "https://cluster.invalid", None, **{"proxy-url": proxy})
        out = no_way(run("doctor", "--kubeconfig", file), "proxy")
    assert "HTTP 501" in out


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


@pytest.fixture
def silence(listener: socket.socket) -> str:
    """A server that takes connections and says nothing."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_that_says_nothing(run: "Run", silence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SILENCE_LIMIT", 0.2)
    out = no_way(run("doctor", "--server", silence), "time")
    assert f"GET {silence}/version: nothing came for 0.2 s" in out
    assert "readyz" in out


def test_a_connection_that_does_not_come_about(run: "Run", silence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "CONNECT_LIMIT", 0.2)
    out = no_way(run("doctor", "--server", silence.replace("http", "https")), "tcp")  # its handshake is not answered
    assert "no connection in time" in out
    assert "firewalls" in out


def test_ctrl_c_ends_it(spawn: "Spawn", silence: str, listener: socket.socket) -> None:
    running = spawn("doctor", "--server", silence)
    connection, _ = listener.accept()
    with connection:
        assert connection.recv(1)  # it knows that it is connected: asyncio complains of one that is cancelled just then
        ended = running.interrupt()
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_the_time_is_bounded(run: "Run", silence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SILENCE_LIMIT", 50)
    started = time.monotonic()
    ended = run("doctor", "--timeout", "0.3", "--server", silence)
    assert time.monotonic() - started < 25
    assert "the time was up before the server answered" in no_way(ended, "time")


def test_what_was_found_by_then_is_told(run: "Run") -> None:
    released = threading.Event()

    def stuck(query: Query) -> Reply:
        released.wait(20)
        return page(query)

    with impostor({PODS: stuck}) as url:
        found = report(run("doctor", "v1/pods", "v1/xyzzy", "--json", "--timeout", "4", "--server", url))
        released.set()
    assert found["user"]["name"] == "alice"
    assert codes(found) == [("error", "time"), ("error", "not-served")]


def test_what_failed_did_not_run_out_of_time() -> None:
    refused = ResourceReport(resource="v1/pods", served=True, failures={"list": "HTTP 403"})
    found = Report(url="http://x", source="y", connection=Connection(reached=True), resources=[refused])
    conclude(found, time_is_up=True)
    assert [finding.code for finding in found.findings] == ["not-answered"]


def test_a_stream_that_breaks_off(examine: Any) -> None:
    found = examine(watching(b"{", headers={"Content-Length": "100"}))
    assert codes(found) == [("error", "not-answered")]
    assert "broke" in found["findings"][0]["message"]


def test_a_stream_that_hangs_is_told_from_one_that_ends(examine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is not silent answers within it, also on a busy machine.
    monkeypatch.setattr(asking, "SILENCE_LIMIT", 2)
    monkeypatch.setattr(resource, "SILENCE_LIMIT", 2)
    released = threading.Event()

    def pods(query: Query) -> Reply:
        if query.get("watch"):
            return Reply(events(bookmark(end=False)), released=released)
        return page(query)

    found = examine({PODS: pods})
    released.set()
    assert codes(found) == [("warning", "watch-list-ignored")]
    assert found["resources"][0]["bookmarks"] is True


# What answers is something else, or somebody else is meant.


def test_a_token_the_server_does_not_know(serve: "Serve", run: "Run", tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, serve(tokens={"right": "alice"}).url, {"token": "wrong-token"})
    ended = run("doctor", "--kubeconfig", file)
    assert (ended.code, ended.err) == (1, "")
    assert "  user     not accepted: credentials" in ended.out.splitlines()
    assert "HTTP 401" in ended.out
    assert "renew the token or client certificate" in ended.out
    assert "wrong-token" not in ended.out


def test_a_server_that_wants_credentials_and_gets_none(serve: "Serve", run: "Run") -> None:
    ended = run("doctor", "--server", serve(tokens={"right": "alice"}).url)
    assert ended.code == 1
    assert ended.out.splitlines()[0].endswith("(--server)")
    assert "HTTP 401" in ended.out
    assert "--server sends no credentials: give a kubeconfig" in ended.out


def test_a_token_that_is_only_good_for_the_version(examine: Any) -> None:
    found = examine({WHOAMI: refusal(401)})
    assert codes(found) == [("error", "no-way-credentials")]
    assert found["connection"]["reached"] is True


def test_a_program_for_credentials_that_fails(run: "Run", tmp_path: Path) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
    with impostor() as url:
        ended = run("doctor", "--kubeconfig", kubeconfig(tmp_path, url, {"exec": plugin}))
    no_way(ended, "config")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            Reply(b"<html>Please log in</html>", headers={"Content-Type": "text/html"}),
            "no API server (HTTP 200; text/html)",
        ),
        (Reply(b"", 302, {"Location": "https://login.example/?token=secret"}), "leads elsewhere"),
        (Reply(b"not here", 404, {"Content-Type": "text/plain"}), "HTTP 404: not here"),
        (Reply({"gitVersion": 7}), "no API server"),
        (Reply(b"\xff\xfe", 200), "no API server"),
        (refusal(503, "etcd is away"), "could not do it now (HTTP 503: etcd is away)"),
        (refusal(429, "slow down"), "HTTP 429: slow down"),
    ],
)
def test_what_answers_is_no_api_server(reply: Reply, said: str, run: "Run") -> None:
    with impostor({"/version": reply}) as url:
        out = no_way(run("doctor", "--server", url), "http")
    assert said in out
    assert "secret" not in out


def test_a_version_that_is_kept_secret(examine: Any) -> None:
    found = examine({"/version": refusal(403)})
    assert found["healthy"]
    assert found["server"]["version"] is None


def test_a_server_that_breaks_off(examine: Any) -> None:
    found = examine({"/readyz": Reply(b"short", headers={"Content-Length": "100"})})
    assert codes(found) == [("error", "no-way-http")]


# Not well.


def test_a_server_that_is_not_ready(run: "Run") -> None:
    body = b"[+]ping ok\n[-]etcd failed: reason withheld\n[-]informer-sync failed: x\nreadyz check failed\n"
    with impostor({"/readyz": Reply(body, 500, {"Content-Type": "text/plain"})}) as url:
        ended = run("doctor", "v1/pods", "--server", url)
    assert ended.code == 1
    assert "  ready    no: etcd, informer-sync" in ended.out.splitlines()
    assert "error: server: it says it is not ready" in ended.out


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_does_not_tell_everybody_whether_it_is_ready(status: int, examine: Any) -> None:
    found = examine({"/readyz": refusal(status)})
    assert found["healthy"]
    assert found["server"]["ready"] is None


def test_clocks_that_differ(examine: Any) -> None:
    found = examine({}, date="Wed, 01 Jan 2020 00:00:00 GMT")
    assert codes(found) == [("warning", "clock-skew")]
    assert "behind" in found["findings"][0]["message"]
    found = examine({}, date="Wed, 01 Jan 2070 00:00:00 GMT")
    assert "ahead of" in found["findings"][0]["message"]
    assert codes(examine({}, date="yesterday")) == []


@pytest.mark.parametrize(
    ("date", "said"), [(None, ", clocks agree"), ("Wed, 01 Jan 2020 00:00:00 GMT", " s apart"), ("yesterday", " ms")]
)
def test_clocks_are_compared(date: str | None, said: str, run: "Run") -> None:
    with impostor(date=date) as url:
        ended = run("doctor", "v1/pods", "--server", url)
    assert ended.out.splitlines()[2].endswith(said)


# Terminals, command lines.


def test_nothing_hostile_reaches_the_terminal(run: "Run") -> None:
    answers: Answers = {
        "/version": Reply({"gitVersion": HOSTILE, "platform": HOSTILE}),
        "/readyz": Reply(b"[-]\x1b[2J failed", 500),
        WHOAMI: Reply({"status": {"userInfo": {"username": HOSTILE, "groups": [HOSTILE]}}}, 201),
        "/api/v1": Reply(
            {"resources": [{"name": "pods", "kind": HOSTILE, "namespaced": True, "verbs": [*VERBS, HOSTILE]}]}
        ),
        PODS: refusal(403, HOSTILE),
    }
    with impostor(answers) as url:
        for more in ((), ("--json",)):
            ended = run("doctor", "v1/pods", "--server", url, *more)
            assert ended.code == 1
            assert all(line.isprintable() for line in ended.out.splitlines())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pods",), "'apps/v1/deployments'"),
        (("v1/pods", "-n", "Not/One"), "not a namespace"),
        (("--server", "http://127.0.0.1:9", "--context", "x"), "--server goes with neither"),
        (("--ca-file", "x"), "--ca-file goes with --server"),
        (("--timeout", "0"), "--timeout"),
        (("-n", ""), "not a namespace"),
        (("--nope",), "--nope"),
        ((), ".kube/config"),
        (("--server", "ftp://x"), "URL"),
    ],
)
def test_a_wrong_command_line(arguments: tuple[str, ...], said: str, run: "Run") -> None:
    ended = run("doctor", *arguments)
    assert ended.code == 2
    assert said in ended.error


def test_the_help_says_what_the_exit_codes_mean(run: "Run") -> None:
    out = run("doctor", "--help").out
    for word in ("--json", "--timeout", "--namespace", "Exit code 0"):
        assert word in out
