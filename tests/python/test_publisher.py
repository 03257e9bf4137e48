# SPDX-License-Identifier: Apache-2.0
"""The synchronous publisher: calls, receipts, errors, configuration."""
import asyncio
import copy
import inspect
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

import aep
from conftest import AEP, DOWN, spooled

KINDS = {"started": aep.Publisher.started, "progress": aep.Publisher.progress,
         "completed": aep.Publisher.completed, "failed": aep.Publisher.failed}


def test_each_kind_reaches_the_spool(local, spool):
    first = local.started("agent", "do it", correlation_id="c-1", session_id="s",
                          started_at="2025-11-13T14:30:00Z", context={"domain": "api"})
    local.progress("agent", "c-1", progress_percent=0, current_step="", steps_completed=0,
                   steps_total=0, metadata={"status": "working"})
    local.completed("agent", "c-1", duration_ms=0, quality_score=0.0, artifacts=["a"],
                    metrics={"tokens": 3})
    local.failed("agent", "c-1", error_message="no", partial_results=[1], inferred=True)
    started, progress, completed, failed = spooled(spool)
    assert started["event_id"] == first.event_id
    assert started["payload"] == {
        "agent_name": "agent", "user_request": "do it", "correlation_id": "c-1", "session_id": "s",
        "started_at": "2025-11-13T14:30:00Z", "context": {"domain": "api"}}
    assert progress["payload"] == {
        "agent_name": "agent", "correlation_id": "c-1", "progress_percent": 0, "current_step": "",
        "steps_completed": 0, "steps_total": 0, "metadata": {"status": "working"}}
    assert completed["payload"]["quality_score"] == 0 and completed["payload"]["duration_ms"] == 0
    assert failed["payload"]["inferred"] is True and failed["payload"]["partial_results"] == [1]
    assert [json.loads(json.dumps(e))["correlation_id"] for e in spooled(spool)] == ["c-1"] * 4
    assert all(aep.validate(event) == [] or not [
        f for f in aep.validate(event) if f.severity == "error"] for event in spooled(spool))


def test_signatures_are_those_of_the_table_of_kinds():
    for kind, method in KINDS.items():
        names = [name for name, _, _ in aep.members(kind)]
        parameters = inspect.signature(method).parameters
        assert set(parameters) - {"self"} == set(names) | {"causation_id", "traceparent", "tracestate"}
        required = {name for name, _, needed in aep.members(kind) if needed}
        assert {name for name, p in parameters.items()
                if p.default is p.empty and name != "self"} == required


def test_a_receipt_says_what_was_accepted(local):
    receipt = local.started("a", "r", correlation_id=uuid.UUID(int=5))
    assert receipt.correlation_id == str(uuid.UUID(int=5))
    assert uuid.UUID(receipt.event_id).version == 7
    assert receipt.position[0] == 1 and receipt.position[1] > 500
    assert receipt == receipt and receipt != local.started("a", "r") and len({receipt, receipt}) == 1
    assert receipt.event_id in repr(receipt)


def test_any_other_event(local, spool):
    local.publish("omninode.agent.routing.requested.v1", {"correlation_id": "k", "n": 1},
                  topic="routing", causation_id="why")
    local.publish("omninode.agent.routing.requested.v1", {}, correlation_id=uuid.UUID(int=7))
    event, other = spooled(spool)
    assert other["correlation_id"] == str(uuid.UUID(int=7))
    assert event["event_type"] == "omninode.agent.routing.requested.v1"
    assert event["payload"] == {"correlation_id": "k", "n": 1}
    assert event["causation_id"] == "why"


@pytest.mark.parametrize("call, field", [
    (lambda p: p.started("", "r"), "agent_name"),
    (lambda p: p.started("a"), "user_request"),
    (lambda p: p.started("a", "r", context=[]), "context"),
    (lambda p: p.started("a", "r", started_at="yesterday"), "started_at"),
    (lambda p: p.progress("a", "c", progress_percent=101), "progress_percent"),
    (lambda p: p.progress("a", "c", progress_percent=float("nan")), "progress_percent"),
    (lambda p: p.progress("a", "c", steps_completed=2, steps_total=1), "steps_total"),
    (lambda p: p.completed("a", "c", quality_score=1.1), "quality_score"),
    (lambda p: p.failed("a", "c", error_message=" "), "error_message"),
    (lambda p: p.started("a", "r", correlation_id="x" * 129), "correlation_id"),
])
def test_what_is_wrong_is_named(local, spool, call, field):
    with pytest.raises(aep.InvalidEvent) as caught:
        call(local)
    assert caught.value.field == field and caught.value.code == "AEP_EINVAL"
    assert isinstance(caught.value, (ValueError, aep.Error))
    assert spooled(spool) == []


