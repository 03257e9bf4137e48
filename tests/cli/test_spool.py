# SPDX-License-Identifier: Apache-2.0
"""aep spool: removes spools left by a mistyped server, and those no longer used."""
import json
import os
import subprocess
import time

from harness import PROGRAM, AepTest

SERVERS = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "AEP_MODE": "", "AEP_RELAY_MODE": "off"}
DAY_S = 86400


class SpoolTest(AepTest):
    def publish(self, **options):
        self.run_aep("publish", "started", "--agent", "a", "--request", "r", env=SERVERS | options)

    def spools(self):
        done = self.run_aep("spool", "list", "--json", env=SERVERS)
        return [json.loads(line)["spool"] for line in done.stdout.splitlines()]

    def remove(self, *words, status=0):
        return self.run_aep("spool", "remove", *words, env=SERVERS, status=status)

    def empty(self):
        auto = SERVERS | {"AEP_RELAY_MODE": "auto"}
        self.addCleanup(self.run_aep, "relay", "stop", env=auto, status=None)
        self.run_aep("spool", "purge", "--yes", env=auto)


class Remove(SpoolTest):
    def test_one_that_events_wait_in_is_kept(self):
        self.publish()
        self.publish()
        spool, = self.spools()
        done = self.remove(status=1)
        self.assertIn("holds 2 events waiting", done.stderr)
        self.assertIn("--force", done.stderr)
        self.assertEqual(self.spools(), [spool])

    def test_force_loses_them(self):
        self.publish()
        spool, = self.spools()
        self.assertIn(f"{spool} removed", self.remove("--force").stdout)
        self.assertEqual(self.spools(), [])
        self.assertFalse(os.path.exists(spool))
        self.assertTrue(self.run_aep("status", env=SERVERS).stdout.startswith("no spools\n"))

    def test_an_empty_one_goes_with_its_relay(self):
        self.publish()
        self.empty()
        self.remove()
        self.assertEqual(self.spools(), [])

    def test_events_kept_in_local_mode_are_kept(self):
        self.run_aep("publish", "started", "--agent", "a", "--request", "r")
        self.assertIn("holds 1 event kept", self.run_aep("spool", "remove", status=1).stderr)
        self.run_aep("spool", "remove", "--force")

    def test_a_program_that_goes_on_publishing_makes_another(self):
        child = subprocess.Popen([PROGRAM, "publish", "--stdin", "--json"], env=self.env | SERVERS,
                                 text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with child:
            for turn in range(3):
                child.stdin.write('{"event_type": "a.b.c.v1", "payload": {}}\n')
                child.stdin.flush()
                self.assertIn('"spooled"', child.stdout.readline())
                self.assertEqual(len(self.spools()), 1)
                self.remove("--force")
            child.communicate()
        self.assertEqual(child.returncode, 0)

    def test_a_folder_that_is_no_spool_is_left_alone(self):
        done = self.remove("--spool", self.folder, "--force", status=1)
        self.assertIn("is not a spool", done.stderr)
        self.assertTrue(os.path.isdir(self.folder))


class Sweep(SpoolTest):
    def age(self, spool, days):
        then = time.time() - days * DAY_S
        for name in (*os.listdir(spool), "."):
            if name != "bell":
                os.utime(os.path.join(spool, name), (then, then))

    def sweep(self, **options):
        self.run_aep("flush", "--all", "--timeout", "50", env=SERVERS | options)

    def test_one_that_is_empty_and_long_unused_goes(self):
        self.publish()
        self.empty()
        self.run_aep("relay", "stop", env=SERVERS)
        spool, = self.spools()
        self.sweep()
        self.assertEqual(self.spools(), [spool])
        self.age(spool, 31)
        self.sweep(AEP_SPOOL_REMOVE_AFTER="0")
        self.sweep(AEP_SPOOL_REMOVE_AFTER="40d")
        self.assertEqual(self.spools(), [spool])
        self.sweep()
        self.assertEqual(self.spools(), [])

    def test_one_that_events_wait_in_stays_however_old(self):
        self.publish()
        spool, = self.spools()
        self.age(spool, 400)
        self.run_aep("flush", "--all", "--timeout", "50", env=SERVERS, status=3)
        self.assertEqual(self.spools(), [spool])
