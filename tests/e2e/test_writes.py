"""Writes over the connection of the informers, and informers that see these writes."""

from functools import partial

import anyio
import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import NOBODY
from tests.e2e.mirrors import PATIENCE, connected

from kubeinformer import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RawObject,
    Resource,
    Unauthorized,
    connect,
)
from kubeinformer.connection import ConnectionConfig
from kubeinformer.connection.credentials import ClientCertificate

pytestmark = pytest.mark.anyio

MAPS, PODS = Resource.parse("v1/configmaps"), Resource.parse("v1/pods")
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Other than in this folder's other modules: the transports differ in how they send a body."""
    return str(request.param)


def version(obj: RawObject) -> str:
    return str(obj["metadata"]["resourceVersion"])


async def test_an_object_s_life(control_plane: ControlPlane, namespace: str) -> None:
    path = MAPS.path(namespace, "prices")
    async with connected(control_plane) as cluster:
        maps = cluster.informer("v1/configmaps", namespace=namespace)
        await maps.synced(timeout=PATIENCE)
        with cluster.record_writes() as writes:
            made = await cluster.request("POST", MAPS.path(namespace), manifests.config_map("prices", {"tea": "3"}))
            await maps.wait_for(version(made), timeout=PATIENCE)
            assert (maps.store.get(f"{namespace}/prices") or {})["data"] == {"tea": "3"}
            replaced = await cluster.request("PUT", path, made | {"data": {"tea": "4"}})
            patched = await cluster.request("PATCH", path, {"data": {"milk": "1"}}, content_type=MERGE)
            await cluster.request("PATCH", path, {"data": {"x": "1"}}, content_type=MERGE, query={"dryRun": "All"})
            applied = await cluster.request(
                "PATCH",
                path,
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prices"}, "data": {"salt": "2"}},
                query={"fieldManager": "one"},
                content_type=APPLY,
            )
            assert applied["data"] == {"tea": "4", "milk": "1", "salt": "2"}
            assert (await cluster.request("GET", path))["data"] == applied["data"]
        assert [write.resource_version for write in writes] == [*map(version, (made, replaced, patched, applied))]
        assert {(write.resource, write.namespace) for write in writes} == {(maps.resource, namespace)}
        await maps.wait_for(writes[-1].resource_version, timeout=PATIENCE)
        assert (maps.store.get(f"{namespace}/prices") or {})["data"] == applied["data"]
        with cluster.record_writes() as writes:
            assert (await cluster.request("DELETE", path))["status"] == "Success"
        assert writes == []


async def test_what_is_refused(control_plane: ControlPlane, namespace: str) -> None:
    path = MAPS.path(namespace, "prices")
    async with connected(control_plane) as cluster:
        made = await cluster.request("POST", MAPS.path(namespace), manifests.config_map("prices", {"tea": "3"}))
        patch = partial(cluster.request, "PATCH", path, content_type=APPLY)
        await cluster.request("PUT", path, made | {"data": {"tea": "4"}})
        with pytest.raises(AlreadyExists, match=rf"create v1/configmaps '{namespace}/prices' \(HTTP 409 AlreadyExists"):
            await cluster.request("POST", MAPS.path(namespace), manifests.config_map("prices"))
        with pytest.raises(Conflict, match=r"the object has been modified.*; read the object again"):
            await cluster.request("PUT", path, made | {"data": {"tea": "5"}})
        applied = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"tea": "6"}}
        with pytest.raises(Conflict, match="leave out the fields that others own") as conflict:
            await patch(applied, query={"fieldManager": "two"})
        [(field, reason, _)] = conflict.value.causes
        assert (field, reason) == (".data.tea", "FieldManagerConflict")
        assert (await patch(applied, query={"fieldManager": "two", "force": "true"}))["data"] == {"tea": "6"}
        with pytest.raises(Invalid, match=r"metadata\.name: Invalid value"):
            await cluster.request("POST", MAPS.path(namespace), manifests.config_map("NO"))
        with pytest.raises(NotFound, match="either there is no such object"):
            await cluster.request("GET", MAPS.path(namespace, "none"))
        with pytest.raises(NotFound, match=r'namespaces \\?"none\\?" not found.*check that the namespace exists'):
            await cluster.request("POST", MAPS.path("none"), manifests.config_map("prices"))
        with pytest.raises(NotFound, match="is not served"):
            await cluster.request("GET", "/apis/none.example.com/v1/things/a")


async def test_a_definition_that_is_refused_says_why(control_plane: ControlPlane, namespace: str) -> None:
    definition = manifests.custom_resource_definition("Widget", group=f"{namespace}.example.com")
    definition["spec"]["versions"][0]["storage"] = False
    definition["spec"]["names"]["plural"] = "Others"
    path = Resource.parse("apiextensions.k8s.io/v1/customresourcedefinitions").path()
    async with connected(control_plane) as cluster:
        with pytest.raises(Invalid) as caught:
            await cluster.request("POST", path, definition)
    fields = {field for field, _, _ in caught.value.causes}
    assert {"spec.names.plural", "spec.versions"} <= fields
    for field, _, message in caught.value.causes:
        assert f"{field}: {message}" in str(caught.value)


