"""The official client's SharedInformer. It lists, then watches, and keeps typed objects.

It does not say when it is synced. It fills its cache with the whole list before it calls a handler, so the first
call is that moment; the count is read from its cache.
"""

import threading

from benchmarks.peers.measured import Clock, hold, report, server
from kubernetes import client
from kubernetes.informer import ADDED, SharedInformer


def main() -> None:
    where = server()
    configuration = client.Configuration(host=where.url)
    configuration.ssl_ca_cert = where.ca_file
    configuration.api_key = {"authorization": f"Bearer {where.token}"}
    api = client.CoreV1Api(client.ApiClient(configuration))
    is_filled = threading.Event()
    clock = Clock()
    pods = SharedInformer(api.list_pod_for_all_namespaces)

    def added(_: object) -> None:
        clock.saw_object()
        is_filled.set()

    pods.add_event_handler(ADDED, added)
    pods.start()
    is_filled.wait()
    report(clock.synced(len(pods.cache.list_keys())))
    hold()


if __name__ == "__main__":
    main()
