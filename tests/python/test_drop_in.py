# SPDX-License-Identifier: Apache-2.0
# ctest: BROKERS plain secure
"""What the drop-in's publish calls return and log, case by case."""
import asyncio
import inspect
import json
import logging
import os
import socket
import time
from uuid import uuid4

import pytest

import aep
from agents.lib import agent_execution_publisher, event_validation, partition_key_policy
from agents.lib.agent_execution_publisher import (AgentExecutionPublisher,
                                                  AgentExecutionPublisherContext,
                                                  publish_execution_started)
from conftest import DOWN, LoopTurns, await_that, consume, spooled
from harness import Kafka

STARTED = "omninode.agent.execution.started.v1"
EVENT = {"agent_name": "agent", "user_request": "request", "session_id": "s"}
LOGGER = "agents.lib.agent_execution_publisher"


@pytest.fixture(autouse=True)
def all_is_logged(caplog):
    caplog.set_level(logging.DEBUG, logger=LOGGER)


@pytest.fixture
def own_kafka(tmp_path):
    """A broker that the test may stop."""
    broker = Kafka(tmp_path / "kafka")
    yield broker
    broker.purge()


def publish(publisher, **members):
    """(what publishing started returned, its correlation id, seconds), in its own event loop."""
    members = dict(EVENT, correlation_id=str(uuid4()), **members)

    async def main():
        async with publisher:
            begin = time.monotonic()
            success = await publisher.publish_execution_started(**members)
            return success, members["correlation_id"], time.monotonic() - begin
    return asyncio.run(main())


def said(caplog, level):
    """The drop-in's lines of that level."""
    return [r.getMessage() for r in caplog.records if r.name == LOGGER and r.levelno == level]


# -- a broker that works


def test_healthy_is_true_once_acknowledged(kafka, spool, caplog):
    success, correlation_id, _ = publish(AgentExecutionPublisher(kafka.servers, spool_dir=spool))
    assert success is True
    [record] = consume(kafka.servers, STARTED, correlation_id)
    assert json.loads(record.value)["payload"]["user_request"] == "request"
    assert said(caplog, logging.WARNING) == said(caplog, logging.ERROR) == []
    assert any("is on disk" in line for line in said(caplog, logging.DEBUG))


def test_healthy_but_slow_is_true_and_in_flight(own_kafka, spool, caplog):
    publisher = AgentExecutionPublisher(own_kafka.servers, spool_dir=spool)
    assert publish(publisher)[0] is True
    own_kafka.tool("pause")
    try:
        success, correlation_id, _ = publish(publisher)
    finally:
        own_kafka.tool("resume")
    assert success is True
    assert len(consume(own_kafka.servers, STARTED, correlation_id)) == 1
    assert said(caplog, logging.WARNING) == []


def test_two_hundred_at_once(kafka, spool):
    async def main():
        async with AgentExecutionPublisherContext(kafka.servers, spool_dir=spool) as publisher:
            key = str(uuid4())
            return key, await asyncio.gather(*[publisher.publish_execution_progress(
                agent_name="agent", correlation_id=key, steps_completed=n) for n in range(200)])
    key, results = asyncio.run(main())
    assert results == [True] * 200
    records = consume(kafka.servers, STARTED.replace("started", "progress"), key, 200)
    assert [json.loads(r.value)["payload"]["steps_completed"] for r in records] == list(range(200))


# -- a broker that does not


def test_unreachable_is_false_with_a_warning_and_delivered_later(own_kafka, spool, caplog):
    own_kafka.stop()
    publisher = AgentExecutionPublisher(own_kafka.servers, spool_dir=spool)
    first, one, seconds = publish(publisher)
    second, two, _ = publish(publisher)
    assert (first, second) == (False, False) and seconds < 30
    warnings = said(caplog, logging.WARNING)
    assert len(warnings) == 2 and all("is kept and will be delivered" in line for line in warnings)
    assert said(caplog, logging.ERROR) == []
    own_kafka.start()
    for correlation_id in (one, two):
        assert len(consume(own_kafka.servers, STARTED, correlation_id)) == 1


