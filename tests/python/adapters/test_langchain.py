# SPDX-License-Identifier: Apache-2.0
"""LangChain and LangGraph: chains, agents with tools, nesting, errors, event loops, threads."""
import asyncio
import threading

import pytest

pytest.importorskip("langchain_core")
pytest.importorskip("langgraph")

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel  # noqa: E402
from langchain_core.messages import AIMessage  # noqa: E402
from langchain_core.prompts import ChatPromptTemplate  # noqa: E402
from langchain_core.runnables import RunnableLambda, RunnableParallel  # noqa: E402
from langchain_core.tools import tool  # noqa: E402
from langgraph.checkpoint.memory import InMemorySaver  # noqa: E402
from langgraph.graph import END, START, MessagesState, StateGraph  # noqa: E402
from langgraph.prebuilt import ToolNode, tools_condition  # noqa: E402
from langgraph.types import Command, interrupt  # noqa: E402

from aep.adapters import runs as runs_of  # noqa: E402
from aep.adapters.langchain import AepCallbackHandler  # noqa: E402
from spooled_runs import is_child, run_example  # noqa: E402

USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}


def answering(*answers):
    """A chat model that gives these, one a call."""
    return GenericFakeChatModel(messages=iter(
        AIMessage(answer, usage_metadata=USAGE) if isinstance(answer, str) else answer
        for answer in answers))


def call_of(name, **args):
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "call-1"}],
                     usage_metadata=USAGE)


@tool
def weather(city: str) -> str:
    """The weather."""
    if city == "Atlantis":
        raise LookupError("no such city")
    return f"rain in {city}"


def agent(model, name="agent"):
    """A graph as create_agent() makes it."""
    graph = StateGraph(MessagesState)
    graph.add_node("think", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([weather], handle_tool_errors=False))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition)
    graph.add_edge("tools", "think")
    return graph.compile(name=name)


def asking(question):
    return {"messages": [("user", question)]}


@pytest.fixture
def handler(spool):
    handler = AepCallbackHandler(spool.publisher)
    yield handler
    assert len(handler._runs) == 0


@pytest.fixture
def config(handler):
    return {"callbacks": [handler]}


def test_a_chain(spool, config):
    prompt = ChatPromptTemplate.from_messages([("user", "{input}")])
    chain = prompt | answering("it rains") | RunnableLambda(lambda message: message.content, name="cut")
    assert chain.invoke({"input": "weather?"}, config) == "it rains"
    run, = spool.runs()
    assert run.started["user_request"] == "weather?"
    assert run.started["context"]["framework"] == "langchain"
    assert run.steps == [("step", "ChatPromptTemplate"), ("model", "GenericFakeChatModel"),
                         ("step", "cut")]
    assert [payload["steps_completed"] for payload in run.progress] == [0, 1, 2]
    kind, end = run.end
    assert kind == "completed" and end["result_summary"] == "it rains"
    assert end["metrics"] == {**USAGE, "steps": {"step": 2, "model": 1}}


def test_what_a_chain_consists_of_is_no_child_but_a_graph_in_it_is(spool, config):
    both = RunnableParallel(messages=lambda x: [("user", x)], rest=RunnableLambda(lambda x: x))
    (both | agent(answering("fine"), "within")).invoke("go", config)
    chain, graph = spool.runs()
    assert is_child(graph, chain) and graph.name == "within"
    assert chain.steps[0] == ("step", "RunnableParallel<messages,rest>") and len(chain.steps) == 3


def test_an_agent_with_a_tool(spool, config):
    agent(answering(call_of("weather", city="Oslo"), "rain")).invoke(asking("Oslo?"), config)
    run, = spool.runs()
    assert (run.name, run.started["user_request"]) == ("agent", "Oslo?")
    assert [step for step in run.steps if step[0] != "step"] == [
        ("model", "GenericFakeChatModel"), ("tool", "weather"), ("model", "GenericFakeChatModel")]
    assert [name for kind, name in run.steps if kind == "step" and name != "tools_condition"] == [
        "think", "tools", "think"]
    kind, end = run.end
    assert (kind, end["result_summary"], end["metrics"]["total_tokens"]) == ("completed", "rain", 30)


def test_a_graph_within_a_graph_is_a_child(spool, config):
    top = StateGraph(MessagesState)
    top.add_node("node", agent(answering("one"), "as a node"))
    top.add_node("call", lambda state: agent(answering("two"), "called").invoke(state))
    top.add_edge(START, "node")
    top.add_edge("node", "call")
    top.add_edge("call", END)
    top.compile(name="top").invoke(asking("go"), config)
    parent, *children = spool.runs()
    assert [parent.name] + [child.name for child in children] == ["top", "as a node", "called"]
    assert all(is_child(child, parent) for child in children)
    assert parent.steps == [("step", "node"), ("step", "call")]
    assert [run.end[0] for run in spool.runs()] == ["completed"] * 3


