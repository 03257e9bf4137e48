# SPDX-License-Identifier: Apache-2.0
"""AG2 with its own scripted model: turns, tools, sub-tasks, questions to humans, networks."""
import asyncio
import json
import threading

import pytest

pytest.importorskip("ag2", minversion="1.0")

from ag2 import Agent, Context, TaskConfig  # noqa: E402
from ag2.events import ModelMessage, ModelMessageChunk, ModelResponse, ToolCallEvent, Usage  # noqa: E402
from ag2.middleware import approval_required  # noqa: E402
from ag2.testing import TestConfig  # noqa: E402
from ag2.tools import tool  # noqa: E402
from ag2.tools.subagents import background_agent_tool  # noqa: E402

from aep.adapters.ag2 import AepMiddleware  # noqa: E402
from spooled_runs import is_child, run_example  # noqa: E402

DEADLINE_S = 60


def run(work):
    return asyncio.run(asyncio.wait_for(work, DEADLINE_S))


def call(name, **arguments):
    return ToolCallEvent(name, arguments=json.dumps(arguments))


def answer(text):
    """A text, and what it cost."""
    return ModelResponse(ModelMessage(text), usage=Usage(prompt_tokens=10, completion_tokens=5))


def model(*turns):
    return TestConfig(*(answer(turn) if isinstance(turn, str) else turn for turn in turns), model="fake-model",
                      raise_tool_errors=False)


@tool
async def weather(city: str) -> str:
    """The weather."""
    if city == "Atlantis":
        raise LookupError("no such city")
    return f"rain in {city}"


@pytest.fixture
def middleware(spool):
    middleware = AepMiddleware(spool.publisher)
    yield middleware
    assert len(middleware._runs) == 0 and not middleware._tasks._unclaimed and not middleware._tasks._questions


@pytest.fixture
def agent(middleware):
    def make(name, *turns, **options):
        return Agent(name, config=model(*turns), middleware=[middleware], **options)
    return make


def test_an_agent_with_a_tool(spool, agent):
    reply = run(agent("forecaster", call("weather", city="Oslo"), "it rains", tools=[weather]).ask("weather?"))
    assert reply.body == "it rains"
    turn, = spool.runs()
    assert (turn.name, turn.started["user_request"]) == ("forecaster", "weather?")
    assert turn.started["session_id"] == str(reply.context.stream.id)
    assert turn.steps == [("model", "fake-model"), ("tool", "weather"), ("model", "fake-model")]
    assert turn.tools == [("weather", "start"), ("weather", "end")]
    kind, end = turn.end
    assert (kind, end["result_summary"]) == ("completed", "it rains")
    assert end["metrics"] == {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
                              "steps": {"model": 2, "tool": 1}}


def test_tools_at_once_one_of_which_fails(spool, agent):
    cities = [call("weather", city=city) for city in ("Oslo", "Atlantis", "Rome")]
    run(agent("forecaster", cities, "two of three", tools=[weather]).ask("weather?"))
    turn, = spool.runs()
    assert sorted(turn.tools) == [("weather", "end")] * 2 + [("weather", "error")] + [("weather", "start")] * 3
    assert turn.errors == ["no such city"] and turn.end[0] == "completed"


def test_a_conversation_has_one_session(spool, agent):
    async def talk():
        reply = await agent("forecaster", "one", "two").ask("first")
        await reply.ask("second")
    run(talk())
    first, second = spool.runs()
    assert first.started["session_id"] == second.started["session_id"]
    assert [each.started["user_request"] for each in (first, second)] == ["first", "second"]
    assert first.correlation_id != second.correlation_id


def test_a_model_that_fails(spool, agent):
    with pytest.raises(ConnectionError):
        run(agent("unlucky", ConnectionError("the model is away")).ask("go"))
    kind, end = spool.run("unlucky").end
    assert (kind, end["error_message"], end["error_type"]) == (
        "failed", "the model is away", "ConnectionError")
    assert spool.run("unlucky").errors == ["the model is away"]


def test_a_stream_that_breaks(spool, agent):
    with pytest.raises(TimeoutError):
        run(agent("streams", ModelMessageChunk("Tok"), TimeoutError("dropped")).ask("go"))
    assert spool.run("streams").end[0] == "failed"


def test_a_turn_that_is_observed(spool, agent):
    async def observe():
        async with agent("streams", ModelMessageChunk("it "), "it rains").run("go") as turn:
            return (await turn.result()).body
    assert run(observe()) == "it rains"
    assert spool.run("streams").end[1]["result_summary"] == "it rains"