def test_the_loop_is_free_while_the_first_verdict_is_awaited(spool):
    """The broker answers nothing, and hangs up once the loop has turned often enough."""
    async def main():
        broker = socket.create_server(("127.0.0.1", 0))
        servers = f"127.0.0.1:{broker.getsockname()[1]}"
        async with AgentExecutionPublisher(servers, spool_dir=spool) as publisher:
            async with LoopTurns() as turns:
                publishing = asyncio.ensure_future(publisher.publish_execution_started(**EVENT))
                while turns.count <= 20:
                    await asyncio.sleep(0)
                assert not publishing.done()
                broker.close()
                assert await publishing is False
    asyncio.run(main())


def test_the_first_verdict_is_awaited_without_looking_for_it(spool, monkeypatch):
    looks, health = [], aep.Publisher.health
    monkeypatch.setattr(aep.Publisher, "health", lambda self: looks.append(1) or health(self))
    success, _, seconds = publish(AgentExecutionPublisher(DOWN, spool_dir=spool, relay_mode="off"))
    assert success is False and seconds >= 0.5
    assert len(looks) <= 2


def test_a_relay_that_cannot_tell_the_verdict_holds_up_nobody(spool, caplog, monkeypatch):
    async def cannot_tell(self, other_than, timeout):
        raise aep.RelayError("the relay cannot tell it")
    monkeypatch.setattr(aep.Publisher, "ahealth", cannot_tell)
    success, _, _ = publish(AgentExecutionPublisher(DOWN, spool_dir=spool, relay_mode="off"))
    [warning] = said(caplog, logging.WARNING)
    assert success is False and "is kept and will be delivered" in warning


def test_what_a_relay_said_that_has_ended_is_no_news(own_kafka, spool, caplog):
    publisher = AgentExecutionPublisher(own_kafka.servers, spool_dir=spool, relay_idle_exit="1")
    assert publish(publisher)[0] is True
    with aep.Publisher(own_kafka.servers, spool_dir=spool) as other:
        await_that(lambda: not other.health().relay_alive, "the relay still runs")
        assert other.health().broker == "connected"
    own_kafka.stop()
    assert publish(publisher)[0] is False
    [warning] = said(caplog, logging.WARNING)
    assert "is kept and will be delivered" in warning


def test_a_verdict_that_does_not_come_is_not_awaited_each_time(spool):
    async def main():
        async with AgentExecutionPublisher(DOWN, spool_dir=spool, relay_mode="off") as publisher:
            begin = time.monotonic()
            for _ in range(100):
                assert await publisher.publish_execution_started(**EVENT) is False
            return time.monotonic() - begin
    assert asyncio.run(main()) < 25  # not 100 times half a second


def test_repeated_warnings_are_thinned(spool, caplog):
    async def main():
        async with AgentExecutionPublisher(DOWN, spool_dir=spool, log_every_s=60) as publisher:
            return [await publisher.publish_execution_started(**EVENT) for _ in range(5)]
    assert asyncio.run(main()) == [False] * 5
    assert len(said(caplog, logging.WARNING)) == 1
    assert len(spooled(spool)) == 5


def test_refused_credentials_are_a_warning_and_delivered_with_right_ones(secure, spool, caplog):
    wrong = secure.login("writer", kafka_sasl_password="wrong")
    publisher = AgentExecutionPublisher(secure.secure_servers, spool_dir=spool, **wrong)
    success, correlation_id, _ = publish(publisher)
    assert success is False
    with aep.Publisher(secure.secure_servers, spool_dir=spool, **wrong) as other:
        await_that(lambda: other.health().broker == "auth_failed", "the login is not refused")
    assert publish(publisher)[0] is False
    warnings = said(caplog, logging.WARNING)
    assert all("is kept and will be delivered" in line for line in warnings)
    assert len(warnings) == 2 and "authentication failed" in warnings[1]
    right = secure.login("writer")
    assert publish(AgentExecutionPublisher(secure.secure_servers, spool_dir=spool, **right))[2] < 60
    with aep.Publisher(secure.secure_servers, spool_dir=spool, **right) as publisher:
        assert publisher.flush(60) is aep.ACKED
    assert len(consume(secure.servers, STARTED, correlation_id)) == 1


