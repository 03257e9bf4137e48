# SPDX-License-Identifier: Apache-2.0
"""Runs aep as a user does, each test in a folder and an environment of its own.

Without a broker (mode=local), and without a relay unless a test asks for one (relay=True), which is
stopped at the test's end.
"""
import fcntl
import json
import os
import pathlib
import pty
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

PROGRAM = os.environ["AEP_PROGRAM"]
DEADLINE_S = 60  # of what should take a moment: hit only when something is broken
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # spool_files


def state_of(pid):
    """A letter, as proc(5) has it; None: there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(pid):
    """Those of a process of one thread, also those that have ended and were not waited for."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [*map(int, children.read().split())]
    except (FileNotFoundError, ProcessLookupError):
        return []


class AepTest(unittest.TestCase):
    relay = False

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="aep-cli-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": self.folder,
            "XDG_STATE_HOME": os.path.join(self.folder, "state"),
            "XDG_CONFIG_HOME": os.path.join(self.folder, "config"),
            "AEP_MODE": "local",
            "AEP_RELAY_MODE": "auto" if self.relay else "off",
            "TZ": "UTC",
            "LANG": "C",  # without it musl takes UTF-8
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        if self.relay:
            self.addCleanup(self.run_aep, "relay", "stop", status=None)

    @property
    def spool(self):
        return os.path.join(self.folder, "state", "aep", "local")

    def run_aep(self, *args, status=0, stdin=None, env=None, **more):
        """Runs aep to its end and checks the exit status (None: any)."""
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("cwd", self.folder)
        done = subprocess.run(
            [PROGRAM, *args],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stderr=subprocess.PIPE,
            env={**self.env, **(env or {})},
            text=True,
            timeout=DEADLINE_S * 3,
            **more,
        )
        if status is not None:
            self.assertEqual(done.returncode, status, f"aep {args}: {done.stderr}")
        return done

    def on_terminal(self, *args, columns=80, rows=24, status=0, env=None):
        """Runs aep to its end on a terminal of that size; returns the text that it wrote, line by
        line."""
        terminal, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen([PROGRAM, *args], stdin=inner, stdout=inner, stderr=inner,
                                   env={**self.env, "LC_ALL": "C.UTF-8", "TERM": "xterm",
                                        **(env or {})}, cwd=self.folder)
        os.close(inner)
        text = read_terminal(terminal).decode().replace("\r\n", "\n")
        returned = process.wait(DEADLINE_S * 3)
        if status is not None:
            self.assertEqual(returned, status, text)
        return text

    def run_program(self, *argv, **more):
        """Runs any program to its end; at the deadline kills it and all that it started."""
        process = subprocess.Popen(argv, env=self.env, cwd=self.folder, text=True,
                                   start_new_session=True, **more)
        try:
            out, err = process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def start_aep(self, *args, env=None, **more):
        """Starts aep; kills it at the end of the test if it still runs."""
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(
            [PROGRAM, *args], env={**self.env, **(env or {})}, cwd=self.folder, text=True, **more
        )
        self.addCleanup(end_process, process)
        return process

    def wait_until(self, is_true, what="it"):
        """Waits until is_true(); fails at the deadline."""
        end = time.monotonic() + DEADLINE_S
        while not is_true():
            self.assertLess(time.monotonic(), end, f"after {DEADLINE_S} s still not: {what}")
            time.sleep(0.01)

    def use_dead_broker(self):
        """Kafka mode, with a broker that nobody serves: its port is bound, and closed again."""
        del self.env["AEP_MODE"]
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.env["KAFKA_BOOTSTRAP_SERVERS"] = f"127.0.0.1:{taken.getsockname()[1]}"

    def relay_alive(self):
        return json.loads(self.run_aep("status", "--json").stdout)["spools"][0]["relay_alive"]

    def records(self):
        """Everything in the spool: objects with state, topic, key, event."""
        out = self.run_aep("tail", "-n", "all", "--json").stdout
        return [json.loads(line) for line in out.splitlines()]

    def events(self, kind=None):
        events = [record["event"] for record in self.records()]
        return [e for e in events if kind is None or e["event_type"].endswith(f".{kind}.v1")]

    def payloads(self, kind=None):
        return [event["payload"] for event in self.events(kind)]


def read_terminal(terminal):
    """Everything shown on a terminal until no program has it open."""
    shown = b""
    with open(terminal, "rb", buffering=0) as screen:
        try:
            while data := screen.read(65536):
                shown += data
        except OSError:  # EIO: no program has it open
            pass
    return shown


def end_process(process):
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
