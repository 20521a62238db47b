"""``watch`` against a fake API server: what is printed, what is asked for, what is said when it cannot be."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kubeinformer import Cluster, Informer, RawObject
from kubeinformer.cli import _watch
from kubeinformer.cli._sync import _TICK

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Serve, Served


def kubeconfig(folder: Path, url: str) -> Path:
    config: RawObject = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u"}},
            {"name": "elsewhere", "context": {"cluster": "none", "user": "u"}},
        ],
        "clusters": [
            {"name": "c", "cluster": {"server": url}},
            {"name": "none", "cluster": {"server": "http://127.0.0.1:9"}},
        ],
        "users": [{"name": "u", "user": {}}],
    }
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    return file


# What is printed.


def test_names(server: "Served", run: "Run") -> None:
    server.pod("web-1")
    server.pod("web-0", namespace="kube-system")
    ended = run("watch", "v1/pods", "--once", "-o", "name", "--server", server.url)
    assert (ended.code, ended.out, ended.err) == (0, "default/web-1\nkube-system/web-0\n", "")


def test_a_table_of_a_namespaced_resource(server: "Served", run: "Run") -> None:
    server.pod("web-0")
    server.pod("a-much-longer-name", namespace="kube-system")
    ended = run("watch", "v1/pods", "--once", "--server", server.url)
    heading, *rows = ended.out.splitlines()
    assert heading == "NAMESPACE   NAME               VERSION    AGE"
    assert [row[:31].split() for row in rows] == [["default", "web-0"], ["kube-system", "a-much-longer-name"]]
    assert [row[31:].split()[0] for row in rows] == ["1001", "1002"]
    assert all(row.split()[3] != "<unknown>" for row in rows)
    assert (ended.code, ended.err) == (0, "")


def test_a_table_of_a_cluster_scoped_resource_has_no_namespaces(server: "Served", run: "Run") -> None:
    server.do("create", "v1/nodes", {"metadata": {"name": "node-1"}})
    ended = run("watch", "v1/nodes", "--once", "-o", "table", "--server", server.url)
    assert [line.split()[0] for line in ended.out.splitlines()] == ["NAME", "node-1"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), ""),
        (("-A",), ""),
        (("-n", "nosuch"), " in namespace 'nosuch'"),
        (("-l", "app=none"), " that match the selector"),
        (("-n", "default", "--field-selector", "spec.nodeName=x"), " in namespace 'default' that match the selector"),
    ],
)
def test_nothing_is_a_heading_alone_and_a_line_that_says_so(
    options: tuple[str, ...], said: str, server: "Served", run: "Run"
) -> None:
    if any(word in options for word in ("-n", "-l")):
        server.pod("web-0")
    ended = run("watch", "v1/pods", "--once", *options, "--server", server.url)
    assert ended.out.split() == ["NAME", "VERSION", "AGE"]
    assert (ended.code, ended.err) == (0, f"kubeinformer: found no v1/pods{said}\n")


@pytest.mark.parametrize("form", ["name", "json"])
def test_nothing_is_nothing_to_a_program(form: str, server: "Served", run: "Run") -> None:
    ended = run("watch", "v1/pods", "--once", "-o", form, "-n", "nosuch", "--server", server.url)
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_json_lines_are_the_objects_as_sent(server: "Served", run: "Run") -> None:
    server.pod("web-0", annotations={"app": "größe"})
    server.pod("web-1")
    ended = run("watch", "v1/pods", "--once", "--output", "json", "--server", server.url)
    objects = [json.loads(line) for line in ended.out.splitlines()]
    assert objects == [server.do("get", "v1/pods", f"default/web-{number}") for number in (0, 1)]
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("form", ["name", "table", "json"])
@pytest.mark.parametrize("watch_list", [True, False])
def test_all_of_a_fleet_is_printed_once(form: str, watch_list: bool, server: "Served", run: "Run") -> None:  # noqa: FBT001
    server.set("watch_list_enabled", value=watch_list)
    server.do("seed", "v1/pods", 700)
    ended = run("watch", "v1/pods", "--once", "-o", form, "--server", server.url)
    lines = ended.out.splitlines()[form == "table" :]
    assert len(lines) == len(set(lines)) == 700
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("form", "expected"), [("name", ("keys", True)), ("table", ("metadata", True)), ("json", ("compressed", False))]
)
def test_no_more_is_kept_and_asked_for_than_is_shown(
    form: str, expected: tuple[str, bool], server: "Served", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    informer = Cluster.informer

    def recorded(self: Cluster, resource: str, **options: Any) -> Informer:
        asked.append(options)
        return informer(self, resource, **options)

    monkeypatch.setattr(Cluster, "informer", recorded)
    assert run("watch", "v1/pods", "--once", "-o", form, "--server", server.url).code == 0
    assert [(options["retain"], options["metadata_only"]) for options in asked] == [expected]


@pytest.mark.parametrize("option", ["-n", "--namespace"])
def test_one_namespace(option: str, server: "Served", run: "Run") -> None:
    server.pod("web-0")
    server.pod("web-0", namespace="kube-system")
    ended = run("watch", "v1/pods", "--once", "-o", "name", option, "kube-system", "--server", server.url)
    assert ended.out == "kube-system/web-0\n"


@pytest.mark.parametrize("option", ["-l", "--selector"])
def test_a_label_selector(option: str, server: "Served", run: "Run") -> None:
    server.pod("web-0", labels={"app": "web"})
    server.pod("api-0", labels={"app": "api"})
    server.pod("cron-0")
    ended = run("watch", "v1/pods", "--once", "-o", "name", option, "app in (api,x)", "--server", server.url)
    assert ended.out == "default/api-0\n"


@pytest.mark.parametrize("more", [("-A",), ("--all-namespaces",), ()])
def test_all_namespaces_are_the_default_and_can_be_said(more: tuple[str, ...], server: "Served", run: "Run") -> None:
    server.pod("web-0")
    server.pod("web-0", namespace="kube-system")
    ended = run("watch", "v1/pods", "--once", "-o", "name", *more, "--server", server.url)
    assert ended.out == "default/web-0\nkube-system/web-0\n"


def test_one_namespace_and_all_exclude_each_other(run: "Run") -> None:
    ended = run("watch", "v1/pods", "-A", "-n", "default", "--server", "http://127.0.0.1:9")
    assert ended.code == 2
    assert "exclude each other" in ended.error


def test_a_field_selector(server: "Served", run: "Run") -> None:
    server.pod("web-0")
    server.do("create", "v1/pods", {"metadata": {"name": "web-1"}, "spec": {"nodeName": "node-2"}})
    ended = run(
        "watch", "v1/pods", "--once", "-o", "name", "--field-selector", "spec.nodeName=node-2", "--server", server.url
    )
    assert ended.out == "default/web-1\n"


@pytest.mark.parametrize(
    ("option", "value"), [("-n", "Not/One"), ("-n", ""), ("-l", "a=b\nc=d"), ("--field-selector", "a=\x1b[2J")]
)
def test_what_cannot_go_into_a_url(option: str, value: str, server: "Served", run: "Run") -> None:
    ended = run("watch", "v1/pods", option, value, "--server", server.url)
    assert ended.code == 2
    assert ended.err.removesuffix("\n").isprintable()
    assert server.queries == []


def test_metadata_only(server: "Served", run: "Run") -> None:
    server.pod("web-0", labels={"app": "web"})
    ended = run("watch", "v1/pods", "--once", "-o", "json", "--metadata-only", "--server", server.url)
    (printed,) = map(json.loads, ended.out.splitlines())
    assert printed["metadata"] == server.do("get", "v1/pods", "default/web-0")["metadata"]
    assert not {"spec", "status"} & set(printed)


# In which order.


def sortable(server: "Served") -> None:
    for name, age, phase, restarts in (("c", 3, "Running", [1]), ("a", 1, None, []), ("b", 2, "Failed", [20])):
        made = server.do(
            "create",
            "v1/pods",
            {
                "metadata": {"name": name, "namespace": f"n{age}", "labels": {"example.com/tier": f"t{4 - age}"}},
                "status": {"phase": phase, "restarts": restarts} if phase else {},
                "spec": {"priority": restarts[0] if restarts else "none"},
            },
        )
        assert made["metadata"]["name"] == name


@pytest.mark.parametrize("form", ["name", "table", "json"])
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("name", "abc"),
        (".metadata.namespace", "abc"),
        (r".metadata.labels.example\.com/tier", "cba"),
        (".spec.priority", "cba"),  # numbers, then text
        (".status.restarts[0]", "cba"),  # then what has none
        (".status.restarts[0].x", "abc"),
        (".spec.nothing.at[0].all", "abc"),
        (".status", "abc"),
    ],
)
def test_a_snapshot_is_sorted(form: str, order: str, expected: str, server: "Served", run: "Run") -> None:
    sortable(server)
    ended = run("watch", "v1/pods", "--once", "-o", form, "--sort", order, "--server", server.url)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()[form == "table" :]
    names = {
        "name": lambda line: line.partition("/")[2],
        "table": lambda line: line.split()[1],
        "json": lambda line: json.loads(line)["metadata"]["name"],
    }
    assert "".join(map(names[form], lines)) == expected


def test_by_age_the_oldest_is_first(server: "Served", run: "Run") -> None:
    server.do(
        "seed",
        "v1/pods",
        3,
        lambda n: {"metadata": {"name": f"web-{n}", "creationTimestamp": f"20{30 - n}-01-01T00:00:00Z"}},
    )
    ended = run("watch", "v1/pods", "--once", "-o", "name", "--sort", "age", "--server", server.url)
    assert [line.rpartition("-")[2] for line in ended.out.splitlines()] == ["2", "1", "0"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [("name", ("keys", True)), ("age", ("metadata", True)), (".status.phase", ("compressed", False))],
)
def test_no_more_is_kept_than_the_order_needs(
    order: str, expected: tuple[str, bool], server: "Served", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    informer = Cluster.informer

    def recorded(self: Cluster, resource: str, **options: Any) -> Informer:
        asked.append(options)
        return informer(self, resource, **options)

    monkeypatch.setattr(Cluster, "informer", recorded)
    assert run("watch", "v1/pods", "--once", "-o", "name", "--sort", order, "--server", server.url).code == 0
    assert [(options["retain"], options["metadata_only"]) for options in asked] == [expected]


@pytest.mark.parametrize("order", ["", "size", "status.phase", ".", "..a", ".a.", ".a[", ".a[x]", ".a[-1]", "[0]"])
def test_what_is_no_order(order: str, run: "Run") -> None:
    ended = run("watch", "v1/pods", "--sort", order, "--server", "http://127.0.0.1:9")
    assert ended.code == 2
    assert "'.status.phase'" in ended.error


def test_metadata_alone_cannot_be_sorted_by_status(run: "Run") -> None:
    ended = run("watch", "v1/pods", "--metadata-only", "--sort", ".status.phase", "--server", "http://127.0.0.1:9")
    assert ended.code == 2
    assert ".metadata" in ended.error


# Where to.


def test_a_kubeconfig_its_context_and_the_environment(
    server: "Served", run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pod("web-0")
    file = kubeconfig(tmp_path, server.url)
    once = ("watch", "v1/pods", "--once", "-o", "name")
    assert run(*once, "--kubeconfig", file).out == "default/web-0\n"
    assert run(*once, "--kubeconfig", file, "--context", "here").out == "default/web-0\n"
    assert "127.0.0.1:9" in run(*once, "--kubeconfig", file, "--context", "elsewhere", "--timeout", "0.1").error
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert run(*once).out == "default/web-0\n"


def test_no_kubeconfig_anywhere(run: "Run", nowhere: Path) -> None:
    ended = run("watch", "v1/pods", "--once")
    assert ended.code == 2
    assert str(nowhere / ".kube/config") in ended.error


def test_a_kubeconfig_that_is_not_there(run: "Run", tmp_path: Path) -> None:
    ended = run("watch", "v1/pods", "--kubeconfig", tmp_path / "none")
    assert ended.code == 2
    assert "no such file" in ended.error


def test_a_context_that_is_not_there(server: "Served", run: "Run", tmp_path: Path) -> None:
    ended = run("watch", "v1/pods", "--kubeconfig", kubeconfig(tmp_path, server.url), "--context", "prod")
    assert ended.code == 2
    assert "prod" in ended.error


@pytest.mark.parametrize("more", [("--kubeconfig", "f"), ("--context", "c")])
def test_two_ways_to_a_cluster(more: tuple[str, str], run: "Run") -> None:
    ended = run("watch", "v1/pods", "--server", "http://127.0.0.1:9", *more)
    assert ended.code == 2
    assert "--server goes with neither" in ended.error


def test_an_authority_without_a_server(run: "Run") -> None:
    ended = run("watch", "v1/pods", "--ca-file", "ca.pem")
    assert ended.code == 2
    assert "--ca-file goes with --server" in ended.error


@pytest.mark.parametrize("once", [("--once",), ()])
def test_an_authority_that_cannot_be_read(once: tuple[str, ...], run: "Run", tmp_path: Path) -> None:
    missing = tmp_path / "ca.pem"
    ended = run("watch", "v1/pods", *once, "--server", "https://127.0.0.1:9", "--ca-file", missing)
    assert ended.code == 2
    assert str(missing) in ended.error


@pytest.mark.parametrize("url", ["127.0.0.1:8001", "ftp://127.0.0.1", "http://user:secret@127.0.0.1"])
def test_a_server_that_is_no_url_or_has_a_password(url: str, run: "Run") -> None:
    ended = run("watch", "v1/pods", "--server", url)
    assert ended.code == 2
    assert "secret" not in ended.error


@pytest.mark.parametrize("resource", ["pods", "", "v1/Pods", "a/b/c/d", "../v1/pods", "v1/pods\n\x1b[2J"])
def test_what_is_no_resource(resource: str, run: "Run") -> None:
    ended = run("watch", resource, "--server", "http://127.0.0.1:9")
    assert ended.code == 2
    assert "'apps/v1/deployments'" in ended.error
    assert ended.err.removesuffix("\n").isprintable()


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ("pods", "did you mean v1/pods?"),
        ("Deployment", "did you mean apps/v1/deployments?"),
        ("ingress", "did you mean networking.k8s.io/v1/ingresses?"),
        ("statefulsets.apps", "did you mean apps/v1/statefulsets?"),
        ("apps/deployments", "did you mean apps/v1/deployments?"),
        ("events", "did you mean v1/events or events.k8s.io/v1/events?"),
    ],
)
def test_what_a_kubectl_user_means(resource: str, said: str, run: "Run") -> None:
    for command in ("watch", "doctor"):
        assert run(command, resource, "--server", "http://127.0.0.1:9").error.endswith(said)


# What a server can say. With and without --once: before the first snapshot a refusal is final either way.


@pytest.mark.parametrize("once", [("--once",), ()])
def test_forbidden(once: tuple[str, ...], server: "Served", run: "Run") -> None:
    server.do("deny", "watch")
    ended = run("watch", "v1/pods", *once, "--server", server.url)
    assert ended.code == 1
    assert "HTTP 403" in ended.error


@pytest.mark.parametrize("once", [("--once",), ()])
def test_no_such_resource(once: tuple[str, ...], server: "Served", run: "Run") -> None:
    ended = run("watch", "example.com/v1/widgets", *once, "--server", server.url)
    assert ended.code == 1
    assert "HTTP 404" in ended.error


@pytest.mark.parametrize("once", [("--once",), ()])
def test_unauthorized(once: tuple[str, ...], serve: "Serve", run: "Run") -> None:
    ended = run("watch", "v1/pods", *once, "--server", serve(tokens={"t": "alice"}).url)
    assert ended.code == 1
    assert "HTTP 401" in ended.error


@pytest.mark.parametrize("once", [("--once",), ()])
def test_a_selector_that_the_server_cannot_read(once: tuple[str, ...], server: "Served", run: "Run") -> None:
    ended = run("watch", "v1/pods", *once, "-l", "a in b", "--server", server.url)
    assert ended.code == 1
    assert "HTTP 400" in ended.error
    # As a watch-list it could have been refused for its age alone; as a list it was not.
    assert [query.get("watch") for query in server.queries[:2]] == ["true", None]


def test_nobody_answers(run: "Run", free_port: int) -> None:
    ended = run("watch", "v1/pods", "--once", "--timeout", "0.3", "--server", f"http://127.0.0.1:{free_port}")
    assert ended.code == 1
    assert "not synced within 0.3 s" in ended.error
    assert str(free_port) in ended.error


def test_live_mode_gives_up_only_when_told_to(run: "Run", free_port: int) -> None:
    ended = run("watch", "v1/pods", "--timeout", "0.3", "--server", f"http://127.0.0.1:{free_port}")
    assert ended.code == 1
    assert "not synced within 0.3 s" in ended.err.splitlines()[-1]
    assert ended.err.splitlines()[0].startswith("kubeinformer: warning: ")


def test_once_gives_up_by_itself(run: "Run", free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _watch.ONCE_TIMEOUT == 30
    monkeypatch.setattr(_watch, "ONCE_TIMEOUT", 2 * _TICK)
    ended = run("watch", "v1/pods", "--once", "--server", f"http://127.0.0.1:{free_port}")
    assert ended.code == 1
    assert "not synced within 0.2 s" in ended.error
