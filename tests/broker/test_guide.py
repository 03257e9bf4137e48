# SPDX-License-Identifier: Apache-2.0
# ctest: guide
"""docs/GUIDE.md from "Without Kafka" on: runs every command as written, in one shell, with a Kafka
of its own; the lists that the guide shows are what the commands print."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness import DEADLINE_S, PROGRAM, SOURCE

GUIDE = (SOURCE / "docs/GUIDE.md").read_text()
LIVE_LIST = "aep tail -f\n"
MARK = "@@@@"  # before what each block prints


def sections():
    """The blocks of shell commands, by heading."""
    found = {}
    for part in re.split(r"^## ", GUIDE, flags=re.M)[1:]:
        heading = part.partition("\n")[0]
        found[heading] = re.findall(r"^```sh\n(.*?)^```", part, re.M | re.S)
    return found


def masked(text):
    """The text without what differs in each run."""
    for pattern, word in ((r"\d\d:\d\d:\d\d\.\d+Z", "TIME"), (r"\([\d.]+ m?s\)", "(TIME)"),
                          (r"[0-9a-f]{8}-[0-9a-f-]{27}|…[0-9a-f]{8}", "ID")):
        text = re.sub(pattern, word, text)
    return text


def cells(table, between):
    """The first four columns: the rest differs in each run."""
    return [re.split(between, line)[:4] for line in table.splitlines()]


class Guide(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="aep-guide-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
        self.env = {"HOME": self.folder, "TMPDIR": self.folder, "XDG_CACHE_HOME": cache,
                    "AEP_SKIP_SETUP": "1", "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
        self.env |= {name: os.environ[name] for name in ("JAVA_HOME", "AEP_KAFKA_VERSION")
                     if name in os.environ}

    def stop(self, shell):
        """Ends what an interrupted guide left: its session's processes, its broker, its relay."""
        try:
            os.killpg(shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        shell.wait()
        for name in os.listdir(self.folder):
            if name.startswith("aep-kafka."):
                subprocess.run([SOURCE / "script/kafka", "stop", "--kill", "--purge", "--dir",
                                os.path.join(self.folder, name)], env=self.env)
        for process in ("relay", "tracker"):
            subprocess.run([PROGRAM, process, "stop"], env=self.env, stderr=subprocess.DEVNULL)

    def follow(self):
        """What each block printed, and the live list."""
        blocks = [block for heading in ("Without Kafka", "With Kafka", "When Kafka goes away",
                                        "Clean up") for block in sections()[heading]]
        self.assertEqual(blocks.count(LIVE_LIST), 1)
        listing = os.path.join(self.folder, "list")
        script = "set -euo pipefail\n" + "".join(
            f"echo {MARK}\n" + (block if block != LIVE_LIST else f"aep tail -f >{listing} &\nlist=$!\n")
            for block in blocks) + "kill $list\n"
        with open(os.path.join(self.folder, "output"), "w+") as output:
            shell = subprocess.Popen(["bash", "-c", script], env=self.env, cwd=SOURCE, stdout=output,
                                     stderr=subprocess.STDOUT, start_new_session=True)
            try:
                status = shell.wait(DEADLINE_S * 4)
            finally:
                self.stop(shell)
            output.seek(0)
            printed = output.read()
        self.assertEqual(status, 0, printed)
        with open(listing) as file:
            return dict(zip(blocks, printed.split(MARK + "\n")[1:])), file.read()

    def test_every_command_as_written(self):
        printed, listing = self.follow()
        events, executions = re.findall(r"^```text\n(.*?)^```", GUIDE, re.M | re.S)
        self.assertEqual(masked(listing), masked(events))

        def after(start):
            [text] = [text for block, text in printed.items() if block.startswith(start)]
            return text
        self.assertEqual(cells(after("aep list\n"), "\t"), cells(executions, "  +")[1:])
        self.assertRegex(after("aep show -"), r"(?s)^agent +builder\n.*\nfailed\ttests\tRun the tests\t")
        self.assertRegex(after("script/kafka stop\naep run"), r"(?m)^completed\tsleeper\tsleep 1\t")
        self.assertIn("exit status 3", after("aep run --agent tests"))
        self.assertIn('"agent_name":"builder"', after("kcat"))
        self.assertRegex(after("script/kafka stop\naep run"), r"waiting +2 events")
        self.assertRegex(after('eval "$(script/kafka start --dir'), r"waiting +0 events")
        self.assertFalse(os.path.exists(os.path.join(self.folder, ".config/aep/aep.conf")))


if __name__ == "__main__":
    unittest.main()
