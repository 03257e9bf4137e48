# SPDX-License-Identifier: Apache-2.0
# ctest: relay_killed BROKERS plain
# ctest: relay_killed.long CASES RelayKilled.test_every_accepted_event_arrives BROKERS plain LONG TIMEOUT 600 ENVIRONMENT AEP_TEST_RELAY_KILLS=200
"""The relay is killed by SIGKILL again and again, AEP_TEST_RELAY_KILLS times in all, while events
are published: every accepted event arrives; only what the killed relay had in flight comes
twice."""
import os
import random
import time
import unittest

from harness import TOPICS, Case, Load, end_process, numbered_lines, plain_kafka, unique, \
    unique_type, wait_until

KILLS = int(os.environ.get("AEP_TEST_RELAY_KILLS", "20"))
IN_FLIGHT = 100


class RelayKilled(Case):
    def test_every_accepted_event_arrives(self):
        """Starts relays by hand, so that the next one starts at once. Some are killed before they
        have connected, some while they drain a backlog, some when they have finished."""
        kafka, topic = plain_kafka(), unique_type("relay-killed")
        kafka.create(topic)  # one partition, so that acknowledgements come in the order of sending
        spool = self.make_spool(relay_mode="external", spool_segment_bytes="256KiB",
                                kafka_queue_buffering_max_messages=IN_FLIGHT)
        load = Load(spool, topic, per_second=3000)
        wait_until(lambda: spool.dir.exists(), "the spool is there")
        chance = random.Random(1)
        cursors = []
        for n in range(KILLS):
            relay = spool.start("relay", "run")
            if n % 4 == 0:
                pause_until = time.monotonic() + chance.uniform(0, 0.1)
                wait_until(lambda: time.monotonic() > pause_until, "time to kill it", 1, 0.001)
            else:
                before = cursors[-1].ordinal if cursors else 0
                wait_until(lambda: (spool.dir / "cursor").exists() and
                           spool.cursor().ordinal > before + chance.uniform(0, 400),
                           f"relay {n} has delivered events", step_s=0.001)
            self.assertIsNone(relay.poll(), f"relay {n} ended by itself")
            end_process(relay.pid)
            relay.wait()
            if (spool.dir / "cursor").exists():
                cursors.append(spool.cursor())
        count = load.stop()
        spool.start_relay()
        spool.flush(2 * 60)
        records = kafka.read(topic)
        self.assert_all(records, count)
        self.assert_in_order(records)
        self.check_duplicates(records, cursors)

    def check_duplicates(self, records, cursors):
        """For each duplicate there was a kill that left the record at most one window of messages
        beyond the cursor."""
        seen = {}
        for record in records:
            seen[record.ordinal] = seen.get(record.ordinal, 0) + 1
        for ordinal, times in seen.items():
            killed = sum(cursor.ordinal <= ordinal < cursor.ordinal + IN_FLIGHT
                         for cursor in cursors)
            self.assertLessEqual(times - 1, killed, f"record {ordinal} came {times} times")
        self.assertLessEqual(len(records) - len(seen), KILLS * IN_FLIGHT)

    def test_a_publisher_starts_another_one(self):
        spool, topic = self.make_spool(), unique_type("again")
        plain_kafka().create(topic)
        killed = set()
        for n in range(3):
            spool.publish_lines(numbered_lines(topic, 100, first=100 * n))
            spool.flush()
            killed.add(spool.kill_relay())
        spool.publish_lines(numbered_lines(topic, 100, first=300))
        spool.flush()
        self.assertEqual(len(killed), 3)
        self.assertNotIn(spool.relay_pid(), killed)
        self.assert_all_once(plain_kafka().read(topic), 400)

    def test_one_call_at_once_after_the_kill_is_enough(self):
        """No program waits, and none calls again."""
        spool, word = self.make_spool(), unique()
        for n in range(6):
            self.assertEqual(spool.publish("progress", word, "--steps-completed", str(n)).status, 0)
            spool.wait_status(lambda status, n=n: status["counters"]["acknowledged"] == n + 1,
                              f"event {n} is acknowledged")
            spool.kill_relay()
        records = plain_kafka().read(TOPICS["progress"], only=word)
        self.assertEqual([record.payload["steps_completed"] for record in records], list(range(6)))

    def test_a_relay_that_cannot_start_is_not_started_again_and_again(self):
        """Many processes try a relay whose settings are refused. A good one may follow."""
        spool = self.make_spool(kafka_socket_timeout_ms="nonsense")
        for _ in range(20):
            self.assertEqual(spool.publish("progress", unique()).status, 0)
        wait_until(spool.log, "one has tried")
        self.assertLess(len(spool.log().splitlines()), 10, spool.log())
        spool.set(kafka_socket_timeout_ms="5000")
        self.assertEqual(spool.publish("progress", unique(), "--wait=60000").status, 0)

    def test_what_is_published_while_none_runs_is_not_forgotten(self):
        """The last publisher is gone; the next one, whenever it comes, starts a relay for all
        events."""
        spool, topic = self.make_spool(relay_mode="off"), unique_type("left")
        plain_kafka().create(topic)
        spool.publish_lines(numbered_lines(topic, 100))
        self.assertEqual(spool.relays(), [])
        spool.set(relay_mode="auto")
        spool.publish_lines(numbered_lines(topic, 1, first=100))
        spool.wait_status(lambda status: status["counters"]["acknowledged"] == 101,
                          "all is acknowledged, though no one asked for it")
        self.assert_all_once(plain_kafka().read(topic), 101)


if __name__ == "__main__":
    unittest.main()
