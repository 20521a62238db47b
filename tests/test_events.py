"""Events: what they decode, and when."""

import msgspec
import pytest

from kubeinformer import Added, Cluster, Deleted, RawObject, Updated, UsageError
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio


class Metadata(msgspec.Struct):
    name: str


class Named(msgspec.Struct):
    metadata: Metadata


@pytest.fixture
async def configmaps(fake_api_server: FakeApiServer) -> FakeApiServer:
    metadata = {"name": "a", "namespace": "default", "labels": {"app": "web"}}
    fake_api_server.create("v1/configmaps", {"metadata": metadata, "data": {"k": "1"}})
    return fake_api_server


async def test_metadata_is_the_servers_whatever_the_model_and_the_transform(
    configmaps: FakeApiServer, cluster: Cluster
) -> None:
    def without_labels(item: RawObject) -> RawObject:
        del item["metadata"]["labels"]
        return item

    informer = cluster.informer("v1/configmaps", model=Named, transform=without_labels)
    async with informer.events() as events:
        added = await anext(events)
        assert isinstance(added, Added)
        assert added.metadata["labels"] == {"app": "web"}
        assert added.object == Named(Metadata("a"))
        assert added.metadata["labels"] == {"app": "web"}  # after the object was read, too
        await anext(events)
        configmaps.patch("v1/configmaps", "default/a", {"metadata": {"labels": {"app": "db"}}})
        updated = await anext(events)
        assert isinstance(updated, Updated)
        assert (updated.old_metadata["labels"], updated.metadata["labels"]) == ({"app": "web"}, {"app": "db"})
        configmaps.delete("v1/configmaps", "default/a")
        deleted = await anext(events)
        assert isinstance(deleted, Deleted)
        assert deleted.metadata["labels"] == {"app": "db"}


async def test_events_made_by_hand_have_the_metadata_of_what_they_were_given() -> None:
    given: RawObject = {"metadata": {"name": "a"}}
    assert Added("a", given).metadata == {"name": "a"}
    assert Added("a", {"kind": "Pod"}).metadata == {}
    updated = Updated("a", Named(Metadata("a")), Named(Metadata("b")))
    assert (updated.old_metadata, updated.metadata) == ({"name": "a"}, {"name": "b"})


async def test_an_event_made_by_hand_around_anything_else_has_no_metadata() -> None:
    with pytest.raises(UsageError, match="not int"):
        _ = Deleted("a", 3).metadata
