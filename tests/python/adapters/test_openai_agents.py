# SPDX-License-Identifier: Apache-2.0
"""The OpenAI Agents SDK with its own model classes, over a client whose server is a function."""
import asyncio
import itertools
import json
import threading

import pytest

pytest.importorskip("agents.tracing")

from agents import (Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, RunConfig,  # noqa: E402
                    Runner, function_tool, set_trace_processors, trace)
from agents.exceptions import MaxTurnsExceeded  # noqa: E402
from openai import APIStatusError, AsyncOpenAI  # noqa: E402

try:
    import httpx2 as httpx  # what openai uses from version 3 on
except ImportError:
    import httpx

from aep.adapters.openai_agents import AepProcessor  # noqa: E402
from aep.adapters.runs import GRACE_S  # noqa: E402
from spooled_runs import is_child, run_example  # noqa: E402


def client_of(server):
    """A client without a network; server: from a request's JSON to a response's."""
    def respond(request):
        asked = json.loads(request.content)
        status, body = server(asked)
        if asked.get("stream") and status == 200:
            return httpx.Response(200, text=streamed(body), headers={"content-type": "text/event-stream"})
        return httpx.Response(status, json=body)
    return AsyncOpenAI(api_key="none", base_url="http://model.invalid", max_retries=0,
                       http_client=httpx.AsyncClient(transport=httpx.MockTransport(respond)))


def streamed(body):
    """A chat completion as one chunk of a stream."""
    choice = body["choices"][0]
    calls = [dict(call, index=n) for n, call in enumerate(choice["message"].get("tool_calls") or ())]
    delta = dict(choice["message"], **({"tool_calls": calls} if calls else {}))
    chunk = dict(body, object="chat.completion.chunk",
                 choices=[{"index": 0, "delta": delta, "finish_reason": choice["finish_reason"]}])
    return f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"


def chat(*messages):
    """A chat model that gives these, one a call: text, (tool, arguments), or a status of failure."""
    left, numbers = iter(messages), itertools.count(1)

    def serve(request):
        given = next(left)
        if isinstance(given, int):
            return given, {"error": {"message": "the model is away"}}
        message = {"role": "assistant", "content": given if isinstance(given, str) else None}
        if not isinstance(given, str):
            message["tool_calls"] = [{"id": f"call-{next(numbers)}", "type": "function", "function": {
                "name": given[0], "arguments": json.dumps(given[1])}}]
        return 200, {"id": "chat-1", "object": "chat.completion", "created": 1, "model": "fake",
                     "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                     "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}
    return OpenAIChatCompletionsModel("fake-chat", client_of(serve))


