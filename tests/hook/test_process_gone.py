# SPDX-License-Identifier: Apache-2.0
"""The agent's process is killed, and no hook says anything: the relay ends what was open."""
import json
import os
import signal
import subprocess
import unittest

import playing


class ProcessGone(playing.HookTest):
    def setUp(self):
        super().setUp()
        self.use_relay()

    def await_ends(self, count):
        self.wait_until(lambda: sum(e.terminal is not None for e in self.executions()) >= count,
                        f"{count} ends")

    def check_abandoned(self, execution):
        self.assertEqual("failed", execution.terminal)
        self.assertEqual("ABANDONED", execution.end["error_code"])
        self.assertIs(True, execution.end["inferred"])

    def sleeper(self):
        process = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_all_that_was_open_is_abandoned_children_first(self):
        self.claude("SessionStart", source="startup")
        self.claude("UserPromptSubmit", prompt="go")
        for i in range(6):
            self.claude("SubagentStart", agent_id=f"a{i}", agent_type="Explore")
        self.kill_agent()
        self.await_ends(8)
        executions = self.executions()
        self.assertEqual(["session", "turn"] + ["subagent"] * 6, [e.kind for e in executions])
        for execution in executions:
            self.check_abandoned(execution)
        order = [e["causation_id"] for e in self.events() if "failed" in e["event_type"]]
        self.assertEqual([e.id for e in reversed(executions)], order)

    def test_with_nothing_open_the_session_has_ended_well(self):
        self.claude("SessionStart", source="startup")
        self.claude("UserPromptSubmit", prompt="go")
        self.claude("Stop", last_assistant_message="done")
        self.kill_agent()
        self.await_ends(2)
        (session,), (turn,), _ = self.by_level()
        self.assertEqual("completed", turn.terminal)
        self.assertEqual("completed", session.terminal)
        self.assertEqual("process_gone", session.end["metrics"]["ended_by"])
        self.assertNotIn("inferred", session.end)

    def test_a_session_in_which_nothing_was_asked_has_ended_well(self):
        self.claude("SessionStart", source="startup")
        self.kill_agent()
        self.await_ends(1)
        self.assertEqual("completed", self.executions()[0].terminal)

    def test_a_bad_last_turn_makes_it_a_failure(self):
        self.claude("SessionStart", source="startup")
        self.claude("UserPromptSubmit", prompt="go")
        self.claude("StopFailure", error="server_error", last_assistant_message="529")
        self.kill_agent()
        self.await_ends(2)
        (session,), (turn,), _ = self.by_level()
        self.assertEqual("server_error", turn.end["error_type"])
        self.check_abandoned(session)

    def test_an_open_subagent_makes_it_a_failure(self):
        self.claude("UserPromptSubmit", prompt="go")
        self.claude("SubagentStart", agent_id="a1", agent_type="Explore")
        self.claude("Stop", last_assistant_message="it goes on")
        self.kill_agent()
        self.await_ends(3)
        (session,), (turn,), (sub,) = self.by_level()
        self.assertEqual("completed", turn.terminal)
        self.check_abandoned(sub)
        self.check_abandoned(session)

    def test_claude_code_names_its_process_itself(self):
        named = self.sleeper()
        env = {"CLAUDE_PID": str(named.pid)}
        self.claude("UserPromptSubmit", prompt="go", env=env)
        self.kill_agent()
        self.claude("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id="u1", env=env,
                    agent="another")
        self.assertEqual([None, None], [e.terminal for e in self.executions()])
        named.send_signal(signal.SIGKILL)
        self.await_ends(2)
        for execution in self.executions():
            self.check_abandoned(execution)
            self.assertIn(f"process {named.pid} (sleep)", execution.end["error_message"])

    def test_a_dead_process_is_not_taken_for_it(self):
        named = self.sleeper()
        named.kill()
        named.wait()
        self.claude("UserPromptSubmit", prompt="go", env={"CLAUDE_PID": str(named.pid)})
        self.kill_agent()
        self.await_ends(2)

    def test_a_shell_between_is_looked_through(self):
        shell = ("sh", "-c", '"$@"; true', "sh")
        self.claude("SessionStart", source="startup", before=shell)
        self.claude("UserPromptSubmit", prompt="go", before=shell)
        self.claude("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id="u1", before=shell)
        self.assertEqual([None, None], [e.terminal for e in self.executions()])
        pid = self.agent().pid
        self.kill_agent()
        self.await_ends(2)
        self.assertIn(f"process {pid} ", self.executions()[0].end["error_message"])

    def test_another_process_that_resumes_begins_a_new_run(self):
        self.claude("SessionStart", source="startup")
        self.claude("UserPromptSubmit", prompt="go")
        self.kill_agent()
        self.claude("SessionStart", source="resume", turn=None, agent="next")
        self.claude("UserPromptSubmit", prompt="again", turn="t-2", agent="next")
        self.await_ends(2)
        (first, second), (lost, turn), _ = self.by_level()
        self.assertEqual([0, 1], [first.context["run"], second.context["run"]])
        self.assertEqual(first.id, second.cause)
        self.assertEqual(second.id, turn.cause)
        self.assertEqual(first.correlation_id, second.correlation_id)
        self.check_abandoned(lost)
        self.check_abandoned(first)
        self.assertIsNone(turn.terminal)

    def test_another_process_that_just_goes_on_begins_a_new_run(self):
        self.claude("UserPromptSubmit", prompt="go")
        self.kill_agent()
        self.claude("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id="u1", agent="next")
        self.await_ends(2)
        (first, second), (lost, turn), _ = self.by_level()
        self.assertEqual(first.id, second.cause)
        self.assertEqual(lost.id, turn.cause)
        self.assertTrue(turn.context["continuation"])

    def test_many_agents_at_once(self):
        names = [f"agent-{i}" for i in range(8)]
        for name in names:
            self.claude("UserPromptSubmit", name, prompt="go", agent=name)
        for name in names:
            os.kill(self.agent(name).pid, signal.SIGKILL)
        self.await_ends(16)
        for execution in self.executions():
            self.check_abandoned(execution)

    def test_an_agent_with_many_sessions(self):
        """More files of the roll than are synced each by each."""
        self.invoke(*((["claude-code"], json.dumps({
            "session_id": f"s-{i}", "prompt_id": "t", "cwd": "/x", "prompt": "go",
            "hook_event_name": "UserPromptSubmit"}).encode()) for i in range(40)))
        os.kill(self.agent().pid, signal.SIGKILL)
        self.await_ends(80)
        for execution in self.executions():
            self.check_abandoned(execution)


if __name__ == "__main__":
    unittest.main()
