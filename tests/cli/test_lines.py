# SPDX-License-Identifier: Apache-2.0
"""aep publish --stdin: one event per line."""
import json
import os
import subprocess
import time

from harness import DEADLINE_S, AepTest


SMALL = ["--set", "spool.segment_bytes=64KiB", "--set", "spool.max_bytes=256KiB"]


def line(**members):
    return json.dumps(members) + "\n"


class Lines(AepTest):
    def counter(self, name):
        return json.loads(self.run_aep("status", "--json").stdout)["spools"][0]["counters"][name]

    def publish(self, text, *args, status=0):
        return self.run_aep("publish", "--stdin", *args, stdin=text, status=status)

    def test_many_lines_in_order(self):
        text = "".join(line(kind="progress", agent_name="a", correlation_id="c", steps_completed=i)
                       for i in range(1000))
        self.assertEqual(self.publish(text).stdout, "1000 published, 0 refused\n")
        self.assertEqual([p["steps_completed"] for p in self.payloads()], list(range(1000)))

    def test_the_kinds_and_any_other_type(self):
        self.publish(line(kind="started", agent_name="a", user_request="r", context={"x": [1]})
                     + line(event_type="acme.b.c.v2", payload={"y": 1}, topic="t",
                            correlation_id="c"))
        started, other = self.records()
        self.assertEqual(started["event"]["payload"]["context"], {"x": [1]})
        self.assertEqual((other["topic"], other["key"]), ("t", "c"))

    def test_a_kind_by_its_event_type_with_its_payload(self):
        self.publish(line(event_type="omninode.agent.execution.failed.v1",
                          payload={"agent_name": "a", "correlation_id": "c", "error_message": "m"}))
        self.assertEqual(self.payloads("failed")[0]["error_message"], "m")

    def test_a_bad_line_is_named_and_the_others_go_on(self):
        good = line(kind="started", agent_name="a", user_request="r")
        bad = ["{", "[]", "17", line(kind="strted"), line(agent_name="a"),
               line(kind="started", agent_name=1, user_request="r"),
               line(kind="progress", agent_name="a", correlation_id="c", progress_percent="x"),
               line(kind="started", agent_name="a", user_request="r", nosuch=1),
               line(event_type="a.b.c.v1", payload=[]),
               line(event_type="a.b.c.v1", payload={}, nosuch="x"),
               '{"kind":"started","kind":"failed"}']
        for text in bad:
            done = self.publish(good + text.rstrip("\n") + "\n" + good, status=2)
            self.assertEqual(done.stdout, "2 published, 1 refused\n", text)
            self.assertIn("stdin: line 2: ", done.stderr)
        self.assertEqual(len(self.events()), 2 * len(bad))

    def test_empty_lines_count_but_are_nothing(self):
        done = self.publish("\n  \n{\n", status=2)
        self.assertIn("line 3", done.stderr)

    def test_a_byte_order_mark_is_skipped_however_it_comes(self):
        """A byte-order mark is skipped once, at the start; also byte by byte, also with nothing
        after it."""
        text = line(kind="started", agent_name="a", user_request="r")
        self.publish("\ufeff" + text + text)
        self.publish("\ufeff")
        process = self.start_aep("publish", "--stdin", stdin=subprocess.PIPE)
        for byte in ("\ufeff" + text).encode():
            process.stdin.buffer.write(bytes([byte]))
            process.stdin.flush()
        process.stdin.close()
        self.assertEqual(process.wait(), 0, process.stderr.read())
        self.assertEqual(len(self.events()), 3)
        self.assertIn("line 2", self.publish(text + "\ufeff" + text, status=2).stderr)

    def test_utf_16_is_said(self):
        process = self.start_aep("publish", "--stdin", stdin=subprocess.PIPE)
        process.stdin.buffer.write("\ufeff{}\n".encode("utf-16-le"))
        process.stdin.close()
        self.assertEqual(process.wait(), 2)
        self.assertIn("stdin is UTF-16; save it as UTF-8", process.stderr.read())

    def test_the_last_line_needs_no_newline(self):
        self.publish(line(kind="started", agent_name="a", user_request="r").rstrip("\n"))
        self.assertEqual(len(self.events()), 1)

    def test_null_is_absent(self):
        self.publish(line(kind="completed", agent_name="a", correlation_id="c", duration_ms=None))
        self.assertNotIn("duration_ms", self.payloads()[0])

    def test_numbers_keep_their_digits(self):
        self.publish('{"kind":"started","agent_name":"a","user_request":"r","context":'
                     '{"n":12345678901234567890.10}}\n')
        raw = self.run_aep("tail", "--json").stdout
        self.assertIn("12345678901234567890.10", raw)

    def test_escapes_and_zero_bytes_arrive(self):
        self.publish(line(kind="started", agent_name="a", user_request="\u00fc\n\u0000\U0001f600"))
        self.assertEqual(self.payloads()[0]["user_request"], "\u00fc\n\u0000\U0001f600")

    def test_receipts_for_each_line(self):
        text = line(kind="started", agent_name="a", user_request="r") + "{\n"
        receipts = [json.loads(x) for x in self.publish(text, "--json", status=2).stdout.splitlines()]
        self.assertEqual([r.get("state") for r in receipts], ["spooled", "refused", "spooled"])
        self.assertEqual(receipts[0]["event_id"], self.events()[0]["event_id"])
        self.assertEqual(receipts[1]["line"], 2)
        self.assertEqual((receipts[2]["published"], receipts[2]["refused"]), (1, 1))

    def test_a_line_is_published_before_the_next_one_comes(self):
        process = self.start_aep("publish", "--stdin", "--json", stdin=subprocess.PIPE)
        for i in range(3):
            process.stdin.write(line(kind="started", agent_name="a", user_request=str(i)))
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())["line"], i + 1)
            self.assertEqual(len(self.events()), i + 1)
        process.stdin.close()
        self.assertEqual(process.wait(), 0)

    def test_dry_run_prints_envelopes(self):
        out = self.publish(line(kind="started", agent_name="a", user_request="r") * 2,
                           "--dry-run").stdout
        self.assertEqual(len(out.splitlines()), 2)

    def test_wait_applies_at_the_end(self):
        out = self.publish(line(kind="started", agent_name="a", user_request="r"), "--wait=1000",
                           "--json").stdout
        self.assertEqual(json.loads(out.splitlines()[-1])["state"], "spooled")  # local mode

    def test_a_wrong_time_to_wait_is_refused_before_a_line_is_read(self):
        good = line(kind="started", agent_name="a", user_request="r")
        for more in ([], ["--dry-run"]):
            self.assertIn("--wait: ", self.publish(good, "--wait=abc", *more, status=2).stderr)
        self.run_aep("publish", "started", "--agent=a", "--request=r", "--dry-run", "--wait=abc",
                     status=2)
        self.assertTrue(self.run_aep("status").stdout.startswith("no spools\n"))

    def test_a_spool_that_takes_nothing_is_no_wrong_usage(self):
        """The exit status is that of the worst line, published alone."""
        good = line(kind="started", agent_name="a", user_request="r")
        self.publish(good)
        path = os.path.join(self.spool, "cursor")
        with open(path, "r+b") as file:
            file.write(bytes(os.path.getsize(path)))
        self.run_aep("publish", "started", "--agent-name=a", "--user-request=r", status=1)
        for text in (good, "{\n" + good, good + "{\n"):
            self.assertIn("cursor is damaged", self.publish(text, status=1).stderr)

    def test_a_full_spool_is_worse_than_a_wrong_line(self):
        text = "{\n" + line(kind="progress", agent_name="a", correlation_id="c",
                            current_step="x" * 900) * 400
        done = self.publish(text, *SMALL, status=4)
        self.assertIn("spool.max_bytes", done.stderr)
        published = int(done.stdout.split()[0])
        self.assertTrue(0 < published < 400, done.stdout)
        self.assertIn(f"stdin: stopped at line {published + 2}: the spool is full", done.stderr)

    def test_without_a_relay_that_comes_forward_it_gives_up(self):
        """Parked events never make room by themselves."""
        good = line(kind="started", agent_name="a", user_request="r")
        self.publish(good, *SMALL)
        with open(os.path.join(self.spool, "parked-x-1"), "wb") as file:
            file.truncate(300_000)
        begin = time.monotonic()
        self.env["AEP_RELAY_MODE"] = "external"
        done = self.publish(good * 2, *SMALL, status=4)
        self.assertLess(time.monotonic() - begin, DEADLINE_S)
        self.assertIn("parked", done.stderr)
        self.assertEqual(self.counter("refused_full"), 1)

    def test_in_local_mode_a_full_spool_starts_the_relay_that_makes_room(self):
        """The lines fill it before the second look for a relay is due."""
        self.env["AEP_RELAY_MODE"] = "auto"
        self.addCleanup(self.run_aep, "relay", "stop", status=None)
        text = line(kind="progress", agent_name="a", correlation_id="c",
                    current_step="x" * 900) * 600
        done = self.publish(text, *SMALL)
        self.assertEqual(done.stdout, "600 published, 0 refused\n")
        self.assertEqual(self.counter("refused_full"), 0)

    def test_a_kind_beside_stdin_is_refused(self):
        self.run_aep("publish", "started", "--stdin", status=2)
