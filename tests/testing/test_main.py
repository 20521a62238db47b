import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import h11
import pytest
from tests.testing.http_client import Client


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    command = [sys.executable, "-m", "kubeinformer.testing", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - ourselves
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


@pytest.mark.anyio
async def test_it_serves_until_standard_input_ends() -> None:
    with running("--pods", "10", "--churn", "100") as (process, url):
        pods = (await Client(url).get("/api/v1/pods")).json["items"]
        assert len(pods) > 5
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0
        assert process.stdout is not None
        assert process.stdout.read() == b"", "nothing but the address is printed"


@pytest.mark.anyio
async def test_it_serves_small_objects_of_a_custom_resource() -> None:
    with running("--objects", "30", "--object-size", "2000") as (_, url):
        widgets = (await Client(url).get("/apis/example.com/v1/widgets")).json
        assert widgets["kind"] == "WidgetList"
        assert len(widgets["items"]) == 30
        for widget in widgets["items"]:
            assert (widget["kind"], widget["apiVersion"]) == ("Widget", "example.com/v1")
            assert len(json.dumps(widget, separators=(",", ":"))) == pytest.approx(2000, abs=100)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_comes(number: signal.Signals) -> None:
    with running() as (process, _):
        process.send_signal(number)
        assert process.wait(20) == 0


@pytest.mark.anyio
async def test_it_cuts_connections_as_often_as_told() -> None:
    with running("--cut-every", "0.05") as (_, url):
        async with Client(url).watch("/api/v1/pods", resourceVersion="1000") as watch:
            with pytest.raises((anyio.BrokenResourceError, h11.RemoteProtocolError)):
                await watch.until_end()


@pytest.mark.anyio
async def test_it_plays_a_fault_script(tmp_path: Path) -> None:
    script = tmp_path / "faults.yaml"
    script.write_text("seed: 7\nfaults:\n- fault: server_error\n  code: 503\n  'on': list\n")
    with running("--faults", str(script)) as (_, url):
        statuses = [(await Client(url).get("/api/v1/pods")).status for _ in range(2)]
    assert statuses == [503, 200]


@pytest.mark.parametrize(
    ("content", "words"), [("[{fault: cutt}]", "unknown fault 'cutt'; accepted: behind, "), (None, "No such file")]
)
def test_a_fault_script_that_cannot_be_played_is_refused_at_once(
    tmp_path: Path, content: str | None, words: str
) -> None:
    script = tmp_path / "faults.yaml"
    if content is not None:
        script.write_text(content)
    command = [sys.executable, "-m", "kubeinformer.testing", "--faults", str(script)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=45, check=False)  # noqa: S603 - ourselves
    assert ended.returncode == 2
    assert words in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("port", "said"), [(None, "cannot listen on 127.0.0.1:"), ("99999", "--port 99999: it must be 0 to 65535")]
)
def test_a_port_that_cannot_be_had_is_one_line(port: str | None, said: str) -> None:
    with running() as (_, url):
        command = [sys.executable, "-m", "kubeinformer.testing", "--port", port or url.rpartition(":")[2]]
        second = subprocess.run(command, input=b"", capture_output=True, timeout=45, check=False)  # noqa: S603 - ourselves
    assert second.returncode == 2
    assert said in second.stderr.decode()
    assert b"Traceback" not in second.stderr
    assert not second.stdout
