from kubeinformer._protocol.identity import Identity
from kubeinformer._protocol.requests import WatchListFetch
from kubeinformer._protocol.steps import BeginSweep, Phase, Reauthenticate, Remove, Send, Sweep, Upsert, Wait

_WEB = Identity("web", "default", "u1", "7", "Pod", "v1")


def test_steps_and_writes_are_values() -> None:
    assert Wait(1.5) == Wait(1.5) != Wait(2)
    assert Send(WatchListFetch(300)) == Send(WatchListFetch(300))
    assert Reauthenticate() == Reauthenticate()
    assert BeginSweep() == BeginSweep()
    assert Sweep("7") == Sweep("7") != Sweep("8")
    assert Upsert(_WEB, b"{}") == Upsert(_WEB, b"{}")
    assert hash(Upsert(_WEB, b"{}")) == hash(Upsert(_WEB, b"{}"))


def test_removing_is_not_upserting() -> None:
    removing, upserting = (write(_WEB, b"{}") for write in (Remove, Upsert))
    assert removing != upserting


def test_phases_read_as_words() -> None:
    assert [f"{phase}" for phase in Phase] == ["waiting", "queued", "initial stream", "paging", "live"]
