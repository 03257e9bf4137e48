# SPDX-License-Identifier: Apache-2.0
"""An agent of AG2 whose turns become events; its model is a fake.

    pip install ".[ag2]"                                 # in a clone: aep on PyPI is another project
    AEP_MODE=local python adapter_ag2.py && aep tail            # no Kafka; else KAFKA_BOOTSTRAP_SERVERS
"""
import asyncio

from ag2 import Agent
from ag2.events import ToolCallEvent
from ag2.testing import TestConfig
from ag2.tools import tool

import aep
from aep.adapters.ag2 import AepMiddleware

model = TestConfig(ToolCallEvent("weather", arguments='{"city": "Oslo"}'), "Take an umbrella.")


@tool
async def weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"

with aep.Publisher() as publisher:
    agent = Agent("forecaster", config=model, tools=[weather], middleware=[AepMiddleware(publisher)])
    print(asyncio.run(agent.ask("Do I need an umbrella in Oslo?")).body)
