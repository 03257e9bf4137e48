# SPDX-License-Identifier: Apache-2.0
"""LangChain and LangGraph: chains, agents with tools, nesting, errors, event loops, threads."""
import asyncio
import os
import subprocess
import sys
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


def asks(name="asks", question="may I?", **options):
    """A graph that asks its human, between two other nodes."""
    graph = StateGraph(MessagesState)
    graph.add_node("first", lambda state: {"messages": [("ai", "first")]})
    graph.add_node("ask", lambda state: {"messages": [("ai", interrupt(question))]})
    graph.add_node("last", lambda state: {"messages": [("ai", "it is " + state["messages"][-1].content)]})
    for edge in (START, "first"), ("first", "ask"), ("ask", "last"):
        graph.add_edge(*edge)
    return graph.compile(name=name, checkpointer=InMemorySaver(), **options)


def in_thread(spool, thread_id):
    """A config as a server makes one for each request."""
    return {"callbacks": [AepCallbackHandler(spool.publisher)], "configurable": {"thread_id": thread_id}}


def test_an_interrupt_waits_for_a_human_until_it_is_resumed(spool):
    graph = asks()
    graph.invoke(asking("go"), in_thread(spool, "thread-1"))
    run, = spool.runs()
    assert run.states[-1] == "human" and run.progress[-1]["current_step"] == "may I?"
    assert run.progress[-1]["metadata"]["status"] == "waiting" and not run.ends and not run.errors
    assert run.started["session_id"] == "thread-1"
    graph.invoke(Command(resume="fine"), in_thread(spool, "thread-1"))
    run, = spool.runs()
    assert run.states == [None, "human", None] and ("step", "last") in run.steps
    assert (run.end[0], run.end[1]["result_summary"]) == ("completed", "it is fine")


def test_an_interrupt_of_a_stream_in_an_event_loop(spool):
    async def stream(inputs):
        async for _ in graph.astream(inputs, in_thread(spool, "1")):
            pass
    graph = asks()
    asyncio.run(stream(asking("go")))
    assert spool.run("asks").states[-1] == "human"
    asyncio.run(stream(Command(resume="fine")))
    assert spool.run("asks").end[1]["result_summary"] == "it is fine"


def test_a_graph_that_stops_before_a_node_waits_too(spool):
    graph = asks(interrupt_before=["ask"])
    graph.invoke(asking("go"), in_thread(spool, "1"))
    assert spool.run("asks").states[-1] == "human" and not spool.run("asks").ends
    graph.invoke(None, in_thread(spool, "1"))
    assert spool.run("asks").progress[-1]["current_step"] == "may I?"
    graph.invoke(Command(resume="fine"), in_thread(spool, "1"))
    assert spool.run("asks").end[0] == "completed"


def test_threads_of_graphs_are_resumed_each_by_itself(spool):
    one, other = asks("one"), asks("other")
    for graph, thread in (one, "1"), (one, "2"), (other, "1"):
        graph.invoke(asking(f"go {thread}"), in_thread(spool, thread))
    one.invoke(Command(resume="fine"), in_thread(spool, "2"))
    assert [(run.name, run.started["session_id"], len(run.ends)) for run in spool.runs()] == [
        ("one", "1", 0), ("one", "2", 1), ("other", "1", 0)]


def test_what_is_asked_anew_is_another_execution(spool):
    graph = asks()
    graph.invoke(asking("go"), in_thread(spool, "1"))
    graph.invoke(asking("go on"), in_thread(spool, "1"))
    first, second = spool.runs()
    assert (first.end[0], first.end[1]["result_summary"]) == ("completed", "interrupted")
    assert second.started["user_request"] == "go on" and not second.ends
    kinds = [event["event_type"].split(".")[-2] for event in spool.events()]
    assert [kind for kind in kinds if kind != "progress"] == ["started", "completed", "started"]


def test_a_graph_within_that_asks(spool):
    graph = StateGraph(MessagesState)
    graph.add_node("node", asks("inner"))
    graph.add_edge(START, "node")
    compiled = graph.compile(name="outer", checkpointer=InMemorySaver())
    compiled.invoke(asking("go"), in_thread(spool, "1"))
    outer = spool.run("outer")
    assert outer.states[-1] == "human" and not outer.ends and not outer.errors
    assert outer.progress[-1]["current_step"] == "may I?"
    compiled.invoke(Command(resume="fine"), in_thread(spool, "1"))
    assert spool.run("outer").end[1]["result_summary"] == "it is fine"
    assert {run.end[0] for run in spool.runs()} == {"completed"}


def test_what_waits_when_the_publisher_closes_is_interrupted(spool):
    asks().invoke(asking("go"), in_thread(spool, "1"))
    spool.publisher.close()
    assert spool.run("asks").end[1]["result_summary"] == "interrupted"


def test_what_waits_when_python_ends_is_interrupted(spool):
    program = """
import sys; sys.path.insert(0, sys.argv[1])
import aep, test_langchain as t, os
publisher = aep.Publisher(mode="local", spool_dir=sys.argv[2])
config = {"callbacks": [t.AepCallbackHandler(publisher)], "configurable": {"thread_id": "1"}}
t.asks().invoke(t.asking("go"), config)
child = os.fork()
if child == 0:
    sys.exit(0)  # a child leaves its parent's runs alone
os.waitpid(child, 0)
print(len(publisher._parked))
"""
    done = subprocess.run([sys.executable, "-c", program, os.path.dirname(__file__), spool.folder],
                          check=True, capture_output=True, text=True)
    assert done.stdout == "1\n"
    assert spool.run("asks").end[1]["result_summary"] == "interrupted"


def test_a_model_with_a_time_limit(spool, config):
    class Limited(GenericFakeChatModel):
        @property
        def _identifying_params(self):
            return {"timeout": 30}
    answers = call_of("weather", city="Oslo"), AIMessage("rain")
    agent(Limited(messages=iter(answers))).invoke(asking("go"), config)
    assert [limit for limit in spool.run("agent").limits if limit[0] in ("think", "weather", "Limited")] == [
        ("think", None), ("Limited", 30 + runs_of.GRACE_S), ("weather", None), ("weather", None),
        ("think", None), ("Limited", 30 + runs_of.GRACE_S)]


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
