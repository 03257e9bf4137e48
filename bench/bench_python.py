# SPDX-License-Identifier: Apache-2.0
"""Measurements of the Python packages and their peers, each in a process of its own.

    bench_python.py WHAT COUNT SERVERS       prints a JSON object of figures; times in microseconds

AEP_SPOOL_DIR names the spool.
"""
import asyncio
import gc
import json
import os
import sys
import time

EVENT = {"agent_name": "agent-api-architect", "user_request": "Design a REST API for user management",
         "correlation_id": "abc-123-def-456", "session_id": "session-789"}
CONTEXT = {"domain": "api_design", "previous_agent": "agent-router"}
TOPIC = "omninode.agent.execution.started.v1"
VALUE = json.dumps({"event_type": TOPIC, "event_id": "0" * 36, "timestamp": "0" * 27,
                    "tenant_id": "default", "namespace": "omninode", "source": "omniclaude",
                    "correlation_id": "abc-123-def-456", "causation_id": "abc-123-def-456",
                    "schema_ref": "registry://omninode/agent/execution_started/v1",
                    "payload": dict(EVENT, started_at="0" * 27, context=CONTEXT)})
HEADERS = [("x-correlation-id", b"abc-123-def-456"), ("x-causation-id", b"abc-123-def-456"),
           ("x-tenant", b"default"), ("x-traceparent", b"0" * 55), ("x-schema-hash", b"0" * 64)]


def quantiles(times_ns):
    times_ns.sort()
    return {name: times_ns[min(len(times_ns) - 1, int(len(times_ns) * share))] / 1000
            for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}


def resident_kib():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def call(count, servers):
    """publisher.started(), back to back."""
    import aep
    publisher, times = aep.Publisher(servers), []
    for number in range(count + 200):
        begin = time.perf_counter_ns()
        publisher.started(context=CONTEXT, **EVENT)
        times.append(time.perf_counter_ns() - begin)
    return quantiles(times[200:])


def producer(servers, **options):
    from aiokafka import AIOKafkaProducer
    return AIOKafkaProducer(bootstrap_servers=servers, acks="all", **options)


def call_aiokafka(count, servers):
    """await producer.send(), back to back."""
    async def main():
        client, times = producer(servers), []
        await client.start()
        for number in range(count):
            begin = time.perf_counter_ns()
            await client.send(TOPIC, VALUE.encode(), key=b"abc-123-def-456", headers=HEADERS)
            times.append(time.perf_counter_ns() - begin)
        await client.stop()
        return quantiles(times)
    return asyncio.run(main())


def drop_in(count, servers):
    """await publish_execution_started(), one after another, and the loop's longest pause."""
    from agents.lib.agent_execution_publisher import AgentExecutionPublisher
    import logging
    logging.disable(logging.CRITICAL)

    async def main():
        times, worst, last = [], 0, time.perf_counter_ns()

        async def watch():
            nonlocal worst, last
            while True:
                await asyncio.sleep(0)
                now = time.perf_counter_ns()
                worst, last = max(worst, now - last), now
        async with AgentExecutionPublisher(servers) as publisher:
            for _ in range(500):  # a cold broker is slow to all of them
                await publisher.publish_execution_started(context=CONTEXT, **EVENT)
            for number in range(count):
                begin = time.perf_counter_ns()
                await publisher.publish_execution_started(context=CONTEXT, **EVENT)
                times.append(time.perf_counter_ns() - begin)
            gc.collect()
            last = time.perf_counter_ns()
            watching = asyncio.ensure_future(watch())
            for number in range(2000):
                await publisher.publish_execution_started(context=CONTEXT, **EVENT)
                await asyncio.sleep(0)
            watching.cancel()
        return dict(quantiles(times), pause=worst / 1000)
    return asyncio.run(main())


