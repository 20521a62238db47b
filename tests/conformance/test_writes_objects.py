"""POST, PUT and DELETE of one object: what they answer, what they keep, what they refuse."""

from typing import Any

import pytest
from tests.conformance.client import Json, Server
from tests.e2e.manifests import config_map, pod

# What the server makes up: it differs from object to object.
_MADE_UP = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "deletionTimestamp", "namespace", "labels")


def config_maps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


def pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def named(name: str, data: Json | None = None, **metadata: Any) -> Json:
    return {"metadata": {"name": name, **metadata}, "data": data or {"a": "1"}}


def bound_pod(name: str) -> Json:
    made = pod(name)
    return made | {"spec": made["spec"] | {"nodeName": "nobody"}}


def stable(obj: Json) -> Json:
    """Metadata without what is made up."""
    return {name: value for name, value in obj["metadata"].items() if name not in _MADE_UP}


def version(obj: Json) -> str:
    return str(obj["metadata"]["resourceVersion"])


# -- create


def test_a_creation_is_completed(server: Server, namespace: str) -> None:
    sent = named("one", generation=7, uid="mine", creationTimestamp="2001-01-01T00:00:00Z")
    answer = server.request("POST", config_maps(namespace), body=sent)
    assert answer.status == 201
    created = answer.json
    assert (created["kind"], created["apiVersion"]) == ("ConfigMap", "v1")
    assert created["metadata"]["namespace"] == namespace
    assert created["metadata"]["uid"] != "mine"
    assert created["metadata"]["creationTimestamp"] > "2002"
    assert created == server.ok("GET", f"{config_maps(namespace)}/one")


def test_a_name_is_generated(server: Server, namespace: str) -> None:
    created = server.ok("POST", config_maps(namespace), {"metadata": {"generateName": "web-"}})
    assert created["metadata"]["name"].startswith("web-")
    assert len(created["metadata"]["name"]) == len("web-") + 5
    assert created["metadata"]["generateName"] == "web-"
    both = server.ok("POST", config_maps(namespace), {"metadata": {"name": "both", "generateName": "web-"}})
    assert both["metadata"]["name"] == "both"


def test_a_yaml_body(server: Server, namespace: str) -> None:
    body = b"metadata:\n  name: one\ndata:\n  a: b\n"
    answer = server.request("POST", config_maps(namespace), body=body, content_type="application/yaml")
    assert (answer.status, answer.json["data"]) == (201, {"a": "b"})


@pytest.mark.parametrize(
    ("sent", "refusal", "causes"),
    [
        ({"data": {}}, (422, "Invalid"), [("FieldValueRequired", "metadata.name")]),
        (named("Bad_Name"), (422, "Invalid"), [("FieldValueInvalid", "metadata.name")]),
        (named("a..b"), (422, "Invalid"), [("FieldValueInvalid", "metadata.name")]),
        (named("x", labels={"a b": "1"}), (422, "Invalid"), [("FieldValueInvalid", "metadata.labels")]),
        (named("x", labels={"a": "b c"}), (422, "Invalid"), [("FieldValueInvalid", "metadata.labels")]),
        (named("x", annotations={"a b": "1"}), (422, "Invalid"), [("FieldValueInvalid", "metadata.annotations")]),
        (named("x", finalizers=["mine"]), (422, "Invalid"), [("FieldValueInvalid", "metadata.finalizers[0]")]),
        (
            named("x", ownerReferences=[{"name": "y", "apiVersion": "v1", "kind": "Pod"}]),
            (422, "Invalid"),
            [("FieldValueRequired", "metadata.ownerReferences[0].uid")],
        ),
        (named("x", namespace="other"), (400, "BadRequest"), []),
        (named("x", labels=[]), (400, "BadRequest"), []),
        (named("x") | {"kind": "ConfigMap", "apiVersion": "v2"}, (400, "BadRequest"), []),
        (named("x", resourceVersion="5"), (500, "None"), []),
    ],
)
def test_creations_that_are_refused(
    server: Server, namespace: str, sent: Json, refusal: tuple[int, str], causes: list[tuple[str, str]]
) -> None:
    answer = server.request("POST", config_maps(namespace), body=sent)
    assert answer.refusal() == refusal
    assert answer.causes() == causes
    assert server.ok("GET", config_maps(namespace))["items"] == [] or "kube-root-ca.crt" in answer.text


