# SPDX-License-Identifier: Apache-2.0
"""An execution moves on."""
import asyncio
from uuid import uuid4

from agents.lib.agent_execution_publisher import AgentExecutionPublisherContext


async def main():
    correlation_id = str(uuid4())
    async with AgentExecutionPublisherContext() as publisher:
        success = await publisher.publish_execution_progress(
            agent_name="agent-api-architect",
            correlation_id=correlation_id,
            progress_percent=50,
            current_step="Generating API endpoints",
            steps_completed=3,
            steps_total=6,
        )
    print(correlation_id, "-", success)

asyncio.run(main())
