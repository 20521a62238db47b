from typing import Any

import pytest
from tests.controller.widgets import KEY, WIDGETS, Json, serving, widget

from kubeinformer import Conflict, NotFound, Resource
from kubeinformer.controller import apply, apply_status

pytestmark = pytest.mark.anyio


async def test_what_is_applied_is_created_then_changed_and_what_is_left_out_goes() -> None:
    async with serving() as (server, cluster):
        made = await apply(cluster, WIDGETS, widget(spec={"size": 1, "color": "red"}), field_manager="me")
        assert made["spec"] == {"size": 1, "color": "red"}
        assert made["metadata"]["uid"]
        changed = await apply(cluster, Resource.parse(WIDGETS), widget(spec={"size": 2}), field_manager="me")
        assert changed["spec"] == {"size": 2}
        assert server.get(WIDGETS, KEY) == changed
        (manager,) = changed["metadata"]["managedFields"]
        assert (manager["manager"], manager["operation"]) == ("me", "Apply")


async def test_what_was_read_can_be_applied_again() -> None:
    async with serving() as (_, cluster):
        read = await apply(cluster, WIDGETS, widget(spec={"size": 1}), field_manager="me")
        assert read["metadata"]["managedFields"]
        before = dict(read["metadata"])
        again = await apply(cluster, WIDGETS, read, field_manager="me")
        assert again["metadata"]["resourceVersion"] == read["metadata"]["resourceVersion"]
        assert read["metadata"] == before, "the caller's object is left as it is"


async def test_fields_of_others_are_taken_or_not() -> None:
    async with serving() as (_, cluster):
        await apply(cluster, WIDGETS, widget(spec={"size": 1}), field_manager="other")
        with pytest.raises(Conflict, match="other"):
            await apply(cluster, WIDGETS, widget(spec={"size": 2}), field_manager="me", force=False)
        assert (await apply(cluster, WIDGETS, widget(spec={"size": 2}), field_manager="me"))["spec"] == {"size": 2}


async def test_a_status_is_applied_alone() -> None:
    async with serving() as (server, cluster):
        made = await apply(cluster, WIDGETS, widget(spec={"size": 1}), field_manager="me")
        reconciled = made | {"spec": {"size": 99}, "status": {"ready": True}}
        changed = await apply_status(cluster, WIDGETS, reconciled, field_manager="me")
        assert changed["status"] == {"ready": True}
        assert changed["spec"] == {"size": 1}
        assert server.get(WIDGETS, KEY)["spec"] == {"size": 1}
        assert server.requests[-1].path.endswith("/widgets/web/status")


async def test_the_status_of_another_is_taken_or_not() -> None:
    async with serving() as (_, cluster):
        made = await apply(cluster, WIDGETS, widget(), field_manager="me")
        await apply_status(cluster, WIDGETS, made | {"status": {"ready": False}}, field_manager="other")
        mine = made | {"status": {"ready": True}}
        with pytest.raises(Conflict, match="other"):
            await apply_status(cluster, WIDGETS, mine, field_manager="me", force=False)
        assert (await apply_status(cluster, WIDGETS, mine, field_manager="me"))["status"] == {"ready": True}


async def test_there_is_no_status_of_what_is_not_there() -> None:
    async with serving() as (_, cluster):
        with pytest.raises(NotFound):
            await apply_status(cluster, WIDGETS, widget(status={"ready": True}), field_manager="me")


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ({}, "an object to apply as example.com/v1/widgets needs apiVersion, kind, metadata.name"),
        (widget() | {"kind": ""}, "needs kind"),
        (widget() | {"apiVersion": "example.com/v2"}, "apiVersion 'example.com/v2' cannot be applied as"),
    ],
)
async def test_an_object_that_does_not_say_what_it_is_is_refused(obj: Json, message: str) -> None:
    async with serving() as (server, cluster):
        with pytest.raises(ValueError, match=message):
            await apply(cluster, WIDGETS, obj, field_manager="me")
        with pytest.raises(ValueError, match=message):
            await apply_status(cluster, WIDGETS, obj | {"status": {}}, field_manager="me")
        assert server.requests == ()


@pytest.mark.parametrize("name", ["", "x" * 129, "line\nbreak"])
async def test_a_manager_has_a_name(name: str) -> None:
    nowhere: Any = None
    with pytest.raises(ValueError, match="must be 1 to 128 printable characters"):
        await apply(nowhere, WIDGETS, widget(), field_manager=name)


async def test_a_manager_s_name_may_be_as_long_as_the_server_takes() -> None:
    async with serving() as (_, cluster):
        await apply(cluster, WIDGETS, widget(), field_manager="x" * 128)


async def test_a_status_must_be_there_to_be_applied() -> None:
    nowhere: Any = None
    with pytest.raises(ValueError, match="needs an object with a status"):
        await apply_status(nowhere, WIDGETS, widget(), field_manager="me")
