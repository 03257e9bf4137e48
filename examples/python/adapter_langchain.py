# SPDX-License-Identifier: Apache-2.0
"""A LangGraph agent whose runs become events; its model is a fake.

    pip install ".[langchain]" langgraph                 # in a clone: aep on PyPI is another project
    AEP_MODE=local python adapter_langchain.py && aep tail      # no Kafka; else KAFKA_BOOTSTRAP_SERVERS
"""
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

import aep
from aep.adapters.langchain import AepCallbackHandler

model = GenericFakeChatModel(messages=iter([
    AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Oslo"}, "id": "1"}]),
    AIMessage("Take an umbrella.")]))


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


def think(state):
    return {"messages": [model.invoke(state["messages"])]}


graph = StateGraph(MessagesState)
graph.add_node("think", think)
graph.add_node("tools", ToolNode([weather]))
graph.add_edge(START, "think")
graph.add_conditional_edges("think", tools_condition)
graph.add_edge("tools", "think")

with aep.Publisher() as publisher:
    answer = graph.compile(name="forecaster").invoke(
        {"messages": [("user", "Do I need an umbrella in Oslo?")]},
        config={"callbacks": [AepCallbackHandler(publisher)]})
    print(answer["messages"][-1].content)
