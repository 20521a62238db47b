"""The harness on the real servers: every way to break them does what the other tests rely on."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e import manifests
from tests.e2e.api_client import ApiClient, Json, UnexpectedAnswer
from tests.e2e.control_plane import ASSETS_VARIABLE, ControlPlane, StartControlPlane, find_assets
from tests.e2e.credentials import ADMIN, NOBODY, READER, ExecPlugin, Token, TokenFile
from tests.e2e.polling import wait_until
from tests.e2e.process import Process, ReservedPort, ServerError

PODS = "/api/v1/pods"
INITIAL_EVENTS = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}


def names(listed: Json) -> set[str]:
    return {item["metadata"]["name"] for item in listed["items"]}


def create_pods(client: ApiClient, count: int) -> tuple[str, str]:
    """Pods in a fresh namespace: their collection's path and its resourceVersion before the last one."""
    path = f"/api/v1/namespaces/{client.create_namespace()}/pods"
    client.create_many(path, [manifests.pod(f"web-{number}") for number in range(count - 1)])
    version: str = client.list_all(path)["metadata"]["resourceVersion"]
    client.create(path, manifests.pod(f"web-{count - 1}"))
    return path, version


class TestShared:
    """What leaves the shared server as it was."""

    def test_the_version_is_the_built_one(self, control_plane: ControlPlane) -> None:
        go_mod = Path(__file__).with_name("envtest") / "go.mod"
        assert f"k8s.io/kubernetes {control_plane.api.version} " in go_mod.read_text().replace("\n", " ")

    def test_a_watch_list_shows_the_objects_and_then_the_end_bookmark(
        self, control_plane: ControlPlane, namespace: str
    ) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods"
        control_plane.client.create_many(path, [manifests.pod(f"web-{number}") for number in range(3)])
        seen: list[str] = []
        with control_plane.client.watch(path, INITIAL_EVENTS) as events:
            for event in events:
                if event["type"] == "BOOKMARK":
                    break
                seen.append(event["object"]["metadata"]["name"])
        assert event["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert set(seen) == names(control_plane.client.list_all(path)) == {"web-0", "web-1", "web-2"}

    def test_pods_vanish_when_deleted(self, control_plane: ControlPlane, namespace: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods"
        control_plane.client.create(path, manifests.pod("web", labels={"app": "web"}, padding=1000))
        assert names(control_plane.client.list_all(path, label_selector="app=web")) == {"web"}
        control_plane.client.delete(f"{path}/web")
        assert names(control_plane.client.list_all(path)) == set()

    def test_rights_come_and_go(self, control_plane: ControlPlane, namespace: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods"

        def status(who: Token) -> int:
            return control_plane.client.request("GET", path, token=who).status

        assert (status(ADMIN), status(READER), status(NOBODY)) == (200, 403, 403)
        with control_plane.client.granted(READER, verbs=["list"], resource="pods", namespace=namespace):
            assert (status(READER), status(NOBODY)) == (200, 403)
        assert status(READER) == 403
        with control_plane.client.granted(READER, verbs=["list", "watch"], resource="pods"):
            assert control_plane.client.request("GET", PODS, token=READER).status == 200
        assert control_plane.client.request("GET", PODS, token=READER).status == 403
        assert control_plane.client.request("GET", PODS, token=Token("unknown", "who")).status == 401

    def test_custom_resources_can_be_listed_once_created(self, control_plane: ControlPlane, namespace: str) -> None:
        crd = manifests.custom_resource_definition("Widget", group=f"{namespace}.example.com")
        control_plane.client.create_crd(crd)
        path = f"/apis/{namespace}.example.com/v1/namespaces/{namespace}/widgets"
        widget = {"apiVersion": f"{namespace}.example.com/v1", "kind": "Widget", "metadata": {"name": "one"}}
        control_plane.client.create(path, widget | {"anything": [1, {}]})
        control_plane.client.patch(f"{path}/one", {"anything": [2]})
        assert control_plane.client.get(f"{path}/one")["anything"] == [2]

    def test_a_refusal_that_the_test_did_not_expect_says_what_and_why(self, control_plane: ControlPlane) -> None:
        with pytest.raises(UnexpectedAnswer, match=r"^GET /api/v1/nothing: HTTP 404: .*not find"):
            control_plane.client.get("/api/v1/nothing")

    def test_a_client_certificate_is_a_user(self, control_plane: ControlPlane, tmp_path: Path) -> None:
        who = control_plane.issue_client("robot", "system:masters", "workers")
        (tmp_path / "both.pem").write_bytes(who.certificate + who.key)
        tls = ssl.create_default_context(cafile=str(control_plane.ca_file))
        tls.load_cert_chain(tmp_path / "both.pem")
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        status, review = ApiClient(control_plane.url, tls).request("POST", path, {}, token=None)
        user = review["status"]["userInfo"]
        assert (status, user["username"]) == (201, "robot")
        assert {"system:masters", "workers"} < set(user["groups"])

    def test_a_kubeconfig_holds_each_kind_of_credential(self, control_plane: ControlPlane, tmp_path: Path) -> None:
        from kubernetes_asyncio.config import kube_config  # noqa: PLC0415 - takes a second

        (tmp_path / "token").write_text(READER.value)
        path = control_plane.write_kubeconfig(
            tmp_path / "config",
            {
                "token": ADMIN,
                "file": TokenFile(tmp_path / "token"),
                "certificate": control_plane.issue_client("robot"),
                "program": ExecPlugin("/bin/echo", ["{}"], {"A": "b"}),
            },
            current="file",
            namespace="web",
        )
        contexts, active = kube_config.list_kube_config_contexts(str(path))
        assert [context["name"] for context in contexts] == ["token", "file", "certificate", "program"]
        assert active is not None
        assert active["name"] == "file"
        assert {context["context"]["namespace"] for context in contexts} == {"web"}

    def test_metrics_and_memory_are_numbers_of_this_server(self, control_plane: ControlPlane) -> None:
        assert "apiserver_request_total{" in control_plane.api.metrics()
        assert control_plane.api.memory_high_water() > 100 * 2**20


def test_killed_and_started_again_it_has_the_same_address_and_objects(
    private_control_plane: StartControlPlane,
) -> None:
    plane = private_control_plane()
    path, version = create_pods(plane.client, 2)
    url, pid = plane.url, plane.api.process.pid
    with plane.client.watch(path, {"resourceVersion": version}) as events:
        assert next(events)["object"]["metadata"]["name"] == "web-1"
        plane.api.kill()
        with pytest.raises(http.client.IncompleteRead):
            next(events)
    with pytest.raises(ConnectionRefusedError):
        plane.client.get(path)
    plane.etcd.kill()
    plane.etcd.start()
    plane.api.start()
    assert plane.url == url
    assert plane.api.process.pid != pid
    assert names(plane.client.list_all(path)) == {"web-0", "web-1"}


def test_a_position_from_before_a_compaction_and_a_restart_is_gone(
    private_control_plane: StartControlPlane,
) -> None:
    plane = private_control_plane()
    path, version = create_pods(plane.client, 2)
    assert plane.compact() > int(version)
    with plane.client.watch(path, {"resourceVersion": version}) as events:
        assert next(events)["type"] == "ADDED"  # the watch cache still knows
        stopper = threading.Thread(target=plane.api.stop)
        stopper.start()
        assert list(events) == []  # SIGTERM ends a watch in order
        stopper.join()
    plane.api.start()
    with plane.client.watch(path, {"resourceVersion": version}) as events:
        event = next(events)
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_flags_hold_for_one_start(private_control_plane: StartControlPlane) -> None:
    plane = private_control_plane("--feature-gates=WatchList=false")
    with pytest.raises(UnexpectedAnswer) as refusal, plane.client.watch(PODS, INITIAL_EVENTS):
        pass
    status, answer = refusal.value.answer
    assert (status, answer["reason"]) == (422, "Invalid")
    assert {cause["field"] for cause in answer["details"]["causes"]} == {"sendInitialEvents"}
    plane.api.restart()
    with plane.client.watch(PODS, INITIAL_EVENTS) as events:
        assert next(events)["type"] == "BOOKMARK"


def test_a_paused_server_accepts_and_says_nothing(private_control_plane: StartControlPlane) -> None:
    plane = private_control_plane()
    plane.api.pause()
    with pytest.raises(TimeoutError):
        plane.client.request("GET", PODS, timeout=0.2)
    plane.api.resume()
    assert plane.client.request("GET", PODS).status == 200
    plane.api.pause()
    plane.api.stop()  # a paused one can be stopped too
    assert not plane.api.process.is_running


def test_without_etcd_it_answers_from_its_caches_alone(private_control_plane: StartControlPlane) -> None:
    plane = private_control_plane()
    path, _ = create_pods(plane.client, 1)
    plane.etcd.stop()
    assert plane.client.request("GET", f"{path}?resourceVersion=0").status == 200
    with pytest.raises(TimeoutError):
        plane.client.request("GET", path, timeout=0.2)
    plane.etcd.start()
    assert plane.client.request("GET", path).status == 200  # hangs until etcd is found again


def test_a_failed_start_shows_the_log_and_leaves_nothing(assets: Path, tmp_path: Path) -> None:
    plane = ControlPlane(assets, tmp_path, "--no-such-flag")
    with pytest.raises(ServerError, match=r"(?s)kube-apiserver ended with status 1 .*unknown flag: --no-such-flag"):
        plane.__enter__()
    assert not plane.etcd.process.is_running
    assert not plane.api.process.is_running


def test_servers_die_with_a_test_process_that_is_killed(assets: Path, tmp_path: Path) -> None:
    program = """if True:
        import sys, threading
        from pathlib import Path
        from tests.e2e.control_plane import Etcd
        etcd = Etcd(Path(sys.argv[1]), Path(sys.argv[2]))
        worker = threading.Thread(target=etcd.start)  # its end is not the end of the test process
        worker.start()
        worker.join()
        print(etcd.process.pid, flush=True)
        sys.stdin.read()
    """
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program, assets / "etcd", tmp_path],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as tests:
        assert tests.stdout is not None
        server = Path("/proc") / tests.stdout.readline().decode().strip()
        assert (server / "comm").read_text() == "etcd\n"
        os.kill(tests.pid, signal.SIGKILL)
    assert wait_until(lambda: not server.exists())


def test_the_high_water_of_memory_starts_again_when_it_is_reset(tmp_path: Path) -> None:
    # A program of its own: a server may reach a new height at any moment.
    program = "large = b'x' * 200 * 2**20; del large; print('freed', flush=True); __import__('time').sleep(600)"
    process = Process("python", tmp_path / "log")
    process.spawn([sys.executable, "-c", program])
    try:
        process.wait_ready(lambda: "freed" in process.log.read_text(), timeout=60)
        assert process.memory_high_water() > 200 * 2**20
        process.reset_memory_high_water()
        assert 0 < process.memory_high_water() < 100 * 2**20
    finally:
        process.kill()


def test_a_reserved_port_is_free_for_its_server_alone() -> None:
    reserved = ReservedPort()
    address = ("127.0.0.1", reserved.number)
    with closing(reserved):
        for _ in range(2):
            with socket.create_server(address), socket.create_connection(address):
                pass  # create_server sets SO_REUSEADDR, as Go does
            with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
                stranger.bind(address)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)


def test_assets_that_are_set_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ASSETS_VARIABLE, raising=False)
    assert find_assets() is None
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"{ASSETS_VARIABLE}={tmp_path}: no program etcd there"):
        find_assets()
