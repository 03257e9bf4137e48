# SPDX-License-Identifier: Apache-2.0
"""At the limit of open files the relay goes on, turns clients away without spinning, and reports
the cause; publishers report it too, and all recover."""
import contextlib
import os
import resource
import socket
import time
import unittest

from harness import DEADLINE_S, AepTest

# What glibc says, and musl: of the limit, and of a library that could not be loaded within it.
NO_MORE = "Too many open files|cannot open shared object|No file descriptors available|Error loading shared library"


def limit_files(count):
    """Sets a limit, for a child, that it cannot raise."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Descriptors(AepTest):
    def setUp(self):
        super().setUp()
        self.use_dead_broker()
        self.env |= {"AEP_RELAY_MODE": "external",
                     "AEP_SPOOL_DIR": os.path.join(self.folder, "spool")}

    @property
    def spool(self):
        return self.env["AEP_SPOOL_DIR"]

    def said(self):
        with open(os.path.join(self.folder, "relay.stderr")) as file:
            return file.read()

    def start_relay(self, count):
        with open(os.path.join(self.folder, "relay.stderr"), "w") as errors:
            relay = self.start_aep("relay", "run", preexec_fn=limit_files(count), stderr=errors)
        self.wait_until(lambda: " runs on " in self.said() or relay.poll() is not None,
                        f"the relay starts with {count}")
        return relay

    def connect(self):
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.settimeout(DEADLINE_S)
        self.addCleanup(control.close)
        control.connect(os.path.join(self.spool, "control"))
        return control

    def stats(self, control):
        control.send(b"stats 1")
        return control.recv(65536)

    def assert_rests(self, relay):
        """It uses next to no processor time for a second."""
        def rests():
            before = processor_seconds(relay.pid)
            time.sleep(1)
            return processor_seconds(relay.pid) - before <= 0.05
        self.wait_until(rests, "the relay sleeps")

    def test_more_callers_than_descriptors(self):
        relay = self.start_relay(100)
        callers = []
        with contextlib.suppress(OSError):  # the listen queue may be full, too
            for _ in range(120):
                callers.append(self.connect())
        answered = sum(self.stats_or_none(caller) is not None for caller in callers)
        self.assertGreater(answered, 10)
        self.assertLess(answered, 100)
        self.assert_rests(relay)
        for caller in callers:
            caller.close()
        self.assertIn(b"broker", self.stats(self.connect()))
        self.run_aep("relay", "stop")
        relay.communicate(timeout=DEADLINE_S)
        self.assertEqual(relay.returncode, 0)

    def stats_or_none(self, control):
        """None: the relay turned the client away."""
        try:
            return self.stats(control) or None
        except OSError:
            return None

    def test_other_files_take_the_last_descriptor(self):
        """More files are open than the relay reckoned with: it ends a call with the descriptor that
        it keeps in reserve. In local mode, since librdkafka's threads open sockets at any time: one
        that took the reserve's number would leave callers in the queue, without an answer."""
        self.env["AEP_MODE"] = "local"
        relay = self.start_relay(100)
        resource.prlimit(relay.pid, resource.RLIMIT_NOFILE,
                         (len(os.listdir(f"/proc/{relay.pid}/fd")), 100))
        served, turned_away = [], 0
        while turned_away < 3:
            caller = self.connect()
            if self.stats_or_none(caller):
                served.append(caller)  # a number was still free: now it is taken
                self.assertLess(len(served), 20)
            else:
                turned_away += 1
        waiting = [self.connect() for _ in range(20)]
        self.assert_rests(relay)
        resource.prlimit(relay.pid, resource.RLIMIT_NOFILE, (100, 100))
        for caller in waiting:
            caller.close()
        self.wait_until(lambda: self.stats_or_none(self.connect()), "it answers again")

    def test_a_reserve_that_was_lost_comes_back_first(self):
        """Another file took the reserve's number while a call was ended with it. The next number
        that comes free is the reserve again: later clients are turned away, not left waiting."""
        self.env["AEP_MODE"] = "local"
        relay = self.start_relay(100)

        def open_files():
            return len(os.listdir(f"/proc/{relay.pid}/fd"))

        def limit(count):
            resource.prlimit(relay.pid, resource.RLIMIT_NOFILE, (count, 100))
        count = open_files()
        limit(3)  # below every number of its files: the reserve, once closed, cannot be opened
        waiting = self.connect()
        self.wait_until(lambda: open_files() == count - 1, "the reserve is lost")
        limit(count)
        self.assertIsNone(self.stats_or_none(waiting))
        self.assertIsNone(self.stats_or_none(self.connect()))
        limit(100)
        self.wait_until(lambda: self.stats_or_none(self.connect()), "it answers again")

    def test_any_limit_is_survived(self):
        """The relay runs, or exits with a message that names the cause."""
        ran = 0
        for count in [*range(4, 40), 64]:
            relay = self.start_relay(count)
            if relay.poll() is None:
                ran += 1
                relay.terminate()
            relay.communicate(timeout=DEADLINE_S)
            self.assertIn(relay.returncode, (0, 1, 127), f"with {count}: {self.said()}")
            if relay.returncode:
                self.assertRegex(self.said(), NO_MORE, f"with {count}")
        self.assertGreater(ran, 5)


if __name__ == "__main__":
    unittest.main()
