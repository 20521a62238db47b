import anyio
import pytest

from kubeinformer.controller.crew import Crew

pytestmark = pytest.mark.anyio


async def test_a_crew_ends_when_all_have_ended() -> None:
    ended = list[int]()

    async def work() -> None:
        ended.append(1)

    await Crew().run(work, work)
    assert ended == [1, 1]


async def test_the_one_failure_comes_out_as_itself_and_ends_the_others() -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError) as caught:
        await Crew().run(anyio.sleep_forever, fail)
    assert caught.value.args == ("x",)


async def test_one_error_that_ends_several_counts_as_one() -> None:
    error = KeyError("x")

    async def fail() -> None:
        raise error

    with pytest.raises(KeyError):
        await Crew().run(fail, fail)


async def test_several_failures_come_as_a_group() -> None:
    async def fail() -> None:
        raise KeyError("x")

    async def fail_as_well() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("y")

    with pytest.raises(ExceptionGroup) as caught:
        await Crew().run(fail_as_well, fail)
    assert {type(error) for error in caught.value.exceptions} == {KeyError, ValueError}


@pytest.mark.parametrize("leaving", [SystemExit(7), KeyboardInterrupt()])
async def test_an_exit_comes_out_as_itself_whatever_else_failed(leaving: BaseException) -> None:
    async def leave() -> None:
        raise leaving

    async def fail() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise KeyError

    with pytest.raises(type(leaving)) as caught:
        await Crew().run(fail, leave)
    assert caught.value is leaving


async def test_stop_ends_it_without_an_error() -> None:
    crew = Crew()
    waiting = anyio.Event()

    async def stop() -> None:
        await waiting.wait()
        crew.stop()

    async def wait() -> None:
        waiting.set()
        await anyio.sleep_forever()

    await crew.run(wait, stop)


async def test_cancelling_passes_through() -> None:
    with anyio.move_on_after(0) as scope:
        await Crew().run(anyio.sleep_forever)
    assert scope.cancelled_caught
