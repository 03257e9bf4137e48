# SPDX-License-Identifier: Apache-2.0
"""What all adapters share, without a framework: steps, waits, limits, and runs that wait between two
calls. script/test --adapters tests each adapter with its framework."""
import subprocess
import sys

import pytest

import aep
from aep.adapters.parked import parked_of
from aep.adapters.runs import GRACE_S, Runs
from conftest import spooled


@pytest.fixture
def runs(local):
    return Runs(local, "test")


def told(spool, **names):
    """The kinds of the events; of progress: the wanted members of its metadata."""
    events = []
    for event in spooled(spool):
        kind, payload = event["event_type"].split(".")[-2], event["payload"]
        events.append(tuple(payload["metadata"].get(name) for name in names.values())
                      if kind == "progress" else kind)
    return events


def waits(spool):
    return told(spool, status="status", waiting_for="waiting_for")


WORKS = "working", None


def test_a_tool_says_when_it_begins_and_ends(runs, spool):
    runs.begin("run", None, "agent", "go")
    runs.step("one", "run", "tool", "read", call="call-1")
    runs.end("one")
    runs.step("two", "run", "tool", "write")
    runs.end("two", error=LookupError("no such file"))
    runs.end("run", "done")
    assert told(spool, tool="tool", id="tool_use_id", phase="phase", error="error") == [
        "started", ("read", "call-1", "start", None), ("read", "call-1", "end", None),
        ("write", "two", "start", None), ("write", "two", "error", "no such file"), "completed"]


def test_a_wait_lasts_until_what_was_waited_for_has_come(runs, spool):
    runs.begin("run", None, "agent", "go")
    runs.step("asks", "run", "tool", "delete")
    runs.wait("asks", "permission")
    runs.wait("asks", "permission")  # said already
    runs.step("beside", "run", "tool", "read")
    runs.end("beside")
    runs.proceed("asks")
    runs.proceed("asks")
    runs.end("asks")
    runs.end("run")
    waiting = "waiting", "permission"
    assert waits(spool) == ["started", WORKS, waiting, waiting, waiting, WORKS, WORKS, "completed"]


@pytest.mark.parametrize("given, expected", [
    ("thread-1", lambda id: id == "thread-1"), (7, lambda id: id == "7"),
    ("x" * 128, lambda id: id == "x" * 128), ("é" * 65, lambda id: len(id) == 36),
    ("two\nlines", lambda id: len(id) == 36), ("\ud800", lambda id: len(id) == 36)])
def test_a_session_id_that_is_not_valid_becomes_a_uuid(runs, spool, given, expected):
    for number in range(2):
        runs.begin(number, None, "agent", "go", session_id=given)
        runs.end(number)
    ids = {event["payload"]["session_id"] for event in spooled(spool)}
    assert len(ids) == 1 and expected(ids.pop())


@pytest.mark.parametrize("given", [None, "", " "])
def test_a_session_id_that_is_none(runs, spool, given):
    runs.begin("run", None, "agent", "go", session_id=given)
    runs.end("run")
    assert told(spool) == ["started", "completed"]


def test_a_question_is_a_step_of_one_line(runs, spool):
    runs.begin("run", None, "agent", "go")
    runs.wait("run", "human", "May I\n  delete " + "x" * 300)
    runs.end("run")
    step = spooled(spool)[1]["payload"]["current_step"]
    assert step.startswith("May I delete xxx") and len(step) == 201 and step.endswith("…")


def test_the_end_of_a_step_ends_its_wait(runs, spool):
    runs.begin("run", None, "agent", "go")
    runs.step("asks", "run", "model", "model")
    runs.wait("asks", "rate_limit")
    runs.end("asks")
    runs.end("run")
    assert waits(spool) == ["started", WORKS, ("waiting", "rate_limit"), WORKS, "completed"]


def test_limits_are_those_of_the_innermost_steps(runs, spool):
    runs.begin("run", None, "agent", "go")
    runs.step("outer", "run", "step", "node")
    runs.step("inner", "outer", "model", "fast", limit_s=30)
    runs.step("beside", "outer", "model", "slow", limit_s=60)
    runs.step("unknown", "outer", "tool", "no limit")
    runs.end("unknown")
    runs.end("run")
    assert told(spool, expect="expect_within_s") == [
        "started", (None,), (30 + GRACE_S,), (60 + GRACE_S,), (None,), (60 + GRACE_S,), "completed"]


