# SPDX-License-Identifier: Apache-2.0
"""aep tail: the spool's events, as they are written."""
import datetime
import json
import os
import re
import select
import signal
import struct
import time
import unicodedata

from harness import DEADLINE_S, AepTest
from spool_files import MAGIC, crc32c

def columns_of(text):
    """How many columns the text takes on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


def rewrite_days(path, days):
    """Rewrites a segment as if its events had been published on these days."""
    with open(path, "rb") as file:
        header, *records = file.read().split(MAGIC)[1:]
    with open(path, "wb") as file:
        file.write(MAGIC + header)
        for day, record in zip(days, records, strict=True):
            rest = re.sub(rb'("timestamp":")\d{4}-\d\d-\d\d', rb"\g<1>" + day.encode(), record[8:])
            crc = struct.pack("<I", crc32c(record[:4] + rest))
            file.write(MAGIC + record[:4] + crc + rest)


class Tail(AepTest):
    def publish(self, request="r"):
        return self.run_aep("publish", "started", "--agent", "a", "--request", request).stdout[:-1]

    def publish_many(self, count, size=10, **env):
        line = '{"kind":"progress","agent_name":"a","correlation_id":"c","current_step":"%s-%d"}\n'
        text = "".join(line % ("x" * size, i) for i in range(count))
        self.run_aep("publish", "--stdin", stdin=text, env=env)

    def read_lines(self, process, count):
        """The next lines of a following tail, within the deadline."""
        lines, data, deadline = [], "", time.monotonic() + DEADLINE_S
        while len(lines) < count:
            left = deadline - time.monotonic()
            self.assertGreater(left, 0, f"waited for {count} lines, got {lines}")
            if select.select([process.stdout], [], [], left)[0]:
                data += os.read(process.stdout.fileno(), 65536).decode()
                *complete, data = data.split("\n")
                lines += complete
        return lines

    def test_a_line_for_people(self):
        correlation_id = self.publish("do\nit\x1b[31m now")
        [line] = self.run_aep("tail").stdout.splitlines()
        self.assertRegex(line, r"^\d\d:\d\d:\d\d\.\d{3}Z spooled +started +a " + correlation_id
                         + r" do it \[31m now$")

    def test_a_line_fits_the_terminal_and_its_request_is_read(self):
        wide = "日本語のステップ" * 20
        combining = "e\u0301" * 200
        requests = ("Review pull request 7 " * 9, wide, combining, "short")
        ids = [self.publish(request) for request in requests]
        for columns in (80, 120):
            lines = self.on_terminal("tail", columns=columns).splitlines()
            plain = [re.sub(r"\x1b\[\d*m", "", line) for line in lines]
            for line, request, correlation_id in zip(plain, requests, ids, strict=True):
                self.assertLessEqual(columns_of(line), columns)
                self.assertIn(f" a …{correlation_id[-8:]} ", line)
                summary = line.split(correlation_id[-8:] + " ")[1]
                self.assertTrue(request.startswith(summary.rstrip("…")))
                self.assertEqual(summary.endswith("…"), request != "short")
                if summary.endswith("…"):
                    self.assertGreaterEqual(columns_of(line), columns - 1)
                    self.assertGreater(columns_of(summary), columns - 50)

    def test_full_cuts_nothing_on_a_terminal(self):
        correlation_id = self.publish("r" * 200)
        [line] = self.on_terminal("tail", "--full").splitlines()
        self.assertTrue(line.endswith(f" a {correlation_id} {'r' * 200}"), line)

    def test_an_id_that_is_no_uuid_and_a_long_name_are_cut_at_their_ends(self):
        self.run_aep("publish", "progress", "--agent", "n" * 50, "--correlation-id", "order-17",
                     "--current-step", "x")
        self.run_aep("publish", "progress", "--agent", "a", "--correlation-id", "i" * 50)
        first, second = self.on_terminal("tail").splitlines()
        self.assertTrue(first.endswith(f" {'n' * 19}… order-17 x"), first)
        self.assertTrue(second.endswith(f" a {'i' * 19}…"), second)

    def test_dots_where_the_locale_has_no_ellipsis(self):
        correlation_id = self.publish("r" * 200)
        [line] = self.on_terminal("tail", env={"LC_ALL": "C"}).splitlines()
        self.assertIn(f" ...{correlation_id[-8:]} rrr", line)
        self.assertTrue(line.endswith("r...\x1b[0m"), line)

    def test_no_control_character_of_an_event_reaches_a_terminal(self):
        nasty = "\x1b]0;title\x07 \x9b31m \x7f \u202e x"
        self.run_aep("publish", "failed", "--agent", "a\x1b[1m", "--correlation-id", "c",
                     "--error-code", nasty, "--error-message", nasty)
        self.run_aep("publish", "--type", "a.b.c.v1", "--payload", json.dumps({nasty: nasty}))
        plain = {"NO_COLOR": "1"}
        for args in ([], ["--full"], ["--local"], ["--json"]):
            for text in self.on_terminal("tail", *args, env=plain), self.run_aep(
                    "tail", *args).stdout if "--json" not in args else "":
                self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", args)
                self.assertNotIn("\u202e" if "--json" not in args else "\0", text)
        shown = self.on_terminal("tail", "--json", env=plain)
        self.assertEqual([json.loads(x)["event"] for x in shown.splitlines()], self.events())

    def test_local_time(self):
        self.publish()
        text = self.events()[0]["timestamp"]
        utc = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        there = utc.astimezone(datetime.timezone(datetime.timedelta(hours=-9)))
        env = {"TZ": "XXX+9"}
        line = self.run_aep("tail", "--local", env=env).stdout.splitlines()[-1]
        self.assertEqual(line.split()[0], there.isoformat(timespec="milliseconds")[11:23])
        rewrite_days(os.path.join(self.spool, "0000000000000001.seg"), ["2024-03-01"])
        there = there.replace(2024, 3, 1) if there.day == utc.day else there.replace(2024, 2, 29)
        day = self.run_aep("tail", "--local", env=env).stdout.splitlines()[0]
        self.assertEqual(day, f"-- {there.date()}")

    def test_json_is_whole_and_as_it_is_so_other_forms_are_refused(self):
        self.publish()
        for option in ("--full", "--local", "--columns=80"):
            self.assertIn("--json", self.run_aep("tail", "--json", option, status=2).stderr)

    def test_columns_fit_a_line_to_what_is_no_terminal(self):
        self.publish("r" * 200)
        for columns in (40, 80, 120):
            [line] = self.run_aep("tail", "--columns", str(columns),
                                  env={"LC_ALL": "C.UTF-8"}).stdout.splitlines()
            self.assertEqual(len(line), columns)
            self.assertTrue(line.endswith("…"), line)
        for words in (["--columns", "39"], ["--columns", "80", "--full"]):
            self.assertIn("--columns", self.run_aep("tail", *words, status=2).stderr)

    def test_nothing_to_show_is_told_to_a_person_and_to_no_script(self):
        self.publish()
        self.run_aep("tail", "-n", "0")
        self.assertEqual(self.on_terminal("tail", "-n", "0"), "")
        env = {"AEP_RELAY_MODE": "off"}
        self.addCleanup(self.run_aep, "relay", "stop", status=None)
        self.run_aep("spool", "purge", "--yes", env=env)
        done = self.run_aep("tail")
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.assertEqual(self.on_terminal("tail"), f"aep: tail: no events yet in {self.spool}\n")

    def test_times_are_utc_wherever_one_is(self):
        self.publish()
        for zone in ("UTC", "Asia/Kolkata", "XXX+9"):
            [line] = self.run_aep("tail", env={"TZ": zone}).stdout.splitlines()
            self.assertEqual(line.split()[0], self.events()[0]["timestamp"][11:23] + "Z")

    def test_another_day_than_the_line_befores_is_said(self):
        days = ("2024-02-29", "2024-02-29", "2024-03-01")
        for day in days:
            self.publish(day)
        today = self.events()[0]["timestamp"][:10]
        rewrite_days(os.path.join(self.spool, "0000000000000001.seg"), days)
        self.publish("now")
        lines = self.run_aep("tail").stdout.splitlines()
        self.assertEqual([x for x in lines if x.startswith("-- ")],
                         ["-- 2024-02-29", "-- 2024-03-01", f"-- {today}"])
        self.assertEqual([x.split()[-1] for x in lines if not x.startswith("-- ")], [*days, "now"])

    def test_no_colour_but_on_a_terminal(self):
        self.publish()
        self.assertNotIn("\x1b", self.run_aep("tail").stdout)

    def test_summaries_of_every_kind(self):
        self.run_aep("publish", "progress", "--agent", "a", "--correlation-id", "c",
                     "--progress-percent", "50", "--current-step", "endpoints", "--steps-completed",
                     "3", "--steps-total", "6", "--metadata",
                     '{"status":"waiting","waiting_for":"human"}')
        self.run_aep("publish", "completed", "--agent", "a", "--correlation-id", "c",
                     "--result-summary", "done well", "--duration-ms", "1500")
        self.run_aep("publish", "failed", "--agent", "a", "--correlation-id", "c",
                     "--error-code", "E1", "--error-message", "broken")
        self.run_aep("publish", "--type", "a.b.c.v1", "--payload", '{"x":1}')
        progress, completed, failed, other = self.run_aep("tail").stdout.splitlines()
        self.assertTrue(progress.endswith(" c 50% step 3 of 6 endpoints waiting for human"), progress)
        self.assertIn("done well (1.5 s)", completed)
        self.assertIn("E1: broken", failed)
        self.assertIn('{"x":1}', other)

    def test_what_is_not_there_leaves_no_gap(self):
        self.run_aep("publish", "progress", "--agent", "a", "--correlation-id", "c",
                     "--steps-total", "7")
        self.run_aep("publish", "completed", "--agent", "a", "--correlation-id", "c",
                     "--duration-ms", "3")
        progress, completed = self.run_aep("tail").stdout.splitlines()
        self.assertTrue(progress.endswith(" a c 7 steps"), progress)
        self.assertTrue(completed.endswith(" a c (3 ms)"), completed)

    def test_the_last_ten_or_as_many_as_wanted(self):
        self.publish_many(30)
        self.assertEqual(len(self.run_aep("tail").stdout.splitlines()), 10)
        for count in (0, 1, 29, 30, 31):
            out = self.run_aep("tail", "-n", str(count), "--json").stdout.splitlines()
            steps = [json.loads(x)["event"]["payload"]["current_step"][-2:] for x in out]
            self.assertEqual(len(steps), min(count, 30))
            self.assertEqual(steps[-1:], ["29"] if count else [])
        self.assertEqual(len(self.run_aep("tail", "-n", "all").stdout.splitlines()), 30)

    def test_across_segments(self):
        self.publish_many(500, size=1000, AEP_SPOOL_SEGMENT_BYTES="65536")
        self.assertGreater(len([n for n in os.listdir(self.spool) if n.endswith(".seg")]), 5)
        steps = [int(p["current_step"].split("-")[1]) for p in self.payloads()]
        self.assertEqual(steps, list(range(500)))
        self.assertEqual(len(self.run_aep("tail", "-n", "400").stdout.splitlines()), 400)

    def test_follow_shows_events_as_they_are_written(self):
        self.publish("first")
        tail = self.start_aep("tail", "-f", "--json")
        [line] = self.read_lines(tail, 1)
        self.assertEqual(json.loads(line)["event"]["payload"]["user_request"], "first")
        for i in range(5):
            self.publish(str(i))
            [line] = self.read_lines(tail, 1)
            self.assertEqual(json.loads(line)["event"]["payload"]["user_request"], str(i))

    def test_follow_waits_for_a_spool_that_is_not_there_yet(self):
        tail = self.start_aep("tail", "-f", "--json")
        self.assertIn("waiting for the first event", tail.stderr.readline())
        self.publish("first")
        [line] = self.read_lines(tail, 1)
        self.assertEqual(json.loads(line)["event"]["payload"]["user_request"], "first")

    def test_follow_from_now_on(self):
        self.publish("before")
        tail = self.start_aep("tail", "-f", "-n", "0", "--json", "--set", "log.every_s=1")
        deadline = time.monotonic() + DEADLINE_S
        while not select.select([tail.stdout], [], [], 0.1)[0]:  # until it follows
            self.assertLess(time.monotonic(), deadline)
            self.publish("after")
        [line] = self.read_lines(tail, 1)[:1]
        self.assertEqual(json.loads(line)["event"]["payload"]["user_request"], "after")

    def test_follow_goes_on_across_segments(self):
        self.publish_many(1, AEP_SPOOL_SEGMENT_BYTES="65536")
        tail = self.start_aep("tail", "-f", "--json")
        self.read_lines(tail, 1)
        self.publish_many(300, size=1000)
        self.assertEqual(len(self.read_lines(tail, 300)), 300)

    def test_follow_ends_when_the_spool_is_removed(self):
        self.publish()
        tail = self.start_aep("tail", "-f")
        self.read_lines(tail, 1)
        for name in os.listdir(self.spool):
            os.unlink(os.path.join(self.spool, name))
        os.rmdir(self.spool)
        self.assertEqual(tail.wait(DEADLINE_S), 1)
        self.assertIn("removed", tail.stderr.read())

    def test_follow_ends_quietly_when_its_reader_does(self):
        self.publish()
        tail = self.start_aep("tail", "-f")
        self.read_lines(tail, 1)
        tail.stdout.close()
        self.publish()
        self.assertEqual(tail.wait(DEADLINE_S) in (0, 1), True)
        self.assertEqual(tail.stderr.read(), "")
        tail.stdout = None

    def test_a_dead_broker_leaves_events_spooled(self):
        env = {"AEP_MODE": "kafka", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
        self.run_aep("publish", "started", "--agent", "a", "--request", "r", env=env)
        out = self.run_aep("tail", "--json", env=env).stdout
        self.assertEqual(json.loads(out)["state"], "spooled")

    def test_without_configuration_the_only_spool_is_meant(self):
        self.publish()
        nothing = {"AEP_MODE": ""}
        self.assertEqual(len(self.run_aep("tail", env=nothing).stdout.splitlines()), 1)
        self.run_aep("publish", "started", "--agent", "a", "--request", "r",
                     env={"AEP_MODE": "kafka", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
        done = self.run_aep("tail", env=nothing, status=2)
        self.assertIn("--spool", done.stderr)
        out = self.run_aep("tail", "--spool", self.spool, env=nothing).stdout
        self.assertEqual(len(out.splitlines()), 1)

    def test_no_spool_is_said(self):
        self.assertTrue(re.search("no spool|No such", self.run_aep("tail", status=1).stderr))

    def test_garbage_in_the_spool_is_passed_over(self):
        self.publish("before")
        with open(os.path.join(self.spool, "0000000000000001.seg"), "ab") as segment:
            segment.write(b"garbage" * 10)
        self.publish("after")
        self.assertEqual([p["user_request"] for p in self.payloads()], ["before", "after"])


class Retiring(AepTest):
    relay = True

    def test_follow_goes_on_when_segments_are_removed_under_it(self):
        self.env.update(AEP_SPOOL_SEGMENT_BYTES="65536", AEP_SPOOL_MAX_BYTES="262144")
        line = '{"kind":"progress","agent_name":"a","correlation_id":"c","current_step":"%s%d"}\n'
        self.run_aep("publish", "--stdin", stdin=line % ("x" * 1000, 0))
        tail = self.start_aep("tail", "-f", "--json")
        tail.stdout.readline()
        tail.send_signal(signal.SIGSTOP)
        for part in range(10):
            text = "".join(line % ("x" * 1000, 1 + part * 100 + i) for i in range(100))
            self.run_aep("publish", "--stdin", stdin=text)
        self.assertFalse(os.path.exists(os.path.join(self.spool, "0000000000000001.seg")))
        tail.send_signal(signal.SIGCONT)
        steps = []
        while not steps or steps[-1] < 1000:
            event = json.loads(tail.stdout.readline())["event"]
            steps.append(int(event["payload"]["current_step"].lstrip("x")))
        self.assertEqual(steps, sorted(set(steps)))
        self.assertLess(len(steps), 1000)
        self.assertIsNone(tail.poll())
