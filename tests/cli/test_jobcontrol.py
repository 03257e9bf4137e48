# SPDX-License-Identifier: Apache-2.0
"""aep run on a terminal: an interactive shell on a pty must see what it would see without it."""
import os
import pty
import re
import select
import signal
import subprocess
import time

from harness import DEADLINE_S, PROGRAM, AepTest


PYTHON = "/usr/bin/python3"

# Counts interrupts until it is asked to end. It does not sleep, so that it handles each before a
# second one can merge with it.
INTERRUPT_COUNTER = """
import signal, sys
wanted = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
print("ready", flush=True)
count = 0
while True:
    taken = signal.sigtimedwait(wanted, 0)
    if taken and taken.si_signo == signal.SIGTERM:
        print(f"total={count}", flush=True)
        sys.exit(5)
    if taken:
        count += 1
        print(f"count={count}", flush=True)
"""


class Terminal:
    """An interactive bash on a pty."""

    def __init__(self, env, folder):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"],
                      {**env, "PS1": "$ ", "TERM": "dumb", "aep": PROGRAM})

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        """Waits until the output since the last match matches the pattern; returns the match."""
        deadline = time.monotonic() + DEADLINE_S
        while not (found := re.search(pattern, self.seen)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in the output: {self.seen!r}")
            self.seen += os.read(self.fd, 4096).decode(errors="replace")
        self.seen = self.seen[found.end():]
        return found

    def close(self):
        os.close(self.fd)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)


class JobControl(AepTest):
    def setUp(self):
        super().setUp()
        self.terminal = Terminal(self.env, self.folder)
        self.addCleanup(self.terminal.close)

    def run_line(self, command):
        self.terminal.send(f'"$aep" run --agent job -- {command}; echo "status=$?"\n')

    def test_a_command_has_the_terminal(self):
        self.run_line("sh -c 'tty; read x; echo \"<$x>\"'")
        self.terminal.expect(r"/dev/pts/\d+")
        self.terminal.send("hello\n")
        self.terminal.expect(r"<hello>")
        self.terminal.expect(r"status=0")

    def test_ctrl_c_reaches_the_command_once(self):
        path = os.path.join(self.folder, "counter.py")
        with open(path, "w") as file:
            file.write(INTERRUPT_COUNTER)
        self.run_line(f"{PYTHON} {path}")
        self.terminal.expect(r"ready")
        for count in range(1, 11):
            self.terminal.send("\x03")
            self.terminal.expect(rf"count={count}\s")
        time.sleep(0.2)  # time for one too many: there is no event to wait for
        [line] = subprocess.run(["pgrep", "-f", f"^{PYTHON} {path}"], stdout=subprocess.PIPE,
                                text=True).stdout.split()
        os.kill(int(line), signal.SIGTERM)
        self.terminal.expect(r"total=10\s")
        self.terminal.expect(r"status=5")

    def test_ctrl_c_kills_as_without_us(self):
        self.terminal.send('"$aep" run --agent job -- sh -c "echo re""ady; exec sleep 100"\n')
        self.terminal.expect(r"ready")
        self.terminal.send("\x03")
        self.terminal.send('echo "status=$?"\n')
        self.terminal.expect(r"status=130")
        self.assertEqual(self.payloads("failed")[0]["error_code"], "SIGINT")

    def test_ctrl_z_stops_the_job_and_fg_goes_on(self):
        self.terminal.send('"$aep" run --agent job -- sh -c "echo re""ady; exec cat"\n')
        self.terminal.expect(r"ready")
        self.terminal.send("one\n")
        self.terminal.expect(r"(?s)one.*?one")
        for _ in range(2):
            self.terminal.send("\x1a")
            self.terminal.expect(r"Stopped")
            self.terminal.send("echo pro''mpt\n")
            self.terminal.expect(r"prompt")
            self.terminal.send("fg\n")
            self.terminal.send("two\n")
            self.terminal.expect(r"(?s)two.*?two")
        self.terminal.send("\x04")
        self.terminal.send('echo "status=$?"\n')
        self.terminal.expect(r"status=0")
        self.assertEqual(len(self.events("completed")), 1)

    def test_a_child_that_stops_itself_stops_the_job(self):
        self.terminal.send('"$aep" run --agent job -- sh -c "kill -STOP \\$\\$; echo awa""ke"\n')
        self.terminal.expect(r"Stopped")
        self.terminal.send("fg\n")
        self.terminal.expect(r"awake")
        self.terminal.send('echo "status=$?"\n')
        self.terminal.expect(r"status=0")

    def test_reading_in_the_background_stops_the_job(self):
        self.terminal.send('"$aep" run --agent job -- cat &\n')
        self.terminal.expect(r"\[1\] \d+")
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            self.terminal.send("jobs\n")
            if self.terminal.expect(r"(Stopped|Running)").group(1) == "Stopped":
                break
        else:
            self.fail("not stopped")
        self.terminal.send("fg\n")
        self.terminal.send("three\n")
        self.terminal.expect(r"(?s)three.*?three")
        self.terminal.send("\x04")
        self.terminal.send('echo "status=$?"\n')
        self.terminal.expect(r"status=0")

    def test_an_interactive_shell_within(self):
        self.terminal.send('"$aep" run --agent job -- bash --norc --noprofile --noediting -i\n')
        self.terminal.send('sh -c "echo re""ady; read x; echo got\\$x"\n')
        self.terminal.expect(r"ready\s")
        self.terminal.send("\x1a")
        self.terminal.expect(r"Stopped")
        self.terminal.send("fg\n")
        self.terminal.send("well\n")
        self.terminal.expect(r"gotwell\s")
        self.terminal.send("exit 6\n")
        self.terminal.expect(r"(?s)exit 6.*?exit\s")
        self.terminal.send('echo "status=$?"\n')
        self.terminal.expect(r"status=6")
