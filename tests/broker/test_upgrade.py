# SPDX-License-Identifier: Apache-2.0
# ctest: upgrade CASES Upgrade BROKERS plain
# ctest: upgrade_refused CASES Refused BROKERS plain LONG
"""The relay's program is replaced on disk while it runs: it goes on as the new one, in the same process, and no
event is lost or comes twice."""
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import threading
import time
import unittest

from harness import DEADLINE_S, PROGRAM, Case, Load, is_alive, numbered_lines, plain_kafka, \
    unique_type, wait_until
from replacing import install, rebuild, replace, replace_by_text

ROUNDS = int(os.environ.get("AEP_TEST_UPGRADES", "2"))


class LockWatch:
    """Looks at a spool's lock all the time: a moment in which it is free is one for another relay."""

    def __init__(self, spool):
        self.path, self.free, self.looks = spool.dir / "relay.lock", 0, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        first_byte = struct.pack("hhqqixxxx", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
        with open(self.path, "rb") as file:
            while not self.over.is_set():
                found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, first_byte)
                self.free += struct.unpack("hhqqixxxx", found)[0] == fcntl.F_UNLCK
                self.looks += 1
                time.sleep(0.0005)

    def stop(self):
        self.over.set()
        self.thread.join(DEADLINE_S)


class UpgradeCase(Case):
    def setUp(self):
        super().setUp()
        self.aep = install(PROGRAM, self.folder / "installed")
        self.relay = self.aep.parents[1] / "libexec/aep/aep-relay"
        self.kafka, self.topic = plain_kafka(), unique_type("upgrade")
        self.kafka.create(self.topic)

    def make(self, **options):
        self.spool = self.make_spool(relay_path=self.relay, **options)
        return self.spool

    def await_version(self, version):
        return self.spool.wait_status(
            lambda status: status["relay_alive"] and f" {version}," in status["relay_version"],
            f"the relay is {version}")

    def assert_delivered(self, count):
        self.spool.flush()
        records = self.kafka.read(self.topic)
        self.assert_all_once(records, count)
        self.assert_in_order(records)

    def replace_under_load(self):
        load = Load(self.spool, self.topic)
        self.spool.wait_flow()
        pid = self.spool.relay_pid()
        lock = LockWatch(self.spool)
        self.addCleanup(lock.stop)
        for number in range(ROUNDS):
            version = replace(self.relay, number)
            self.assertEqual(self.await_version(version)["relay_pid"], pid)
            self.spool.wait_flow()
        lock.stop()
        self.assertGreater(lock.looks, 0)
        self.assertEqual(lock.free, 0, "the lock was free")
        self.assert_delivered(load.stop())
        self.assertEqual(self.spool.log().count(" renewed: "), ROUNDS)
        self.assertEqual(self.spool.relays(), [pid])
        return pid


class Upgrade(UpgradeCase):
    def test_one_that_a_publisher_started(self):
        """Its settings came over a socket, and nobody else can tell them."""
        self.make()
        self.replace_under_load()

    def test_one_in_the_foreground(self):
        spool = self.make(relay_mode="external")
        child = subprocess.Popen([self.aep, "relay", "run"], env=spool.environment({}), cwd=spool.home,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        spool.children.append(child)
        self.assertEqual(self.replace_under_load(), child.pid)
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(DEADLINE_S), 0)

    def test_waiting_programs_do_not_notice(self):
        spool = self.make()
        spool.publish_lines(numbered_lines(self.topic, 1))
        version = replace(self.relay, 1)
        sent = 1
        while f" {version}," not in spool.status()["relay_version"]:
            spool.publish_lines(numbered_lines(self.topic, 5, first=sent), "--wait=60000")
            sent += 5
        spool.publish_lines(numbered_lines(self.topic, 5, first=sent), "--wait=60000")
        self.assert_delivered(sent + 5)


class Refused(UpgradeCase):
    def test_one_that_cannot_run_changes_nothing(self):
        """Half an upgrade: the program is there, a library of it is not. The whole one is noticed."""
        spool = self.make()
        spool.publish_lines(numbered_lines(self.topic, 10))
        pid = wait_until(spool.relay_pid, "a relay runs")
        before = spool.wait_status(lambda status: status["relay_version"], "it says which")
        whole, version = rebuild(self.relay, 5)
        os.replace(whole, f"{self.relay}.whole")
        for text, reason in (("#!/bin/sh\necho cannot open shared object file >&2\nexit 127\n",
                              "does not run yet: cannot open shared object file"),
                             ("no program\n", "does not run yet: Exec format error")):
            replace_by_text(self.relay, text)
            wait_until(lambda: reason in spool.log(), reason)
        spool.publish_lines(numbered_lines(self.topic, 10, first=10), env={"AEP_RELAY_MODE": "external"})
        spool.flush()
        after = spool.status()
        self.assertEqual([after["relay_pid"], after["relay_version"]],
                         [pid, before["relay_version"]])
        self.assertEqual(spool.log().count("does not run yet"), 2)
        os.replace(f"{self.relay}.whole", self.relay)
        self.assertEqual(self.await_version(version)["relay_pid"], pid)
        self.assert_delivered(20)

    def test_one_that_is_removed(self):
        """It delivers what comes, and ends when nothing does."""
        spool = self.make(relay_idle_exit="9s")
        spool.publish_lines(numbered_lines(self.topic, 10))
        pid = wait_until(spool.relay_pid, "a relay runs")
        shutil.rmtree(self.aep.parents[1])
        spool.publish_lines(numbered_lines(self.topic, 10, first=10))
        self.assert_delivered(20)
        wait_until(lambda: not is_alive(pid), "it ends when idle")
        self.assertIn("nothing to do: exiting", spool.log())
        self.assertNotIn("replaced", spool.log())

    def test_what_is_not_acknowledged_is_not_given_up(self):
        """Its own client knows what it has sent, the next one does not: it waits for the broker."""
        broker = self.make_broker()
        broker.create(self.topic)
        self.kafka = broker
        spool = self.spool = self.make_spool(broker, relay_path=self.relay)
        load = Load(spool, self.topic, per_second=500)
        spool.wait_flow()
        broker.pause()
        version = replace(self.relay, 3)
        spool.wait_status(lambda status: status["backlog_events"] > 5000, "events wait")
        wait_until(lambda: "but Kafka has not acknowledged what was sent" in spool.log(), "it says why")
        self.assertNotIn(" renewed: ", spool.log())
        broker.resume()
        self.await_version(version)
        self.assert_delivered(load.stop())


if __name__ == "__main__":
    unittest.main()
