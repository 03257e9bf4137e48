# SPDX-License-Identifier: Apache-2.0
"""Every vector again, as a hostile world would have it: damaged bytes around what is good, each hook twice,
shells between, many at once, hooks that are killed."""
import base64
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

import playing
import test_vectors
from playing import harness

DEEP = "[" * 90 + "{\"session_id\":\"no\"}" + "]" * 90


def text_of(line):
    """The text of a line's standard input; None: it has none, or is damaged already."""
    return json.dumps(line["stdin"], ensure_ascii=False) if "stdin" in line else None


def changed(line, change):
    text = text_of(line)
    if text is None:
        return line
    rest = {name: value for name, value in line.items() if name != "stdin"}
    data = change(text)
    if isinstance(data, str):
        data = data.encode(errors="surrogatepass")
    return {**rest, "stdin_b64": base64.b64encode(data).decode()}


CHANGES = {
    "byte_order_mark": lambda text: "\ufeff" + text,
    "text_behind": lambda text: text + "\n}]garbage{\"session_id\":\"no\"}",
    "cut_behind": lambda text: text[:-1],
    "nul_between": lambda text: text.replace("\", \"", "\",\0 \"") + "\0\0",
    "ninety_levels": lambda text: '{"x":' + DEEP + "," + text[1:],
    "twice_the_name": lambda text: '{"session_id":"no","sessionId":"no","cwd":7,' + text[1:],
    "surrogates": lambda text: '{"x":"\\ud800","\\udc00":"\\u12",' + text[1:],
    "raw_bytes": lambda text: b'{"x":"\xff\xc3\x28",' + text[1:].encode(),
    "megabytes": lambda text: '{"x":"' + "y\\n" * 700000 + '",' + text[1:],
    "escaped_names": lambda text: text.replace('"session_id"', '"session\\u005fid"'),
    "many_members": lambda text: "{" + "".join(f'"m{i}":{i},' for i in range(3000)) + text[1:],
}


class Hostile(test_vectors.Vectors):
    """With each change around what is good, what comes of it is the same."""


for name in list(vars(test_vectors.Vectors)):
    if name.startswith("test_"):
        setattr(Hostile, name, None)  # only what follows


def is_chosen(change, agent, name):
    """Whole sessions of Claude Code, all of the others; of megabytes, a few turns."""
    if change == "megabytes":
        return name.startswith(("turn", "tool-"))
    return agent != "claude-code" or name.startswith("session-")


def add_hostile(change):
    def test(self):
        for agent, name, lines, expected in playing.vectors():
            if not is_chosen(change, agent, name):
                continue
            with self.subTest(agent=agent, vector=name):
                self.fresh()
                self.check(expected["executions"],
                           self.play([changed(line, CHANGES[change]) for line in lines], agent))
    setattr(Hostile, f"test_{change}", test)


for one in CHANGES:
    add_hostile(one)


class Doubled(test_vectors.Vectors):
    """A plugin and a settings file both call: what comes of it is the same."""

    def test_each_hook_twice_at_the_same_time(self):
        for agent, name, lines, expected in playing.vectors():
            with self.subTest(agent=agent, vector=name):
                self.fresh()
                doubled = []
                for number, line in enumerate(lines):
                    doubled += [{"group": 1000 + number, **line}] * 2
                self.check(expected["executions"], self.play(doubled, agent))


for name in list(vars(test_vectors.Vectors)):
    if name.startswith("test_"):
        setattr(Doubled, name, None)


class Garbage(playing.HookTest):
    """Whatever the bytes are: status 0, not a word, and no execution without its start."""

    WRONG = (None, True, -1, 1e308, "", "\0", "x" * 70000, [], [[]], {}, {"a": None}, "\ud800")

    def test_wrong_types_everywhere(self):
        names = ("session_id", "prompt_id", "cwd", "prompt", "tool_name", "tool_input",
                 "tool_use_id", "tool_response", "agent_id", "agent_type", "source", "reason",
                 "error", "background_tasks", "session_crons", "duration_ms", "notification_type",
                 "last_assistant_message", "tool_calls", "trigger")
        events = ("SessionStart", "UserPromptSubmit", "PreToolUse", "PermissionRequest",
                  "PostToolUse", "PostToolUseFailure", "PostToolBatch", "SubagentStart",
                  "SubagentStop", "Notification", "TaskCreated", "PreCompact", "Stop",
                  "StopFailure", "SessionEnd")
        chance = random.Random(7)
        for event in events * 2:
            wrong = {name: chance.choice(self.WRONG) for name in names}
            self.invoke((["claude-code"],
                         json.dumps({"hook_event_name": event, **wrong}).encode()))
        for execution in self.executions():
            self.assertIsNotNone(execution)

    def test_bytes_of_any_kind(self):
        chance = random.Random(11)
        good = json.dumps({"session_id": "s", "hook_event_name": "UserPromptSubmit",
                           "prompt": "go"}).encode()
        calls = []
        for agent in ("claude-code", "codex", "gemini-cli", "cursor", "copilot-cli", "opencode"):
            for data in (b"", b"\0", b"{", b"null", b"[1]", b'{"', b'{"session_id":"', b"\xff\xfe{\0",
                         chance.randbytes(3000), good[:40], good * 3):
                calls.append(([agent], data))
        for at in range(0, len(calls), 6):
            self.invoke(*calls[at:at + 6])
        self.executions()

    def test_an_argument_that_is_no_json(self):
        for text in ("{", "{}", '{"type":"agent-turn-complete"', "\ufeff{\"type\":1}", " ", "-h-"):
            self.invoke((["codex", text], None))
        self.executions()


