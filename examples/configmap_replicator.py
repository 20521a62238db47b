"""Copies ConfigMaps into other namespaces, keeps the copies up to date, and deletes those that are no longer wanted.

Try ``kubectl annotate configmap prices example.com/copy-to=shop,test``.
"""

import logging
from contextlib import suppress

import anyio

from kubeinformer import NotFound, RawObject, Resource, connect
from kubeinformer.controller import Controller, Request, Result, apply, run_controllers

COPY_TO, COPY_OF = "example.com/copy-to", "example.com/copy-of"
CONFIGMAPS = Resource.parse("v1/configmaps")


def annotation(configmap: RawObject, name: str) -> str:
    return str((configmap["metadata"].get("annotations") or {}).get(name, ""))


def source_of(configmap: RawObject) -> list[str]:
    """The key that a copy was made from: the index by it finds copies, and the mapper finds the source of a copy."""
    source = annotation(configmap, COPY_OF)
    return [source] if source else []


async def reconcile(request: Request) -> Result | None:
    source = request.object
    wanted = annotation(source, COPY_TO).replace(",", " ").split() if source and not source_of(source) else []
    for copy in request.store.by_index("source", request.key):
        namespace = copy["metadata"]["namespace"]
        if namespace not in wanted:
            with suppress(NotFound):
                await request.cluster.request("DELETE", CONFIGMAPS.path(namespace, request.name))
                print(f"- {namespace}/{request.name}", flush=True)
    missing = [namespace for namespace in wanted if not await copied(request, source or {}, namespace)]
    return Result(requeue_after=60) if missing else None


async def copied(request: Request, source: RawObject, namespace: str) -> bool:
    key = f"{namespace}/{request.name}"
    there = request.store.get(key)
    if there and source_of(there) != [request.key]:
        print(f"! {key} is no copy of {request.key}: left alone", flush=True)
        return False
    metadata = {"name": request.name, "namespace": namespace, "annotations": {COPY_OF: request.key}}
    copy = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    copy |= {field: source[field] for field in ("data", "binaryData") if field in source}
    try:
        written = await apply(request.cluster, str(CONFIGMAPS), copy, field_manager="configmap-replicator")
    except NotFound:
        print(f"! {key}: no such namespace", flush=True)
        return False
    if not there or there["metadata"]["resourceVersion"] != written["metadata"]["resourceVersion"]:
        print(f"+ {key}", flush=True)
    return True


async def main() -> None:
    async with connect() as cluster:
        configmaps = cluster.informer(str(CONFIGMAPS), indexers={"source": source_of})
        watches = [(configmaps, source_of)]
        await run_controllers(Controller(configmaps, reconcile, watches=watches, read_your_writes=True))


if __name__ == "__main__":
    logging.basicConfig(level="WARNING")
    anyio.run(main)
