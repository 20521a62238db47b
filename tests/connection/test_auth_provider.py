"""The old auth providers: oidc from the file, gcp through kubernetes_asyncio."""

from __future__ import annotations

import base64
import json
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from tests.connection.leftovers import collect_processes

from kubeinformer.connection.auth_provider import GcpCredentials, OidcCredentials
from kubeinformer.connection.credentials import Credentials
from kubeinformer.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.connection.conftest import Clock

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-t0ken"


def jwt(**claims: Any) -> str:
    # Claims that need the letters - and _ of the URL alphabet, and no padding, as in RFC 7515.
    payload = base64.urlsafe_b64encode(json.dumps({"name": "???>>>~~~"} | claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.sig"


async def refused(credentials: Credentials) -> str:
    with pytest.raises(ConfigError) as caught:
        await credentials.authorization()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None or SECRET not in repr(caught.value.__context__)
    return str(caught.value)


class File:
    """A section that somebody may rewrite."""

    def __init__(self, **settings: Any) -> None:
        self.settings, self.reads = settings, 0

    def __call__(self) -> dict[str, Any]:
        self.reads += 1
        return self.settings


async def test_an_id_token_is_used_until_it_expires_and_then_read_again(clock: Clock) -> None:
    now = clock.time_of_day().timestamp()
    first, second = jwt(exp=now + 100), jwt(exp=now + 1000)
    file = File(**{"id-token": first})
    credentials = OidcCredentials(file, source="here", now=clock.time_of_day)
    clock.now += 99
    for _ in range(3):
        assert await credentials.authorization() == f"Bearer {first}"
    assert file.reads == 1
    file.settings["id-token"] = second
    clock.now += 1
    assert await credentials.authorization() == f"Bearer {second}"
    assert repr(credentials) == "OidcCredentials(here)"


async def test_an_id_token_is_read_again_after_a_401(clock: Clock) -> None:
    file = File(**{"id-token": jwt()})  # no expiry
    credentials = OidcCredentials(file, source="here", now=clock.time_of_day)
    await credentials.authorization()
    clock.now += 10**6
    await credentials.authorization()
    await credentials.refresh()
    await credentials.authorization()
    assert file.reads == 2


async def test_an_expired_id_token(clock: Clock) -> None:
    token = jwt(exp=clock.time_of_day().timestamp())
    said = await refused(OidcCredentials(File(**{"id-token": token}), source="here", now=clock.time_of_day))
    assert said.startswith("the oidc id-token of here expired at 2023-11-14T22:30:00+00:00; renew it with `kubectl")
    assert "kubelogin" in said
    assert token not in said


async def test_no_id_token(clock: Clock) -> None:
    settings = {"refresh-token": SECRET}
    said = await refused(OidcCredentials(File(**settings), source="here", now=clock.time_of_day))
    assert said.startswith("the oidc provider of here has no id-token; renew it")


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.e30.c", f"a.{'A' * 5}.c", jwt(exp="soon"), jwt(exp=1e400)])
async def test_what_says_no_expiry_is_left_to_the_server(token: str) -> None:
    assert await OidcCredentials(File(**{"id-token": token}), source="here").authorization() == f"Bearer {token}"


def gcloud(tmp_path: Path, output: str) -> dict[str, Any]:
    (tmp_path / "output").write_text(output)
    script = tmp_path / "gcloud"
    script.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\ncat {tmp_path}/output\n")
    script.chmod(0o700)
    return {"cmd-path": str(script), "cmd-args": "config config-helper --format=json"}


async def test_gcp(tmp_path: Path) -> None:
    answer = {"credential": {"access_token": SECRET, "token_expiry": "2999-01-01T00:00:00Z"}}
    credentials = GcpCredentials(File(**gcloud(tmp_path, json.dumps(answer))), source="here")
    for _ in range(3):
        assert await credentials.authorization() == f"Bearer {SECRET}"
    assert (tmp_path / "runs").read_text() == "run\n"
    await credentials.refresh()
    await credentials.authorization()
    assert (tmp_path / "runs").read_text() == "run\nrun\n"
    assert repr(credentials) == "GcpCredentials(here)"


async def test_gcp_runs_again_when_expired(tmp_path: Path) -> None:
    answer = {"credential": {"access_token": SECRET, "token_expiry": "2000-01-01T00:00:00Z"}}
    credentials = GcpCredentials(File(**gcloud(tmp_path, json.dumps(answer))), source="here")
    await credentials.refresh()
    for _ in range(2):
        await credentials.authorization()
    assert (tmp_path / "runs").read_text() == "run\nrun\n"


# kubernetes_asyncio leaves its process object to the garbage collector when it cannot parse the output.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("output", [SECRET, json.dumps({"credential": SECRET}), json.dumps({SECRET: 1})])
async def test_gcp_fails(tmp_path: Path, output: str) -> None:
    said = await refused(GcpCredentials(File(**gcloud(tmp_path, output)), source="here"))
    assert said.startswith("the gcp provider of here gave no token (")
    assert "gke-gcloud-auth-plugin" in said
    collect_processes()


async def test_gcp_without_a_command() -> None:
    assert "(ValueError)" in await refused(GcpCredentials(File(expiry=SECRET), source="here"))
