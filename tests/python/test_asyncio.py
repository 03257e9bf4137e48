# SPDX-License-Identifier: Apache-2.0
# ctest: BROKERS plain
"""Waiting in an event loop, against a real broker and without one."""
import asyncio
import gc
import socket
import time

import pytest

import aep
from conftest import AEP, DOWN, LoopTurns, consume


@pytest.fixture
def publisher(kafka, spool):
    with aep.Publisher(kafka.servers, spool_dir=spool) as publisher:
        yield publisher


def test_a_receipt_is_awaited(publisher):
    async def main():
        receipt = publisher.started("agent", "request")
        return receipt, await publisher.wait(receipt, 60), await publisher.wait(receipt)
    receipt, fate, again = asyncio.run(main())
    assert fate is aep.ACKED and again is aep.ACKED
    [record] = consume(publisher_servers(publisher), "omninode.agent.execution.started.v1",
                       receipt.correlation_id)
    assert record.value and record.key == receipt.correlation_id.encode()


def publisher_servers(publisher):
    from conftest import plain_kafka
    return plain_kafka().servers


async def until_awaited(publisher):
    """Until the loop has a wait under way."""
    while not any(waits.futures for waits in publisher._waits.values()):
        await asyncio.sleep(0)


def test_a_thousand_waits_at_once(publisher):
    async def main():
        receipts = [publisher.progress("a", "c", steps_completed=n) for n in range(1000)]
        fates = await asyncio.gather(*[publisher.wait(receipt, 60) for receipt in receipts])
        assert set(fates) == {aep.ACKED}
        assert await publisher.aflush(60) is aep.ACKED
    asyncio.run(main())


def test_one_loop_after_another_and_threads_beside(publisher):
    async def main():
        assert await publisher.wait(publisher.started("a", "r"), 60)

    async def two():
        await asyncio.gather(asyncio.to_thread(asyncio.run, main()) if hasattr(asyncio, "to_thread")
                             else main(), main())
    for _ in range(3):
        asyncio.run(main())
    asyncio.run(two())
    assert publisher.wait(publisher.started("a", "r"), 60)


def test_an_await_without_a_broker_ends_in_time_and_blocks_nothing(spool):
    async def main():
        async with aep.Publisher(DOWN, spool_dir=spool) as publisher:
            receipt = publisher.started("a", "r")
            async with LoopTurns() as turns:
                assert await publisher.wait(receipt, 0.3) is aep.DEFERRED
                assert await publisher.aflush(0.3) is aep.DEFERRED
                assert await publisher.wait(receipt, 0) is aep.DEFERRED
            assert turns.count > 100
    asyncio.run(main())


def test_a_wait_for_a_purged_event_ends(spool):
    async def main():
        with aep.Publisher(DOWN, spool_dir=spool) as publisher:
            receipt = publisher.started("agent", "request")
            wait = asyncio.ensure_future(publisher.wait(receipt, 60))
            assert (await publisher.ahealth(timeout=60)).broker == "unreachable"  # the relay runs
            purge = await asyncio.create_subprocess_exec(AEP, "spool", "purge", "--yes", "--spool",
                                                         str(spool))
            assert await purge.wait() == 0
            with pytest.raises(aep.SpoolError, match="Kafka does not have it"):
                await wait
    asyncio.run(main())


def test_a_cancelled_wait_is_forgotten(spool):
    async def main():
        with aep.Publisher(DOWN, spool_dir=spool) as publisher:
            receipt = publisher.started("a", "r")
            task = asyncio.ensure_future(publisher.wait(receipt))
            await until_awaited(publisher)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            [waits] = publisher._waits.values()
            assert waits.futures == {}
    asyncio.run(main())


def test_closing_ends_waits_as_deferred(spool):
    async def main():
        publisher = aep.Publisher(DOWN, spool_dir=spool)
        task = asyncio.ensure_future(publisher.wait(publisher.started("a", "r")))
        await until_awaited(publisher)
        publisher.close()
        assert await task is aep.DEFERRED
    asyncio.run(main())


def test_closing_in_another_thread_ends_waits(spool):
    """In debug mode asyncio refuses what another thread must not do to a loop."""
    async def main():
        publisher = aep.Publisher(DOWN, spool_dir=spool)
        waiting = asyncio.ensure_future(publisher.wait(publisher.started("a", "r"), 60))
        await asyncio.sleep(0)
        await asyncio.get_running_loop().run_in_executor(None, publisher.close)
        assert await waiting is aep.DEFERRED
        with pytest.raises(aep.Error):
            publisher.started("a", "r")
    asyncio.run(main(), debug=True)


def test_one_that_is_dropped_is_closed(spool):
    import weakref
    gone = []

    async def main():
        publisher = aep.Publisher(DOWN, spool_dir=spool)
        await publisher.wait(publisher.started("a", "r"), 0.01)
        weakref.finalize(publisher, gone.append, 1)
    asyncio.run(main())
    gc.collect()
    assert gone == [1]


def test_the_brokers_state_is_awaited(publisher, spool):
    async def main():
        assert (await publisher.ahealth(timeout=60)).broker == "connected"
        assert (await publisher.ahealth("misconfigured", 60)).broker == "connected"
        assert (await publisher.ahealth("connected", 0.05)).broker == "connected"  # no other came
        with pytest.raises(ValueError, match="nonsense"):
            await publisher.ahealth("nonsense")
        [waits] = publisher._waits.values()
        assert waits.futures == {}
        async with aep.Publisher(DOWN, spool_dir=spool + "-down") as down:
            assert (await down.ahealth(timeout=60)).broker == "unreachable"
        async with aep.Publisher(mode="local", spool_dir=spool + "-local") as local:
            assert (await local.ahealth()).broker == "local"
        async with aep.Publisher(events_enabled=False) as disabled:
            assert (await disabled.ahealth()).broker == "unknown"
    asyncio.run(main())


def test_the_loop_is_never_held_up(spool):
    """Publishes 2,000 events with a broker that accepts connections and never answers: a call that
    waited for it would wait long. The bound allows for a busy machine; script/bench measures."""
    async def main(silent):
        async with aep.Publisher("127.0.0.1:%d" % silent.getsockname()[1], spool_dir=spool) as publisher:
            worst, last = 0.0, time.perf_counter()

            async def watch():
                nonlocal worst, last
                while True:
                    await asyncio.sleep(0)
                    now = time.perf_counter()
                    worst, last = max(worst, now - last), now
            watching = asyncio.ensure_future(watch())
            for _ in range(2000):
                publisher.started("agent", "request")
                await asyncio.sleep(0)
                assert worst < 10
            watching.cancel()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(main(silent))


def test_an_error_has_its_attributes_wherever_it_is_raised():
    for kind in (aep.Error, aep.InvalidEvent, aep.ConfigError, aep.SpoolFull, aep.SpoolError,
                 aep.RelayError):
        error = kind("text")
        assert (error.code, error.field, error.position) == ("", "", 0)