def acked_aiokafka(count, servers, **options):
    async def main():
        client, times = producer(servers, **options), []
        await client.start()
        for number in range(count):
            begin = time.perf_counter_ns()
            await client.send_and_wait(TOPIC, VALUE.encode(), key=b"abc-123-def-456",
                                       headers=HEADERS)
            times.append(time.perf_counter_ns() - begin)
        await client.stop()
        return quantiles(times)
    return asyncio.run(main())


def confluent_producer(servers):
    from confluent_kafka import Producer
    return Producer({"bootstrap.servers": servers, "acks": "all"})


def acked_original(count, servers):
    """send_and_wait() with linger 20 and gzip."""
    return acked_aiokafka(count, servers, linger_ms=20, compression_type="gzip")


def memory(count, servers):
    gc.collect()
    before = resident_kib()
    import aep
    publisher = aep.Publisher(servers)
    publisher.started(context=CONTEXT, **EVENT)
    gc.collect()
    return {"kib": resident_kib() - before}


def memory_aiokafka(count, servers):
    gc.collect()
    before = resident_kib()

    async def main():
        client = producer(servers)
        await client.start()
        await client.send_and_wait(TOPIC, VALUE.encode())
        gc.collect()
        kib = resident_kib() - before
        await client.stop()
        return {"kib": kib}
    return asyncio.run(main())


def memory_confluent(count, servers):
    gc.collect()
    before = resident_kib()
    client = confluent_producer(servers)
    client.produce(TOPIC, VALUE.encode())
    client.flush()
    gc.collect()
    return {"kib": resident_kib() - before}


def imports(count, servers):
    begin = time.perf_counter_ns()
    import aep  # noqa: F401
    return {"us": (time.perf_counter_ns() - begin) / 1000}


def imports_aiokafka(count, servers):
    begin = time.perf_counter_ns()
    import aiokafka  # noqa: F401
    return {"us": (time.perf_counter_ns() - begin) / 1000}


def imports_confluent(count, servers):
    begin = time.perf_counter_ns()
    import confluent_kafka  # noqa: F401
    return {"us": (time.perf_counter_ns() - begin) / 1000}


def sustained(count, servers):
    """Events a second from one thread, until all are acknowledged."""
    import aep
    publisher = aep.Publisher(servers)
    publisher.wait(publisher.started(context=CONTEXT, **EVENT), 60)
    begin = time.perf_counter()
    for number in range(count):
        publisher.started(context=CONTEXT, **EVENT)
    published = time.perf_counter() - begin
    publisher.flush(600)
    return {"accepted": count / published, "acked": count / (time.perf_counter() - begin)}


def sustained_aiokafka(count, servers):
    async def main():
        client = producer(servers)
        await client.start()
        begin, waiting = time.perf_counter(), []
        for number in range(count):
            waiting.append(await client.send(TOPIC, VALUE.encode(), key=b"abc-123-def-456",
                                             headers=HEADERS))
        await asyncio.gather(*waiting)
        rate = count / (time.perf_counter() - begin)
        await client.stop()
        return {"acked": rate}
    return asyncio.run(main())


def sustained_confluent(count, servers):
    client, acked = confluent_producer(servers), 0

    def on_delivery(error, message):
        nonlocal acked
        acked += error is None

    def produce():
        client.produce(TOPIC, VALUE.encode(), key=b"abc-123-def-456", headers=HEADERS,
                       on_delivery=on_delivery)
    produce()
    client.flush()
    begin, acked = time.perf_counter(), 0
    for number in range(count):
        while True:
            try:
                produce()
                break
            except BufferError:  # its queue is full
                client.poll(0.01)
        client.poll(0)
    client.flush()
    rate = count / (time.perf_counter() - begin)
    assert acked == count
    return {"acked": rate}


if __name__ == "__main__":
    what, count, servers = sys.argv[1:]
    os.environ.setdefault("AEP_SPOOL_MAX_BYTES", "16GiB")
    print(json.dumps(globals()[what](int(count), servers)))
