# SPDX-License-Identifier: Apache-2.0
"""What the vectors do not show: repeats, continuations, waits, ends, ids, one case each."""
import json
import unittest
import uuid

import playing


class Claude(playing.HookTest):
    def tool(self, event, use="u1", tool="Bash", **members):
        self.claude(event, tool_name=tool, tool_input=members.pop("tool_input", {"command": "ls"}),
                    **({"tool_use_id": use} if use else {}), **members)

    def prompt(self, text="go", turn="t-1", **members):
        self.claude("UserPromptSubmit", turn=turn, prompt=text, **members)

    # ---- ids ----

    def test_the_three_levels_share_a_derived_correlation_id(self):
        self.prompt()
        self.claude("SubagentStart", agent_id="a", agent_type="Explore")
        ids = {e.correlation_id for e in self.executions()}
        self.assertEqual(1, len(ids))
        self.assertEqual(8, uuid.UUID(ids.pop()).version)
        self.assertEqual({"s-1"}, {e.started["session_id"] for e in self.executions()})
        self.assertEqual(["claude-code", "claude-code", "claude-code:Explore"],
                         [e.started["agent_name"] for e in self.executions()])
        self.assertEqual(["session", "turn", "subagent"],
                         [e.context["agent_level"] for e in self.executions()])

    def test_an_id_that_is_none_becomes_one(self):
        for strange in ("x" * 200, "a\nb", 12, ["a"], {"b": 1}, ""):
            self.claude("SessionStart", session=strange, source="startup")
        executions = self.executions()
        self.assertEqual(6, len({e.started["session_id"] for e in executions}))
        for execution in executions:
            if execution.started["session_id"] != "12":
                self.assertEqual(8, uuid.UUID(execution.started["session_id"]).version)

    def test_a_hook_without_a_session_is_of_its_process(self):
        self.invoke((["claude-code"], b'{"hook_event_name":"UserPromptSubmit","prompt":"go"}'))
        self.invoke((["claude-code"], b'{"hook_event_name":"Stop"}'))
        (session,), (turn,), _ = self.by_level()
        self.assertEqual("completed", turn.terminal)

    def test_those_for_which_there_is_no_room_are_counted(self):
        self.prompt()
        for number in range(34):
            self.claude("SubagentStart", agent_id=f"a{number}", agent_type="E")
        payloads = [event["payload"] for event in self.events()]
        self.assertEqual(32, sum(one["agent_name"] == "claude-code:E" for one in payloads))
        self.assertEqual(2, sum(one.get("metadata") == {"joined": False} for one in payloads))
        with open(f"{self.spool}/hooks.log", encoding="utf-8") as file:
            self.assertIn("not followed: 32 sub-agents are open", file.read())
        status = json.loads(self.run_aep("hook", "status", "claude-code", "--json").stdout)
        self.assertEqual(2, status["errors"])

    # ---- repeats ----

    def test_the_same_bytes_again_are_one(self):
        for event, members in (("SessionStart", {"source": "startup"}),
                               ("UserPromptSubmit", {"prompt": "go"}),
                               ("SubagentStart", {"agent_id": "a", "agent_type": "E"}),
                               ("TaskCreated", {"task_id": "1", "task_subject": "x"}),
                               ("Notification", {"notification_type": "idle_prompt"}),
                               ("SubagentStop", {"agent_id": "a", "agent_type": "E"}),
                               ("Stop", {}), ("SessionEnd", {"reason": "other"})):
            self.claude(event, **members)
            count = len(self.events())
            self.claude(event, **members)
            self.assertEqual(count, len(self.events()), event)

    def test_tools_are_repeats_by_their_ids(self):
        self.prompt()
        for event in ("PreToolUse", "PostToolUse"):
            self.tool(event, "u1")
            self.tool(event, "u2")
            self.tool(event, "u1", more="other bytes")
        (_, turn) = self.executions()
        self.assertEqual(4, len(turn.progress))
        self.assertEqual(2, turn.steps)

    def test_a_stop_said_twice_with_another_hook_between(self):
        self.prompt()
        self.claude("Stop", last_assistant_message="x")
        self.claude("Notification", notification_type="idle_prompt")
        self.claude("Stop", last_assistant_message="x")
        self.assertEqual(2, len(self.executions()))

    # ---- continuations ----

    def test_what_goes_on_behind_an_end_is_a_continuation(self):
        for number, (event, members) in enumerate((
                ("PreToolUse", {"tool_name": "Bash", "tool_input": {}, "tool_use_id": "u"}),
                ("PermissionRequest", {"tool_name": "Bash", "tool_input": {}}),
                ("Stop", {"stop_hook_active": True}), ("StopFailure", {"error": "x"}),
                ("UserPromptSubmit", {"prompt": "again"}))):
            with self.subTest(event=event):
                session = f"s-{number}"
                self.claude("UserPromptSubmit", session, prompt="go")
                self.claude("Stop", session)
                self.claude(event, session, **members)
                first, again = [e for e in self.executions()
                                if e.kind == "turn" and e.started["session_id"] == session]
                self.assertEqual(first.id, again.cause)
                self.assertEqual([0, 1], [first.context["run"], again.context["run"]])

    def test_what_comes_late_is_none(self):
        self.prompt()
        self.tool("PreToolUse")
        self.claude("Stop")
        count = len(self.events())
        self.tool("PostToolUse")
        self.tool("PostToolUseFailure", "u2", error="x")
        self.tool("PermissionDenied", "u3", reason="x")
        self.assertEqual(count, len(self.events()))
        self.claude("SessionEnd", reason="other")
        count = len(self.events())
        self.tool("PostToolUse", "u4")
        self.claude("SubagentStop", agent_id="a", agent_type="E")
        self.claude("Notification", notification_type="idle_prompt")
        self.claude("SessionEnd", reason="other", again=1)
        self.assertEqual(count, len(self.events()))

    def test_a_prompt_behind_a_sessions_end_goes_on_with_it(self):
        self.prompt()
        self.claude("SessionEnd", reason="other")
        self.prompt(turn="t-2")
        (first, second), (_, turn), _ = self.by_level()
        self.assertEqual(first.id, second.cause)
        self.assertEqual(1, second.context["run"])
        self.assertEqual(second.id, turn.cause)

    def test_a_resumed_session_is_a_new_run(self):
        self.claude("SessionStart", source="startup")
        self.claude("SessionEnd", reason="other")
        self.claude("SessionStart", source="resume")
        self.claude("SessionEnd", reason="other")
        first, second = self.executions()
        self.assertEqual(first.id, second.cause)
        self.assertEqual(["completed"] * 2, [first.terminal, second.terminal])
        self.assertNotIn("inferred_start", second.context)

    def test_a_resumed_session_counts_its_own_turns(self):
        for turn in ("t-1", "t-2"):
            self.claude("SessionStart", turn=None, source="resume")
            self.prompt(turn=turn)
            self.claude("SessionEnd", turn=turn, reason="other")
        sessions, _, _ = self.by_level()
        self.assertEqual([1, 1], [e.end["metrics"]["turns"] for e in sessions])

    def test_a_session_that_is_resumed_while_open_ends_first(self):
        self.claude("SessionStart", source="startup")
        self.prompt()
        self.claude("SessionStart", source="resume", turn=None)
        (first, second), (turn,), _ = self.by_level()
        self.assertEqual("INTERRUPTED", turn.end["error_code"])
        self.assertEqual(["completed", None], [first.terminal, second.terminal])

    def test_a_resumed_subagent_is_a_new_run(self):
        self.prompt()
        for _ in range(2):
            self.claude("SubagentStart", agent_id="a", agent_type="E")
            self.claude("SubagentStop", agent_id="a", agent_type="E", last_assistant_message="x")
        first, second = [e for e in self.executions() if e.kind == "subagent"]
        self.assertEqual(first.id, second.cause)
        self.assertEqual(["completed"] * 2, [first.terminal, second.terminal])

    # ---- beginnings ----

    def test_nothing_begins_with_these(self):
        for event, members in (("Notification", {"notification_type": "permission_prompt"}),
                               ("SubagentStop", {"agent_id": "a", "agent_type": "E"}),
                               ("SessionEnd", {"reason": "other"}),
                               ("ConfigChange", {"source": "x"}), ("FileChanged", {}),
                               ("Setup", {"trigger": "init"}), ("Unheard", {}), ("", {})):
            self.claude(event, **members)
        self.assertEqual([], self.events())

    def test_a_late_end_of_a_tool_begins_what_was_never_seen(self):
        self.tool("PostToolUse")
        (session,), (turn,), _ = self.by_level()
        self.assertTrue(session.context["inferred_start"] and turn.context["inferred_start"])
        self.assertEqual("(not seen)", turn.started["user_request"])
        self.assertEqual(1, turn.steps)

    def test_a_subagents_tool_begins_it(self):
        self.prompt()
        self.claude("PreToolUse", tool_name="Grep", tool_input={}, tool_use_id="u1",
                    agent_id="a", agent_type="E")
        self.claude("PreToolUse", tool_name="Grep", tool_input={}, tool_use_id="u2",
                    agent_id="b", agent_type="")
        _, (turn,), (sub,) = self.by_level()
        self.assertEqual((turn.id, 1), (sub.cause, len(sub.progress)))
        self.assertTrue(sub.context["inferred_start"])
        self.assertEqual("E", sub.started["user_request"])

    def test_a_prompt_of_another_turn_ends_the_open_one(self):
        self.prompt()
        self.tool("PreToolUse", turn="t-2")
        _, (first, second), _ = self.by_level()
        self.assertEqual(("INTERRUPTED", True),
                         (first.end["error_code"], first.end["inferred"]))
        self.assertTrue(second.context["inferred_start"])

    # ---- waits ----

    def test_other_tools_clear_no_wait(self):
        self.prompt()
        for use in ("u1", "u2"):
            self.tool("PreToolUse", use, tool_input={"command": use})
        self.claude("PermissionRequest", tool_name="Bash", tool_input={"command": "u1"})
        self.tool("PostToolUse", "u2", tool_input={"command": "u2"})
        turn = self.executions()[1]
        self.assertEqual(("waiting", ["permission"]), (turn.state, turn.waits))
        self.tool("PostToolUse", "u1", tool_input={"command": "u1"})
        self.assertEqual("working", self.executions()[1].state)

    def test_two_waits_end_one_by_one(self):
        self.prompt()
        for use in ("u1", "u2"):
            self.tool("PreToolUse", use, tool_input={"command": use})
            self.claude("PermissionRequest", tool_name="Bash", tool_input={"command": use})
        self.tool("PermissionDenied", "u1", tool_input={"command": "u1"}, reason="no")
        self.assertEqual("waiting", self.executions()[1].state)
        self.tool("PostToolUse", "u2", tool_input={"command": "u2"})
        turn = self.executions()[1]
        self.assertEqual(("working", ["permission"], 1), (turn.state, turn.waits, turn.steps))

    def test_a_notification_alone_tells_of_a_wait(self):
        self.prompt()
        self.tool("PreToolUse")
        self.claude("Notification", notification_type="permission_prompt")
        self.assertEqual(["permission"], self.executions()[1].waits)
        self.tool("PostToolUse")
        self.assertEqual("working", self.executions()[1].state)

    def test_a_subagents_wait_is_its_own(self):
        self.prompt()
        for event in ("PreToolUse", "PermissionRequest"):
            self.claude(event, tool_name="Bash", tool_input={}, agent_id="a", agent_type="E",
                        **({"tool_use_id": "u1"} if event == "PreToolUse" else {}))
        self.claude("Notification", notification_type="permission_prompt")
        _, (turn,), (sub,) = self.by_level()
        self.assertEqual(([], ["permission"]), (turn.waits, sub.waits))

    def test_elicitation(self):
        self.prompt()
        self.claude("Elicitation", mcp_server_name="m", message="which?", mode="form")
        self.assertEqual(["human"], self.executions()[1].waits)
        self.claude("ElicitationResult", mcp_server_name="m", action="accept", mode="form")
        self.assertEqual("working", self.executions()[1].state)

    def test_the_sessions_wait_ends_with_a_prompt(self):
        self.prompt()
        self.claude("Stop")
        self.claude("Notification", notification_type="idle_prompt")
        self.assertEqual("waiting", self.executions()[0].state)
        self.prompt("more", "t-2")
        session = self.executions()[0]
        self.assertEqual(("working", ["human"]), (session.state, session.waits))

    def test_timers_alone(self):
        self.prompt()
        self.claude("Stop", background_tasks=[], session_crons=[{"id": "c"}])
        self.assertEqual(["timer"], self.executions()[0].waits)

    def test_an_idle_notification_ends_no_turn(self):
        self.prompt()
        self.claude("Notification", notification_type="idle_prompt")
        session, turn = self.executions()
        self.assertEqual((["human"], None), (session.waits, turn.terminal))

    # ---- ends ----

    def ends_of(self, *hooks):
        session = f"s-{len(self.executions())}"
        self.claude("SessionStart", session, source="startup", turn=None)
        for event, turn, members in hooks:
            self.claude(event, session, turn, **members)
        self.claude("SessionEnd", session, reason="other")
        return [e.terminal for e in self.executions() if e.started["session_id"] == session]

    PROMPT = ("UserPromptSubmit", "t-1", {"prompt": "go"})
    FAILS = ("StopFailure", "t-1", {"error": "rate_limit"})
    PROMPT_2, STOP_2 = ("UserPromptSubmit", "t-2", {"prompt": "go"}), ("Stop", "t-2", {})

    def test_a_session_fails_with_its_last_turn(self):
        self.assertEqual(["failed", "failed"], self.ends_of(self.PROMPT, self.FAILS))
        self.assertEqual(["completed", "failed", "completed"],
                         self.ends_of(self.PROMPT, self.FAILS, self.PROMPT_2, self.STOP_2))

    def test_a_turn_that_the_session_closes_does_not_make_it_failed(self):
        self.assertEqual(["completed", "failed"], self.ends_of(self.PROMPT))
        self.assertEqual(["completed", "failed", "failed"],
                         self.ends_of(self.PROMPT, self.FAILS, self.PROMPT_2))

    def test_children_end_before_their_turn_and_session(self):
        self.ends_of(self.PROMPT, ("SubagentStart", "t-1", {"agent_id": "a", "agent_type": "E"}))
        order = [e["causation_id"] for e in self.events()
                 if e["event_type"].split(".")[-2] in ("completed", "failed")]
        self.assertEqual([e.id for e in reversed(self.executions())], order)

    def test_what_clear_began_is_joined_by_the_process(self):
        for name in ("one", "two"):
            self.claude("SessionStart", f"{name}-1", source="startup", agent=name)
        for name in ("one", "two"):
            self.claude("SessionEnd", f"{name}-1", reason="clear", agent=name)
        for name in ("two", "one"):
            self.claude("SessionStart", f"{name}-2", source="clear", agent=name)
        by_id = {e.started["session_id"]: e for e in self.executions()}
        for name in ("one", "two"):
            self.assertEqual(by_id[f"{name}-1"].id, by_id[f"{name}-2"].cause)

    # ---- what its events contain ----

    def test_errors_are_their_first_line(self):
        self.prompt()
        self.tool("PostToolUseFailure", error="Exit code 1\nmore", duration_ms=12)
        metadata = self.executions()[1].progress[0]["metadata"]
        self.assertEqual(("error", "Exit code 1", 12, "Bash", "u1"),
                         tuple(metadata[name] for name in
                               ("phase", "error", "duration_ms", "tool", "tool_use_id")))

    def test_a_secret_in_a_prompt_is_redacted(self):
        self.prompt("use ghp_" + "0123456789abcdefghijABCDEFGHIJ012345")
        self.assertNotIn("0123456789abcdefghij", json.dumps(self.events()))

    def test_a_failure_within_a_subagent_is_its_own(self):
        self.prompt()
        self.claude("SubagentStart", agent_id="a", agent_type="E")
        self.claude("StopFailure", agent_id="a", agent_type="E", error="overloaded",
                    last_assistant_message="try later")
        _, (turn,), (sub,) = self.by_level()
        self.assertIsNone(turn.terminal)
        self.assertEqual(("overloaded", "try later"),
                         (sub.end["error_type"], sub.end["error_message"]))

    def test_more_subagents_than_there_is_room_for(self):
        self.prompt()
        for i in range(70):
            self.claude("SubagentStart", agent_id=f"a{i}", agent_type="E")
            self.claude("SubagentStop", agent_id=f"a{i}", agent_type="E")
        self.assertEqual(["completed"] * 70, [e.terminal for e in self.executions()[2:]])


