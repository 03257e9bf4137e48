# SPDX-License-Identifier: Apache-2.0
"""examples/claude-code: what the hook publishes about a session, and that it never disturbs the
agent."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from harness import DEADLINE_S, PROGRAM, AepTest

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/claude-code"
SESSION = "0fc37bc9-ee79-4fa3-9641-e037d5cb576e"


@unittest.skipUnless(shutil.which("jq"), "jq is not installed")
class ClaudeCode(AepTest):
    def hook(self, text):
        """Calls the hook as Claude Code does. It must succeed and print nothing, whatever its
        input."""
        path = f"{os.path.dirname(PROGRAM)}:{self.env['PATH']}"
        done = subprocess.run([EXAMPLE / "publish-hook"], input=text, text=True, cwd=self.folder,
                              env={**self.env, "PATH": path}, timeout=DEADLINE_S,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual((done.returncode, done.stdout), (0, ""), text)

    def call(self, name, **fields):
        self.hook(json.dumps({"session_id": SESSION, "cwd": "/work", "hook_event_name": name, **fields}))

    def test_a_turn_is_an_execution(self):
        self.call("SessionStart", source="startup")
        self.call("UserPromptSubmit", prompt="Fix the ledger.")
        self.call("PreToolUse", tool_name="Bash", tool_input={"command": "make"}, tool_use_id="t1")
        self.call("Notification", message="Claude needs your permission",
                  notification_type="permission_prompt")
        self.call("Stop", stop_hook_active=False, last_assistant_message="Fixed.")
        events = [(event["event_type"].split(".")[-2], event["payload"]) for event in self.events()]
        self.assertEqual([kind for kind, _ in events], ["started", "progress", "progress", "completed"])
        self.assertEqual({payload["correlation_id"] for _, payload in events}, {SESSION})
        self.assertEqual(events[0][1]["user_request"], "Fix the ledger.")
        self.assertEqual(events[0][1]["context"], {"cwd": "/work"})
        self.assertEqual(events[1][1]["current_step"], "Bash")
        self.assertEqual(events[2][1]["metadata"], {"status": "waiting", "waiting_for": "permission"})
        self.assertEqual(events[3][1]["result_summary"], "Fixed.")

    def test_a_turn_that_fails(self):
        self.call("StopFailure", error="rate_limit")
        self.assertEqual(self.payloads("failed")[0]["error_message"], "rate_limit")

    def test_nothing_disturbs_the_agent(self):
        for text in ("", "no JSON", "[]", "{}", '{"hook_event_name":"Stop"}'):
            self.hook(text)
        self.env["AEP_SPOOL_DIR"] = "not/absolute"
        self.call("UserPromptSubmit", prompt="x")

    def test_the_settings_call_it_for_what_it_publishes(self):
        hooks = json.loads((EXAMPLE / "settings.json").read_text())["hooks"]
        script = (EXAMPLE / "publish-hook").read_text()
        for name, [group] in hooks.items():
            self.assertIn(f'"{name}"', script)
            self.assertTrue(group["hooks"][0]["command"].endswith("/publish-hook"))
        self.assertEqual(len(hooks), script.count(".hook_event_name =="))
