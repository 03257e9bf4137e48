# SPDX-License-Identifier: Apache-2.0
"""Events switched off."""
import asyncio
import os
from uuid import uuid4

from agents.lib.agent_execution_publisher import AgentExecutionPublisher


async def main():
    publisher = AgentExecutionPublisher(
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        enable_events=False,
    )
    await publisher.start()
    correlation_id = str(uuid4())
    success = await publisher.publish_execution_started(
        agent_name="agent", user_request="request", correlation_id=correlation_id, session_id="s")
    await publisher.stop()
    print(correlation_id, "s", success)

asyncio.run(main())
