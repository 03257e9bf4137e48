# SPDX-License-Identifier: Apache-2.0
"""Another program has the store locked: every verb says which one, and what to do."""
import os
import subprocess
import sys

from terminal import Terminal
from test_list import Executions

HOLD = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


class Locked(Executions):
    def lock(self):
        """Has another program lock the store; returns the message that names it."""
        store = os.path.join(self.folder, "state", "aep", "tracker.db")
        holder = subprocess.Popen([sys.executable, "-c", HOLD, store], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.communicate)
        self.assertEqual(holder.stdout.readline(), "locked\n")
        with open(f"/proc/{holder.pid}/comm") as name:
            return f"{store} is locked by process {holder.pid} ({name.read().strip()}): end it, or wait until it is done"

    def test_each_verb_says_who_has_the_store_locked(self):
        self.start("a", "before")
        self.assertEqual(len(self.rows()), 1)
        said = self.lock()
        self.start("b", "behind the lock")
        for words in ("list",), ("list", "--json=id"), ("list", "--wait=1"), ("show", "-"):
            done = self.run_aep(*words)
            self.assertIn(f"{words[0]}: the tracker cannot store events: {said}", done.stderr)
            self.assertNotEqual(done.stdout, "", words)
        self.wait_until(lambda: said in self.run_aep("tracker", "status").stdout, "the tracker's problem")
        self.assertIn(said, self.run_aep("status").stdout)
        self.assertIn(said, " ".join(self.run_aep("doctor", status=1).stdout.split()))
        screen = Terminal(self, "watch", columns=160)
        screen.wait_for("before", "as of", said[:80])
        screen.press("q")
        self.assertEqual(screen.finish(), 0)
