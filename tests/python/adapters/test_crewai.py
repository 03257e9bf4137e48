# SPDX-License-Identifier: Apache-2.0
"""CrewAI with its own OpenAI class, over a client whose server is a function."""
import asyncio
import json
import threading

import pytest

pytest.importorskip("crewai", minversion="1.15")

import httpx  # noqa: E402
from crewai import Agent, Crew, Task  # noqa: E402
from crewai.events.event_bus import crewai_event_bus  # noqa: E402
from crewai.flow.async_feedback import HumanFeedbackPending  # noqa: E402
from crewai.flow.flow import Flow, listen, start  # noqa: E402
from crewai.flow.human_feedback import human_feedback  # noqa: E402
from crewai.flow.persistence import SQLiteFlowPersistence  # noqa: E402
from crewai.llms.providers.openai.completion import OpenAICompletion  # noqa: E402
from crewai.tools import tool  # noqa: E402
from openai import OpenAI  # noqa: E402

from aep.adapters.crewai import AepEventListener  # noqa: E402
from aep.adapters.runs import GRACE_S  # noqa: E402
from spooled_runs import is_child, run_example  # noqa: E402


def chat(*messages):
    """A model that gives these, one a call and the last for ever: text, (tool, arguments), or a
    status of failure."""
    left = list(messages)

    def respond(request):
        if not request.url.path.endswith("/chat/completions"):
            return httpx.Response(404)  # it also asks how many tokens a prompt has
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, int):
            return httpx.Response(given, json={"error": {"message": "the model is away"}})
        message = {"role": "assistant", "content": given if isinstance(given, str) else None}
        if not isinstance(given, str):
            message["tool_calls"] = [{"id": "call-1", "type": "function", "function": {
                "name": given[0], "arguments": json.dumps(given[1])}}]
        return httpx.Response(200, json={
            "id": "chat-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}})
    model = OpenAICompletion(model="gpt-4o", api_key="none")
    model._client = OpenAI(api_key="none", max_retries=0, http_client=httpx.Client(
        transport=httpx.MockTransport(respond)))
    return model


@tool("weather")
def weather(city: str) -> str:
    """The weather of a city."""
    if city == "Atlantis":
        raise LookupError("no such city")
    return f"rain in {city}"


def agent(model, role="forecaster", **options):
    return Agent(role=role, goal="to know", backstory="None.", llm=model, max_retry_limit=0, **options)


def crew(model, name="crew", description="Tell the weather.", role="forecaster", **options):
    worker = agent(model, role, **options)
    task = Task(description=description, expected_output="A word.", agent=worker)
    return Crew(name=name, agents=[worker], tasks=[task])


@pytest.fixture(autouse=True)
def listener(spool):
    listener = AepEventListener(spool.publisher)
    yield listener
    crewai_event_bus.flush()
    left = len(listener._runs)
    listener.close()
    assert left == 0


@pytest.fixture
def runs(spool):
    def read():
        assert crewai_event_bus.flush()
        return spool.runs()
    return read


def test_a_crew(runs):
    crew(chat("rain"), description="The weather in {city}?").kickoff(inputs={"city": "Oslo"})
    crew_run, agent_run = runs()
    assert (crew_run.name, agent_run.name) == ("crew", "forecaster") and is_child(agent_run, crew_run)
    assert crew_run.started["user_request"] == 'The weather in {city}?\n{"city": "Oslo"}'
    assert "The weather in Oslo?" in agent_run.started["user_request"]
    assert crew_run.steps == [("task", "task of forecaster")]
    assert agent_run.steps == [("model", "gpt-4o")]
    kind, end = agent_run.end
    assert (kind, end["result_summary"]) == ("completed", "rain")
    assert end["metrics"] == {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
                              "steps": {"model": 1}}
    kind, end = crew_run.end
    assert (kind, end["result_summary"]) == ("completed", "rain")


def test_a_tool(runs):
    crew(chat(("weather", {"city": "Oslo"}), "rain"), tools=[weather]).kickoff()
    _, agent_run = runs()
    assert agent_run.steps == [("model", "gpt-4o"), ("tool", "weather"), ("model", "gpt-4o")]
    assert agent_run.end[1]["metrics"]["total_tokens"] == 30 and not agent_run.errors


def test_a_tool_that_fails(runs):
    crew(chat(("weather", {"city": "Atlantis"}), "unknown"), tools=[weather]).kickoff()
    crew_run, agent_run = runs()
    assert any("no such city" in error for error in agent_run.errors)
    assert (crew_run.end[0], agent_run.end[0]) == ("completed", "completed")


def test_a_model_that_fails(runs):
    with pytest.raises(Exception):
        crew(chat(503)).kickoff()
    crew_run, *agent_runs = runs()
    kind, end = crew_run.end
    assert kind == "failed" and "the model is away" in end["error_message"]
    assert agent_runs and {each.end[0] for each in agent_runs} == {"failed"}
    assert crew_run.errors


def test_agents_one_after_another_are_children_of_the_crew(runs):
    first, second = agent(chat("facts"), "researcher"), agent(chat("prose"), "writer")
    tasks = [Task(description=f"Task of {each.role}.", expected_output="A word.", agent=each)
             for each in (first, second)]
    Crew(name="pair", agents=[first, second], tasks=tasks).kickoff()
    crew_run, *children = runs()
    assert [child.name for child in children] == ["researcher", "writer"]
    assert all(is_child(child, crew_run) for child in children)
    assert [payload["steps_completed"] for payload in crew_run.progress] == [0, 1]
    assert crew_run.end[1]["result_summary"] == "prose"


def test_a_crew_in_a_flow_is_its_child(runs):
    class Forecast(Flow):
        @start()
        def ask(self):
            return crew(chat("rain")).kickoff().raw
    assert Forecast().kickoff() == "rain"
    flow_run, crew_run, agent_run = runs()
    assert is_child(crew_run, flow_run) and is_child(agent_run, crew_run)
    assert flow_run.steps == [("method", "ask")]
    assert (flow_run.end[0], flow_run.end[1]["result_summary"]) == ("completed", "rain")


def test_a_flow_that_fails(runs):
    class Unlucky(Flow):
        @start()
        def ask(self):
            raise LookupError("no weather today")
    with pytest.raises(LookupError):
        Unlucky().kickoff()
    flow_run, = runs()
    assert flow_run.end[0] == "failed" and flow_run.end[1]["error_type"] == "LookupError"
    assert flow_run.steps == [("method", "ask")] and flow_run.errors == ["no weather today"]


def test_an_agent_by_itself(runs):
    agent(chat("rain"), "solo").kickoff("Weather?")
    run, *_ = [each for each in runs() if each.name == "solo"]
    assert run.started["user_request"] == "Weather?"
    assert run.end == ("completed", run.end[1]) and run.end[1]["result_summary"] == "rain"


def answers(monkeypatch, seen, runs, *lines):
    """A human who answers once they have seen what the tracker would."""
    left = iter(lines)

    def read(*prompt):
        seen.extend((each.name, each.states[-1]) for each in runs() if each.states[-1:] not in ([], [None]))
        return next(left)
    monkeypatch.setattr("builtins.input", read)


def test_human_input_is_waited_for(runs, monkeypatch):
    seen, worker = [], agent(chat("rain", "much rain"))
    answers(monkeypatch, seen, runs, "say more", "")
    task = Task(description="Tell the weather.", expected_output="A word.", agent=worker, human_input=True)
    Crew(name="crew", agents=[worker], tasks=[task]).kickoff()
    crew_run, agent_run = runs()
    assert seen == [("forecaster", "human")] * 2
    assert agent_run.states[:3] == [None, "human", None] and agent_run.states[-1] == "human"
    assert [each.end[1]["result_summary"] for each in (crew_run, agent_run)] == ["much rain"] * 2


def test_feedback_of_a_flow_is_waited_for(runs, monkeypatch):
    class Draft(Flow):
        @start()
        @human_feedback(message="is it good?")
        def write(self):
            return "draft"

        @listen(write)
        def publish(self, given):
            return f"published, {given.feedback}"
    seen = []
    answers(monkeypatch, seen, runs, "fine")
    assert Draft().kickoff() == "published, fine"
    flow_run, = runs()
    assert seen == [("Draft", "human")] and flow_run.states == [None, "human", None]
    assert "is it good?" in [payload["current_step"] for payload in flow_run.progress]
    states = [payload["metadata"]["status"] for payload in flow_run.progress]
    assert "duration_ms" not in flow_run.progress[states.index("waiting") + 1]["metadata"]  # the answer's
    assert flow_run.end[0] == "completed"


class Later:
    """A provider that answers some other time."""

    def request_feedback(self, context, flow):
        raise HumanFeedbackPending(context=context)


class Pending(Flow):
    @start()
    @human_feedback(message="is it good?", provider=Later())
    def write(self):
        return "draft"

    @listen(write)
    def publish(self, given):
        return f"published, {given.feedback}"


def test_a_flow_that_is_pending_waits_until_it_is_resumed(runs, tmp_path):
    persistence = SQLiteFlowPersistence(str(tmp_path / "flows.db"))
    flow = Pending(persistence=persistence)
    flow.kickoff()
    flow_run, = runs()
    assert flow_run.states[-1] == "human" and flow_run.progress[-1]["current_step"] == "is it good?"
    assert not flow_run.ends and flow_run.started["session_id"] == flow.flow_id
    assert Pending.from_pending(flow.flow_id, persistence).resume("fine") == "published, fine"
    flow_run, = runs()
    assert flow_run.states == [None, "human", None]
    assert (flow_run.end[0], flow_run.end[1]["result_summary"]) == ("completed", "published, fine")


def test_limits_of_agents_and_models(runs):
    model = chat("rain")
    model.timeout = 30
    crew(model).kickoff()
    crew(chat("rain"), role="hurried", max_execution_time=20).kickoff()
    limits = {each.name: [limit for _, limit in each.limits] for each in runs()}
    assert limits["forecaster"] == [30 + GRACE_S]
    assert len(limits["hurried"]) == 1 and 0 < limits["hurried"][0] <= 20 + GRACE_S
    assert limits["crew"] == [None]


def test_two_at_once(runs):
    async def both():
        await asyncio.gather(*(crew(chat(("weather", {"city": "Oslo"}), f"a{n}"), f"crew {n}",
                                    role=f"agent {n}", tools=[weather]).kickoff_async()
                               for n in range(2)))
    asyncio.run(both())
    by_name = {each.name: each for each in runs()}
    assert len(by_name) == 4
    for n in range(2):
        assert is_child(by_name[f"agent {n}"], by_name[f"crew {n}"])
        assert by_name[f"crew {n}"].end[1]["result_summary"] == f"a{n}"
        assert by_name[f"agent {n}"].steps[1] == ("tool", "weather")


def test_threads(runs):
    threads = [threading.Thread(target=lambda n=n: [crew(chat("fine"), f"crew {n}").kickoff()
                                                    for _ in range(3)]) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = runs()
    assert len(found) == 18 and {each.end[0] for each in found} == {"completed"}
    crews = {each.id: each for each in found if each.name != "forecaster"}
    assert all(is_child(each, crews[each.cause]) for each in found if each.name == "forecaster")


def test_what_cannot_be_published_touches_nothing(spool, caplog):
    spool.publisher.close()
    assert crew(chat("fine")).kickoff().raw == "fine"
    crewai_event_bus.flush()
    assert "lost" in caplog.text
    caplog.clear()


def test_a_listener_that_is_closed_hears_nothing(listener, runs):
    listener.close()
    crew(chat("fine")).kickoff()
    assert runs() == []


def test_the_example(spool):
    run_example("adapter_crewai.py", spool)
    assert {run.end[0] for run in spool.runs()} == {"completed"}