def test_a_cancelled_turn(spool, agent):
    @tool
    async def endless() -> str:
        """It waits."""
        began.set()
        await asyncio.sleep(3600)

    async def cancelled():
        task = asyncio.ensure_future(agent("waits", call("endless"), tools=[endless]).ask("go"))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    began = asyncio.Event()
    run(cancelled())
    kind, end = spool.run("waits").end
    assert (kind, end["error_code"]) == ("failed", "CANCELLED")


def test_agents_as_tools_are_children(spool, agent):
    inner = agent("inner", call("weather", city="Oslo"), "42", tools=[weather])
    outer = agent("outer", call("task_inner", objective="why?"), "it is 42",
                  tools=[inner.as_tool(description="It knows.")])
    run(outer.ask("go"))
    outer, inner = spool.runs()
    assert is_child(inner, outer) and (inner.name, inner.started["user_request"]) == ("inner", "why?")
    assert inner.tools == [("weather", "start"), ("weather", "end")]
    assert inner.end[1]["result_summary"] == "42" and inner.end[1]["metrics"]["total_tokens"] == 15
    assert outer.end[1]["result_summary"] == "it is 42" and outer.end[1]["metrics"]["total_tokens"] == 15


def test_agents_without_the_middleware_are_children_too(spool, agent):
    inner = Agent("inner", config=model("42"))
    outer = agent("outer", call("task_inner", objective="why?"), "it is 42",
                  tools=[inner.as_tool(description="It knows.")])
    run(outer.ask("go"))
    outer, inner = spool.runs()
    assert is_child(inner, outer) and (inner.name, inner.started["user_request"]) == ("inner", "why?")
    assert inner.end[1]["result_summary"] == "42" and inner.end[1]["metrics"]["total_tokens"] == 15


def test_sub_tasks_at_once(spool, agent):
    outer = agent("outer", call("run_subtasks", tasks=["one", "two", "three"]), "all done",
                  tasks=TaskConfig(config=model("done")))
    run(outer.ask("go"))
    outer, *children = spool.runs()
    assert sorted(each.started["user_request"] for each in children) == ["one", "three", "two"]
    assert all(is_child(each, outer) and each.end[0] == "completed" for each in children)


def test_an_agent_in_the_background(spool, agent):
    inner = agent("inner", "42")
    outer = agent("outer", call("background_task_inner", objective="why?"), "started", "it is 42",
                  tools=[background_agent_tool(inner, description="It knows.")])

    async def ask():
        await outer.ask("go")
        while not any(each.name == "inner" and each.ends for each in spool.runs()):
            await asyncio.sleep(0.01)
    run(ask())
    outer, inner = spool.run("outer"), spool.run("inner")
    assert is_child(inner, outer) and inner.end[1]["result_summary"] == "42"


def test_an_agent_within_that_fails(spool, agent):
    inner = agent("inner", ConnectionError("the model is away"))
    run(agent("outer", call("task_inner", objective="why?"), "nobody knows",
              tools=[inner.as_tool(description="It knows.")]).ask("go"))
    outer, inner = spool.runs()
    assert (inner.end[0], inner.end[1]["error_message"]) == ("failed", "the model is away")
    assert outer.end[0] == "completed"


def human(spool, seen, said):
    """A hook that answers once it has seen what the tracker would."""
    def hook(event):
        seen.extend((each.name, *each.states[-1:]) for each in spool.runs())
        if isinstance(said, Exception):
            raise said
        return said
    return hook


@tool(middleware=[approval_required()])
async def delete(path: str) -> str:
    """It deletes."""
    return f"deleted {path}"


@pytest.mark.parametrize("said", ["y", "no"])
def test_an_approval_is_waited_for(spool, agent, said):
    seen = []
    run(agent("careful", call("delete", path="/x"), "done", tools=[delete],
              hitl_hook=human(spool, seen, said)).ask("go"))
    assert seen == [("careful", "permission")]
    turn = spool.run("careful")
    assert turn.states == [None, "permission", None] and turn.end[0] == "completed"


def test_a_question_waits_for_a_human(spool, agent):
    @tool
    async def ask(context: Context) -> str:
        """It asks."""
        return await context.input("which city?")
    seen = []
    run(agent("asks", call("ask"), "Oslo it is", tools=[ask], hitl_hook=human(spool, seen, "Oslo")).ask("go"))
    assert seen == [("asks", "human")]
    turn = spool.run("asks")
    assert "which city?" in [payload["current_step"] for payload in turn.progress]
    assert turn.states == [None, "human", None]


