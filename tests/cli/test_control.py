# SPDX-License-Identifier: Apache-2.0
"""The relay's control socket, as docs/SPOOL.md has it."""
import re
import socket
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


if __name__ == "__main__":
    unittest.main()
