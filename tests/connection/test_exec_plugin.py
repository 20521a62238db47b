"""Real programs as credential plugins, on asyncio and on trio."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import textwrap
import traceback
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kubeinformer.connection.credentials import ClientCertificate
from kubeinformer.connection.exec_plugin import YOUNG, ExecCredentials, ExecPlugin
from kubeinformer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.connection.conftest import Clock

pytestmark = pytest.mark.anyio
V1 = "client.authentication.k8s.io/v1"
SECRET = "s3cr3t-t0ken"


class Plugin:
    """A Python script that notes each run and prints what it is told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "plugin"
        self.will_print({})

    def will_print(self, status: dict[str, Any] | None, **answer: Any) -> None:
        body = {"apiVersion": V1, "kind": "ExecCredential", "status": status} | answer
        self.will_run(f"print({json.dumps(body)!r})")

    def will_run(self, code: str) -> None:
        self.path.write_text(
            f"#!{sys.executable} -S\n"  # -S: a quick start is all it needs
            + textwrap.dedent(f"""
            import json, os, sys
            with open({str(self._folder / "runs")!r}, "a") as runs:
                info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
                runs.write(json.dumps(dict(info=info, args=sys.argv[1:], flavour=os.environ.get("FLAVOUR"))) + "\\n")
            """)
            + code
            + "\n"
        )
        self.path.chmod(0o700)

    @property
    def runs(self) -> list[dict[str, Any]]:
        file = self._folder / "runs"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


def credentials_of(plugin: Plugin, clock: Clock, *, time_limit: float | None = None, **options: Any) -> ExecCredentials:
    how = ExecPlugin(**{"command": str(plugin.path), "interactive_mode": "Never", "source": "here"} | options)
    return ExecCredentials(how, clock=clock, now=clock.time_of_day, time_limit=time_limit)


async def refused(credentials: ExecCredentials) -> str:
    """The message, after a look for the secret in all that may be logged of it."""
    with pytest.raises(ConfigError) as caught:
        await credentials.authorization()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(caught.value)
    assert caught.value.__context__ is None or SECRET not in str(vars(caught.value.__context__))
    return str(caught.value)


