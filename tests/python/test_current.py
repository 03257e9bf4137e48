# SPDX-License-Identifier: Apache-2.0
"""The current execution: an ended one has no new children, in whatever order and place runs end."""
import asyncio
import concurrent.futures
import contextlib
import contextvars
import gc
import itertools
import random
import sys
import threading
import time

import pytest

import aep
from conftest import DEADLINE_S, spooled


def run_here(publisher):
    """A run that starts and ends here; if it has a parent, it has the parent's correlation id."""
    run = publisher.execution("probe", "r").start()
    run.complete()
    return run


def check(publisher, open_runs):
    """The innermost open run is the current one, and a new run is its child."""
    expected = open_runs[-1] if open_runs else None
    assert aep.current() is expected
    probe = run_here(publisher)
    assert probe.correlation_id == expected.correlation_id if expected else probe.correlation_id[0] != "c"


def in_place(end):
    end()


def in_a_copied_context(end):
    contextvars.copy_context().run(end)


def in_an_empty_context(end):
    contextvars.Context().run(end)


def in_another_thread(end):
    thread = threading.Thread(target=end)
    thread.start()
    thread.join()


def in_another_task(end):
    async def main():
        end()
    asyncio.run(main())


PLACES = [in_place, in_a_copied_context, in_an_empty_context, in_another_thread, in_another_task]
ENDS = {"exit": lambda run: run.__exit__(None, None, None), "complete": lambda run: run.complete(),
        "fail": lambda run: run.fail("no"),
        "exception": lambda run: run.__exit__(KeyError, KeyError("x"), None)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_runs_end_in_any_order_and_place(local, place, end, order):
    runs = [local.execution(f"run {n}", "r", correlation_id=f"c{n}") for n in range(3)]
    open_runs = []

    def story():
        for run in runs:
            open_runs.append(run.__enter__())
            check(local, open_runs)
        for n in order:
            place(lambda: ENDS[end](runs[n]))
            open_runs.remove(runs[n])
            check(local, open_runs)
        with local.execution("later", "r") as later:
            assert later.correlation_id not in {"c0", "c1", "c2"}
    contextvars.Context().run(story)


def test_any_sequence_of_begins_and_ends(local):
    source = random.Random(3)

    def story():
        open_runs = []
        for number in range(400):
            if open_runs and source.random() < 0.5:
                run = open_runs.pop(source.randrange(len(open_runs)))
                source.choice(PLACES[:3])(lambda: source.choice(list(ENDS.values()))(run))
            elif len(open_runs) < 8:
                open_runs.append(local.execution("a", "r", correlation_id=f"c{number}").__enter__())
            check(local, open_runs)
    contextvars.Context().run(story)


def test_a_run_that_could_not_be_ended_is_not_current(local, spool):
    with local.execution("a", "r"):
        local.close()
    assert aep.current() is None
    with aep.Publisher(mode="local", spool_dir=spool) as other:
        with other.execution("b", "r", correlation_id="b"):
            pass
    by_name = {e["payload"]["agent_name"]: e for e in spooled(spool) if "started" in e["event_type"]}
    assert by_name["b"]["causation_id"] == "b"


def test_a_context_copied_before_the_end_does_not_go_back_to_it(local):
    with local.execution("outer", "r", correlation_id="outer") as outer:
        with local.execution("inner", "r") as inner:
            copied = contextvars.copy_context()
            assert copied.run(aep.current) is inner
        assert copied.run(aep.current) is outer
    assert copied.run(aep.current) is None
    assert copied.run(run_here, local).correlation_id != "outer"


def test_a_task_that_outlives_its_run_starts_runs_of_its_own(local):
    async def work(gate):
        await gate.wait()
        return aep.current(), run_here(local).correlation_id

    async def main():
        gate = asyncio.Event()
        async with local.execution("a", "r", correlation_id="a"):
            task = asyncio.ensure_future(work(gate))
            await asyncio.sleep(0)
        gate.set()
        return await task
    current, correlation_id = asyncio.run(main())
    assert current is None and correlation_id != "a"


# -- generators


def block(publisher):
    """Generators with a run while they are open: by a block, and tracked."""
    async def plain():
        async with publisher.execution("generator", "r", correlation_id="g"):
            yield aep.current()
            yield aep.current()

    @aep.track(agent_name="generator", correlation_id="g", publisher=publisher)
    async def tracked():
        yield aep.current()
        yield aep.current()
    return {"plain": plain, "tracked": tracked}


async def left_and_collected(generator):
    async for run in generator():
        break
    gc.collect()
    end = time.monotonic() + DEADLINE_S
    while not run.ended:  # by a task of the loop's
        assert time.monotonic() < end
        await asyncio.sleep(0)


async def closed_by_another_task(generator):
    opened = generator()
    await opened.__anext__()
    await asyncio.ensure_future(opened.aclose())


async def closed_by_another_thread(generator):
    opened = generator()
    await opened.__anext__()
    await asyncio.get_running_loop().run_in_executor(None, asyncio.run, close(opened))


async def thrown_into_by_another_task(generator):
    opened = generator()
    await opened.__anext__()
    with pytest.raises(KeyError):
        await asyncio.ensure_future(throw(opened))


async def read_by_several_tasks(generator):
    opened = generator()
    for _ in range(2):
        await asyncio.ensure_future(opened.__anext__())
    with pytest.raises(StopAsyncIteration):
        await opened.__anext__()


async def close(opened):
    await opened.aclose()


async def throw(opened):
    await opened.athrow(KeyError("x"))


@pytest.mark.parametrize("kind", ["plain", "tracked"])
@pytest.mark.parametrize("leave", [left_and_collected, closed_by_another_task, closed_by_another_thread,
                                   thrown_into_by_another_task, read_by_several_tasks])
def test_an_asynchronous_generator_that_is_over_is_nobodys_parent(local, spool, leave, kind):
    async def main():
        await leave(block(local)[kind])
        assert aep.current() is None
        async with local.execution("request", "r", correlation_id=None) as request:
            assert aep.current() is request
        return request.correlation_id
    assert asyncio.run(main()) != "g"
    ends = [e for e in spooled(spool) if e["event_type"].split(".")[-2] in ("completed", "failed")]
    assert [e["payload"]["agent_name"] for e in ends] == ["generator", "request"]


@pytest.mark.parametrize("kind", ["plain", "tracked"])
def test_one_that_is_closed_in_another_context_is_nobodys_parent(local, kind):
    """As when the end of an event loop closes it, or no loop iterates it."""
    def step(awaitable, ends):
        with pytest.raises(ends):
            awaitable.send(None)
    opened, context = block(local)[kind](), contextvars.copy_context()
    context.run(step, opened.__anext__(), StopIteration)
    step(opened.aclose(), StopIteration)
    assert context.run(aep.current) is None
    assert context.run(run_here, local).correlation_id != "g"


def test_pool_threads_keep_no_run_of_a_generator(local):
    def numbers():
        with local.execution("generator", "r", correlation_id="g"):
            yield 1
            yield 2

    with concurrent.futures.ThreadPoolExecutor(1) as pool, \
            concurrent.futures.ThreadPoolExecutor(1) as other:
        for finish in (lambda opened: opened.close(), lambda opened: other.submit(list, opened).result(),
                       lambda opened: contextlib.suppress(KeyError)):
            opened = numbers()
            assert pool.submit(next, opened).result() == 1
            finish(opened)
            opened.close()
            assert pool.submit(aep.current).result() is None
            assert other.submit(aep.current).result() is None
            assert pool.submit(run_here, local).result().correlation_id != "g"


def test_pool_threads_first_in_first_out(local):
    """Blocks that overlap in one thread, as requests do in a server that switches by hand."""
    def story():
        runs = []
        for number in range(50):
            runs.append(local.execution("a", "r", correlation_id=f"c{number}").__enter__())
            if number >= 3:
                runs[number - 3].__exit__(None, None, None)
            assert aep.current() is runs[-1]
        for run in runs[-3:]:
            run.__exit__(None, None, None)
        return aep.current()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(story).result() is None
        assert pool.submit(run_here, local).result().correlation_id[:1] != "c"


# -- what contexts keep


def test_contexts_keep_nothing_of_runs_that_have_ended(local):
    """First in, first out, for ever: no runs are kept, and no growing chain of them."""
    def story():
        contexts, last = [], None
        for _ in range(300):
            run = local.execution("a", "r").__enter__()
            contexts.append(contextvars.copy_context())
            if last is not None:
                last.__exit__(None, None, None)
            last = run
        last.__exit__(None, None, None)
        return contexts
    contexts = contextvars.Context().run(story)
    gc.collect()
    assert not [o for o in gc.get_objects() if isinstance(o, aep.Execution)]
    chain, place = 0, contexts[-1][next(v for v in contexts[-1] if v.name == "aep.execution")]
    while place is not None:
        chain, place = chain + 1, place.around
    assert chain <= 2 and sys.getrefcount(local) < 20


def test_an_ended_run_goes_without_the_collector(local):
    gc.collect()
    gc.disable()
    try:
        contextvars.Context().run(lambda: local.execution("a", "r").__enter__().complete())
        assert not [o for o in gc.get_objects() if isinstance(o, aep.Execution)]
    finally:
        gc.enable()


# -- what adapters keep by the ids of a framework


def test_a_frameworks_run_that_has_ended_is_nobodys_parent(local, spool):
    from aep.adapters.runs import Runs
    runs = Runs(local, "framework")
    runs.begin("crew", None, "crew")
    runs.begin("agent", "crew", "agent")
    runs.step("tool", "agent", "tool", "tool")
    runs.end("agent")
    runs.begin("late", "tool", "late")
    runs.end("crew")
    runs.begin("later", "tool", "later")
    starts = {e["payload"]["agent_name"]: e for e in spooled(spool) if "started" in e["event_type"]}
    assert starts["late"]["causation_id"] == starts["crew"]["event_id"]
    assert starts["later"]["causation_id"] == starts["later"]["correlation_id"]
