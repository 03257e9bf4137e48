# SPDX-License-Identifier: Apache-2.0
"""aep status, spool, dead, flush, relay: commands about spools and relays."""
import array
import fcntl
import json
import os
import pathlib
import shutil
import signal
import stat
import termios

from harness import DEADLINE_S, AepTest

DEAD_BROKER = {"AEP_MODE": "kafka", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}


class Status(AepTest):
    def publish(self, **env):
        self.run_aep("publish", "started", "--agent", "a", "--request", "r", env=env)

    def test_no_spools(self):
        self.assertEqual(self.run_aep("status").stdout, "no spools\ntracker not running\n")
        self.assertEqual(json.loads(self.run_aep("status", "--json").stdout)["spools"], [])

    def test_the_last_line_is_the_trackers(self):
        self.addCleanup(self.run_aep, "tracker", "stop", status=None)
        self.publish()
        self.assertTrue(self.run_aep("status").stdout.endswith("\n\ntracker not running\n"))
        self.assertFalse(json.loads(self.run_aep("status", "--json").stdout)["tracker"]["alive"])
        self.run_aep("list", "--wait=50s")
        told = json.loads(self.run_aep("status", "--json").stdout)["tracker"]
        self.assertEqual(told["executions"]["running"], 1)
        self.assertRegex(self.run_aep("status").stdout,
                         rf"\n\ntracker process {told['pid']}, as of \S+( ms)? ago, 1 execution: 1 running\n$")
        self.run_aep("publish", "completed", "--agent", "b", "--correlation-id", "c")
        self.run_aep("list", "--wait=50s")
        self.assertRegex(self.run_aep("tracker", "status", "--short").stdout,
                         r" 2 executions: 1 completed, 1 running\n$")
        self.assertNotIn("tracker", self.run_aep("status", "--spool", self.spool).stdout)
        self.run_aep("tracker", "stop")
        self.assertRegex(self.run_aep("status").stdout,
                         r"\n\ntracker not running, as of \S+( ms)? ago, 2 executions: 1 completed, 1 running\n$")

    def test_a_tracker_that_does_not_answer_hides_nothing(self):
        self.addCleanup(self.run_aep, "tracker", "stop", status=None)
        self.publish()
        self.run_aep("list", "--wait=50s")
        pid = json.loads(self.run_aep("status", "--json").stdout)["tracker"]["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        done = self.run_aep("status")
        self.assertEqual(done.stderr, "")
        self.assertTrue(done.stdout.startswith(self.spool))
        self.assertTrue(done.stdout.endswith("\ntracker unknown: `aep tracker status` says why\n"))
        answer = json.loads(self.run_aep("status", "--json").stdout)
        self.assertEqual((len(answer["spools"]), answer["tracker"]), (1, None))

    def test_a_spool_with_its_backlog_and_counters(self):
        self.publish()
        self.run_aep("publish", "started", "--agent", "a", "--request", "password=hunter22222")
        [spool] = json.loads(self.run_aep("status", "--json").stdout)["spools"]
        self.assertEqual(spool["spool"], self.spool)
        self.assertEqual(spool["mode"], "local")
        self.assertEqual(spool["backlog_events"], 2)
        self.assertGreater(spool["backlog_bytes"], 1000)
        self.assertFalse(spool["relay_alive"])
        self.assertEqual(spool["counters"]["redacted"], 1)
        text = self.run_aep("status").stdout
        self.assertIn("2 events", text)
        self.assertRegex(text, r"\n  so far\n +1  secrets redacted\n")

    def test_a_spool_of_local_mode_is_no_claim_about_the_configuration(self):
        self.publish()
        text = self.run_aep("status", env={"AEP_MODE": ""}).stdout
        self.assertIn("  broker    none: this spool is in local mode\n", text)
        nothing = {"AEP_MODE": "", "TERM": "dumb"}
        shown = self.on_terminal("status", env=nothing)
        self.assertTrue(shown.endswith("in the environment or aep.conf\n"), shown)
        self.assertNotIn("refused", self.on_terminal("status"))
        self.assertEqual(self.run_aep("status", env=nothing).stderr, "")

    def test_a_broker_is_not_known_while_no_relay_runs(self):
        """Whatever the last relay reported."""
        self.publish(**DEAD_BROKER)
        env = {**DEAD_BROKER, "AEP_RELAY_MODE": "auto"}
        self.assertIn("  broker    unknown yet\n", self.run_aep("status", env=env).stdout)
        self.publish(**env)
        self.wait_until(lambda: "  broker    unreachable since "
                        in self.run_aep("status", env=env).stdout, "unreachable")
        self.run_aep("relay", "stop", env=env)
        text = self.run_aep("status", env=env).stdout
        self.assertIn("  broker    unknown while no relay runs; last: unreachable since ", text)
        self.assertIn("  relay     not running\n", text)

    def test_a_list_of_nothing_says_so_to_a_person(self):
        self.assertEqual(self.on_terminal("spool", "list"), "aep: spool list: no spools\n")
        self.publish()
        self.assertEqual(self.on_terminal("dead", "list"), "aep: dead list: no dead letters\n")
        for verb in (["dead", "list"], ["dead", "list", "--json"]):
            done = self.run_aep(*verb)
            self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_damaged_counters_are_told_and_the_next_relay_mends_them(self):
        self.publish()
        self.assertEqual(self.run_aep("status").stderr, "")
        os.truncate(os.path.join(self.spool, "counters"), 100)
        self.assertIn("/counters is damaged", self.run_aep("status").stderr)
        self.run_aep("relay", "start")
        self.run_aep("relay", "stop")
        self.assertEqual(self.run_aep("status").stderr, "")
        log = pathlib.Path(self.spool, "relay.log").read_text()
        self.assertIn("/counters was damaged and has been repaired", log)

    def test_counters_that_cannot_be_opened_hide_nothing_else(self):
        self.publish()
        counters = os.path.join(self.spool, "counters")
        if os.path.exists(counters):
            os.unlink(counters)
        os.mkdir(counters)
        done = self.run_aep("status", status=1)
        self.assertIn("1 event", done.stdout)
        self.assertIn("so nothing is counted: remove it", done.stderr)
        [spool] = json.loads(self.run_aep("status", "--json", status=1).stdout)["spools"]
        self.assertEqual((spool["backlog_events"], spool["counters"]), (1, {}))
        told = self.run_aep("doctor", "--no-probe", status=1).stdout
        for words in ("1 event kept", "nothing is counted", "remove it, and a new one is made"):
            self.assertIn(words, told)
        os.rmdir(counters)
        self.publish()
        self.assertEqual(self.run_aep("status").stderr, "")

    def test_a_bell_that_is_no_fifo_is_told_with_the_remedy(self):
        self.publish()
        bell = os.path.join(self.spool, "bell")
        os.unlink(bell)
        open(bell, "w").close()
        done = self.run_aep("publish", "started", "--agent", "a", "--request", "r", status=1)
        self.assertIn("/bell is not a FIFO of this user: remove it", done.stderr)
        os.unlink(bell)
        self.publish()

    def test_all_spools_are_shown_the_configured_one_first(self):
        self.publish()
        self.publish(**DEAD_BROKER)
        spools = json.loads(self.run_aep("status", "--json", env=DEAD_BROKER).stdout)["spools"]
        self.assertEqual([s["mode"] for s in spools], ["kafka", "local"])
        self.assertEqual(spools[0]["backlog_events"], 1)
        [one] = json.loads(self.run_aep("status", "--json", "--spool", self.spool).stdout)["spools"]
        self.assertEqual(one["mode"], "local")

    def test_a_spool_that_cannot_be_opened_does_not_hide_the_others(self):
        self.publish()
        bad = os.path.join(self.folder, "state", "aep", "bad")
        os.mkdir(bad, 0o755)
        with open(os.path.join(bad, "spool.id"), "w") as file:
            file.write("no identity")
        done = self.run_aep("status", "--json")
        self.assertEqual(len(json.loads(done.stdout)["spools"]), 1)
        self.assertIn("bad", done.stderr)

    def test_a_configured_spool_that_is_closed_to_us_fails_and_hides_no_other(self):
        self.publish()
        file, closed = (os.path.join(os.path.dirname(self.spool), x) for x in ("file", "closed"))
        open(file, "w").close()
        os.mkdir(closed, 0o700)
        if os.geteuid() == 0:
            open(os.path.join(closed, "spool.id"), "w").close()
            os.chown(closed, 1, -1)
        else:
            os.chmod(closed, 0)
            self.addCleanup(os.chmod, closed, 0o700)
        for path in (closed, file):
            env = {"AEP_SPOOL_DIR": path}
            done = self.run_aep("status", "--json", env=env, status=1)
            [other] = json.loads(done.stdout)["spools"]
            self.assertEqual(other["spool"], self.spool)
            [line] = [x for x in done.stderr.splitlines() if path in x]
            self.assertIn("set AEP_SPOOL_DIR (spool.dir) to another folder", line)
            for verb in (["status"], ["spool", "list"]):
                done = self.run_aep(*verb, env=env, status=1)
                self.assertIn(line, done.stderr)
                self.assertIn(self.spool, done.stdout)
            self.assertIn(line, self.run_aep("flush", "--all", env=env, status=1).stderr)

    def test_those_beside_a_spool_of_the_command_line_are_shown(self):
        for name in ("one", "two"):
            folder = os.path.join(self.folder, "elsewhere", name)
            self.publish(AEP_SPOOL_DIR=folder)
        out = self.run_aep("status", "--json", "--set", f"spool.dir={folder}").stdout
        self.assertEqual([os.path.basename(s["spool"]) for s in json.loads(out)["spools"]],
                         ["two", "one"])

    def test_a_spool_that_cannot_be_read_fails(self):
        self.publish()
        path = os.path.join(self.spool, "cursor")
        with open(path, "r+b") as file:
            file.write(bytes(os.path.getsize(path)))
        for verb in (["status"], ["status", "--json"], ["spool", "list"]):
            done = self.run_aep(*verb, status=1)
            self.assertIn("cursor is damaged", done.stderr)
            self.assertEqual(done.stdout, "")

    def test_a_named_folder_that_is_no_spool_fails(self):
        self.publish()
        os.mkdir(os.path.join(self.folder, "empty"), 0o700)
        for verb in (["status"], ["spool", "list"]):
            done = self.run_aep(*verb, "--spool", os.path.join(self.folder, "empty"), status=1)
            self.assertIn("empty", done.stderr)
            self.assertEqual(done.stdout, "")

    def test_a_wrong_configuration_is_said_and_not_taken_for_none(self):
        self.publish()
        for verb in (["status"], ["spool", "list"], ["flush", "--all"], ["tail"], ["dead", "list"],
                     ["spool", "purge"]):
            done = self.run_aep(*verb, env={"AEP_MODE": "lcal"}, status=1)
            self.assertIn('"lcal"', done.stderr, verb)
            self.assertEqual(done.stdout, "", verb)

    def test_without_configuration_all_spools_are_shown(self):
        self.publish()
        done = self.run_aep("status", "--json", env={"AEP_MODE": ""})
        self.assertEqual(len(json.loads(done.stdout)["spools"]), 1)

    def test_spool_list(self):
        self.publish()
        self.publish(**DEAD_BROKER)
        lines = [json.loads(x) for x in self.run_aep("spool", "list", "--json").stdout.splitlines()]
        self.assertEqual(sorted(x["mode"] for x in lines), ["kafka", "local"])
        self.assertEqual(len(self.run_aep("spool", "list").stdout.splitlines()), 2)

    def test_looking_changes_nothing(self):
        self.publish()
        before = {n: os.stat(os.path.join(self.spool, n)).st_mtime_ns
                  for n in os.listdir(self.spool)
                  if stat.S_ISREG(os.stat(os.path.join(self.spool, n)).st_mode)}
        for verb in (["status"], ["tail"], ["dead", "list"], ["spool", "list"]):
            self.run_aep(*verb)
        after = {n: os.stat(os.path.join(self.spool, n)).st_mtime_ns for n in before}
        self.assertEqual(before, after)

    def test_purge_asks_for_yes(self):
        self.publish()
        done = self.run_aep("spool", "purge", status=2)
        self.assertIn("--yes", done.stderr)
        self.assertEqual(len(self.events()), 1)

    def test_dead_letters_none(self):
        self.publish()
        self.assertEqual(self.run_aep("dead", "list").stdout, "")
        self.assertIn("no dead letter", self.run_aep("dead", "show", "7", status=1).stderr)

    def test_dead_wants_an_ordinal(self):
        self.publish()
        self.assertIn("ordinal", self.run_aep("dead", "show", "x", status=2).stderr)

    def test_dropping_all_dead_letters_asks_for_yes(self):
        self.publish()
        self.assertIn("--yes", self.run_aep("dead", "drop", status=2).stderr)

    def test_flush_in_local_mode_has_nothing_to_wait_for(self):
        self.publish()
        self.run_aep("flush")

    def test_flush_with_a_dead_broker_is_deferred(self):
        self.publish(**DEAD_BROKER)
        self.run_aep("flush", "--timeout", "100", env=DEAD_BROKER, status=3)


class Relay(AepTest):
    relay = True

    def status(self):
        return json.loads(self.run_aep("status", "--json").stdout)["spools"][0]

    def test_start_twice_and_stop(self):
        self.assertIn("started", self.run_aep("relay", "start").stdout)
        self.assertTrue(self.status()["relay_alive"])
        pid = self.status()["relay_pid"]
        self.assertIn("already runs", self.run_aep("relay", "start").stdout)
        self.assertEqual(self.status()["relay_pid"], pid)
        self.run_aep("relay", "stop")
        self.assertFalse(self.status()["relay_alive"])
        self.assertIn("no relay runs", self.run_aep("relay", "stop").stderr)

    def test_times_are_those_of_json_wherever_one_is(self):
        self.run_aep("relay", "start")
        started = self.status()["relay_started"]
        self.assertRegex(started, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertIn(f"since {started}\n", self.run_aep("status", env={"TZ": "XXX+9"}).stdout)

    def test_run_stays_in_the_foreground_until_it_is_told_to_stop(self):
        relay = self.start_aep("relay", "run", "--set", "source=other")
        line = relay.stderr.readline()
        self.assertIn("runs on", line)
        self.assertEqual(self.status()["relay_pid"], relay.pid)
        relay.terminate()
        self.assertEqual(relay.wait(DEADLINE_S), 0)

    def test_start_stop_and_run_take_the_same_spool(self):
        """Also a relative path, also a spool that does not exist yet."""
        folder = os.path.join(self.folder, "other")
        self.addCleanup(self.run_aep, "relay", "stop", "--spool", folder, status=None)
        pid = self.run_aep("relay", "start", "--spool", "other").stdout.split()[-1]
        [spool] = json.loads(self.run_aep("status", "--json", "--spool", folder).stdout)["spools"]
        self.assertEqual((spool["spool"], spool["relay_alive"], str(spool["relay_pid"])),
                         (os.path.realpath(folder), True, pid))
        self.assertFalse(os.path.exists(self.spool))
        self.run_aep("relay", "stop", "--spool", "other")
        [spool] = json.loads(self.run_aep("status", "--json", "--spool", folder).stdout)["spools"]
        self.assertFalse(spool["relay_alive"])
        relay = self.start_aep("relay", "run", "--spool", "third")
        self.assertIn(f"runs on {os.path.realpath(self.folder)}/third", relay.stderr.readline())
        relay.terminate()
        self.assertEqual(relay.wait(DEADLINE_S), 0)
        self.assertFalse(os.path.exists(self.spool))

    def test_run_makes_the_spool_that_a_publisher_would(self):
        def sizes(folder):
            with open(os.path.join(folder, "spool.id")) as file:
                return [line for line in file if "_bytes " in line]

        small = ["--set", "limits.message_bytes=300000"]
        folders = [os.path.join(self.folder, name) for name in ("relay", "publisher")]
        relay = self.start_aep("relay", "run", *small, "--set", f"spool.dir={folders[0]}")
        self.assertIn("runs on", relay.stderr.readline())
        relay.terminate()
        self.assertEqual(relay.wait(DEADLINE_S), 0)
        self.run_aep("publish", "started", "--agent", "a", "--request", "r", *small,
                     "--set", f"spool.dir={folders[1]}")
        self.assertEqual(sizes(folders[0]), sizes(folders[1]))

    def test_run_refuses_a_bad_setting(self):
        self.assertIn("nonsense", self.run_aep("relay", "run", "--set", "mode=nonsense",
                                               status=2).stderr)

    def test_a_publisher_starts_a_relay(self):
        self.run_aep("publish", "started", "--agent", "a", "--request", "r", "--wait")
        self.run_aep("relay", "start")
        self.assertTrue(self.status()["relay_alive"])

    def test_stop_ends_a_relay_that_has_just_been_started(self):
        for turn in range(20):
            folder = os.path.join(self.folder, f"spool{turn}")
            env = {**DEAD_BROKER, "AEP_SPOOL_DIR": folder}
            self.addCleanup(self.run_aep, "relay", "stop", env=env, status=None)
            self.run_aep("publish", "started", "--agent", "a", "--request", "r", env=env)
            done = self.run_aep("relay", "stop", env=env)
            self.assertNotIn("no relay runs", done.stderr)
            status = json.loads(self.run_aep("status", "--json", env=env).stdout)
            self.assertFalse(status["spools"][0]["relay_alive"])
            shutil.rmtree(folder)  # each has its ballast

    def test_one_that_is_stopped_is_named_with_the_remedy(self):
        """By each command that asks it, instead of waiting for an answer that cannot come."""
        self.run_aep("publish", "started", "--agent", "a", "--request", "r")
        self.run_aep("relay", "start")
        self.wait_until(lambda: self.status()["relay_pid"], "its status")
        pid = self.status()["relay_pid"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        for words in (["relay", "stop"], ["relay", "start"], ["spool", "purge", "--yes"],
                      ["spool", "remove", "--force"], ["dead", "replay"]):
            with self.subTest(words):
                self.assertIn(f"process {pid}, is stopped: kill -CONT {pid}",
                              self.run_aep(*words, status=1).stderr)

    def test_a_dead_letter_that_is_not_there_is_said(self):
        self.run_aep("publish", "started", "--agent", "a", "--request", "r")
        for action in ("show", "replay", "drop"):
            done = self.run_aep("dead", action, "7", status=1)
            self.assertIn(f"dead {action}: no dead letter with the ordinal 7", done.stderr)
            self.assertEqual(done.stdout, "")

    def test_a_relay_that_cannot_send_still_hears_the_bell(self):
        """The relay syncs published records even if it can send none of them now."""
        env = {**DEAD_BROKER}
        self.addCleanup(self.run_aep, "relay", "stop", env=env, status=None)
        line = json.dumps({"event_type": "a.b.c.v1", "payload": {}}) + "\n"
        self.run_aep("publish", "--stdin", stdin=line * 5000, env=env)
        [spool] = [s["spool"] for s in json.loads(
            self.run_aep("status", "--json", env=env).stdout)["spools"] if s["mode"] == "kafka"]
        bell = os.open(os.path.join(spool, "bell"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, bell)
        for _ in range(3):
            self.run_aep("publish", "--stdin", stdin=line * 20, env=env)
            self.wait_until(lambda: self.unheard(bell) == 0, "the bell is heard")

    def unheard(self, bell):
        count = array.array("i", [0])
        fcntl.ioctl(bell, termios.FIONREAD, count)
        return count[0]

    def test_purge_in_local_mode_takes_the_events_from_the_disk(self):
        env = {"AEP_MODE": "local"}
        for number in range(3):
            self.run_aep("publish", "progress", "--agent", "a", "--correlation-id", "c",
                         "--current-step", f"private {number}", env=env)
        self.assertIn("3 ", self.run_aep("spool", "purge", "--yes", env=env).stdout)
        self.run_aep("publish", "progress", "--agent", "a", "--correlation-id", "c",
                     "--current-step", "later", env=env)
        shown = self.run_aep("tail", "--json", env=env).stdout
        self.assertNotIn("private", shown)
        self.assertIn("later", shown)
        self.wait_until(lambda: not any(b"private" in path.read_bytes()
                                        for path in pathlib.Path(self.spool).glob("*.seg")),
                        "what was purged has left the disk")

    def test_purge_drops_and_counts(self):
        env = {**DEAD_BROKER}
        self.addCleanup(self.run_aep, "relay", "stop", env=env, status=None)
        for _ in range(3):
            self.run_aep("publish", "started", "--agent", "a", "--request", "r", env=env)
        out = self.run_aep("spool", "purge", "--yes", env=env).stdout
        self.assertEqual(out, "3 events dropped unsent\n")
        [spool] = [s for s in json.loads(self.run_aep("status", "--json", env=env).stdout)["spools"]
                   if s["mode"] == "kafka"]
        self.assertEqual(spool["backlog_events"], 0)
        self.assertEqual(spool["counters"]["purged"], 3)
