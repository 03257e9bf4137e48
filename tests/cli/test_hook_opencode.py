# SPDX-License-Identifier: Apache-2.0
"""The plugin that `aep hook install opencode` writes, run by node as opencode would run it."""
import json
import os
import pathlib
import shutil
import unittest

from test_hook_install import HookTest

DRIVER = """
import { readFileSync } from "node:fs";
const { default: none, ...exported } = await import(process.argv[2]);
if (none || Object.keys(exported).length !== 1) throw new Error("opencode runs every export as a plugin");
const hooks = await Object.values(exported)[0]({ project: {}, client: {}, directory: "/" });
const loop = { type: "session.created", properties: {} };
loop.properties.self = loop;
const calls = {
  event: (value) => hooks.event({ event: value }),
  before: (value) => hooks["tool.execute.before"](...value),
  after: (value) => hooks["tool.execute.after"](...value),
  message: (value) => hooks["chat.message"](...value),
  loop: () => hooks.event({ event: loop }),
  nothing: async () => {
    await hooks.event({});
    await hooks["tool.execute.before"]();
    await hooks["chat.message"]();
    await hooks["chat.message"]({}, { parts: 1 });
    await hooks["tool.execute.after"]();
  },
};
for (const [name, value] of JSON.parse(readFileSync(0, "utf8"))) {
  const answer = await calls[name](value);
  if (answer !== undefined) throw new Error("a hook answered");
}
"""

RECORDER = """#!/bin/sh
echo "$*" >> "$RECORD.args"
cat >> "$RECORD"
"""


