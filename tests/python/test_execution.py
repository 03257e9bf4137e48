# SPDX-License-Identifier: Apache-2.0
"""Executions: exactly one terminal event, causation, nesting, the decorator."""
import asyncio
import functools
import gc
import logging
import shutil
import threading

import pytest

import aep
from conftest import spooled


def kinds(spool):
    return [event["event_type"].split(".")[-2] for event in spooled(spool)]


def test_a_block_is_completed(local, spool):
    with local.execution("a", "r", correlation_id="c", context={"k": 1}) as run:
        assert aep.current() is run
        run.progress(progress_percent=50)
    assert aep.current() is None and run.ended
    started, progress, completed = spooled(spool)
    assert kinds(spool) == ["started", "progress", "completed"]
    assert progress["causation_id"] == completed["causation_id"] == started["event_id"] == run.id
    assert {e["correlation_id"] for e in spooled(spool)} == {"c"} == {run.correlation_id}
    assert completed["payload"]["duration_ms"] >= 0
    assert completed["payload"]["session_id"] == started["payload"]["session_id"] == run.session_id
    assert run.receipt.event_id == completed["event_id"]


def test_events_keep_the_runs_agent_and_correlation_id(local, spool):
    with local.execution("a", "r", correlation_id="c") as run:
        for member in ("agent_name", "correlation_id"):
            with pytest.raises(aep.InvalidEvent, match="differs from the execution's") as caught:
                run.progress(**{member: "other"})
            assert caught.value.field == member
        run.progress(agent_name="a", correlation_id="c")
    assert kinds(spool) == ["started", "progress", "completed"]
    assert local.stats().refused_invalid == 2


def test_an_end_that_was_published_is_the_only_one(local, spool):
    with local.execution("a", "r") as run:
        run.complete(result_summary="done")
    with local.execution("a", "r") as run:
        run.fail("no", error_code="E")
    assert kinds(spool) == ["started", "completed", "started", "failed"]
    with pytest.raises(aep.Error) as caught:
        run.progress()
    assert caught.value.code == "AEP_ESTATE"


def test_an_exception_is_failed_and_goes_on(local, spool):
    with pytest.raises(ZeroDivisionError):
        with local.execution("a", "r"):
            1 / 0
    payload = spooled(spool)[-1]["payload"]
    assert payload["error_message"] == "division by zero"
    assert payload["error_type"] == "ZeroDivisionError" and "error_code" not in payload
    assert "1 / 0" in payload["stack_trace"]


@pytest.mark.parametrize("exception, code", [
    (asyncio.CancelledError(), "CANCELLED"), (KeyboardInterrupt(), "INTERRUPTED"),
    (SystemExit(3), "EXIT"), (ValueError(), None)])
def test_an_exceptions_code(local, spool, exception, code):
    with pytest.raises(type(exception)):
        with local.execution("a", "r"):
            raise exception
    payload = spooled(spool)[-1]["payload"]
    assert payload.get("error_code") == code and payload["error_message"].strip()


def test_a_hostile_exception(local, spool):
    class Hostile(Exception):
        def __str__(self):
            raise RuntimeError("no")
    with pytest.raises(Hostile):
        with local.execution("a", "r"):
            raise Hostile
    assert spooled(spool)[-1]["payload"]["error_message"].endswith("Hostile")


def test_one_within_another_is_its_child(local, spool):
    with local.execution("parent", "r") as parent:
        with local.execution("child", "r") as child:
            assert child.correlation_id == parent.correlation_id
            with local.execution("grandchild", "r", correlation_id="own"):
                pass
        with local.execution("sibling", "r"):
            pass
    by_name = {}
    for event in spooled(spool):
        by_name.setdefault(event["payload"]["agent_name"], []).append(event)
    assert by_name["child"][0]["causation_id"] == parent.id
    assert by_name["grandchild"][0]["causation_id"] == child.id
    assert by_name["grandchild"][0]["correlation_id"] == "own"
    assert by_name["sibling"][0]["causation_id"] == parent.id
    assert child.traceparent.split("-")[1] == parent.traceparent.split("-")[1]


