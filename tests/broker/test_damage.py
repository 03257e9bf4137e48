# SPDX-License-Identifier: Apache-2.0
# ctest: damage BROKERS plain
"""Damage that others do to a spool folder: garbage, truncation, strange files, removed segments.
What is whole is delivered, what is skipped is counted, nothing crashes or hangs."""
import os
import shutil
import signal
import unittest

from harness import Case, numbered_lines, plain_kafka, unique_type, wait_until

MAGIC = bytes([0xFF, 0x53, 0xFE, 0xFF])


class Damage(Case):
    """Two batches of events with damage between them, then a relay."""

    def begin(self, count=20, **options):
        self.kafka, self.topic = plain_kafka(), unique_type("damage")
        self.spool = self.make_spool(relay_mode="external", **options)
        self.sent = 0
        self.publish(count)
        return self.spool

    def publish(self, count):
        self.spool.publish_lines(numbered_lines(self.topic, count, first=self.sent, keys=1))
        self.sent += count

    def deliver(self):
        """Starts a relay, waits until it has finished, returns the numbers that arrived."""
        self.relay = self.spool.start_relay()
        self.spool.flush()
        self.assertIsNone(self.relay.poll(), "the relay lives")
        return [record.payload["n"] for record in self.kafka.read(self.topic)]

    def skipped(self):
        return self.spool.counter("skipped_bytes")

    def append(self, data, path=None):
        with open(path or self.spool.segments()[-1], "ab") as file:
            file.write(data)

    # -- within a segment

    def test_garbage_between_records_is_skipped_and_counted(self):
        self.begin()
        garbage = os.urandom(3000).replace(MAGIC, b"") + MAGIC + b"\xff" * 40
        self.append(garbage)
        self.publish(20)
        self.assertEqual(self.deliver(), list(range(40)))
        self.spool.wait_status(lambda status: status["counters"]["skipped_bytes"] == len(garbage),
                               f"{len(garbage)} bytes counted as skipped")

    def test_a_torn_record_is_skipped_and_holds_up_nothing(self):
        self.begin(1)
        path = self.spool.segments()[-1]
        first = path.stat().st_size
        self.publish(1)
        whole = path.read_bytes()[first:]
        for cut in (3, 11, 40, len(whole) - 1):  # pieces of a record, as short writes leave them
            self.append(whole[:cut])
        self.publish(20)
        self.append(whole[:100])  # and one at the end, which is never completed
        self.assertEqual(self.deliver(), list(range(22)))
        self.publish(5)
        self.spool.flush()
        self.assertEqual([record.payload["n"] for record in self.kafka.read(self.topic)],
                         list(range(27)))
        self.assertGreater(self.skipped(), 0)

    def test_zeros_are_skipped(self):
        self.begin()
        self.append(bytes(10_000))
        self.publish(20)
        self.assertEqual(self.deliver(), list(range(40)))

    def test_a_record_with_a_flipped_bit_is_skipped_and_counted(self):
        self.begin(3)
        path = self.spool.segments()[-1]
        data = bytearray(path.read_bytes())
        at = data.index(b'"n":1')
        data[at + 4] ^= 1
        path.write_bytes(data)
        self.publish(3)
        self.assertEqual(self.deliver(), [0, 2, 3, 4, 5])
        self.assertGreater(self.skipped(), 0)

    def test_a_segment_cut_short_is_read_as_far_as_it_goes(self):
        self.begin(20)
        path = self.spool.segments()[-1]
        os.truncate(path, path.stat().st_size - 50)
        self.publish(20)
        self.assertEqual(self.deliver(), [*range(19), *range(20, 40)])

    # -- files that do not belong there

    def test_strange_files_are_left_alone(self):
        spool = self.begin()
        strange = {"notes.txt": b"hello", "tmp.0123": os.urandom(100), ".hidden": b"",
                   "zzzz.seg": os.urandom(500), "0000000000000001.seg.bak": b"x",
                   "00000000000000ff.seg": os.urandom(5000),      # far away
                   "fffffffffffffffe.seg": bytes(5000)}
        for name, data in strange.items():
            (spool.dir / name).write_bytes(data)
        (spool.dir / "folder").mkdir()
        os.mkfifo(spool.dir / "fifo")
        (spool.dir / "link").symlink_to("/etc/passwd")
        self.publish(20)
        self.assertEqual(self.deliver(), list(range(40)))
        self.assertTrue((spool.dir / "notes.txt").exists())
        self.assertTrue((spool.dir / "folder").exists())

    def strange_next_segment(self, make):
        """Something else has the next segment's name before that segment is created."""
        spool = self.begin(5, spool_segment_bytes="64KiB")
        make(spool.dir / f"{2:016x}.seg")
        self.publish(400)  # several segments
        numbers = self.deliver()
        self.assertEqual([n for n in numbers if n < 1000], list(range(405)))
        self.assertEqual(spool.status()["backlog_bytes"], 0)

    def test_garbage_under_the_next_segments_name(self):
        self.strange_next_segment(lambda path: path.write_bytes(os.urandom(5000)))

    def test_an_empty_file_under_the_next_segments_name(self):
        self.strange_next_segment(lambda path: path.touch())

    def test_zeros_under_the_next_segments_name(self):
        self.strange_next_segment(lambda path: path.write_bytes(bytes(100_000)))

    def test_another_spools_segment_under_the_next_segments_name(self):
        """Its records are foreign: they are not sent."""
        other = self.make_spool(relay_mode="off")
        foreign = unique_type("foreign")
        other.publish_lines(numbered_lines(foreign, 10))
        self.strange_next_segment(lambda path: shutil.copy(other.segments()[0], path))
        self.assertEqual(self.kafka.read(foreign), [])

    def test_a_newer_format_is_refused_and_left_alone(self):
        spool = self.begin()
        path = spool.dir / "spool.id"
        text = path.read_text()
        newer = text.replace("aep-spool 1", "aep-spool 2")
        self.assertNotEqual(newer, text)
        path.write_text(newer)
        before = {file.name: file.stat().st_size for file in spool.dir.iterdir()}
        result = spool.publish("progress", "x")
        self.assertEqual(result.status, 1)
        self.assertIn("spool", result.err)
        self.assertNotEqual(spool.run("relay", "run").status, 0)
        self.assertEqual({file.name: file.stat().st_size for file in spool.dir.iterdir()}, before)
        path.write_text(text)
        self.assertEqual(self.deliver(), list(range(20)))

    def test_a_cursor_with_one_damaged_slot_goes_on_with_the_other(self):
        spool = self.begin(10)
        self.assertEqual(self.deliver(), list(range(10)))
        spool.ok("relay", "stop")
        path = spool.dir / "cursor"
        data = bytearray(path.read_bytes())
        data[0:8] = b"garbage!"
        path.write_bytes(data)
        self.publish(10)
        self.assertEqual(set(self.deliver()), set(range(20)))

    def test_a_destroyed_cursor_is_said_and_the_remedy_loses_nothing(self):
        spool = self.begin(10)
        self.assertEqual(self.deliver(), list(range(10)))
        spool.ok("relay", "stop")
        path = spool.dir / "cursor"
        path.write_bytes(bytes(path.stat().st_size))
        result = spool.publish("progress", "x")
        self.assertEqual(result.status, 1, result.err)
        self.assertIn("cursor", result.err)
        self.assertNotEqual(spool.run("relay", "run").status, 0)
        path.rename(spool.home / "moved-away")
        self.publish(10)
        self.assertEqual(set(self.deliver()), set(range(20)))
        numbers = {}
        for record in self.kafka.read(self.topic):
            numbers.setdefault(record.seq, set()).add(record.payload["n"])
        self.assertEqual([n for n in numbers.values() if len(n) > 1], [],
                         "two events with one number")

    # -- files that are taken away

    def test_a_segment_that_is_removed_from_the_backlog(self):
        spool = self.begin(600, spool_segment_bytes="64KiB")
        self.assertGreater(len(spool.segments()), 4)
        spool.segments()[2].unlink()
        self.check_only_removed_is_lost(self.deliver(), 600)
        self.publish(50)
        spool.flush()
        numbers = [record.payload["n"] for record in self.kafka.read(self.topic)]
        self.assertEqual(numbers[-50:], list(range(600, 650)))

    def test_a_segment_that_is_removed_under_the_relay(self):
        spool = self.begin(5, spool_segment_bytes="64KiB")
        self.assertEqual(self.deliver(), list(range(5)))
        self.relay.send_signal(signal.SIGSTOP)
        self.publish(600)
        spool.segments()[2].unlink()
        self.relay.send_signal(signal.SIGCONT)
        spool.wait_status(lambda status: status["counters"]["lost"] > 0, "the relay sees the gap")
        self.publish(50)
        spool.flush()
        numbers = [record.payload["n"] for record in self.kafka.read(self.topic)]
        self.check_only_removed_is_lost(numbers, 655)

    def check_only_removed_is_lost(self, numbers, count):
        self.assertEqual(len(numbers), len(set(numbers)), "once")
        lost = sorted(set(range(count)) - set(numbers))
        self.assertEqual(lost, list(range(lost[0], lost[-1] + 1)), "what was removed, no more")
        self.assertLess(len(lost), 200)
        self.spool.wait_status(lambda status: status["counters"]["lost"] > 0, "it is counted")
        self.assertIn("segment 3", self.spool.log())

    def test_the_segment_that_the_relay_reads_is_removed(self):
        spool = self.begin(5)
        self.assertEqual(self.deliver(), list(range(5)))
        for _ in range(3):
            spool.segments()[-1].unlink()
            self.publish(5)
            spool.flush()
        self.assertEqual([record.payload["n"] for record in self.kafka.read(self.topic)],
                         list(range(20)))
        self.assertIsNone(self.relay.poll(), "the relay lives")

    def test_small_files_are_removed_under_the_relay(self):
        """Bell, control socket, counters, status: publishers go on, nothing is lost."""
        for name in ("bell", "control", "status", "counters", "ballast", "relay.log"):
            with self.subTest(name):
                self.begin(5)
                self.assertEqual(self.deliver(), list(range(5)))
                (self.spool.dir / name).unlink(missing_ok=True)
                self.publish(5)
                wait_until(lambda: len(self.kafka.read(self.topic)) == 10, "all has arrived", 20,
                           step_s=0.1)
                self.spool.end()

    def test_the_cursor_is_removed_under_the_relay(self):
        spool = self.begin(5)
        self.assertEqual(self.deliver(), list(range(5)))
        (spool.dir / "cursor").unlink()
        self.publish(5)
        wait_until(lambda: {record.payload["n"] for record in self.kafka.read(self.topic)} ==
                   set(range(10)), "all has arrived", 20, step_s=0.1)


if __name__ == "__main__":
    unittest.main()
