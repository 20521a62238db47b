"""What a server says about itself: discovery, version, health."""

import functools

import pytest
from tests.conformance.client import JSON, NOBODY, Json, Server
from tests.conformance.objects import PARTIAL_LIST, TABLE
from tests.e2e.polling import wait_until

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
PARTS = ("name", "singularName", "namespaced", "kind", "verbs", "shortNames", "categories")

# name, kind, scope, short names, whether in the category all, whether it has a status
RESOURCES = """
v1                            configmaps               ConfigMap               namespaced cm      -   -
v1                            endpoints                Endpoints               namespaced ep      -   -
v1                            events                   Event                   namespaced ev      -   -
v1                            limitranges              LimitRange              namespaced limits  -   -
v1                            namespaces               Namespace               cluster    ns      -   status
v1                            nodes                    Node                    cluster    no      -   status
v1                            persistentvolumeclaims   PersistentVolumeClaim   namespaced pvc     -   status
v1                            persistentvolumes        PersistentVolume        cluster    pv      -   status
v1                            pods                     Pod                     namespaced po      all status
v1                            podtemplates             PodTemplate             namespaced -       -   -
v1                            replicationcontrollers   ReplicationController   namespaced rc      all status
v1                            resourcequotas           ResourceQuota           namespaced quota   -   status
v1                            secrets                  Secret                  namespaced -       -   -
v1                            serviceaccounts          ServiceAccount          namespaced sa      -   -
v1                            services                 Service                 namespaced svc     all status
apps/v1                       controllerrevisions      ControllerRevision      namespaced -       -   -
apps/v1                       daemonsets               DaemonSet               namespaced ds      all status
apps/v1                       deployments              Deployment              namespaced deploy  all status
apps/v1                       replicasets              ReplicaSet              namespaced rs      all status
apps/v1                       statefulsets             StatefulSet             namespaced sts     all status
autoscaling/v2                horizontalpodautoscalers HorizontalPodAutoscaler namespaced hpa     all status
batch/v1                      cronjobs                 CronJob                 namespaced cj      all status
batch/v1                      jobs                     Job                     namespaced -       all status
coordination.k8s.io/v1        leases                   Lease                   namespaced -       -   -
discovery.k8s.io/v1           endpointslices           EndpointSlice           namespaced -       -   -
events.k8s.io/v1              events                   Event                   namespaced ev      -   -
networking.k8s.io/v1          ingressclasses           IngressClass            cluster    -       -   -
networking.k8s.io/v1          ingresses                Ingress                 namespaced ing     -   status
networking.k8s.io/v1          networkpolicies          NetworkPolicy           namespaced netpol  -   -
policy/v1                     poddisruptionbudgets     PodDisruptionBudget     namespaced pdb     -   status
rbac.authorization.k8s.io/v1  clusterrolebindings      ClusterRoleBinding      cluster    -       -   -
rbac.authorization.k8s.io/v1  clusterroles             ClusterRole             cluster    -       -   -
rbac.authorization.k8s.io/v1  rolebindings             RoleBinding             namespaced -       -   -
rbac.authorization.k8s.io/v1  roles                    Role                    namespaced -       -   -
scheduling.k8s.io/v1          priorityclasses          PriorityClass           cluster    pc      -   -
storage.k8s.io/v1             storageclasses           StorageClass            cluster    sc      -   -
"""
ROWS = [line.split() for line in RESOURCES.strip().splitlines()]
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def base(group_version: str) -> str:
    return f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"


