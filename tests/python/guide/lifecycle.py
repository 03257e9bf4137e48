# SPDX-License-Identifier: Apache-2.0
"""A publisher started and stopped by hand, its servers given."""
import asyncio
import os
from uuid import uuid4

from agents.lib.agent_execution_publisher import AgentExecutionPublisher


async def main(servers):
    publisher = AgentExecutionPublisher(bootstrap_servers=servers, enable_events=True)
    try:
        await publisher.start()
        correlation_id = str(uuid4())
        session_id = str(uuid4())
        success = await publisher.publish_execution_started(
            agent_name="agent-api-architect",
            user_request="Design a REST API for user management",
            correlation_id=correlation_id,
            session_id=session_id,
            context={"domain": "api_design"},
        )
    finally:
        await publisher.stop()
    print(correlation_id, session_id, success)

asyncio.run(main(os.environ.pop("KAFKA_BOOTSTRAP_SERVERS")))
