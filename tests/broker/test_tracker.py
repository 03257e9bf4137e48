# SPDX-License-Identifier: Apache-2.0
# ctest: tracker TIMEOUT 900
"""The tracker reads Kafka: what other machines publish is in `aep list`, each event once, whatever
becomes of the tracker, the broker and the topics."""
import json
import os
import pathlib
import random
import re
import sqlite3
import struct
import subprocess
import unittest
import uuid

from harness import TOPICS, Case, end_process, unique, wait_until

KILLS = int(os.environ.get("AEP_TEST_TRACKER_KILLS", "20"))
RUNS_A_KILL = 200  # more than are read between two, so that each comes while there is something to read
SEED = int(os.environ.get("AEP_TEST_SEED", "0")) or random.randrange(1, 1 << 32)


class TrackerCase(Case):
    def setUp(self):
        super().setUp()
        self.readers = []
        self.addCleanup(self.stop_readers)

    def make_reader(self, kafka, **options):
        """A user who publishes nothing: another machine's."""
        reader = self.make_spool(kafka, **options)
        reader.store = reader.home / ".local/state/aep/tracker.db"
        self.readers.append(reader)
        return reader

    def stop_readers(self):
        for reader in self.readers:
            if self.has_failed():
                log = reader.store.parent / "tracker.log"
                print(log.read_text()[-6000:] if log.exists() else "no tracker.log")
                print(reader.run("tracker", "status").out)
            reader.run("tracker", "stop")

    def rows(self, reader, *words, wait="60s"):
        """Executions by their correlation ids, without what depends on the clock."""
        out = reader.ok("list", "--all", "--json", f"--wait={wait}", *words).out
        rows = {row["correlation_id"]: row for row in map(json.loads, out.splitlines())}
        for row in rows.values():
            for name in ("as_of", "basis"):
                row.pop(name, None)
        return rows

    def tracker(self, reader):
        return reader.ok("tracker", "status", "--json").json

    def pids(self, reader):
        """The processes of its trackers, from the first moment on."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[1:3] == [b"--store", bytes(reader.store)]:
                found.append(int(entry.name))
        return found

    def publish_runs(self, spool, word, count, first=0):
        """Executions with a beginning, a middle and, but for every third, an end."""
        lines = []
        for i in range(first, first + count):
            base = {"agent_name": "far", "correlation_id": f"{word}-{i}"}
            lines.append(base | {"kind": "started", "user_request": f"request {i}"})
            lines.append(base | {"kind": "progress", "current_step": f"step {i}",
                                 "metadata": {"expect_within_s": 86400}})  # however long the test takes
            if i % 3:
                lines.append(base | {"kind": "completed"})
        spool.publish_lines(lines)
        spool.flush()

    def assert_runs(self, rows, word, count):
        found = {key: row for key, row in rows.items() if key.startswith(f"{word}-")}
        self.assertEqual(len(found), count)
        for i in range(count):
            row = found[f"{word}-{i}"]
            self.assertEqual(
                (row["state"], row["agent_name"], row["user_request"], row["events"],
                 row["delivery"], row["partial"], row["conflict"]),
                ("completed" if i % 3 else "running", "far", f"request {i}", 3 if i % 3 else 2,
                 "acked", False, False))

    def await_rows(self, reader, condition, what):
        return wait_until(lambda: condition(self.rows(reader)), what)


class Reading(TrackerCase):
    """On a broker whose topics stay."""

    @classmethod
    def setUpClass(cls):
        cls.kafka = cls.make_class_broker()
        cls.kafka.create(*(f"{topic}:3" for topic in TOPICS.values()))

    def test_executions_of_another_machine(self):
        word, far, reader = unique(), self.make_spool(self.kafka), self.make_reader(self.kafka)
        self.publish_runs(far, word, 30)
        self.assert_runs(self.rows(reader), word, 30)
        self.publish_runs(far, word, 30, first=30)
        self.assert_runs(self.rows(reader), word, 60)
        status = self.tracker(reader)
        self.assertEqual((status["kafka"]["servers"], status["kafka"]["problem"],
                          status["kafka"]["missed"]), (self.kafka.servers, None, 0))
        self.assertEqual({(p["topic"], p["partition"]) for p in status["kafka"]["partitions"]} &
                         {(topic, n) for topic in TOPICS.values() for n in range(3)},
                         {(topic, n) for topic in TOPICS.values() for n in range(3)})
        self.assertEqual({p["lag"] for p in status["kafka"]["partitions"]}, {0})
        text = reader.ok("tracker", "status").out
        self.assertIn(f"kafka       {self.kafka.servers}: read to its end", text)
        self.assertIn(f"partition   {TOPICS['started']}/0: offset ", text)

    def test_a_backfill_reads_the_topics_in_the_order_of_time(self):
        word, reader = unique(), self.make_reader(self.kafka)
        self.publish_runs(self.make_spool(self.kafka), word, 3000)
        self.assert_runs(self.rows(reader), word, 3000)
        removed, written = self.changes(reader)
        self.assertGreaterEqual(written, 3000)
        self.assertLess(removed, 30)  # topic after topic: nearly all 3,000

    def changes(self, reader):
        """From the ring of changes: how many rows were begun without their started event and removed when it
        came; how many were written."""
        removed = written = 0
        with sqlite3.connect(f"file:{reader.store}?mode=ro", uri=True) as store:
            for entries, in store.execute("SELECT entries FROM changes"):
                while entries:
                    key, = struct.unpack("<q", entries[:8])
                    written += key > 0
                    removed += key < 0
                    entries = entries[8:] if key > 0 else entries[8:].partition(b"\0")[2]
        return removed, written

    def test_an_event_of_both_sources_is_one_and_becomes_acked(self):
        reader, run = self.make_reader(self.kafka, relay_mode="off"), unique()
        for kind in ("started", "progress", "completed"):
            reader.publish(kind, run)
        row = self.rows(reader)[run]
        self.assertEqual((row["events"], row["delivery"]), (3, "spooled"))
        relay = reader.start_relay()
        reader.flush()
        row = self.await_rows(reader, lambda rows: rows[run]["delivery"] == "acked" and rows[run],
                              "acked")
        self.assertEqual((row["events"], row["state"], row["conflict"]), (3, "completed", False))
        events = reader.ok("show", run, "--json", "--events").out.splitlines()[1:]
        self.assertEqual([json.loads(line)["delivery"] for line in events], ["acked"] * 3)
        end_process(relay.pid)

    def test_without_kafka_as_a_source_the_relay_tells(self):
        reader = self.make_reader(self.kafka, relay_mode="off", track_sources="spool")
        run = unique()
        for kind in ("started", "completed"):
            reader.publish(kind, run)
        self.assertEqual(self.rows(reader)[run]["delivery"], "spooled")
        reader.ok("tracker", "stop")
        relay = reader.start_relay()
        reader.flush()
        end_process(relay.pid)
        row = self.rows(reader)[run]
        self.assertEqual((row["events"], row["delivery"]), (2, "acked"))
        self.assertNotIn("before they were read", reader.ok("tracker", "status").out)

    def test_what_is_no_event_is_counted(self):
        reader, far, word = self.make_reader(self.kafka), self.make_spool(self.kafka), unique()
        self.rows(reader)
        before = self.tracker(reader)["events"]["rejected"]
        topic = TOPICS["progress"]
        self.kafka.config(topic, "max.message.bytes=20000000")
        large = self.folder / "large"
        large.write_text(json.dumps({"fill": "x" * 10_000_000}))
        for words, value in (((), "garbage\n"), ((), '{"event_type":"a.b.c.v1"}\n'),
                             ((), '{"event_type":"a.agent.execution.started.v1"}\n'),
                             (("-Z", "-K", ":"), "key:\n"),
                             (("-X", "message.max.bytes=20000000", large), None)):
            done = self.kafka.kcat("-P", "-t", topic, *words, stdin=value)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.publish_runs(far, word, 3)
        self.assert_runs(self.rows(reader), word, 3)
        after = self.tracker(reader)["events"]["rejected"]
        self.assertEqual({reason: after[reason] - before[reason] for reason in after},
                         {"not JSON": 1, "another type": 1, "members missing": 1, "empty": 1,
                          "too large": 1})

    def test_hostile_events_are_shown_and_drive_no_terminal(self):
        reader, word = self.make_reader(self.kafka), unique()
        long, nasty = "日" * 90_000, "\\u001b[2J\\u0000\\u009b5;5H\\u202e"
        event = ('{"event_type":"a.agent.execution.%s.v1","event_id":"%s","timestamp":"%s",'
                 '"tenant_id":"%s","source":"s","correlation_id":"%s","causation_id":"%s",'
                 '"payload":{"agent_name":"%s",%s}}')
        runs = {
            "control": ("t", word + "-control", nasty, f'"user_request":"{nasty}"'),
            "bytes": ("t", word + "-bytes", "a\udcff\udc80b", '"user_request":"\udce2\udc82"'),
            "numbers": ("t", word + "-numbers", "a", '"user_request":"r","x":[1e400,-1e400,'
                                                    '123456789012345678901234567890,1e-400]'),
            "long": (long, word + "-long", long, f'"user_request":"{long}"'),
        }
        for tenant, run, agent, members in runs.values():
            for kind, when in (("progress", "2026-11-28T10:00:01Z"), ("started", "2026-11-28T10:00:00Z"),
                               ("failed", "2026-11-28T10:00:02Z")):
                value = event % (kind, uuid.uuid4(), when, tenant, run, run, agent, members.replace(
                    "user_request", "error_message" if kind == "failed" else "user_request"))
                path = self.folder / "value"
                path.write_bytes(value.encode(errors="surrogateescape"))
                done = self.kafka.kcat("-P", "-t", TOPICS["progress"], path)
                self.assertEqual(done.returncode, 0, done.stderr)
        rows = self.rows(reader, f"correlation:{word}-control", f"correlation:{word}-bytes",
                         f"correlation:{word}-numbers", f"correlation:{word}-long")
        self.assertEqual(len(rows), 4)
        for run, row in rows.items():
            self.assertEqual((row["state"], row["events"], row["partial"]), ("failed", 3, False), run)
        self.assertEqual(rows[f"{word}-bytes"]["agent_name"], "a\ufffd\ufffdb")
        for verb in ("list", "--all"), ("show", f"{word}-control"), ("show", f"{word}-bytes"), \
                    ("show", f"{word}-numbers"), ("show", f"{word}-long"):
            out = reader.ok(*verb, "--wait=60s").out
            self.assertNotRegex(out, r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", verb[0])
            if verb[0] == "show":
                self.assertEqual(len(re.findall(r"\n  \d\d:\d\d:\d\d\.", out)), 3, verb)

    def test_other_topics(self):
        topic = unique("topic.")
        self.kafka.create(topic)
        reader = self.make_reader(self.kafka, track_topics=f"{topic}, no.such.topic")
        far, run = self.make_spool(self.kafka), unique()
        far.ok("publish", "--type", "acme.agent.execution.started.v1", "--topic", topic, "--payload",
               json.dumps({"agent_name": "far", "correlation_id": run, "user_request": "r"}))
        far.flush()
        self.assertEqual(self.rows(reader)[run]["delivery"], "acked")

    def test_single_layout(self):
        word = unique()
        self.publish_runs(self.make_spool(self.kafka, topic_layout="single"), word, 6)
        self.assert_runs(self.rows(self.make_reader(self.kafka)), word, 6)

    def test_sources_can_be_chosen(self):
        word, far = unique(), self.make_spool(self.kafka)
        self.publish_runs(far, word, 3)
        only_spool = self.make_reader(self.kafka, track_sources="spool")
        self.assertEqual(self.rows(only_spool), {})
        self.assertIsNone(self.tracker(only_spool)["kafka"])
        only_kafka = self.make_reader(self.kafka, track_sources="kafka", relay_mode="off")
        unsent = unique()
        only_kafka.publish("started", unsent)
        rows = self.rows(only_kafka)
        self.assert_runs(rows, word, 3)
        self.assertNotIn(unsent, rows)
        wrong = only_kafka.run("list", env={"AEP_TRACK_SOURCES": "kafka,spol"})
        self.assertEqual(wrong.status, 1)
        self.assertIn("spol", wrong.err)

    def test_kills_make_no_difference(self):
        print(f"seed {SEED}")
        rnd, word, count = random.Random(SEED), unique(), RUNS_A_KILL * KILLS
        far, reader = self.make_spool(self.kafka), self.make_reader(self.kafka)
        self.publish_runs(far, word, count)
        for _ in range(KILLS):
            reading = reader.start("list", "--wait=60s")
            pid, = wait_until(lambda: self.pids(reader), "a tracker", step_s=0.001)
            try:
                reading.wait(rnd.random() * 0.6)
            except subprocess.TimeoutExpired:
                pass
            end_process(pid)
            reading.kill()
            reading.wait()
        self.assert_runs(self.rows(reader, wait="600s"), word, count)
        once = self.make_reader(self.kafka)
        self.assertEqual(self.rows(once, wait="600s"), self.rows(reader))
        events = self.tracker(reader)["events"]
        self.assertEqual((events, events["duplicates"]), (self.tracker(once)["events"], 0))


class Changing(TrackerCase):
    """Brokers and topics that come and go."""

    def test_the_broker_goes_and_comes_back(self):
        kafka, word = self.make_broker(), unique()
        far, reader = self.make_spool(kafka), self.make_reader(kafka)
        self.publish_runs(far, word, 6)
        self.assert_runs(self.rows(reader), word, 6)
        kafka.kill()
        here = unique()
        reader.publish("started", here)
        result = reader.run("list", "--all", "--json", "--wait=60s")
        self.assertIn("Kafka cannot be read", result.err)
        rows = {row["correlation_id"]: row for row in map(json.loads, result.out.splitlines())}
        self.assertEqual(rows[here]["state"], "running")
        self.assertTrue(rows[f"{word}-0"]["uncertain"])
        status = self.tracker(reader)
        self.assertIsNotNone(status["kafka"]["unreachable_since"])
        self.assertLess(status["as_of"], status["kafka"]["unreachable_since"])
        reader.ok("tracker", "stop")  # one that begins meanwhile knows it too
        result = reader.run("list", "--all", "--json", "--wait=60s")
        self.assertIn("Kafka cannot be read", result.err)
        self.assertLess(self.tracker(reader)["as_of"], status["kafka"]["unreachable_since"])
        kafka.start()
        self.publish_runs(far, word, 6, first=6)
        self.await_rows(reader, lambda rows: f"{word}-11" in rows, "what came meanwhile")
        self.assert_runs(self.rows(reader), word, 12)
        self.assertIsNone(self.tracker(reader)["kafka"]["unreachable_since"])

    def test_a_topic_is_made_again(self):
        for living in (True, False):
            with self.subTest(living=living):
                kafka, word = self.make_broker("--no-auto-create"), unique()
                kafka.create(*TOPICS.values())
                far, reader = self.make_spool(kafka), self.make_reader(kafka)
                self.publish_runs(far, word, 6)
                self.assert_runs(self.rows(reader), word, 6)
                if not living:
                    reader.ok("tracker", "stop")
                kafka.tool("topics", "delete", *TOPICS.values())
                if living:
                    wait_until(lambda: not self.tracker(reader)["kafka"]["partitions"], "it is gone")
                kafka.create(*TOPICS.values())
                self.publish_runs(far, word + "x", 30)  # beyond the offset that it was read to
                self.await_rows(reader, lambda rows: f"{word}x-29" in rows, "the new topic's")
                rows = self.rows(reader)
                self.assert_runs(rows, word, 6)
                self.assert_runs(rows, word + "x", 30)
                self.assertEqual(self.tracker(reader)["events"]["missed"], 0)

    def test_partitions_are_added(self):
        kafka, word = self.make_broker(), unique()
        kafka.create(*TOPICS.values())
        far, reader = self.make_spool(kafka), self.make_reader(kafka)
        self.publish_runs(far, word, 6)
        self.assert_runs(self.rows(reader), word, 6)
        for topic in TOPICS.values():
            kafka.tool("topics", "widen", topic, "4")
        wait_until(lambda: len(self.tracker(reader)["kafka"]["partitions"]) >= 16, "they are read")
        for partition in range(4):  # whichever the relay knows of by now
            for record in kafka.read(TOPICS["started"]):
                if record.payload["correlation_id"] == f"{word}-0":
                    event = record.event | {"event_id": str(uuid.uuid4()),
                                            "correlation_id": f"p-{partition}"}
                    done = kafka.kcat("-P", "-t", TOPICS["started"], "-p", str(partition),
                                      stdin=json.dumps(event))
                    self.assertEqual(done.returncode, 0, done.stderr)
        rows = self.rows(reader)
        self.assertEqual([f"p-{n}" in rows for n in range(4)], [True] * 4)

    def test_a_topic_of_the_other_layout_need_not_be_readable(self):
        kafka, word, single = self.make_broker("--secure"), unique(), "omninode.agent.execution.v1"
        kafka.create(single, *TOPICS.values())
        for topic in TOPICS.values():
            kafka.grant("nobody", topic, "Read")
        far, other = self.make_spool(kafka), self.make_spool(kafka, topic_layout="single")
        reader = self.make_reader(kafka.secure_servers, track_sources="kafka", **kafka.login("nobody"))
        self.publish_runs(other, word + "x", 3)
        self.publish_runs(far, word, 3)
        wait_until(lambda: reader.run("list", "--wait=60s").err == "", "it is up to date")
        for right, first in (("Describe", 3), ("Read", 6)):
            self.publish_runs(far, word, 3, first=first)
            result = reader.ok("list", "--all", "--json", "--wait=60s")
            self.assertEqual((result.err, len(result.out.splitlines())), ("", first + 3))
            report = reader.run("doctor", "--json", "--no-probe").out
            self.assertIn(f"{single}: not readable; topic.layout does not need it", report)
            kafka.grant("nobody", single, right)
        rows = self.await_rows(reader, lambda rows: f"{word}x-2" in rows and rows, "it is readable")
        self.assert_runs(rows, word + "x", 3)
        kafka.tool("acl", "revoke", "nobody", TOPICS["failed"], "Read")
        wait_until(lambda: "AUTHORIZATION" in reader.run("list").err.upper(), "a topic that is needed")

    def test_retention_has_passed_it_by(self):
        kafka, word = self.make_broker(), unique()
        kafka.create(*TOPICS.values())
        far, reader = self.make_spool(kafka), self.make_reader(kafka)
        self.publish_runs(far, word, 3)
        self.assert_runs(self.rows(reader), word, 3)
        reader.ok("tracker", "stop")
        self.publish_runs(far, word, 10, first=3)
        kafka.tool("topics", "truncate", *TOPICS.values())
        self.publish_runs(far, word, 3, first=13)
        rows = self.rows(reader)
        self.assertEqual(sorted(int(key.partition("-")[2]) for key in rows),
                         [0, 1, 2, 13, 14, 15])
        self.assertEqual(self.tracker(reader)["events"]["missed"], 10 + 10 + 6)
        self.assertIn("were removed before they were read",
                      (reader.store.parent / "tracker.log").read_text())

    def test_another_cluster_is_not_mistaken(self):
        first, second, word = self.make_broker(), self.make_broker(), unique()
        reader = self.make_reader(first)
        self.publish_runs(self.make_spool(first), word, 30)
        self.assert_runs(self.rows(reader), word, 30)
        reader.ok("tracker", "stop")
        self.publish_runs(self.make_spool(second), word + "x", 60)
        reader.env["KAFKA_BOOTSTRAP_SERVERS"] = second.servers
        rows = self.rows(reader)
        self.assert_runs(rows, word, 30)
        self.assert_runs(rows, word + "x", 60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
