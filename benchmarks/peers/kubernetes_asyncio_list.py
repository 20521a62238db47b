"""kubernetes_asyncio's typed API: one LIST, its items in a dict."""

import asyncio

from benchmarks.peers.measured import Clock, hold, report, server
from kubernetes_asyncio import client


async def main() -> None:
    where = server()
    configuration = client.Configuration(host=where.url)
    configuration.ssl_ca_cert = where.ca_file
    configuration.api_key = {"BearerToken": f"Bearer {where.token}"}
    async with client.ApiClient(configuration) as api:
        clock = Clock()
        pods = {}
        for pod in (await client.CoreV1Api(api).list_pod_for_all_namespaces()).items:
            clock.saw_object()
            pods[f"{pod.metadata.namespace}/{pod.metadata.name}"] = pod
        report(clock.synced(len(pods)))
        hold()


if __name__ == "__main__":
    asyncio.run(main())
