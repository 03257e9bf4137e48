# SPDX-License-Identifier: Apache-2.0
"""A query of the Claude Agent SDK whose turn becomes events; a script stands in for Claude Code.

    pip install ".[claude-agent-sdk]"                    # in a clone: aep on PyPI is another project
    AEP_MODE=local python adapter_claude_agent_sdk.py && aep tail   # no Kafka; else KAFKA_BOOTSTRAP_SERVERS
"""
import asyncio
import json

from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, Transport

import aep
from aep.adapters.claude_agent_sdk import AepObserver


class Fake(Transport):
    """Claude Code, as far as an answer goes. Leave it out, and the SDK starts the real one."""

    async def connect(self):
        self.said = asyncio.Queue()

    async def write(self, data):
        message = json.loads(data)
        if message["type"] == "control_request":
            self.said.put_nowait({"type": "control_response", "response": {
                "subtype": "success", "request_id": message["request_id"], "response": {}}})
        elif message["type"] == "user":
            self.said.put_nowait({
                "type": "result", "subtype": "success", "is_error": False, "session_id": "fake",
                "duration_ms": 1, "duration_api_ms": 1, "num_turns": 1, "result": "Take an umbrella.",
                "usage": {"input_tokens": 12, "output_tokens": 4}})
            self.said.put_nowait(None)

    async def read_messages(self):
        while message := await self.said.get():
            yield message

    async def close(self):
        pass

    async def end_input(self):
        pass

    def is_ready(self):
        return True


async def main():
    with aep.Publisher() as publisher:
        observer = AepObserver(publisher, agent_name="forecaster")
        async for message in observer.query(prompt="Do I need an umbrella in Oslo?", transport=Fake(),
                                            options=ClaudeAgentOptions(max_turns=3)):
            if isinstance(message, ResultMessage):
                print(message.result)

asyncio.run(main())
