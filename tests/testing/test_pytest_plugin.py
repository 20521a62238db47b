"""The pytest plugin, in runs of pytest of their own, on both event loops."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PLUGIN = "kubeinformer.testing.pytest_plugin"
BACKENDS = """
import pytest

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request): return request.param
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run a module's tests on both event loops, with the plugin."""
    pytester.makeconftest(BACKENDS)

    def run(module: str, *arguments: str, plugins: tuple[str, ...] = (PLUGIN,)) -> pytest.RunResult:
        pytester.makepyfile("import anyio, pytest\npytestmark = pytest.mark.anyio\n" + textwrap.dedent(module))
        named = [part for plugin in plugins for part in ("-p", plugin)]
        return pytester.runpytest(*named, "-p", "no:cacheprovider", "-W", "error", *arguments)

    return run


@pytest.mark.parametrize(
    "plugins",
    [(), (PLUGIN,), ("_kubeinformer_pytest",), ("_kubeinformer_pytest", PLUGIN), (PLUGIN, "_kubeinformer_pytest")],
    ids=["as installed", "by name", "by its own name", "its own name first", "its own name last"],
)
def test_all_fixtures_together(run: Callable[..., pytest.RunResult], plugins: tuple[str, ...]) -> None:
    done = run(
        """
        from kubeinformer.testing import FakeApiServer

        def pod(name): return {"metadata": {"name": name, "namespace": "default"}}

        async def test_all(fake_api_server, cluster, informer_synced, eventually):
            assert isinstance(fake_api_server, FakeApiServer)
            fake_api_server.create("v1/pods", pod("a"))
            pods = await informer_synced("v1/pods", namespace="default")
            assert pods is cluster.informer("v1/pods", namespace="default")
            assert list(pods.store.keys()) == ["default/a"]
            fake_api_server.create("v1/pods", pod("b"))
            b = await eventually(lambda: pods.store.get("default/b"))
            assert b["metadata"]["name"] == "b"
        """,
        plugins=plugins,
    )
    done.assert_outcomes(passed=2)


def test_each_test_has_its_own_and_leaves_nothing(run: Callable[..., pytest.RunResult]) -> None:
    done = run(
        """
        seen = []

        @pytest.mark.parametrize("number", range(3))
        async def test_empty(fake_api_server, informer_synced, number):
            pods = await informer_synced("v1/pods")
            assert len(pods.store) == 0
            assert all(informer.is_closed for informer, _ in seen)
            assert all(server.connection_count == 0 for _, server in seen)
            seen.append((pods, fake_api_server))
            fake_api_server.create("v1/pods", {"metadata": {"name": "a", "namespace": "default"}})
        """
    )
    done.assert_outcomes(passed=6)


def test_informer_synced_hands_on_options_and_refusals(run: Callable[..., pytest.RunResult]) -> None:
    done = run(
        """
        from kubeinformer import Forbidden

        async def test_options(fake_api_server, informer_synced):
            for name, app in (("a", "web"), ("b", "db")):
                metadata = {"name": name, "namespace": "default", "labels": {"app": app}}
                fake_api_server.create("v1/pods", {"metadata": metadata})
            pods = await informer_synced("v1/pods", label_selector="app=web", retain="keys")
            assert list(pods.store.keys()) == ["default/a"]

        async def test_refusals(fake_api_server, informer_synced):
            fake_api_server.deny(resource="v1/pods")
            with pytest.raises(Forbidden):
                await informer_synced("v1/pods", timeout=1)  # one answer must have come
        """
    )
    done.assert_outcomes(passed=4)


def test_eventually_waits_for_what_no_informer_sees(run: Callable[..., pytest.RunResult]) -> None:
    done = run(
        """
        async def test_without_a_cluster(eventually):
            happened = []
            async def later():
                await anyio.sleep(0.02)
                happened.append("it")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(later)
                assert await eventually(lambda: happened) == ["it"]

        async def test_asynchronous(eventually):
            answers = iter([0, None, "", 7])
            async def ask():
                await anyio.sleep(0)
                return next(answers)
            assert await eventually(ask) == 7

        async def test_at_once_and_without_time(eventually):
            assert await eventually(lambda: "now", timeout=0) == "now"

        async def test_assertions(eventually):
            values = iter([1, 2, 3])
            def is_three():
                assert next(values) == 3
                return True
            assert await eventually(is_three) is True
        """
    )
    done.assert_outcomes(passed=8)