def test_a_forbidden_topic_is_a_warning(secure, spool, caplog):
    nobody = secure.login("nobody")
    publisher = AgentExecutionPublisher(secure.secure_servers, spool_dir=spool, **nobody)
    end = time.monotonic() + 60
    while publish(publisher)[0] is not False:  # the first ones may still be in flight
        assert time.monotonic() < end
    assert any("kept and will be delivered" in line for line in said(caplog, logging.WARNING))


def test_stopping_while_the_first_verdict_is_awaited_is_a_warning(spool, caplog):
    async def main():
        publisher = AgentExecutionPublisher(DOWN, spool_dir=spool, relay_mode="off")
        await publisher.start()
        task = asyncio.ensure_future(publisher.publish_execution_started(**EVENT))
        await asyncio.sleep(0)
        await publisher.stop()
        return await task
    assert asyncio.run(main()) is False
    [warning] = said(caplog, logging.WARNING)
    assert "is kept and will be delivered" in warning and said(caplog, logging.ERROR) == []
    assert len(spooled(spool)) == 1


# -- what cannot be published


@pytest.mark.parametrize("options", [
    {"bootstrap_servers": "not a server: at all"},
    {"bootstrap_servers": DOWN, "spool_dir": "/proc/no/spool"},
    {"bootstrap_servers": DOWN, "spool_sync": "sometimes"},
])
def test_what_cannot_be_opened_is_false_with_an_error(options, caplog):
    success, _, _ = publish(AgentExecutionPublisher(**options))
    assert success is False
    assert len(said(caplog, logging.ERROR)) == 2  # at start, and for the event
    assert said(caplog, logging.WARNING) == []


def test_a_full_spool_is_false_with_an_error(spool, caplog):
    async def main():
        async with AgentExecutionPublisher(
                DOWN, spool_dir=spool, spool_segment_bytes="64KiB", spool_max_bytes="256KiB",
                relay_mode="off", log_every_s=3600) as publisher:
            for _ in range(100):
                await publisher.publish_execution_progress(
                    agent_name="a", correlation_id="c", current_step="x" * 5000)
    asyncio.run(main())
    errors = said(caplog, logging.ERROR)
    assert errors and all("spool.max_bytes" in line for line in errors)


@pytest.mark.parametrize("members, named", [
    ({"agent_name": ""}, "agent_name"), ({"user_request": None}, "user_request"),
    ({"context": "no object"}, "context"), ({"context": {"x": ["y" * 250_000] * 6}}, "limit"),
    ({"nonsense": 1}, "nonsense"), ({"correlation_id": "\n"}, "correlation_id")])
def test_a_bad_event_is_false_with_an_error_that_names_the_member(spool, caplog, members, named):
    async def main():
        async with AgentExecutionPublisher(DOWN, spool_dir=spool) as publisher:
            return await publisher.publish_execution_started(**dict(EVENT, **members))
    assert asyncio.run(main()) is False
    [error] = said(caplog, logging.ERROR)
    assert named in error
    assert said(caplog, logging.WARNING) == []


