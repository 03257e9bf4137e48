# SPDX-License-Identifier: Apache-2.0
"""The command itself: its contract with the agent, configuration, replay, and what it leaves on disk."""
import glob
import json
import os
import subprocess
import time
import unittest

import playing
from playing import harness

PROMPT = {"session_id": "s-1", "cwd": "/x", "prompt_id": "t-1",
          "hook_event_name": "UserPromptSubmit", "prompt": "go"}


class Contract(playing.HookTest):
    def run_hook(self, *arguments, data=b"", **more):
        done = subprocess.run([harness.PROGRAM, "hook", *arguments], input=data, cwd=self.folder,
                              capture_output=True, env=self.env, timeout=60, **more)
        self.assertEqual((0, b"", b""), (done.returncode, done.stdout, done.stderr))

    def log(self, folder=None):
        with open(os.path.join(folder or self.spool, "hooks.log"), encoding="utf-8") as file:
            return file.read()

    def test_input_is_read_to_its_end(self):
        reader, writer = os.pipe()
        process = subprocess.Popen([harness.PROGRAM, "hook", "claude-code"], stdin=reader,
                                   env=self.env, cwd=self.folder)
        os.close(reader)
        with os.fdopen(writer, "wb") as file:  # a closed pipe would raise
            file.write(json.dumps(PROMPT).encode())
            for _ in range(160):
                file.write(b" " * 262144)
        self.assertEqual(0, process.wait(60))
        self.assertEqual(2, len(self.executions()))

    def test_input_is_read_for_an_agent_that_is_not_known(self):
        self.run_hook("nobody", data=b"x" * 1000000)
        state = os.path.join(self.folder, "state", "aep", "local")
        self.assertIn('no agent is called "nobody"', self.log(state))
        self.run_hook("", data=b"x")
        self.assertIn('no agent is called ""', self.log(state))

    def test_a_folder_of_work_that_has_vanished(self):
        gone = os.path.join(self.folder, "gone")
        os.mkdir(gone)
        process = subprocess.run(
            ["sh", "-c", f'rmdir "{gone}"; exec "{harness.PROGRAM}" hook claude-code'], cwd=gone,
            input=json.dumps(PROMPT).encode(), env=self.env, capture_output=True, timeout=60)
        self.assertEqual((0, b"", b""), (process.returncode, process.stdout, process.stderr))
        self.assertEqual(2, len(self.executions()))

    def test_a_bad_configuration_is_logged(self):
        self.env["AEP_SPOOL_SYNC"] = "perhaps"
        self.run_hook("claude-code", data=json.dumps(PROMPT).encode())
        self.assertIn("spool.sync", self.log(os.path.join(self.folder, "state", "aep")))

    def test_a_spool_that_cannot_be_used_is_logged(self):
        self.env["AEP_SPOOL_DIR"] = "/dev/null/spool"
        self.run_hook("claude-code", data=json.dumps(PROMPT).encode())
        self.assertIn("/dev/null/spool", self.log(os.path.join(self.folder, "state", "aep")))

    def test_without_a_home_it_is_silent(self):
        del self.env["HOME"], self.env["XDG_STATE_HOME"]
        self.run_hook("claude-code", data=json.dumps(PROMPT).encode())

    def test_with_events_disabled_nothing_is_left(self):
        self.env["AEP_EVENTS_ENABLED"] = "false"
        self.run_hook("claude-code", data=json.dumps(PROMPT).encode())
        self.assertFalse(os.path.exists(self.spool))

    def test_without_descriptors(self):
        self.run_hook("claude-code", preexec_fn=lambda: (os.close(0), os.close(1), os.close(2)))

    def test_brokers_make_it_publish_to_kafka(self):
        self.env["KAFKA_BOOTSTRAP_SERVERS"] = "localhost:1"
        self.run_hook("claude-code", data=json.dumps(PROMPT).encode())
        self.assertFalse(os.path.exists(self.spool))
        self.assertTrue(glob.glob(os.path.join(self.folder, "state/aep/localhost_1-*/hooks/??")))

    def test_the_input_says_its_name_before_the_command_line(self):
        self.run_hook("claude-code", "Stop", data=json.dumps(PROMPT).encode())
        self.assertEqual([None, None], [e.terminal for e in self.executions()])

    def test_an_unnamed_session_is_counted(self):
        self.run_hook("claude-code", data=b'{"hook_event_name":"Stop"}')
        self.assertIn("Stop: the input names no session", self.log())

    def test_nothing_is_left_running_with_the_agents_descriptors(self):
        self.use_relay()
        reader, writer = os.pipe()
        subprocess.run([harness.PROGRAM, "hook", "claude-code"], input=json.dumps(PROMPT).encode(),
                       stdout=writer, stderr=writer, env=self.env, timeout=60)
        os.close(writer)
        self.assertEqual(b"", os.read(reader, 1))  # an end: nobody has the other one
        os.close(reader)

    def test_help_and_a_missing_agent_are_for_people(self):
        self.assertIn("AGENT [EVENT]", self.run_aep("hook", "--help").stdout)
        self.assertIn("hook: no action given", self.run_aep("hook", status=2).stderr)


