# SPDX-License-Identifier: Apache-2.0
"""An execution failed."""
import asyncio
from uuid import uuid4

from agents.lib.agent_execution_publisher import AgentExecutionPublisherContext


async def main():
    correlation_id = str(uuid4())
    async with AgentExecutionPublisherContext() as publisher:
        success = await publisher.publish_execution_failed(
            agent_name="agent-api-architect",
            correlation_id=correlation_id,
            failed_at="2025-11-13T14:33:00Z",
            error_code="VALIDATION_ERROR",
            error_message="Invalid API specification",
            stack_trace="...",
        )
    print(correlation_id, "-", success)

asyncio.run(main())