@pytest.mark.parametrize("limit", ["30", True, -1, 0, float("nan"), float("inf")])
def test_a_limit_that_is_none(runs, spool, limit):
    runs.begin("run", None, "agent", "go")
    runs.step("step", "run", "model", "model", limit_s=limit)
    runs.end("run")
    assert told(spool, expect="expect_within_s") == ["started", (None,), "completed"]


def test_a_run_that_may_not_take_longer(runs, spool):
    runs.begin("run", None, "agent", "go", limit_s=20)
    runs.step("step", "run", "model", "model", limit_s=60)
    runs.end("run")
    (expected,), = told(spool, expect="expect_within_s")[1:2]
    assert 0 < expected <= 20 + GRACE_S


def test_a_run_that_waits_between_two_calls(local, runs, spool):
    runs.begin("first call", None, "agent", "go")
    runs.park("first call", "thread", "human", "may I?")
    assert len(runs) == 0 and len(parked_of(local)) == 1
    other = Runs(local, "test")  # as an adapter that is made for each call
    assert other.resume("thread", "second call") and not other.resume("thread", "third call")
    other.step("step", "second call", "model", "model")
    other.end("second call", "done")
    assert waits(spool) == ["started", ("waiting", "human"), WORKS, WORKS, "completed"]
    assert len({event["correlation_id"] for event in spooled(spool)}) == 1


def test_what_waits_when_the_publisher_closes_is_interrupted(local, runs, spool):
    for number in range(2):
        runs.begin(number, None, "agent", "go")
        runs.park(number, f"thread {number}", "human")
    local.close()
    assert [event["payload"]["result_summary"] for event in spooled(spool)[-2:]] == ["interrupted"] * 2
    assert len(parked_of(local)) == 0


def test_what_is_not_resumed_is_interrupted(runs, spool):
    runs.begin("call", None, "agent", "go")
    runs.park("call", "thread", "human")
    runs.give_up("thread")
    assert spooled(spool)[-1]["payload"]["result_summary"] == "interrupted"


def test_a_failure_gives_up_what_waited_within(runs, spool):
    runs.begin("outer", None, "outer", "go")
    runs.begin("inner", "outer", "inner", "go")
    runs.park("inner", "key", "permission")
    runs.end("outer", error=LookupError("gone"))
    assert told(spool)[-2:] == ["completed", "failed"]


def test_what_waits_when_python_ends_is_interrupted(spool):
    program = """if True:
        import os, sys, aep
        from aep.adapters.runs import Runs
        publisher = aep.Publisher(mode="local", spool_dir=sys.argv[1])
        runs = Runs(publisher, "test")
        runs.begin("call", None, "agent", "go")
        runs.park("call", "thread", "human")
        child = os.fork()
        if child == 0:  # it leaves its parent's run alone
            runs.begin("call", None, "child", "go")
            runs.park("call", "thread of the child", "human")
            sys.exit(0)
        os.waitpid(child, 0)
        runs.begin("resumed", None, "other", "go")
        assert runs.resume("thread", "again")
        runs.park("again", "thread", "human")
        runs.end("resumed")
    """
    subprocess.run([sys.executable, "-c", program, spool], check=True)
    waiting = "waiting", "human"
    assert waits(spool) == ["started", waiting, "started", waiting, "completed",
                            "started", WORKS, waiting, "completed", "completed"]
    assert [event["payload"]["agent_name"] for event in spooled(spool)][2:6] == ["child"] * 3 + ["other"]


def test_what_cannot_be_published_raises_nothing(local, runs, caplog):
    runs.begin("run", None, "agent", "go")
    local.close()
    runs.step("step", "run", "tool", "read")
    runs.wait("step", "human")
    runs.proceed("step")
    runs.end("step")
    runs.park("run", "thread", "human")
    runs.give_up("thread")
    assert "lost" in caplog.text


def test_a_tracker_shows_who_waits_until_it_goes_on(monkeypatch):
    def row():
        [row] = aep.executions(wait_ms=50_000)
        return row["state"], row["waiting_for"], row["current_step"]
    monkeypatch.setenv("AEP_MODE", "local")
    with aep.Publisher() as publisher:
        runs = Runs(publisher, "test")
        runs.begin("first call", None, "agent", "go")
        runs.step("asks", "first call", "tool", "delete")
        runs.wait("asks", "permission")
        runs.step("beside", "first call", "tool", "read")
        assert row() == ("waiting", "permission", "delete")
        runs.end("asks")
        assert row() == ("running", None, "delete")
        runs.park("first call", "thread", "human", "may I?")
        assert row() == ("waiting", "human", "may I?")
        runs.resume("thread", "second call")
        assert row() == ("running", None, "resumed")
        runs.end("second call", "done")
        assert row()[0] == "completed"
