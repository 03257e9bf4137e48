# SPDX-License-Identifier: Apache-2.0
# ctest: tracker_shared TIMEOUT 900
"""Trackers of several machines share a store in PostgreSQL: the consumer group gives each its partitions,
and the rows are those of one tracker that was never killed."""
import json
import os
import pathlib
import random
import subprocess
import unittest

from harness import TOPICS, end_process, unique, wait_until
from postgres_server import Server
from test_tracker import TrackerCase

KILLS = int(os.environ.get("AEP_TEST_TRACKER_KILLS", "20"))
SEED = int(os.environ.get("AEP_TEST_SEED", "0")) or random.randrange(1, 1 << 32)
IDLE = "300s"


def take(data, size):
    return data[:size], data[size:]


def take_text(data):
    size, data = take(data, 2)
    text, data = take(data, int.from_bytes(size, "big"))
    return text.decode(), data


def committed(kafka, group):
    """Offsets by topic and partition, from Kafka's own topic of them."""
    out = subprocess.run(["kcat", "-b", kafka.servers, "-C", "-t", "__consumer_offsets", "-o",
                          "beginning", "-e", "-q", "-f", "%K\\n%k%S\\n%s"],
                         capture_output=True, check=True).stdout
    found = {}
    while out:
        parts = []
        for _ in range(2):
            size, _, out = out.partition(b"\n")
            part, out = take(out, max(int(size), 0))
            parts.append(part)
        key, value = parts
        if key[:2] not in (b"\0\0", b"\0\1") or not value:  # 2: what is known of a group
            continue
        name, key = take_text(key[2:])
        topic, key = take_text(key)
        if name == group:
            found[topic, int.from_bytes(key, "big")] = int.from_bytes(value[2:10], "big")
    return found


class Shared(TrackerCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = cls.make_class_broker()
        cls.kafka.create(*(f"{topic}:4" for topic in TOPICS.values()))
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)

    def setUp(self):
        super().setUp()
        self.url = self.server.database(unique())

    def make_machine(self):
        """A tracker of its own on the store, as another machine's."""
        reader = self.make_reader(self.kafka, track_store=self.url, track_idle_exit=IDLE)
        reader.store = reader.home / ".local/state/aep/tracker"
        return reader

    def pids(self, reader):
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[1:2] == [b"--store"] and words[2].startswith(bytes(reader.store)):
                found.append(int(entry.name))
        return found

    def started(self, reader):
        """The partitions that its tracker has read from, by its log."""
        log = (reader.store.parent / "tracker.log").read_text()
        return {line.split("reading ")[1].split(", from")[0] for line in log.splitlines()
                if "info reading " in line and "partition" in line}

    def facts(self, reader, wait="120s"):
        """Its rows without the state of those that are open: their silence lasts."""
        rows = self.rows(reader, wait=wait)
        for row in rows.values():
            if row["ended_at"] is None:
                row["state"] = row["since"] = None
        return rows

    def once(self):
        """The facts of one tracker that was left alone, in SQLite."""
        alone = self.make_reader(self.kafka)
        return self.facts(alone), self.tracker(alone)["events"]

    def assert_facts(self, reader, expected):
        found = self.facts(reader)
        wrong = [(row, expected.get(key)) for key, row in found.items() if row != expected.get(key)]
        self.assertEqual((wrong[:3], len(found)), ([], len(expected)), f"{len(wrong)} rows")

    def test_each_reads_its_share(self):
        word, far = unique(), self.make_spool(self.kafka)
        one, other = self.make_machine(), self.make_machine()
        for reader in (one, other):
            reader.ok("list", "--wait=60s")
        self.publish_runs(far, word, 50)
        for reader in (one, other):
            self.assert_runs(self.rows(reader), word, 50)
        wait_until(lambda: self.started(one) and self.started(other), "both read")
        self.publish_runs(far, word, 50, first=50)
        expected = self.once()[0]
        for reader in (one, other):
            self.assert_facts(reader, expected)

    def test_a_killed_trackers_successor_goes_on_at_once(self):
        word, far, reader = unique(), self.make_spool(self.kafka), self.make_machine()
        self.publish_runs(far, word, 20)
        self.assert_runs(self.rows(reader), word, 20)
        end_process(*self.pids(reader))
        self.publish_runs(far, word, 20, first=20)
        begun = reader.run("list", "--wait=60s")
        self.assertEqual(begun.status, 0)
        self.assert_runs(self.rows(reader), word, 40)

    def test_the_group_knows_the_offsets(self):
        word, far, reader = unique(), self.make_spool(self.kafka), self.make_machine()
        self.publish_runs(far, word, 20)
        self.assert_runs(self.rows(reader), word, 20)
        group = "aep-tracker-" + self.server.sql("SELECT identity FROM aep.meta",
                                                 self.url.split("?")[0].rsplit("/", 1)[1])
        ends = {(p["topic"], p["partition"]): p["offset"]
                for p in self.tracker(reader)["kafka"]["partitions"] if p["offset"]}
        self.assertTrue(ends)
        wait_until(lambda: ends.items() <= committed(self.kafka, group).items(),
                   "the offsets are committed")

    def test_kills_make_no_difference(self):
        print(f"seed {SEED}")
        rnd, word = random.Random(SEED), unique()
        far, machines = self.make_spool(self.kafka), [self.make_machine(), self.make_machine()]
        self.publish_runs(far, word, 4000)
        for i in range(KILLS):
            readings = [reader.start("list", "--wait=60s") for reader in machines]
            victim = machines[i % 2]
            pid, = wait_until(lambda: self.pids(victim), "a tracker", step_s=0.001)
            try:
                readings[i % 2].wait(rnd.random() * 0.8)
            except subprocess.TimeoutExpired:
                pass
            end_process(pid)
            for reading in readings:
                reading.kill()
                reading.wait()
        expected, events = self.once()
        self.assertGreaterEqual(len(expected), 4000)
        for reader in machines:
            self.assert_facts(reader, expected)
        counted = self.tracker(machines[0])["events"]
        self.assertEqual((counted, counted["duplicates"]), (events, 0))


if __name__ == "__main__":
    unittest.main()
