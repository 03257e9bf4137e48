# SPDX-License-Identifier: Apache-2.0
"""A polymorphic agent's launcher."""
import asyncio
from uuid import uuid4

from agents.lib.agent_execution_publisher import publish_execution_started


async def launch_polymorphic_agent(agent_name: str, user_request: str):
    correlation_id = str(uuid4())
    session_id = str(uuid4())
    success = await publish_execution_started(
        agent_name=agent_name,
        user_request=user_request,
        correlation_id=correlation_id,
        session_id=session_id,
        context={"agent_type": "polymorphic", "launcher": "polymorphic_agent_launcher"},
    )
    print(correlation_id, session_id, success)

asyncio.run(launch_polymorphic_agent("agent-polymorphic", "Launch it"))
