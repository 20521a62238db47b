"""Objects may be Secrets: what an informer reads comes to light nowhere but where its user asked for it."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import anyio
import msgspec
import pytest
from rich.pretty import pretty_repr
from tests._runtime.scripted import GUARD, HANG, JSON, QUICK, Answer, Line, ScriptedTransport, end, event, page, status
from tests.security.leaks import assert_hidden, assert_not_logged

from kubeinformer import (
    ConnectionLost,
    CorruptEntry,
    IndexerError,
    Informer,
    KubeInformerError,
    ModelMismatch,
    RawObject,
    Retain,
    ServerRefused,
    Synced,
    SyncTimeout,
    TransformError,
    connect,
)

pytestmark = pytest.mark.anyio

MARKER = "p4yl0ad" * 30  # long: rich cuts at 80 characters and shows what is left
PART = "p4yl0adp4yl0ad"
SECRETS = "v1/secrets"


def secret(**more: Any) -> RawObject:
    metadata = {"name": "a", "namespace": "default", "uid": "uid-a", "resourceVersion": "5"}
    return {"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": {"password": MARKER}} | more


ADDED = event("ADDED", secret())
WHOLE = Answer([ADDED + end(5), HANG])


def stream(*chunks: bytes, **headers: str) -> Answer:
    return Answer(chunks, headers={**JSON, **headers})


BAD: dict[str, Line] = {
    "cut off": stream(ADDED[:-20]),
    "not JSON": stream(ADDED.replace(b'{"password"', b'{password"')),
    "JSON that is no event": stream(f'["{MARKER}"]\n'.encode()),
    "a text": stream(f'"{MARKER}"\n'.encode()),
    "no UTF-8": stream(ADDED.replace(b"p4yl0ad", b"p4yl0ad\xff", 1)),
    "an event of an unknown type": stream(event("MOVED", secret())),
    "a Table": stream(event("ADDED", secret(kind="Table", apiVersion="meta.k8s.io/v1"))),
    "no metadata": stream(event("ADDED", {"data": MARKER, "metadata": {}})),
    "metadata of another kind": stream(event("ADDED", {"metadata": MARKER})),
    "a name of another kind": stream(event("ADDED", {"metadata": {"name": [MARKER], "resourceVersion": "5"}})),
    "a name that leads elsewhere": stream(event("ADDED", {"metadata": {"name": "a/b", "resourceVersion": "5"}})),
    "too large": stream(event("ADDED", secret(more=MARKER * 2000))),
    "too deep": stream(b'{"type":"ADDED","object":' + b"[" * 5000 + MARKER.encode()),
    "HTML": Answer([f"<html>{MARKER}".encode()], headers={"content-type": "text/html"}),
    "gzip that is none": stream(ADDED, **{"content-encoding": "gzip"}),
    "gzip that breaks": stream(gzip.compress(ADDED)[:-10] + b"?" * 10, **{"content-encoding": "gzip"}),
    "a connection that breaks": Answer([ADDED, ConnectionLost("gone")]),
    "an ERROR that is an object": stream(event("ERROR", secret())),
    "a refusal that is an object": Answer([json.dumps(secret()).encode()], status=500),
    "a refusal in broken JSON": Answer([json.dumps(secret()).encode()[:-9]], status=403),
}
NO_WATCH_LIST = Answer([json.dumps(status(400, "BadRequest", "no")).encode()], status=400, headers=JSON)
LIST = page([secret()], 5)
PAGES: dict[str, Line] = {
    "cut off": stream(LIST[:-20]),
    "not JSON": stream(LIST.replace(b'{"password"', b'{password"')),
    "another kind": stream(LIST.replace(b'"PodList"', b'"Table"')),
    "an object": stream(json.dumps(secret()).encode()),
    "too large": stream(page([secret(more=MARKER * 2000)], 5)),
    "items that are none": stream(json.dumps({"kind": "SecretList", "items": MARKER}).encode()),
    "an item that is none": stream(LIST.replace(b'"items": [{', f'"items": ["{MARKER}", {{'.encode())),
    "gzip that breaks": stream(gzip.compress(LIST)[:-10] + b"?" * 10, **{"content-encoding": "gzip"}),
}


async def fails(*script: Line, log: pytest.LogCaptureFixture, **options: Any) -> None:
    transport = ScriptedTransport(*script)
    with pytest.raises((SyncTimeout, ServerRefused)) as caught:  # noqa: PT012 - what leaves connect()
        async with connect(transport=transport, timing=QUICK, object_size_limit=10_000, **options) as cluster:
            secrets = cluster.informer(SECRETS)
            await transport.idle()
            assert secrets.statistics().last_error is not None
            assert PART not in f"{secrets.statistics()!r}{pretty_repr(secrets.statistics())}"
            await secrets.synced(timeout=0)
    assert_hidden(caught.value, PART)
    assert_not_logged(log, PART)


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_stream(case: str, log: pytest.LogCaptureFixture) -> None:
    await fails(BAD[case], log=log)


@pytest.mark.parametrize("budget", [10_000_000, 1])
@pytest.mark.parametrize("case", PAGES)
async def test_a_bad_page(case: str, budget: int, log: pytest.LogCaptureFixture) -> None:
    """At once, and parsed as it streams."""
    await fails(NO_WATCH_LIST, PAGES[case], log=log, page_budget=budget)


@pytest.mark.parametrize("case", PAGES)
async def test_a_check_that_reads_a_bad_page(case: str, log: pytest.LogCaptureFixture) -> None:
    transport = ScriptedTransport(WHOLE, PAGES[case])
    async with connect(transport=transport, timing=QUICK, object_size_limit=10_000) as cluster:
        secrets = cluster.informer(SECRETS)
        await secrets.synced(timeout=GUARD)
        with pytest.raises(KubeInformerError) as caught:
            await secrets.check_consistency()
    assert_hidden(caught.value, PART)
    assert_not_logged(log, PART)


def raising(_item: object) -> Any:
    """A user's function: its own variables are its own business, so this one forgets its argument."""
    del _item
    raise KeyError(PART[:3])


