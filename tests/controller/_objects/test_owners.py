from typing import Any

import pytest

from kubeinformer import AlreadyOwned
from kubeinformer.controller import owner_reference, set_controller_reference

Json = dict[str, Any]


def widget(namespace: str | None = "shop", uid: str = "u1", name: str = "web") -> Json:
    metadata = {"name": name, "uid": uid} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata}


def child(namespace: str | None = "shop") -> Json:
    return {"kind": "Deployment", "metadata": {"name": "web"} | ({"namespace": namespace} if namespace else {})}


REFERENCE = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "name": "web",
    "uid": "u1",
    "controller": True,
    "blockOwnerDeletion": True,
}


def test_a_reference_has_what_the_garbage_collector_asks_for() -> None:
    assert owner_reference(widget()) == REFERENCE
    assert owner_reference(widget(), controller=False, block_owner_deletion=False) == REFERENCE | {
        "controller": False,
        "blockOwnerDeletion": False,
    }


def test_what_was_not_read_from_the_server_cannot_own() -> None:
    with pytest.raises(ValueError, match=r"Widget shop/web cannot be an owner without uid: give it as the server"):
        owner_reference(widget(uid=""))
    with pytest.raises(ValueError, match=r"an object of no kind without a name .* without apiVersion, kind, name, uid"):
        owner_reference({})


def test_the_controller_is_set_once_and_others_stay() -> None:
    other = REFERENCE | {"uid": "u2", "name": "other", "controller": False}
    obj = child()
    obj["metadata"]["ownerReferences"] = [REFERENCE | {"controller": False}, other]
    set_controller_reference(widget(), obj)
    assert obj["metadata"]["ownerReferences"] == [other, REFERENCE]
    set_controller_reference(widget(), obj, block_owner_deletion=False)
    assert obj["metadata"]["ownerReferences"] == [other, REFERENCE | {"blockOwnerDeletion": False}]


def test_an_object_has_one_controller() -> None:
    obj = child()
    set_controller_reference(widget(), obj)
    with pytest.raises(AlreadyOwned, match=r"^Deployment shop/web is controlled by Widget web already") as refused:
        set_controller_reference(widget(uid="u2", name="other"), obj)
    assert (refused.value.owned, refused.value.owner) == ("Deployment shop/web", "Widget web")
    assert obj["metadata"]["ownerReferences"] == [REFERENCE]


@pytest.mark.parametrize("namespace", ["shop", "other", None])
def test_what_has_no_namespace_owns_anything(namespace: str | None) -> None:
    obj = child(namespace)
    set_controller_reference(widget(None), obj)
    assert obj["metadata"]["ownerReferences"] == [REFERENCE]


@pytest.mark.parametrize(("namespace", "where"), [("other", "in namespace 'other'"), (None, "in no namespace")])
def test_an_owner_in_another_namespace_is_refused(namespace: str | None, where: str) -> None:
    obj = child(namespace)
    with pytest.raises(ValueError, match=rf"Widget shop/web cannot own Deployment .*web, which is {where}"):
        set_controller_reference(widget(), obj)
    assert "ownerReferences" not in obj["metadata"]


def test_an_object_without_metadata_has_no_namespace() -> None:
    with pytest.raises(ValueError, match="which is in no namespace"):
        set_controller_reference(widget(), {"kind": "Deployment"})