def test_arguments_that_no_function_would_take(local):
    for call in (lambda: local.started("a", "r", nonsense=1), lambda: local.started("a", "r", "c"),
                 lambda: local.started("a", "r", agent_name="b")):
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize("call, meant", [
    (lambda p: p.started("a", request="r"), "user_request"),
    (lambda p: p.started("a", "r", contex={}), "context"),
    (lambda p: p.started("a", "r", corelation_id="c"), "correlation_id"),
    (lambda p: p.progress("a", "c", percent=1), "progress_percent"),
    (lambda p: p.completed("a", "c", duration=1), "duration_ms"),
    (lambda p: p.failed("a", "c", message="x"), "error_message"),
    (lambda p: p.publish("a.b.c.v1", {}, topics="t"), "topic"),
    (lambda p: p.publish("a.b.c.v1", playload={}), "payload"),
    (lambda p: p.execution("a", "r", sesion_id="s").start(), "session_id"),
    (lambda p: p.execution("a", "r").start().complete(result_sumary="x"), "result_summary"),
    (lambda p: aep.track(agentname="a", publisher=p)(print), "agent_name"),
])
def test_a_wrong_keyword_is_told_which_was_meant(local, call, meant):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '.*'; did you mean '{meant}'"):
        call(local)


def test_a_keyword_that_is_like_none_is_told_all(local):
    with pytest.raises(TypeError, match="'colour'; it takes agent_name, correlation_id, progress_percent, "):
        local.progress("a", "c", colour="red")
    for foreign in ("duration", "session_id"):  # which are members of other kinds
        with pytest.raises(TypeError, match=f"'{foreign}'; it takes "):
            local.progress("a", "c", **{foreign: 1})
    with pytest.raises(TypeError, match="'colour'; it takes event_type, payload, topic, "):
        local.publish("a.b.c.v1", {}, colour="red")
    with pytest.raises(TypeError, match="'colour'; it takes "):
        aep.track(colour="red")
    with pytest.raises(aep.ConfigError, match="did you mean spool.dir"):
        aep.Publisher(DOWN, spool_dri="x")


def test_a_message_over_the_limit_is_refused(local):
    with pytest.raises(aep.InvalidEvent) as caught:
        local.completed("a", "c", artifacts=["x" * 200_000 for _ in range(6)])
    assert caught.value.code == "AEP_ETOOBIG"


def test_moments(local, spool):
    zone = timezone(timedelta(hours=2))
    local.started("a", "r", started_at=datetime(2025, 1, 2, 3, 4, 5, 6, zone))
    local.started("a", "r", started_at=datetime(2025, 1, 2, 3, 4, 5))
    local.started("a", "r", started_at=0)
    aware, naive, number = [event["payload"]["started_at"] for event in spooled(spool)]
    assert aware == "2025-01-02T03:04:05.000006+02:00"
    assert datetime.fromisoformat(naive).utcoffset() is not None
    assert number == "1970-01-01T00:00:00+00:00"
    with pytest.raises(aep.InvalidEvent, match="started_at must be a datetime"):
        local.started("a", "r", started_at=object())


def test_a_secret_does_not_reach_the_disk(local, spool):
    local.started("a", "my key is sk-ant-REDACTED", context={"password": "hunter2"})
    text = json.dumps(spooled(spool))
    assert "abcdefghijklmnop" not in text and "hunter2" not in text
    assert local.stats().redacted == 2


# -- configuration


def test_no_servers_says_what_to_set():
    with pytest.raises(aep.ConfigError) as caught:
        aep.Publisher()
    assert caught.value.field == "kafka.bootstrap.servers"
    assert "KAFKA_BOOTSTRAP_SERVERS" in str(caught.value)


