# SPDX-License-Identifier: Apache-2.0
# ctest: outage ALONE BROKERS plain
"""Kafka is down: from the start, in the middle, or frozen. Nothing is lost, no publisher waits for
it, and everything is delivered soon after it is back."""
import os
import socket
import threading
import time
import unittest

from harness import DEADLINE_S, TOPICS, Case, Load, numbered_lines, plain_kafka, read_proc, \
    unique, unique_type, wait_until

# From the broker's first acknowledgement, to any client, until all of ours are acknowledged.
FLOWING_S = 2.0
SLACK_S = 0.5    # of seeing that it answers, and of starting a program


def processor_seconds(pid):
    """What all threads of a process have used so far."""
    fields = read_proc(pid, "stat").rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Outage(Case):
    def test_down_from_the_start_then_up(self):
        kafka, topic, probe = self.make_broker(), unique_type("down"), unique("probe")
        kafka.create(topic + ":3", probe, TOPICS["progress"])
        kafka.stop()
        spool = self.make_spool(kafka)
        self.check_publishing_while_down(spool)
        spool.publish_lines(numbered_lines(topic, 500))
        status = spool.wait_status(lambda status: status["broker"] == "unreachable",
                                   "the relay reports that there is no broker")
        self.assertTrue(status["reason"])
        self.assertGreater(status["backlog_bytes"], 0)
        self.assertEqual(spool.run("flush", "--timeout", "100").status, 3)

        flush = spool.start("flush", "--timeout", "60000")
        back = threading.Thread(target=kafka.start)
        back.start()
        wait_until(lambda: kafka.accepts(probe), "the broker takes messages")
        begin = time.monotonic()
        self.assertEqual(flush.wait(DEADLINE_S), 0)
        took = time.monotonic() - begin
        back.join()
        self.assertLessEqual(took, FLOWING_S + SLACK_S)

        records = kafka.read(topic)
        self.assert_in_order(records)
        self.assertEqual([record.payload["n"] for record in
                          sorted(records, key=lambda record: record.ordinal)], list(range(500)))
        self.assertEqual(spool.status()["broker"], "connected")
        self.assertEqual(len(kafka.read(TOPICS["progress"], only="while-down")), 11)

    def test_who_waits_for_the_brokers_state_is_told_at_once(self):
        """The status then shows what was reported; a relay that has just started knows nothing
        yet."""
        kafka = self.make_broker()
        spool = self.make_spool(kafka, relay_mode="external")
        first = spool.start_relay()
        with spool.control() as control:
            for number, other_than, becomes, change in (
                    (1, "unknown", "connected", lambda: None),
                    (2, "local", "connected", lambda: None),
                    (3, "connected", "unreachable", kafka.stop),
                    (4, "unreachable", "connected", kafka.start)):
                control.send(f"broker {number} {other_than}".encode())
                change()
                self.assertEqual(control.recv(256), f"{number} ok".encode())
                self.assertEqual(spool.status()["broker"], becomes)
            control.send(b"broker 5 connected")
            control.send(b"broker 6 nonsense")
            self.assertEqual(control.recv(256), b"6 error no state")
            control.send(b"cancel 5")
            kafka.stop()
            control.send(b"broker 7 connected")
            self.assertEqual(control.recv(256), b"7 ok")
        first.terminate()
        first.wait(DEADLINE_S)
        self.assertEqual(spool.status()["broker"], "unreachable")
        kafka.start()
        spool.start_relay()
        with spool.control() as control:
            control.send(b"broker 1 unknown")
            self.assertEqual(control.recv(256), b"1 ok")
            self.assertEqual(spool.status()["broker"], "connected")

    def check_publishing_while_down(self, spool):
        """Exit statuses and times are as with a working broker, except for commands that wait."""
        times = []
        for n in range(10):
            result = spool.publish("progress", "while-down", "--steps-completed", str(n))
            self.assertEqual(result.status, 0, result.err)
            self.assertEqual(result.json["state"], "spooled")
            times.append(result.seconds)
        self.assertLess(sorted(times)[5], 0.25)
        result = spool.publish("progress", "while-down", "--wait=100")
        self.assertEqual(result.status, 3, result.err)
        self.assertEqual(result.json["state"], "deferred")
        self.assertGreaterEqual(result.seconds, 0.1)
        self.assertLess(result.seconds, 1.5)

    def test_a_frozen_broker_holds_up_nobody(self):
        kafka, topic = self.make_broker(), unique_type("frozen")
        kafka.create(topic + ":3")
        spool = self.make_spool(kafka)
        load = Load(spool, topic)
        spool.wait_flow()
        kafka.pause()
        begin, spent = time.monotonic(), processor_seconds(spool.relay_pid())
        sent_at = load.sent
        wait_until(lambda: load.sent > sent_at + 4000, "publishing goes on")
        self.assertEqual(spool.run("flush", "--timeout", "200").status, 3)
        spent = processor_seconds(spool.relay_pid()) - spent
        self.assertLess(spent, (time.monotonic() - begin) / 3, "the relay is busy while it waits")
        kafka.resume()
        spool.wait_flow(1000)
        count = load.stop()
        spool.flush()
        records = kafka.read(topic)
        self.assert_all(records, count)
        self.assert_in_order(records)
        self.assertLessEqual(len(records) - count, 1000)  # no more than was in flight

    def test_the_relay_is_away_while_the_broker_is(self):
        """Stopping a relay and starting another while nothing answers changes nothing."""
        kafka, topic = self.make_broker(), unique_type("both")
        kafka.create(topic)
        kafka.stop()
        spool = self.make_spool(kafka)
        for begin in range(0, 30, 10):
            spool.publish_lines(numbered_lines(topic, 10, first=begin))
            spool.wait_status(lambda status: status["broker"] == "unreachable", "it was tried")
            end = spool.run("relay", "stop")
            self.assertEqual(end.status, 0, end.err)
            self.assertLess(end.seconds, DEADLINE_S, "a stop is bounded")
            spool.await_relay_end()
        kafka.start()
        spool.flush()
        records = kafka.read(topic)
        self.assert_all_once(records, 30)
        self.assert_in_order(records)

    def test_a_name_that_does_not_resolve_is_said(self):
        spool = self.make_spool("no-such-host.invalid:9092")
        self.assertEqual(spool.publish("progress", "nowhere").status, 0)
        status = spool.wait_status(lambda status: status["broker"] == "unreachable",
                                   "the relay reports it")
        self.assertIn("no-such-host.invalid", status["reason"])

    def test_a_dead_server_of_the_list_is_no_outage(self):
        """It does not matter which of the two is tried first."""
        kafka = plain_kafka()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            dead = f"127.0.0.1:{taken.getsockname()[1]}"
        for servers in (f"{dead},{kafka.servers}", f"{kafka.servers},{dead}") * 3:
            spool = self.make_spool(servers)
            result = spool.publish("progress", unique(), "--wait=60000")
            self.assertEqual(result.status, 0, result.err)
            self.assertNotIn("broker: unreachable", spool.log())


if __name__ == "__main__":
    unittest.main()