async def test_a_token(plugin: Plugin, clock: Clock) -> None:
    plugin.will_print({"token": SECRET})
    credentials = credentials_of(plugin, clock, args=("get", "it"), env=(("FLAVOUR", "vanilla"),))
    assert plugin.runs == []
    for _ in range(3):
        assert await credentials.authorization() == f"Bearer {SECRET}"
    assert await credentials.client_certificate() is None
    request = {"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False}}
    assert plugin.runs == [{"info": request, "args": ["get", "it"], "flavour": "vanilla"}]
    assert SECRET not in repr(credentials)
    assert SECRET not in repr(credentials._issued)


async def test_a_name_is_looked_up_on_the_path(plugin: Plugin, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin.will_print({"token": SECRET})
    monkeypatch.setenv("PATH", str(plugin.path.parent), prepend=os.pathsep)
    assert await credentials_of(plugin, clock, command="plugin").authorization() == f"Bearer {SECRET}"


async def test_the_cluster_is_told_if_the_kubeconfig_says_so(plugin: Plugin, clock: Clock) -> None:
    plugin.will_print({"token": SECRET})
    await credentials_of(plugin, clock, cluster={"server": "https://a"}).authorization()
    assert plugin.runs[0]["info"]["spec"] == {"interactive": False, "cluster": {"server": "https://a"}}


async def test_a_certificate(plugin: Plugin, clock: Clock) -> None:
    plugin.will_print({"clientCertificateData": "CERT", "clientKeyData": SECRET})
    credentials = credentials_of(plugin, clock)
    assert await credentials.authorization() is None
    assert await credentials.client_certificate() == ClientCertificate(certificate_data="CERT", key_data=SECRET)
    assert len(plugin.runs) == 1
    assert SECRET not in repr(await credentials.client_certificate())


async def test_token_and_certificate(plugin: Plugin, clock: Clock) -> None:
    plugin.will_print({"token": SECRET, "clientCertificateData": "CERT", "clientKeyData": SECRET})
    credentials = credentials_of(plugin, clock)
    assert await credentials.authorization() == f"Bearer {SECRET}"
    assert await credentials.client_certificate() is not None


@pytest.mark.parametrize("form", ["token", "certificate"])
async def test_it_runs_again_when_its_credential_expired(plugin: Plugin, clock: Clock, form: str) -> None:
    expires = (clock.time_of_day() + dt.timedelta(seconds=100)).isoformat().replace("+00:00", "Z")
    status = {"token": "one"} if form == "token" else {"clientCertificateData": "CERT", "clientKeyData": SECRET}
    plugin.will_print(status | {"expirationTimestamp": expires})
    credentials = credentials_of(plugin, clock)
    await credentials.authorization()
    clock.now += 99
    await credentials.authorization()
    assert len(plugin.runs) == 1
    plugin.will_print({"token": "two"})
    clock.now += 1
    assert await credentials.authorization() == "Bearer two"
    assert await credentials.client_certificate() is None
    assert len(plugin.runs) == 2


async def test_many_streams_make_one_run(plugin: Plugin, clock: Clock) -> None:
    plugin.will_print({"token": SECRET})
    credentials = credentials_of(plugin, clock)
    got: list[str | None] = []

    async def ask() -> None:
        got.append(await credentials.authorization())

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(ask)
    assert got == [f"Bearer {SECRET}"] * 50
    assert len(plugin.runs) == 1


async def test_many_streams_share_one_failure(plugin: Plugin, clock: Clock) -> None:
    plugin.will_run("sys.exit(3)")
    credentials = credentials_of(plugin, clock)
    said: set[str] = set()

    async def ask() -> None:
        said.add(await refused(credentials))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(ask)
    assert len(said) == len(plugin.runs) == 1
    clock.now += YOUNG
    plugin.will_print({"token": SECRET})
    assert await credentials.authorization() == f"Bearer {SECRET}"


async def test_many_401s_make_one_run(plugin: Plugin, clock: Clock) -> None:
    plugin.will_print({"token": "one"})
    credentials = credentials_of(plugin, clock)
    await credentials.authorization()
    clock.now += 3600
    plugin.will_print({"token": "two"})
    for _ in range(50):
        await credentials.refresh()
        assert await credentials.authorization() == "Bearer two"
    assert len(plugin.runs) == 2
    clock.now += YOUNG
    await credentials.refresh()
    await credentials.authorization()
    assert len(plugin.runs) == 3


async def test_a_refresh_before_the_first_run(plugin: Plugin, clock: Clock) -> None:
    plugin.will_print({"token": SECRET})
    credentials = credentials_of(plugin, clock)
    await credentials.refresh()
    assert await credentials.authorization() == f"Bearer {SECRET}"


async def test_who_is_cancelled_leaves_the_run_to_the_next(plugin: Plugin, clock: Clock, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # Waits for a line that the second run alone is sent.
    plugin.will_run(f"open({str(fifo)!r}).read(); print({json.dumps(_answer(SECRET))!r})")
    credentials = credentials_of(plugin, clock)
    got: list[str | None] = []

    async def first() -> None:
        with scope:
            await credentials.authorization()

    async def second() -> None:
        got.append(await credentials.authorization())

    async def runs(count: int) -> None:
        while len(plugin.runs) < count:
            await anyio.lowlevel.checkpoint()

    scope = anyio.CancelScope()
    async with anyio.create_task_group() as group:
        group.start_soon(first)
        await runs(1)
        group.start_soon(second)
        await anyio.lowlevel.checkpoint()
        scope.cancel()
        await runs(2)
        await anyio.to_thread.run_sync(fifo.write_text, "go")
    assert got == [f"Bearer {SECRET}"]


def _answer(token: str) -> dict[str, Any]:
    return {"apiVersion": V1, "kind": "ExecCredential", "status": {"token": token}}


async def test_one_that_hangs_is_ended(plugin: Plugin, clock: Clock, tmp_path: Path) -> None:
    plugin.path.write_text(f"#!/bin/sh\necho $$ > {tmp_path / 'pid'}\nexec sleep 600\n")  # there in milliseconds
    said = await refused(credentials_of(plugin, clock, time_limit=3))
    assert said.endswith("(from here) gave nothing within 3 s and was ended")
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_talkative_one_does_not_hang(plugin: Plugin, clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    plugin.will_run(
        f"sys.stderr.write('log in, please\\n' * 20000); sys.stderr.flush(); print({json.dumps(_answer(SECRET))!r})"
    )
    assert await credentials_of(plugin, clock).authorization() == f"Bearer {SECRET}"
    assert capfd.readouterr().err.startswith("log in, please")  # people can read it


@pytest.fixture
def typed_ahead() -> Iterator[None]:
    """Something waits on our standard input, which is no terminal."""
    reading, writing = os.pipe()
    os.write(writing, b"not for plugins")
    os.close(writing)
    kept = os.dup(0)
    os.dup2(reading, 0)
    yield
    os.dup2(kept, 0)
    os.close(kept)
    os.close(reading)


@pytest.mark.usefixtures("typed_ahead")
async def test_it_cannot_read_our_standard_input(plugin: Plugin, clock: Clock) -> None:
    plugin.will_run("assert sys.stdin.read() == ''; print(" + repr(json.dumps(_answer(SECRET))) + ")")
    for mode in ("Never", "IfAvailable"):  # pytest's standard input is no terminal
        assert await credentials_of(plugin, clock, interactive_mode=mode).authorization() == f"Bearer {SECRET}"


async def test_one_that_needs_a_terminal(plugin: Plugin, clock: Clock) -> None:
    assert "needs a terminal (interactiveMode: Always)" in await refused(
        credentials_of(plugin, clock, interactive_mode="Always")
    )
    assert plugin.runs == []


async def test_no_such_program(plugin: Plugin, clock: Clock) -> None:
    said = await refused(credentials_of(plugin, clock, command="no-such-plugin"))
    assert said == (
        "the credential plugin 'no-such-plugin' (from here) cannot be run: No such file or directory; "
        "install it, or repair PATH"
    )
    hint = await refused(credentials_of(plugin, clock, command="no-such-plugin", install_hint="brew install it"))
    assert hint.endswith("; brew install it")


async def test_failed(plugin: Plugin, clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    plugin.will_run(f"print({SECRET!r}); print({SECRET!r}, file=sys.stderr); sys.exit(3)")
    assert "failed with exit code 3; its own words are on standard error" in await refused(
        credentials_of(plugin, clock)
    )
    capfd.readouterr()


CERTIFICATE = {"clientCertificateData": SECRET}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": None}, "printed no ExecCredential (JSON) with a status"),
        ({"kind": "Status", "status": {"token": SECRET}}, "printed no ExecCredential (JSON) with a status"),
        ({"apiVersion": "v2", "status": {"token": SECRET}}, f"answered in another version than {V1}"),
        ({"status": {}}, "gave neither token nor clientCertificateData"),
        ({"status": {"token": ""}}, "gave neither token nor clientCertificateData"),
        ({"status": CERTIFICATE}, "without the other"),
        ({"status": {"token": "a", "clientKeyData": SECRET}}, "without the other"),
        ({"status": {"token": f"{SECRET}\nX: y"}}, "holds characters that no token has"),
        ({"status": {"token": SECRET, "expirationTimestamp": "soon"}}, "not RFC 3339"),
        ({"status": {"token": SECRET, "expirationTimestamp": "2030-01-01T00:00:00"}}, "not RFC 3339"),
        ({"status": {"token": SECRET, "expirationTimestamp": 5}}, "not RFC 3339"),
    ],
)
async def test_bad_answers(plugin: Plugin, clock: Clock, answer: dict[str, Any], said: str) -> None:
    plugin.will_print(**answer)
    assert said in await refused(credentials_of(plugin, clock))


@pytest.mark.parametrize("output", [SECRET, f'"{SECRET}"', f'["{SECRET}"]', ""])
async def test_no_answer(plugin: Plugin, clock: Clock, output: str) -> None:
    plugin.will_run(f"print({output!r})")
    assert "printed" in await refused(credentials_of(plugin, clock))
