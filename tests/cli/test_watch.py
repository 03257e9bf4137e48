# SPDX-License-Identifier: Apache-2.0
"""aep watch: on a terminal, as a person sees it, and in a pipe."""
import base64
import json
import os
import re
import select
import signal
import subprocess
import termios
import time
import unittest

from harness import DEADLINE_S, PROGRAM, end_process
from terminal import Terminal
from test_list import NASTY, Executions

HUMAN = {"status": "waiting", "waiting_for": "human"}


class Watch(Executions):
    def watch(self, *args, **more):
        return Terminal(self, *self.with_patience(("watch", *args)), **more)

    @staticmethod
    def with_patience(args):
        reads = args[0] in ("list", "show", "watch") and not any("--wait" in word for word in args)
        return (*args, "--wait=50s") if reads else args

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
            self.assertTrue(screen.shows("1 waits for you"))

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
        screen.wait_for("helper: waiting h")  # it is marked though it is folded away
        self.assertTrue(screen.lines[screen.row_of("the whole")].startswith("!"))
        screen.press("w")
        screen.wait_for("a part")
        self.assertFalse(screen.shows("the whole"))

    def test_filters(self):
        self.start("build-1", "deploy")
        self.wait_for_human(self.start("review", "look"), "review")
        failed = self.start("build-2", "test")
        self.publish("failed", "build-2", failed, error_message="x")
        screen = self.watch()
        screen.wait_for("build-1", "review", "build-2")
        screen.press("/", "age", "\t", "bui", "backspace", "ild*", "enter")
        screen.wait_gone("review")
        self.assertTrue(screen.shows("build-1", "build-2", "/agent:build*"))
        screen.press("esc")
        screen.wait_for("review")
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
            correlation = self.start(f"{text}", text * 3)
            self.publish("progress", text, correlation, current_step=text)
        screen = self.watch()
        screen.wait_for("plain")
        rows = range(2, 2 + len(texts))

        def ends(row):
            cells = "".join(screen.screen.buffer[row][x].data or "\0" for x in range(100))
            return re.search(r"(\d+\w+) +(\d+\w+) *$", cells)
        screen.wait(lambda: all(ends(row) for row in rows), "all rows")
        for row in rows:
            for column in (20, 41):  # between columns
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

    def test_a_terminal_that_cannot_be_drawn_on(self):
        for term in ("dumb", "no-such-terminal"):
            self.assertIn("TERM", self.on_terminal("watch", env={"TERM": term}, status=2))


def state_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]