def test_a_child_has_its_parents_trace(spool, config, handler):
    inner = RunnableLambda(lambda x: x, name="inner")
    seen = []

    def outer(x):
        run = next(iter(handler._runs._entries.values())).run
        seen.append(run.execution.traceparent)
        return inner.invoke(x)
    RunnableLambda(outer, name="outer").invoke("x", config)
    assert is_child(spool.run("inner"), spool.run("outer"))
    assert spool.run("outer").id.replace("-", "")[16:] == seen[0].split("-")[2]


def test_an_error(spool, config):
    with pytest.raises(LookupError):
        agent(answering(call_of("weather", city="Atlantis"))).invoke(asking("Atlantis?"), config)
    run, = spool.runs()
    kind, end = run.end
    assert (kind, end["error_message"], end["error_type"]) == ("failed", "no such city", "LookupError")
    assert "raise LookupError" in end["stack_trace"]
    assert end["partial_results"]["metrics"]["total_tokens"] == 15
    assert run.errors == ["no such city", "no such city"]  # the tool's, the node's


def test_an_interrupt_is_no_failure(spool, config):
    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda state: {"messages": [("ai", interrupt("may I?"))]})
    graph.add_edge(START, "ask")
    compiled = graph.compile(name="asks", checkpointer=InMemorySaver())
    config = {**config, "configurable": {"thread_id": "1"}}
    compiled.invoke(asking("go"), config)
    compiled.invoke(Command(resume="yes"), config)
    first, second = spool.runs()
    assert first.progress[-1]["metadata"]["waiting_for"] == "human" and not first.errors
    assert [run.end[0] for run in (first, second)] == ["completed", "completed"]
    assert second.end[1]["result_summary"] == "yes"


def test_an_event_loop(spool, config):
    async def both():
        return await asyncio.gather(*(
            agent(answering(call_of("weather", city="Oslo"), f"a{n}"), f"agent {n}").ainvoke(
                asking(f"q{n}"), config) for n in range(2)))
    asyncio.run(both())
    for n in range(2):
        run = spool.run(f"agent {n}")
        assert run.started["user_request"] == f"q{n}"
        assert run.end[0] == "completed" and run.end[1]["result_summary"] == f"a{n}"
        assert ("tool", "weather") in run.steps
    one, other = spool.runs()
    assert one.correlation_id != other.correlation_id


def test_a_cancelled_run(spool, config):
    async def cancelled():
        began = asyncio.Event()

        async def endless(x):
            began.set()
            await asyncio.sleep(3600)
        task = asyncio.ensure_future(RunnableLambda(endless, name="endless").ainvoke(1, config))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    asyncio.run(cancelled())
    kind, end = spool.run("endless").end
    assert (kind, end["error_code"]) == ("failed", "CANCELLED")


def test_a_stream_that_nobody_reads_to_its_end(spool, config):
    chain = answering("one two three") | RunnableLambda(lambda message: message.content)
    stream = chain.stream("count", config)
    next(stream)
    stream.close()
    assert len(spool.run("RunnableSequence").ends) == 1


def test_threads(spool, config):
    chains = [RunnableParallel(a=RunnableLambda(lambda x: x), b=RunnableLambda(lambda x: x))
              .with_config(run_name=f"chain {n}") for n in range(4)]

    def many(chain):
        for _ in range(25):
            chain.invoke("x", config)
    threads = [threading.Thread(target=many, args=(chain,)) for chain in chains]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = spool.runs()
    assert len(runs) == 100 and {run.end[0] for run in runs} == {"completed"}
    assert {len(run.steps) for run in runs} == {2}


def test_a_model_by_itself(spool, handler):
    answering("hello").invoke("hi", {"callbacks": [handler]})
    run, = spool.runs()
    assert (run.started["user_request"], run.end[1]["result_summary"]) == ("hi", "hello")
    assert run.end[1]["metrics"] == USAGE


def test_what_cannot_be_published_touches_nothing(spool, config, caplog):
    spool.publisher.close()
    assert RunnableLambda(lambda x: x + 1, name="goes on").invoke(1, config) == 2
    assert "lost" in caplog.text
    caplog.clear()


def test_runs_that_never_end_are_given_up(spool, handler, caplog, monkeypatch):
    monkeypatch.setattr(runs_of, "LIMIT", 3)
    for n in range(5):
        handler.on_chain_start(None, "x", run_id=n, name=f"run {n}")
    assert len(handler._runs) == 3 and "run 0" in caplog.text
    caplog.clear()
    handler._runs.close()
    assert [run.end[1]["error_code"] for run in spool.runs()] == ["ABANDONED"] * 5


def test_the_example(spool):
    run_example("adapter_langchain.py", spool)
    assert {run.end[0] for run in spool.runs()} == {"completed"}