def test_tasks_do_not_mix(local, spool):
    async def one(number):
        async with local.execution(f"agent{number}", "r") as run:
            for step in range(3):
                await asyncio.sleep(0)
                assert aep.current() is run
                run.progress(steps_completed=step)

    async def main():
        await asyncio.gather(*[one(number) for number in range(200)])
    asyncio.run(main())
    events = spooled(spool)
    assert len(events) == 1000
    runs = {}
    for event in events:
        runs.setdefault(event["correlation_id"], []).append(event)
    assert len(runs) == 200
    for run in runs.values():
        assert [event["event_type"].split(".")[-2] for event in run] == [
            "started", "progress", "progress", "progress", "completed"]
        assert {event["causation_id"] for event in run[1:]} == {run[0]["event_id"]}
        assert len({event["payload"]["agent_name"] for event in run}) == 1


def test_cancellation(local, spool):
    async def work(begun):
        async with local.execution("a", "r"):
            begun.set()
            await asyncio.sleep(60)

    async def main():
        begun = asyncio.Event()
        task = asyncio.ensure_future(work(begun))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    asyncio.run(main())
    assert spooled(spool)[-1]["payload"]["error_code"] == "CANCELLED"


def test_one_that_is_dropped_is_abandoned(local, spool):
    local.execution("a", "r").start()
    gc.collect()
    payload = spooled(spool)[-1]["payload"]
    assert payload["error_code"] == "ABANDONED" and payload["inferred"] is True


def test_wrong_order(local):
    run = local.execution("a", "r")
    with pytest.raises(RuntimeError):
        run.progress()
    run.start()
    with pytest.raises(RuntimeError):
        run.start()
    with pytest.raises(TypeError):
        run.complete("positional")
    with pytest.raises(aep.InvalidEvent):
        run.progress(progress_percent=-1)
    run.complete()


def test_an_end_that_cannot_be_published_is_logged(local, spool, caplog):
    with local.execution("a", "r"):
        local.close()
    assert any("end of an execution" in record.getMessage() for record in caplog.records)


