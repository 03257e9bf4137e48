# SPDX-License-Identifier: Apache-2.0
"""Retention: what has ended goes in time, or when the store is too large, unless it is pinned."""
import json
import os
import subprocess
import threading
import unittest

from test_tracker import TrackerTest

PUMPED_MAX = 400000


class RetentionTest(TrackerTest):
    def run_one(self, correlation, request="r"):
        self.run_aep("publish", "started", "--agent", "a", "--correlation-id", correlation,
                     "--request", request)
        self.publish("completed", correlation=correlation)

    def ids(self, env=None):
        return {row["correlation_id"]: name for name, row in self.rows(env=env).items()}

    def restart(self, **settings):
        """The tracker that lives from now on has these settings."""
        self.run_aep("tracker", "stop")
        self.rows(env=settings)


class Pins(RetentionTest):
    def is_pinned(self, name):
        return "it is pinned" in self.run_aep("show", name).stdout

    def test_by_what_show_takes(self):
        for correlation in ("one", "two", "three"):
            self.run_one(correlation)
        ids = self.ids()
        self.run_aep("pin", ids["one"][:-1], "two", "-")
        for name in ids.values():
            self.assertTrue(self.is_pinned(name))
        self.run_aep("pin", "--remove", "-")
        self.assertFalse(self.is_pinned(ids["three"]))
        self.run_aep("tracker", "stop")
        self.assertTrue(self.is_pinned(ids["one"]))

    def test_what_is_not_found_is_said_and_the_others_are_pinned(self):
        self.run_one("one")
        done = self.run_aep("pin", "nosuch", "one", status=1)
        self.assertIn('pin: no execution has an id that begins with "nosuch"', done.stderr)
        self.assertTrue(self.is_pinned("one"))
        self.run_one("two")
        self.assertIn("begins the ids of several", self.run_aep("pin", "0", status=1).stderr)
        self.assertFalse(self.is_pinned("two"))
        self.run_aep("pin", status=2)

    def test_a_pinned_one_outlives_its_time(self):
        self.run_one("kept")
        self.run_one("gone")
        self.run_aep("pin", "kept")
        self.restart(AEP_TRACK_RETENTION="1s")
        self.wait_until(lambda: "gone" not in self.ids(), "the other one to go")
        self.assertIn("kept", self.ids())
        self.run_aep("pin", "--remove", "kept")
        self.wait_until(lambda: not self.ids(), "it to go")


class Time(RetentionTest):
    def test_what_has_ended_goes_while_others_come_without_a_pause(self):
        self.run_one("old")
        self.rows(env={"AEP_TRACK_RETENTION": "1s"})
        event = {"kind": "progress", "agent_name": "busy", "correlation_id": "busy"}
        lines = (json.dumps(event) + "\n") * 100
        publisher = self.start_aep("publish", "--stdin", stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL)
        enough = threading.Event()
        pumped = 0

        def pump():
            nonlocal pumped
            while not enough.is_set() and pumped < PUMPED_MAX:
                publisher.stdin.write(lines)
                pumped += 100
            publisher.stdin.close()

        pumping = threading.Thread(target=pump)
        pumping.start()
        try:
            self.wait_until(lambda: "old" not in {row["correlation_id"] for row in
                                                  self.rows("--wait=50ms").values()}, "it to go")
            self.assertLess(pumped, PUMPED_MAX)
        finally:
            enough.set()
            pumping.join()
        self.assertEqual(publisher.wait(60), 0)
        self.wait_until(lambda: [(row["events"], row["state"]) for row in self.rows().values()] ==
                        [(pumped, "running")], "all to be read")

    def test_a_late_event_does_not_raise_it(self):
        self.run_one("old")
        self.rows(env={"AEP_TRACK_RETENTION": "1s"})
        self.wait_until(lambda: not self.rows(), "it to go")
        self.publish("progress", "completed", correlation="old")
        self.assertEqual(self.rows(), {})
        self.assertEqual(self.status()["events"]["late"], 2)
        self.assertIn("2 late", self.run_aep("tracker", "status").stdout)

    def test_what_is_shown_when_the_texts_are_gone(self):
        self.run_one("old", "Build the site")
        self.restart(AEP_TRACK_RETENTION_BODIES="1s")
        self.wait_until(lambda: "were dropped" in self.run_aep("show", "old").stdout, "the texts to go")
        shown = self.run_aep("show", "old").stdout
        self.assertRegex(shown, r"started +Build the site\n")
        self.assertRegex(shown, r"the texts of 2 events were dropped on \d{4}-\d\d-\d\d "
                                r"\(track\.retention_bodies\)\n")
        events = self.run_aep("show", "old", "--events").stdout
        self.assertRegex(events, r"\+\S+ +- +completed")
        lines = self.run_aep("show", "old", "--events", "--json").stdout.splitlines()
        self.assertEqual([json.loads(line).get("event", 0) for line in lines], [0, None, None])
        self.assertEqual(json.loads(lines[0])["user_request"], "Build the site")


class Room(RetentionTest):
    def fill(self, kinds, count):
        lines = []
        for i in range(count):
            event = {"agent_name": "a", "correlation_id": f"{kinds[-1]}-{i}"}
            for kind in kinds:
                more = {"user_request": "r" * 1500} if kind == "started" else {}
                lines.append(json.dumps(event | more | {"kind": kind}) + "\n")
        self.publish_lines("".join(lines))

    def test_above_the_limit_those_that_ended_first_go(self):
        self.run_one("kept")
        self.rows()
        self.run_aep("pin", "kept")
        self.fill(["started", "completed"], 600)
        self.restart(AEP_TRACK_MAX_BYTES="1MiB")
        self.wait_until(lambda: len(self.rows()) < 400, "room to be made")
        ids = self.ids()
        self.assertIn("kept", ids)
        self.assertIn("completed-599", ids)
        self.assertNotIn("completed-0", ids)
        self.assertIsNone(self.status()["problem"])
        self.run_aep("tracker", "stop")
        if os.path.exists(self.store):
            self.assertLess(os.path.getsize(self.store), 5 << 20)

    def test_where_all_is_open_that_is_said_and_nothing_goes(self):
        self.fill(["started"], 300)
        self.restart(AEP_TRACK_MAX_BYTES="200KiB")
        self.wait_until(lambda: self.status()["problem"], "the problem to be said")
        text = r"more than track\.max_bytes \(200\.0 KiB\), and all that is left is open or pinned: raise"
        self.assertRegex(self.status()["problem"], text)
        self.assertRegex(self.run_aep("tracker", "status").stdout, "problem +.*" + text)
        self.assertEqual(len([line for line in self.log().splitlines() if "max_bytes" in line]), 1)
        self.assertEqual(len(self.rows()), 300)
        self.assertRegex(self.run_aep("doctor", status=None).stdout, text)


del TrackerTest, RetentionTest

if __name__ == "__main__":
    unittest.main()
