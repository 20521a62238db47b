"""Every way out of a request: what is applied, what is counted, and what is asked next.

A script says what the server does. When it is over, or silent, the test looks at the store.
"""

import gzip
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests._runtime.mirror import PODS, mirrored, mirroring, record_changes
from tests._runtime.scripted import (
    GUARD,
    HANG,
    JSON,
    QUICK,
    Answer,
    FedTransport,
    Line,
    ScriptedTransport,
    added,
    bookmark,
    deleted,
    end,
    error_event,
    event,
    initial,
    modified,
    page,
    pod,
    refuse,
)

from kubeinformer import (
    ConfigError,
    ConnectionFailed,
    ConnectionLost,
    Forbidden,
    IndexerError,
    MalformedData,
    ReadDeadlineExceeded,
    ServerRefused,
    ServerUnavailable,
    Timing,
    Unauthorized,
    WrongKind,
)
from kubeinformer._protocol.requests import Collection
from kubeinformer._protocol.steps import BeginSweep, Phase
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.sync_turns import SyncTurns

pytestmark = pytest.mark.anyio

SYNC = Answer([initial(["a", "b"], 10), HANG])
"""An initial stream of two objects, then a quiet cluster."""


class TestWatchList:
    async def test_initial_stream_then_live_on_the_same_connection(self) -> None:
        mirror = await mirrored(
            Answer([added("a", 5) + added("b", 3), bookmark(6), end(10), modified("a", 11) + deleted("b", 12), HANG])
        )
        assert mirror.versions == {"a": 11}
        assert mirror.cache.resource_version == "12"
        assert mirror.transport.kinds == ["watch-list"]
        assert mirror.failures == {}
        assert mirror.health.syncs == 1

    async def test_phase_follows_the_stream(self) -> None:
        transport = FedTransport()
        async with mirroring(transport) as mirror:
            phases = [mirror.health.phase]
            await anyio.wait_all_tasks_blocked()
            phases.append(mirror.health.phase)
            transport.response.feed(initial(["a"], 5))
            await anyio.wait_all_tasks_blocked()
            phases.append(mirror.health.phase)
        transport.response.close()
        assert phases == [Phase.WAITING, Phase.INITIAL, Phase.LIVE]

    async def test_a_plain_bookmark_does_not_end_the_initial_stream(self) -> None:
        mirror = await mirrored(Answer([added("a", 5), bookmark(7), HANG]))
        assert not mirror.delivery.synced.is_set()
        assert mirror.cache.resource_version is None

    async def test_what_the_new_snapshot_has_not_is_deleted(self) -> None:
        mirror = await mirrored(
            Answer([initial(["a", "b", "c"], 10)]),
            Answer([error_event(410, "Expired")]),
            Answer([added("b", 10) + added("d", 15) + end(20), HANG]),
        )
        assert mirror.versions == {"b": 10, "d": 15}
        assert mirror.transport.kinds == ["watch-list", "watch", "watch-list"]

    @pytest.mark.parametrize("code", [400, 415, 422])
    async def test_a_refusal_falls_back_to_pages_at_once(self, code: int) -> None:
        mirror = await mirrored(
            refuse(code, "Invalid", "sendInitialEvents is forbidden"),
            Answer([page([pod("a", 4)], 10, token="t")]),
            Answer([page([pod("b", 9)], 10)]),
            Answer([HANG]),
            timing=Timing(backoff_first=1000.0, backoff_limit=1000.0),  # a backoff would hang here
            jitter=lambda: 0.9,
        )
        assert mirror.transport.kinds == ["watch-list", "page", "next page", "watch"]
        assert mirror.versions == {"a": 4, "b": 9}
        assert mirror.cache.resource_version == "10"
        assert mirror.health.last_error is None

    async def test_ending_early_again_and_again_falls_back_to_pages(self) -> None:
        broken = Answer([added("a", 5)])
        mirror = await mirrored(broken, broken, broken, Answer([page([pod("b", 6)], 7)]), Answer([HANG]))
        assert mirror.transport.kinds == ["watch-list"] * 3 + ["page", "watch"]
        assert mirror.versions == {"b": 6}
        assert mirror.failures == {"ConnectionLost": 3}

    async def test_a_stream_that_never_ends_its_initial_part_is_left(self) -> None:
        timing = Timing(backoff_first=1e-6, backoff_limit=1e-6, initial_progress=1e-9)
        mirror = await mirrored(
            Answer([added("a", 5), modified("a", 6), HANG]),  # a server that ignores sendInitialEvents
            Answer([page([pod("a", 6)], 7)]),
            Answer([HANG]),
            timing=timing,
        )
        assert mirror.transport.kinds == ["watch-list", "page", "watch"]


