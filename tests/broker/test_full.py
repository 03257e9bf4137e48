# SPDX-License-Identifier: Apache-2.0
# ctest: spool_full CASES SpoolFull BROKERS plain
# ctest: disk_full CASES DiskFull BROKERS plain
# ctest: small_volumes CASES SmallVolumes BROKERS plain LONG TIMEOUT 900
"""A full disk and a full spool: new events are refused, reported and counted, while accepted ones
are delivered; once there is room, publishing goes on."""
import ctypes
import json
import os
import pathlib
import random
import subprocess
import unittest

from harness import TOPICS, Case, end_process, numbered_lines, plain_kafka, unique, unique_type, \
    wait_until

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
FILL = "x" * 500
FILLS = int(os.environ.get("AEP_TEST_FILLS", "8"))


def enter_mount_namespace():
    """Mounts of this process and its children are private, and end with them."""
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNS if uid == 0 else CLONE_NEWNS | CLONE_NEWUSER
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise unittest.SkipTest(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    if uid != 0:
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True)
    if done.returncode != 0:
        raise unittest.SkipTest(f"no mounts: {done.stderr}")


class Publishing(Case):
    def publish_until_refused(self, spool, topic, count, first=0, fill=FILL, env=None):
        """Returns the numbers that were accepted, and the result."""
        lines = numbered_lines(topic, count, first=first, keys=1, fill=fill)
        result = spool.run("publish", "--stdin", "--json", env=env,
                           stdin="".join(json.dumps(line) + "\n" for line in lines))
        answers = [json.loads(line) for line in result.out.splitlines()]
        return [first + answer["line"] - 1 for answer in answers
                if answer.get("line") and answer["state"] == "spooled"], result

    def numbers(self, topic):
        return [record.payload["n"] for record in plain_kafka().read(topic)]


