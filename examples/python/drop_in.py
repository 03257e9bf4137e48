# SPDX-License-Identifier: Apache-2.0
"""Code that uses agents.lib.agent_execution_publisher works unchanged (pip install . ./python/omniclaude).

    KAFKA_BOOTSTRAP_SERVERS=localhost:9092 python drop_in.py      or, without Kafka: AEP_MODE=local
"""
import asyncio
import logging
from uuid import uuid4

from agents.lib.agent_execution_publisher import AgentExecutionPublisherContext


async def main():
    run = {"agent_name": "agent-sorter", "correlation_id": str(uuid4())}
    async with AgentExecutionPublisherContext() as publisher:
        results = [
            await publisher.publish_execution_started(user_request="Sort the mail", **run),
            await publisher.publish_execution_progress(progress_percent=50, **run),
            await publisher.publish_execution_completed(result_summary="sorted", **run),
        ]
    print(run["correlation_id"], results)


logging.basicConfig(level=logging.WARNING)  # a warning or an error explains a False
asyncio.run(main())
