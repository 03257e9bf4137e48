# SPDX-License-Identifier: Apache-2.0
"""What aep's types say, for mypy --strict: read, not run. Each line with an ignored error is a
wrong use that mypy must find: an ignore without an error is an error, too."""
import asyncio
import dataclasses
import datetime
import pathlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any

from typing_extensions import assert_type

import aep

NOW = datetime.datetime.now(datetime.timezone.utc)


@dataclasses.dataclass
class Point:
    x: int


class Model:
    def model_dump(self) -> dict[str, int]:
        return {}


# -- opening


def opening() -> None:
    assert_type(aep.__version__, str)
    with aep.Publisher() as publisher:
        assert_type(publisher, aep.Publisher)
    aep.Publisher("localhost:9092", spool_dir=pathlib.Path("/spool"), spool_max_bytes="4 GiB",
                  publish_wait_ms=25, redact=False, spool_sync="always", relay_mode="external",
                  kafka_security_protocol="SASL_SSL", kafka_linger_ms=5).close()
    aep.Publisher(kafka_bootstrap_servers="localhost:9092", mode="local", tenant_id=None)
    aep.Publisher(9092)  # type: ignore[arg-type]
    aep.Publisher("a", "b")  # type: ignore[call-arg, arg-type]
    aep.Publisher(mode="locl")  # type: ignore[arg-type]
    aep.Publisher(spool_sync="sometimes")  # type: ignore[arg-type]
    aep.Publisher(spool_max_bytes=[1])  # type: ignore[arg-type]


# -- publishing


def publishing(publisher: aep.Publisher) -> aep.Receipt:
    receipt = publisher.started("agent", "request")
    assert_type(receipt, aep.Receipt)
    assert_type(receipt.event_id, str)
    assert_type(receipt.correlation_id, str)
    assert_type(receipt.position, tuple[int, int])
    publisher.started(agent_name="agent", user_request="request", correlation_id=uuid.uuid4(),
                      session_id="s", started_at=NOW, context={"point": Point(1), 5: {2, 3}},
                      causation_id=receipt.event_id, traceparent="00-…", tracestate=None)
    publisher.started("agent", "request", context=Point(1), started_at=0)
    publisher.progress("agent", receipt.correlation_id, progress_percent=50, current_step="draft",
                       steps_completed=1, steps_total=2, metadata={"status": "working"})
    publisher.completed("agent", uuid.uuid4(), completed_at="2025-01-02T03:04:05Z", duration_ms=1.5,
                        result_summary="done", artifacts=["a", pathlib.Path("b")],
                        output_summary="text", quality_score=1, metrics=Model(), session_id="s")
    publisher.failed("agent", "c", error_message=ValueError("boom"), failed_at=NOW, error_code=404,
                     error_type="ValueError", stack_trace="…", error_stack_trace="…",
                     partial_results=object(), duration_ms=1, session_id="s", inferred=True)
    publisher.publish("acme.gate.passed.v1", {"gate": "lint"}, topic="gates", correlation_id="c",
                      schema_ref="registry://acme/gate/passed/v1", causation_id="c",
                      traceparent="00-…", tracestate="a=b")
    publisher.started("agent")  # type: ignore[call-arg]
    publisher.started("agent", 5)  # type: ignore[arg-type]
    publisher.started("agent", "request", "c")  # type: ignore[call-arg]
    publisher.started("agent", "request", nonsense=1)  # type: ignore[call-arg]
    publisher.started("agent", "request", context="text")  # type: ignore[arg-type]
    publisher.started("agent", "request", started_at=[])  # type: ignore[arg-type]
    publisher.progress("agent")  # type: ignore[call-arg]
    publisher.progress("agent", "c", progress_percent="half")  # type: ignore[arg-type]
    publisher.progress("agent", "c", steps_completed=1.5)  # type: ignore[arg-type]
    publisher.completed("agent", "c", artifacts="text")  # type: ignore[arg-type]
    publisher.failed("agent", "c")  # type: ignore[call-arg]
    publisher.failed("agent", "c", "message")  # type: ignore[call-arg]
    publisher.publish("acme.gate.passed.v1", [])  # type: ignore[arg-type]
    receipt.event_id = "x"  # type: ignore[misc]
    return receipt


# -- fates


