# SPDX-License-Identifier: Apache-2.0
"""aep watch: on a terminal, as a person sees it, and in a pipe."""
import base64
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time

from harness import DEADLINE_S, PROGRAM, children_of, state_of
from terminal import JOB, Terminal, lead_terminal
from test_list import NASTY, Executions

HUMAN = {"status": "waiting", "waiting_for": "human"}


class Watch(Executions):
    READERS = ("list", "show", "watch")

    def watch(self, *args, **more):
        return Terminal(self, *self.with_patience(("watch", *args)), **more)

    def wait_for_human(self, correlation, agent="a", **members):
        return self.publish("progress", agent, correlation, metadata=HUMAN, **members)

    def id_of(self, correlation):
        return self.event_id(correlation)


class Screen(Watch):
    def test_rows_appear_and_change(self):
        screen = self.watch()
        screen.wait_for("No executions yet", "live")
        correlation = self.start("builder", "make all")
        screen.wait_for("builder", "make all", "running", "1 running")
        self.publish("progress", "builder", correlation, current_step="link", steps_completed=2,
                     steps_total=5)
        screen.wait_for("2/5 link")
        self.publish("failed", "builder", correlation, error_message="no rule")
        screen.wait_for("failed", "no rule", "1 failed")
        screen.press("q")
        self.assertEqual(screen.finish(), 0)
        self.assertTrue(screen.is_restored())

    def test_the_order_of_attention(self):
        done = self.start("a", "is-completed")
        self.publish("completed", "a", done)
        self.start("b", "is-running")
        failed = self.start("c", "is-failed")
        self.publish("failed", "c", failed, error_message="x")
        stalled = self.start("d", "is-stalled")
        self.publish("progress", "d", stalled, metadata={"expect_within_s": 0.001})
        self.wait_for_human(self.start("e", "is-waiting"), "e")
        timer = self.start("f", "is-timer")
        self.publish("progress", "f", timer,
                     metadata={"status": "waiting", "waiting_for": "timer"})
        for columns, rows in ((100, 30), (60, 12)):
            screen = self.watch(columns=columns, rows=rows)
            screen.wait(lambda: re.findall(r" is-(\w+)", screen.text()) == [
                "waiting", "stalled", "failed", "timer", "running", "completed"], "in order")
            marked = [line for line in screen.lines if line.startswith("!")]
            self.assertEqual(len(marked), 1)
            self.assertIn("is-waiting", marked[0])
            screen.wait_for("1 waits for you")

    def test_the_row_under_the_cursor_stays_where_it_is(self):
        runs = [self.start(f"agent-{i}", f"request-{i}") for i in range(6)]
        screen = self.watch()
        screen.wait_for(*(f"request-{i}" for i in range(6)))
        self.assertIsNone(screen.chosen())
        screen.press("j", "j", "j")
        screen.wait(lambda: "request-3" in (screen.chosen() or ""), "the third row")
        row = screen.row_of("request-3")
        self.wait_for_human(runs[0], "agent-0")
        screen.wait_for("1 waits for you")
        self.publish("completed", "agent-3", runs[3])
        screen.wait_for("1 completed")
        self.assertEqual(screen.row_of("request-3"), row)
        self.start("agent-new", "request-new")
        screen.wait_for("request-new")
        self.assertEqual(screen.row_of("request-3"), row)
        self.assertIn("request-3", screen.chosen())
        screen.press("f")  # follows the top again: everything in its order
        screen.wait(lambda: screen.chosen() is None and screen.row_of("request-3") > row, "follow")

    def test_it_stays_even_where_those_above_it_go(self):
        runs = [self.start("a", f"request-{i}") for i in range(3)]
        screen = self.watch("state:running")
        screen.wait_for("request-0", "request-1", "request-2")
        screen.press("G")
        screen.wait(lambda: "request-0" in (screen.chosen() or ""), "the last row")
        row = screen.row_of("request-0")
        for correlation in runs[1:]:
            self.publish("completed", "a", correlation)
        screen.wait_gone("request-1", "request-2")
        self.assertEqual(screen.row_of("request-0"), row)
        screen.press("k")
        screen.wait(lambda: screen.row_of("request-0") == 2, "it is first when the cursor moves")

    def test_moving(self):
        for i in range(40):
            self.start("a", f"request-{i:02}")
        screen = self.watch(columns=60, rows=12)
        screen.wait_for("request-39")
        for keys, wanted in ((["j"], 39), (["j"], 38), (["down"], 37), (["k"], 38), (["up"], 39),
                             (["G"], 0), (["k"], 1), (["g"], 39), (["page_down"], 31),
                             (["page_up"], 39)):
            screen.press(*keys)
            screen.wait(lambda: f"request-{wanted:02}" in (screen.chosen() or ""), (keys, wanted))

    def test_children_are_folded_under_their_parents(self):
        parent = self.start("boss", "the whole")
        child = self.start_child(parent, "helper", "a part")
        self.start_child(child, "deep", "a part of it")
        screen = self.watch()
        screen.wait_for("the whole", "1/1")
        self.assertFalse(screen.shows("a part"))
        screen.press("j", "+")
        screen.wait_for("a part")
        self.assertFalse(screen.shows("a part of it"))
        screen.press("*")
        screen.wait_for("a part of it")
        order = [screen.row_of(text) for text in ("the whole", "helper", "deep")]
        self.assertEqual(order, sorted(order))
        screen.press("-")
        screen.wait_gone("a part")
        self.wait_for_human(child, "helper")
        screen.wait_for("helper: wait")  # it is marked though it is folded away
        self.assertTrue(screen.lines[screen.row_of("the whole")].startswith("!"))
        screen.press("w")
        screen.wait_for("a part")
        self.assertFalse(screen.shows("the whole"))

    def test_many_children(self):
        parent = self.start("boss", "the whole")
        cause = self.event_id(parent)
        for i in range(205):
            last = self.start("child", f"part-{i}", causation_id=cause)
        self.wait_for_human(last, "child")
        screen = self.watch("--wait=50s")
        screen.wait_for("the whole", "205/205")
        screen.press("j", "+")
        screen.wait_for("part-0", "child: wait")  # it is not among those that are shown
        screen.press("page_down", *["j"] * 200)
        screen.wait_for("part-199")

    def test_filters(self):
        self.start("build-1", "deploy")
        self.wait_for_human(self.start("review", "look"), "review")
        failed = self.start("build-2", "test")
        self.publish("failed", "build-2", failed, error_message="x")
        screen = self.watch()
        screen.wait_for("build-1", "review", "build-2")
        screen.press("/", "age", "\t", "bui", "backspace", "ild*", "enter")
        screen.wait_gone("review")
        screen.wait_for("build-1", "build-2", "/agent:build*")
        screen.press("esc")
        screen.wait_for("review")
        screen.press("6")
        screen.wait_for("[running]", "1 waits for you")  # though the list does not show it
        screen.press("0")
        for key, shown, hidden in (("6", "build-1", "review"), ("0", "review", "nothing"),
                                   ("2", "build-2", "build-1"), ("4", "review", "build-1"),
                                   ("e", "build-2", "review"), ("w", "review", "build-2"),
                                   ("w", "build-1", "nothing")):
            screen.press(key)
            screen.wait(lambda: screen.shows(shown) and hidden not in screen.text(), (key, shown))
        screen.press("/", "stat:failed", "enter")
        screen.wait_for("did you mean state:?")
        screen.press("esc", "/", "nothing like it", "enter")
        screen.wait_for("Nothing matches")

    def test_words_of_the_command_line(self):
        self.start("build", "deploy")
        self.start("review", "look")
        screen = self.watch("agent:build")
        screen.wait_for("deploy", "/agent:build")
        self.assertFalse(screen.shows("look"))
        self.assertIn("did you mean state:?", self.run_aep("watch", "stat:x", status=2).stderr)

    def test_one_in_full(self):
        correlation = self.start("builder", "make all")
        self.publish("failed", "builder", correlation, error_message="no rule", stack_trace="\n".join(
            f"frame {i}" for i in range(60)))
        for columns, rows in ((100, 30), (60, 12)):
            screen = self.watch(columns=columns, rows=rows)
            screen.wait_for("make all")
            screen.press("j", "enter")
            screen.wait_for("agent        builder", self.id_of(correlation))
            screen.press("/", "frame 42", "enter")
            screen.wait_for("frame 42")
            screen.press("G")
            screen.wait_for("timeline", "end")
            screen.press("J", "g")
            screen.wait_for('"agent_name": "builder"')
            screen.press("esc")
            screen.wait_for("STATE", "make all")
            screen.press("?")
            screen.wait_for("keys of aep watch", "next row")
            screen.press("?")
            screen.wait_for("STATE")
            screen.press("q")
            self.assertEqual(screen.finish(), 0)

    def test_a_page_follows_its_execution(self):
        correlation = self.start("builder", "make all")
        screen = self.watch(self.id_of(correlation)[:13])
        screen.wait_for("state        running")
        self.publish("progress", "builder", correlation, current_step="now linking")
        screen.wait_for("now linking")

    def test_the_sort_and_its_reverse(self):
        for agent in ("b", "c", "a"):
            self.start(agent, "request-" + agent)
        screen = self.watch()

        def order():
            return re.findall(r"request-(\w)", screen.text())
        screen.wait(lambda: order() == ["a", "c", "b"], "by attention")
        screen.press("s", "s", "s")
        screen.wait(lambda: screen.shows("by agent") and order() == ["a", "b", "c"], "by agent")
        screen.press("S")
        screen.wait(lambda: order() == ["c", "b", "a"], "reversed")
        screen.resize(60, 12)  # the title has no room for the order
        screen.press("S")
        screen.wait(lambda: re.match(r"by \w+$", screen.lines[-1]), "the order below the list")
        screen.press("S")
        screen.wait(lambda: re.match(r"by \w+, reversed$", screen.lines[-1]), "and its reverse")

    def test_what_a_width_has_room_for(self):
        run = self.start("a", "request-a")
        self.publish("failed", "a", run, error_message="x")
        stalled = self.start("b", "request-b")
        self.publish("progress", "b", stalled, metadata={"expect_within_s": 0.001})
        begin = self.id_of(run)[:13]
        screen = self.watch(columns=120)
        screen.wait_for("by attention", "stalled")
        self.assertTrue(screen.lines[screen.row_of("request-a")].endswith(" " + begin))
        screen.press("e")
        screen.wait_for("[failed, abandoned, stalled]")
        screen.resize(40, 12)
        screen.wait(lambda: not screen.shows("LAST") and screen.shows("REQUEST"), "less columns")
        self.assertFalse(any("…" in line for line in screen.lines[1:4]))

    def test_the_title_keeps_its_parts_apart(self):
        for i in range(3):
            self.publish("failed", "a", self.start("a", f"request-{i}"), error_message="x")
        self.publish("completed", "b", self.start("b", "request-b"))
        self.wait_for_human(self.start("c", "request-c"), "c")
        self.start("d", "request-d")
        screen = self.watch(columns=100)
        screen.wait_for("1 waits for you", "3 failed", "by attention")
        for columns in range(100, 75, -1):
            screen.resize(columns, 30)
            screen.wait(lambda: screen.lines[0].endswith("   by attention, live"), columns)

    def test_a_narrow_screen_tells_of_the_row_what_it_has_no_column_for(self):
        self.wait_for_human(self.start("a", "request-a"), current_step="approve it")
        self.wait_for_human(self.start("b", "request-b"), "b")
        self.start("c", "request-c")
        screen = self.watch(columns=60, rows=12)
        screen.wait_for("request-a", "request-b", "request-c", "j k move")
        told = set()
        for _ in range(2):
            screen.press("j")
            screen.wait(lambda: screen.lines[-1].startswith("waiting human"), "what it waits for")
            screen.wait(lambda: screen.lines[-1] not in told, "the next one")
            told.add(screen.lines[-1])
        self.assertEqual(told, {"waiting human", "waiting human: approve it"})
        screen.press("j")
        screen.wait_for("j k move")

    def test_a_page_says_where_it_is(self):
        self.start("a", "request-a")
        screen = self.watch(columns=60, rows=12)
        screen.wait_for("request-a")
        screen.press("j", "J")
        screen.wait_for('"agent_name": "a"')
        self.assertRegex(screen.lines[1], r" [1-9]\d*%$")

    def test_the_head_counts_what_the_filter_matches(self):
        for agent in ("build", "build", "other"):
            self.start(agent, "r")
        self.publish("failed", "other", self.start("other", "r"), error_message="x")
        screen = self.watch()
        screen.wait_for("3 running", "1 failed")
        screen.press("/", *"agent:build", "enter")
        screen.wait_for("2 running")
        self.assertFalse(screen.shows("1 failed"))
        screen.press("esc")
        screen.wait_for("3 running", "1 failed")

    def test_an_execution_with_a_very_long_id(self):
        self.publish("progress", "ä" * 50, "ö" * 64, current_step="late")
        screen = self.watch()
        screen.wait_for("late")
        screen.press("j", "enter")
        screen.wait_for("state        running", "late")

    def test_pause(self):
        self.start("a", "before")
        screen = self.watch()
        screen.wait_for("before")
        screen.press(" ")
        screen.wait_for("PAUSED")
        self.start("a", "meanwhile")
        self.wait_until(lambda: len(self.rows()) == 2)
        screen.press("j")
        screen.wait(lambda: screen.chosen(), "the cursor")
        self.assertFalse(screen.shows("meanwhile"))
        screen.press(" ")
        screen.wait_for("meanwhile")

    def test_the_id_is_copied(self):
        correlation = self.start("a", "one")
        screen = self.watch()
        screen.wait_for("one")
        screen.press("j", "y")
        screen.wait_for("copied " + self.id_of(correlation))
        copied = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", screen.raw)[1]
        self.assertEqual(base64.b64decode(copied).decode(), self.id_of(correlation))

    def test_the_page_of_an_execution_is_opened(self):
        correlation = self.start("a", "one")
        browser = os.path.join(self.folder, "browser")
        with open(browser, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\necho "$1" > opened.tmp; mv opened.tmp opened\n')
        os.chmod(browser, 0o755)
        self.env["BROWSER"] = browser
        screen = self.watch()
        screen.wait_for("one")
        screen.press("j", "o")
        screen.wait_for("no aep serve runs here")
        server = self.start_aep("serve", "--listen", "127.0.0.1:0")
        link = server.stdout.readline().strip()
        screen.press("o")
        screen.wait_for("opened in the browser")
        opened = os.path.join(self.folder, "opened")
        self.wait_until(lambda: os.path.exists(opened), "the browser")
        with open(opened, encoding="utf-8") as file:
            self.assertEqual(file.read().strip(), f"{link}&id={self.id_of(correlation)}")
        self.env["BROWSER"] = "./none"
        other = self.watch()
        other.wait_for("one")
        other.press("j", "o")
        other.wait_for("./none cannot be run")

    def test_resize(self):
        for i in range(20):
            self.start("agent", f"request-{i:02}")
        screen = self.watch()
        screen.wait_for("request-00")
        screen.press("G")
        screen.wait(lambda: "request-00" in (screen.chosen() or ""), "the last")
        screen.resize(60, 12)
        screen.wait(lambda: "request-00" in (screen.chosen() or "") and
                    screen.lines[11].startswith("j k move"), "at 60x12")
        screen.resize(150, 40)
        screen.wait(lambda: screen.shows("ID", "request-19") and
                    screen.lines[39].startswith("j k move"), "at 150x40")
        screen.resize(20, 3)
        screen.wait(lambda: screen.lines[2].startswith("j k move"), "at 20x3")


class Many(Watch):
    COUNT = 10000

    def publish_many(self, kind, **members):
        """An event of each of COUNT executions, which have an agent of their own."""
        self.run_aep("publish", "--stdin", stdin="".join(
            json.dumps({"kind": kind, "agent_name": f"agent-{i:05}", "correlation_id": f"c-{i:05}", **members}) + "\n"
            for i in range(self.COUNT)))

    def test_no_change_is_missed_while_many_change_at_once(self):
        states = {}

        def read(process):
            for line in process.stdout:
                row = json.loads(line)
                states.setdefault(row["agent_name"], []).append(row["state"])
        process = self.start_aep("watch", "--json=agent_name,state", "--wait=50s")
        reader = threading.Thread(target=read, args=(process,))
        reader.start()
        for kind, state, members in (("started", "running", {"user_request": "r"}),
                                     ("progress", "waiting", {"metadata": HUMAN}),
                                     ("completed", "completed", {"result_summary": "x"})):
            self.publish_many(kind, **members)
            self.wait_until(lambda: len(states) == self.COUNT and all(
                seen[-1] == state for seen in list(states.values())), f"all are {state}")
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)
        reader.join(DEADLINE_S)
        for seen in states.values():
            self.assertEqual(list(dict.fromkeys(seen)), ["running", "waiting", "completed"])

    def test_every_open_one_can_be_reached(self):
        self.publish_many("started", user_request="r")
        last = self.start("z", "the newest")
        screen = self.watch()
        screen.wait_for("the newest", f"{self.COUNT + 1} running")
        screen.press("G")
        screen.wait(lambda: "agent-00000" in (screen.chosen() or ""), "the oldest")
        screen.press("g")
        screen.wait(lambda: "the newest" in (screen.chosen() or ""), "the newest")
        self.publish("completed", "z", last)
        screen.wait_for("1 completed")

    def test_those_that_are_over_are_read_as_they_come_into_view(self):
        self.publish_many("started", user_request="r")
        self.publish_many("completed", result_summary="x")
        screen = self.watch()
        screen.wait_for(f"{self.COUNT} completed", f"agent-{self.COUNT - 1:05}")
        for _ in range(self.COUNT // 1000 + 1):  # each time as many more
            screen.press("G")
            screen.wait(lambda: screen.chosen(), "the last line")
            before = screen.chosen()
            screen.press("j", "j")
            screen.wait(lambda: screen.chosen() != before or "agent-00000" in before, "more")
        screen.press("G")
        screen.wait(lambda: "agent-00000" in (screen.chosen() or ""), "the oldest")


class Text(Watch):
    def test_text_cannot_drive_the_terminal(self):
        hostile = NASTY + "\x1b[2J\x1b[H\x1b[31mred\x9b5;5Hx\x1b]52;c;aGk=\x07\r\b\x0e"
        correlation = self.publish(
            "started", "agent" + hostile, request="request" + hostile)
        self.publish("progress", "agent" + hostile, correlation, current_step="step" + hostile,
                     metadata=HUMAN)
        other = self.start("b", "steady")
        self.publish("failed", "b", other, error_message="error" + hostile, error_code="E" + hostile,
                     stack_trace="trace" + hostile)
        screen = self.watch()
        screen.wait_for("agent", "request", "step", "steady", "error")
        rows = [screen.row_of("request"), screen.row_of("steady")]
        self.assertEqual(rows, [2, 3])
        screen.press("j", "enter")
        screen.wait_for("correlation ")
        screen.press("J", "esc", "j", "enter")
        screen.wait_for("failure", "trace")
        screen.press("/", "nasty", "enter", "q")
        screen.finish()
        for sequence in (b"\x1b]0;", b"\x1b]52", b"\x9b", b"\x0e", "\u202e".encode()):
            self.assertNotIn(sequence, screen.raw)
        self.assertTrue(screen.is_restored())

    def test_wide_and_combining_characters_keep_the_columns(self):
        texts = ["plain", "日本語の依頼です", "e\u0301tat le\u0301ger", "👩\u200d🔬 science ❤\ufe0f", "שלום"]
        for i, text in enumerate(texts):
            correlation = self.start(text * 3, text * 3)
            self.publish("progress", text * 3, correlation, current_step=text * 3)
        screen = self.watch()
        screen.wait_for("plain")
        rows = range(2, 2 + len(texts))

        def ends(row):
            cells = "".join(screen.screen.buffer[row][x].data or "\0" for x in range(100))
            return re.search(r"(\d+\w+) +(\d+\w+) *$", cells)
        screen.wait(lambda: all(ends(row) for row in rows), "all rows")
        gaps = [screen.lines[1].index(heading) - 1 for heading in ("AGENT", "REQUEST", "STEP")]
        for row in rows:
            for column in (*gaps, 80):
                self.assertEqual(screen.screen.buffer[row][column].data, " ", screen.text())

    def test_ascii_where_the_locale_is(self):
        parent = self.start("boss", "größe 日本")
        self.start_child(parent, "child", "part")
        screen = self.watch(env={"LC_ALL": "C"})
        screen.wait_for("boss", "gr")
        screen.press("*")
        screen.wait_for("`- child")
        screen.press("q")
        screen.finish()
        self.assertRegex(screen.raw, rb"^[\x00-\x7f]*$")

    def test_without_colours(self):
        self.start("a", "one")
        for env, colours in (({}, True), ({"NO_COLOR": "1"}, False)):
            screen = self.watch(env=env)
            screen.wait_for("one", "running")
            screen.press("q")
            screen.finish()
            self.assertEqual(re.search(rb"\x1b\[([0-9;]*;)?3[1-7]m", screen.raw) is not None, colours)


# A shell that ends, once its pipe does, while its job is no longer in the foreground.
LEAVES = JOB + """
os.read(%d, 1)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
os.tcsetpgrp(0, os.getpgrp())
"""


class Ends(Watch):
    def test_the_terminal_is_as_it_was(self):
        self.start("a", "one")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGSEGV, signal.SIGABRT):
            screen = self.watch()
            screen.wait_for("one")
            screen.process.send_signal(number)
            self.assertEqual(screen.finish(), -number)
            self.assertTrue(screen.is_restored(), (number, screen.raw[-200:]))

    def test_stopping_and_going_on(self):
        self.start("a", "one")
        screen = self.watch(job=True)
        screen.wait_for("one")
        pid = screen.job_pid()
        screen.press("\x1a")
        end = time.monotonic() + DEADLINE_S
        while state_of(pid) != "T":
            self.assertLess(time.monotonic(), end, "it does not stop")
            time.sleep(0.02)
        screen.read()
        self.assertTrue(screen.is_restored())
        os.kill(pid, signal.SIGCONT)
        self.start("a", "another")
        screen.wait_for("one", "another")
        screen.press("q")
        self.assertEqual(screen.finish(), 0)

    def test_a_terminal_that_goes_without_a_signal(self):
        """As for a job that its shell has put into the background before it ended."""
        outer, inner = pty.openpty()
        told, tell = os.pipe()
        shell = subprocess.Popen([sys.executable, "-c", LEAVES % told, PROGRAM, "watch", "--wait=50s"],
                                 stdin=inner, stdout=inner, stderr=inner, pass_fds=[told],
                                 env={**self.env, "TERM": "xterm"}, preexec_fn=lead_terminal)
        os.close(inner)
        self.assertTrue(select.select([outer], [], [], DEADLINE_S)[0])
        while b"quit" not in os.read(outer, 65536):
            pass
        [child] = children_of(shell.pid)
        job = os.pidfd_open(child)
        os.close(tell)
        shell.wait(DEADLINE_S)
        os.close(outer)
        ended = select.select([job], [], [], DEADLINE_S)[0]
        if not ended:
            signal.pidfd_send_signal(job, signal.SIGKILL)
        self.assertTrue(ended, "it goes on without a terminal")
        for fd in (told, job):
            os.close(fd)

    def test_a_terminal_that_cannot_be_drawn_on(self):
        for term in ("dumb", "no-such-terminal"):
            self.assertIn("TERM", self.on_terminal("watch", env={"TERM": term}, status=2))