class Together(playing.HookTest):
    def test_many_hooks_of_one_session_at_once(self):
        """Each is joined, or says alone that it came; nothing starts or ends twice."""
        self.claude("UserPromptSubmit", prompt="go")
        calls = []
        for i in range(60):
            for event in ("PreToolUse", "PostToolUse"):
                calls.append((["claude-code"], json.dumps({
                    "session_id": "s-1", "prompt_id": "t-1", "hook_event_name": event,
                    "tool_name": "Bash", "tool_input": {}, "tool_use_id": f"u{i}"}).encode()))
        self.invoke(*calls)
        joined = [e for e in self.events() if "joined" not in e["payload"].get("metadata", {})]
        self.assertEqual(2, sum("started" in e["event_type"] for e in joined))

    def test_first_hooks_of_a_session_at_once(self):
        for number in range(10):
            self.invoke(*((["claude-code"], json.dumps({
                "session_id": f"s-{number}", "prompt_id": "t", "hook_event_name": "PreToolUse",
                "tool_name": "Bash", "tool_input": {}, "tool_use_id": f"u{i}"}).encode())
                for i in range(6)))
        sessions, turns, _ = self.by_level()
        self.assertEqual([10, 10], [len(sessions), len(turns)])

    def test_a_hook_that_is_stopped_keeps_the_others_for_a_moment_only(self):
        self.claude("UserPromptSubmit", prompt="go")
        state = self.state_file()
        holder = subprocess.Popen(
            ["python3", "-c", HOLD, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(holder.communicate)
        holder.stdout.readline()
        begun = time.monotonic()
        self.claude("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id="u1")
        self.claude("Stop")
        self.assertLess(time.monotonic() - begun, 30)
        self.assertEqual(["PreToolUse", "Stop"],
                         [e["payload"]["current_step"] for e in self.events()
                          if e["payload"].get("metadata", {}).get("joined") is False])
        with open(os.path.join(self.spool, "hooks.log"), encoding="utf-8") as file:
            self.assertIn("another hook of this session takes too long", file.read())

    def test_an_agent_that_blocks_signals_waits_no_longer(self):
        self.claude("UserPromptSubmit", prompt="go")
        holder = subprocess.Popen(["python3", "-c", HOLD, self.state_file()],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(holder.communicate)
        holder.stdout.readline()
        self.claude("Stop", before=[sys.executable, "-c", BLOCK])
        self.assertIs(False, self.events()[-1]["payload"]["metadata"]["joined"])

    def test_without_a_state_nothing_begins_with_an_end(self):
        self.claude("Notification", notification_type="idle_prompt")  # makes the folder
        shutil.rmtree(os.path.join(self.spool, "hooks"))
        with open(os.path.join(self.spool, "hooks"), "w", encoding="utf-8"):
            pass
        for event in ("SessionEnd", "Notification", "SubagentStop", "PreToolUse"):
            self.claude(event, notification_type="idle_prompt", agent_id="a", agent_type="E")
        self.assertEqual(["PreToolUse"], [e["payload"]["current_step"] for e in self.events()])

    def state_file(self):
        folder = os.path.join(self.spool, "hooks")
        (state,) = [os.path.join(folder, sub, name) for sub in os.listdir(folder) if len(sub) == 2
                    for name in os.listdir(os.path.join(folder, sub))]
        return state


HOLD = """
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 1, 0))  # F_OFD_SETLK
print("held", flush=True)
sys.stdin.read()
"""

# With every signal blocked, runs a command: it has a minute.
BLOCK = """
import signal, subprocess, sys
block = lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
sys.exit(subprocess.run(sys.argv[1:], preexec_fn=block, timeout=60).returncode)
"""


class Killed(playing.HookTest):
    """A hook is killed at any point: one start and at most one end each, and the agent's end ends all."""

    ROUNDS = int(os.environ.get("AEP_HOOK_KILLS", "300")) // 4

    def test_hooks_are_killed_at_any_point(self):
        self.use_relay()
        chance = random.Random(3)
        self.claude("SessionStart", source="startup")
        for i in range(self.ROUNDS):
            for event, members in (("UserPromptSubmit", {"prompt": "go"}),
                                   ("SubagentStart", {"agent_id": f"a{i}", "agent_type": "E"}),
                                   ("SubagentStop", {"agent_id": f"a{i}", "agent_type": "E"}),
                                   ("Stop", {})):
                stdin = {"session_id": "s-1", "prompt_id": f"t-{i}", "hook_event_name": event,
                         **members}
                self.kill_within(json.dumps(stdin).encode(), chance.random() * 0.004)
        self.claude("UserPromptSubmit", turn="last", prompt="go")
        self.claude("Stop", turn="last")
        last = [e for e in self.executions() if e.kind == "turn"][-1]
        self.assertEqual("completed", last.terminal)
        self.kill_agent()
        self.wait_until(lambda: all(e.terminal for e in self.executions()), "ended")
        self.assertEqual(1, sum(e.kind == "session" for e in self.executions()))

    def kill_within(self, data, seconds):
        agent = self.agent()
        process = subprocess.Popen([harness.PROGRAM, "hook", "claude-code"],
                                   env={**self.env, "CLAUDE_PID": str(agent.pid)},
                                   cwd=self.folder, stdin=subprocess.PIPE)
        process.stdin.write(data)
        process.stdin.close()
        timer = threading.Timer(seconds, lambda: process.send_signal(signal.SIGKILL))
        timer.start()
        process.wait()
        timer.join()


if __name__ == "__main__":
    unittest.main()