def waiting(publisher: aep.Publisher, receipt: aep.Receipt) -> bool:
    fate = publisher.wait(receipt, timeout=5)
    assert_type(fate, aep.Fate)
    assert_type(publisher.wait(receipt), aep.Fate)
    assert_type(publisher.flush(0.5), aep.Fate)
    words: list[str] = [fate, aep.ACKED, aep.SPOOLED, aep.DISABLED, aep.DEFERRED, aep.PARKED, aep.DEAD]
    publisher.wait("event id")  # type: ignore[arg-type]
    publisher.wait(receipt, "5s")  # type: ignore[arg-type]
    publisher.flush(receipt)  # type: ignore[arg-type]
    return bool(fate) and fate == aep.ACKED and fate in words


async def awaiting(receipt: aep.Receipt) -> None:
    async with aep.Publisher() as publisher:
        assert_type(publisher, aep.Publisher)
        assert_type(await publisher.wait(receipt), aep.Fate)
        assert_type(await aep.ACKED, aep.Fate)
        assert_type(await asyncio.wait_for(publisher.wait(receipt, 5), 6), aep.Fate)
        assert_type(await asyncio.gather(publisher.wait(receipt), publisher.aflush()),
                    tuple[aep.Fate, aep.Fate])
        waiting: Awaitable[aep.Fate] = publisher.wait(receipt)
        await waiting
        await publisher.flush  # type: ignore[misc]
        await publisher.aclose()


# -- questions


def asking(publisher: aep.Publisher) -> None:
    health = publisher.health()
    assert_type(health, aep.Health)
    assert_type(health.since, float)
    assert_type(health.relay_alive, bool)
    assert_type(health.used_bytes + health.max_bytes + health.backlog_bytes, int)
    assert_type(health.reason, str)
    if health.broker == "auth_failed":
        print(health.reason)
    if health.broker == "down":  # type: ignore[comparison-overlap]
        pass
    broker, *_ = health
    stats = publisher.stats()
    assert_type(stats, aep.Stats)
    assert_type(stats.replaced + stats.refused_full + stats.acknowledged, int)
    assert_type(publisher.option("spool.max_bytes"), str)
    assert_type(publisher.spool_dir, str)
    assert_type(publisher.closed, bool)
    stats.unheard_of  # type: ignore[attr-defined]
    publisher.option()  # type: ignore[call-arg]
    publisher.closed = True  # type: ignore[misc]


# -- executions


def running(publisher: aep.Publisher) -> str:
    with publisher.execution("agent", "request", correlation_id="c", context={"k": 1}) as run:
        assert_type(run, aep.Execution)
        assert_type(run.progress(progress_percent=50, metadata={}), aep.Receipt)
        assert_type(run.publisher, aep.Publisher)
        assert_type(run.id + run.correlation_id + run.session_id + run.traceparent, str)
        assert_type(run.receipt, aep.Receipt)
        assert_type(run.ended, bool)
        assert_type(aep.current(), aep.Execution | None)
        assert_type(run.complete(result_summary="done", quality_score=0.9), aep.Receipt)
        run.progress("half")  # type: ignore[call-arg, arg-type]
        run.progress(percent=50)  # type: ignore[call-arg]
        run.complete("done")  # type: ignore[call-arg]
        run.fail()  # type: ignore[call-arg]
        aep.current().progress()  # type: ignore[union-attr]
    run = aep.Execution(publisher, "agent", "request", session_id=uuid.uuid4()).start()
    try:
        return "an exception goes on, so what follows the block above is reached"
    except Exception as error:
        assert_type(run.fail_with(error), aep.Receipt)
        assert_type(run.fail("no", error_code="E", partial_results=[1]), aep.Receipt)
        run.fail_with("no")  # type: ignore[arg-type]
        raise


async def running_in_a_loop(publisher: aep.Publisher) -> None:
    async with publisher.execution("agent", "request") as run:
        assert_type(run, aep.Execution)
    publisher.execution("agent")  # type: ignore[call-arg]
    publisher.execution("agent", "request", progress_percent=5)  # type: ignore[call-arg]


# -- executions, read back


