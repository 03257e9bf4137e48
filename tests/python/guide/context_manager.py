# SPDX-License-Identifier: Apache-2.0
"""Several events within the context manager."""
import asyncio
from uuid import uuid4

from agents.lib.agent_execution_publisher import AgentExecutionPublisherContext


async def main():
    correlation_id = str(uuid4())
    session_id = str(uuid4())
    async with AgentExecutionPublisherContext() as publisher:
        success = await publisher.publish_execution_started(
            agent_name="agent-api-architect",
            user_request="Design a REST API for user management",
            correlation_id=correlation_id,
            session_id=session_id,
            context={"domain": "api_design"},
        )
    print(correlation_id, session_id, success)

asyncio.run(main())