def test_the_same_name_twice(server: Server, namespace: str) -> None:
    server.ok("POST", config_maps(namespace), named("one"))
    answer = server.request("POST", config_maps(namespace), body=named("one"))
    assert answer.refusal() == (409, "AlreadyExists")
    assert answer.json["message"] == 'configmaps "one" already exists'
    assert answer.json["details"] == {"name": "one", "kind": "configmaps"}


def test_a_namespace_that_does_not_exist(server: Server) -> None:
    answer = server.request("POST", config_maps("nowhere"), body=named("one"))
    assert answer.refusal() == (404, "NotFound")
    assert answer.json["details"] == {"name": "nowhere", "kind": "namespaces"}


def test_a_created_namespace_is_completed(server: Server) -> None:
    name = server.create_namespace()
    created = server.ok("GET", f"/api/v1/namespaces/{name}")
    assert created["metadata"]["labels"] == {"kubernetes.io/metadata.name": name}
    assert (created["spec"], created["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})
    assert server.ok("GET", "/api/v1/namespaces/default")["status"] == {"phase": "Active"}
    dotted = server.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "a.b"}})
    assert dotted.causes() == [("FieldValueInvalid", "metadata.name")]


@pytest.mark.parametrize("body", [b"{", b"[1]", b""])
def test_a_body_that_is_no_object(server: Server, namespace: str, body: bytes) -> None:
    assert server.request("POST", config_maps(namespace), body=body).refusal() == (400, "BadRequest")


def test_a_body_of_an_unknown_type(server: Server, namespace: str) -> None:
    answer = server.request("POST", config_maps(namespace), body=b"x", content_type="text/plain")
    assert answer.refusal() == (415, "UnsupportedMediaType")


