# SPDX-License-Identifier: Apache-2.0
"""The Claude Agent SDK's own query() and ClaudeSDKClient, over a transport that a script answers."""
import asyncio
import logging
import os

import pytest

claude_agent_sdk = pytest.importorskip("claude_agent_sdk")

from claude_agent_sdk import (ClaudeAgentOptions, ClaudeSDKClient, HookMatcher,  # noqa: E402
                              PermissionResultAllow, PermissionResultDeny, ResultMessage)

from aep.adapters.claude_agent_sdk import AepObserver  # noqa: E402
from aep.adapters.runs import GRACE_S  # noqa: E402
from fake_claude import Claude, answers  # noqa: E402
from fake_model import Model, calls, says  # noqa: E402
from spooled_runs import is_child, run_example  # noqa: E402

DEADLINE_S = 60


@pytest.fixture(autouse=True)
def observer(spool):
    observer = AepObserver(spool.publisher)
    yield observer
    assert len(observer._runs) == 0


def ask(observer, script, prompt="weather?", options=None, **members):
    """What query() yields."""
    async def collect():
        return [message async for message in observer.query(
            prompt=prompt, options=options, transport=Claude(script, **members))]
    return run(collect())


def run(work):
    """asyncio.run() with a deadline, so that a script that the SDK leaves waiting fails."""
    return asyncio.run(asyncio.wait_for(work, DEADLINE_S))


