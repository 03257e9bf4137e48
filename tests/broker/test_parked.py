# SPDX-License-Identifier: Apache-2.0
# ctest: parked CASES Missing Timestamps Forbidden BROKERS secure
# ctest: parked.long CASES MissingLong LONG
"""A topic that is missing or forbidden: its events are parked, in order, while others go on; once
the topic accepts them they are sent, none lost, none twice."""
import json
import unittest

from harness import (TOPICS, Case, by_turns, end_process, numbered_lines, secure_kafka, unique,
                     unique_type)


class Parking(Case):
    """With a broker that does not create topics automatically."""

    @classmethod
    def setUpClass(cls):
        cls.missing = cls.make_class_broker("--no-auto-create")

    def publish_both(self, spool, there, missing, count, first=0):
        """Events of the two topics in turn."""
        spool.publish_lines(by_turns(numbered_lines(there, count, first=first),
                                     numbered_lines(missing, count, first=first)))

    def await_parked(self, spool, count):
        return spool.wait_status(lambda status: status["parked_now"] == count, f"{count} parked")


class Missing(Parking):
    def test_a_missing_topic_holds_up_no_other(self):
        kafka, there, missing = self.missing, unique_type("there"), unique_type("missing")
        kafka.create(there)
        spool = self.make_spool(kafka)
        self.publish_both(spool, there, missing, 50)
        status = self.await_parked(spool, 50)
        self.assertGreater(status["parked_bytes"], 0)
        self.assertEqual(status["counters"]["parked"], 50)
        spool.wait_counter("acknowledged", 50)
        records = kafka.read(there)
        self.assertEqual([record.payload["n"] for record in records], list(range(50)))
        self.assertEqual(spool.run("flush", "--timeout", "5000").status, 3)
        self.assertIn("  parked    50 now (not taken by Kafka yet: `aep doctor`)\n",
                      spool.run("status").out)

        result = spool.run("publish", "--type", missing, "--json", "--wait=10000", "--payload",
                           '{"n":50,"correlation_id":"k-2"}')
        self.assertEqual((result.status, result.json["state"]), (3, "parked"), result.err)

        kafka.create(missing + ":3")
        self.await_parked(spool, 0)
        spool.flush()
        records = kafka.read(missing)
        self.assertEqual(sorted(record.payload["n"] for record in records), list(range(51)))
        self.assert_in_order(records)
        self.assert_contiguous(kafka.read(there, missing))
        spool.wait_counter("unparked", 51)
        shown = spool.run("status").out
        self.assertIn("  parked    none now\n", shown)
        self.assertRegex(shown, r"\n  so far\n(.*\n)* +51  once parked: not taken by Kafka at first\n")
        self.assertRegex(shown, r"  latency   50 % within [\d.]+ m?s, ")


class Timestamps(Parking):
    """A broker that refuses an event's timestamp: instead of changing this machine's clock, the
    topic accepts only events of the present millisecond."""

    FOR_EVER = "9223372036854775807"

    def test_events_wait_until_their_time_is_taken(self):
        kafka, topic, other = self.missing, unique_type("early"), unique_type("there")
        kafka.create(topic, other)
        kafka.config(topic, "message.timestamp.before.max.ms=1")
        spool = self.make_spool(kafka)
        spool.publish_lines(by_turns(numbered_lines(topic, 20), numbered_lines(other, 20)))
        status = self.await_parked(spool, 20)
        self.assertIn("compare the clocks", spool.wait_status(lambda status: status["reason"],
                                                          "the reason")["reason"])
        result = spool.run("publish", "--type", topic, "--wait=60000", "--payload", '{"n":20}')
        self.assertIn("parked: Kafka does not take it yet", result.err)
        for told in (result.err, spool.run("status").out):
            self.assertNotRegex(told, "missing|forbidden")
        self.assertRegex(spool.run("doctor", "--no-probe").out,
                         r"\d+ events parked: not taken by Kafka yet\n")
        self.assertEqual(status["counters"]["dead"], 0)
        spool.wait_counter("acknowledged", 20)
        kafka.config(topic, f"message.timestamp.before.max.ms={self.FOR_EVER}")
        self.await_parked(spool, 0)
        spool.flush()
        self.assertEqual(sorted(record.payload["n"] for record in kafka.read(topic)),
                         list(range(21)))
        self.assertEqual(spool.counter("dead"), 0)

    def test_the_doctor_says_so(self):
        kafka = self.missing
        kafka.create(TOPICS["started"], TOPICS["completed"], TOPICS["progress"], TOPICS["failed"])
        kafka.config(TOPICS["started"], "message.timestamp.before.max.ms=1")
        spool = self.make_spool(kafka)
        result = spool.run("doctor")
        kafka.config(TOPICS["started"], f"message.timestamp.before.max.ms={self.FOR_EVER}")
        self.assertIn("clock and the broker's differ", result.out)


