import anyio
import pytest

from kubeinformer._runtime.writes import Write, WriteLog

ONE, TWO, THREE = (Write(f"/api/v1/namespaces/shop/configmaps/{n}", str(n)) for n in (1, 2, 3))

pytestmark = pytest.mark.anyio


async def test_nothing_is_kept_outside() -> None:
    log = WriteLog()
    log.confirmed(ONE)
    with log.record() as writes:
        pass
    log.confirmed(TWO)
    assert writes == []


async def test_nested_ones_each_have_what_is_inside() -> None:
    log = WriteLog()
    with log.record() as outer:
        log.confirmed(ONE)
        with log.record() as inner:
            log.confirmed(TWO)
        log.confirmed(THREE)
    assert (outer, inner) == ([ONE, TWO, THREE], [TWO])


async def test_children_count_and_siblings_do_not() -> None:
    log = WriteLog()
    recording, written = anyio.Event(), anyio.Event()

    async def sibling() -> None:
        await recording.wait()
        log.confirmed(ONE)
        written.set()

    async def child() -> None:
        log.confirmed(TWO)

    async with anyio.create_task_group() as siblings:
        siblings.start_soon(sibling)
        with log.record() as writes:
            recording.set()
            await written.wait()
            async with anyio.create_task_group() as children:
                children.start_soon(child)
    assert writes == [TWO]


async def test_a_child_that_outlives_the_block_adds_nothing_more() -> None:
    log = WriteLog()
    ended = anyio.Event()

    async def child() -> None:
        await ended.wait()
        log.confirmed(ONE)

    async with anyio.create_task_group() as children:
        with log.record() as writes:
            children.start_soon(child)
        ended.set()
    assert writes == []


async def test_clusters_do_not_mix() -> None:
    here, there = WriteLog(), WriteLog()
    with here.record() as ours, there.record() as theirs:
        here.confirmed(ONE)
        there.confirmed(TWO)
    assert (ours, theirs) == ([ONE], [TWO])


async def test_an_exception_ends_a_record() -> None:
    log = WriteLog()
    with pytest.raises(KeyError), log.record() as writes:
        raise KeyError
    log.confirmed(ONE)
    assert writes == []


@pytest.mark.parametrize(
    ("path", "resource", "namespace"),
    [
        ("/api/v1/namespaces/shop/configmaps", "v1/configmaps", "shop"),
        ("/api/v1/nodes/n", "v1/nodes", None),
        ("/apis/apps/v1/namespaces/shop/deployments/web/status", "apps/v1/deployments", "shop"),
    ],
)
async def test_a_write_says_whose_it_is(path: str, resource: str, namespace: str | None) -> None:
    write = Write(path, "7")
    assert (write.resource, write.namespace) == (resource, namespace)