def test_a_query_with_a_tool(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        claude.say("let me see", id="message-a")
        claude.say("…", id="message-a")
        await claude.tool("Bash", "tool-1", command="curl", timeout=30000)
        await claude.finish("rain")
    messages = ask(observer, script)
    assert isinstance(messages[-1], ResultMessage) and messages[-1].result == "rain"
    turn, = spool.runs()
    assert (turn.name, turn.started["user_request"]) == ("claude-agent", "weather?")
    assert turn.started["session_id"] == "session-1" and turn.started["context"]["cwd"] == "/site"
    assert turn.started["context"]["framework"] == "claude-agent-sdk"
    assert sorted(turn.steps) == [("model", "claude-fake"), ("model", "claude-fake"), ("tool", "Bash")]
    assert turn.tools == [("Bash", "start"), ("Bash", "end")]
    assert ("Bash", 30 + GRACE_S) in turn.limits
    kind, end = turn.end
    assert (kind, end["result_summary"]) == ("completed", "rain")
    assert end["metrics"] == {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "cost_usd": 0.25,
                              "model_turns": 1, "steps": {"model": 2, "tool": 1}}


def test_tools_at_once_one_of_which_fails(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        await asyncio.gather(claude.tool("Read", "tool-1", file_path="/a"),
                             claude.tool("Read", "tool-2", file_path="/b", error="no such file"),
                             claude.tool("Grep", "tool-3", pattern="x"))
        await claude.finish("done")
    ask(observer, script)
    turn, = spool.runs()
    assert turn.errors == ["no such file"] and turn.end[0] == "completed"
    assert sorted(turn.tools) == [("Grep", "end"), ("Grep", "start"), ("Read", "end"), ("Read", "error"),
                                 ("Read", "start"), ("Read", "start")]
    assert turn.progress[-1]["steps_completed"] == 3


def permission(waits, answer):
    """A can_use_tool that answers once it has seen what the tracker would."""
    async def can_use_tool(name, given, context):
        waits.append((name, *waits[0].runs()[-1].states[-1:]))
        return answer
    return can_use_tool


@pytest.mark.parametrize("answer, ends", [
    (PermissionResultAllow(), ["start", "end"]), (PermissionResultDeny(message="no"), ["start", "denied"])])
def test_a_permission_is_waited_for(spool, observer, answer, ends):
    async def script(claude, prompt):
        await claude.begin(prompt)
        await claude.tool("Bash", "tool-1", permission=True, command="rm -r /site")
        await claude.finish("done")
    waits = [spool]
    ask(observer, script, options=ClaudeAgentOptions(can_use_tool=permission(waits, answer)))
    turn, = spool.runs()
    assert waits[1:] == [("Bash", "permission")]
    assert turn.states == [None, "permission", None] and turn.end[0] == "completed"
    assert [phase for _, phase in turn.tools] == ends and turn.errors == (["no"] if ends[1] == "denied" else [])


def test_a_tool_beside_one_that_waits_does_not_end_the_wait(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        waiting = asyncio.ensure_future(claude.tool("Bash", "tool-1", permission=True, command="rm"))
        await asked.wait()
        await claude.tool("Read", "tool-2", file_path="/a")
        read.set()
        await waiting
        await claude.finish("done")

    async def can_use_tool(name, given, context):
        asked.set()
        await read.wait()
        seen.extend(spool.runs()[0].progress)
        return PermissionResultAllow()
    asked, read, seen = asyncio.Event(), asyncio.Event(), []
    ask(observer, script, options=ClaudeAgentOptions(can_use_tool=can_use_tool))
    states = [payload["metadata"]["status"] for payload in seen]
    assert states == ["working", "waiting", "waiting", "waiting"]
    assert spool.runs()[0].states == [None, "permission", None]


def test_a_question_waits_for_a_human(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        await claude.tool("AskUserQuestion", "tool-1", permission=True, questions=[])
        await claude.finish("done")
    waits = [spool]
    ask(observer, script, options=ClaudeAgentOptions(can_use_tool=permission(waits, PermissionResultAllow())))
    assert waits[1:] == [("AskUserQuestion", "human")]


def test_a_permission_callback_that_raises(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        await claude.hook("PreToolUse", "tool-1", tool_name="Bash", tool_input={}, tool_use_id="tool-1")
        answer = await claude.ask(subtype="can_use_tool", tool_name="Bash", input={}, tool_use_id="tool-1")
        assert (answer["subtype"], answer["error"]) == ("error", "the user's own")
        await claude.finish("done")

    async def can_use_tool(name, given, context):
        raise LookupError("the user's own")
    ask(observer, script, options=ClaudeAgentOptions(can_use_tool=can_use_tool))
    assert spool.runs()[0].states == [None, "permission", None]


def test_a_permission_that_a_tool_asks_for(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        members = {"tool_name": "Bash", "tool_input": {"command": "rm"}}
        await claude.hook("PreToolUse", "tool-1", tool_use_id="tool-1", **members)
        await claude.hook("PermissionRequest", **members)
        await claude.hook("PostToolUse", "tool-1", tool_use_id="tool-1", **members)
        await claude.finish("done")
    ask(observer, script, options=ClaudeAgentOptions(permission_prompt_tool_name="mcp__ask__ask"))
    assert spool.runs()[0].states == [None, "permission", None]


def test_a_tool_that_another_hook_denies(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        await claude.hook("PreToolUse", "tool-1", tool_name="Bash", tool_input={}, tool_use_id="tool-1")
        claude.result_of("tool-1", "blocked by a hook", True)
        await claude.finish("done")
    ask(observer, script)
    assert spool.runs()[0].tools == [("Bash", "start"), ("Bash", "error")]
    assert spool.runs()[0].errors == ["blocked by a hook"]


def test_sub_agents_are_children(spool, observer):
    async def agent(claude, n):
        id, spawned = f"agent-{n}", {"subagent_type": "reviewer", "prompt": f"Review page {n}."}
        members = {"tool_name": "Agent", "tool_input": spawned, "tool_use_id": f"spawn-{n}"}
        await claude.hook("PreToolUse", f"spawn-{n}", **members)
        await claude.hook("SubagentStart", agent_id=id, agent_type="reviewer")
        await claude.tool("Read", f"read-{n}", agent=id, file_path="/a")
        claude.say(f"looks fine {n}", parent=f"spawn-{n}")
        await claude.hook("SubagentStop", agent_id=id, agent_type="reviewer", stop_hook_active=False,
                          last_assistant_message=f"fine {n}")
        await claude.hook("PostToolUse", f"spawn-{n}", tool_response="fine", **members)

    async def script(claude, prompt):
        await claude.begin(prompt)
        await agent(claude, 1)
        await asyncio.gather(agent(claude, 2), agent(claude, 3))
        await claude.hook("SubagentStop", agent_id="unknown", agent_type="", stop_hook_active=False)
        await claude.finish("all fine")
    ask(observer, script)
    turn, *agents = spool.runs()
    assert {each.name for each in agents} == {"claude-agent:reviewer"} and len(agents) == 3
    assert all(is_child(each, turn) for each in agents)
    assert sorted(each.started["user_request"] for each in agents) == [f"Review page {n}." for n in (1, 2, 3)]
    assert sorted(each.end[1]["result_summary"] for each in agents) == ["fine 1", "fine 2", "fine 3"]
    assert all(each.tools == [("Read", "start"), ("Read", "end")] for each in agents)
    assert ("model", "claude-fake") in agents[0].steps
    assert turn.end[1]["result_summary"] == "all fine"


def test_a_sub_agent_that_ends_after_the_turn(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        members = {"tool_name": "Agent", "tool_use_id": "spawn-1",
                   "tool_input": {"subagent_type": "reviewer", "run_in_background": True}}
        await claude.hook("PreToolUse", "spawn-1", **members)
        await claude.hook("SubagentStart", agent_id="agent-1", agent_type="reviewer")
        await claude.hook("PostToolUse", "spawn-1", tool_response="started", **members)
        claude.send("stream_event", uuid="1", session_id="session-1", event={"type": "ping"})
        await claude.finish("started")
        await claude.tool("Read", "tool-1", agent="agent-1", file_path="/a")
        await claude.hook("SubagentStop", agent_id="agent-1", agent_type="reviewer", stop_hook_active=False,
                          last_assistant_message="fine")
        await claude.begin("<task-notification>\n<task-id>agent-1</task-id>\n</task-notification>")
        await claude.finish("seen")

    async def talk():
        claude = Claude(script)
        async with observer.client(transport=claude) as client:
            await client.query("go")
            async for _ in client.receive_response():
                pass
            async for _ in client.receive_response():
                pass
    run(talk())
    turn, agent, notice = spool.runs()
    assert is_child(agent, turn) and turn.end[1]["result_summary"] == "started"
    assert is_child(notice, agent) and notice.end[1]["result_summary"] == "seen"
    assert agent.end[1]["result_summary"] == "fine" and agent.tools == [("Read", "start"), ("Read", "end")]


def test_a_sub_agent_that_outlives_the_turn(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        members = {"tool_name": "Agent", "tool_use_id": "spawn-1",
                   "tool_input": {"subagent_type": "reviewer", "run_in_background": True}}
        await claude.hook("PreToolUse", "spawn-1", **members)
        await claude.hook("SubagentStart", agent_id="agent-1", agent_type="reviewer")
        await claude.hook("PostToolUse", "spawn-1", tool_response="started", **members)
        await claude.finish("started")
    ask(observer, script)
    turn, agent = spool.runs()
    assert is_child(agent, turn) and turn.end[0] == "completed"
    assert (agent.end[0], agent.end[1]["error_code"]) == ("failed", "INTERRUPTED")


@pytest.mark.parametrize("members, expected", [
    ({"subtype": "error_max_turns", "is_error": True, "errors": ["too many turns"]},
     ("too many turns", "error_max_turns")),
    ({"text": "API Error: 529", "is_error": True, "api_error_status": 529},
     ("API Error: 529", "api_error_529"))])
def test_a_result_that_is_none(spool, observer, members, expected):
    async def script(claude, prompt):
        await claude.begin(prompt)
        claude.result(**members)
    ask(observer, script)
    kind, end = spool.runs()[0].end
    assert kind == "failed" and (end["error_message"], end["error_type"]) == expected
    assert end["partial_results"]["metrics"]["total_tokens"] == 15


def test_a_transport_that_fails(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        raise ConnectionError("the process is gone")
    with pytest.raises(ConnectionError):
        ask(observer, script)
    kind, end = spool.runs()[0].end
    assert (kind, end["error_message"], end["error_type"]) == (
        "failed", "the process is gone", "ConnectionError")


def test_a_cancelled_query(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        await claude.hook("PreToolUse", "tool-1", tool_name="Bash", tool_input={}, tool_use_id="tool-1")
        began.set()

    async def cancelled():
        async def read():
            async for _ in observer.query(prompt="go", transport=Claude(script)):
                pass
        task = asyncio.ensure_future(read())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    began = asyncio.Event()
    run(cancelled())
    kind, end = spool.runs()[0].end
    assert (kind, end["error_code"]) == ("failed", "CANCELLED")


def test_a_query_that_nobody_reads_to_its_end(spool, observer):
    async def leave():
        messages = observer.query(prompt="go", transport=Claude(answers))
        async for _ in messages:
            break
        await messages.aclose()
    run(leave())
    assert len(spool.runs()[0].ends) == 1


def test_a_conversation_of_several_turns(spool, observer):
    async def talk():
        async with observer.client(transport=Claude(answers)) as client:
            for prompt in "one", "two":
                await client.query(prompt)
                async for message in client.receive_response():
                    last = message
                assert last.result == f"answer to {prompt}"
    run(talk())
    first, second = spool.runs()
    assert [(each.started["user_request"], each.end[0]) for each in (first, second)] == [
        ("one", "completed"), ("two", "completed")]
    assert first.started["session_id"] == second.started["session_id"] == "session-1"
    assert [each.end[1]["metrics"]["cost_usd"] for each in (first, second)] == [0.25, 0.25]


def test_results_that_are_read_late_end_no_other_turn(spool, observer):
    async def talk():
        claude = Claude(answers)
        async with observer.client(transport=claude) as client:
            for prompt in "one", "two":
                await client.query(prompt)
                while claude.tasks:
                    await asyncio.sleep(0)
            results = 0
            async for message in client.receive_messages():
                results += isinstance(message, ResultMessage)
                if results == 2:
                    break
    run(talk())
    assert [each.end[1]["result_summary"] for each in spool.runs()] == ["answer to one", "answer to two"]


def test_an_interrupt(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        await claude.hook("PreToolUse", "tool-1", tool_name="Bash", tool_input={}, tool_use_id="tool-1")
        began.set()
        await claude.interrupted.wait()
        claude.result(subtype="error_during_execution", is_error=True, terminal_reason="aborted_tools")

    async def talk():
        async with observer.client(transport=Claude(script)) as client:
            await client.query("go")
            await began.wait()
            await client.interrupt()
            async for _ in client.receive_response():
                pass
    began = asyncio.Event()
    run(talk())
    kind, end = spool.runs()[0].end
    assert (kind, end["error_code"], end["error_type"]) == ("failed", "INTERRUPTED", "aborted_tools")


def test_a_client_that_leaves_before_the_end(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        began.set()

    async def talk():
        async with observer.client(transport=Claude(script)) as client:
            await client.query("go")
            await began.wait()
    began = asyncio.Event()
    run(talk())
    kind, end = spool.runs()[0].end
    assert (kind, end["error_code"], end["inferred"]) == ("failed", "INTERRUPTED", True)


def test_a_turn_that_no_hook_told_of(spool, observer):
    async def script(claude, prompt):
        claude.say("hello")
        claude.result("hello")
    ask(observer, script, prompt="hi")
    turn, = spool.runs()
    assert turn.started["user_request"] == "hi" and turn.started["context"]["inferred_start"] is True
    assert turn.end[1]["result_summary"] == "hello"


def test_a_call_that_is_tried_again_waits_for_the_rate_limit(spool, observer):
    async def script(claude, prompt):
        await claude.begin(prompt)
        claude.send("system", subtype="api_retry", session_id="session-1", attempt=1, max_retries=10,
                    retry_delay_ms=1000, error_status=429, error="rate_limit")
        await claude.finish("done")
    ask(observer, script)
    assert spool.runs()[0].states == ["rate_limit", None] and spool.runs()[0].end[0] == "completed"


def test_ones_own_hooks_stay(spool, observer):
    async def mine(given, tool_use_id, context):
        seen.append(given["hook_event_name"])
        return {}
    seen = []
    options = ClaudeAgentOptions(hooks={"Stop": [HookMatcher(hooks=[mine])]}, model="claude-fake")
    ask(observer, answers, options=options)
    assert seen == ["Stop"] and len(options.hooks["Stop"]) == 1 and list(options.hooks) == ["Stop"]
    assert spool.runs()[0].end[0] == "completed"


def test_hooks_alone(spool, observer):
    async def script(claude, prompt):
        if prompt == "two":
            await claude.begin(prompt)
        else:
            await answers(claude, prompt)

    async def talk():
        claude = Claude(script)
        async with ClaudeSDKClient(observer.options(), transport=claude) as client:
            for prompt in "one", "two", "three":
                await client.query(prompt)
                while claude.tasks:
                    await asyncio.sleep(0)
        async with ClaudeSDKClient(observer.options(), transport=claude) as client:
            await client.query("two")
            while claude.tasks:
                await asyncio.sleep(0)
    run(talk())
    observer.close()
    ends = [(each.started["user_request"], each.end[0], each.end[1].get("error_code"))
            for each in spool.runs()]
    assert ends == [("one", "completed", None), ("two", "failed", "INTERRUPTED"),
                    ("three", "completed", None), ("two", "failed", "INTERRUPTED")]


def test_two_at_once(spool, observer):
    async def both():
        await asyncio.gather(*(collect(n) for n in range(2)))

    async def collect(n):
        async for _ in observer.query(prompt=f"q{n}", transport=Claude(answers, f"session-{n}")):
            pass
    run(both())
    assert {(each.started["session_id"], each.started["user_request"], each.end[1]["result_summary"])
            for each in spool.runs()} == {(f"session-{n}", f"q{n}", f"answer to q{n}") for n in range(2)}
    assert len({each.correlation_id for each in spool.runs()}) == 2


CLAUDE = os.path.join(os.path.dirname(claude_agent_sdk.__file__), "_bundled", "claude")


@pytest.mark.skipif(not os.path.exists(CLAUDE), reason="this SDK brings no Claude Code")
def test_claude_code_itself(spool, observer, tmp_path, monkeypatch):
    """The Claude Code that comes with the SDK, with a model on this machine: its hooks, as they are."""
    async def can_use_tool(name, given, context):
        asked.append((name, spool.runs()[0].states[-1]))
        return PermissionResultAllow()
    asked, file = [], str(tmp_path / "made")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with Model([calls(Bash={"command": f"touch {file}", "timeout": 20000}),
                calls(Read={"file_path": str(tmp_path / "missing")}),
                calls(Agent={"description": "look", "prompt": "SUB-AGENT: look", "subagent_type": "general-purpose"}),
                says("all done")], agent=says("it looks fine")) as model:
        options = ClaudeAgentOptions(
            cwd=str(tmp_path), can_use_tool=can_use_tool, model="fake-model", cli_path=CLAUDE,
            env={"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path), "ANTHROPIC_API_KEY": "none",
                 "ANTHROPIC_BASE_URL": model.address, "DISABLE_AUTOUPDATER": "1",
                 "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"})

        async def read():
            async for _ in observer.query(prompt="go", options=options):
                pass
        run(read())
    turn, agent, *rest = spool.runs()
    assert os.path.exists(file) and ("Bash", "permission") in asked
    assert turn.started["user_request"] == "go" and turn.end[1]["result_summary"] == "all done"
    assert turn.tools == [("Bash", "start"), ("Bash", "end"), ("Read", "start"), ("Read", "error"),
                          ("Agent", "start"), ("Agent", "end")]
    assert ("Bash", 20 + GRACE_S) in turn.limits and turn.states[-1] is None
    assert turn.end[1]["metrics"]["steps"] == {"model": 4, "tool": 3}
    assert is_child(agent, turn) and agent.name == "claude-agent:general-purpose"
    assert agent.started["user_request"] == "SUB-AGENT: look"
    assert agent.end[1]["result_summary"] == "it looks fine"
    for each in rest:  # where it ran in the background
        assert is_child(each, agent) and "task-notification" in each.started["user_request"]
    assert {each.end[0] for each in spool.runs()} == {"completed"}


def test_a_turn_within_an_execution_is_its_child(spool, observer):
    with spool.publisher.execution("mine", "go"):
        ask(observer, answers)
    mine, turn = spool.runs()
    assert is_child(turn, mine)


def test_a_turn_of_a_client_is_the_child_of_where_it_was_asked_for(spool, observer):
    async def talk():
        async with observer.client(transport=Claude(answers)) as client:
            for name in "one", "two":
                with spool.publisher.execution(name, "go"):
                    await client.query(f"what {name} asks")
                    async for _ in client.receive_response():
                        pass
    run(talk())
    one, first, two, second = spool.runs()
    assert is_child(first, one) and is_child(second, two)


@pytest.mark.parametrize("given", [
    {}, {"tool_name": 7, "tool_input": [], "tool_use_id": None}, {"tool_name": "x", "tool_input": "text"}])
def test_hooks_that_make_no_sense_touch_nothing(spool, observer, caplog, given):
    async def script(claude, prompt):
        await claude.begin(prompt)
        for event in list(claude.hooks):
            if event not in ("UserPromptSubmit", "Stop"):
                await claude.hook(event, **given)
        await claude.finish("done")
    assert ask(observer, script)[-1].result == "done"
    assert spool.runs()[0].end[0] == "completed"
    caplog.clear()


def test_what_cannot_be_published_touches_nothing(spool, observer, caplog):
    async def script(claude, prompt):
        await claude.begin(prompt)
        await claude.tool("Bash", "tool-1", permission=True, command="ls")
        await claude.finish("done")

    async def can_use_tool(name, given, context):
        return PermissionResultAllow()
    spool.publisher.close()
    messages = ask(observer, script, options=ClaudeAgentOptions(can_use_tool=can_use_tool))
    assert messages[-1].result == "done" and "lost" in caplog.text
    assert all(record.levelno < logging.ERROR for record in caplog.records if record.name != "aep")
    caplog.clear()


def test_the_example(spool):
    run_example("adapter_claude_agent_sdk.py", spool)
    assert {run.end[0] for run in spool.runs()} == {"completed"}
