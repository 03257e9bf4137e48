# SPDX-License-Identifier: Apache-2.0
"""The relay's program is replaced on disk while it runs, without a broker; and what is said where the relay that
runs is not of the command's version."""
import fcntl
import json
import os
import socket
import struct
import subprocess
import unittest

from harness import DEADLINE_S, PROGRAM, AepTest
from replacing import install, rebuild, replace, version_of


def open_files(pid):
    """The inodes of the files that a process has open."""
    inodes = set()
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            inodes.add(os.stat(f"/proc/{pid}/fd/{fd}").st_ino)
    except OSError:
        pass  # closed meanwhile, or it has ended
    return inodes


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

    def hold(self):
        """Makes a spool, and holds its lock as a relay does; returns the file that has it."""
        self.env |= {"AEP_SPOOL_DIR": self.spool, "AEP_RELAY_MODE": "external"}
        self.publish(0)
        lock = open(os.path.join(self.spool, "relay.lock"), "a+b")  # pylint: disable=R1732
        self.addCleanup(lock.close)
        first_byte = struct.pack("hhqqixxxx", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
        fcntl.fcntl(lock, fcntl.F_OFD_SETLK, first_byte)
        return lock

    def listen(self):
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(listening.close)
        listening.settimeout(DEADLINE_S)
        listening.bind(os.path.join(self.spool, "control"))
        listening.listen()
        return listening

    def hang_up_on(self, *command):
        """Runs a command, and is a relay that becomes another program before it has read what is asked, and
        that answers as the new one; returns the command, what was asked and the lock."""
        lock, listening = self.hold(), self.listen()
        asking = self.start_aep(*command)
        client = listening.accept()[0]
        while not client.recv(100, socket.MSG_PEEK):  # it looked whether somebody listens
            client.close()
            client = listening.accept()[0]
        os.unlink(os.path.join(self.spool, "control"))
        listening.close()
        client.close()
        client = self.listen().accept()[0]
        self.addCleanup(client.close)
        client.settimeout(DEADLINE_S)
        asked = client.recv(100)
        client.send(b"1 ok 7")
        return asking, asked, lock

    def test_asked_to_stop_while_it_is_renewed_it_is_asked_again(self):
        asking, asked, lock = self.hang_up_on("relay", "stop")
        lock.close()
        said = asking.communicate(timeout=DEADLINE_S)
        self.assertEqual((asking.returncode, asked), (0, b"stop 1"), said)

    def test_so_is_one_that_has_not_read_another_question(self):
        asking, asked, _ = self.hang_up_on("spool", "purge", "--yes")
        said = asking.communicate(timeout=DEADLINE_S)
        self.assertEqual((asking.returncode, asked), (0, b"purge 1"), said)
        self.assertEqual(said[0], "7 events dropped\n")

    def test_one_in_the_foreground_waits_for_one_that_does_not_listen(self):
        """That one may be becoming its new program; it was not asked to give way yet."""
        lock = self.hold()
        relay = self.start_aep("relay", "run", stdout=subprocess.DEVNULL)
        inode = os.fstat(lock.fileno()).st_ino
        self.wait_until(lambda: inode in open_files(relay.pid), "it wants the lock")
        lock.close()
        self.wait_until(self.relay_alive, "it has got it")
        relay.terminate()
        self.assertEqual(relay.wait(DEADLINE_S), 0)

    def test_bad_settings_are_not_taken_for_good_ones(self):
        """The new program, which reads them anew, would end."""
        self.env |= {"AEP_SPOOL_DIR": self.spool, "AEP_RELAY_MODE": "external"}
        self.publish(0)
        relay = self.start_aep("relay", "run", executable=self.aep, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        self.wait_until(self.relay_alive, "a relay")
        settings = os.path.join(self.folder, "config", "aep", "aep.conf")
        os.makedirs(os.path.dirname(settings))
        with open(settings, "w", encoding="utf-8") as file:
            file.write("relay.idle_exit = often\n")
        version = replace(self.program, 5)
        with open(os.path.join(self.spool, "relay.log"), encoding="utf-8") as log:
            said = []
            self.wait_until(lambda: said.append(log.read()) or "would not start" in "".join(said), "it is said")
        self.assertIn("relay.idle_exit", "".join(said))
        self.assertIsNone(relay.poll())
        os.unlink(settings)
        self.assertEqual(self.await_version(version)["relay_pid"], relay.pid)

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
