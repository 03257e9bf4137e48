# SPDX-License-Identifier: Apache-2.0
"""Every vector: what its invocations make of executions is what must come of them."""
import json
import unittest

import playing

CODES = {"interrupted": "INTERRUPTED", "abandoned": "ABANDONED"}


def refs_of(executions):
    """A name for each: session or session1 …, turn1 …, sub1 …, by kind and order."""
    counts, refs = {}, {}
    sessions = sum(execution.kind == "session" for execution in executions)
    for execution in executions:
        counts[execution.kind] = counts.get(execution.kind, 0) + 1
        word = {"session": "session", "turn": "turn", "subagent": "sub"}[execution.kind]
        plain = word == "session" and sessions == 1
        refs[execution.id] = word + ("" if plain else str(counts[execution.kind]))
    return refs


class Vectors(playing.HookTest):
    def check(self, expected, executions):
        refs = refs_of(executions)
        self.assertEqual(sorted(want["ref"] for want in expected), sorted(refs.values()))
        by_ref = {refs[execution.id]: execution for execution in executions}
        for want in expected:
            with self.subTest(ref=want["ref"]):
                self.check_one(want, by_ref[want["ref"]], refs)

    def check_one(self, want, got, refs):
        self.assertEqual(want["kind"], got.kind)
        self.assertEqual(want["terminal"], got.terminal)
        self.assertEqual(want["terminal_by"], got.terminal_by)
        self.assertEqual(want["cause"], refs.get(got.cause))
        if want["cause"] is None:
            self.assertEqual(got.correlation_id, got.cause)
        self.assertEqual(want.get("inferred_start", False), got.context.get("inferred_start", False))
        self.assertEqual(want.get("continuation", False), got.context.get("continuation", False))
        self.assertIn("run", got.context)
        self.check_end(want, got)
        self.check_progress(want, got)
        for member in ("reason", "trigger", "agent"):
            if member in want:
                self.assertIn(want[member], json.dumps([got.started, got.progress, got.end]))

    def check_end(self, want, got):
        if got.terminal != "failed":
            return
        if "error_type" in want:
            code = CODES.get(want["error_type"])
            self.assertEqual(code or want["error_type"],
                             got.end.get("error_code" if code else "error_type"))
        self.assertEqual(want.get("inferred", False), got.end.get("inferred", False))

    def check_progress(self, want, got):
        self.assertGreaterEqual(len(got.progress), want.get("min_progress", 0))
        self.assertEqual(want.get("waits", []) if "waits" in want else got.waits, got.waits)
        if "steps_completed" in want:
            self.assertEqual(want["steps_completed"], got.steps)
        if "ends_state" in want:
            self.assertEqual(want["ends_state"], got.state)
        for event in got.progress:
            self.assertIn(event["metadata"]["status"], ("working", "waiting"))


def add_test(agent, name, lines, expected):
    def test(self):
        if any(line["hook"] == "@process_gone" for line in lines):
            self.use_relay()
        self.check(expected["executions"], self.play(lines, agent))
    setattr(Vectors, f"test_{agent}_{name}".replace("-", "_"), test)


for one in playing.vectors():
    add_test(*one)

if __name__ == "__main__":
    unittest.main()
