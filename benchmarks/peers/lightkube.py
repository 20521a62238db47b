"""lightkube: one LIST of typed objects (msgspec Structs), in a dict. Its default gives up on a read after 10 s."""

import httpx2
from benchmarks.peers.measured import Clock, hold, report, server
from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User
from lightkube.resources.core_v1 import Pod


def main() -> None:
    where = server()
    config = KubeConfig.from_one(
        cluster=Cluster(server=where.url, certificate_auth=where.ca_file), user=User(token=where.token)
    )
    client = Client(config, timeout=httpx2.Timeout(None))
    clock = Clock()
    pods = {}
    for pod in client.list(Pod, namespace="*"):
        clock.saw_object()
        pods[f"{pod.metadata.namespace}/{pod.metadata.name}"] = pod
    report(clock.synced(len(pods)))
    hold()


if __name__ == "__main__":
    main()