class TestFailures:
    """First sync whole, then one failure: the store stands, and the watch goes on from the last version."""

    @pytest.mark.parametrize(
        ("lines", "name"),
        [
            ([ConnectionFailed("refused")], "ConnectionFailed"),
            ([ConnectionLost("reset before the head")], "ConnectionLost"),
            ([ReadDeadlineExceeded(60)], "ReadDeadlineExceeded"),
            ([ConfigError("the plugin is gone")], "ConfigError"),
            ([Answer([ConnectionLost("reset")])], "ConnectionLost"),
            ([Answer([ReadDeadlineExceeded(30)])], "ReadDeadlineExceeded"),
            ([refuse(401, "Unauthorized")], "Unauthorized"),
            ([refuse(403, "Forbidden")], "Forbidden"),
            ([refuse(429, "TooManyRequests")], "ServerUnavailable"),
            ([refuse(500)], "ServerUnavailable"),
            ([refuse(503)], "ServerUnavailable"),
            ([refuse(418)], "ServerRefused"),
            ([Answer([b""], status=302, headers={"location": "https://login"})], "Redirected"),
            (
                [Answer([b"<html>Please log in"], status=502, headers={"content-type": "text/html"})],
                "ServerUnavailable",
            ),
            ([Answer([b"<html>Please log in"], headers={"content-type": "text/html; charset=utf-8"})], "WrongKind"),
            ([Answer([b"<html>"])], "MalformedData"),
            ([Answer([b"\x1f\x8b"], headers={**JSON, "content-encoding": "br"})], "MalformedData"),
            ([Answer([b"no gzip"], headers={**JSON, "content-encoding": "gzip"})], "MalformedData"),
            ([Answer([b'{"type":"ADDED","obj'])], "MalformedData"),
            ([Answer([b'{"type":"NEWS","object":{}}\n'])], "WrongKind"),
            ([Answer([event("ADDED", {"kind": "Table", "apiVersion": "meta.k8s.io/v1"})])], "WrongKind"),
            ([Answer([event("ADDED", {"kind": "Pod", "metadata": {"name": "x"}})])], "WrongKind"),
            ([Answer([event("ADDED", pod("c", 11) | {"kind": "ConfigMap"})])], "WrongKind"),
            ([Answer([event("DELETED", pod("a", 11) | {"apiVersion": "apps/v1"})])], "WrongKind"),
            ([Answer([b'{"type":"ADDED","object":{"metadata":{"name":"\xff\xfe"}}}\n'])], "MalformedData"),
            ([Answer([b'{"type":"ADDED","object":' + b"[" * 100_000])], "MalformedData"),
            ([Answer([error_event(500, "InternalError")])], "ServerUnavailable"),
            ([Answer([error_event(429)])], "ServerUnavailable"),
        ],
    )
    async def test_the_store_stands_and_the_watch_resumes(self, lines: list[Line], name: str) -> None:
        mirror = await mirrored(Answer([initial(["a", "b"], 10)]), *lines, Answer([modified("a", 11), HANG]))
        assert mirror.failures == {name: 1}
        assert mirror.versions == {"a": 11, "b": 10}
        assert mirror.transport.kinds == ["watch-list", "watch", "watch"]
        assert [dict(request.query)["resourceVersion"] for request in mirror.transport.requests] == ["", "10", "10"]
        assert mirror.health.syncs == 1
        assert mirror.health.last_error is None

    async def test_objects_of_another_kind_in_a_list_empty_nothing(self) -> None:
        mirror = await mirrored(
            Answer([initial(["a", "b"], 10)]),
            Answer([error_event(410)]),
            refuse(422),
            Answer([page([pod("c", 3)], 12).replace(b'"v1"', b'"v2"')]),
            HANG,
        )
        assert mirror.failures == {"ServerUnavailable": 1, "ServerRefused": 1, "WrongKind": 1}
        assert mirror.versions == {"a": 10, "b": 10}

    async def test_a_clean_end_is_no_failure_and_resumes(self) -> None:
        mirror = await mirrored(Answer([initial(["a"], 10), modified("a", 12)]), Answer([HANG]))
        assert mirror.failures == {}
        assert dict(mirror.transport.requests[1].query)["resourceVersion"] == "12"

    async def test_an_empty_answer_to_a_watch_is_a_clean_end(self) -> None:
        mirror = await mirrored(Answer([initial(["a"], 10)]), Answer(), Answer(), Answer([HANG]))
        assert mirror.transport.kinds == ["watch-list", "watch", "watch", "watch"]
        assert mirror.failures == {}

    async def test_an_empty_answer_to_a_watch_list_is_none(self) -> None:
        mirror = await mirrored(Answer(), SYNC)
        assert mirror.failures == {"ConnectionLost": 1}
        assert mirror.versions == {"a": 10, "b": 10}

    @pytest.mark.parametrize(
        "answer", [Answer(), Answer([b"{}"]), Answer([b'{"kind":"PodList","items":[]}']), Answer([b"null"])]
    )
    async def test_an_answer_to_a_list_that_is_no_list_empties_nothing(self, answer: Answer) -> None:
        mirror = await mirrored(
            Answer([initial(["a", "b"], 10)]),
            Answer([error_event(410)]),
            refuse(422),
            answer,
            Answer([HANG]),
        )
        assert mirror.transport.kinds == ["watch-list", "watch", "watch-list", "page", "page"]
        assert mirror.versions == {"a": 10, "b": 10}
        assert mirror.health.failures.keys() & {"MalformedData", "WrongKind"}

    async def test_401_forgets_the_credentials_once_for_each(self) -> None:
        mirror = await mirrored(refuse(401), refuse(401), SYNC)
        assert mirror.transport.reauthentications == 2
        assert mirror.failures == {"Unauthorized": 2}

    async def test_403_is_remembered_with_what_was_asked(self) -> None:
        collection = Collection(resource=PODS.resource, namespace="shop")
        mirror = await mirrored(refuse(403, "Forbidden", "user may not"), HANG, collection=collection)
        error = mirror.health.last_error
        assert isinstance(error, Forbidden)
        assert (error.verb, error.resource, error.namespace, error.status) == ("watch", "v1/pods", "shop", 403)
        assert "user may not" in str(error)
        assert "Role" in str(error)

    async def test_403_keeps_the_store(self) -> None:
        mirror = await mirrored(Answer([initial(["a"], 10)]), *[refuse(403)] * 5, HANG)
        assert mirror.versions == {"a": 10}
        assert mirror.failures == {"Forbidden": 5}

    async def test_404_probes_until_the_resource_exists_again(self) -> None:
        mirror = await mirrored(
            Answer([initial(["a"], 10)]), refuse(404, "NotFound"), refuse(404), Answer([initial(["b"], 3), HANG])
        )
        # Its next life may count from anywhere: not a resumed watch, but a new snapshot.
        assert mirror.transport.kinds == ["watch-list", "watch", "watch-list", "watch-list"]
        assert mirror.versions == {"b": 3}

    @pytest.mark.parametrize("answer", [refuse(410, "Expired"), Answer([error_event(410, "Expired")])])
    async def test_410_resyncs_in_place(self, answer: Answer) -> None:
        transport = ScriptedTransport(
            Answer([initial(["a", "b", "c"], 10)]),
            answer,
            Answer([added("a", 10) + added("b", 15) + added("d", 16) + end(20), HANG]),
        )
        async with mirroring(transport) as mirror:
            changes = record_changes(mirror)
            await transport.idle()
        assert transport.kinds == ["watch-list", "watch", "watch-list"]
        assert mirror.versions == {"a": 10, "b": 15, "d": 16}
        # Only what differs is a change.
        assert changes[3:] == [("default/b", "10", "15"), ("default/d", None, "16"), ("default/c", "10", None)]
        assert mirror.health.syncs == 2
        assert mirror.cache.resource_version == "20"

    async def test_a_proof_takes_no_turn_and_is_not_read(self) -> None:
        transport = ScriptedTransport(
            Answer([initial(["a"], 10)]),
            refuse(504, "Timeout", "Too large resource version: 10, current: 7"),
            Answer([page([pod("b", 7)], 12), HANG]),
            Answer([added("c", 11), HANG]),
        )
        turns = SyncTurns(1)
        async with mirroring(transport, turns=turns) as mirror:
            machine = mirror.machine
            broken = machine.broken

            def broken_long_ago(now: float) -> None:
                broken(now)
                machine._silence.broken_at(now - QUICK.proof_after)

            machine.broken = broken_long_ago  # type: ignore[method-assign] # a clock that has moved
            await transport.idle()
            with anyio.fail_after(GUARD):
                await turns.turn().take()  # it is free: a proof is no snapshot
        assert transport.kinds == ["watch-list", "proof", "proof", "watch"]
        assert mirror.versions == {"a": 10, "c": 11}
        assert mirror.health.requests == {"watch-list": 1, "proof": 2, "watch": 1}
        assert mirror.failures == {"ServerUnavailable": 1}

    async def test_a_watch_that_is_answered_long_after_the_last_word_is_not_read(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The server may have been restored meanwhile, to before the position: then nothing would ever come."""
        transport = ScriptedTransport(
            Answer([initial(["a"], 10), ConnectionLost("cut")]),
            Answer([added("never-was", 11), HANG]),
            refuse(504, "Timeout", "Too large resource version: 10, current: 7"),
            Answer([page([pod("b", 7)], 12), HANG]),
            Answer([added("c", 11), HANG]),
        )
        caplog.set_level(logging.INFO, "kubeinformer.reflector")
        async with mirroring(transport) as mirror:
            machine = mirror.machine
            opened = machine.opened

            def opened_late(now: float) -> BeginSweep | None:
                if transport.kinds == ["watch-list", "watch"]:
                    machine._silence.broken_at(now - QUICK.proof_after)
                return opened(now)

            machine.opened = opened_late  # type: ignore[method-assign] # a clock that has moved
            await transport.idle()
        assert transport.kinds == ["watch-list", "watch", "proof", "proof", "watch"]
        assert mirror.versions == {"a": 10, "c": 11}
        told = [record.getMessage() for record in caplog.records]
        assert [message for message in told if "live again" in message] == told[-1:], "not of the one that was dropped"

    async def test_an_interrupted_resync_deletes_nothing(self) -> None:
        mirror = await mirrored(
            Answer([initial(["a", "b"], 10)]),
            refuse(410),
            Answer([added("a", 10), ConnectionLost("cut")]),
            Answer([added("a", 10), HANG]),
        )
        assert mirror.versions == {"a": 10, "b": 10}

    async def test_too_large_a_version_is_waited_for_then_given_up(self) -> None:
        behind = refuse(504, "Timeout", "Too large resource version: 10, current: 5")
        mirror = await mirrored(Answer([initial(["a"], 10)]), *[behind] * 3, Answer([initial(["b"], 5), HANG]))
        assert mirror.transport.kinds == ["watch-list", "watch", "watch", "watch", "watch-list"]
        assert mirror.versions == {"b": 5}  # a restored server may count from an earlier version


class TestBadBytes:
    """What came before the bad part is applied, of the bad part nothing is."""

    async def test_bad_line_after_good_ones_in_one_piece(self) -> None:
        transport = ScriptedTransport(
            Answer([initial(["a"], 10), modified("a", 11) + added("b", 12) + b'{"type": oops}\n' + added("c", 13)]),
            HANG,
        )
        async with mirroring(transport) as mirror:
            await transport.idle()
            assert mirror.versions == {"a": 11, "b": 12}
            assert mirror.failures == {"MalformedData": 1}
            assert dict(transport.requests[1].query)["resourceVersion"] == "12"
            with anyio.fail_after(GUARD):
                await mirror.delivery.wait_until_reached("12")

    async def test_error_event_after_good_ones_in_one_piece(self) -> None:
        transport = ScriptedTransport(Answer([initial(["a"], 10), modified("a", 11) + error_event(500)]), HANG)
        async with mirroring(transport) as mirror:
            await transport.idle()
            assert mirror.versions == {"a": 11}
            with anyio.fail_after(GUARD):
                await mirror.delivery.wait_until_reached("11")

    async def test_nothing_behind_an_error_event_is_read(self) -> None:
        mirror = await mirrored(Answer([initial(["a"], 10), error_event(500) + modified("a", 99)]), HANG)
        assert mirror.versions == {"a": 10}

    async def test_bad_line_in_an_initial_stream_syncs_nothing(self) -> None:
        mirror = await mirrored(Answer([added("a", 5) + b"oops\n" + end(10)]), HANG)
        assert mirror.versions == {"a": 5}
        assert not mirror.delivery.synced.is_set()
        assert mirror.cache.resource_version is None

    async def test_errors_say_where_and_never_what(self) -> None:
        good = added("a", 5)
        mirror = await mirrored(Answer([good + b'{"type":"ADDED","object":{"data":"s3cret",}}\n']), HANG)
        error = mirror.health.last_error
        assert isinstance(error, MalformedData)
        assert error.position == len(good)
        assert error.resource == "v1/pods"
        assert "s3cret" not in str(error)
        assert "s3cret" not in repr(error.__context__)

    @pytest.mark.parametrize("size", [1, 2, 7])
    async def test_chunks_may_end_anywhere(self, size: int) -> None:
        body = initial(["a", "ü-is-no-name-but-bytes"], 10) + modified("a", 11, note="\u2028 ✓")
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        mirror = await mirrored(Answer([*chunks, HANG]))
        assert mirror.versions["a"] == 11

    async def test_line_separators_inside_strings_end_nothing(self) -> None:
        line = json.dumps({"type": "ADDED", "object": pod("a", 5, note="x\u2028y\u2029z\u0085")}, ensure_ascii=False)
        mirror = await mirrored(Answer([line.encode() + b"\n" + end(10), HANG]))
        assert (
            mirror.cache.reader.load("default/a", mirror.cache.entries["default/a"])["note"] == "x\u2028y\u2029z\u0085"
        )

    @pytest.mark.parametrize("number", [b"1e400", b"123456789012345678901234567890", b"0.1e-999"])
    async def test_numbers_of_any_size_are_kept_as_they_came(self, number: bytes) -> None:
        line = added("a", 5, spec={"number": "N"}).replace(b'"N"', number)
        mirror = await mirrored(Answer([line + end(10), HANG]))
        assert number in mirror.cache.codec.raw("default/a", mirror.cache.entries["default/a"])

    async def test_object_over_the_cap(self) -> None:
        large = added("large", 6, blob="x" * 1000)
        mirror = await mirrored(
            Answer([added("a", 5), large[:600], large[600:], HANG]), HANG, limits=Limits(object_size=500)
        )
        assert mirror.failures == {"ObjectTooLarge": 1}
        assert mirror.versions == {"a": 5}
        assert "object_size_limit" in str(mirror.health.last_error)

    async def test_object_over_the_cap_in_a_list(self) -> None:
        body = page([pod("a", 5), pod("large", 6, blob="x" * 1000)], 10)
        mirror = await mirrored(refuse(422), Answer([body]), HANG, limits=Limits(object_size=500))
        assert mirror.failures == {"ServerRefused": 1, "ObjectTooLarge": 1}
        assert not mirror.delivery.synced.is_set()

    async def test_gzip_members_are_one_stream(self) -> None:
        parts = [gzip.compress(initial(["a"], 10)), gzip.compress(modified("a", 11)), gzip.compress(deleted("a", 12))]
        mirror = await mirrored(Answer([b"".join(parts), HANG], headers={**JSON, "content-encoding": "gzip"}))
        assert mirror.versions == {}
        assert mirror.cache.resource_version == "12"
        assert mirror.health.received_bytes == sum(map(len, parts)) < mirror.health.decoded_bytes

    async def test_gzip_cut_in_the_middle(self) -> None:
        good, cut = gzip.compress(initial(["a"], 10)), gzip.compress(modified("a", 11) * 50)[:-20]
        headers = {**JSON, "content-encoding": "gzip"}
        mirror = await mirrored(Answer([good, cut], headers=headers), HANG)
        assert mirror.failures == {"MalformedData": 1}
        assert mirror.health.syncs == 1
        assert mirror.versions["a"] in {10, 11}

    async def test_gzip_cut_before_its_checksum(self) -> None:
        cut = gzip.compress(modified("a", 11))[:-4]
        headers = {**JSON, "content-encoding": "gzip"}
        mirror = await mirrored(Answer([gzip.compress(initial(["a"], 10)), cut], headers=headers), HANG)
        assert mirror.failures == {"MalformedData": 1}

    async def test_gzip_list_without_its_checksum_syncs_nothing(self) -> None:
        body = gzip.compress(page([pod("a", 1)], 10))[:-4]  # all of the JSON, but nothing that says that it is right
        mirror = await mirrored(refuse(422), Answer([body], headers={**JSON, "content-encoding": "gzip"}), HANG)
        assert mirror.failures == {"ServerRefused": 1, "MalformedData": 1}
        assert not mirror.delivery.synced.is_set()

    async def test_a_refusal_of_any_size_in_any_form_is_still_a_refusal(self) -> None:
        endless = Answer([b"<p>" * 10_000] * 10_000, status=403, headers={"content-type": "text/html"})
        broken = Answer([b"<", ConnectionLost("cut")], status=403)
        encoded = Answer([b"?"], status=403, headers={**JSON, "content-encoding": "br"})
        bomb = Answer([gzip.compress(b" " * 10_000_000)], status=403, headers={**JSON, "content-encoding": "gzip"})
        silent = Answer([ReadDeadlineExceeded(60)], status=403)
        mirror = await mirrored(endless, broken, encoded, bomb, silent, SYNC)
        assert mirror.failures == {"Forbidden": 5}
        assert len(mirror.transport.deadlines) < 50


class TestPages:
    async def test_pages_of_one_snapshot(self) -> None:
        mirror = await mirrored(
            refuse(422),
            Answer([page([pod("a", 1), pod("b", 2)], 10, token="one")]),
            Answer([page([pod("c", 3)], 10, token="two")]),
            Answer([page([], 10)]),
            Answer([deleted("a", 11), HANG]),
        )
        assert mirror.versions == {"b": 2, "c": 3}
        assert [dict(request.query).get("continue") for request in mirror.transport.requests[1:4]] == [
            None,
            "one",
            "two",
        ]
        obj = mirror.cache.reader.load("default/b", mirror.cache.entries["default/b"])
        assert (obj["kind"], obj["apiVersion"]) == ("Pod", "v1")

    async def test_410_on_a_later_page_becomes_one_unpaged_list(self) -> None:
        mirror = await mirrored(
            refuse(422),
            Answer([page([pod("a", 1), pod("gone", 2)], 10, token="one")]),
            refuse(410, "Expired"),
            Answer([page([pod("a", 1), pod("new", 11)], 12)]),
            Answer([HANG]),
        )
        assert mirror.transport.kinds == ["watch-list", "page", "next page", "list", "watch"]
        assert mirror.versions == {"a": 1, "new": 11}

    async def test_a_page_of_another_version_is_no_part_of_the_snapshot(self) -> None:
        mirror = await mirrored(
            refuse(422),
            Answer([page([pod("a", 1)], 10, token="one")]),
            Answer([page([pod("b", 11)], 11)]),
            Answer([page([pod("b", 11)], 12)]),
            Answer([HANG]),
        )
        assert mirror.transport.kinds == ["watch-list", "page", "next page", "list", "watch"]
        assert mirror.versions == {"b": 11}
        assert mirror.failures["ProtocolError"] == 1

    async def test_a_lost_connection_between_pages_goes_on_with_the_page(self) -> None:
        mirror = await mirrored(
            refuse(422),
            Answer([page([pod("a", 1)], 10, token="one")]),
            Answer([page([pod("b", 2)], 10)[:40], ConnectionLost("cut")]),
            Answer([page([pod("b", 2)], 10)]),
            Answer([HANG]),
        )
        assert mirror.transport.kinds == ["watch-list", "page", "next page", "next page", "watch"]
        assert mirror.versions == {"a": 1, "b": 2}

    async def test_a_list_over_the_budget_is_parsed_as_it_comes(self) -> None:
        objects = [pod(f"web-{number}", number + 1, blob="x" * 200) for number in range(300)]
        body = page(objects, 1000)
        chunks = [body[start : start + 1000] for start in range(0, len(body), 1000)]
        transport = ScriptedTransport(refuse(422), Answer([*chunks[:-1], HANG]))
        async with mirroring(transport, limits=Limits(page=5_000)) as mirror:
            await transport.idle()
            assert len(mirror.versions) > 100  # before its end has come
            assert not mirror.delivery.synced.is_set()

    async def test_a_list_that_is_cut_syncs_nothing(self) -> None:
        body = page([pod("a", 1), pod("b", 2)], 10)
        mirror = await mirrored(refuse(422), Answer([body[:-30]]), HANG)
        assert mirror.failures == {"ServerRefused": 1, "MalformedData": 1}
        assert not mirror.delivery.synced.is_set()


class TestOneTurnForAll:
    """A server that is always ready must not stop everybody else."""

    @staticmethod
    def _chunks() -> Iterator[bytes]:
        yield initial([f"web-{number}" for number in range(10)], 10)
        for number in range(500):
            yield modified(f"web-{number % 10}", 11 + number)

    async def test_a_watch_that_is_always_ready(self) -> None:
        transport, turns = ScriptedTransport(Answer([*self._chunks(), HANG])), 0
        async with mirroring(transport), anyio.create_task_group() as tasks:

            async def other() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await anyio.lowlevel.checkpoint()

            tasks.start_soon(other)
            await transport.idle()
            tasks.cancel_scope.cancel()
        assert turns > 100

    async def test_a_list_that_is_always_ready(self) -> None:
        body = page([pod(f"web-{number}", number + 1) for number in range(2_000)], 5_000)
        transport, turns = ScriptedTransport(refuse(422), Answer([body]), Answer([HANG])), 0
        async with mirroring(transport), anyio.create_task_group() as tasks:

            async def other() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await anyio.lowlevel.checkpoint()

            tasks.start_soon(other)
            await transport.idle()
            tasks.cancel_scope.cancel()
        assert turns > 15


class TestEnds:
    @pytest.mark.parametrize(
        "script",
        [
            [HANG],
            [Answer([HANG])],
            [Answer([added("a", 5), HANG])],
            [SYNC],
            [refuse(422), Answer([HANG])],
            [refuse(422), Answer([page([pod("a", 1)], 10)[:20], HANG])],
            [Answer([b"<", HANG], status=403)],
        ],
    )
    async def test_cancelling_leaves_no_stream_open(self, script: list[Line]) -> None:
        with anyio.fail_after(GUARD):
            mirror = await mirrored(*script)  # asserts it
        assert mirror.transport.open_streams == 0

    async def test_cancelling_a_wait(self) -> None:
        transport = ScriptedTransport(refuse(429, headers={"retry-after": "3600"}))
        with anyio.fail_after(GUARD):
            async with mirroring(transport) as mirror:
                await anyio.wait_all_tasks_blocked()
                assert mirror.failures == {"ServerUnavailable": 1}
        assert len(transport.requests) == 1

    async def test_an_indexer_that_fails_ends_it(self) -> None:
        def by_node(obj: dict[str, Any]) -> list[str]:
            return [obj["spec"]["nodeName"]]

        with pytest.raises(IndexerError) as caught:
            await mirrored(SYNC, indexers={"node": by_node})
        assert isinstance(caught.value.__cause__, KeyError)
        assert (caught.value.index, caught.value.key) == ("node", "default/a")


class TestWaiting:
    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, object]]:
        """Trio's clock, which jumps when all tasks sleep: minutes pass in no time."""
        from trio.testing import MockClock  # noqa: PLC0415 - trio is only needed here

        return "trio", {"clock": MockClock(autojump_threshold=0)}

    @staticmethod
    async def _elapsed(*script: Line, timing: Timing | None = None, jitter: float = 0.0) -> float:
        start = anyio.current_time()
        transport = ScriptedTransport(*script)
        async with mirroring(transport, timing=timing or Timing(), jitter=lambda: jitter):
            await transport._idle.wait()
        return anyio.current_time() - start

    async def test_backoff_doubles_to_its_limit(self) -> None:
        failures = [ConnectionFailed("refused")] * 8
        expected = 0.8 + 1.6 + 3.2 + 6.4 + 12.8 + 25.6 + 30 + 30
        assert await self._elapsed(*failures, jitter=1.0) == pytest.approx(expected)

    async def test_retry_after_is_a_floor(self) -> None:
        assert await self._elapsed(refuse(429, headers={"retry-after": "7"})) == pytest.approx(7)
        in_stream = event("ERROR", {"kind": "Status", "code": 429, "details": {"retryAfterSeconds": 9}})
        assert await self._elapsed(Answer([in_stream])) == pytest.approx(9)

    async def test_a_clean_early_end_backs_off_too(self) -> None:
        script = [Answer([initial(["a"], 10)]), Answer(), Answer()]
        elapsed = await self._elapsed(*script, timing=Timing(proof_after=3600), jitter=1.0)
        assert elapsed == pytest.approx(0.8 + 1.6 + 3.2)

    async def test_a_missing_resource_is_probed_ever_more_seldom(self) -> None:
        expected = 30 + 60 + 120 + 240 + 300 + 300
        assert await self._elapsed(*[refuse(404)] * 6) == pytest.approx(expected)

    async def test_a_healthy_stream_starts_the_backoff_over(self) -> None:
        transport = FedTransport()
        async with mirroring(transport, timing=Timing(), jitter=lambda: 1.0) as mirror:
            transport.response.feed(initial(["a"], 10))
            await anyio.sleep(121)
            mirror.machine._attempts = 7
            transport.response.feed(error_event(500))
            before = anyio.current_time()
            transport.response.feed(modified("a", 11))
            await mirror.delivery.wait_until_reached("11")
            assert anyio.current_time() - before == pytest.approx(0.8)
        transport.response.close()

    async def test_a_refusal_is_not_read_for_longer_than_a_silence_may_last(self) -> None:
        transport = FedTransport()
        transport.response.status = 503
        async with mirroring(transport, timing=Timing(backoff_first=1e-6)) as mirror:
            for _ in range(7):
                transport.response.feed(b"x")
                await anyio.sleep(10)
            assert mirror.failures == {"ServerUnavailable": 1}
            assert len(transport.requests) == 2
        transport.response.close()

    async def test_an_initial_stream_that_brings_bytes_and_no_objects_is_given_up(self) -> None:
        transport = FedTransport()
        async with mirroring(transport, timing=Timing(backoff_first=1e-6)) as mirror:
            transport.response.feed(added("a", 1))
            for _ in range(6):
                await anyio.sleep(10)
                transport.response.feed(b"\n")
            await anyio.sleep(1)
            assert mirror.failures == {"ConnectionLost": 1}
            assert transport.kinds == ["watch-list", "page"]
        transport.response.close()

    async def test_a_list_that_drips_is_given_up(self) -> None:
        """And gives its turn back: others wait for it."""
        transport = FedTransport()
        timing = Timing(initial_failure_limit=1, list_timeout=100, backoff_first=1e-6)
        async with mirroring(transport, timing=timing, jitter=lambda: 0.5) as mirror:
            await anyio.sleep(61)
            transport.response.feed(b"\n")  # the watch-list brings nothing
            await anyio.sleep(1)
            assert transport.kinds == ["watch-list", "page"]
            for _ in range(11):
                transport.response.feed(b" ")
                await anyio.sleep(10)
            assert mirror.failures == {"ConnectionLost": 2}
            assert transport.kinds == ["watch-list", "page", "page"]
        transport.response.close()

    async def test_a_watch_that_outlives_its_end_is_given_up_although_bytes_come(self) -> None:
        transport = FedTransport()
        timing = Timing(watch_timeout=(100, 100), backoff_first=1e-6, proof_after=1e6)
        async with mirroring(transport, timing=timing) as mirror:
            transport.response.feed(initial(["a"], 10))
            for _ in range(12):
                await anyio.sleep(10)
                transport.response.feed(b"\n")
            await anyio.sleep(1)
            assert mirror.failures == {"ConnectionLost": 1}
            assert transport.kinds == ["watch-list", "watch"]
        transport.response.close()

    async def test_an_answer_has_to_begin_within_the_silence_that_it_may_have_in_it(self) -> None:
        refused = Answer([b"{}"], status=500)
        mirror = await mirrored(refused, SYNC, timing=Timing(initial_silence=7, backoff_first=1e-6))
        assert [request.head_timeout for request in mirror.transport.requests] == [7, 7]

    async def test_the_head_of_an_answer_has_the_deadline_of_an_initial_stream(self) -> None:
        script = [Answer([initial(["a"], 10)]), Answer(), refuse(410), refuse(422), HANG]
        mirror = await mirrored(*script, timing=replace(QUICK, initial_silence=7.0))
        assert mirror.transport.kinds == ["watch-list", "watch", "watch", "watch-list", "page"]
        assert {request.head_timeout for request in mirror.transport.requests} == {7.0}

    async def test_read_deadlines(self) -> None:
        transport = ScriptedTransport(Answer([added("a", 5), end(10), bookmark(11), bookmark(12), HANG]))
        async with mirroring(transport, timing=Timing(watch_timeout=(300, 300))):
            await transport._idle.wait()
        # 60 s in the initial stream; then the stream's own end; two bookmarks tell the rhythm.
        assert transport.deadlines == [60, 60, 315, 315, 30]


class TestLog:
    async def test_an_outage_is_two_lines(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        await mirrored(
            Answer([initial(["a"], 10), ConnectionLost("cut")]), *[ConnectionFailed("refused")] * 20, Answer([HANG])
        )
        lines = [(record.levelname, record.msg) for record in caplog.records if record.levelno > logging.DEBUG]
        assert lines == [
            ("INFO", "%s synced"),
            ("WARNING", "request failed, will be tried again: %s"),  # the cut
            ("WARNING", "request failed, will be tried again: %s"),  # nobody there
            ("INFO", "the stream of %s is live again"),
        ]

    async def test_a_server_that_opens_each_watch_to_refuse_it_is_two_lines(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        refusing = Answer([error_event(500)])
        mirror = await mirrored(Answer([initial(["a"], 10)]), *[refusing] * 20, Answer([modified("a", 11), HANG]))
        assert mirror.failures == {"ServerUnavailable": 20}
        assert [record.msg for record in caplog.records] == [
            "%s synced",
            "request failed, will be tried again: %s",
            "the stream of %s is live again",
        ]

    async def test_no_object_is_ever_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        secret: dict[str, Any] = {"data": {"password": "s3cret"}}
        mirror = await mirrored(
            Answer([added("a", 5, **secret) + end(10), modified("a", 11, **secret), deleted("a", 12, **secret)]),
            Answer([added("b", 13, **secret)[:-10]]),
            Answer([added("b", 13, **secret).replace(b'"s3cret"', b'"s3cret" oops')]),
            Answer([event("ERROR", {"data": "s3cret"})]),
            Answer([event("NEWS", secret)]),
            Answer([event("ADDED", secret)]),
            Answer([event("ADDED", {"metadata": ["s3cret"]})]),
            Answer([event("BOOKMARK", {"metadata": {"s3cret": "s3cret"}})]),
            refuse(410),
            refuse(422),
            Answer([page([pod("c", 14, **secret)], 20)[:-10]]),
            Answer([page([pod("c", 14, **secret)], 20).replace(b'"s3cret"', b'"s3cret" oops')]),
            Answer([json.dumps({"kind": "Secret", **secret}).encode()]),
            Answer([json.dumps({"kind": "Secret", **secret}).encode()], status=500),
            HANG,
        )
        assert sum(mirror.failures.values()) == 13
        for record in caplog.records:
            assert "s3cret" not in repr(record.__dict__)
        assert "s3cret" not in repr(mirror.health.last_error)


async def test_requests_are_counted_by_kind() -> None:
    mirror = await mirrored(refuse(422), Answer([page([pod("a", 1)], 10)]), Answer(), Answer([HANG]))
    assert mirror.health.requests == {"watch-list": 1, "list": 1, "watch": 2}
    assert mirror.health.events == 1


def test_the_errors_named_here_are_of_the_kinds_users_can_tell_apart() -> None:
    assert issubclass(Unauthorized, ServerRefused)
    assert not issubclass(ServerUnavailable, ServerRefused)
    assert not issubclass(WrongKind, MalformedData)