def test_a_tool_beside_one_that_waits_does_not_end_the_wait(spool, agent):
    @tool
    async def slow() -> str:
        """It ends while the other waits."""
        await asked.wait()
        return "done"

    async def hook(event):
        asked.set()
        while ("slow", "end") not in spool.run("careful").tools:
            await asyncio.sleep(0.01)
        seen.extend(spool.run("careful").progress[-1:])
        return "y"
    asked, seen = asyncio.Event(), []
    run(agent("careful", [call("delete", path="/x"), call("slow")], "done", tools=[delete, slow],
              hitl_hook=hook).ask("go"))
    assert seen[0]["metadata"]["waiting_for"] == "permission"
    assert spool.run("careful").states == [None, "permission", None]


@pytest.mark.parametrize("instrumented", [True, False])
def test_an_agent_within_that_asks(spool, middleware, agent, instrumented):
    inner = Agent("inner", config=model(call("delete", path="/x"), "done"), tools=[delete],
                  middleware=[middleware] if instrumented else [])
    seen = []
    outer = agent("outer", call("task_inner", objective="delete"), "all done",
                  tools=[inner.as_tool(description="It deletes.")], hitl_hook=human(spool, seen, "y"))
    run(outer.ask("go"))
    assert ("inner", "permission") in seen and ("outer", None) in seen
    assert {each.end[0] for each in spool.runs()} == {"completed"}
    assert spool.run("inner").states[-2:] == ["permission", None]


def test_a_human_who_cannot_be_asked(spool, agent):
    with pytest.raises(Exception, match="gone"):
        run(agent("careful", call("delete", path="/x"), tools=[delete],
                  hitl_hook=human(spool, [], LookupError("gone"))).ask("go"))
    assert spool.run("careful").end[0] == "failed"
    assert spool.run("careful").states == [None, "permission", None]


def test_a_network_of_agents(spool, middleware):
    from ag2.knowledge import MemoryKnowledgeStore
    from ag2.network import Hub, HubClient, LocalLink, Passport

    async def talk():
        hub = await Hub.open(MemoryKnowledgeStore(), ttl_sweep_interval=0, expectation_sweep_interval=0)
        clients = []
        for name, said in ("alice", "hello"), ("bob", "hello, alice"):
            client = HubClient(LocalLink(hub), hub=hub)
            clients.append(await client.register(
                Agent(name, config=model(said, said), middleware=[middleware]), Passport(name=name)))
        channel = await clients[0].open(type="consulting", target="bob")
        await channel.send("who are you?")
        while not any(each.name == "bob" and each.ends for each in spool.runs()):
            await asyncio.sleep(0.01)
        for client in clients:
            await client.close()
        await hub.close()
        return channel.channel_id
    channel_id = run(talk())
    bob = spool.run("bob")
    assert bob.started["session_id"] == channel_id and "who are you?" in bob.started["user_request"]
    assert bob.end[1]["result_summary"] == "hello, alice"


def test_two_at_once(spool, agent):
    async def both():
        await asyncio.gather(*(agent(f"agent {n}", call("weather", city="Oslo"), f"a{n}", tools=[weather]).ask(
            f"q{n}") for n in range(2)))
    run(both())
    for n in range(2):
        turn = spool.run(f"agent {n}")
        assert turn.started["user_request"] == f"q{n}" and turn.end[1]["result_summary"] == f"a{n}"
        assert len(turn.steps) == 3
    assert len({each.correlation_id for each in spool.runs()}) == 2


def test_threads(spool, agent):
    def many(n):
        for _ in range(5):
            run(agent(f"agent {n}", "fine").ask("go"))
    threads = [threading.Thread(target=many, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = spool.runs()
    assert len(runs) == 20 and {each.end[0] for each in runs} == {"completed"}


def test_a_turn_within_an_execution_is_its_child(spool, agent):
    with spool.publisher.execution("mine", "go"):
        run(agent("forecaster", "rain").ask("weather?"))
    assert is_child(spool.run("forecaster"), spool.run("mine"))


def test_the_middleware_of_one_call(spool, middleware):
    run(Agent("forecaster", config=model("rain")).ask("weather?", middleware=[middleware]))
    assert spool.run("forecaster").end[1]["result_summary"] == "rain"


def test_what_cannot_be_published_touches_nothing(spool, agent, caplog):
    spool.publisher.close()
    reply = run(agent("goes on", call("weather", city="Oslo"), "fine", tools=[weather]).ask("go"))
    assert reply.body == "fine" and "lost" in caplog.text
    caplog.clear()


def test_the_example(spool):
    run_example("adapter_ag2.py", spool)
    assert {each.end[0] for each in spool.runs()} == {"completed"}