@pytest.mark.parametrize(("group_version", "plural", "kind", "scope", "short", "category", "status"), ROWS)
def test_a_resource(
    server: Server, group_version: str, plural: str, kind: str, scope: str, short: str, category: str, status: str
) -> None:
    listed = server.ok("GET", base(group_version))
    found = {entry["name"]: entry for entry in listed["resources"]}
    entry = {part: found[plural][part] for part in PARTS if part in found[plural]}
    assert entry == {
        "name": plural,
        "singularName": kind.lower(),
        "namespaced": scope == "namespaced",
        "kind": kind,
        "verbs": [verb for verb in VERBS if (plural, verb) != ("namespaces", "deletecollection")],
        **({"shortNames": [short]} if short != "-" else {}),
        **({"categories": [category]} if category != "-" else {}),
    }
    assert (f"{plural}/status" in found) is (status != "-")
    if status != "-":
        sub = found[f"{plural}/status"]
        assert (sub["kind"], sub["singularName"], sub["namespaced"]) == (kind, "", scope == "namespaced")
        assert sub["verbs"] == ["get", "patch", "update"]
    collection = server.ok("GET", f"{base(group_version)}/{plural}", limit="1")
    assert collection["kind"] == f"{kind}List"


def test_the_documents_have_their_kinds(server: Server) -> None:
    core, groups = server.ok("GET", "/api"), server.ok("GET", "/apis")
    assert (core["kind"], core["versions"]) == ("APIVersions", ["v1"])
    assert core["serverAddressByClientCIDRs"] == [{"clientCIDR": "0.0.0.0/0", "serverAddress": server.address}]
    assert (groups["kind"], groups["apiVersion"]) == ("APIGroupList", "v1")
    v1, apps = server.ok("GET", "/api/v1"), server.ok("GET", "/apis/apps/v1")
    assert (v1["kind"], v1["groupVersion"], "apiVersion" in v1) == ("APIResourceList", "v1", False)
    assert (apps["kind"], apps["groupVersion"], apps["apiVersion"]) == ("APIResourceList", "apps/v1", "v1")


def test_groups_have_versions(server: Server) -> None:
    groups = {group["name"]: group for group in server.ok("GET", "/apis")["groups"]}
    version = {"groupVersion": "apps/v1", "version": "v1"}
    assert groups["apps"] == {"name": "apps", "versions": [version], "preferredVersion": version}
    assert server.ok("GET", "/apis/apps") == {"kind": "APIGroup", "apiVersion": "v1", **groups["apps"]}
    assert {row[0].partition("/")[0] for row in ROWS if "/" in row[0]} | {"authorization.k8s.io"} <= groups.keys()
    assert groups["autoscaling"]["preferredVersion"]["version"] == "v2"


def test_a_custom_resource_is_in_discovery(server: Server) -> None:
    server.register_plain("Gizmo", group="rows.example.com")
    server.register_plain("Cog", group="rows.example.com", namespaced=False)
    verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
    # A real server needs a moment to tell of what it already serves.
    entries = {entry["name"]: entry for entry in eventually(server)["resources"]}
    for name, kind, namespaced in (("gizmos", "Gizmo", True), ("cogs", "Cog", False)):
        entry = {part: entries[name][part] for part in PARTS if part in entries[name]}
        assert entry == {
            "name": name,
            "singularName": kind.lower(),
            "namespaced": namespaced,
            "kind": kind,
            "verbs": verbs,
        }


def eventually(server: Server) -> Json:
    """The resources of the rows' own group, once both are there."""

    def listed() -> bool:
        answer = server.get("/apis/rows.example.com/v1")
        return answer.status == 200 and len(answer.json["resources"]) == 2

    assert wait_until(listed)
    return server.ok("GET", "/apis/rows.example.com/v1")


