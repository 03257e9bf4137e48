# SPDX-License-Identifier: Apache-2.0
"""aep list and aep show: executions, with a real tracker."""
import contextlib
import ctypes
import functools
import json
import locale
import os
import re
import signal
import sqlite3
import subprocess
import unicodedata

from harness import DEADLINE_S, PROGRAM, AepTest
from test_tail import columns_of, rewrite_days

PATIENCE = f"--wait={DEADLINE_S * 2}s"
# A character of each 64 of Unicode that can be seen, of whatever script, width and direction.
EVERY_SCRIPT = [chr(c) for c in range(0x21, 0x30000, 61) if unicodedata.category(chr(c))[0] in "LMNPS"]
NASTY = "\x1b]0;title\x07 \x9b31m \x7f \u202e x\ty\nz"
HIDDEN = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]"


@functools.cache
def c_library():
    """The programs', if that is musl: this Python may have another, whose characters are of another Unicode."""
    with open(PROGRAM, "rb") as file:
        loader = re.search(rb"/[\w./-]*/ld-musl-[\w.-]+", file.read(4096))
    return ctypes.CDLL(loader and loader[0].decode())


def width_of(text):
    """How many columns the C library says that the text takes; two of what it does not know."""
    locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    measure = c_library().wcwidth
    widths = [measure(ctypes.c_wchar(c)) for c in text]
    return sum(2 if width < 0 and ord(c) > 0xffff else abs(width) for c, width in zip(text, widths))


class Executions(AepTest):
    READERS = ("list", "show")

    def setUp(self):
        super().setUp()
        self.addCleanup(self.run_aep, "tracker", "stop", status=None)

    def run_aep(self, *args, **more):
        args = self.with_patience(args)
        done = super().run_aep(*args, **more)
        if PATIENCE in args:
            self.assertNotIn("has not caught up", done.stderr, "a list of what the tracker has by now")
        return done

    def on_terminal(self, *args, **more):
        return super().on_terminal(*self.with_patience(args), **more)

    def with_patience(self, args):
        """The machine may be busy."""
        reads = args[0] in self.READERS and not any("--wait" in word for word in args)
        return (*args, PATIENCE) if reads else args

    def publish(self, kind, agent="a", correlation=None, **members):
        """Publishes an event; returns its correlation id."""
        words = ["--agent", agent]
        if correlation:
            words += ["--correlation-id", correlation]
        env = members.pop("env", None)
        for name, value in members.items():
            words.append("--" + name.replace("_", "-"))
            if value is not True:
                words.append(value if isinstance(value, str) else json.dumps(value))
        return self.run_aep("publish", kind, *words, env=env).stdout.strip()

    def start(self, agent="a", request="r", **members):
        return self.publish("started", agent, request=request, **members)

    def rows(self, *words):
        return [json.loads(line) for line in
                self.run_aep("list", "--json", *words).stdout.splitlines()]

    def requests(self, *words):
        return [row["user_request"] for row in self.rows(*words)]

    def row(self, correlation):
        [row] = self.rows("--all", "correlation:" + correlation)
        return row

    def event_id(self, correlation, kind="started"):
        [found] = [event["event_id"] for event in self.events(kind)
                   if event["correlation_id"] == correlation]
        return found

    def stop_tracker(self):
        """It does nothing, until the test continues it or ends."""
        pid = int(re.search(r"process (\d+)", self.run_aep("tracker", "status").stdout)[1])
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        return pid

    def start_child(self, parent, agent, request, correlation=None):
        """An execution that the one of that correlation id started."""
        return self.start(agent, request, causation_id=self.event_id(parent), **(
            {"correlation": correlation} if correlation else {}))


