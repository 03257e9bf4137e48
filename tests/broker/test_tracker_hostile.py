# SPDX-License-Identifier: Apache-2.0
# ctest: tracker_hostile TIMEOUT 900
"""Whatever a topic holds, the tracker goes on, counts it by reason, and its memory stays bounded."""
import json
import os
import re
import unittest

from harness import TOPICS, read_proc, unique
from test_tracker import TrackerCase

KEYS = int(os.environ.get("AEP_TEST_HOSTILE_KEYS", "100000"))
MIB = 1 << 20
ORDINARY_MIB = 64  # what the tracker may take, whatever is of an ordinary size
LARGE = 10_000_000
INFLATED = 40 * 1_000_000  # a batch, of which some 40 KB are sent


class Hostile(TrackerCase):
    def setUp(self):
        super().setUp()
        self.kafka = self.make_broker()
        self.kafka.create(*(f"{topic}:3" for topic in TOPICS.values()))
        self.topic = TOPICS["progress"]
        self.kafka.config(self.topic, "max.message.bytes=20000000")
        self.reader = self.make_reader(self.kafka, track_sources="kafka", track_idle_exit="300s")
        self.far = self.make_spool(self.kafka)

    def produce(self, *words, text=None, values=()):
        """Lines of a text, or values, as messages."""
        paths = []
        for number, value in enumerate(values):
            paths.append(self.folder / f"value{number}")
            paths[-1].write_text(value)
        done = self.kafka.kcat("-P", "-t", self.topic, "-X", "message.max.bytes=100000000", *words, *paths,
                               stdin=text, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)

    def read(self, word):
        """Reads up to executions that are published now; what was counted, and the peak in MiB."""
        self.publish_runs(self.far, word, 3)
        self.assert_runs(self.rows(self.reader, "agent:far", wait="300s"), word, 3)
        pid, = self.pids(self.reader)
        peak = int(re.search(rb"VmHWM:\s*(\d+) kB", read_proc(pid, "status")).group(1)) / 1024
        print(f"{word}: {peak:.1f} MiB")
        return self.tracker(self.reader)["events"]["rejected"], peak

    def test_memory_is_bounded_and_all_is_counted(self):
        event = json.dumps({"event_type": "a.agent.execution.progress.v1", "tenant_id": "t", "timestamp":
                            "2026-11-28T10:00:00Z", "payload": {"agent_name": "hostile"}, "fill": "x" * 200})
        lines = []
        for i in range(KEYS):
            member = '"event_id":"%08x-0000-4000-8000-000000000000","correlation_id":"%s",' % (i, f"c{i}")
            value = ("garbage", '{"event_type":"a.b.c.v1"}', event, "{" + member + event[1:], "")[i % 5]
            lines.append(f"key-{i}:{value}\n")
        self.produce("-Z", "-K", ":", text="".join(lines))
        fifth = KEYS // 5
        counted, peak = self.read(unique("keys"))
        self.assertEqual(counted, {"not JSON": fifth, "another type": fifth, "members missing": fifth,
                                   "empty": fifth, "too large": 0})
        self.assertLess(peak, ORDINARY_MIB)

        # librdkafka has the response that it reads, and may have the one after that.
        self.produce(values=["x" * LARGE] * 20)
        counted, peak = self.read(unique("large"))
        self.assertEqual(counted["too large"], 20)
        self.assertLess(peak, ORDINARY_MIB + 2 * LARGE / MIB)

        # And what it inflates.
        for codec in ("gzip", "zstd", "lz4", "snappy"):
            self.produce("-z", codec, "-X", "batch.size=100000000", "-X", "linger.ms=3000",
                         values=["x" * 1_000_000] * (INFLATED // 1_000_000))
            before = counted["not JSON"]
            counted, peak = self.read(unique(codec))
            self.assertEqual(counted["not JSON"] - before, INFLATED // 1_000_000)
        self.assertLess(peak, ORDINARY_MIB + 2 * INFLATED / MIB)


if __name__ == "__main__":
    unittest.main(verbosity=2)
