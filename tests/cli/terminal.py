# SPDX-License-Identifier: Apache-2.0
"""A terminal that a program runs on: a pty and its screen."""
import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from harness import DEADLINE_S, PROGRAM, children_of, state_of
from screen import Screen, Stream

KEYS = {"up": "\x1bOA", "down": "\x1bOB", "enter": "\r", "esc": "\x1b", "backspace": "\x7f",
        "page_down": "\x1b[6~", "page_up": "\x1b[5~", "left": "\x1bOD", "right": "\x1bOC"}

# What a shell does for a job in the foreground.
JOB = """
import os, signal, sys
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.execv(sys.argv[1], sys.argv[1:])
try:
    os.setpgid(pid, pid)
except PermissionError:
    pass  # the child has done it, and is the program by now
os.tcsetpgrp(0, pid)
"""

# It waits for it: a process that stops on a terminal needs somebody who may continue it.
SHELL = JOB + """
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


class Terminal:
    """Runs aep on a terminal of that size; as a job of another process if it has to be stopped."""

    def __init__(self, test, *args, columns=100, rows=30, env=None, job=False):
        self.test = test
        self.raw = b""
        self.screen = Screen(columns, rows)
        self.stream = Stream(self.screen)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.fd, inner = pty.openpty()
        self.set_size(columns, rows)
        self.mode = termios.tcgetattr(inner)
        self.inner = inner
        self.job = job
        self.process = subprocess.Popen(
            [*([sys.executable, "-c", SHELL] if job else []), PROGRAM, *args], stdin=inner, stdout=inner, stderr=inner, cwd=test.folder,
            env={**test.env, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", **(env or {})},
            preexec_fn=lead_terminal)
        test.addCleanup(self.close)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self.fd, self.inner):
            os.close(fd)

    def job_pid(self):
        """The process that the job is."""
        [pid] = children_of(self.process.pid)
        return pid

    def is_at_work(self):
        """Whether the program runs, and may be in the middle of a screen."""
        pids = children_of(self.process.pid) if self.job else [self.process.pid]
        return any(state_of(pid) in ("R", "D") for pid in pids)

    def set_size(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.read()
        self.screen.resize(rows, columns)
        self.set_size(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def read(self, wait_s=0.0):
        """Takes what the program has written. Returns how many bytes."""
        size = len(self.raw)
        while select.select([self.fd], [], [], wait_s)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            self.raw += data
            self.stream.feed(self.decoder.decode(data))
            wait_s = 0.0
        return len(self.raw) - size

    def read_whole(self):
        """Takes what the program is about to write, too: a screen may come in parts."""
        end = time.monotonic() + DEADLINE_S
        while True:
            at_work = self.is_at_work()
            if self.read(0.01 if at_work else 0.0) == 0 and not at_work:
                return
            self.test.assertLess(time.monotonic(), end, f"it does not stop writing\n{self.text()}")

    def press(self, *keys):
        for key in keys:
            os.write(self.fd, KEYS.get(key, key).encode())

    @property
    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines)

    def shows(self, *texts):
        text = self.text()
        return all(part in text for part in texts)

    def wait(self, is_true, what="it"):
        """Waits until is_true(), asked of whole screens; fails at the deadline with the screen."""
        end = time.monotonic() + DEADLINE_S
        while True:
            self.read_whole()
            if is_true():
                return
            self.test.assertLess(time.monotonic(), end, f"still not: {what}\n{self.text()}")
            self.test.assertIsNone(self.process.poll(), f"{what}: it has ended\n{self.text()}")
            self.read(0.05)

    def wait_for(self, *texts):
        self.wait(lambda: self.shows(*texts), texts)

    def wait_gone(self, *texts):
        self.wait(lambda: not any(part in self.text() for part in texts), f"without {texts}")

    def row_of(self, text):
        """The number of the one line that has it."""
        [row] = [i for i, line in enumerate(self.lines) if text in line]
        return row

    def chosen(self):
        """The text of the row under the cursor; None: there is none."""
        for y, line in enumerate(self.lines):
            if 2 <= y < len(self.lines) - 1 and self.screen.buffer[y][0].reverse:
                return line
        return None

    def finish(self):
        """Waits for the program's end; returns its status."""
        end = time.monotonic() + DEADLINE_S
        while self.process.poll() is None:
            self.test.assertLess(time.monotonic(), end, f"it does not end\n{self.text()}")
            self.read(0.05)
        self.read_whole()
        return self.process.returncode

    def is_restored(self):
        """Whether the terminal is as it was: its mode, the screen, the cursor, the keys."""
        return (termios.tcgetattr(self.inner)[:4] == self.mode[:4] and
                self.raw.rfind(b"\x1b[?1049l") > self.raw.rfind(b"\x1b[?1049h") and
                self.raw.rfind(b"\x1b[?1l") > self.raw.rfind(b"\x1b[?1h") and
                b"\x1b[?25h" in self.raw[self.raw.rfind(b"\x1b[?25l"):])


def lead_terminal():
    """The program leads a session of its own, on this terminal."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