def useless(_item: object) -> Any:
    return MARKER


@pytest.mark.parametrize("retain", ["compressed", "bytes", "objects", "metadata", "keys"])
@pytest.mark.parametrize("indexer", [raising, useless])
async def test_an_indexer_that_fails(
    retain: Retain, indexer: Callable[..., Any], log: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(IndexerError) as caught:
        async with connect(transport=ScriptedTransport(WHOLE), timing=QUICK) as cluster:
            await cluster.informer(SECRETS, retain=retain, indexers={"i": indexer}).synced(timeout=GUARD)
    assert_hidden(caught.value, PART)
    assert_not_logged(log, PART)
    if indexer is raising:  # where it failed is still told
        assert caught.value.__cause__ is not None
        assert caught.value.__cause__.__traceback__ is not None
        assert caught.value.__cause__.__traceback__.tb_frame.f_code is raising.__code__


class Sealed(msgspec.Struct):
    data: dict[str, int]


async def read_of(options: dict[str, Any], log: pytest.LogCaptureFixture, kind: type[KubeInformerError]) -> None:
    transport = ScriptedTransport(WHOLE)
    reads: list[Callable[[Informer[Any]], object]] = [
        lambda secrets: secrets.store.get("default/a"),
        lambda secrets: list(secrets.store.values()),
        lambda secrets: dict(secrets.store.items()),
        lambda secrets: list(secrets.store.list(namespace="default")),
    ]
    async with connect(transport=transport, timing=QUICK) as cluster:
        secrets = cluster.informer(SECRETS, **options)
        await secrets.synced(timeout=GUARD)
        if kind is CorruptEntry:
            entry = secrets._cache.entries["default/a"]
            assert isinstance(entry.body, bytes)
            entry.body = b"?" + entry.body
        for read in reads:
            with pytest.raises(kind) as caught:
                read(secrets)
            assert_hidden(caught.value, PART)
        async with secrets.events() as events:
            async for one in events:
                with pytest.raises(kind) as caught:
                    _ = one.object  # type: ignore[union-attr] # the first is no Synced
                assert_hidden(caught.value, PART)
                break
    assert_not_logged(log, PART)


@pytest.mark.parametrize("retain", ["compressed", "bytes"])
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"transform": raising}, TransformError),
        ({"transform": useless}, TransformError),
        ({"model": raising}, ModelMismatch),
        ({"model": Sealed}, ModelMismatch),
        ({"model": Sealed, "transform": dict}, ModelMismatch),
        ({}, CorruptEntry),
    ],
)
async def test_a_read_that_fails(
    retain: Retain, options: dict[str, Any], kind: type[KubeInformerError], log: pytest.LogCaptureFixture
) -> None:
    if kind is CorruptEntry and retain == "bytes":
        pytest.skip("bytes that were not compressed carry no checksum")
    await read_of(options | {"retain": retain}, log, kind)


@pytest.mark.parametrize("retain", ["objects"])
async def test_a_transform_that_fails_when_objects_come(retain: Retain, log: pytest.LogCaptureFixture) -> None:
    for transform in (raising, useless):
        with pytest.raises(TransformError) as caught:
            async with connect(transport=ScriptedTransport(WHOLE), timing=QUICK) as cluster:
                await cluster.informer(SECRETS, retain=retain, transform=transform).synced(timeout=GUARD)
        assert_hidden(caught.value, PART)
    assert_not_logged(log, PART)


@pytest.mark.parametrize("retain", ["compressed", "bytes", "objects"])
async def test_what_holds_an_object_does_not_show_it(retain: Retain, log: pytest.LogCaptureFixture) -> None:
    changed = secret(data={"password": MARKER, "more": MARKER})
    changed["metadata"]["resourceVersion"] = "6"
    transport = ScriptedTransport(
        Answer([ADDED + end(5) + event("MODIFIED", changed) + event("DELETED", changed), HANG])
    )
    shown: list[object] = []
    async with connect(transport=transport, timing=QUICK) as cluster:
        secrets = cluster.informer(SECRETS, retain=retain)
        async with secrets.events() as events:
            shown += [cluster, secrets, secrets.store, events, secrets._cache, secrets._delivery]
            with anyio.fail_after(GUARD):
                async for happened in events:
                    shown.append(happened)
                    if isinstance(happened, Synced):
                        break
        shown += [secrets._cache.entries, *secrets._cache.entries.values(), secrets.statistics()]
    for one in shown:
        for text in (repr(one), str(one), pretty_repr(one), pretty_repr(one, max_string=20)):
            assert PART[:10] not in text
    assert_not_logged(log, PART)