def test_threads_end_it_once(local, spool):
    run = local.execution("a", "r").start()
    outcomes = []

    def end():
        try:
            outcomes.append(run.complete())
        except aep.Error:
            outcomes.append(None)
    threads = [threading.Thread(target=end) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([o for o in outcomes if o]) == 1 and kinds(spool) == ["started", "completed"]


# -- the decorator


def test_a_tracked_function(local, spool):
    @aep.track(agent_name="adder", publisher=local)
    def add(a, b):
        """Adds two numbers.

        And says more."""
        return a + b
    assert add(1, b=2) == 3 and add.__name__ == "add"
    started, completed = spooled(spool)
    assert started["payload"]["agent_name"] == "adder"
    assert started["payload"]["user_request"] == "Adds two numbers."


def test_tracked_coroutines_and_generators_nest(local, spool):
    @aep.track(publisher=local, user_request=lambda x: f"request {x}")
    async def inner(x):
        return aep.current().correlation_id

    @aep.track(agent_name="outer", publisher=local)
    async def outer():
        return [(await inner(item), aep.current().correlation_id) async for item in items()][0]

    @aep.track(agent_name="items", publisher=local)
    async def items():
        yield 7

    @aep.track(agent_name="numbers", publisher=local)
    def numbers():
        got = yield 1
        return got
    inside, around = asyncio.run(outer())
    assert inside == around
    generator = numbers()
    next(generator)
    with pytest.raises(StopIteration) as stop:
        generator.send("x")
    assert stop.value.value == "x"
    requests = [e["payload"].get("user_request") for e in spooled(spool)]
    assert "request 7" in requests
    assert sorted(kinds(spool)) == ["completed"] * 4 + ["started"] * 4


def test_a_generator_that_is_read_in_part_is_completed(local, spool):
    @aep.track(publisher=local)
    def numbers():
        yield 1
        yield 2
    generator = numbers()
    assert next(generator) == 1
    generator.close()
    assert kinds(spool) == ["started", "completed"]


def test_a_generators_execution_is_not_its_readers(local, spool):
    @aep.track(agent_name="numbers", publisher=local)
    def numbers():
        with local.execution("part", "r") as part:
            yield aep.current() is part
            yield aep.current() is part

    @aep.track(agent_name="letters", publisher=local)
    async def letters():
        for _ in range(2):
            yield aep.current() not in (None, *reader)

    reader = []
    generator = numbers()
    assert next(generator) and aep.current() is None
    with local.execution("reader", "r") as run:
        reader.append(run)
        assert list(generator) == [True] and aep.current() is run

        async def read():
            async for inside in letters():
                assert inside and aep.current() is run
        asyncio.run(read())
        assert aep.current() is run
    assert aep.current() is None
    starts = {e["payload"]["agent_name"]: e for e in spooled(spool) if "started" in e["event_type"]}
    assert starts["part"]["causation_id"] == starts["numbers"]["event_id"]
    assert starts["letters"]["causation_id"] == starts["reader"]["event_id"]
    assert starts["reader"]["causation_id"] == starts["reader"]["correlation_id"]


def test_generators_are_driven_as_if_they_were_not_tracked(local, spool):
    @aep.track(publisher=local)
    async def echo():
        got = []
        try:
            while True:
                try:
                    got.append((yield len(got)))
                except KeyError as error:
                    got.append(error)
        finally:
            await asyncio.sleep(0)
            closed.append(got)

    @aep.track(publisher=local)
    def broken():
        yield 1
        raise LookupError("broken")
    closed, error = [], KeyError("mine")

    async def main():
        generator = echo()
        assert await generator.asend(None) == 0
        assert await generator.asend("x") == 1
        assert await generator.athrow(error) == 2
        await generator.aclose()
        assert closed == [["x", error]]
    asyncio.run(main())
    with pytest.raises(LookupError):
        list(broken())
    assert kinds(spool) == ["started", "completed", "started", "failed"]


def test_callables_that_are_no_functions_are_tracked(local, spool):
    class Agent:
        async def __call__(self, doing):
            await asyncio.sleep(0)
            return aep.current().progress(current_step=doing)

    tracked = aep.track(publisher=local)
    asyncio.run(tracked(Agent())("it"))
    asyncio.run(tracked(functools.partial(Agent(), "it"))())
    asyncio.run(tracked(functools.partial(Agent().__call__, doing="it"))())
    assert kinds(spool) == ["started", "progress", "completed"] * 3


def test_what_cannot_be_published_does_not_touch_the_call(local, caplog):
    @aep.track(agent_name="a", publisher=local)
    def work():
        return 5

    @aep.track  # no servers are configured: no publisher can be opened
    def other():
        raise KeyError("mine")
    local.close()
    assert work() == 5
    with pytest.raises(KeyError):
        other()
    assert len([r for r in caplog.records if "without being tracked" in r.getMessage()]) == 2


def test_a_logging_handler_may_publish_on_the_execution_that_logs(local, spool):
    class Diary(logging.Handler):
        def emit(self, record):
            run.progress(current_step="logged")

    run = local.execution("a", "r").start()
    logger, diary = logging.getLogger("aep"), Diary()
    logger.addHandler(diary)
    try:
        shutil.rmtree(spool)  # the next call has that to log
        thread = threading.Thread(target=run.progress, kwargs={"current_step": "own"}, daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
    finally:
        logger.removeHandler(diary)
    assert [event["payload"]["current_step"] for event in spooled(spool)] == ["own", "logged"]
