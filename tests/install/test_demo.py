# SPDX-License-Identifier: Apache-2.0
"""script/demo as the README shows it: it works each time and leaves nothing behind, even when
interrupted: no process, no file outside build/release.

This process adopts what a demo leaves running (PR_SET_CHILD_SUBREAPER), whatever became of its
session or its environment. From ctest comes AEP_TEST_PROGRAM, the aep of the tree that is
tested."""
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("AEP_TEST_PROGRAM", SOURCE / "build/dev/bin/aep"))
TESTED = PROGRAM.parents[1]
PR_SET_CHILD_SUBREAPER = 36
BUILD_S = 600  # the first demo builds build/release
END_S = 60     # of what should take a moment
LEFT_S = 1     # for processes told to end; without their folder, relays and brokers end later


def children():
    """Our living children, adopted ones included: pid and command line."""
    found = {}
    for entry in os.listdir("/proc"):
        try:
            stat = pathlib.Path("/proc", entry, "stat").read_text() if entry.isdigit() else ")Z 0"
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z" and int(parent) == os.getpid():
                command = pathlib.Path("/proc", entry, "cmdline").read_bytes()
                found[int(entry)] = command.replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def reap_until_none(deadline_s):
    """Waits until all children have ended; returns those that live on."""
    end = time.monotonic() + deadline_s
    try:
        while time.monotonic() < end:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.02)
        return children()
    except ChildProcessError:
        return {}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aep-demo-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.end_children)
        self.home, self.tmp = self.folder / "home", self.folder / "tmp"
        self.home.mkdir()
        self.tmp.mkdir()
        self.env = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL")
                    if name in os.environ}
        self.env |= {"HOME": str(self.home), "TMPDIR": str(self.tmp), "AEP_SKIP_SETUP": "1"}

    def end_children(self):
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        reap_until_none(END_S)

    def start(self, *words):
        """In a session of its own, as if in a terminal: a signal to its group is ^C."""
        with open(self.folder / "output", "w") as output:
            return subprocess.Popen([SOURCE / "script/demo", *words], env=self.env, cwd=self.folder,
                                    stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=subprocess.STDOUT, start_new_session=True)

    def output(self):
        return (self.folder / "output").read_text()

    def run_demo(self, *words):
        demo = self.start(*words)
        self.assertEqual(demo.wait(BUILD_S), 0, self.output())
        self.assert_nothing_left()
        return self.output()

    def assert_nothing_left(self):
        self.assertEqual(reap_until_none(LEFT_S), {}, f"processes live on, after:\n{self.output()}")
        self.assertEqual(sorted(self.tmp.rglob("*")), [], self.output())

    def assert_three_executions(self, text):
        for agent, last in (("agent-lifecycle", "completed"), ("shell-agent", "completed"),
                            ("test-runner", "failed")):
            for kind in ("started", last):
                self.assertRegex(text, rf"(?m)^[0-9:.]+Z \w+ +{kind} +{agent} ")
        self.assertIn("its command on: 3)", text)
        listed = text[text.index("$ aep list"):text.index("Next")]
        self.assertEqual([line.split("\t")[:2] for line in listed.splitlines() if "\t" in line],
                         [["failed", "test-runner"], ["completed", "shell-agent"],
                          ["completed", "agent-lifecycle"]], text)

    def assert_commands_and_next_step(self, text):
        """Each command appears above its results; the end says what to do next."""
        parts = ("$ aep tail -f &", "$ build/release/examples/lifecycle", "completed agent-lifecycle",
                 "$ id=$(aep publish started --agent shell-agent", "completed shell-agent",
                 "$ aep run --agent test-runner", "failed    test-runner", "$ aep status",
                 "$ aep list", "Next", "export PATH=", "aep doctor", "README.md")
        places = [text.find(part) for part in parts]
        self.assertNotIn(-1, places, text)
        self.assertEqual(places, sorted(places), text)