def responses(text):
    """A model of the other API that gives one text."""
    return OpenAIResponsesModel("fake-responses", client_of(lambda request: (200, {
        "id": "resp-1", "object": "response", "created_at": 1, "model": "fake", "status": "completed",
        "parallel_tool_calls": False, "tool_choice": "auto", "tools": [], "output": [{
            "id": "msg-1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]}],
        "usage": {"input_tokens": 20, "output_tokens": 7, "total_tokens": 27,
                  "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                  "output_tokens_details": {"reasoning_tokens": 0}}})))


@function_tool
def weather(city: str) -> str:
    """The weather."""
    return f"rain in {city}"


@function_tool(failure_error_function=None)
def broken() -> str:
    """It raises."""
    raise LookupError("no weather today")


@pytest.fixture(autouse=True)
def processor(spool):
    processor = AepProcessor(spool.publisher)
    set_trace_processors([processor])
    yield processor
    set_trace_processors([])
    assert len(processor._runs) == 0


def run(agent, question="weather?", **config):
    return asyncio.run(Runner.run(agent, question, run_config=RunConfig(**config)))


def test_an_agent_with_a_tool(spool):
    agent = Agent("forecaster", model=chat(("weather", {"city": "Oslo"}), "it rains"), tools=[weather])
    run(agent, workflow_name="forecast", group_id="thread-1",
        trace_metadata={"user_request": "weather?", "customer": "7"})
    trace_run, agent_run = spool.runs()
    assert (trace_run.name, agent_run.name) == ("forecast", "forecaster")
    assert is_child(agent_run, trace_run)
    assert trace_run.started["user_request"] == agent_run.started["user_request"] == "weather?"
    assert trace_run.started["session_id"] == "thread-1"
    assert trace_run.started["context"]["customer"] == "7"
    assert agent_run.steps == [("model", "fake-chat"), ("tool", "weather"), ("model", "fake-chat")]
    kind, end = agent_run.end
    assert (kind, end["result_summary"]) == ("completed", "it rains")
    assert end["metrics"] == {"input_tokens": 20, "output_tokens": 10, "total_tokens": 30,
                              "steps": {"model": 2, "tool": 1}}
    kind, end = trace_run.end
    assert (kind, end["result_summary"]) == ("completed", "it rains") and "metrics" not in end


def test_the_responses_api(spool):
    run(Agent("writer", model=responses("a poem")))
    kind, end = spool.run("writer").end
    assert (kind, end["result_summary"], end["metrics"]["total_tokens"]) == ("completed", "a poem", 27)


def test_a_handoff(spool):
    second = Agent("second", model=chat("done"))
    run(Agent("first", model=chat(("transfer_to_second", {})), handoffs=[second]))
    trace_run, first, second = spool.runs()
    assert is_child(first, trace_run) and is_child(second, trace_run)
    assert ("handoff", "first to …") in first.steps
    assert [each.end[0] for each in (trace_run, first, second)] == ["completed"] * 3
    assert trace_run.end[1]["result_summary"] == "done"


def test_an_agent_as_a_tool_is_the_child_of_the_one_that_uses_it(spool):
    inner = Agent("inner", model=chat("42")).as_tool("ask_inner", "It knows.")
    run(Agent("outer", model=chat(("ask_inner", {"input": "why?"}), "it is 42"), tools=[inner]))
    outer, inner = spool.run("outer"), spool.run("inner")
    assert is_child(inner, outer) and json.loads(inner.started["user_request"]) == {"input": "why?"}
    assert outer.end[1]["result_summary"] == "it is 42"


def test_a_model_that_fails(spool):
    with pytest.raises(APIStatusError):
        run(Agent("unlucky", model=chat(503)))
    trace_run, agent_run = spool.runs()
    for each in trace_run, agent_run:
        kind, end = each.end
        assert kind == "failed" and "the model is away" in end["error_message"]
        assert end["error_type"].startswith("openai.") and "Traceback" in end["stack_trace"]
    assert len(agent_run.errors) == 1


def test_a_tool_that_fails(spool):
    with pytest.raises(Exception):
        run(Agent("unlucky", model=chat(("broken", {})), tools=[broken]))
    trace_run, agent_run = spool.runs()
    assert agent_run.errors and "no weather today" in agent_run.end[1]["error_message"]
    assert (trace_run.end[0], agent_run.end[0]) == ("failed", "failed")


def test_too_many_turns(spool):
    agent = Agent("endless", model=chat(*[("weather", {"city": "Oslo"})] * 3), tools=[weather])
    with pytest.raises(MaxTurnsExceeded):
        asyncio.run(Runner.run(agent, "weather?", max_turns=2))
    assert "MaxTurnsExceeded" in spool.run("endless").end[1]["error_type"]


def test_an_error_around_a_run_is_not_the_runs(spool):
    try:
        raise ValueError("before")
    except ValueError:
        run(Agent("fallback", model=chat("fine")))
    assert [each.end[0] for each in spool.runs()] == ["completed", "completed"]


def test_an_error_that_was_dealt_with_is_the_agents_alone(spool):
    with trace("careful"):
        with pytest.raises(APIStatusError):
            run(Agent("unlucky", model=chat(503)))
        run(Agent("fallback", model=chat("fine")))
    assert {each.name: each.end[0] for each in spool.runs()} == {
        "careful": "completed", "unlucky": "failed", "fallback": "completed"}


def test_streaming(spool):
    async def stream():
        result = Runner.run_streamed(Agent("streams", model=chat(503)), "weather?")
        with pytest.raises(APIStatusError):
            async for _ in result.stream_events():
                pass
    asyncio.run(stream())
    assert [each.end[0] for each in spool.runs()] == ["failed", "failed"]


def test_a_cancelled_run(spool):
    @function_tool
    async def endless() -> str:
        """It waits."""
        began.set()
        await asyncio.sleep(3600)

    async def cancelled():
        task = asyncio.ensure_future(Runner.run(
            Agent("waits", model=chat(("endless", {})), tools=[endless]), "go"))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    began = asyncio.Event()
    asyncio.run(cancelled())
    assert [each.end[1].get("error_code") for each in spool.runs()] == ["CANCELLED", "CANCELLED"]


@function_tool(needs_approval=True)
def delete(path: str) -> str:
    """It deletes."""
    return f"deleted {path}"


def careful(*messages, name="careful", tools=(delete,)):
    return Agent(name, model=chat(*messages or (("delete", {"path": "/x"}), "done")), tools=list(tools))


def resume(agent, result, approve=True):
    state = result.to_state()
    for item in result.interruptions:
        (state.approve if approve else state.reject)(item)
    return asyncio.run(Runner.run(agent, state))


@pytest.mark.parametrize("approve", [True, False])
def test_a_tool_that_needs_approval_waits_for_permission(spool, approve):
    agent = careful()
    result = run(agent)
    trace_run, agent_run = spool.runs()
    assert agent_run.states[-1] == "permission" and agent_run.progress[-1]["current_step"] == "delete"
    assert agent_run.progress[-1]["metadata"]["status"] == "waiting"
    assert not agent_run.ends and not trace_run.ends
    assert resume(agent, result, approve).final_output == "done"
    trace_run, agent_run = spool.runs()
    assert agent_run.states == [None, "permission", None]
    assert [each.end[0] for each in (trace_run, agent_run)] == ["completed", "completed"]
    assert trace_run.end[1]["result_summary"] == agent_run.end[1]["result_summary"] == "done"


def test_a_tool_that_needs_approval_again(spool):
    agent = careful(("delete", {"path": "/x"}), ("delete", {"path": "/y"}), "done")
    result = run(agent)
    result = resume(agent, result)
    assert spool.run("careful").states == [None, "permission", None, "permission"]
    assert not any(each.ends for each in spool.runs())
    resume(agent, result)
    assert [each.end[0] for each in spool.runs()] == ["completed", "completed"]


def test_an_agent_that_is_a_tool_and_waits_for_permission(spool):
    inner = careful(name="inner")
    outer = Agent("outer", model=chat(("ask", {"input": "delete"}), "all done"),
                  tools=[inner.as_tool("ask", "It asks.")])
    result = run(outer)
    assert [each.states[-1:] for each in spool.runs()] == [[], [None], ["permission"]]
    assert not any(each.ends for each in spool.runs())
    resume(outer, result)
    trace_run, outer_run, inner_run = spool.runs()
    assert is_child(inner_run, outer_run) and inner_run.states == [None, "permission", None]
    assert [each.end[1]["result_summary"] for each in spool.runs()] == ["all done", "all done", "done"]


def test_an_agent_within_that_nobody_resumes(spool):
    @function_tool
    async def ask() -> str:
        """It runs an agent of its own, and goes on without what that waits for."""
        result = await Runner.run(careful(name="inner"), "delete")
        return f"{len(result.interruptions)} to approve"
    assert run(Agent("outer", model=chat(("ask", {}), "done"), tools=[ask])).final_output == "done"
    assert [(each.name, each.end[1]["result_summary"]) for each in spool.runs()] == [
        ("Agent workflow", "done"), ("outer", "done"), ("inner", "interrupted")]


def test_an_approval_in_a_trace_of_ones_own(spool):
    agent = careful()
    with trace("mine"):
        result = run(agent)
        assert spool.run("careful").states[-1] == "permission"
        resume(agent, result)
    assert [each.end[0] for each in spool.runs()] == ["completed", "completed"]


def test_streaming_until_an_approval(spool):
    async def stream(what):
        result = Runner.run_streamed(agent, what)
        async for _ in result.stream_events():
            pass
        return result
    agent = careful()
    result = asyncio.run(stream("go"))
    assert result.interruptions and spool.run("careful").states[-1] == "permission"
    state = result.to_state()
    state.approve(result.interruptions[0])
    asyncio.run(stream(state))
    assert [each.end[1]["result_summary"] for each in spool.runs()] == ["done", "done"]


def test_a_resumed_run_that_fails(spool):
    agent = careful(("delete", {"path": "/x"}), 503)
    result = run(agent)
    with pytest.raises(APIStatusError):
        resume(agent, result)
    assert [each.end[0] for each in spool.runs()] == ["failed", "failed"]


def test_an_approval_that_never_comes(spool):
    run(careful())
    spool.publisher.close()
    assert [each.end[1]["result_summary"] for each in spool.runs()] == ["interrupted", "interrupted"]


def test_a_tool_whose_output_ends_the_run_does_not_wait(spool):
    agent = Agent("short", model=chat(("weather", {"city": "Oslo"})), tools=[weather],
                  tool_use_behavior="stop_on_first_tool")
    assert run(agent).final_output == "rain in Oslo"
    assert [each.end[0] for each in spool.runs()] == ["completed", "completed"]


def test_an_approval_that_is_not_told_does_not_wait(spool):
    run(careful(), trace_include_sensitive_data=False)
    assert [each.end[0] for each in spool.runs()] == ["completed", "completed"]


def test_a_model_with_a_time_limit(spool):
    agent = Agent("patient", model=chat(("weather", {"city": "Oslo"}), "rain"), tools=[weather],
                  model_settings=ModelSettings(timeout=30))
    run(agent)
    limits = [limit for step, limit in spool.run("patient").limits if step == "fake-chat"]
    assert limits == [30 + GRACE_S, 30 + GRACE_S]
    assert spool.run("patient").tools == [("weather", "start"), ("weather", "end")]


def test_two_at_once(spool):
    async def both():
        await asyncio.gather(*(Runner.run(
            Agent(f"agent {n}", model=chat(("weather", {"city": "Oslo"}), f"a{n}"), tools=[weather]),
            "go", run_config=RunConfig(workflow_name=f"flow {n}")) for n in range(2)))
    asyncio.run(both())
    for n in range(2):
        agent_run = spool.run(f"agent {n}")
        assert is_child(agent_run, spool.run(f"flow {n}"))
        assert agent_run.end[1]["result_summary"] == f"a{n}" and len(agent_run.steps) == 3
    assert len({each.correlation_id for each in spool.runs()}) == 2


def test_threads(spool):
    def many(n):
        for _ in range(5):
            run(Agent(f"agent {n}", model=chat("fine")))
    threads = [threading.Thread(target=many, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = spool.runs()
    assert len(runs) == 40 and {each.end[0] for each in runs} == {"completed"}


def test_nothing_sensitive_if_the_sdk_is_told_so(spool):
    agent = Agent("secretive", model=chat(("weather", {"city": "Oslo"}), "it rains"), tools=[weather])
    run(agent, question="the question", trace_include_sensitive_data=False)
    assert not any(word in json.dumps(spool.events()) for word in ("the question", "it rains", "Oslo"))


def test_a_trace_that_does_not_end_is_abandoned(spool, processor):
    trace("left open").start()
    processor.shutdown()
    assert spool.run("left open").end[1]["error_code"] == "ABANDONED"


def test_what_cannot_be_published_touches_nothing(spool, caplog):
    spool.publisher.close()
    assert run(Agent("goes on", model=chat("fine"))).final_output == "fine"
    assert "lost" in caplog.text
    caplog.clear()


def test_the_example(spool):
    run_example("adapter_openai_agents.py", spool)
    assert {run.end[0] for run in spool.runs()} == {"completed"}
