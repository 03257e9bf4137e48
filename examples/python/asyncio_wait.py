# SPDX-License-Identifier: Apache-2.0
"""Agents in an event loop: publishing blocks nothing, and the fate of each event is awaited.

    KAFKA_BOOTSTRAP_SERVERS=localhost:9092 python asyncio_wait.py      or, without Kafka: AEP_MODE=local
"""
import asyncio

import aep


async def agent(publisher, number):
    async with publisher.execution(f"agent-{number}", "Wait a little") as run:
        await asyncio.sleep(0.01 * number)
    return await publisher.wait(run.receipt, timeout=10)  # of its newest event: completed


async def main():
    async with aep.Publisher() as publisher:
        fates = await asyncio.gather(*[agent(publisher, number) for number in range(5)])
        for number, fate in enumerate(fates):
            print(f"agent-{number}: {fate}{'' if fate else ', it stays on disk until Kafka takes it'}")
        print("all:", await publisher.aflush(timeout=10))


asyncio.run(main())