@unittest.skipUnless(shutil.which("node"), "node is not installed")
class Plugin(HookTest):
    def setUp(self):
        super().setUp()
        self.record = pathlib.Path(self.folder) / "record"
        self.env["RECORD"] = str(self.record)
        self.driver = pathlib.Path(self.folder) / "driver.mjs"
        self.driver.write_text(DRIVER)
        self.install("opencode")
        # opencode's own folder has no package.json, or one that says so: the plugin is a module.
        (self.place("opencode").parent / "package.json").write_text('{"type": "module"}')

    def call_instead(self, program):
        """Lets the plugin call this program."""
        plugin = self.place("opencode")
        own = json.loads(self.run_aep("hook", "status", "--json", "opencode").stdout)["program"]
        plugin.write_text(plugin.read_text().replace(json.dumps(own), json.dumps(str(program))))

    def record_calls(self):
        recorder = pathlib.Path(self.folder) / "recorder"
        recorder.write_text(RECORDER)
        recorder.chmod(0o755)
        self.call_instead(recorder)

    def run_plugin(self, calls):
        """Runs hooks, and waits until node has nothing left to do: until all is sent."""
        (self.driver.parent / "calls").write_text(json.dumps(calls))
        with open(self.driver.parent / "calls") as stdin:
            done = self.run_program("node", str(self.driver), str(self.place("opencode")), stdin=stdin)
        self.assertEqual(done.returncode, 0)

    def sent(self):
        return [json.loads(line) for line in self.record.read_text().splitlines()] if self.record.exists() else []

    def test_events_are_sent_in_their_order(self):
        self.record_calls()
        calls = [("event", {"type": "session.created", "properties": {"info": {"id": "ses_1", "title": "T"}}}),
                 ("event", {"type": "session.status", "properties": {"sessionID": "ses_1", "status": {"type": "busy"}}}),
                 ("before", [{"tool": "bash", "sessionID": "ses_1", "callID": "c1"}, {"args": {"command": "ls"}}]),
                 ("after", [{"tool": "bash", "sessionID": "ses_1", "callID": "c1"},
                            {"title": "ls", "output": "x" * 100000, "metadata": {}}]),
                 *(("event", {"type": "session.status", "properties": {"n": n}}) for n in range(50)),
                 ("event", {"type": "session.idle", "properties": {"sessionID": "ses_1"}})]
        self.run_plugin(calls)
        sent = self.sent()
        self.assertEqual(sent[0], calls[0][1])
        self.assertEqual(sent[2], {"type": "tool.execute.before", "properties": {
            "tool": "bash", "sessionID": "ses_1", "callID": "c1", "args": {"command": "ls"}}})
        self.assertEqual(sent[3]["type"], "tool.execute.after")
        self.assertEqual(len(sent[3]["properties"]["output"]), 16384)
        self.assertEqual([one["properties"].get("n") for one in sent[4:-1]], list(range(50)))
        self.assertEqual(sent[-1]["type"], "session.idle")
        self.assertEqual(set((self.record.parent / "record.args").read_text().splitlines()), {"hook opencode"})

    def test_a_turn_has_its_prompt_and_its_answer(self):
        self.record_calls()
        one, two = {"sessionID": "ses_1"}, {"sessionID": "ses_2"}

        def status(session, state):
            return ("event", {"type": "session.status", "properties": {**session, "status": {"type": state}}})

        def part(session, message, text):
            return ("event", {"type": "message.part.updated",
                              "properties": {"part": {"type": "text", "messageID": message, "text": text, **session}}})

        def reply(session, message):
            return ("event", {"type": "message.updated",
                              "properties": {"info": {"role": "assistant", "id": message, **session}}})

        self.run_plugin([
            ("message", [one, {"parts": [{"type": "text", "text": "Fix it"}, {"type": "file", "text": "no"},
                                         {"type": "text", "text": "no", "synthetic": True}, {"type": "text", "text": "now"}]}]),
            status(one, "busy"), part(one, "m0", "Fix it"), reply(one, "m1"), part(one, "m1", "Do"), part(two, "m1", "no"),
            part(one, "m1", "Done."), status(one, "busy"), status(one, "idle"),
            ("event", {"type": "session.idle", "properties": one}), status(one, "busy"), status(two, "idle")])
        sent = [(event["type"], event["properties"].get("prompt"), event["properties"].get("last_assistant_message"))
                for event in self.sent()]
        self.assertEqual(sent, [("session.status", "Fix it\nnow", None), ("session.status", None, None),
                                ("session.status", None, "Done."), ("session.idle", None, "Done."),
                                ("session.status", None, None), ("session.status", None, None)])

    def test_what_comes_per_chunk_starts_no_process(self):
        self.record_calls()
        self.run_plugin([("event", {"type": name, "properties": {}}) for name in
                         ("message.part.updated", "message.updated", "file.edited", "lsp.updated", "server.connected")])
        self.assertEqual(self.sent(), [])

    def test_nothing_makes_a_hook_fail(self):
        self.record_calls()
        idle = ("event", {"type": "session.idle", "properties": {"sessionID": "s"}})
        self.run_plugin([("loop", None), ("nothing", None), idle])
        self.assertEqual(self.sent()[-1], idle[1])
        for program in ("/nowhere/aep", self.folder, "/bin/false"):
            self.install("opencode")
            self.call_instead(program)
            self.run_plugin([idle, idle])
        broken = os.path.join(self.folder, "broken")
        with open(broken, "w") as file:
            file.write("no program\n")
        os.chmod(broken, 0o755)
        self.install("opencode")
        self.call_instead(broken)
        self.run_plugin([idle])

    def test_what_opencode_does_is_published(self):
        self.env["AEP_MODE"] = "local"
        session = {"sessionID": "ses_efa44b0b5ffe"}
        self.run_plugin([
            ("event", {"type": "session.created", "properties": {**session, "info": {"id": "ses_efa44b0b5ffe", "title": "New", "directory": "/work"}}}),
            ("message", [session, {"parts": [{"type": "text", "text": "Fix the ledger"}]}]),
            ("event", {"type": "session.status", "properties": {**session, "status": {"type": "busy"}}}),
            ("event", {"type": "message.updated", "properties": {"info": {"role": "assistant", "id": "m", **session}}}),
            ("event", {"type": "message.part.updated", "properties": {"part": {"type": "text", "messageID": "m", "text": "Done.", **session}}}),
            ("before", [{"tool": "bash", "callID": "c1", **session}, {"args": {"command": "ls"}}]),
            ("after", [{"tool": "bash", "callID": "c1", **session}, {"title": "ls", "output": "x"}]),
            ("event", {"type": "session.idle", "properties": session}),
            ("event", {"type": "session.idle", "properties": session})])
        events = [(event["event_type"].split(".")[-2], event["payload"]) for event in self.events()]
        self.assertEqual([kind for kind, _ in events if kind != "progress"], ["started", "started", "completed"])
        self.assertEqual({payload["agent_name"] for _, payload in events}, {"opencode"})
        self.assertEqual([payload["user_request"] for kind, payload in events if kind == "started"][1], "Fix the ledger")
        self.assertEqual([payload["result_summary"] for kind, payload in events if kind == "completed"], ["Done."])
        phases = [payload["metadata"].get("phase") for kind, payload in events if kind == "progress"]
        self.assertEqual([phase for phase in phases if phase], ["start", "end"])
        self.assertNotIn("ls", json.dumps([payload for kind, payload in events if kind == "progress"]))
