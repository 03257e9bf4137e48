# SPDX-License-Identifier: Apache-2.0
"""Whatever comes of publishing, the agent goes on."""
import asyncio
import logging
from uuid import uuid4

from agents.lib.agent_execution_publisher import publish_execution_started

logger = logging.getLogger(__name__)


async def main():
    correlation_id = str(uuid4())
    session_id = str(uuid4())
    success = await publish_execution_started(
        agent_name="agent-api-architect",
        user_request="Design a REST API",
        correlation_id=correlation_id,
        session_id=session_id,
    )
    if not success:
        logger.warning("Event publishing failed, but continuing execution")
    print(correlation_id, session_id, success)

asyncio.run(main())