@pytest.mark.parametrize("path", ["/api", "/apis"])
@pytest.mark.parametrize("rest", ["", ",application/json"])
def test_discovery_in_one_document(server: Server, path: str, rest: str) -> None:
    answer = server.request("GET", path, accept=AGGREGATED + rest)
    assert answer.status == 200
    assert answer.headers["content-type"] == AGGREGATED
    assert (answer.json["kind"], answer.json["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    groups = {item["metadata"].get("name", ""): item for item in answer.json["items"]}
    assert ("" in groups) is (path == "/api")
    wanted, kind = ("", "Pod") if path == "/api" else ("apps", "Deployment")
    (version,) = groups[wanted]["versions"]
    assert (version["version"], version["freshness"]) == ("v1", "Current")
    (entry,) = (each for each in version["resources"] if each["resource"] == f"{kind.lower()}s")
    assert entry["responseKind"] == {"group": "", "version": "", "kind": kind}
    assert (entry["scope"], entry["singularResource"], entry["verbs"]) == ("Namespaced", kind.lower(), VERBS)
    assert entry["categories"] == ["all"]
    statuses = [sub for sub in entry["subresources"] if sub["subresource"] == "status"]
    assert [(sub["responseKind"]["kind"], sub["verbs"]) for sub in statuses] == [(kind, ["get", "patch", "update"])]


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_discovery_in_a_document_of_another_version(server: Server, path: str) -> None:
    other = AGGREGATED.replace("v=v2", "v=v9")
    assert server.request("GET", path, accept=other).refusal() == (406, "NotAcceptable")
    answer = server.request("GET", path, accept=f"{other},application/json")
    assert (answer.status, answer.headers["content-type"]) == (200, JSON)
    assert answer.json["kind"] in {"APIVersions", "APIGroupList"}


@pytest.mark.parametrize("path", ["/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1"])
def test_discovery_in_other_forms(server: Server, path: str) -> None:
    for accept in ("text/plain", TABLE):
        assert server.request("GET", path, accept=accept).refusal() == (406, "NotAcceptable")
    assert server.request("GET", path, accept=f"{PARTIAL_LIST}, application/json").status == 200


@pytest.mark.parametrize("path", ["/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1", "/version"])
def test_a_slash_at_the_end_changes_nothing(server: Server, path: str) -> None:
    assert server.ok("GET", f"{path}/") == server.ok("GET", path)


@pytest.mark.parametrize("path", ["/api//", "/version//"])
def test_more_slashes_change_nothing(server: Server, path: str) -> None:
    assert server.ok("GET", path) == server.ok("GET", path.rstrip("/"))


@pytest.mark.parametrize("path", ["/api/v2", "/apis/apps/v9"])
def test_versions_of_known_groups_that_do_not_exist(server: Server, path: str) -> None:
    assert server.get(path).refusal() == (404, "NotFound")


@pytest.mark.parametrize("path", ["/apis/nope", "/apis/nope/v1", "/apis/nope.example.com/v1"])
def test_groups_that_do_not_exist(server: Server, path: str) -> None:
    answer = server.get(path)
    assert (answer.status, answer.text) == (404, "404 page not found\n")
    assert answer.headers["content-type"].startswith("text/plain")


# Version and health


def test_the_version(server: Server) -> None:
    version = server.ok("GET", "/version")
    assert {"major", "minor", "gitVersion", "platform"} <= version.keys()
    assert (version["major"], version["minor"]) == ("1", "37")
    assert version["gitVersion"].startswith("v1.37.")
    assert server.request("GET", "/version", accept=TABLE).json == version
    assert server.request("GET", "/version", accept="text/plain").refusal() == (406, "NotAcceptable")


@pytest.mark.parametrize("probe", ["readyz", "livez", "healthz"])
def test_health(server: Server, probe: str) -> None:
    for accept in (JSON, "text/plain", None):
        answer = server.request("GET", f"/{probe}", accept=accept)
        assert (answer.status, answer.text) == (200, "ok")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert server.get(f"/{probe}/ping").text == "ok"
    unknown = server.get(f"/{probe}/nope")
    assert (unknown.status, unknown.text) == (404, "404 page not found\n")


@pytest.mark.parametrize("probe", ["readyz", "livez", "healthz"])
def test_health_in_many_words(server: Server, probe: str) -> None:
    answer = server.get(f"/{probe}", verbose="")
    *checks, last = answer.text.splitlines()
    assert answer.status == 200
    assert checks[0] == "[+]ping ok"
    assert all(check.startswith("[+]") and check.endswith(" ok") for check in checks)
    assert last == f"{probe} check passed"


def test_a_user_without_rights_may_read_all_of_this(server: Server) -> None:
    get = functools.partial(server.request, "GET", token=NOBODY)
    for path in (
        "/api",
        "/apis",
        "/api/v1",
        "/apis/apps",
        "/apis/apps/v1",
        "/version",
        "/readyz",
        "/livez",
        "/healthz",
    ):
        assert get(path).status == 200
