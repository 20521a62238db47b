"""An operator: runs a web server for each Website, reports its progress in the status, and cleans up on deletion.

Creates its CRD if it is missing. Try ``kubectl apply`` with::

    apiVersion: example.com/v1
    kind: Website
    metadata: {name: shop}
    spec: {image: nginx, replicas: 2}
"""

import logging
import os

import anyio

from kubeinformer import Cluster, RawObject, connect
from kubeinformer.controller import (
    Controller,
    Request,
    apply,
    apply_status,
    finalized,
    generation_changed,
    is_condition_true,
    owner_reference,
    run_controllers,
    serve_health,
    set_condition,
)

CRDS = "apiextensions.k8s.io/v1/customresourcedefinitions"
WEBSITES, DEPLOYMENTS = "example.com/v1/websites", "apps/v1/deployments"
NAME = "website-operator"  # of the field manager, and in the finalizer

SCHEMA: RawObject = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["image"],
            "properties": {
                "image": {"type": "string", "minLength": 1},
                "replicas": {"type": "integer", "minimum": 0, "default": 1},
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
CRD: RawObject = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "websites.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "websites", "singular": "website", "kind": "Website"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": SCHEMA},
                "subresources": {"status": {}},
            }
        ],
    },
}


async def ensure_crd(cluster: Cluster) -> None:
    """If the server rejects it, the error says why: `Invalid` has the causes that the server gives."""
    await apply(cluster, CRDS, CRD, field_manager=NAME)
    definitions = cluster.informer(CRDS, field_selector="metadata.name=websites.example.com")
    async with definitions.events() as events:
        async for _ in events:
            if any(is_condition_true(definition, "Established") for definition in definitions.store.values()):
                break
    await definitions.aclose()


def deployment_for(website: RawObject) -> RawObject:
    metadata, spec = website["metadata"], website["spec"]
    labels = {"website": metadata["name"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "ownerReferences": [owner_reference(website)],
        },
        "spec": {
            "replicas": spec["replicas"],
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": spec["image"]}]},
            },
        },
    }


async def clean_up(website: RawObject) -> None:
    """For what the garbage collector cannot delete: a DNS entry, a bucket. It deletes the Deployment by itself."""
    print(f"- {website['metadata']['name']}", flush=True)


async def reconcile(request: Request) -> None:
    website = request.object
    if website is not None:
        website = await finalized(request.cluster, WEBSITES, website, f"example.com/{NAME}", clean_up)
    if website is None:
        return
    deployment = await apply(request.cluster, DEPLOYMENTS, deployment_for(website), field_manager=NAME)
    ready, wanted = deployment.get("status", {}).get("readyReplicas", 0), website["spec"]["replicas"]
    before = website.get("status")
    website["status"] = {"readyReplicas": ready, "conditions": (before or {}).get("conditions", [])}
    reason = "AllReady" if ready >= wanted else "Waiting"
    set_condition(website, "Ready", ready >= wanted, reason, f"{ready} of {wanted} replicas are ready")
    if website["status"] != before:
        await apply_status(request.cluster, WEBSITES, website, field_manager=NAME)
        print(f"~ {request.key}: {ready} of {wanted} ready", flush=True)


async def main() -> None:
    async with connect() as cluster:
        await ensure_crd(cluster)
        print("the server knows websites", flush=True)
        controller = Controller(
            cluster.informer(WEBSITES),
            reconcile,
            predicates=[generation_changed],
            owns=[cluster.informer(DEPLOYMENTS)],
            concurrency=4,
            read_your_writes=True,
        )
        # For probes; port 0 means any free port.
        async with serve_health(cluster, controllers=[controller], port=int(os.environ.get("PORT", "0"))):
            await run_controllers(controller)


if __name__ == "__main__":
    logging.basicConfig(level="WARNING")
    anyio.run(main)