def test_nothing_that_is_passed_raises(spool):
    class Hostile:
        def __str__(self):
            raise RuntimeError("no")
        __repr__ = __str__

    async def main():
        async with AgentExecutionPublisher(DOWN, spool_dir=spool, relay_mode="off") as publisher:
            for call in (publisher.publish_execution_started, publisher.publish_execution_progress,
                         publisher.publish_execution_completed, publisher.publish_execution_failed):
                for arguments in ((), (1,), (None,) * 3, (Hostile(), Hostile()), ("a",) * 40):
                    assert await call(*arguments) is False
                assert await call("a", "b", "c", context=Hostile(), x=1) is False
            assert await publisher.publish_execution_started("a", "r", context={"h": Hostile()}) is False
    asyncio.run(main())
    # Whatever has some text is accepted, though nothing delivers it. A hostile id is refused.
    assert [event["payload"]["agent_name"] for event in spooled(spool)] == [
        "<Hostile without a repr>", "a"]


def test_a_keyboard_interrupt_passes(spool):
    class Interrupting:
        def model_dump(self):
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        publish(AgentExecutionPublisher(DOWN, spool_dir=spool), context={"x": Interrupting()})


def test_cancelling_passes_and_loses_nothing(spool):
    async def main():
        async with AgentExecutionPublisher(DOWN, spool_dir=spool, relay_mode="off") as publisher:
            task = asyncio.ensure_future(publisher.publish_execution_started(**EVENT))
            await asyncio.sleep(0)  # published; its verdict is awaited
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    asyncio.run(main())
    assert len(spooled(spool)) == 1


# -- states


def test_not_started_is_false_with_a_debug_line(spool, caplog):
    publisher = AgentExecutionPublisher(DOWN, spool_dir=spool)

    async def main():
        assert await publisher.publish_execution_started(**EVENT) is False
        await publisher.start()
        await publisher.start()
        await publisher.stop()
        await publisher.stop()
        caplog.clear()
        assert await publisher.publish_execution_started(**EVENT) is False
    asyncio.run(main())
    assert [r.levelno for r in caplog.records if r.name == LOGGER] == [logging.DEBUG]


def test_disabled_is_false_without_a_word(spool, caplog):
    assert publish(AgentExecutionPublisher(DOWN, False, spool_dir=spool))[0] is False
    assert caplog.records == [] and not os.path.exists(spool)


def test_disabled_by_the_environment_is_false_without_a_word(spool, caplog, monkeypatch):
    monkeypatch.setenv("AEP_EVENTS_ENABLED", "false")
    assert publish(AgentExecutionPublisher(DOWN, spool_dir=spool))[0] is False
    assert asyncio.run(publish_execution_started(**EVENT)) is False
    assert [r for r in caplog.records if r.name == LOGGER] == [] and not os.path.exists(spool)


def test_no_servers_at_all(caplog):
    with pytest.raises(ValueError, match="KAFKA_BOOTSTRAP_SERVERS"):
        AgentExecutionPublisher()
    assert asyncio.run(publish_execution_started(**EVENT)) is False
    [error] = said(caplog, logging.ERROR)
    assert "KAFKA_BOOTSTRAP_SERVERS" in error


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("variable", ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_INTELLIGENCE_BOOTSTRAP_SERVERS",
                                      "AEP_KAFKA_BOOTSTRAP_SERVERS"])
def test_the_servers_in_force_are_an_attribute(monkeypatch, spool, variable, enabled):
    monkeypatch.setenv("AEP_SPOOL_DIR", spool)
    monkeypatch.setenv(variable, "127.0.0.1:1, 127.0.0.1:2")
    assert AgentExecutionPublisher(None, enabled).bootstrap_servers == "127.0.0.1:1,127.0.0.1:2"
    assert AgentExecutionPublisher(DOWN, enabled).bootstrap_servers == DOWN
    assert AgentExecutionPublisher(None, enabled, kafka_bootstrap_servers="127.0.0.1:3"
                                   ).bootstrap_servers == "127.0.0.1:3"
    context = AgentExecutionPublisherContext(None, enabled)
    assert context.publisher.bootstrap_servers == "127.0.0.1:1,127.0.0.1:2"
    monkeypatch.delenv(variable)
    assert AgentExecutionPublisher(None, False).bootstrap_servers is None


