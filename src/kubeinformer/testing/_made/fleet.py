"""Realistic synthetic objects: pods like those of a Deployment on a busy cluster, and small objects of any other kind.

Theory. What a benchmark of an informer shows depends on the objects: on their size, their depth, and how much differs
between two of them. A pod here has 6.5 KB with two containers and managed fields, which is the middle of what
production clusters hold. Everything that differs between pods on a real cluster differs here.
"""

from kubeinformer.testing._made.pod_template import pod_template
from kubeinformer.testing._made.synthetic import SyntheticObjects, Template, Varying, timestamp

__all__ = ["synthetic_objects", "synthetic_pods"]

# The alphabet of generated names. It has no vowels, so that no words appear (apimachinery's util/rand).
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIXES = len(_ALPHABET) ** 5
_SUFFIX_STEP = 7_368_787  # coprime to 27, so that suffixes do not repeat
_APPS = ("web", "api", "worker", "cache", "billing", "search", "mailer", "gateway", "ledger", "thumbnailer")
_ZONES = ("a", "b", "c")
_YEAR = 365 * 86_400


def _suffix(index: int) -> str:
    number, letters = index * _SUFFIX_STEP % _SUFFIXES, ""
    for _ in range(5):
        number, digit = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[digit]
    return letters


class _Pods:
    _MARKS = (
        *("name", "namespace", "uid", "version", "app", "hash", "owner", "node", "zone", "pod_ip", "host_ip", "digest"),
        *("container", "sidecar", "created", "scheduled", "ready", "restarts", "checksum"),
    )

    def __init__(self, count: int, namespaces: int, nodes: int) -> None:
        self._count, self._namespaces, self._nodes = count, namespaces, nodes
        self._revisions = [Varying(number, b"replicaset").hex for number in range(namespaces * len(_APPS))]
        self._template = Template(pod_template(), self._MARKS)

    def __len__(self) -> int:
        return self._count

    def _app(self, index: int) -> tuple[str, str, str]:
        app, tenant = _APPS[index % len(_APPS)], index // len(_APPS) % self._namespaces
        # One ReplicaSet for each app and tenant; its pods share its hash.
        return app, f"tenant-{tenant:03d}", self._revisions[index % len(self._revisions)]

    def key(self, index: int) -> str:
        app, namespace, revision = self._app(index)
        return f"{namespace}/{app}-{revision[:10]}-{_suffix(index)}"

    def body(self, index: int, resource_version: int) -> bytes:
        app, namespace, revision = self._app(index)
        varying = Varying(index, b"pod")
        number = varying.number
        node = number % self._nodes
        created = number % _YEAR
        values = (
            f"{app}-{revision[:10]}-{_suffix(index)}",
            namespace,
            varying.uid(),
            str(resource_version),
            app,
            revision[:10],
            f"{revision[10:18]}-{revision[18:22]}-4{revision[22:25]}-9{revision[25:28]}-{revision[28:40]}",
            f"node-{node:04d}",
            _ZONES[node % len(_ZONES)],
            f"10.{number >> 8 & 127}.{number >> 16 & 255}.{number >> 24 & 255}",
            f"172.16.{node >> 8}.{node & 255}",
            revision[40:104],
            varying.hex[32:96],
            varying.hex[96:160],
            timestamp(created),
            timestamp(created + number % 7),
            timestamp(created + 9 + number % 31),
            str((number >> 32) % 3 * (number >> 36 & 1)),
            varying.hex[128:192],
        )
        return self._template.render(values)


class _Small:
    _MARKS = ("name", "namespace", "uid", "version", "created", "app", "replicas", "payload")

    def __init__(self, count: int, namespaces: int, size: int) -> None:
        self._count, self._namespaces = count, namespaces
        obj = {
            "metadata": {
                "name": "«name»",
                **({"namespace": "«namespace»"} if namespaces else {}),
                "uid": "«uid»",
                "resourceVersion": "«version»",
                "generation": 1,
                "creationTimestamp": "«created»",
                "labels": {"app": "«app»", "app.kubernetes.io/managed-by": "kubeinformer.testing"},
            },
            "spec": {"replicas": "«#replicas»", "payload": "«payload»"},
        }
        self._payload = 0
        self._template = Template(obj, self._MARKS)
        self._payload = max(0, size - len(self.body(0, 1_000_000)))

    def __len__(self) -> int:
        return self._count

    def _place(self, index: int) -> tuple[str, str]:
        namespace = f"tenant-{index % self._namespaces:03d}" if self._namespaces else ""
        return namespace, f"{_APPS[index % len(_APPS)]}-{_suffix(index)}"

    def key(self, index: int) -> str:
        namespace, name = self._place(index)
        return f"{namespace}/{name}" if namespace else name

    def body(self, index: int, resource_version: int) -> bytes:
        namespace, name = self._place(index)
        varying = Varying(index, b"small")
        payload = varying.hex * (self._payload // len(varying.hex) + 1)
        values = (
            *(name, namespace, varying.uid(), str(resource_version), timestamp(varying.number % _YEAR)),
            *(_APPS[index % len(_APPS)], str(varying.number % 10), payload[: self._payload]),
        )
        return self._template.render(values)


def synthetic_pods(count: int, *, namespaces: int = 20, nodes: int = 500) -> SyntheticObjects:
    """Make realistic pods of about 6.5 KB each, for `FakeApiServer.seed`.

    Args:
        count: The number of pods.
        namespaces: The number of namespaces of these pods (``tenant-000``, ``tenant-001``, ...).
        nodes: The number of nodes (``node-0000``, ``node-0001``, ...).

    Every pod has a label ``app`` with one of ten values. Equal arguments give equal pods.
    """
    return _Pods(count, namespaces, nodes)


def synthetic_objects(count: int, *, namespaces: int = 20, size: int = 1024) -> SyntheticObjects:
    """Make small objects with an arbitrary ``spec``, for `FakeApiServer.seed` of any resource.

    Args:
        count: The number of objects.
        namespaces: The number of namespaces of these objects; 0 for a cluster-scoped resource.
        size: The approximate size of one object, in bytes of JSON.
    """
    return _Small(count, namespaces, size)