class Lines(Watch):
    """Without a terminal, and for scripts."""

    def follow(self, *args, **more):
        return self.start_aep(*self.with_patience(("watch", *args)), **more)

    def read_line(self, process):
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE_S)
        self.assertTrue(ready, "no line came")
        return process.stdout.readline().rstrip("\n")

    def test_a_line_for_each_change(self):
        over = self.start("a", "over")
        self.publish("completed", "a", over)
        correlation = self.start("builder", "make\tall")
        process = self.follow()
        first = self.read_line(process).split("\t")
        self.assertEqual(first[1:], ["running", "builder", "make all", "-",
                                     self.id_of(correlation)])
        self.assertRegex(first[0], r"^\d{4}-\d\d-\d\dT[\d:.]+Z$")
        self.wait_for_human(correlation, "builder", current_step="ask" + NASTY)
        line = self.read_line(process)
        self.assertEqual(line.split("\t")[1], "waiting human")
        self.assertNotRegex(line.replace("\t", ""), r"[\x00-\x1f\x7f-\x9f\u202e]")
        self.publish("failed", "builder", correlation, error_message="no rule")
        self.assertEqual(self.read_line(process).split("\t")[1:5],
                         ["failed", "builder", "make all", "no rule"])
        process.stdout.close()
        self.wait_until(lambda: process.poll() is not None, "its reader is gone")

    def test_objects(self):
        self.start("a", "one")
        process = self.follow("--json=user_request,state", "agent:a")
        self.assertEqual(json.loads(self.read_line(process)),
                         {"user_request": "one", "state": "running"})
        self.start("b", "other")
        two = self.start("a", "two")
        self.assertEqual(json.loads(self.read_line(process))["user_request"], "two")
        self.publish("completed", "a", two)
        self.assertEqual(json.loads(self.read_line(process))["state"], "completed")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(DEADLINE_S), -signal.SIGTERM)

    def test_the_exit_status_is_that_of_the_execution(self):
        for kind, members, status in (
                ("completed", {}, 0),
                ("failed", {"error_message": "x"}, 1),
                ("failed", {"error_message": "x", "error_code": "ABANDONED", "inferred": True}, 5)):
            correlation = self.start("a", "one")
            process = self.follow(self.id_of(correlation), "--exit-status")
            self.read_line(process)
            self.publish(kind, "a", correlation, **members)
            self.assertEqual(process.wait(DEADLINE_S), status)
            done = self.run_aep("watch", self.id_of(correlation), "--exit-status", "--wait=50s",
                                status=status)
            self.assertEqual(len(done.stdout.splitlines()), 1)

    def test_until_a_state(self):
        correlation = self.start("a", "one")
        until = [self.follow(correlation, "--until", state) for state in (
            "waiting", "completed", "failed")]
        for process in until:
            self.read_line(process)
        self.wait_for_human(correlation)
        self.assertEqual(until[0].wait(DEADLINE_S), 0)
        self.publish("completed", "a", correlation)
        self.assertEqual([process.wait(DEADLINE_S) for process in until], [0, 0, 1])

    def test_on_a_terminal_it_ends_too(self):
        correlation = self.start("a", "one")
        screen = self.watch(correlation, "--exit-status")
        screen.wait_for("running")
        self.publish("failed", "a", correlation, error_message="no rule")
        self.assertEqual(screen.finish(), 1)
        self.assertTrue(screen.is_restored())
        after = screen.raw[screen.raw.rfind(b"\x1b[?1049l"):]
        self.assertIn(b"\tfailed\ta\tone\tno rule\t", after)

    def test_an_id_that_is_not_known(self):
        self.start("a", "one")
        self.rows()  # the tracker lives
        done = self.run_aep("watch", "deadbeef", "--wait=100", status=1)
        self.assertIn("no execution has an id", done.stderr)
        process = self.follow("later", "--exit-status")
        self.start("a", "two", env={"AEP_CORRELATION_ID": "later"})
        self.assertIn("two", self.read_line(process))

    def test_wrong_use(self):
        for words, text in ((["--exit-status"], "give its id"),
                            (["--until", "complete", "x"], "did you mean state:completed?"),
                            (["--exec", "a 'b"], "quote"), (["--exec", " "], "needs a command"),
                            (["--json=stat"], "did you mean state?")):
            self.assertIn(text, self.run_aep("watch", *words, status=2).stderr, words)

    def test_a_command_at_each_change_of_state(self):
        out = os.path.join(self.folder, "calls")
        script = os.path.join(self.folder, "a script")
        with open(script, "w") as file:
            file.write("#!/bin/sh\nprintf '%s|' \"$#\" \"$@\" $AEP_STATE $AEP_EXECUTION_ID "
                       f"$AEP_CORRELATION_ID >>{out}\ncat >>{out}\n")
        os.chmod(script, 0o755)
        quiet = self.start("a", "before")
        process = self.follow("--exec", f"'{script}' 'one word' $HOME \\;ls")
        self.read_line(process)
        correlation = self.start("a", "one")
        self.wait_until(lambda: os.path.exists(out), "the first call")
        self.publish("progress", "a", correlation, current_step="no change of state")
        self.assertIn("running", self.read_line(process))
        self.assertIn("no change of state", self.read_line(process))
        self.wait_for_human(correlation)
        self.publish("completed", "a", correlation)

        def calls():
            if not os.path.exists(out):
                return []
            with open(out) as file:
                return [line.rstrip("\n").rsplit("|", 1) for line in file]
        self.wait_until(lambda: calls() and "|completed|" in calls()[-1][0] and
                        calls()[-1][1].endswith("}"), "the last call")
        self.assertNotIn(quiet, str(calls()))
        states = [words.split("|")[4] for words, _ in calls()]
        self.assertEqual(sorted(set(states)), sorted(states))
        for words, row in calls():
            row = json.loads(row)
            self.assertEqual(words.split("|"), ["3", "one word", "$HOME", ";ls", row["state"],
                                                row["id"], correlation])
        process.send_signal(signal.SIGINT)
        process.wait(DEADLINE_S)

    def test_a_command_that_cannot_be_started(self):
        correlation = self.start("a", "one")
        process = self.follow(correlation, "--exit-status", "--exec", "no-such-command")
        self.read_line(process)
        self.publish("completed", "a", correlation)
        self.assertEqual(process.wait(DEADLINE_S), 1)
        self.assertIn("no-such-command", process.stderr.read())

    def test_the_bell(self):
        correlation = self.start("a", "one")
        screen = self.watch("--bell")
        screen.wait_for("running")
        self.assertNotIn(b"\x07", screen.raw)
        self.wait_for_human(correlation)
        screen.wait(lambda: b"\x07" in screen.raw, "the bell")


class Tracker(Watch):
    def test_a_tracker_that_dies_is_started_again(self):
        self.start("a", "one")
        screen = self.watch()
        screen.wait_for("one")
        self.run_aep("tracker", "stop")
        self.start("a", "two")
        screen.wait_for("two", "live")

    def test_a_tracker_that_lags_is_shown(self):
        self.start("a", "one")
        screen = self.watch()
        screen.wait_for("one")
        pid = self.stop_tracker()
        screen.wait_for("as of", "running?")
        os.kill(pid, signal.SIGCONT)
        screen.wait_for("live")
        screen.wait_gone("running?")

    def test_a_store_that_is_deleted_comes_back(self):
        self.start("a", "one")
        screen = self.watch()
        screen.wait_for("one")
        for name in ("tracker.db", "tracker.db-wal", "tracker.db-shm"):
            path = os.path.join(self.folder, "state", "aep", name)
            if os.path.exists(path):
                os.unlink(path)
        self.start("a", "two")
        screen.wait_for("one", "two")
