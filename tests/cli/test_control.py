# SPDX-License-Identifier: Apache-2.0
"""The relay's control socket, as docs/SPOOL.md describes it."""
import fcntl
import os
import re
import socket
import struct
import time
import unittest
from pathlib import Path

from harness import AepTest

TABLE = Path(__file__).parents[2] / "docs/SPOOL.md"
SILENT = {"cancel"}          # has no answer
LAST = {"stop", "yield"}     # may end the relay


class Control(AepTest):
    def setUp(self):
        super().setUp()
        self.run_aep("publish", "started", "--agent", "a", "--request", "r")
        self.start_aep("relay", "run")
        self.wait_until(self.relay_alive, "a relay")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.socket.close)
        self.socket.settimeout(60)
        self.wait_until(self.connect, "the relay listens")

    def connect(self):
        return self.socket.connect_ex(str(Path(self.spool) / "control")) == 0

    def ask(self, request):
        self.socket.send(request.encode())
        return self.socket.recv(65536).decode()

    def test_each_documented_request_is_known(self):
        verbs = set(re.findall(r"^\| `([a-z-]+) ID", TABLE.read_text(), re.M))
        self.assertIn("wait", verbs)
        self.assertIn("ping", verbs)
        for verb in sorted(verbs - SILENT - LAST):
            with self.subTest(verb):
                answer = self.ask(f"{verb} 7")
                self.assertTrue(answer.startswith("7 "), answer)
                self.assertNotIn("unknown request", answer)
        self.assertEqual(self.ask("nonsense 7"), "7 error unknown request")

    def test_a_ping_is_answered_at_once_before_what_is_not_known_yet(self):
        self.socket.send(b"broker 1 local")
        self.assertEqual(self.ask("ping 2"), "2 ok")

    def test_one_client_can_have_only_so_many_questions_open(self):
        most = int(re.search(r"A client may have (\d+) open questions", TABLE.read_text())[1])
        for number in range(1, most + 1):
            self.socket.send(b"broker %d local" % number)
        too_many = "7000 error too many open questions"
        for question in ("broker 7000 local", "wait 7000 1 48", "flush 7000 1 48", "purge 7000"):
            self.assertEqual(self.ask(question), too_many)
        self.assertEqual(self.ask("ping 7001"), "7001 ok")
        self.socket.send(b"cancel 1")
        self.socket.send(b"broker 7002 local")
        self.assertEqual(self.ask("ping 7003"), "7003 ok")  # 7002 is open
        self.assertEqual(self.ask("broker 7004 local"), "7004 error too many open questions")


F_OFD_GETLK, F_OFD_SETLK = 36, 37
FLOCK = "@hhqqi4x"  # struct flock: type, whence, start, length, pid


class Successor(AepTest):
    """A relay may wait for the place of another, and take over when that one is stopped."""

    def test_stop_asks_it_too(self):
        self.run_aep("publish", "started", "--agent", "a", "--request", "r")
        lock = os.open(Path(self.spool) / "relay.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.fcntl(lock, F_OFD_SETLK, struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as relay:
            relay.bind(str(Path(self.spool) / "control"))
            relay.listen()
            relay.settimeout(60)
            stop = self.start_aep("relay", "stop")
            for _ in ("the first", "its successor"):
                with relay.accept()[0] as client:
                    self.assertEqual(client.recv(100), b"stop 1")
                    client.send(b"1 ok")
        os.close(lock)
        self.assertEqual(stop.wait(60), 0)


class WithoutControl(AepTest):
    """A relay that cannot create its control socket works without one. (A full disk may have no
    room for the name; here a folder has it.)"""
    env_of_relay = {"AEP_RELAY_MODE": "auto", "AEP_RELAY_IDLE_EXIT": "1s"}

    def setUp(self):
        super().setUp()
        self.run_aep("publish", "started", "--agent", "a", "--request", "r")
        (Path(self.spool) / "control").mkdir()

    def lock_held(self):
        fd = os.open(Path(self.spool) / "relay.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            answer = fcntl.fcntl(fd, F_OFD_GETLK, asked)
            return struct.unpack(FLOCK, answer)[0] != fcntl.F_UNLCK
        finally:
            os.close(fd)

    def ring(self):
        fd = os.open(Path(self.spool) / "bell", os.O_RDWR | os.O_NONBLOCK)
        os.write(fd, b"x")
        os.close(fd)

    def locks_again(self):
        """Whether a relay that has unlocked, and hears the bell before it exits, takes the lock
        again. On a busy machine the bell may ring too late."""
        self.run_aep("relay", "start", status=None, env=self.env_of_relay)
        self.wait_until(self.lock_held, "a relay")
        self.wait_until(lambda: not self.lock_held(), "the relay is idle")
        self.ring()
        end = time.monotonic() + 1
        while time.monotonic() < end:
            if self.lock_held():
                return True
            time.sleep(0.002)
        return False

    def test_a_relay_that_is_wanted_after_all_goes_on(self):
        self.assertTrue(any(self.locks_again() for _ in range(8)))
        with open(Path(self.spool) / "relay.log") as log:
            self.assertIn("cannot listen in", log.read())
        self.wait_until(lambda: not self.lock_held(), "the relay ends")


if __name__ == "__main__":
    unittest.main()
