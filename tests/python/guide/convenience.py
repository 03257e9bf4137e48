# SPDX-License-Identifier: Apache-2.0
"""One event by the convenience function."""
import asyncio
from uuid import uuid4

from agents.lib.agent_execution_publisher import publish_execution_started


async def main():
    correlation_id = str(uuid4())
    session_id = str(uuid4())
    success = await publish_execution_started(
        agent_name="agent-api-architect",
        user_request="Design a REST API for user management",
        correlation_id=correlation_id,
        session_id=session_id,
        context={"domain": "api_design", "previous_agent": "agent-router"},
    )
    print(correlation_id, session_id, success)

asyncio.run(main())
