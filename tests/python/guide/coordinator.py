# SPDX-License-Identifier: Apache-2.0
"""A workflow coordinator."""
import asyncio
from datetime import datetime, timezone
from uuid import uuid4

from agents.lib.agent_execution_publisher import publish_execution_started


async def execute_agent_workflow(agent_name: str, user_request: str):
    correlation_id = str(uuid4())
    session_id = str(uuid4())
    success = await publish_execution_started(
        agent_name=agent_name,
        user_request=user_request,
        correlation_id=correlation_id,
        session_id=session_id,
        context={
            "workflow_type": "agent_coordination",
            "timestamp": datetime.now(timezone.utc).isoformat(),
        },
    )
    print(correlation_id, session_id, success)

asyncio.run(execute_agent_workflow("agent-coordinator", "Coordinate it"))