def test_the_servers_in_force_are_those_at_the_start(monkeypatch, spool):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", DOWN)
    monkeypatch.setenv("AEP_SPOOL_DIR", spool)
    publisher = AgentExecutionPublisher(relay_mode="off")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:2")

    async def main():
        async with publisher:
            assert publisher.bootstrap_servers == "127.0.0.1:2"
    asyncio.run(main())


def test_local_mode(monkeypatch, spool):
    monkeypatch.setenv("AEP_MODE", "local")
    monkeypatch.setenv("AEP_SPOOL_DIR", spool)
    assert asyncio.run(publish_execution_started(**EVENT)) is True
    assert len(spooled(spool)) == 1


# -- names


def test_signatures():
    def names(function):
        return list(inspect.signature(function).parameters)
    assert names(AgentExecutionPublisher)[:2] == ["bootstrap_servers", "enable_events"]
    assert names(AgentExecutionPublisher.publish_execution_started)[1:6] == [
        "agent_name", "user_request", "correlation_id", "session_id", "context"]
    assert names(AgentExecutionPublisher.publish_execution_completed)[1:7] == [
        "agent_name", "correlation_id", "duration_ms", "quality_score", "output_summary", "metrics"]
    assert names(AgentExecutionPublisher.publish_execution_failed)[1:7] == [
        "agent_name", "correlation_id", "error_message", "error_type", "error_stack_trace",
        "partial_results"]
    for kind in ("started", "progress", "completed", "failed"):
        method = getattr(AgentExecutionPublisher, f"publish_execution_{kind}")
        assert {name for name, _, _ in aep.members(kind)} <= set(names(method))
        function = getattr(agent_execution_publisher, f"publish_execution_{kind}")
        assert names(function) == names(method)[1:] and inspect.iscoroutinefunction(function)


# -- policy and validation


def test_partition_key_policy(caplog):
    family = partition_key_policy.EventFamily.AGENT_EXECUTION
    assert partition_key_policy.get_event_family(STARTED) is family and family == "agent.execution"
    assert partition_key_policy.get_event_family("transaction-events") is None
    assert partition_key_policy.get_partition_policy(family)["partition_key"] == "correlation_id"
    assert len(partition_key_policy.get_policy_summary()) == 7
    key = partition_key_policy.get_partition_key_for_event
    assert key(STARTED, {"correlation_id": "k"}) == "k"
    assert key(STARTED, {"payload": {"correlation_id": "p"}}) == "p"
    assert key(STARTED, {}) is None and key("other.things", {"correlation_id": "k"}) is None
    assert partition_key_policy.validate_partition_key(STARTED, "k")
    assert not partition_key_policy.validate_partition_key(STARTED, " ")


def test_event_validation(spool):
    with aep.Publisher(mode="local", spool_dir=spool) as publisher:
        publisher.started("a", "r")
    [event] = spooled(spool)
    check = event_validation
    assert check.validate_full_event(event).is_valid and check.validate_event_envelope(event).is_valid
    del event["timestamp"]
    result = check.validate_event_envelope(event)
    assert not result.is_valid and "timestamp" in result.errors[0]
    assert not check.validate_uuid_field("abc", "session_id").is_valid
    assert "session_id" in check.validate_uuid_field("abc", "session_id").errors[0]
    assert check.validate_timestamp_field("2025-10-30T14:30:00Z").is_valid
    assert not check.validate_timestamp_field("2025-10-30 14:30:00").is_valid
    assert check.validate_event_naming("agent.routing.requested.v1").is_valid
    assert not check.validate_event_naming("AGENT_ROUTING").is_valid
    assert check.validate_event_naming("AGENT_ROUTING", strict=False).is_valid
    assert check.validate_schema_reference("registry://omninode/agent/routing_requested/v1").is_valid
    assert not check.validate_schema_reference("http://example.com/schema").is_valid
    assert check.validate_partition_key_policy(STARTED, None).warnings
    assert not check.validate_partition_key_policy(STARTED, "k", {"correlation_id": "k"}).warnings