class Others(playing.HookTest):
    def codex(self, event, turn="t", **members):
        self.hook("codex", {"session_id": "s", "turn_id": turn, "hook_event_name": event,
                            **members})

    def test_a_prompt_within_a_codex_subagent_is_not_the_humans(self):
        child = {"turn": "child", "agent_id": "a", "agent_type": "explorer"}
        self.codex("UserPromptSubmit", prompt="go")
        self.codex("SubagentStart", **child)
        self.codex("UserPromptSubmit", **child, prompt="look")
        self.codex("Stop", **child, last_assistant_message="seen")
        _, (turn,), (sub,) = self.by_level()
        self.assertIsNone(turn.terminal)
        self.assertEqual("seen", sub.end["result_summary"])

    def test_codex_asks_for_the_second_of_two_commands(self):
        def tool(event, command, use=None, **members):
            self.codex(event, tool_name="Bash", tool_input={"command": command, **members},
                       **({"tool_use_id": use} if use else {}))
        self.codex("UserPromptSubmit", prompt="go")
        tool("PreToolUse", "ls", "u1")
        tool("PreToolUse", "git push", "u2")
        tool("PermissionRequest", "git push", description="needs network")
        tool("PostToolUse", "ls", "u1")
        self.assertEqual("waiting", self.executions()[1].state)
        tool("PostToolUse", "git push", "u2")
        self.assertEqual("working", self.executions()[1].state)

    def test_codex_notify_behind_a_stop_and_before_it(self):
        notify = {"type": "agent-turn-complete", "thread-id": "s", "turn-id": "t"}
        stop = {"session_id": "s", "turn_id": "t", "hook_event_name": "Stop"}
        prompt = {"session_id": "s", "turn_id": "t", "hook_event_name": "UserPromptSubmit",
                  "prompt": "go"}
        for first, second in ((0, 1), (1, 0)):
            name = f"s{first}"
            calls = [(["codex"], json.dumps({**stop, "session_id": name}).encode()),
                     (["codex", json.dumps({**notify, "thread-id": name})], None)]
            self.invoke((["codex"], json.dumps({**prompt, "session_id": name}).encode()))
            self.invoke(calls[first])
            self.invoke(calls[second])
        self.assertEqual([None, "completed"] * 2, [e.terminal for e in self.executions()])

    def test_a_claude_hook_run_by_cursor_is_cursors(self):
        self.claude("UserPromptSubmit", turn=None, prompt="go", cursor_version="1")
        self.assertEqual({"cursor"}, {e.started["agent_name"] for e in self.executions()})

    def test_cursor_that_runs_its_own_hook_and_claudes(self):
        own = {"conversation_id": "c", "session_id": "c", "generation_id": "c",
               "cursor_version": "1"}
        for event, other, members in (("beforeSubmitPrompt", "UserPromptSubmit", {"prompt": "go"}),
                                      ("stop", "Stop", {"status": "completed"})):
            self.hook("cursor", {**own, "hook_event_name": event, **members})
            self.hook("claude-code", {**own, "hook_event_name": other, **members})
        self.assertEqual([None, "completed"], [e.terminal for e in self.executions()])

    def test_cursors_subagents_are_joined_by_type(self):
        own = {"conversation_id": "c", "cursor_version": "1"}
        self.hook("cursor", {**own, "hook_event_name": "beforeSubmitPrompt", "prompt": "go"})
        self.hook("cursor", {**own, "hook_event_name": "subagentStart", "subagent_id": "x",
                             "subagent_type": "explore"})
        self.hook("cursor", {**own, "hook_event_name": "subagentStop", "subagent_type": "explore",
                             "status": "completed", "summary": "found"})
        self.assertEqual("found", self.executions()[2].end["result_summary"])

    def test_a_cursor_subagent_that_fails(self):
        own = {"conversation_id": "c", "cursor_version": "1"}
        self.hook("cursor", {**own, "hook_event_name": "beforeSubmitPrompt", "prompt": "go"})
        self.hook("cursor", {**own, "hook_event_name": "subagentStart", "subagent_type": "explore"})
        self.hook("cursor", {**own, "hook_event_name": "subagentStop", "subagent_type": "explore",
                             "status": "error", "error_message": "no model"})
        end = self.executions()[2].end
        self.assertEqual(("error", "no model"), (end["error_type"], end["error_message"]))

    def test_cursor_stops(self):
        own = {"conversation_id": "c", "cursor_version": "1"}
        for status in ("aborted", "error"):
            self.hook("cursor", {**own, "hook_event_name": "beforeSubmitPrompt", "prompt": status})
            self.hook("cursor", {**own, "hook_event_name": "stop", "status": status})
        _, aborted, failed = self.executions()
        self.assertEqual("INTERRUPTED", aborted.end["error_code"])
        self.assertNotIn("inferred", aborted.end)
        self.assertEqual("error", failed.end["error_type"])

    def test_copilot_in_pascal_case(self):
        own = {"session_id": "c", "timestamp": "2026-01-01T00:00:00Z", "cwd": "/x"}
        for event, members in (("SessionStart", {"source": "startup"}),
                               ("UserPromptSubmitted", {"prompt": "go"}),
                               ("PreToolUse", {"tool_name": "bash", "tool_input": {"a": 1}}),
                               ("PostToolUse", {"tool_name": "bash", "tool_input": {"a": 1}}),
                               ("Stop", {}), ("SessionEnd", {"reason": "user_exit"})):
            self.hook("copilot-cli", {**own, "hook_event_name": event, **members}, event)
        self.assertEqual(["completed"] * 2, [e.terminal for e in self.executions()])
        self.assertEqual(1, self.executions()[1].steps)

    def test_copilots_permission_request_is_a_tools_start_and_its_notification_a_wait(self):
        def hook(event, **members):
            self.hook("copilot-cli", {"sessionId": "c", "cwd": "/x", **members}, event)
        hook("userPromptSubmitted", prompt="go")
        hook("permissionRequest", toolName="bash", toolInput={"a": 1})
        hook("preToolUse", toolName="bash", toolArgs='{"a": 1}')
        self.assertEqual([1, []], [len(self.executions()[1].progress), self.executions()[1].waits])
        hook("notification", notification_type="permission_prompt", message="?")
        self.assertEqual(["permission"], self.executions()[1].waits)
        hook("postToolUse", toolName="bash", toolArgs={"a": 1}, toolResult={"resultType": "denied"})
        turn = self.executions()[1]
        self.assertEqual(("working", 0), (turn.state, turn.steps))

    def test_copilots_subagents(self):
        def hook(event, **members):
            self.hook("copilot-cli", {"sessionId": "c", "cwd": "/x", **members}, event)
        hook("userPromptSubmitted", prompt="go")
        hook("subagentStart", agentName="explore")
        hook("subagentStop", agentId="77", agentType="custom", agentName="explore", response="r")
        self.assertEqual("r", self.executions()[2].end["result_summary"])
        hook("errorOccurred", error={"message": "m", "name": "N"}, recoverable=False)
        self.assertEqual(("N", "m"), tuple(self.executions()[1].end[name] for name in
                                           ("error_type", "error_message")))

    def test_a_session_within_a_session_of_opencode_is_a_subagent(self):
        def hook(event, **properties):
            self.hook("opencode", {"type": event, "properties": properties})
        hook("session.created", info={"id": "ses_1", "directory": "/x"})
        hook("session.status", sessionID="ses_1", status={"type": "busy"})
        hook("session.created", info={"id": "ses_2", "parentID": "ses_1", "directory": "/x"})
        hook("session.status", sessionID="ses_2", status={"type": "busy"})
        hook("tool.execute.before", tool="grep", sessionID="ses_2", callID="c1")
        hook("tool.execute.after", tool="grep", sessionID="ses_2", callID="c1")
        hook("session.idle", sessionID="ses_2")
        hook("session.idle", sessionID="ses_1")
        hook("session.status", sessionID="ses_1", status={"type": "idle"})
        (session,), (turn,), (sub,) = self.by_level()
        self.assertEqual((turn.id, "completed", 1), (sub.cause, sub.terminal, sub.steps))
        self.assertEqual("completed", turn.terminal)
        self.assertEqual("ses_1", sub.started["session_id"])

    def test_gemini_tool_that_fails(self):
        own = {"session_id": "g", "cwd": "/x"}
        self.hook("gemini-cli", {**own, "hook_event_name": "BeforeAgent", "prompt": "go"})
        for event in ("BeforeTool", "AfterTool"):
            self.hook("gemini-cli", {**own, "hook_event_name": event, "tool_name": "t",
                                     "tool_input": {}, "tool_response": {"error": {"message": "m"}}})
        self.assertEqual(["start", "error"], [event["metadata"]["phase"] for event in
                                              self.executions()[1].progress])


if __name__ == "__main__":
    unittest.main()
