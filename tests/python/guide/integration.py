# SPDX-License-Identifier: Apache-2.0
"""The servers set in the running program."""
import asyncio
import os
from uuid import uuid4

from agents.lib.agent_execution_publisher import publish_execution_started


async def main(servers):
    os.environ["KAFKA_BOOTSTRAP_SERVERS"] = servers
    correlation_id, session_id = str(uuid4()), str(uuid4())
    success = await publish_execution_started(
        agent_name="test-agent",
        user_request="Test request",
        correlation_id=correlation_id,
        session_id=session_id,
    )
    print(correlation_id, session_id, success)

asyncio.run(main(os.environ.pop("KAFKA_BOOTSTRAP_SERVERS")))
