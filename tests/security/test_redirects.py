"""A redirect is told, never followed: the token would go along."""

import pytest
from tests._runtime.scripted import QUICK
from tests.security.leaks import assert_hidden, assert_not_logged
from tests.security.peer import answering, fails_to_sync

from kubeinformer import Redirected, SyncTimeout, connect

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-t0ken"
STATE = "state-of-a-l0gin"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def redirect(code: int, location: str) -> bytes:
    """As login pages do it: the body repeats where to."""
    body = f"<html><a href='{location}'>Moved to {location}</a>".encode()
    head = (
        f"HTTP/1.1 {code} Moved\r\nLocation: {location}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
    )
    return head.encode() + b"\r\n" + body


async def redirected(answer: bytes, log: pytest.LogCaptureFixture) -> Redirected:
    async with answering(answer) as peer:
        with pytest.raises(SyncTimeout) as caught:  # noqa: PT012 - what leaves connect()
            async with connect(server=peer.url, token=SECRET, timing=QUICK) as cluster:
                pods = cluster.informer("v1/pods")
                await fails_to_sync(pods)
        assert pods.statistics().failures.keys() == {"Redirected"}
    assert_hidden(caught.value, SECRET, STATE)
    assert_not_logged(log, SECRET, STATE)
    error = caught.value.__cause__
    assert isinstance(error, Redirected)
    return error


@pytest.mark.parametrize("code", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["another host", "the same host", "a path"])
async def test_it_is_not_followed(code: int, where: str, log: pytest.LogCaptureFixture) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as other:
        location = {
            "another host": f"http://localhost:{other.port}/{STATE}?{STATE}",
            "the same host": f"http://u:{STATE}@127.0.0.1:{other.port}/api",
            "a path": f"/{STATE}",
        }[where]
        error = await redirected(redirect(code, location), log)
    assert (other.connections, other.heads) == (0, [])
    assert error.status == code
    assert (
        error.location
        == {
            "another host": f"http://localhost:{other.port}",
            "the same host": f"http://127.0.0.1:{other.port}",
            "a path": "a path on the same server",
        }[where]
    )


@pytest.mark.parametrize(
    ("location", "named"),
    [
        (f"https://login.example/{STATE}?s={STATE}#{STATE}", "https://login.example"),
        (f"https://u:{STATE}@login.example:8443/", "https://login.example:8443"),
        ("//login.example/a", "the same scheme://login.example"),
        ("https://[::1]:6443/", "https://[::1]:6443"),
        (f"https://login.example:{STATE}/", "what is no URL"),
        (f"https://[{STATE}/", "what is no URL"),
        (f"javascript://{STATE}/", "what is no URL"),
        (f"https://{STATE}$.example/", "what is no URL"),
        ("?a=b", "a path on the same server"),
    ],
)
async def test_it_names_the_host_and_no_more(location: str, named: str, log: pytest.LogCaptureFixture) -> None:
    error = await redirected(redirect(302, location), log)
    assert error.location == named
    assert str(error) == (
        f"the answer to watch v1/pods was a redirect to {named} (HTTP 302), which is not followed: check the server's "
        "URL, and whether a proxy requires a login; it is tried again"
    )


async def test_one_that_leads_nowhere(log: pytest.LogCaptureFixture) -> None:
    error = await redirected(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", log)
    assert error.location == "no location"
