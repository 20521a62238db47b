"""What chaos is made on: three resources, four informers that differ in every way that matters, and states to compare.

A state is what one side holds, by key: uid, version and a digest of the content. The oracle's, the stores' and the
readers' states are made by the same few lines here, from JSON alone, so that they can be compared between processes.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.e2e import manifests
from tests.e2e.api_client import ApiClient
from tests.e2e.mirrors import key_of

from kubeinformer import Resource, Retain, Timing

Json = dict[str, Any]

GROUP = "chaos.example.com"
CONFIG_MAPS, SECRETS, WIDGETS = RESOURCES = ("v1/configmaps", "v1/secrets", f"{GROUP}/v1/widgets")
DEFINITION = manifests.custom_resource_definition("Widget", group=GROUP)

TIERS = ("gold", "silver")
COLOURS = ("red", "green", "blue")

# Streams of a few seconds, so that each silent peer is noticed within its phase; a refused watch-list is asked for
# again some phases later, because servers with and without it take turns.
BRISK = Timing(
    backoff_first=0.1,
    backoff_limit=1.0,
    healthy_after=5.0,
    watch_timeout=(4, 8),
    initial_silence=4.0,
    initial_progress=4.0,
    read_margin=2.0,
    shortest_read_deadline=4.0,
    paged_for=20.0,
    probe_first=0.5,
    probe_limit=1.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """One informer of the client's, and how its view is made from whole objects."""

    name: str
    resource: str
    namespace: str | None = None
    label_selector: str = ""
    metadata_only: bool = False
    retain: Retain = "compressed"
    timing: Timing | None = BRISK
    is_compressed: bool = True
    is_wired: bool = False
    is_indexed: bool = False

    def expected(self, client: ApiClient, *, cached: bool = False) -> "State":
        """What the server's own list says: the newest state, or what its watch cache has, which feeds all watches.

        Raises:
            OSError, http.client.HTTPException, UnexpectedAnswer: The server cannot answer now.
        """
        query = {"resourceVersion": "0"} if cached else {}
        query |= {"labelSelector": self.label_selector} if self.label_selector else {}
        answer = client.get(f"{Resource.parse(self.resource).path(self.namespace)}?{urlencode(query)}")
        common = {"kind": answer["kind"].removesuffix("List"), "apiVersion": answer["apiVersion"]}
        if self.metadata_only:
            common = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
            return state_of(common | {"metadata": item["metadata"]} for item in answer["items"])
        return state_of(common | item for item in answer["items"])


def mirrors(namespace: str) -> tuple[Mirror, ...]:
    """The informers. ``namespace`` is one of the two that the writer writes to."""
    return (
        Mirror(name="all", resource=CONFIG_MAPS),
        Mirror(
            name="selected",
            resource=SECRETS,
            namespace=namespace,
            label_selector=f"tier={TIERS[0]}",
            metadata_only=True,
            is_compressed=False,
        ),
        Mirror(name="wired", resource=WIDGETS, retain="objects", is_wired=True, is_indexed=True),
        # What users have: the default timing. Behind the wire a frozen connection would take it ten minutes.
        Mirror(name="patient", resource=CONFIG_MAPS, namespace=namespace, retain="bytes", timing=None),
    )


class Seen(NamedTuple):
    """One object as one side sees it."""

    uid: str
    version: str
    digest: str


State = dict[str, Seen]


def seen(item: Mapping[str, Any]) -> Seen:
    metadata = item["metadata"]
    content = json.dumps(item, sort_keys=True, separators=(",", ":")).encode()
    return Seen(metadata["uid"], metadata["resourceVersion"], hashlib.sha256(content).hexdigest()[:16])


def state_of(items: Iterable[Json]) -> State:
    return {key_of(item): seen(item) for item in items}


def summary(state: Mapping[str, Seen]) -> str:
    """A state in 16 characters: equal states have equal ones."""
    return hashlib.sha256(json.dumps(sorted(state.items())).encode()).hexdigest()[:16]


def difference(wanted: State, found: State) -> dict[str, tuple[Seen | None, Seen | None]]:
    """The keys on which two states differ, with both sides."""
    keys = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
    return {key: (wanted.get(key), found.get(key)) for key in keys}
