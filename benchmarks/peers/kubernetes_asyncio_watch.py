"""kubernetes_asyncio's Watch, told to stream the initial state: what this library can do of a watch-list."""

import asyncio

from benchmarks.peers.measured import Clock, hold, report, server
from kubernetes_asyncio import client, watch

_END = "k8s.io/initial-events-end"


async def main() -> None:
    where = server()
    configuration = client.Configuration(host=where.url)
    configuration.ssl_ca_cert = where.ca_file
    configuration.api_key = {"BearerToken": f"Bearer {where.token}"}
    async with client.ApiClient(configuration) as api, watch.Watch() as stream:
        clock = Clock()
        pods = {}
        async for event in stream.stream(
            client.CoreV1Api(api).list_pod_for_all_namespaces,
            send_initial_events=True,
            resource_version_match="NotOlderThan",
            allow_watch_bookmarks=True,
        ):
            if event["type"] == "BOOKMARK":
                if _END in event["raw_object"]["metadata"].get("annotations", {}):
                    break
                continue
            clock.saw_object()
            pod = event["object"]
            pods[f"{pod.metadata.namespace}/{pod.metadata.name}"] = pod
        report(clock.synced(len(pods)))
        hold()


if __name__ == "__main__":
    asyncio.run(main())
