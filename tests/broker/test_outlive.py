# SPDX-License-Identifier: Apache-2.0
# ctest: outlive BROKERS plain
# ctest: outlive.long BROKERS plain LONG TIMEOUT 900 ENVIRONMENT AEP_TEST_OUTLIVE_KILLS=1000
"""Processes with open executions are killed at random instants, AEP_TEST_OUTLIVE_KILLS times, and
relays with them, while segments are removed: on the topics every execution has one start and one end."""
import collections
import os
import pathlib
import subprocess
import unittest

from harness import PROGRAM, TOPICS, Case, plain_kafka, unique

KILLS = os.environ.get("AEP_TEST_OUTLIVE_KILLS", "100")
CAMPAIGN = pathlib.Path(PROGRAM).resolve().parents[1] / "tests" / "outlive_campaign"


class Outlive(Case):
    def test_every_execution_has_one_start_and_one_end(self):
        kafka, word = plain_kafka(), unique()
        done = subprocess.run([CAMPAIGN, "--servers", kafka.servers, "--word", word, "--kills", KILLS],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # By its event id: a record that a killed relay had in flight may come twice.
        started = {record.event["event_id"] for record in kafka.read(TOPICS["started"], only=word)}
        ends = collections.defaultdict(set)
        for record in kafka.read(TOPICS["completed"], TOPICS["failed"], only=word):
            ends[record.event["causation_id"]].add(record.event["event_id"])
        self.assertGreater(len(started), int(KILLS))
        self.assertEqual(started - set(ends), set(), "started, and never ended")
        self.assertEqual(set(ends) - started, set(), "ended, and never started")
        twice = {run: ids for run, ids in ends.items() if len(ids) > 1}
        self.assertEqual(twice, {}, "ended more than once")


if __name__ == "__main__":
    unittest.main()
