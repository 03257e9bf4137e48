# SPDX-License-Identifier: Apache-2.0
"""An execution ended well."""
import asyncio
from uuid import uuid4

from agents.lib.agent_execution_publisher import AgentExecutionPublisherContext


async def main():
    correlation_id = str(uuid4())
    async with AgentExecutionPublisherContext() as publisher:
        success = await publisher.publish_execution_completed(
            agent_name="agent-api-architect",
            correlation_id=correlation_id,
            completed_at="2025-11-13T14:35:00Z",
            result_summary="Successfully generated REST API design",
            artifacts=["api_spec.yaml", "endpoints.md"],
        )
    print(correlation_id, "-", success)

asyncio.run(main())