class OnSmallDisk(Publishing):
    @classmethod
    def setUpClass(cls):
        plain_kafka()
        enter_mount_namespace()

    def run_or_skip(self, *command):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError as error:
            self.skipTest(str(error))
        if done.returncode != 0:
            self.skipTest(f"{' '.join(map(str, command))}: {done.stderr}")

    def make_small_disk(self, megabytes, kind="tmpfs", **options):
        number = len(self.mounts)
        disk = self.folder / f"disk{number}"
        disk.mkdir()
        if kind == "tmpfs":
            self.run_or_skip("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "aep-test", disk)
        else:
            image = self.folder / f"image{number}"
            image.touch()
            os.truncate(image, megabytes << 20)
            self.run_or_skip("/sbin/mkfs." + kind, "-q", image)
            self.run_or_skip("mount", "-o", "loop", image, disk)
        self.mounts.append(disk)
        self.junk = disk / "junk"
        spool = self.make_spool(spool_dir=disk / "spool", relay_mode="external", **options)
        spool.dir = disk / "spool"
        return spool

    def fill_disk(self, leave=0):
        """Another program's file takes all the room except this many bytes."""
        with open(self.junk, "ab", buffering=0) as file:
            for size in (1 << 20, 65536, 4096, 512):
                try:
                    while True:
                        room = os.statvfs(self.junk)
                        if leave and room.f_bavail * room.f_frsize < leave + size:
                            break
                        file.write(bytes(size))
                except OSError:
                    pass


class DiskFull(OnSmallDisk):
    def make_small_disk(self, megabytes, **options):
        return super().make_small_disk(megabytes, spool_segment_bytes="1MiB", **options)

    def test_what_was_accepted_is_delivered_while_the_disk_stays_full(self):
        spool, topic = self.make_small_disk(8), unique_type("full")
        plain_kafka().create(topic)
        accepted, result = self.publish_until_refused(spool, topic, 20_000)
        self.assertIn(result.status, (1, 2, 4), result.err)
        self.assertTrue(result.err)
        self.assertGreater(len(accepted), 1000)
        self.fill_disk()
        relay = spool.start_relay()
        spool.flush()
        self.assertIsNone(relay.poll(), "the relay lives")
        self.assertEqual(self.numbers(topic), accepted)
        counters = spool.status()["counters"]
        self.assertGreater(counters["refused_full"] + counters["refused_io"], 0)
        # What it removed makes room for new events, though another program holds the rest.
        self.assertEqual(spool.publish("progress", unique(), "--wait").status, 0)

    def test_refused_while_full_and_accepted_again_when_freed(self):
        spool, topic = self.make_small_disk(16), unique_type("freed")
        plain_kafka().create(topic)
        relay = spool.start_relay()
        accepted, _ = self.publish_until_refused(spool, topic, 100)
        spool.flush()
        for turn in range(1, 4):
            self.fill_disk()
            more, result = self.publish_until_refused(spool, topic, 10_000, first=10_000 * turn)
            accepted += more
            self.assertIsNone(relay.poll(), "the relay lives")
            os.truncate(self.junk, 0)
            more, result = self.publish_until_refused(spool, topic, 100,
                                                      first=10_000 * turn + 9_900_000)
            self.assertEqual(len(more), 100, result.err)
            accepted += more
            spool.flush()
        self.assertEqual(self.numbers(topic), accepted)

    def test_a_relay_starts_on_a_full_disk(self):
        """The relay was killed, and the disk is full by the time the next one starts."""
        spool, topic = self.make_small_disk(8), unique_type("late")
        plain_kafka().create(topic)
        relay = spool.start_relay()
        spool.publish_lines(numbered_lines(topic, 10, keys=1))
        spool.flush()
        relay.kill()
        relay.wait()
        accepted, _ = self.publish_until_refused(spool, topic, 1000, first=10)
        self.fill_disk()
        spool.start_relay()
        spool.flush()
        self.assertEqual(sorted(set(self.numbers(topic))), list(range(10)) + accepted)

    def test_a_spool_cannot_be_made_on_a_full_disk_and_that_is_said(self):
        spool = self.make_small_disk(1)
        self.fill_disk()
        result = spool.publish("progress", "x")
        self.assertIn(result.status, (1, 4))
        self.assertRegex(result.err, "(?i)space|full")
        self.junk.unlink()
        self.assertEqual(spool.publish("progress", "x").status, 0)


class SmallVolumes(OnSmallDisk):
    """A full volume, of any size and whoever filled it: delivered events make room for new ones,
    even if nothing else does."""

    def try_to_publish(self, spool, topic, count):
        """Publishes until refused, without waiting for room; returns the message."""
        more, result = self.publish_until_refused(spool, topic, count, first=self.next,
                                                  fill="x" * 20_000, env={"AEP_RELAY_MODE": "off"})
        self.accepted += more
        self.next += count
        return result.err

    def publish_some(self, spool, topic, count):
        """Publishes `count` events, each as soon as there is room for it."""
        def some():
            self.try_to_publish(spool, topic, count - (len(self.accepted) - before))
            return len(self.accepted) - before == count
        before = len(self.accepted)
        wait_until(some, f"{count} events are accepted")

    def drain_and_go_on(self, spool, topic):
        """Fills the disk to the last block, delivers, and publishes three times as much again."""
        self.accepted, self.next = [], 0
        plain_kafka().create(topic)
        self.assertIn("free disk space", self.try_to_publish(spool, topic, 5000))
        held = len(self.accepted)
        self.fill_disk()
        relay = spool.start_relay()
        spool.flush()
        for _ in range(2):
            self.publish_some(spool, topic, held + 40)
            self.fill_disk()
            spool.flush()
        self.assertIsNone(relay.poll(), "the relay lives")
        self.assertEqual(self.numbers(topic), self.accepted)
        relay.terminate()
        relay.wait()

    def test_volumes_of_4_to_64_mib(self):
        for megabytes in (4, 8, 16, 32, 64):
            for kind in ("tmpfs", "ext4"):
                with self.subTest(f"{megabytes} MiB of {kind}"):
                    spool = self.make_small_disk(megabytes, kind)
                    self.drain_and_go_on(spool, unique_type("small"))

    def test_a_neighbour_takes_the_rest_before_the_spool_begins(self):
        for leave in (1, 2, 3, 5, 9, 14):
            for kind in ("tmpfs", "ext4"):
                with self.subTest(f"{leave} MiB of {kind} are left"):
                    spool = self.make_small_disk(40, kind)
                    self.fill_disk(leave=leave << 20)
                    self.drain_and_go_on(spool, unique_type("rest"))

    def test_a_spool_whose_segments_are_larger_than_the_volume(self):
        """The spool was created where there was room: the volume shrank, or the spool was moved."""
        for megabytes in (4, 8, 12, 20):
            with self.subTest(f"{megabytes} MiB"):
                spool = self.make_small_disk(100)
                self.assertEqual(spool.publish("progress", unique()).status, 0)
                self.assertIn("segment_bytes 8388608\n", (spool.dir / "spool.id").read_text())
                relay = spool.start_relay()
                spool.flush()
                relay.terminate()
                relay.wait()
                for segment in spool.segments():
                    segment.unlink()  # with the room reserved for it
                self.run_or_skip("mount", "-o", f"remount,size={megabytes}m", spool.dir.parent)
                self.drain_and_go_on(spool, unique_type("shrunk"))


class SpoolFull(Publishing):
    def test_the_limit_refuses_and_the_relay_makes_room(self):
        spool = self.make_spool(relay_mode="external", spool_segment_bytes="64KiB",
                                spool_max_bytes="256KiB")
        topic = unique_type("limit")
        accepted, result = self.publish_until_refused(spool, topic, 1000)
        self.assertEqual(result.status, 4, result.err)
        self.assertLess(len(accepted), 256)
        one = spool.run("publish", "--type", topic, "--payload", '{"n":1000}')
        self.assertEqual(one.status, 4, one.err)
        self.assertGreater(spool.counter("refused_full"), 0)
        used = sum(path.stat().st_size for path in spool.segments())
        self.assertLessEqual(used, (256 + 2) << 10)

        spool.start_relay()
        spool.flush()
        self.assertEqual(self.numbers(topic), accepted)
        wait_until(lambda: spool.publish("progress", unique()).status == 0, "there is room again")

    def test_the_last_part_is_kept_for_started_and_terminal_events(self):
        spool = self.make_spool(relay_mode="off", spool_segment_bytes="64KiB",
                                spool_max_bytes="256KiB")
        self.publish_until_refused(spool, unique_type("limit"), 1000)
        word = unique()
        self.assertEqual(spool.publish("progress", word).status, 4)
        for kind in ("started", "completed", "failed"):
            result = spool.publish(kind, word)
            self.assertEqual(result.status, 0, result.err)
        refused = next(n for n in range(100) if spool.publish("completed", word).status != 0)
        self.assertLess(refused, 20)
        spool.start_relay()
        wait_until(lambda: len(plain_kafka().read(*TOPICS.values(), only=word)) == 3 + refused,
                   "all that was accepted arrives", step_s=0.2)

    def fill_whole(self, spool, topic):
        """Fills the spool, reserved room included, without a relay. Returns the numbers that the
        topic will get."""
        off = {"AEP_RELAY_MODE": "off"}
        accepted, _ = self.publish_until_refused(spool, topic, 1000, env=off)
        wait_until(lambda: spool.publish("completed", unique(), env=off).status == 4, "it is full")
        return accepted

    def test_a_refused_call_brings_the_relay_that_makes_room(self):
        """Only a refused call can start a relay: the last one was killed when the spool was
        full."""
        calls = {"publish": ("publish", "progress", "--agent", "a", "--correlation-id", "c"),
                 "run": ("run", "--agent", "a", "--", "true")}
        for name, words in calls.items():
            with self.subTest(name):
                spool = self.make_spool(spool_segment_bytes="64KiB", spool_max_bytes="256KiB")
                topic = unique_type("refused")
                plain_kafka().create(topic)
                accepted = self.fill_whole(spool, topic)
                result = spool.run(*words)
                self.assertTrue(result.err)
                wait_until(lambda: spool.publish("progress", unique(), env={"AEP_RELAY_MODE": "off"})
                           .status == 0, "there is room again")
                self.assertEqual(self.numbers(topic), accepted)

    def bring_relay(self, spool):
        """Calls, whether accepted or refused, start a relay. One call is enough, unless the last
        relay was killed while it started, which looks like one that cannot start."""
        def call():
            spool.publish("progress", unique())
            return spool.relays()
        return wait_until(call, "a relay has been started")[0]

    def test_filled_killed_and_filled_again(self):
        """Over and over, a burst fills the spool and its relay is killed, while it sends or before
        it has begun. Every accepted event arrives."""
        spool = self.make_spool(spool_segment_bytes="64KiB", spool_max_bytes="256KiB",
                                kafka_queue_buffering_max_messages=20)
        topic, accepted, chance = unique_type("again"), [], random.Random(1)
        plain_kafka().create(topic)
        for turn in range(FILLS):
            more, result = self.publish_until_refused(spool, topic, 1000, first=1000 * turn,
                                                      env={"AEP_RELAY_MODE": "off"})
            accepted += more
            self.assertEqual(result.status, 4, result.err)
            pid = self.bring_relay(spool)
            sent = min(len(accepted), spool.cursor().ordinal + chance.choice([0, 50, 1000]))
            wait_until(lambda: spool.cursor().ordinal >= sent, f"{sent} are acknowledged",
                       step_s=0.001)
            end_process(pid)
        self.bring_relay(spool)
        wait_until(lambda: spool.status()["backlog_events"] == 0, "all of it is sent")
        self.assertEqual(sorted(set(self.numbers(topic))), accepted)

    def test_lines_wait_for_the_room_that_the_relay_makes(self):
        """One process publishes more than fits: nothing is refused while the relay makes room."""
        spool = self.make_spool(spool_segment_bytes="64KiB", spool_max_bytes="256KiB")
        topic = unique_type("stream")
        plain_kafka().create(topic)
        accepted, result = self.publish_until_refused(spool, topic, 3000)
        self.assertEqual(result.status, 0, result.err[-500:])
        self.assertEqual(len(accepted), 3000)
        spool.flush()
        self.assertEqual(self.numbers(topic), accepted)


if __name__ == "__main__":
    unittest.main()
