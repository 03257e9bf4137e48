# SPDX-License-Identifier: Apache-2.0
# ctest: refused_batch BROKERS plain
"""A broker refuses a whole batch because the batch, or one event in it, is too large for its topic.
The batch's other events arrive before later ones, and so do those of a topic that accepts
everything."""
import unittest

from harness import Case, by_turns, numbered_lines, option_variable, plain_kafka, unique_type

COUNT = 3000
KEYS = 12
ROUNDS = 3


class RefusedBatch(Case):
    def setUp(self):
        super().setUp()
        self.kafka, self.spool = plain_kafka(), self.make_spool()
        self.small, self.other = unique_type("small"), unique_type("other")
        self.kafka.create_small(self.small)
        self.kafka.create(self.other)

    def publish(self, *lists):
        """Everything is in the spool before the relay starts, so that its batches are large."""
        if self.spool.relay_pid():
            self.spool.ok("relay", "stop")
            self.spool.await_relay_end()
        self.spool.publish_lines(by_turns(*lists), env={option_variable("relay.mode"): "off"})

    def lines(self, topic, first, large=()):
        """COUNT events; those whose numbers are in `large` are too large for the small topic."""
        return numbered_lines(topic, COUNT, first, KEYS, fill="x" * 100, large=large)

    def assert_arrived(self, topic, numbers):
        records = self.kafka.read(topic)
        self.assert_in_order(records)
        self.assertEqual(sorted(record.payload["n"] for record in records), sorted(numbers))

    def test_batches_that_are_too_large(self):
        for first in range(0, COUNT * ROUNDS, COUNT):
            self.publish(self.lines(self.small, first), self.lines(self.other, first))
            self.spool.flush()
        for topic in (self.small, self.other):
            self.assert_arrived(topic, range(COUNT * ROUNDS))
        self.assertEqual(self.spool.status()["dead_now"], 0)
        self.assertIn(f"topic {self.small} refuses large batches (MSG_SIZE_TOO_LARGE)",
                      self.spool.log())

    def test_events_that_are_too_large(self):
        large = set(range(700, COUNT, 1000))
        self.publish(self.lines(self.small, 0, large), self.lines(self.other, 0))
        self.spool.run("flush", "--timeout", "60000")
        self.assert_arrived(self.small, set(range(COUNT)) - large)
        self.assert_arrived(self.other, range(COUNT))
        self.assertEqual(self.spool.status()["dead_now"], len(large))


if __name__ == "__main__":
    unittest.main()