class List(Executions):
    def test_the_newest_first_with_tabs_where_it_is_piped(self):
        first = self.start("build", "one\tthing")
        self.publish("progress", "build", first, current_step="compile", steps_completed=2,
                     steps_total=5, progress_percent=40)
        self.publish("completed", "build", first, duration_ms=1500)
        self.start("review", "another")
        lines = [line.split("\t") for line in self.run_aep("list").stdout.splitlines()]
        self.assertEqual([line[:4] for line in lines],
                         [["running", "review", "another", "-"],
                          ["completed", "build", "one thing", "2/5 40% compile"]])
        for line in lines:
            self.assertRegex(" ".join(line[4:6]), r"^\d+m?s \d+m?s$")
        self.assertEqual([line[6:8] for line in lines], [["-", "0/0"], ["1.5s", "0/0"]])
        self.assertEqual([line[8] for line in lines], [row["id"] for row in self.rows()])

    def test_every_state(self):
        runs = {state: self.start("agent-" + state) for state in (
            "completed", "failed", "abandoned", "waiting", "stalled", "running")}
        for state, correlation in runs.items():
            agent = "agent-" + state
            if state == "completed":
                self.publish("completed", agent, correlation)
            elif state == "failed":
                self.publish("failed", agent, correlation, error_message="no route")
            elif state == "abandoned":
                self.publish("failed", agent, correlation, error_message="process 4711 is gone",
                             error_code="ABANDONED", inferred=True)
            elif state == "waiting":
                self.publish("progress", agent, correlation,
                             metadata={"status": "waiting", "waiting_for": "human"})
            elif state == "stalled":
                self.publish("progress", agent, correlation, metadata={"expect_within_s": 0.001})
        for state in runs:
            self.wait_until(lambda: [row["agent_name"] for row in self.rows("state:" + state)]
                            == ["agent-" + state], state)
        self.assertEqual(self.row(runs["waiting"])["waiting_for"], "human")
        self.assertEqual(self.row(runs["abandoned"])["basis"], "inferred: process 4711 is gone")
        self.assertRegex(self.row(runs["stalled"])["basis"], r"^silence \d+ m?s, limit 1 ms$")
        self.assertEqual({row["state"] for row in self.rows("state:failed", "state:waiting")},
                         {"failed", "waiting"})

    def test_filters(self):
        self.start("build-1", "deploy the Größe", env={"AEP_TENANT_ID": "t1"})
        self.start("build-2", "test it", session_id="s-2")
        correlation = self.start("review", "other")
        for words, wanted in (
                (["agent:build*"], ["test it", "deploy the Größe"]),
                (["agent:build-1", "agent:review"], ["other", "deploy the Größe"]),
                (["agent:build*", "tenant:t1"], ["deploy the Größe"]),
                (["session:s-2"], ["test it"]),
                (["correlation:" + correlation], ["other"]),
                (["DEPLOY"], ["deploy the Größe"]),
                (["deploy", "größe"], ["deploy the Größe"]),
                (["text:the", "tenant:t2"], []),
                (["since:1h"], ["other", "test it", "deploy the Größe"]),
                (["since:2000-01-01"], ["other", "test it", "deploy the Größe"]),
                (["since:2999-01-01"], []),
                (["until:2999-01-01"], ["other", "test it", "deploy the Größe"]),
                (["until:1h"], [])):
            self.assertEqual(self.requests(*words), wanted, words)

    def test_the_children_of_one(self):
        parent = self.start("boss", "the whole")
        self.start_child(parent, "helper", "a part")
        self.assertEqual(self.requests("parent:" + self.event_id(parent)), ["a part"])
        self.assertEqual(self.requests("parent:" + parent), [])

    def test_orders(self):
        old = self.start("a", "old")
        self.start("b", "middle")
        new = self.start("c", "new")
        self.publish("completed", "c", new)
        self.publish("progress", "a", old, current_step="ask",
                     metadata={"status": "waiting", "waiting_for": "human"})
        for words, wanted in (
                ([], ["new", "middle", "old"]), (["--reverse"], ["old", "middle", "new"]),
                (["--sort=started"], ["new", "middle", "old"]),
                (["--sort=last_event"], ["old", "new", "middle"]),
                (["--sort", "last_event", "-r"], ["middle", "new", "old"]),
                (["--sort=attention"], ["old", "middle", "new"]),
                (["--sort=attention", "--limit=2", "--reverse"], ["new", "middle"]),
                (["--sort=state"], ["new", "old", "middle"])):
            self.assertEqual(self.requests(*words), wanted, words)

    def test_where_no_store_can_be_written_it_says_so_at_once(self):
        for verb in (["list"], ["show", "-"]):
            done = self.run_aep(*verb, env={"AEP_TRACK_STORE": "/proc/tracker.db"}, status=1)
            self.assertIn("cannot write to the folder of /proc/tracker.db (No such file or directory): set ", done.stderr)

    def test_a_wrong_word_is_refused_with_the_nearest(self):
        for words, text in ((["stat:failed"], "did you mean state:?"),
                            (["state:stale"], "did you mean state:stalled?"),
                            (["since:soon"], "is not a time"),
                            (["--json=stat"], "did you mean state?"),
                            (["--json", "id,state"], "write --json=id,state"),
                            (["--limit", "-1"], "whole number"),
                            (["until:soon"], "until: \"soon\" is not a time"),
                            (["--sort=last"], "did you mean last_event?"),
                            (["--sort=size"], "the orders are started last_event attention state"),
                            (["--tre"], "did you mean --tree?")):
            done = self.run_aep("list", *words, status=2)
            self.assertIn(text, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_limit(self):
        text = "".join(json.dumps({"kind": "started", "agent_name": "a", "user_request": str(i)}) + "\n"
                       for i in range(60))
        self.run_aep("publish", "--stdin", stdin=text)
        self.assertEqual(len(self.rows()), 50)
        self.assertEqual(self.requests("--limit", "2"), ["59", "58"])
        for words in (["--limit", "0"], ["--all"], ["--all", "--tree"]):
            self.assertEqual(len(self.rows(*words)), 60)
        self.assertEqual(len(self.rows("--all", "-n", "3")), 3)

    def test_children_only_with_all_or_below_their_parents(self):
        top = self.start("top", "1")
        left = self.start_child(top, "left", "1.1")
        self.start_child(left, "deep", "1.1.1")
        right = self.start_child(top, "right", "1.2")
        self.publish("completed", "right", right)
        self.start("other", "2")
        self.assertEqual(self.requests(), ["2", "1"])
        self.assertEqual(self.requests("--all"), ["2", "1.2", "1.1.1", "1.1", "1"])
        self.assertEqual(self.requests("--tree"), ["2", "1", "1.1", "1.1.1", "1.2"])
        self.assertEqual(self.requests("--all", "--tree"), ["2", "1", "1.1", "1.1.1", "1.2"])
        self.assertEqual(self.requests("--tree", "agent:top"), ["1", "1.1", "1.1.1", "1.2"])
        lines = [line.split("\t") for line in self.run_aep("list", "--tree").stdout.splitlines()]
        self.assertEqual([(line[1], line[7]) for line in lines],
                         [("other", "0/0"), ("top", "1/2"), ("|- left", "1/1"),
                          ("|  `- deep", "0/0"), ("`- right", "0/0")])
        utf8 = self.run_aep("list", "--tree", env={"LC_ALL": "C.UTF-8"}).stdout
        self.assertIn("\t├─ left\t", utf8)
        self.assertIn("\t│  └─ deep\t", utf8)

    def test_a_chain_may_be_long(self):
        publisher = self.start_aep("publish", "--stdin", "--json", stdin=subprocess.PIPE)
        cause = None
        for i in range(150):
            publisher.stdin.write(json.dumps({"kind": "started", "agent_name": "a",
                                              "user_request": str(i), "causation_id": cause}) + "\n")
            publisher.stdin.flush()
            cause = json.loads(publisher.stdout.readline())["event_id"]
        publisher.stdin.close()
        self.assertEqual(publisher.wait(), 0)
        wanted = [str(i) for i in range(150)]
        self.assertEqual(self.requests("--tree"), wanted)
        self.assertEqual(self.rows("--tree")[-1]["depth"], 149)
        out = self.run_aep("show", cause, "--tree").stdout
        self.assertEqual(re.findall(r" (\d+)$", out, re.M), wanted)
        for line in self.on_terminal("list", "--tree").splitlines():
            self.assertLessEqual(columns_of(re.sub(r"\x1b\[\d*m", "", line)), 80)

    def test_fields_of_json(self):
        correlation = self.start("a", NASTY)
        [line] = self.run_aep("list", "--json=state,id,agent_name").stdout.splitlines()
        self.assertEqual(line, '{"state":"running","id":"%s","agent_name":"a"}'
                         % self.event_id(correlation))
        [row] = self.rows()
        self.assertEqual((row["user_request"], row["correlation_id"]), (NASTY, correlation))
        self.assertEqual((row["delivery"], row["events"], row["uncertain"]), ("spooled", 1, False))
        self.assertIsNone(row["ended_at"])
        self.assertRegex(row["started_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")

    def test_lines_fit_the_terminal(self):
        self.start("a" * 60, "Review pull request 7 " * 9)
        self.start("日本語" * 9, "日本語のステップ" * 20)
        correlation = self.start("e\u0301" * 40, "e\u0301" * 200)
        self.publish("progress", "e\u0301" * 40, correlation, current_step="x" * 99,
                     metadata={"status": "waiting", "waiting_for": "human"})
        ids = [row["id"] for row in self.rows()]
        for columns in (200, 100, 80, 60, 20):
            lines = self.on_terminal("list", columns=columns).splitlines()
            plain = [re.sub(r"\x1b\[\d*m", "", line) for line in lines]
            self.assertEqual(len(plain), 4)
            for line in plain:
                self.assertLessEqual(columns_of(line), columns)
            if columns < 60:
                continue
            self.assertRegex(plain[0], r"^STATE +AGENT +REQUEST .*LAST .*ID$")
            self.assertEqual("STEP" in plain[0], columns >= 100)
            for line, wanted in zip(plain[1:], ids, strict=True):
                shown = line.split()[-1]
                self.assertTrue(wanted.startswith(shown), line)
                [row] = self.run_aep("show", "--json=id", shown).stdout.splitlines()
                self.assertEqual(json.loads(row)["id"], wanted)
            places = {columns_of(line[:line.rindex(" ")]) for line in plain}
            self.assertEqual(len(places), 1, plain)

    def test_lines_of_every_script_fit_the_terminal(self):
        self.run_aep("publish", "--stdin", stdin="".join(
            json.dumps({"kind": "started", "agent_name": "".join(EVERY_SCRIPT[i:i + 5]),
                        "user_request": "".join(EVERY_SCRIPT[i:i + 50])}) + "\n"
            for i in range(0, len(EVERY_SCRIPT), 50)))
        for columns in (100, 60):
            lines = [re.sub(r"\x1b\[\d*m", "", line)
                     for line in self.on_terminal("list", "--all", columns=columns).splitlines()]
            self.assertEqual(len(lines), 1 + -(-len(EVERY_SCRIPT) // 50))
            self.assertLessEqual(max(map(width_of, lines)), columns)
            places = {width_of(line[:line.rindex(" ")]) for line in lines}
            self.assertEqual(len(places), 1, columns)

    def test_a_narrow_terminal_keeps_the_mark_of_doubt(self):
        self.publish("failed", "a", self.start(), error_message="gone", error_code="ABANDONED",
                     inferred=True)
        away = {"AEP_MODE": "", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "NO_COLOR": "1"}
        self.run_aep("tracker", "stop", status=None)
        self.assertIn("abandoned?  a", self.on_terminal("list", columns=40, env=away))

    def test_words_and_colours_on_a_terminal(self):
        correlation = self.start()
        self.publish("progress", "a", correlation,
                     metadata={"status": "blocked", "waiting_for": "permission"})
        plain = self.on_terminal("list", columns=100, env={"NO_COLOR": "1"})
        self.assertNotIn("\x1b", plain)
        self.assertIn("waiting permission  a ", plain)
        self.assertIn("\x1b[33mwaiting permission\x1b[0m  a ",
                      self.on_terminal("list", columns=100))
        self.assertNotIn("\x1b", self.run_aep("list").stdout)

    def test_no_control_character_of_an_event_reaches_a_terminal(self):
        first = self.start("a" + NASTY, NASTY)
        self.publish("progress", "a" + NASTY, first, current_step=NASTY, metadata={"x": NASTY})
        self.publish("failed", "a" + NASTY, first, error_message=NASTY, error_code=NASTY,
                     error_type=NASTY, stack_trace=NASTY, partial_results={NASTY: NASTY})
        second = self.start_child(first, "b" + NASTY, NASTY)
        self.publish("completed", "b" + NASTY, second, result_summary=NASTY,
                     metrics={NASTY: NASTY}, env={"AEP_REDACT": "false"})
        plain = {"NO_COLOR": "1"}
        for words in (["list"], ["list", "--tree"], ["show", first], ["show", second],
                      ["show", first, "--events"], ["show", second, "--tree"]):
            for text in (self.on_terminal(*words, env=plain), self.run_aep(*words).stdout):
                self.assertNotRegex(text, HIDDEN, words)
                self.assertIn("]0;title", text)
        for words in (["list", "--json"], ["show", first, "--json", "--events", "--tree"]):
            self.assertNotRegex(self.on_terminal(*words, env=plain), r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
        self.assertNotRegex(self.run_aep("show", "0", status=1).stderr, HIDDEN)
        self.assertNotRegex(self.run_aep("show", NASTY, status=1).stderr, HIDDEN)
        self.assertNotRegex(self.run_aep("list", "x:" + NASTY, status=2).stderr, HIDDEN)

    def test_an_empty_list_says_how_to_begin(self):
        done = self.run_aep("list")
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        [line] = self.on_terminal("list").splitlines()
        self.assertIn("no executions yet; publish the first event: aep publish started", line)
        self.start()
        self.assertIn("no execution matches", self.on_terminal("list", "state:failed"))

    def test_a_list_that_ends_at_its_limit_says_so(self):
        self.run_aep("publish", "--stdin", stdin=50 * '{"kind":"started","agent_name":"a","user_request":"r"}\n')
        more = "there are more than these 50"
        for words in (["list"], ["list", "--tree"]):
            self.assertNotIn(more, self.on_terminal(*words), words)
        self.start()
        for words in (["list"], ["list", "--tree"]):
            *rows, last = self.on_terminal(*words).splitlines()
            self.assertEqual(len(rows), 51, words)  # with the heading
            self.assertIn(more, last)
            self.assertEqual(self.run_aep(*words).stderr, "")
        for words in (["--limit=20"], ["--all"], ["--limit=0"]):
            self.assertNotIn(more, self.on_terminal("list", *words))
        self.assertEqual(len(self.run_aep("list", "--limit=20").stdout.splitlines()), 20)

    def test_a_tracker_that_lags_is_said_and_nothing_is_certain(self):
        done = self.start("done")
        self.publish("completed", "done", done)
        silent = self.start("silent")
        self.publish("progress", "silent", silent, metadata={"expect_within_s": 3600})
        self.assertEqual([row["state"] for row in self.rows()], ["running", "completed"])
        pid = self.stop_tracker()
        self.start("late")
        done = self.run_aep("list", "--wait=50")
        self.assertRegex(done.stderr, r"^aep: list: the tracker has not caught up yet: this is as of "
                                      r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, \d+s ago\n$")
        self.assertEqual([line.split("\t")[:2] for line in done.stdout.splitlines()],
                         [["running?", "silent"], ["completed", "done"]])
        rows = [json.loads(line) for line in
                self.run_aep("list", "--json", "--wait=50").stdout.splitlines()]
        self.assertEqual([row["uncertain"] for row in rows], [True, False])
        os.kill(pid, signal.SIGCONT)
        self.assertEqual([row["agent_name"] for row in self.rows()], ["late", "silent", "done"])

    def test_a_store_that_does_not_know_its_time(self):
        self.start("a", "r")
        self.rows()
        self.stop_tracker()
        with contextlib.closing(sqlite3.connect(os.path.join(
                self.env["XDG_STATE_HOME"], "aep", "tracker.db"))) as store:
            store.execute("DELETE FROM counts WHERE name = 'as_of_us'")
            store.commit()
        done = self.run_aep("list", "--wait=0")
        self.assertEqual(done.stderr, "aep: list: the tracker has not caught up yet, and what is "
                                      "shown may be old\n")
        self.assertEqual(done.stdout.split("\t")[:6], ["running?", "a", "r", "-", "-", "-"])
        [row] = [json.loads(line) for line in
                 self.run_aep("list", "--json", "--wait=0").stdout.splitlines()]
        self.assertEqual((row["as_of"], row["uncertain"]), (None, True))
        self.assertNotIn("ago", self.run_aep("show", "-", "--wait=0").stdout)

    def test_no_store_in_time(self):
        self.rows()
        self.stop_tracker()
        for name in os.listdir(os.path.join(self.env["XDG_STATE_HOME"], "aep")):
            if name.startswith("tracker.db") and not name.endswith(("lock", "socket")):
                os.unlink(os.path.join(self.env["XDG_STATE_HOME"], "aep", name))
        for words in (["list"], ["show", "-"]):
            done = self.run_aep(*words, "--wait=0", status=1)
            self.assertIn("the tracker has not read anything yet: wait longer", done.stderr)

    def test_nobody_reads_on(self):
        self.test_limit()
        for words in (["list", "--all"], ["list", "--all", "--json"]):
            reading, writing = os.pipe()
            os.close(reading)
            done = self.run_aep(*words, status=1, stdout=writing)
            os.close(writing)
            self.assertEqual(done.stderr, "")


class Show(Executions):
    def test_an_id_its_front_a_correlation_id_and_the_newest(self):
        first = self.start("one", "first")
        second = self.start("two", "second")
        ids = {row["user_request"]: row["id"] for row in self.rows()}
        for text, request in ((ids["first"], "first"), (ids["second"][:-1], "second"),
                              (ids["second"].upper(), "second"), (first, "first"),
                              (second, "second"), ("-", "second")):
            [line] = self.run_aep("show", text, "--json").stdout.splitlines()
            self.assertEqual(json.loads(line)["user_request"], request, text)

    def test_unknown_and_ambiguous_ids(self):
        done = self.run_aep("show", "-", status=1)
        self.assertEqual(done.stderr, "aep: show: there are no executions yet\n")
        for i in range(12):
            self.start("agent", f"request {i}")
        done = self.run_aep("show", "0", status=1)
        self.assertEqual(done.stdout, "")
        first, *lines, last = done.stderr.splitlines()
        self.assertIn("\"0\" begins the ids of many executions", first)
        self.assertEqual(len(lines), 10)
        self.assertRegex(lines[0], r"^aep:   [0-9a-f-]{36} running agent request 0$")
        self.assertIn("type more of the id", last)
        done = self.run_aep("show", "nosuch", status=1)
        self.assertIn("no execution has an id that begins with \"nosuch\"", done.stderr)
        self.run_aep("show", status=2)
        self.run_aep("show", "a", "b", status=2)

    def test_a_filter_tells_of_children_that_match(self):
        child = self.start_child(self.start("boss", "whole"), "helper", "part")
        self.publish("progress", "helper", child, metadata={"status": "waiting", "waiting_for": "human"})
        hint = "what other executions started matches, too"
        self.assertIn(hint, self.on_terminal("list", "state:waiting"))
        self.assertIn(hint, self.on_terminal("list", "state:waiting", "state:running"))
        for words in ([], ["state:running"], ["state:running", "--limit=0"], ["state:failed"], ["--all", "state:waiting"], ["part", "--tree"]):
            self.assertNotIn(hint, self.on_terminal("list", *words), words)
        self.assertEqual(self.run_aep("list", "state:waiting").stderr, "")

    def test_an_empty_id_is_nobodys(self):
        self.start()
        self.assertIn("no execution", self.run_aep("show", "", status=1).stderr)

    def test_a_correlation_id_of_several_shows_the_first_of_them(self):
        top = self.start("top", "1")
        self.start_child(top, "left", "1.1", top)
        out = self.run_aep("show", top).stdout
        self.assertRegex(out, r"^agent        top\n")
        self.assertRegex(out, r"\ntree\n> top running \S+ 1\n  `- left running \S+ 1\.1\n")
        child = self.run_aep("show", self.row_of("left")["id"]).stdout
        self.assertRegex(child, r"\nparent       \S+\n")
        self.assertRegex(child, r"\ntree\n  top running \S+ 1\n> `- left running \S+ 1\.1\n")

    def row_of(self, agent):
        [row] = self.rows("--all", "agent:" + agent)
        return row

    def test_a_failure_with_its_stack_trace(self):
        run = self.start("build", "make all")
        self.publish("failed", "build", run, error_code="E_NET", error_type="ConnectionError",
                     error_message="no route\nto host", stack_trace="at a()\n  at b()",
                     duration_ms=2500)
        out = self.run_aep("show", run).stdout
        self.assertIn("\nstate        failed (event)\nsince        2", out)
        self.assertIn("\nfailure\n  E_NET, ConnectionError\n  no route\n  to host\n    at a()\n"
                      "      at b()\n", out)
        self.assertIn("\nduration     2.5 s\n", out)
        self.assertRegex(out, r"\n  \d\d:\d\d:\d\d\.\d{3}Z \+\d+(\.\d)?ms +spooled  failed    E_NET: "
                              r"no route to host \(2\.5 s\)\n")

    def test_an_event_that_other_readers_of_json_refuse(self):
        run = {"agent_name": "a", "correlation_id": "run"}
        self.run_aep("publish", "--stdin", stdin="".join(json.dumps(run | event) + "\n" for event in (
            {"kind": "started", "user_request": "one\0two"},
            {"kind": "progress", "current_step": "three\0four"},
            {"kind": "failed", "error_message": "five\0six", "stack_trace": "seven\0eight"})))
        out = self.run_aep("show", "run").stdout
        self.assertRegex(out, r" started .* one two.*\n.* progress  three four\n.* failed  .*five six")
        self.assertIn("\nfailure\n  five six\n    seven eight\n", out)
        self.assertRegex(self.run_aep("tail", "-n", "1").stdout, " failed  .* five six")

    def test_texts_longer_than_a_row_are_whole(self):
        request, agent, result = ("".join(EVERY_SCRIPT * 40)[:60_000] + end for end in "123")
        run = {"agent_name": agent, "correlation_id": "run"}
        self.run_aep("publish", "--stdin", stdin="".join(json.dumps(run | event) + "\n" for event in (
            {"kind": "started", "user_request": request},
            {"kind": "completed", "result_summary": result})))
        out = self.run_aep("show", "run").stdout
        for label, text in (("agent", agent), ("request", request), ("result", result)):
            self.assertTrue(f"\n{label:13}{text}\n" in "\n" + out, label)
        self.assertFalse("?" in out + self.run_aep("tail", "-n", "all").stdout, "within a character")
        row = self.row("run")
        for name, text in (("agent_name", agent), ("user_request", request),
                           ("result_summary", result)):
            self.assertEqual(row[name][-1], "…")
            self.assertLess(2040, len(row[name].encode()))
            self.assertLess(len(row[name].encode()), 2049)
            self.assertTrue(text.startswith(row[name][:400]))

    def test_a_failure_longer_than_a_row(self):
        run = self.start("build", "make all")
        self.publish("failed", "build", run, error_message="x" * 5000)
        self.assertIn("\n  " + "x" * 5000 + "\n", self.run_aep("show", run).stdout)
        self.assertLess(len(self.row(run)["error_message"].encode()), 2049)

    def test_metrics(self):
        run = self.start()
        self.publish("completed", "a", run, metrics={"tokens": 17, "model": "m", "by": {"x": 1.5}},
                     quality_score=0.5)
        self.assertIn('\nmetrics\n  quality_score 0.5\n  tokens 17\n  model m\n  by {"x":1.5}\n',
                      self.run_aep("show", run).stdout)

    def test_metrics_of_what_failed(self):
        run = self.start()
        self.publish("failed", "a", run, error_message="x", partial_results={"metrics": {"exit_code": 3}})
        self.assertIn("\nmetrics\n  exit_code 3\n", self.run_aep("show", run).stdout)

    def test_silence_in_the_timeline(self):
        run = self.start()
        self.publish("progress", "a", run, current_step="after the week-end")
        [segment] = [os.path.join(self.spool, name) for name in os.listdir(self.spool)
                     if re.fullmatch(r"[0-9a-f]+\.seg", name)]
        rewrite_days(segment, ("2025-11-13", "2025-11-15"))
        out = self.run_aep("show", run).stdout
        self.assertRegex(out, r"\n  -- 2025-11-13\n.* started .*\n  \.\.\.  2 d 0 h of silence\n"
                              r"  -- 2025-11-15\n.*after the week-end\n"
                              r"  \.\.\.  \d+ d \d+ h of silence so far\n")
        self.assertRegex(out, r"\nstate        abandoned \(silence \d+ d, limit 10 min\)\n")

    def test_many_events_are_abridged(self):
        run = self.start()
        line = {"kind": "progress", "agent_name": "a", "correlation_id": run}
        self.run_aep("publish", "--stdin", stdin="".join(
            json.dumps({**line, "current_step": f"step-{i}"}) + "\n" for i in range(99)))
        out = self.run_aep("show", run).stdout
        self.assertEqual(re.findall(r"step-(\d+)$", out, re.M)[1:],
                         [str(i) for i in (*range(9), *range(59, 99))])
        self.assertIn("  ...  50 events not shown (--events shows all)\n", out)
        out = self.run_aep("show", run, "--events").stdout
        self.assertEqual(re.findall(r"step-(\d+)$", out, re.M), [str(i) for i in range(99)])
        self.assertNotIn("correlation", out)

    def test_only_the_tree_and_all_of_it(self):
        top = self.start("top", "1")
        cause = self.event_id(top)
        self.run_aep("publish", "--stdin", stdin="".join(
            json.dumps({"kind": "started", "agent_name": "kid", "user_request": str(i),
                        "causation_id": cause}) + "\n" for i in range(50)))
        self.assertEqual(self.row(top)["children"], 50)
        out = self.run_aep("show", top).stdout
        self.assertEqual(out.count("- kid "), 39)
        self.assertIn("  ...  more are not shown (--tree shows all)\n", out)
        out = self.run_aep("show", top, "--tree").stdout
        self.assertEqual(re.findall(r" (\d+)$", out, re.M), ["1", *map(str, range(50))])

    def test_json_begins_with_the_row(self):
        top = self.start("top", "1")
        self.start_child(top, "left", "1.1")
        row, child, event = [json.loads(line) for line in self.run_aep(
            "show", top, "--json", "--events", "--tree").stdout.splitlines()]
        self.assertEqual(row["agent_name"], "top")
        self.assertEqual((child["agent_name"], child["parent_id"]), ("left", row["id"]))
        self.assertEqual(event["delivery"], "spooled")
        self.assertEqual(event["event"], self.events("started")[0])
        self.assertEqual(self.run_aep("show", top, "--json=agent_name").stdout,
                         '{"agent_name":"top"}\n')