class Demo(Case):
    def state_of_tested(self):
        return [(path, path.stat().st_mtime_ns)
                for path in (TESTED / "CMakeCache.txt", TESTED / "build.ninja", PROGRAM)]

    def test_without_kafka_twice(self):
        before = self.state_of_tested()
        for _ in range(2):
            text = self.run_demo()
            self.assert_three_executions(text)
            self.assert_commands_and_next_step(text)
        self.assertEqual(sorted(self.home.rglob("*")), [])
        self.assertEqual(self.state_of_tested(), before)

    def test_interrupted(self):
        demo = self.start()
        end = time.monotonic() + BUILD_S
        while "agent-lifecycle" not in self.output() and time.monotonic() < end:
            self.assertIsNone(demo.poll(), self.output())
            time.sleep(0.01)
        os.killpg(demo.pid, signal.SIGINT)
        self.assertEqual(demo.wait(END_S), 130, self.output())
        self.assertNotIn("aep status", self.output())
        self.assert_nothing_left()

    def test_in_a_browser(self):
        """Three agents run, wait and fail on a page that a browser is given; Ctrl-C ends all of it."""
        browser = self.folder / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > {self.folder}/opened.tmp\n'
                           f"mv {self.folder}/opened.tmp {self.folder}/opened\n")
        browser.chmod(0o755)
        self.env["BROWSER"] = str(browser)
        demo = self.start("--page")
        self.wait(demo, (self.folder / "opened").exists, BUILD_S)
        address, _, token = (self.folder / "opened").read_text().strip().partition("#token=")
        self.wait(demo, lambda: address in self.output(), END_S)
        for state, agent in ("waiting", "deployer"), ("failed", "crawler"), ("completed", "builder"):
            request = urllib.request.Request(f"{address}api/v1/executions?state={state}&agent={agent}",
                                             headers={"Authorization": f"Bearer {token}"})

            def is_there(request=request):
                with urllib.request.urlopen(request) as reply:
                    return json.load(reply)["executions"]
            self.wait(demo, is_there, END_S)
        os.killpg(demo.pid, signal.SIGINT)
        self.assertEqual(demo.wait(END_S), 130, self.output())
        self.assert_nothing_left()
        self.assertEqual(sorted(self.home.rglob("*")), [])

    def wait(self, demo, is_true, deadline_s):
        end = time.monotonic() + deadline_s
        while not is_true():
            self.assertIsNone(demo.poll(), self.output())
            self.assertLess(time.monotonic(), end, self.output())
            time.sleep(0.05)

    def test_a_demo_that_cannot_be_built_leaves_the_users_processes_alone(self):
        stub = self.folder / "stub"
        stub.mkdir()
        (stub / "cmake").write_text("#!/bin/sh\nexit 1\n")
        (stub / "cmake").chmod(0o755)
        self.env |= {"AEP_SPOOL_DIR": str(self.home / "spool"),
                     "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
        subprocess.run([PROGRAM, "publish", "progress", "--agent", "a", "--correlation-id", "c"],
                       env=self.env, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([PROGRAM, "relay", "start"], env=self.env, check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([PROGRAM, "list", f"--wait={END_S}s"], env=self.env, check=True,
                       stdout=subprocess.DEVNULL)
        users = sorted(children())
        self.assertEqual(len(users), 2, "a relay and a tracker")
        self.env["PATH"] = f"{stub}:{self.env['PATH']}"
        demo = self.start()
        self.assertNotEqual(demo.wait(END_S), 0, self.output())
        self.assertEqual(sorted(children()), users)
        self.assertEqual(sorted(self.tmp.rglob("*")), [])


class DemoKafka(Case):
    def test_with_kafka_twice(self):
        """On a broker of the demo's own; Kafka itself is in the cache, or fetched."""
        self.env["HOME"] = os.environ["HOME"]
        for name in ("XDG_CACHE_HOME", "JAVA_HOME", "AEP_KAFKA_VERSION"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        for _ in range(2):
            text = self.run_demo("--kafka")
            self.assert_three_executions(text)
            read_back = text[text.index("Read back from Kafka"):]
            topics = re.findall(r"^omninode\.agent\.execution\.(\w+)\.v1 \[", read_back, re.M)
            self.assertEqual([topics.count(kind) for kind in ("started", "completed", "failed")],
                             [3, 2, 1], read_back)


if __name__ == "__main__":
    unittest.main()