class OnDisk(playing.HookTest):
    def states(self):
        return glob.glob(os.path.join(self.spool, "hooks", "??", "*"))

    def test_an_unknown_session_leaves_nothing(self):
        self.claude("SessionEnd", reason="other")
        self.claude("Notification", notification_type="idle_prompt")
        self.assertEqual([], self.states())

    def test_a_state_has_a_fixed_size_and_no_text(self):
        self.claude("UserPromptSubmit", prompt="a-marker-of-mine")
        for i in range(200):
            self.claude("PreToolUse", tool_name="Bash", tool_use_id=f"u{i}",
                        tool_input={"command": "a-marker-of-mine"})
        (state,) = self.states()
        self.assertLess(os.path.getsize(state), 65536)
        with open(state, "rb") as file:
            self.assertNotIn(b"a-marker-of-mine", file.read())

    def test_what_has_ended_long_ago_goes_and_what_is_open_stays(self):
        """The folders of states are tidied by the first hook of a session in them."""
        for i in range(3):
            self.claude("UserPromptSubmit", f"open-{i}", prompt="go")
            self.claude("UserPromptSubmit", f"ended-{i}", prompt="go")
            self.claude("SessionEnd", f"ended-{i}", reason="other")
        before = self.states()
        self.assertEqual(6, len(before))
        old = time.time() - 30 * 86400
        for state in before:
            os.utime(state, (old, old))
        for i in range(3000):  # until every folder that has one was visited
            if len([s for s in before if os.path.exists(s)]) == 3:
                break
            self.claude("SessionStart", f"new-{i}", source="startup")
        for i in range(3):
            self.claude("Stop", f"open-{i}")
        turns = [e for e in self.executions() if e.terminal == "completed" and e.kind == "turn"]
        self.assertEqual(3, len(turns))
        self.assertFalse(any(e.context.get("inferred_start") for e in turns))

    def test_a_damaged_state_is_one_that_was_not_there(self):
        self.claude("UserPromptSubmit", prompt="go")
        (state,) = self.states()
        with open(state, "r+b") as file:
            file.write(os.urandom(os.path.getsize(state)))
        self.claude("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id="u1")
        sessions, turns, _ = self.by_level()
        self.assertEqual([False, True], [e.context.get("inferred_start", False) for e in turns])
        self.assertEqual(1, len(turns[1].progress))

    def test_a_spool_is_removed_with_its_hooks(self):
        self.claude("SessionStart", source="startup")
        self.claude("SessionEnd", reason="other")
        self.run_aep("spool", "remove", "--force", env={"AEP_MODE": "local"})
        self.assertFalse(os.path.exists(self.spool))

    def test_capture(self):
        secret = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
        self.env["AEP_HOOK_CAPTURE"] = "tools"
        self.env["AEP_CAPTURE_REQUEST"] = "off"
        self.claude("UserPromptSubmit", prompt="a-marker-of-mine")
        self.claude("PreToolUse", tool_name="Bash", tool_use_id="u1",
                    tool_input={"command": "echo " + secret, "password": "hunter2hunter2",
                                "text": "x" * 9000})
        self.claude("PostToolUse", tool_name="Bash", tool_use_id="u1", tool_input={},
                    tool_response="é" * 2040 + " " + secret)
        (session,), (turn,), _ = self.by_level()
        text = json.dumps(self.events())
        for hidden in (secret, secret[:12], "hunter2", "a-marker-of-mine"):
            self.assertNotIn(hidden, text)
        start, end = (event["metadata"] for event in turn.progress)
        self.assertTrue(start["input"].startswith('{"command":"echo [REDACTED'), start)
        self.assertLessEqual(len(start["input"].encode()), 4096)
        self.assertTrue(end["output"].startswith("é" * 2040 + " [REDACTED"), end["output"][2040:])
        self.assertLessEqual(len(end["output"].encode()), 4096)

    def test_nothing_of_tools_without_capture(self):
        self.claude("UserPromptSubmit", prompt="go")
        for event in ("PreToolUse", "PermissionRequest", "PostToolUse"):
            self.claude(event, tool_name="Bash", tool_use_id="u1",
                        tool_input={"command": "a-marker-of-mine"},
                        tool_response={"stdout": "a-marker-of-mine"})
        self.assertEqual(3, len(self.executions()[1].progress))
        self.assertNotIn("a-marker-of-mine", json.dumps(self.events()))


class Replay(playing.HookTest):
    FILE = str(playing.VECTORS / "claude-code" / "session-3-permission-esc-clear.jsonl")

    def replay(self, *words, stdin=None, status=0):
        return self.run_aep("hook", "replay", *words, stdin=stdin, status=status)

    def test_a_vector_is_replayed(self):
        self.assertIn("14 hooks replayed", self.replay(self.FILE).stdout)
        self.assertEqual(["session", "turn", "turn", "session"],
                         [e.kind for e in self.executions()])
        self.assertTrue(all(e.terminal for e in self.executions()))

    def test_it_may_go_to_a_spool_of_its_own(self):
        look = os.path.join(self.folder, "look")
        self.assertIn(look, self.replay("--spool", look, self.FILE).stdout)
        shown = self.run_aep("tail", "-n", "all", "--json", "--spool", look).stdout
        topics = [json.loads(line)["topic"] for line in shown.splitlines()]
        self.assertEqual(topics.count("omninode.agent.execution.started.v1"), 4)
        self.assertEqual([], self.executions())

    def test_an_agent_that_is_gone_ends_what_is_open(self):
        self.use_relay()
        line = json.dumps({"hook": "UserPromptSubmit", "stdin": PROMPT})
        self.replay("--agent", "claude-code", "-", stdin=line + '\n{"hook":"@process_gone"}\n')
        self.wait_until(lambda: all(e.terminal for e in self.executions()), "ended")
        self.assertEqual(["ABANDONED"] * 2, [e.end["error_code"] for e in self.executions()])

    def test_other_forms(self):
        text = json.dumps(PROMPT)
        lines = [{"hook": "UserPromptSubmit", "stdin_text": text},
                 {"hook": "Stop", "stdin_b64":
                  "eyJzZXNzaW9uX2lkIjoicy0xIiwicHJvbXB0X2lkIjoidC0xIiwiaG9va19ldmVudF9uYW1lIjoiU3RvcCJ9"},
                 {"hook": "notify", "called_as": "codex",
                  "argv_json": {"type": "agent-turn-complete", "thread-id": "c", "turn-id": "d"}},
                 {"hook": "@note", "note": "nothing"}, {"what": "is this"}]
        done = self.replay("--agent", "claude-code", "-",
                           stdin="".join(json.dumps(line) + "\n" for line in lines))
        self.assertIn("3 hooks replayed, 1 lines without an input", done.stdout)
        self.assertEqual([None, "completed", None, "completed"],
                         [e.terminal for e in self.executions()])

    def test_without_an_agent_it_is_refused(self):
        self.assertIn("--agent NAME", self.replay("-", stdin="", status=2).stderr)


if __name__ == "__main__":
    unittest.main()
