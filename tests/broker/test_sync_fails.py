# SPDX-License-Identifier: Apache-2.0
# ctest: sync_fails ENVIRONMENT AEP_TEST_FAILING_SYNC=$<TARGET_FILE:failing_sync>
"""The disk fails to keep what was written (EIO on a sync). The relay seals the segment, publishing
goes on in a new one, and all accepted events are sent. The relay runs in the foreground with a
preloaded library in place of the disk (failing_sync.c): a relay started by a publisher would drop
LD_PRELOAD."""
import json
import os
import struct
import subprocess
import time
import unittest

from harness import DEADLINE_S, Case, crc32c, unique_type, wait_until

FAILING_SYNC = os.environ.get("AEP_TEST_FAILING_SYNC", "")
SEGMENT_BYTES = 65536
SEAL_BODY = struct.pack("<HH", 3, 0)
SEAL_LENGTH = struct.pack("<I", len(SEAL_BODY))
SEAL = b"\xff\x53\xfe\xff" + SEAL_LENGTH + struct.pack("<I", crc32c(SEAL_LENGTH + SEAL_BODY)) + \
    SEAL_BODY


@unittest.skipUnless(os.path.exists(FAILING_SYNC),
                     "ctest names no failing library (AEP_TEST_FAILING_SYNC)")
class SyncFails(Case):
    @classmethod
    def setUpClass(cls):
        cls.kafka = cls.make_class_broker()

    def setUp(self):
        super().setUp()
        self.topic = unique_type("sync")
        self.kafka.create(self.topic + ":2")
        self.spool = self.make_spool(self.kafka, relay_mode="external",
                                     spool_segment_bytes=SEGMENT_BYTES)
        self.order = self.folder / "fail-sync"
        self.syncs = self.folder / "syncs"
        self.count = 0
        # Long-lived, so that it has the segment open when it is sealed.
        self.publisher = self.spool.start("publish", "--stdin", "--json", stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def start_relay(self):
        return self.spool.start_relay(env={
            "LD_PRELOAD": FAILING_SYNC, "AEP_TEST_FAIL_SYNC": str(self.order),
            "AEP_TEST_SYNCS": str(self.syncs),
            # The sanitizer's own library must come first.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"})

    def publish(self, count):
        for _ in range(count):
            event = {"event_type": self.topic,
                     "payload": {"n": self.count, "correlation_id": f"k-{self.count % 4}"}}
            self.publisher.stdin.write(json.dumps(event) + "\n")
            self.publisher.stdin.flush()
            self.assertIn('"state":"spooled"', self.publisher.stdout.readline())
            self.count += 1

    def hold_back(self):
        """From now on nothing is acknowledged: only unfinished records must be synced."""
        self.publish(10)
        self.spool.flush()
        self.addCleanup(self.kafka.resume)
        self.kafka.pause()

    def fail_sync(self, number, how="once"):
        """The next sync of this segment fails. Another segment, just sealed, is synced once more
        for its seal, and would get the failure meant for this one."""
        order = self.folder / "order"
        order.write_text(f"{how} {number:016x}.seg")
        order.rename(self.order)

    def await_syncs(self, number, result, count):
        wait_until(lambda: self.syncs.exists() and self.syncs.read_text().splitlines().count(
            f"{number:016x}.seg {result}") >= count, f"{count} syncs of segment {number} {result}")

    def await_failures(self, count):
        wait_until(lambda: not self.order.exists() and self.failures() == count,
                   f"{count} failed syncs are in the log")

    def failures(self):
        return len(self.failure_lines())

    def failure_lines(self):
        return [line for line in self.spool.log().splitlines() if "cannot sync segment" in line]

    def seals(self, segment):
        """How many seals stand at or beyond the segment's limit."""
        return segment.read_bytes()[SEGMENT_BYTES:].count(SEAL)

    def finish(self, twice=0):
        """Everything arrives in order, and once, except for what a killed relay had in flight; the
        counters agree."""
        self.kafka.resume()
        self.spool.flush()
        self.publisher.stdin.close()
        self.assertEqual(self.publisher.wait(DEADLINE_S), 0)
        records = self.kafka.read(self.topic)
        self.assert_all(records, self.count)
        self.assertLessEqual(len(records), self.count + twice)
        self.assert_in_order(records)
        if not twice:
            self.spool.wait_counter("acknowledged", self.count)
        status = self.spool.status()
        self.assertEqual(status["backlog_events"], 0)
        for name in ("lost", "dead", "parked", "skipped_bytes", "refused_io"):
            self.assertEqual(status["counters"][name], 0, name)

    def test_the_segment_is_sealed_and_all_is_sent(self):
        relay = self.start_relay()
        self.hold_back()
        first, = self.spool.segments()
        self.assertEqual(self.seals(first), 0)
        self.fail_sync(1)
        self.publish(10)
        self.await_failures(1)
        line, = self.failure_lines()
        self.assertIn("error cannot sync segment 1: Input/output error; continuing in a new one", line)
        self.assertEqual(self.seals(first), 1)

        sealed = first.read_bytes()
        self.publish(10)
        first, second = self.spool.segments()
        self.assertEqual(second.name, f"{2:016x}.seg")
        for n in range(self.count - 10, self.count):
            self.assertIn(b'"n":%d,' % n, second.read_bytes())
        self.assertEqual(self.seals(second), 0)
        for n in range(self.count - 10, self.count):
            self.assertNotIn(b'"n":%d,' % n, first.read_bytes()[:len(sealed)])
        self.assertIsNone(relay.poll())
        self.finish()
        self.assertEqual(self.failures(), 1)

    def test_one_failure_after_the_other(self):
        self.start_relay()
        self.hold_back()
        for segment in range(3):
            self.fail_sync(segment + 1)
            self.publish(50)
            wait_until(lambda: not self.order.exists(), "a sync has failed")
            wait_until(lambda: self.seals(self.spool.segments()[segment]), "its segment is sealed")
        self.publish(50)
        self.assertEqual(len(self.spool.segments()), 4)
        self.finish()

    def test_a_sealed_segment_that_fails_again_seals_no_other(self):
        self.start_relay()
        self.hold_back()
        self.fail_sync(1, "always")
        self.publish(10)
        self.await_syncs(1, "failed", 2)  # the second time with its seal
        self.publish(10)
        self.await_syncs(1, "failed", 3)  # together with the first sync of the next segment
        self.publish(1)
        self.await_syncs(2, "done", 2)  # the relay knows of it
        self.assertEqual([self.seals(path) for path in self.spool.segments()], [1, 0])
        for line in self.failure_lines():
            self.assertIn("cannot sync segment 1:", line)
        self.order.unlink()
        self.finish()

    def test_a_disk_that_is_broken_for_good(self):
        """Each segment gets one seal, although that cannot be synced either."""
        self.start_relay()
        self.hold_back()
        self.order.write_text("always")
        for segment in range(3):
            self.publish(50)
            wait_until(lambda: self.seals(self.spool.segments()[segment]), "it is sealed")
            time.sleep(0.5)  # time for more tries to sync it: there is no event to wait for
        self.assertEqual([self.seals(path) for path in self.spool.segments()], [1, 1, 1])
        self.order.unlink()
        self.publish(50)
        self.finish()

    def test_a_relay_that_is_killed_after_the_failure_leaves_all_to_the_next(self):
        relay = self.start_relay()
        self.hold_back()
        self.fail_sync(1)
        self.publish(50)
        self.await_failures(1)
        relay.kill()
        relay.wait()
        self.publish(50)
        self.start_relay()
        self.finish(twice=50)


if __name__ == "__main__":
    unittest.main()