def test_generations(server: Server, namespace: str) -> None:
    created = server.ok("POST", pods(namespace), pod("one"))
    assert created["metadata"]["generation"] == 1
    assert "generation" not in server.ok("POST", config_maps(namespace), named("one"))["metadata"]
    labelled = server.ok("PATCH", f"{pods(namespace)}/one", {"metadata": {"labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 1
    changed = server.ok("PATCH", f"{pods(namespace)}/one", {"spec": {"activeDeadlineSeconds": 60}})
    assert changed["metadata"]["generation"] == 2


# -- update


def test_an_update_replaces(server: Server, namespace: str) -> None:
    path = f"{config_maps(namespace)}/one"
    created = server.ok("POST", config_maps(namespace), named("one", labels={"a": "b"}))
    updated = server.ok("PUT", path, named("one", {"b": "2"}))
    assert updated["data"] == {"b": "2"}
    assert "labels" not in updated["metadata"]
    assert updated["metadata"]["uid"] == created["metadata"]["uid"]
    assert updated["metadata"]["creationTimestamp"] == created["metadata"]["creationTimestamp"]
    assert version(updated) != version(created)


def test_an_update_that_changes_nothing_keeps_the_version(server: Server, namespace: str) -> None:
    path = f"{config_maps(namespace)}/one"
    created = server.ok("POST", config_maps(namespace), named("one"))
    assert server.ok("PUT", path, created) == created
    assert version(server.ok("PUT", path, named("one"))) == version(created)
    assert server.ok("PATCH", path, {}) == created
    assert server.ok("PATCH", path, {"data": {"a": "1"}}) == created
    with server.watch(config_maps(namespace), resourceVersion=version(created)) as watch:
        changed = server.ok("PATCH", path, {"data": {"a": "2"}})
        (event,) = watch.take(1)
    assert event["object"] == changed


def test_what_the_server_owns_is_not_changed(server: Server, namespace: str) -> None:
    path = f"{config_maps(namespace)}/one"
    created = server.ok("POST", config_maps(namespace), named("one"))
    sent = named("one", creationTimestamp="2001-01-01T00:00:00Z", generation=5)
    assert server.ok("PUT", path, sent)["metadata"] == created["metadata"]


@pytest.mark.parametrize(
    ("sent", "refusal", "causes"),
    [
        (named("two"), (400, "BadRequest"), []),
        ({"data": {"a": "2"}}, (400, "BadRequest"), []),
        (named("one", namespace="other"), (400, "BadRequest"), []),
        (named("one", {"a": "2"}, resourceVersion="1"), (409, "Conflict"), []),
        (named("one", {"a": "2"}, uid="other"), (409, "Conflict"), []),
        (
            named("one", deletionTimestamp="2001-01-01T00:00:00Z", deletionGracePeriodSeconds=4),
            (422, "Invalid"),
            [
                ("FieldValueInvalid", "metadata.deletionGracePeriodSeconds"),
                ("FieldValueInvalid", "metadata.deletionTimestamp"),
            ],
        ),
        (named("one", labels={"a": "b c"}), (422, "Invalid"), [("FieldValueInvalid", "metadata.labels")]),
    ],
)
def test_updates_that_are_refused(
    server: Server, namespace: str, sent: Json, refusal: tuple[int, str], causes: list[tuple[str, str]]
) -> None:
    created = server.ok("POST", config_maps(namespace), named("one"))
    answer = server.request("PUT", f"{config_maps(namespace)}/one", body=sent)
    assert answer.refusal() == refusal
    assert answer.causes() == causes
    assert server.ok("GET", f"{config_maps(namespace)}/one") == created


def test_an_update_of_what_does_not_exist(server: Server, namespace: str) -> None:
    path = f"{config_maps(namespace)}/none"
    for sent in (named("none"), named("none", resourceVersion="5"), named("none", uid="x")):
        answer = server.request("PUT", path, body=sent)
        assert answer.refusal() == (404, "NotFound")
        assert answer.json["details"] == {"name": "none", "kind": "configmaps"}


def test_a_lease_is_replaced_by_version_only(server: Server, namespace: str) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    created = server.ok("POST", path, {"metadata": {"name": "one"}, "spec": {"holderIdentity": "a"}})
    answer = server.request("PUT", f"{path}/one", body={"metadata": {"name": "one"}, "spec": {"holderIdentity": "b"}})
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == [("FieldValueInvalid", "metadata.resourceVersion")]
    taken = server.ok("PUT", f"{path}/one", created | {"spec": {"holderIdentity": "b"}})
    assert taken["spec"]["holderIdentity"] == "b"
    assert server.request("PUT", f"{path}/one", body=created).refusal() == (409, "Conflict")


# -- dry run


def test_dry_runs_keep_nothing(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    dry = {"dryRun": "All"}
    made = server.request("POST", path, query=dry, body=named("one"))
    assert made.status == 201
    assert "resourceVersion" not in made.json["metadata"]
    assert server.get(f"{path}/one").status == 404
    created = server.ok("POST", path, named("one"))
    assert server.request("PUT", f"{path}/one", query=dry, body=named("one", {"b": "2"})).json["data"] == {"b": "2"}
    patched = server.request(
        "PATCH", f"{path}/one", query=dry, body={"data": {"c": "3"}}, content_type="application/merge-patch+json"
    )
    assert patched.json["data"] == {"a": "1", "c": "3"}
    deleted = server.request("DELETE", f"{path}/one", query=dry)
    assert deleted.json["status"] == "Success"
    assert server.request("DELETE", f"{path}/one", body={"dryRun": ["All"]}).status == 200
    assert server.ok("GET", f"{path}/one") == created
    for method, kind in (("POST", "CreateOptions"), ("DELETE", "DeleteOptions")):
        target = path if method == "POST" else f"{path}/one"
        answer = server.request(
            method, target, query={"dryRun": "Some"}, body=named("two") if method == "POST" else None
        )
        assert answer.refusal() == (422, "Invalid")
        assert answer.json["details"]["kind"] == kind
        assert answer.causes() == [("FieldValueNotSupported", "dryRun")]


# -- delete


def test_a_deletion_is_answered_with_a_status(server: Server, namespace: str) -> None:
    path = f"{config_maps(namespace)}/one"
    created = server.ok("POST", config_maps(namespace), named("one"))
    answer = server.request("DELETE", path)
    assert answer.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "one", "kind": "configmaps", "uid": created["metadata"]["uid"]},
    }
    assert server.get(path).refusal() == (404, "NotFound")
    again = server.request("DELETE", path)
    assert again.refusal() == (404, "NotFound")
    assert again.json["message"] == 'configmaps "one" not found'


def test_some_deletions_are_answered_with_the_object(server: Server, namespace: str) -> None:
    service = {"metadata": {"name": "one"}, "spec": {"ports": [{"port": 80}]}}
    server.ok("POST", f"/api/v1/namespaces/{namespace}/services", service)
    assert server.ok("DELETE", f"/api/v1/namespaces/{namespace}/services/one")["kind"] == "Service"
    server.ok("POST", pods(namespace), pod("one"))
    deleted = server.ok("DELETE", f"{pods(namespace)}/one")
    assert (deleted["kind"], deleted["metadata"]["deletionGracePeriodSeconds"]) == ("Pod", 0)
    assert "deletionTimestamp" in deleted["metadata"]
    assert deleted["metadata"]["generation"] == 2
    assert server.get(f"{pods(namespace)}/one").status == 404


@pytest.mark.parametrize(("policy", "finalizers"), [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])])
def test_policies_that_wait_for_a_collector(server: Server, namespace: str, policy: str, finalizers: list[str]) -> None:
    path = f"{config_maps(namespace)}/one"
    # A finalizer of its own, or the fake's collector would be done before anybody can look.
    server.ok("POST", config_maps(namespace), named("one", finalizers=["example.com/hold"]))
    marked = server.ok("DELETE", path, propagationPolicy=policy)
    assert marked["metadata"]["finalizers"] == ["example.com/hold", *finalizers]
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    other = server.ok("DELETE", path, propagationPolicy="Background")
    assert other["metadata"]["finalizers"] == ["example.com/hold"]
    assert other["metadata"]["deletionTimestamp"] == marked["metadata"]["deletionTimestamp"]