def reading() -> None:
    rows = aep.executions(state=["failed", "stalled"], agent="build*", since=datetime.timedelta(days=1),
                          correlation=uuid.uuid4(), limit=None, children=True, wait_ms=100)
    aep.executions(parent=uuid.uuid4(), until="1h", sort="attention", reverse=True)
    assert_type(rows, list[aep.ExecutionRow])
    assert_type(rows[0]["error_message"], str | None)
    assert_type(rows[0]["events"], int)
    row = aep.execution_of(uuid.uuid4())
    assert_type(row, aep.ExecutionRow | None)
    if rows[0]["state"] == "hung":  # type: ignore[comparison-overlap]
        pass
    rows[0]["status"]  # type: ignore[typeddict-item]
    row["id"]  # type: ignore[index]
    aep.executions("failed")  # type: ignore[call-arg]
    aep.executions(status="failed")  # type: ignore[call-arg]
    aep.executions(since=5)  # type: ignore[arg-type]
    aep.executions(sort="newest")  # type: ignore[arg-type]


# -- the decorator


@aep.track
def plain(count: int, *, flag: bool = False) -> str:
    return str(count)


@aep.track(agent_name="agent", user_request=lambda count: f"count {count}", context={"k": 1})
async def coroutine(count: int) -> str:
    return str(count)


@aep.track("agent", publisher=aep.Publisher(), session_id="s")
def generator() -> Iterator[int]:
    yield 1


@aep.track()
async def async_generator(count: int) -> AsyncIterator[int]:
    yield count


class Agent:
    @aep.track(agent_name="agent")
    def method(self, count: int) -> int:
        return count


def tracked() -> None:
    assert_type(plain(1, flag=True), str)
    coroutine(1)  # type: ignore[unused-coroutine]
    assert_type(generator(), Iterator[int])
    assert_type(async_generator(1), AsyncIterator[int])
    assert_type(Agent().method(1), int)
    same: Callable[[int], str] = plain
    same(1)
    plain("1")  # type: ignore[arg-type]
    plain(1, flags=True)  # type: ignore[call-arg]
    not_awaited: Coroutine[Any, Any, str] = coroutine()  # type: ignore[call-arg]
    print(not_awaited)
    Agent().method("1")  # type: ignore[arg-type]
    aep.track(5)  # type: ignore[call-overload]
    aep.track(agent="agent")  # type: ignore[call-overload]


async def tracked_in_a_loop() -> None:
    assert_type(await coroutine(1), str)
    assert_type([item async for item in async_generator(1)], list[int])
    await plain(1)  # type: ignore[misc]


# -- errors


def errors(publisher: aep.Publisher) -> None:
    try:
        publisher.started("agent", "request")
    except (aep.InvalidEvent, aep.ConfigError) as error:
        as_value_error: ValueError = error
        assert_type(error.field, str)
        print(as_value_error, error.position + 1)
    except aep.SpoolError as error:
        print(error.errno, error.code)
    except aep.SpoolFull as error:
        not_an_os_error: OSError = error  # type: ignore[assignment]
        print(not_an_os_error)
    except aep.RelayError as error:
        print(error.reason)  # type: ignore[attr-defined]
    except aep.Error as error:
        assert_type(error.code, str)


# -- tools


def tools() -> None:
    assert_type(aep.new_id(), str)
    assert_type(aep.schema("started"), str)
    assert_type(aep.members("failed"), list[tuple[str, str, bool]])
    assert_type(aep.partition_key({"correlation_id": "c"}), str | None)
    assert_type(aep.partition_key(b"{}"), str | None)
    family = aep.family_of("omninode.agent.execution.started.v1")
    assert_type(family, aep.Family | None)
    for row in aep.families():
        assert_type(row.name + row.key_field + row.reason + row.cardinality, str)
        assert_type(row.keys_per_day_min + row.keys_per_day_max, int)
    for finding in aep.validate({"event_type": "a.b.c.v1"}, strict=True) + aep.validate("{}"):
        assert_type(finding, aep.Finding)
        assert_type(finding.code + finding.pointer + finding.field + finding.text, str)
        if finding.severity == "fatal":  # type: ignore[comparison-overlap]
            pass
    aep.schema("paused")  # type: ignore[arg-type]
    aep.validate(5)  # type: ignore[arg-type]
    family.name  # type: ignore[union-attr]
    aep.nothing  # type: ignore[attr-defined]
