# SPDX-License-Identifier: Apache-2.0
"""Ten thousand executions of one correlation id; one run of a hundred thousand events; a week-end."""
import json
import os
import re
import resource
import subprocess

from harness import PROGRAM
from terminal import Terminal
from test_list import Executions
from test_tail import rewrite_days

RUNS = 10_000
EVENTS = 100_000
MEMORY = 24 << 20  # of a reader: below what it prints


OPEN_KIB = 8 << 10  # of aep watch's own memory with so many open; with whole rows it was 12 MiB


def own_kib(pid):
    """What a process has written to: not what it shares with others, as libraries are."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty:"))


def limit_memory():
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


class Many(Executions):
    def publish_lines(self, events):
        self.run_aep("publish", "--stdin", stdin="".join(json.dumps(event) + "\n" for event in events))

    def bounded(self, *args):
        """What aep prints, though it may hold little of it in memory. The tracker, which would have the same
        limit if it came by this, is there already."""
        done = subprocess.run([PROGRAM, *args, "--wait=60s"], env=self.env, cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit_memory)
        self.assertEqual((done.returncode, done.stderr), (0, ""), args)
        return done.stdout

    def test_ten_thousand_executions_of_one_correlation_id(self):
        top = self.start("top", "the whole")
        run = {"correlation_id": top, "causation_id": self.event_id(top)}
        self.publish_lines(event for i in range(RUNS) for event in (
            run | {"kind": "started", "agent_name": f"agent-{i}", "user_request": f"part {i}"},
            {"kind": "completed", "agent_name": f"agent-{i}", "correlation_id": top}))
        self.assertEqual(len(self.rows()), 1)
        self.assertEqual(self.bounded("list").count("\n"), 1)
        self.assertEqual(self.bounded("list", "--all").count("\n"), RUNS + 1)
        tree = self.bounded("list", "--tree", "--all")
        self.assertEqual(re.findall(r"\tpart (\d+)\t", tree), [str(i) for i in range(RUNS)])
        self.assertEqual(self.bounded("show", top, "--tree").count(" completed "), RUNS)
        self.assertIn(f"\nchildren     {RUNS}, 0 open\n", self.bounded("show", top))
        screen = Terminal(self, "watch", "--wait=60s")
        screen.wait_for("the whole", f"0/{RUNS}")
        screen.press("j", "+")
        screen.wait_for("part 0", "part 20")
        screen.press("G")
        screen.wait(lambda: "part " in (screen.chosen() or ""), "the last of those that are shown")
        screen.press("q")
        self.assertEqual(screen.finish(), 0)

    def test_ten_thousand_open_executions_on_the_screen(self):
        self.publish_lines({"kind": "started", "agent_name": f"agent-{i % 200}",
                            "user_request": f"part {i} {'x' * 100}"} for i in range(RUNS))
        screen = Terminal(self, "watch", "--wait=60s")
        screen.wait_for(f"{RUNS} running", "part ")
        screen.press("j", "G")
        screen.wait(lambda: "part " in (screen.chosen() or ""), "the last of them")
        self.assertLess(own_kib(screen.process.pid), OPEN_KIB)
        screen.press("q")
        self.assertEqual(screen.finish(), 0)

    def test_a_short_word_is_looked_for_in_the_first_ten_thousand(self):
        """It is in the oldest of more than that; no index has it."""
        self.start("a", "needle qz")
        self.publish_lines({"kind": "started", "agent_name": "a", "user_request": f"part {i}"}
                           for i in range(RUNS))
        self.rows()
        for options in ([], ["--json=user_request"]):
            done = self.run_aep("list", "qz", *options)
            self.assertEqual(done.stdout, "")
            self.assertRegex(done.stderr, f"^aep: list: only the first {RUNS} executions in this order "
                                          "were searched: .*--limit=0\n$")
            done = self.run_aep("list", "qz", "--limit=0", *options)
            self.assertIn("needle qz", done.stdout)
            self.assertEqual(done.stderr, "")
        self.assertEqual(self.run_aep("list", "needle").stderr, "")
        self.assertEqual(self.run_aep("list", "t", "--limit=7").stderr, "")
        screen = Terminal(self, "watch", "qz", "--wait=60s")
        screen.wait_for("Nothing matches", f"Only the first {RUNS} executions were searched")
        screen.press("G")
        screen.wait_for("needle qz")
        screen.press("q")
        self.assertEqual(screen.finish(), 0)

    def test_a_hundred_thousand_events_of_one_run(self):
        run = {"agent_name": "a", "correlation_id": "run"}
        self.publish_lines([run | {"kind": "started", "user_request": "r"}])
        self.publish_lines(run | {"kind": "progress", "current_step": f"step {i}"}
                           for i in range(EVENTS))
        self.assertEqual(self.row("run")["events"], EVENTS + 1)
        out = self.bounded("show", "run")
        self.assertIn(f"\nevents       {EVENTS + 1}, spooled\n", out)
        self.assertEqual(out.count(" progress "), 49)
        self.assertIn(f" {EVENTS + 1 - 50} events not shown (--events shows all)\n", out)
        self.assertEqual(re.findall(r" step (\d+)$", self.bounded("show", "run", "--events"), re.M),
                         [str(i) for i in range(EVENTS)])
        lines = self.bounded("show", "run", "--events", "--json").splitlines()
        self.assertEqual(len(lines), EVENTS + 2)
        self.assertEqual(json.loads(lines[-1])["event"]["payload"]["current_step"],
                         f"step {EVENTS - 1}")
        screen = Terminal(self, "watch", "-", "--wait=60s")
        screen.wait_for("state        running", f"{EVENTS + 1}, spooled")
        screen.press("q")
        self.assertEqual(screen.finish(), 0)

    def test_waiting_for_a_person_lasts_while_nothing_runs(self):
        """Published on a Friday; neither publisher nor tracker runs until long after the week-end."""
        run = self.start("a", "ask me")
        self.publish("progress", "a", run, metadata={"status": "waiting", "waiting_for": "human"})
        silent = self.start("b", "say nothing")
        [segment] = [os.path.join(self.spool, name) for name in os.listdir(self.spool)
                     if re.fullmatch(r"[0-9a-f]+\.seg", name)]
        rewrite_days(segment, ("2025-11-14", "2025-11-14", "2025-11-14"))
        for again in range(2):
            row = self.row(run)
            self.assertEqual((row["state"], row["waiting_for"], row["basis"], row["uncertain"]),
                             ("waiting", "human", "event", False))
            self.assertTrue(row["since"].startswith("2025-11-14T"))
            self.assertEqual(row["since"], row["last_event_at"])
            self.assertEqual(self.row(silent)["state"], "abandoned")
            self.run_aep("tracker", "stop")
        self.publish("progress", "a", run, current_step="answered")
        self.assertEqual(self.row(run)["state"], "running")
