# SPDX-License-Identifier: Apache-2.0
# ctest: reboot BROKERS plain
"""The machine reboots between two runs (another boot id is mounted over the kernel's): what was
accepted before is sent, in order, and no number of x-aep-seq is used twice."""
import subprocess
import unittest
import uuid

from harness import DEADLINE_S, Case, numbered_lines, plain_kafka, unique_type
from test_full import enter_mount_namespace

BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Reboot(Case):
    @classmethod
    def setUpClass(cls):
        plain_kafka()
        enter_mount_namespace()

    def boot(self):
        """Gives every program that starts from now on another boot id."""
        fake = self.folder / f"boot-{uuid.uuid4()}"
        fake.write_text(f"{uuid.uuid4()}\n")
        done = subprocess.run(["mount", "--bind", fake, BOOT_ID], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"no mount over {BOOT_ID}: {done.stderr}")
        self.addCleanup(subprocess.run, ["umount", BOOT_ID], check=True)

    def test_what_was_accepted_before_is_sent_after_and_numbers_do_not_come_again(self):
        kafka, topic = plain_kafka(), unique_type("reboot")
        kafka.create(topic)
        spool = self.make_spool(relay_mode="external")
        for boot in range(3):
            spool.publish_lines(numbered_lines(topic, 10, first=20 * boot))
            relay = spool.start_relay()
            spool.flush()
            spool.ok("relay", "stop")
            relay.wait(DEADLINE_S)
            spool.publish_lines(numbered_lines(topic, 10, first=20 * boot + 10))  # left behind
            self.boot()
        spool.start_relay()
        spool.flush()
        records = sorted(kafka.read(topic), key=lambda record: record.ordinal)
        self.assertEqual([record.payload["n"] for record in records], list(range(60)))
        self.assert_in_order(records)
        # A relay sends what the previous boot left behind.
        expected = [(boot << 32) + n for boot, count in enumerate((10, 20, 20, 10))
                    for n in range(count)]
        self.assertEqual([record.ordinal for record in records], expected)
        self.assertEqual(spool.counter("lost"), 0)


if __name__ == "__main__":
    unittest.main()
