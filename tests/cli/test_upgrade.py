# SPDX-License-Identifier: Apache-2.0
"""The relay's program is replaced on disk while it runs, without a broker; and what is said where the relay that
runs is not of the command's version."""
import json
import os
import subprocess
import unittest

from harness import DEADLINE_S, PROGRAM, AepTest
from replacing import install, rebuild, replace, version_of


class Upgrade(AepTest):
    relay = True

    def setUp(self):
        super().setUp()
        self.aep = install(PROGRAM, os.path.join(self.folder, "installed"))
        self.program = self.aep.parents[1] / "libexec/aep/aep-relay"
        self.env["AEP_RELAY_PATH"] = str(self.program)

    def publish(self, number):
        self.run_aep("publish", "progress", "--agent", "a", "--correlation-id", str(number))

    def status(self):
        return json.loads(self.run_aep("status", "--json").stdout)["spools"][0]

    def await_version(self, version):
        self.wait_until(lambda: f"aep {version}," in self.status()["relay_version"],
                        f"the relay is {version}")
        return self.status()

    def test_in_local_mode_too(self):
        self.env |= {"AEP_SPOOL_DIR": self.spool, "AEP_RELAY_MODE": "external"}
        self.publish(0)
        relay = self.start_aep("relay", "run", executable=self.aep, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        self.await_version(version_of(self.program))
        for number in range(2):
            version = replace(self.program, number)
            self.assertEqual(self.await_version(version)["relay_pid"], relay.pid)
            self.publish(number)
        self.assertIn(f"alive, process {relay.pid}, since ", self.run_aep("status").stdout)
        self.assertIn(f"\n  version   aep {version}, librdkafka ", self.run_aep("status").stdout)
        relay.terminate()
        self.assertEqual(relay.wait(DEADLINE_S), 0)
        self.assertEqual(len(self.records()), 3)

    def test_an_execution_of_a_living_process_stays_open(self):
        """The relay that declares what killed processes have left goes on with those that it watches."""
        with subprocess.Popen(["sleep", "1000"]) as owner:
            self.addCleanup(owner.kill)
            self.run_aep("publish", "started", "--agent", "a", "--correlation-id", "c",
                         "--request", "r", "--pid", str(owner.pid))
            self.wait_until(lambda: self.status()["relay_alive"], "a relay")
            pid = self.status()["relay_pid"]
            self.assertEqual(self.await_version(replace(self.program, 3))["relay_pid"], pid)
            self.assertEqual(self.status()["executions_open"], 1)
            self.assertEqual(self.events("failed"), [])
            owner.kill()
            self.wait_until(lambda: self.events("failed"), "it is declared")
        self.assertEqual(len(self.events("failed")), 1)

    def test_the_doctor_says_that_another_version_runs(self):
        self.use_dead_broker()
        other, version = rebuild(self.program, 4)
        self.env |= {"AEP_RELAY_PATH": str(other)}
        self.publish(0)
        self.wait_until(lambda: self.status()["relay_alive"] and self.status()["relay_version"],
                        "a relay")
        said = self.run_aep("doctor", "--timeout", "300", status=1).stdout
        self.assertIn(f"the relay that runs is aep {version}, librdkafka ", said)
        self.assertIn(f"this command is aep {version_of(PROGRAM)}", said)


if __name__ == "__main__":
    unittest.main()