def test_options_are_keywords(spool):
    with aep.Publisher("127.0.0.1:9", spool_dir=spool, spool_max_bytes="64MiB", tenant_id="me",
                       redact=False, relay_mode="off", kafka_security_protocol="plaintext",
                       publish_wait_ms=25) as publisher:
        assert publisher.option("spool.max_bytes") == publisher.option("spool_max_bytes") == str(64 << 20)
        assert publisher.option("publish.wait_ms") == "25"
        assert publisher.health().max_bytes == 64 << 20
        publisher.started("a", "password=hunter2 please")
    [event] = spooled(spool)
    assert event["tenant_id"] == "me" and "hunter2" in event["payload"]["user_request"]
    for options in ({"spool_dri": "x"}, {"spool_sync": "sometimes"}, {"kafka_acks": "0"}):
        with pytest.raises(aep.ConfigError):
            aep.Publisher("127.0.0.1:9", **options)


def test_disabled_events_are_a_silent_no_op(spool, caplog):
    with aep.Publisher(events_enabled=False, spool_dir=spool) as publisher:
        assert publisher.started("a", "r").position == (0, 0)
    assert caplog.records == []


def test_a_full_spool_refuses(spool):
    with aep.Publisher(DOWN, spool_dir=spool, spool_segment_bytes="64KiB", spool_max_bytes="256KiB",
                       relay_mode="off") as publisher:
        with pytest.raises(aep.SpoolFull) as caught:
            while True:
                publisher.progress("a", "c", current_step="x" * 5000)
        assert caught.value.code == "AEP_EFULL"
        publisher.failed("a", "c", error_message="there is room for terminal events")


