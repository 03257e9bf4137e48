# SPDX-License-Identifier: Apache-2.0
"""An agent of the OpenAI Agents SDK whose runs become events; its model is a fake.

    pip install ".[openai-agents]"                       # in a clone: aep on PyPI is another project
    AEP_MODE=local python adapter_openai_agents.py && aep tail  # no Kafka; else KAFKA_BOOTSTRAP_SERVERS
"""
from agents import Agent, OpenAIChatCompletionsModel, RunConfig, Runner, set_trace_processors
from openai import AsyncOpenAI

try:
    import httpx2 as httpx  # what openai uses from version 3 on
except ImportError:
    import httpx

import aep
from aep.adapters.openai_agents import AepProcessor


def answer(request):
    """What stands in for the model's server."""
    return httpx.Response(200, json={
        "id": "1", "object": "chat.completion", "created": 1, "model": "fake",
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": "Take an umbrella."}}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}})


client = AsyncOpenAI(api_key="none", http_client=httpx.AsyncClient(
    transport=httpx.MockTransport(answer)))
agent = Agent("forecaster", model=OpenAIChatCompletionsModel("fake", client))
question = "Do I need an umbrella in Oslo?"

with aep.Publisher() as publisher:
    # add_trace_processor() leaves the SDK's own exporter, which wants an OpenAI key, at work.
    set_trace_processors([AepProcessor(publisher)])
    result = Runner.run_sync(agent, question, run_config=RunConfig(
        workflow_name="forecast", trace_metadata={"user_request": question}))
    print(result.final_output)
    set_trace_processors([])
