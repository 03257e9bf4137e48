# SPDX-License-Identifier: Apache-2.0
"""The tracker's program is replaced on disk while it runs: it goes on as the new one in the same process,
at the same address."""
import json
import os
import signal
import subprocess
import time
import unittest

from serving import DEADLINE_S, PROGRAM, ServeTest
from harness import children_of, state_of  # tests/cli, whose path serving adds
from replacing import install, replace, replace_by_text  # tests/, whose path serving adds


class Upgrade(ServeTest):
    def setUp(self):
        super().setUp()
        self.aep = install(PROGRAM, os.path.join(self.folder, "installed"))
        self.tracker = self.aep.parents[1] / "libexec/aep/aep-tracker"

    def start_aep(self, *args, **more):
        return super().start_aep(*args, executable=self.aep, **more)

    def log(self):
        with open(os.path.join(os.path.dirname(self.store), "tracker.log"), encoding="utf-8") as file:
            return file.read()

    def await_version(self, version):
        self.wait_until(lambda: f"aep {version} writes" in self.log(), f"the tracker is {version}")

    def status(self):
        return json.loads(self.run_aep("tracker", "status", "--json").stdout)

    def test_streams_go_on_where_they_were(self):
        self.publish("started", correlation="before")
        self.serve()
        self.await_rows(1)
        link, token = self.link, self.token
        for number in range(3):
            stream = self.stream()
            self.publish("started", agent=f"before-{number}")
            last = stream.await_frame("execution")
            version = replace(self.tracker, number)
            while frame := stream.frame():  # an end that is cut off raises
                last = frame if frame.id else last
            self.publish("started", agent=f"meanwhile-{number}")
            again = self.stream(headers={"Last-Event-ID": last.id})
            while frame := again.frame():
                self.assertNotEqual(frame.event, "reset", "it cannot tell what was missed")
                if frame.event == "execution" and frame.data["agent_name"] == f"meanwhile-{number}":
                    break
            self.assertIsNotNone(frame, "the stream ended")
            self.await_version(version)
            self.assertEqual((self.link, self.token), (link, token))
            self.await_rows(3 + 2 * number)
            self.assertEqual((self.status()["pid"], self.status()["serves"]),
                             (self.server.pid, f"http://{self.host}/"))

    def test_none_is_refused_meanwhile(self):
        """Whoever calls in between waits for the new one."""
        self.serve()
        version = replace(self.tracker, 4)
        calls = 0
        while f"aep {version} writes" not in self.log():
            self.assertEqual(self.request("/healthz").status, 200)
            calls += 1
        self.assertGreater(calls, 0)
        self.wait_until(lambda: self.request("/readyz").status == 200, "ready")

    def test_one_that_cannot_run_changes_nothing(self):
        self.serve()
        replace_by_text(self.tracker, "#!/bin/sh\necho half an upgrade\nexit 127\n")
        self.wait_until(lambda: "does not run yet: half an upgrade" in self.log(), "it is said")
        self.assertEqual(self.request("/readyz").status, 200)
        self.assertEqual(self.status()["pid"], self.server.pid)

    def stop_in_trial(self, number):
        """Replaces the program, and stops the tracker from the trial of it until the trial is over. False: it
        had looked at it already."""
        version = replace(self.tracker, number)
        while f"aep {version} writes" not in self.log():
            if children_of(self.server.pid):
                self.server.send_signal(signal.SIGSTOP)
                self.wait_until(lambda: state_of(self.server.pid) == "T", "it is stopped")
                if children_of(self.server.pid):
                    self.wait_until(lambda: [*map(state_of, children_of(self.server.pid))] == ["Z"], "the trial is over")
                    return True
                self.server.send_signal(signal.SIGCONT)
        return False

    def test_a_signal_counts_in_the_moment_of_the_renewal_too(self):
        """It comes in the turn in which the tracker learns that the new program runs."""
        self.serve()
        missed = 0
        while not self.stop_in_trial(missed):
            missed += 1
        self.server.send_signal(signal.SIGTERM)
        time.sleep(1.1)  # until the next look is due, so that it is in the same turn
        self.server.send_signal(signal.SIGCONT)
        self.assertEqual(self.server.wait(DEADLINE_S), 0)
        self.assertEqual(self.log().count(" renewed: "), missed)

    def test_bad_settings_are_not_taken_for_good_ones(self):
        self.serve()
        settings = os.path.join(self.env["XDG_CONFIG_HOME"], "aep", "aep.conf")
        os.makedirs(os.path.dirname(settings))
        with open(settings, "w", encoding="utf-8") as file:
            file.write("relay.idle_exit = often\n")
        version = replace(self.tracker, 4)
        self.wait_until(lambda: "would not start" in self.log(), "it is said")
        self.assertEqual(self.request("/readyz").status, 200)
        os.unlink(settings)
        self.await_version(version)

    def test_one_in_the_background(self):
        self.publish("started", correlation="before")
        subprocess.run([self.aep, "list", "--wait=50s"], env=self.env, check=True,
                       stdout=subprocess.DEVNULL)
        before = self.status()
        for number in range(2):
            version = replace(self.tracker, number)
            self.await_version(version)
            self.publish("started", correlation=f"c{number}")
            listed = self.run_aep("list", "--json", "--wait=50s").stdout.splitlines()
            self.assertEqual(len(listed), 2 + number)
            self.assertEqual(self.status()["pid"], before["pid"])
        self.assertEqual(self.log().count(" renewed: aep-tracker "), 2)


if __name__ == "__main__":
    unittest.main()