def test_a_bad_spool_folder(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(aep.SpoolError) as caught:
        aep.Publisher(mode="local", spool_dir=path)
    assert isinstance(caught.value, OSError)


def test_what_the_library_says_is_logged(tmp_path, caplog):
    import shutil
    folder = str(tmp_path / "spool")
    with aep.Publisher(mode="local", spool_dir=folder) as publisher:
        publisher.started("a", "r")
        shutil.rmtree(folder)
        publisher.started("a", "r")
    [record] = [r for r in caplog.records if r.name == "aep"]
    assert record.levelno == logging.WARNING and folder in record.getMessage()


def test_what_it_says_as_the_interpreter_ends_is_a_line_too(spool):
    code = f"""if True:
        import aep, shutil
        publisher = aep.Publisher(mode="local", spool_dir={spool!r}, relay_mode="off")
        run = publisher.execution("a", "r").start()
        shutil.rmtree({spool!r})
        """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    [line] = done.stderr.splitlines()
    assert line.startswith("aep: ") and spool in line


# -- waiting, closing


def test_waiting_without_kafka(local):
    receipt = local.started("a", "r")

    async def in_a_loop(publisher, receipt):
        return {await publisher.wait(receipt, 60), await publisher.aflush(60)}
    assert local.wait(receipt, 60) is local.flush(60) is aep.SPOOLED
    assert asyncio.run(in_a_loop(local, receipt)) == {aep.SPOOLED}
    with aep.Publisher(events_enabled=False) as disabled:
        nothing = disabled.started("a", "r")
        assert disabled.wait(nothing) is disabled.flush() is aep.DISABLED
        assert asyncio.run(in_a_loop(disabled, nothing)) == {aep.DISABLED}
    assert [bool(fate) for fate in (aep.ACKED, aep.SPOOLED, aep.DISABLED)] == [True] * 3
    assert [bool(fate) for fate in (aep.DEFERRED, aep.PARKED, aep.DEAD)] == [False] * 3


def test_the_words_for_what_became_of_an_event_are_those_of_the_command(local, spool):
    word = local.wait(local.started("a", "r"), 60)
    tail = subprocess.run([AEP, "tail", "--json", "--spool", spool], capture_output=True, text=True, check=True)
    publish = subprocess.run([AEP, "publish", "started", "--agent", "a", "--request", "r", "--wait",
                              "--json"], capture_output=True, text=True, check=True,
                             env=dict(os.environ, AEP_MODE="local", AEP_SPOOL_DIR=spool))
    assert word == json.loads(tail.stdout)["state"] == json.loads(publish.stdout)["state"]


# -- copied and pickled values


def same(value):
    """The value after each way in which Python copies values."""
    copies = [copy.copy(value), copy.deepcopy(value)] + [
        pickle.loads(pickle.dumps(value, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    assert all(type(one) is type(value) for one in copies)
    return copies


@pytest.mark.parametrize("kind", [aep.Receipt, aep._aep.Execution])
def test_receipts_and_executions_come_from_calls_only(kind):
    for make in kind, kind.__new__, object.__new__:
        with pytest.raises(TypeError):
            make(*[kind] * (make is not kind))


def test_a_receipt_can_be_copied_and_pickled(local):
    for correlation_id in ("c", "\U0001f600" * 32, "x" * 128):
        receipt = local.started("a", "r", correlation_id=correlation_id)
        for one in same(receipt):
            assert one == receipt and hash(one) == hash(receipt) and repr(one) == repr(receipt)
            assert one.correlation_id == correlation_id and one.position == receipt.position
            assert local.wait(one, 60) is aep.SPOOLED
    run = local.execution("a", "r").start()
    assert same(run.receipt)[0] == run.receipt
    with pytest.raises(ValueError):
        aep._aep._receipt(b"x" * 37, b"", 0, 0, 0)
    with pytest.raises(ValueError):
        aep._aep._receipt(b"", b"x" * 129, 0, 0, 0)


def wait_elsewhere(spool, receipt, other):
    with aep.Publisher(DOWN, spool_dir=spool, relay_mode="off") as publisher:
        try:
            gone = publisher.wait(other, 0)
        except aep.SpoolError as error:
            gone = error
        return publisher.wait(receipt, 0), receipt, gone


def test_a_receipt_is_waited_for_in_another_process(spool):
    """A receipt knows its spool: another publisher refuses it."""
    import multiprocessing
    with aep.Publisher(DOWN, spool_dir=spool, relay_mode="off") as publisher, \
            aep.Publisher(DOWN, spool_dir=spool + "2", relay_mode="off") as second:
        receipt, other = publisher.started("a", "r"), second.started("a", "r")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        fate, back, gone = pool.apply(wait_elsewhere, (spool, receipt, other))
    assert fate is aep.DEFERRED and back == receipt
    assert isinstance(gone, aep.SpoolError) and gone.code == "AEP_ESPOOL" and str(gone)


def test_other_values_can_be_copied_and_pickled(local):
    fates = (aep.ACKED, aep.SPOOLED, aep.DISABLED, aep.DEFERRED, aep.PARKED, aep.DEAD)
    for fate in fates:
        assert all(one is fate for one in same(fate))
    for value in (local.health(), local.stats(), aep.families()[0], aep.validate("{}")[0]):
        assert all(one == value for one in same(value))
    with pytest.raises(aep.InvalidEvent) as caught:
        local.progress("a", "c", progress_percent=-1)
    for one in same(caught.value):
        assert (str(one), one.code, one.field) == (str(caught.value), "AEP_EINVAL", "progress_percent")


def test_what_cannot_be_copied_says_so(local):
    for value in (local, local.execution("a", "r"), local.execution("a", "r").start()):
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                attempt(value)


def test_waiting_for_a_broker_that_is_down_ends_in_time(spool):
    with aep.Publisher(DOWN, spool_dir=spool) as publisher:
        receipt = publisher.started("a", "r")
        begin = time.monotonic()
        assert publisher.wait(receipt, 0.3) is aep.DEFERRED
        assert publisher.flush(0.3) is aep.DEFERRED
        assert publisher.wait(receipt, 0) is aep.DEFERRED
        assert time.monotonic() - begin < 20


def test_what_is_no_receipt_is_refused(local):
    for wrong in (None, "x", 1):
        with pytest.raises(TypeError, match="receipt must be a Receipt"):
            local.wait(wrong, 0)


def test_a_publisher_and_a_run_say_what_they_are(local, spool):
    run = local.execution("a", "r")
    assert repr(run) == "<aep.Execution not started>"
    with run:
        assert repr(run) == f"<aep.Execution {run.id} running>"
    assert repr(run) == f"<aep.Execution {run.id} ended>"
    assert repr(local) == f"<aep.Publisher {spool}>"
    local.close()
    assert repr(local) == "<aep.Publisher closed>"
    assert repr(aep.Publisher(events_enabled=False)) == "<aep.Publisher disabled>"


def test_a_timeout_is_a_number(local):
    receipt = local.started("a", "r")

    async def in_a_loop(timeout):
        return await local.wait(receipt, timeout), await local.aflush(timeout)
    for wrong, error in ((float("nan"), ValueError), ("x", TypeError), ([], TypeError)):
        for call in (lambda: local.wait(receipt, wrong), lambda: local.flush(wrong),
                     lambda: asyncio.run(in_a_loop(wrong))):
            with pytest.raises(error, match="timeout must be a number of seconds"):
                call()
    for right in (None, 0, -1, 0.5, Decimal("0.5"), float("inf")):
        assert local.wait(receipt, right) and local.flush(right)
        assert asyncio.run(in_a_loop(right)) == (aep.SPOOLED, aep.SPOOLED)


def test_a_signal_interrupts_waiting(spool):
    import signal

    def interrupt(*_):
        raise InterruptedError("signal")
    old = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with aep.Publisher(DOWN, spool_dir=spool) as publisher:
            receipt = publisher.started("a", "r")
            threading.Timer(0.2, signal.raise_signal, [signal.SIGUSR1]).start()
            with pytest.raises(InterruptedError):
                publisher.wait(receipt)
    finally:
        signal.signal(signal.SIGUSR1, old)


def test_after_close(local):
    run = local.execution("a", "r").start()
    local.close()
    local.close()
    assert local.closed
    for call in (lambda: local.started("a", "r"), local.health, local.stats, run.complete):
        with pytest.raises(aep.Error) as caught:
            call()
        assert caught.value.code == "AEP_ESTATE"


def test_threads_share_a_publisher(local, spool):
    def work(number):
        for i in range(200):
            local.progress("a", f"c{number}", steps_completed=i)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = {}
    for event in spooled(spool):
        seen.setdefault(event["correlation_id"], []).append(event["payload"]["steps_completed"])
    assert seen == {f"c{n}": list(range(200)) for n in range(8)}


def test_the_interpreter_lock_is_free_while_waiting(spool):
    with aep.Publisher(DOWN, spool_dir=spool) as publisher:
        receipt = publisher.started("a", "r")
        waiting = threading.Thread(target=publisher.wait, args=(receipt, 1.0))
        waiting.start()
        turns = 0
        while waiting.is_alive():
            turns += 1
        waiting.join()
        assert turns > 1000


# -- tools


def test_tools():
    assert uuid.UUID(aep.new_id()).version == 7 and aep.new_id() < aep.new_id()
    assert aep.family_of("dev.omninode.agent.execution.started.v1").name == "agent.execution"
    assert aep.family_of("transaction-events") is None and len(aep.families()) == 7
    assert aep.partition_key({"correlation_id": "k"}) == "k" and aep.partition_key("{}") is None
    assert json.loads(aep.schema("failed"))["$schema"].endswith("2020-12/schema")
    assert [f.code for f in aep.validate("{}")].count("missing") >= 5
    for wrong in (lambda: aep.schema("x"), lambda: aep.partition_key("[")):
        with pytest.raises(ValueError):
            wrong()


def test_importing_is_cheap():
    code = ("import sys; before = set(sys.modules); import aep; "
            "print(' '.join(sorted(set(sys.modules) - before)))")
    out = subprocess.run([sys.executable, "-S", "-c", f"import site; site.main(); {code}"],
                         capture_output=True, text=True, check=True).stdout.split()
    assert not {"asyncio", "typing", "logging", "json", "uuid", "datetime", "enum", "inspect",
                "traceback"} & set(out)
    assert [name for name in out if not name.startswith(("aep", "_contextvars"))] == []


def test_a_time_that_is_over_is_not_for_ever(spool):
    with aep.Publisher(DOWN, spool_dir=spool, relay_mode="off") as publisher:
        receipt = publisher.started("a", "r")
        assert publisher.wait(receipt, -0.5) is publisher.flush(-1) is aep.DEFERRED