def test_deletions_that_are_refused(server: Server, namespace: str) -> None:
    path = f"{config_maps(namespace)}/one"
    created = server.ok("POST", config_maps(namespace), named("one"))
    unknown = server.request("DELETE", path, query={"propagationPolicy": "Bogus"})
    assert unknown.causes() == [("FieldValueNotSupported", "propagationPolicy")]
    both = server.request("DELETE", path, body={"propagationPolicy": "Background", "orphanDependents": True})
    assert both.causes() == [("FieldValueInvalid", "propagationPolicy")]
    assert server.request("DELETE", path, query={"gracePeriodSeconds": "x"}).refusal() == (400, "BadRequest")
    assert server.request("DELETE", path, body={"kind": "Pod", "apiVersion": "v1"}).refusal() == (400, "BadRequest")
    for name in ("uid", "resourceVersion"):
        answer = server.request("DELETE", path, body={"preconditions": {name: "1"}})
        assert answer.refusal() == (409, "Conflict")
        assert answer.json["details"] == {"name": "one", "kind": "ConfigMap"}
        assert created["metadata"][name] in answer.json["message"]
    same = {name: created["metadata"][name] for name in ("uid", "resourceVersion")}
    assert server.request("DELETE", path, body={"preconditions": same}).status == 200
    assert server.request("DELETE", "/api/v1/namespaces/default").refusal() == (403, "Forbidden")


def test_a_bound_pod_waits_for_its_kubelet(server: Server, namespace: str) -> None:
    path = f"{pods(namespace)}/one"
    server.ok("POST", pods(namespace), bound_pod("one"))
    marked = server.ok("DELETE", path)
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert server.ok("DELETE", path) == marked
    shorter = server.ok("DELETE", path, gracePeriodSeconds="5")
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
    assert shorter["metadata"]["deletionTimestamp"] < marked["metadata"]["deletionTimestamp"]
    assert server.ok("DELETE", path, gracePeriodSeconds="50") == shorter
    assert server.ok("PATCH", path, {"metadata": {"labels": {"a": "b"}}})["metadata"]["labels"] == {"a": "b"}
    gone = server.ok("DELETE", path, gracePeriodSeconds="0")
    assert gone["metadata"]["deletionGracePeriodSeconds"] == 0
    assert server.get(path).status == 404