def test_eventually_is_woken_by_events(run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch) -> None:
    """With a pause that never ends, only an event can be why the condition was tried again."""
    from kubeinformer.testing import _fixtures  # noqa: PLC0415 - only this test changes it

    monkeypatch.setattr(_fixtures, "_FIRST_PAUSE", 60.0)
    monkeypatch.setattr(_fixtures, "_LONGEST_PAUSE", 60.0)
    done = run(
        """
        async def test_it(fake_api_server, informer_synced, eventually):
            pods = await informer_synced("v1/pods")
            async def create():
                await anyio.wait_all_tasks_blocked()
                fake_api_server.create("v1/pods", {"metadata": {"name": "a", "namespace": "default"}})
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(create)
                await eventually(lambda: pods.store.get("default/a"), timeout=5)
        """
    )
    done.assert_outcomes(passed=2)


def test_eventually_says_what_it_saw_last(run: Callable[..., pytest.RunResult]) -> None:
    done = run(
        """
        async def test_value(eventually):
            await eventually(lambda: [], timeout=0.03)

        async def test_nothing(eventually):
            await eventually(lambda: None, timeout=0.03)

        async def test_assertion(eventually):
            def two_is_three():
                assert 2 == 3, "two is not three"
            await eventually(two_is_three, timeout=0.03)

        async def test_silent(eventually):
            await eventually(anyio.sleep_forever, timeout=0.03)

        async def test_mistake(eventually):
            await eventually(lambda: {}["missing"], timeout=0.03)
        """
    )
    done.assert_outcomes(failed=10)
    done.stdout.fnmatch_lines(
        [
            "*AssertionError: test_value.<locals>.<lambda> (*.py:*) did not hold within 0.03 s, *last value: []*",
            "*last value: None (a condition that asserts must return True in the end)*",
            "*last AssertionError: two is not three*",
            "*did not hold within 0.03 s, tried 1 times; no answer yet*",
            "*KeyError: 'missing'*",
        ]
    )
    done.stdout.no_fnmatch_line("*ExceptionGroup*")


@pytest.mark.parametrize("fixture", ["fake_api_server", "cluster", "informer_synced", "eventually"])
def test_a_test_that_anyio_does_not_run(pytester: pytest.Pytester, fixture: str) -> None:
    pytester.makepyfile(f"def test_it({fixture}): pass")
    done = pytester.runpytest("-p", PLUGIN, "-p", "no:cacheprovider")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(
        ["*not run by anyio's pytest plugin: make it `async def`, and mark it*pytest.mark.anyio*"]
    )


def test_without_the_extra(run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h11", None)
    done = run("async def test_it(cluster): pass", plugins=("_kubeinformer_pytest",))
    done.assert_outcomes(errors=2)
    done.stdout.fnmatch_lines(["*need its extra for tests: pip install 'kubeinformer?testing?'*"])


def test_a_fixture_of_the_users_comes_first(run: Callable[..., pytest.RunResult]) -> None:
    done = run(
        """
        from kubeinformer import connect
        from kubeinformer.testing import FakeApiServer

        @pytest.fixture
        async def fake_api_server():
            async with FakeApiServer(tokens={"t0ken": "jane"}) as server:
                yield server

        @pytest.fixture
        async def cluster(fake_api_server):
            async with connect(server=fake_api_server.url, token="t0ken") as cluster:
                yield cluster

        async def test_it(fake_api_server, informer_synced):
            await informer_synced("v1/pods")
            assert fake_api_server.requests[-1].user == "jane"
        """
    )
    done.assert_outcomes(passed=2)


def test_the_fixtures_are_listed(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest("-p", PLUGIN, "--fixtures")
    done.stdout.fnmatch_lines(["fake_api_server*", "cluster*", "informer_synced*", "eventually*"])


def test_pytest_imports_next_to_nothing() -> None:
    script = (
        "import sys, pytest; before = set(sys.modules); import _kubeinformer_pytest; "
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout == "['_kubeinformer_pytest']\n"