async def test_a_status_is_written_by_itself(control_plane: ControlPlane, namespace: str) -> None:
    async with connected(control_plane) as cluster:
        await cluster.request("POST", PODS.path(namespace), manifests.pod("a"))
        with cluster.record_writes() as writes:
            await cluster.request(
                "PATCH",
                PODS.path(namespace, "a", "status"),
                {"status": {"phase": "Running"}},
                content_type=MERGE,
            )
        pods = cluster.informer("v1/pods", namespace=namespace)
        [write] = writes
        assert write.resource == pods.resource
        await pods.wait_for(write.resource_version, timeout=PATIENCE)
        assert (pods.store.get(f"{namespace}/a") or {})["status"]["phase"] == "Running"


async def test_who_may_not(control_plane: ControlPlane, namespace: str) -> None:
    async with connected(control_plane, token=NOBODY) as cluster:
        with pytest.raises(Forbidden, match=r"with the verb patch on this resource \(configmaps\)"):
            await cluster.request("PATCH", MAPS.path(namespace, "prices"), {}, content_type=MERGE)
    async with connect(server=control_plane.url, token="nobody's", ca_file=control_plane.ca_file) as cluster:
        with pytest.raises(Unauthorized, match="check that the token"):
            await cluster.request("POST", MAPS.path(namespace), manifests.config_map("prices"))


async def test_what_is_no_object(control_plane: ControlPlane, namespace: str) -> None:
    """All that a diagnosis needs: health, version, discovery, and counts without the objects."""
    async with connected(control_plane) as cluster:
        assert await cluster.request_text("/readyz") == "ok"
        assert "[+]etcd ok" in await cluster.request_text("/readyz", query={"verbose": ""})
        assert "apiserver_request_total" in await cluster.request_text("/metrics")
        assert (await cluster.request("GET", "/version"))["major"] == "1"
        assert "pods" in {one["name"] for one in (await cluster.request("GET", "/api/v1"))["resources"]}
        for number in range(3):
            await cluster.request("POST", MAPS.path(namespace), manifests.config_map(f"m-{number}"))
        found = await cluster.request(
            "GET",
            MAPS.path(namespace),
            query={"limit": "1"},
            headers={"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"},
        )
        assert found["kind"] == "PartialObjectMetadataList"
        assert found["metadata"]["remainingItemCount"] == 2


async def test_a_large_object(control_plane: ControlPlane, namespace: str) -> None:
    """More than fits into any buffer between."""
    large = {"a": "x" * 1_000_000}
    async with connected(control_plane) as cluster:
        made = await cluster.request("POST", MAPS.path(namespace), manifests.config_map("large", large))
        assert made["data"] == large


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
class TestApiClient:
    async def test_it_writes_and_reads_and_the_informer_sees_it(
        self, control_plane: ControlPlane, namespace: str
    ) -> None:
        from kubernetes_asyncio.client import (  # noqa: PLC0415 - takes a second
            ApiException,
            CoreV1Api,
            V1ConfigMap,
            V1ObjectMeta,
        )

        async with connected(control_plane) as cluster:
            api = CoreV1Api(cluster.api_client)
            maps = cluster.informer("v1/configmaps", namespace=namespace)
            await maps.synced(timeout=PATIENCE)
            with cluster.record_writes() as writes:

                async def create(name: str) -> None:
                    body = V1ConfigMap(metadata=V1ObjectMeta(name=name), data={"k": name})
                    await api.create_namespaced_config_map(namespace, body)

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(create, "a")
                    tasks.start_soon(create, "b")
            assert {write.path for write in writes} == {MAPS.path(namespace)}
            assert len(writes) == 2
            for write in writes:
                await maps.wait_for(write.resource_version, timeout=PATIENCE)
            assert {obj["data"]["k"] for obj in maps.store.values() if "k" in obj["data"]} == {"a", "b"}
            assert (await api.read_namespaced_config_map("a", namespace)).data == {"k": "a"}
            with pytest.raises(ApiException) as caught:
                await api.read_namespaced_config_map("none", namespace)
            assert caught.value.status == 404

    async def test_with_a_client_certificate(self, control_plane: ControlPlane) -> None:
        from kubernetes_asyncio.client import AuthenticationV1Api, V1SelfSubjectReview  # noqa: PLC0415 - as above

        issued = control_plane.issue_client("writer", "system:masters")
        config = ConnectionConfig(
            server=control_plane.url,
            ca_file=str(control_plane.ca_file),
            client_certificate=ClientCertificate(
                certificate_data=issued.certificate.decode(), key_data=issued.key.decode()
            ),
            headers=(("Impersonate-User", "somebody"),),
        )
        async with connect(config=config) as cluster:
            review = await AuthenticationV1Api(cluster.api_client).create_self_subject_review(V1SelfSubjectReview())
            assert review.status.user_info.username == "somebody"
            path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
            plain = await cluster.request(
                "POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
            )
            assert plain["status"]["userInfo"]["username"] == "somebody"
