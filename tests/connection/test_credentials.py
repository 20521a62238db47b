"""Tokens: from where, for how long, and never shown."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

from kubeinformer.connection.credentials import Anonymous, BasicCredentials, Credentials, StaticToken, TokenFile
from kubeinformer.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.connection.conftest import Clock

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-t0ken"


async def test_anonymous() -> None:
    credentials = Anonymous()
    await credentials.refresh()
    assert await credentials.authorization() is None
    assert await credentials.client_certificate() is None


async def test_static() -> None:
    credentials = StaticToken(f" {SECRET}\n")
    await credentials.refresh()
    assert await credentials.authorization() == f"Bearer {SECRET}"
    assert repr(credentials) == "StaticToken(from token=)"


async def test_basic() -> None:
    credentials = BasicCredentials("jane", SECRET)
    await credentials.refresh()
    assert await credentials.authorization() == "Basic amFuZTpzM2NyM3QtdDBrZW4="
    assert repr(credentials) == "BasicCredentials()"
    with pytest.raises(ConfigError, match="colon"):
        BasicCredentials("a:b", "c")


@pytest.mark.parametrize("token", ["", " \n", f"{SECRET}\r\nX-Evil: 1", f"{SECRET} two", f"{SECRET}é", f"{SECRET}\0"])
async def test_what_cannot_be_a_token(token: str) -> None:
    with pytest.raises(ConfigError, match="the token from here") as caught:
        StaticToken(token, source="here")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_a_file_is_read_again_after_its_period(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    credentials = TokenFile(file, period=60, clock=clock)
    assert await credentials.authorization() == "Bearer one"
    file.write_text("two\n")
    clock.now += 59.9
    assert await credentials.authorization() == "Bearer one"
    clock.now += 0.1
    assert await credentials.authorization() == "Bearer two"
    clock.now += 59.9
    file.write_text("three\n")
    assert await credentials.authorization() == "Bearer two"


async def test_a_file_is_read_again_after_a_401(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    credentials = TokenFile(file, clock=clock)
    assert await credentials.authorization() == "Bearer one"
    file.write_text("two")
    await credentials.refresh()
    assert await credentials.authorization() == "Bearer two"


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"two words"])
async def test_while_a_file_is_unreadable_its_last_token_is_used(
    tmp_path: Path, clock: Clock, content: bytes | None
) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    credentials = TokenFile(file, clock=clock)
    assert await credentials.authorization() == "Bearer one"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    clock.now += 61
    assert await credentials.authorization() == "Bearer one"
    await credentials.refresh()  # the server did not want it
    with pytest.raises(ConfigError, match=str(file)):
        await credentials.authorization()


async def test_no_file(tmp_path: Path) -> None:
    credentials = TokenFile(tmp_path / "token")
    with pytest.raises(ConfigError, match=r"token: No such file or directory; check .*automountServiceAccountToken"):
        await credentials.authorization()
    assert repr(credentials) == f"TokenFile('{tmp_path / 'token'}')"


async def test_ones_own_need_no_certificate() -> None:
    class Mine(Credentials):
        async def authorization(self) -> str:
            return "Bearer mine"

        async def refresh(self) -> None:
            pass

    assert await Mine().client_certificate() is None
