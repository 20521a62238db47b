"""What rows put on a server, and how they speak of what they get back."""

from collections.abc import Iterable, Mapping, Sequence

from tests.conformance.client import Json, Server
from tests.e2e.manifests import config_map

__all__ = [
    "CONFIG_MAPS",
    "PARTIAL",
    "PARTIAL_LIST",
    "TABLE",
    "WATCH_LIST",
    "config_maps",
    "fill",
    "in_namespace",
    "names",
    "summary",
]

CONFIG_MAPS = "/api/v1/configmaps"
WATCH_LIST = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


def config_maps(namespace: str) -> str:
    """The path of the config maps of a namespace."""
    return f"/api/v1/namespaces/{namespace}/configmaps"


def in_namespace(path: str, namespace: str) -> str:
    """The path of the objects of a namespace, from that of all of them."""
    start, _, plural = path.rpartition("/")
    return f"{start}/namespaces/{namespace}/{plural}"


def fill(
    server: Server, namespace: str, names: Iterable[str], *, labels: Mapping[str, Mapping[str, str]] | None = None
) -> list[Json]:
    """Create config maps, some with labels."""
    created = []
    for name in names:
        body = config_map(name)
        body["metadata"]["labels"] = dict((labels or {}).get(name, {}))
        created.append(server.ok("POST", config_maps(namespace), body))
    return created


def names(listed: Json) -> list[str]:
    """The names in a list, in its order."""
    return [item["metadata"]["name"] for item in listed["items"]]


def summary(events: Sequence[Json]) -> list[tuple[str, str]]:
    """Type and name of each event; a bookmark has no name."""
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]