def test_a_pod_that_is_over_goes_at_once(server: Server, namespace: str) -> None:
    server.ok("POST", pods(namespace), bound_pod("one"))
    server.ok("PATCH", f"{pods(namespace)}/one/status", {"status": {"phase": "Succeeded"}})
    server.ok("DELETE", f"{pods(namespace)}/one")
    assert server.get(f"{pods(namespace)}/one").status == 404


# -- finalizers


def test_finalizers_hold_an_object_back(server: Server, namespace: str) -> None:
    path = f"{config_maps(namespace)}/one"
    server.ok("POST", config_maps(namespace), named("one", finalizers=["example.com/a", "example.com/b"]))
    marked = server.ok("DELETE", path)
    assert marked["kind"] == "ConfigMap"
    assert server.ok("DELETE", path) == marked
    added = server.request(
        "PATCH",
        path,
        body={"metadata": {"finalizers": ["example.com/a", "example.com/c"]}},
        content_type="application/merge-patch+json",
    )
    assert added.refusal() == (422, "Invalid")
    assert added.causes() == [("FieldValueForbidden", "metadata.finalizers")]
    kept = server.ok("PATCH", path, {"metadata": {"deletionTimestamp": None}, "data": {"b": "2"}})
    assert kept["metadata"]["deletionTimestamp"] == marked["metadata"]["deletionTimestamp"]
    assert kept["data"] == {"a": "1", "b": "2"}
    one_left = server.ok("PATCH", path, {"metadata": {"finalizers": ["example.com/b"]}})
    with server.watch(config_maps(namespace), resourceVersion=version(one_left)) as watch:
        last = server.ok("PATCH", path, {"metadata": {"finalizers": None}})
        (event,) = watch.take(1)
    assert event["type"] == "DELETED"
    assert int(version(event["object"])) > int(version(one_left))
    assert "finalizers" not in last["metadata"]
    assert server.get(path).status == 404
    assert server.request("POST", config_maps(namespace), body=named("one")).status == 201


# -- many


def test_deleting_what_is_selected(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    created = [server.ok("POST", path, named(name, labels={"k": name})) for name in "abc"]
    dry = server.request("DELETE", path, query={"labelSelector": "k=a", "dryRun": "All"})
    assert [item["metadata"]["name"] for item in dry.json["items"]] == ["a"]
    deleted = server.ok("DELETE", path, labelSelector="k in (a,b)")
    assert deleted["kind"] == "ConfigMapList"
    assert [item["metadata"] for item in deleted["items"]] == [each["metadata"] for each in created[:2]]
    assert server.ok("DELETE", path, labelSelector="none")["items"] == []
    wrong = server.request("DELETE", path, query={"labelSelector": "k"}, body={"preconditions": {"uid": "x"}})
    assert wrong.refusal() == (409, "Conflict")
    server.ok("PATCH", f"{path}/c", {"metadata": {"finalizers": ["example.com/hold"]}})
    server.ok("DELETE", path, fieldSelector="metadata.name=c")
    assert "deletionTimestamp" in server.ok("GET", f"{path}/c")["metadata"]


def test_a_namespace_that_is_deleted_takes_nothing_new(server: Server) -> None:
    namespace = server.create_namespace()
    # Held by a finalizer, or the fake would have emptied the namespace by then.
    server.ok("POST", config_maps(namespace), named("one", finalizers=["example.com/hold"]))
    deleted = server.ok("DELETE", f"/api/v1/namespaces/{namespace}")
    assert deleted["status"]["phase"] == "Terminating"
    assert deleted["spec"] == {"finalizers": ["kubernetes"]}
    answer = server.request("POST", config_maps(namespace), body=config_map("two"))
    assert answer.refusal() == (403, "Forbidden")
    assert answer.causes() == [("NamespaceTerminating", "metadata.namespace")]