class MissingLong(Parking):
    def test_parked_events_outlive_relays(self):
        """Killed or stopped, before and after other events: none is lost, none arrives twice."""
        kafka, there, missing = self.missing, unique_type("there"), unique_type("missing")
        kafka.create(there)
        spool = self.make_spool(kafka, relay_mode="external", spool_segment_bytes="64KiB")
        for n in range(4):
            relay = spool.start_relay()
            self.publish_both(spool, there, missing, 100, first=100 * n)
            self.await_parked(spool, 100 * (n + 1))
            if n % 2 == 0:
                end_process(relay.pid)
            else:
                spool.ok("relay", "stop")
            relay.wait()
        spool.start_relay()
        kafka.create(missing + ":3")
        self.await_parked(spool, 0)
        spool.flush()
        records = kafka.read(missing)
        self.assertEqual(sorted(record.payload["n"] for record in records), list(range(400)))
        self.assert_in_order(records)
        others = kafka.read(there)
        self.assertEqual({record.payload["n"] for record in others}, set(range(400)))
        self.assert_contiguous(records + others)

    def test_a_topic_that_is_deleted_parks_and_comes_back(self):
        kafka, topic = self.missing, unique_type("deleted")
        kafka.create(topic)
        spool = self.make_spool(kafka)
        spool.publish_lines(numbered_lines(topic, 10))
        spool.flush()
        kafka.tool("topics", "delete", topic)
        spool.publish_lines(numbered_lines(topic, 10, first=10))
        self.await_parked(spool, 10)
        kafka.create(topic)
        self.await_parked(spool, 0)
        spool.flush()
        records = kafka.read(topic)
        self.assertEqual({record.payload["n"] for record in records}, set(range(10, 20)))
        self.assert_in_order(records)

    def ask(self, spool, receipt):
        """What the relay answers when asked for a record that it has finished."""
        with spool.control() as control:
            control.send(f"wait 7 {receipt['segment']} {receipt['offset']}".encode())
            return control.recv(256).decode().strip().removeprefix("7 ")

    def test_purge_drops_them_and_counts(self):
        kafka, missing = self.missing, unique_type("missing")
        spool = self.make_spool(kafka)
        spool.publish_lines(numbered_lines(missing, 20))
        receipt = json.loads(spool.ok("publish", "--type", missing, "--payload", '{"n":99}',
                                      "--json").out)
        self.await_parked(spool, 21)
        self.assertEqual(self.ask(spool, receipt), "parked")
        self.assertEqual(spool.run("spool", "purge").status, 2)  # requires --yes
        self.assertIn("21", spool.ok("spool", "purge", "--yes").out)
        self.await_parked(spool, 0)
        spool.wait_counter("purged", 21)
        self.assertEqual(self.ask(spool, receipt), "error purged",
                         "not acknowledged, though it is gone")
        spool.ok("relay", "stop")
        self.assertEqual(list(spool.dir.glob("parked-*")), [], "removed at once, not just emptied")
        kafka.create(missing)
        spool.publish_lines(numbered_lines(missing, 1, first=20))
        spool.wait_counter("acknowledged", 1)
        self.assertEqual([record.payload["n"] for record in kafka.read(missing)], [20])


class Forbidden(Case):
    def test_a_forbidden_topic_holds_up_no_other(self):
        kafka = secure_kafka()
        started, forbidden = TOPICS["started"], unique_type("forbidden")
        kafka.create(started, forbidden)
        spool = self.make_spool(kafka.secure_servers, **kafka.login("limited"))
        word = unique()
        for n in range(20):
            spool.publish_lines([{"kind": "started", "agent_name": "a", "user_request": "x",
                                  "correlation_id": word}] +
                                numbered_lines(forbidden, 1, first=n, keys=1))
        status = spool.wait_status(lambda status: status["parked_now"] == 20, "20 parked")
        self.assertIn("forbidden", status["broker"])
        spool.wait_counter("acknowledged", 20)
        self.assertEqual(len(kafka.read(started, only=word)), 20)
        self.assertEqual(kafka.read(forbidden), [])
        self.assertEqual(spool.run("publish", "--type", forbidden, "--payload", '{"n":20}',
                                   "--correlation-id", "k-0", "--wait=10000").status, 3)

        kafka.grant("limited", forbidden)
        spool.wait_status(lambda status: status["parked_now"] == 0, "the parked ones are sent")
        spool.flush()
        records = kafka.read(forbidden)
        self.assertEqual([record.payload["n"] for record in records], list(range(21)))
        spool.wait_status(lambda status: status["broker"] == "connected", "no topic is forbidden")


if __name__ == "__main__":
    unittest.main()
