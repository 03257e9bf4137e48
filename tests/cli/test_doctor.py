# SPDX-License-Identifier: Apache-2.0
"""aep doctor without Kafka: local mode, unreachable servers, faults of this machine. With a broker:
tests/broker."""
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time

from harness import PROGRAM, AepTest
from test_topics import free_port

KAFKA_STEPS = ("server", "connection", "brokers", "topics")


class Doctor(AepTest):
    def doctor(self, *args, status=0, **env):
        """The findings: a list of objects, and the worst verdict of each step."""
        done = self.run_aep("doctor", "--json", *args, status=status, env=env)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["failed"] > 0, status == 1)
        for finding in answer["findings"]:
            if finding["verdict"] in ("failed", "warning") and finding["step"] != "configuration":
                self.assertTrue(finding.get("remedy"), f"no remedy: {finding}")
        return answer["findings"]

    def of(self, findings, step):
        return [finding for finding in findings if finding["step"] == step]

    def verdicts(self, findings, step):
        return [finding["verdict"] for finding in self.of(findings, step)]

    def at(self, servers):
        return {"AEP_MODE": "kafka", "KAFKA_BOOTSTRAP_SERVERS": servers}

    # ---- local mode ----

    def test_in_local_mode_all_is_well_without_kafka(self):
        findings = self.doctor(AEP_RELAY_MODE="auto")
        for step in KAFKA_STEPS:
            self.assertEqual(self.verdicts(findings, step), ["skipped"])
        for step in ("configuration", "spool", "clock", "relay", "backlog", "probe"):
            self.assertEqual(set(self.verdicts(findings, step)), {"ok"}, step)
        self.addCleanup(self.run_aep, "relay", "stop", status=None)

    def test_in_local_mode_no_relay_is_needed_yet(self):
        [relay] = self.of(self.doctor("--no-probe", AEP_RELAY_MODE="auto"), "relay")
        self.assertIn("none is needed before", relay["text"])

    def test_a_relay_that_is_stopped_is_a_warning(self):
        self.env["AEP_RELAY_MODE"] = "auto"
        self.addCleanup(self.run_aep, "relay", "stop", status=None)
        self.run_aep("relay", "start")
        self.wait_until(self.relay_pid, "its status")
        pid = self.relay_pid()
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        self.wait_until(lambda: "is stopped" in self.run_aep("status").stdout, "it stops")
        [relay] = [f for f in self.of(self.doctor("--no-probe"), "relay") if "stopped" in f["text"]]
        self.assertEqual(relay["verdict"], "warning")
        self.assertIn(f"process {pid}, is stopped", relay["text"])
        self.assertIn(f"kill -CONT {pid}", relay["remedy"])

    def relay_pid(self):
        return json.loads(self.run_aep("status", "--json").stdout)["spools"][0]["relay_pid"]

    def test_the_probe_is_an_execution_that_ends(self):
        self.doctor()
        self.assertEqual([e["event_type"].split(".")[-2] for e in self.events()],
                         ["started", "completed"])
        for payload in self.payloads():
            self.assertEqual(payload["agent_name"], "aep-doctor")

    def test_without_the_probe_nothing_is_published(self):
        findings = self.doctor("--no-probe")
        self.assertEqual(self.verdicts(findings, "probe"), ["skipped"])
        self.assertEqual(self.events(), [])

    def test_events_waiting_are_counted(self):
        self.run_aep("publish", "started", "--agent", "a", "--request", "r")
        findings = self.doctor("--no-probe")
        self.assertIn("1 event kept", self.of(findings, "backlog")[0]["text"])

    def test_refused_events_are_a_warning(self):
        self.run_aep("publish", "started", "--agent", " ", "--request", "r", status=2)
        findings = self.doctor("--no-probe")
        [warning] = [f for f in self.of(findings, "backlog") if f["verdict"] == "warning"]
        self.assertEqual(warning["text"], "1 event refused as invalid, so far")

    def test_lost_events_are_a_warning_that_says_where_to_look(self):
        def publish(count):
            line = json.dumps({"kind": "started", "agent_name": "a", "user_request": "x" * 3000})
            self.run_aep("publish", "--stdin", stdin=f"{line}\n" * count,
                         env={"AEP_SPOOL_SEGMENT_BYTES": "65536"})

        publish(60)
        os.unlink(os.path.join(self.spool, f"{2:016x}.seg"))
        publish(1)  # finds the gap
        [warning] = [f for f in self.of(self.doctor("--no-probe"), "backlog")
                     if f["verdict"] == "warning"]
        self.assertEqual(warning["text"], "1 event or more lost: files of the spool were removed or "
                         "damaged before they were read, so far")
        self.assertIn("relay.log", warning["remedy"])

    def test_of_what_was_refused_once_it_warns_once(self):
        def warnings():
            return [f["text"] for f in self.of(self.doctor("--no-probe"), "backlog")
                    if f["verdict"] == "warning"]

        def typo():
            self.run_aep("publish", "started", "--agent", " ", "--request", "r", status=2)

        typo()
        self.assertEqual(warnings(), ["1 event refused as invalid, so far"])
        self.assertEqual(warnings(), [])
        typo(), typo()
        self.assertEqual(warnings(), ["2 events refused as invalid since `aep doctor` last looked"])
        self.assertEqual(warnings(), [])
        self.assertRegex(self.run_aep("status").stdout, r"\n +3  refused: invalid\n")
        with open(os.path.join(self.spool, "told"), "w") as file:  # damaged: it is reported again
            file.write("\0nonsense " * 1000)
        self.assertEqual(warnings(), ["3 events refused as invalid, so far"])
        self.assertEqual(warnings(), [])
        self.assertEqual([n for n in os.listdir(self.spool) if n.startswith("tmp.")], [])

    # ---- the tracker ----

    def tracker(self, status=0, **env):
        """The findings about it."""
        return self.of(self.doctor("--no-probe", status=status, **env), "tracker")

    def list(self):
        """Starts a tracker, which has stored everything then; returns its process id."""
        self.addCleanup(self.run_aep, "tracker", "stop", status=None)
        self.run_aep("list", "--wait=50s")
        return json.loads(self.run_aep("tracker", "status", "--json").stdout)["pid"]

    def test_no_tracker_is_needed(self):
        store, process = self.tracker()
        self.assertEqual((store["verdict"], process["verdict"]), ("ok", "ok"))
        self.assertIn("no store yet: `aep list` makes " + self.store, store["text"])
        self.assertIn("none runs", process["text"])

    @property
    def store(self):
        return os.path.join(self.folder, "state", "aep", "tracker.db")

    def test_a_tracker_that_answers_is_well(self):
        pid = self.list()
        store, process = self.tracker()
        self.assertEqual((store["verdict"], process["verdict"]), ("ok", "ok"))
        self.assertEqual(store["text"], f"the store is {self.store}")
        self.assertRegex(process["text"], rf"^process {pid} has stored everything up to \S+( ms)? ago$")

    def test_a_tracker_that_does_not_answer(self):
        pid = self.list()
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        findings = self.doctor("--no-probe", "--timeout", "50", status=1)
        _, process = self.of(findings, "tracker")
        self.assertEqual(process["verdict"], "failed")
        self.assertIn("does not answer", process["text"])
        self.assertIn("kill", process["remedy"])

    def test_a_tracker_that_is_behind_is_a_warning(self):
        """One that has been stopped for a minute, as an impostor in its place says."""
        self.list()
        self.run_aep("tracker", "stop")
        with open(self.store + ".lock", "w") as lock, socket.socket(
                socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            listener.bind(self.store + ".socket")
            listener.listen()

            def answer(line):
                asked, _ = listener.accept()
                with asked:
                    asked.recv(100)
                    asked.send(line.encode())

            for line, verdict, text in (
                    (f"status 42 7 {time.time_ns() // 1000 - 60_000_000} -", "warning",
                     r"^process 42 is 1 min \d+ s behind$"),
                    ("status 42 7 0 -", "unknown", "has not read all"),
                    (f"status 42 7 {time.time_ns() // 1000} the disk is full", "failed", "^the disk is full$")):
                other = threading.Thread(target=answer, args=(line,))
                other.start()
                _, process = self.tracker(status=1 if verdict == "failed" else 0)
                other.join()
                self.assertEqual(process["verdict"], verdict)
                self.assertRegex(process["text"], text)

    def test_a_store_that_is_damaged_or_of_a_newer_aep(self):
        self.list()
        self.run_aep("tracker", "stop")
        with contextlib.closing(sqlite3.connect(self.store)) as store:
            store.execute("PRAGMA user_version = 999")
        [store] = self.tracker(status=1)
        self.assertIn("newer aep", store["text"])
        with open(self.store, "w") as file:
            file.write("this is no database, but long enough to be taken for one" * 100)
        for name in os.listdir(os.path.dirname(self.store)):
            if name.startswith("tracker.db-"):
                os.unlink(os.path.join(os.path.dirname(self.store), name))
        [store] = self.tracker(status=1)
        self.assertEqual(store["verdict"], "failed")
        self.assertIn(self.store, store["text"])

    def test_a_store_that_cannot_be_written_to(self):
        """By its mode, which root heeds once it has no capabilities."""
        self.list()
        self.run_aep("tracker", "stop")
        os.chmod(self.store, 0o400)
        powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
        done = self.run_program(*powerless, PROGRAM, "doctor", "--no-probe", "--json",
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        store = self.of(json.loads(done.stdout)["findings"], "tracker")[0]
        self.assertEqual((store["verdict"], done.returncode), ("failed", 1))
        self.assertEqual(store["text"], f"cannot write to the store {self.store}")

    def test_a_folder_where_no_store_can_be_made(self):
        [store] = self.tracker(status=1, AEP_TRACK_STORE="/proc/tracker.db")
        self.assertEqual(store["verdict"], "failed")
        self.assertIn("cannot write to the folder of /proc/tracker.db", store["text"])

    # ---- servers that are not there ----

    def test_a_closed_port_is_the_servers_failure(self):
        held, port = free_port()
        with held:
            findings = self.doctor(status=1, **self.at(f"127.0.0.1:{port}"))
        server, = self.of(findings, "server")
        self.assertEqual(server["verdict"], "failed")
        self.assertIn(f"127.0.0.1:{port}", server["text"])
        self.assertEqual(server["details"], ["127.0.0.1: Connection refused"])
        self.assertIn("Connection refused", self.of(findings, "connection")[0]["text"])
        for step in ("brokers", "topics", "probe"):
            self.assertEqual(self.verdicts(findings, step), ["skipped"])
        self.assertEqual(self.of(findings, "spool")[0]["verdict"], "ok")

    def test_one_server_of_two_that_is_down_is_a_warning(self):
        held, port = free_port()
        with held, socket.create_server(("127.0.0.1", 0)) as server:
            up = server.getsockname()[1]
            findings = self.doctor("--timeout", "300", status=1,
                                   **self.at(f"127.0.0.1:{up},127.0.0.1:{port}"))
        self.assertEqual(sorted(self.verdicts(findings, "server")), ["ok", "warning"])

    def test_a_name_that_does_not_resolve_is_told_from_a_closed_port(self):
        findings = self.doctor(status=1, **self.at("kafka.invalid:9092"))
        self.assertIn("cannot resolve the name", self.of(findings, "server")[0]["text"])

    def test_a_server_that_never_answers_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            findings = self.doctor("--timeout", "300", status=1,
                                   **self.at(f"127.0.0.1:{server.getsockname()[1]}"))
        self.assertEqual(self.verdicts(findings, "server"), ["ok"])
        self.assertIn("no answer within 300 ms", self.of(findings, "connection")[0]["text"])

    # ---- what is wrong on this machine ----

    def test_without_servers_only_the_configuration_fails(self):
        findings = self.doctor(status=1, AEP_MODE="kafka")
        self.assertIn("KAFKA_BOOTSTRAP_SERVERS", self.of(findings, "configuration")[0]["text"])
        failed = [f["step"] for f in findings if f["verdict"] == "failed"]
        self.assertEqual(failed, ["configuration"])

    def test_a_remedy_works_with_the_configuration_that_is_wrong(self):
        env = {"AEP_MODE": "lcal"}
        done = self.run_aep("doctor", env=env, status=1)
        self.assertIn('"lcal"', done.stdout)
        [words] = re.findall(r"remedy: .*`aep (.*)`", done.stdout)
        self.assertIn("spool.max_bytes", self.run_aep(*words.split(), env=env).stdout)

    def test_it_says_what_is_in_force_and_from_where(self):
        os.makedirs(os.path.join(self.folder, "config", "aep"))
        path = os.path.join(self.folder, "config", "aep", "aep.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("tenant.id = acme\nkafka.sasl.password = hush-hush\n")
        os.chmod(path, 0o600)
        done = self.run_aep("doctor", "--no-probe", "--set", "source=here")
        self.assertRegex(done.stdout, r"tenant\.id = acme \(.*aep\.conf:1\)")
        self.assertIn("source = here (argument)", done.stdout)
        self.assertIn("mode = local (environment AEP_MODE)", done.stdout)
        self.assertNotIn("hush-hush", done.stdout + done.stderr)

    def test_a_mistyped_variable_is_a_warning(self):
        findings = self.doctor("--no-probe", AEP_SPOL_DIR="/x")
        warning, = [f for f in self.of(findings, "configuration") if f["verdict"] == "warning"]
        self.assertIn("AEP_SPOOL_DIR", warning["text"])

    def test_a_spool_folder_open_to_others_fails(self):
        os.makedirs(self.spool)
        os.chmod(self.spool, 0o755)
        findings = self.doctor(status=1)
        self.assertIn("open to other users", self.of(findings, "spool")[0]["text"])
        for step in ("relay", "backlog", "probe"):
            self.assertEqual(self.verdicts(findings, step), ["skipped"])

    def test_disabled_events_are_a_warning(self):
        findings = self.doctor(AEP_EVENTS_ENABLED="false")
        self.assertIn("warning", self.verdicts(findings, "configuration"))
        self.assertEqual(self.verdicts(findings, "probe"), ["skipped"])

    def test_a_relay_program_that_cannot_run_fails(self):
        path = os.path.join(self.folder, "relay")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/no/such/interpreter\n")
        os.chmod(path, 0o700)
        findings = self.doctor("--no-probe", status=1, AEP_RELAY_MODE="auto", AEP_RELAY_PATH=path)
        self.assertEqual(self.verdicts(findings, "relay program"), ["failed"])
        findings = self.doctor("--no-probe", status=1, AEP_RELAY_MODE="auto",
                               AEP_RELAY_PATH="/no/such/relay")
        self.assertEqual(self.verdicts(findings, "relay program"), ["failed"])

    def test_an_external_relay_that_is_not_there_fails(self):
        findings = self.doctor("--no-probe", status=1, AEP_RELAY_MODE="external")
        self.assertEqual(self.verdicts(findings, "relay"), ["failed"])

    # ---- what it looks like ----

    def test_wrong_usage(self):
        for words in (("--no-such",), ("x",), ("--timeout", "0"), ("--timeout", "soon"),
                      ("--set", "no.such.option=1")):
            self.assertEqual(self.run_aep("doctor", *words, status=2).stdout, "")

    def test_marks_where_the_locale_has_them_else_words(self):
        plain = self.run_aep("doctor", "--no-probe", env={"LC_ALL": "C"}).stdout
        self.assertRegex(plain, r"(?m)^ok   clock ")
        self.assertRegex(plain, r"(?m)^skip topics ")
        marks = self.run_aep("doctor", "--no-probe", env={"LC_ALL": "C.UTF-8"}).stdout
        self.assertRegex(marks, r"(?m)^✓ clock ")
        self.assertNotIn("\033", plain + marks)

    def test_colour_only_on_a_terminal_that_wants_it(self):
        self.assertIn("\033[32m", self.on_terminal("doctor", "--no-probe"))
        self.assertNotIn("\033", self.on_terminal("doctor", "--no-probe", env={"NO_COLOR": "1"}))

    def test_on_a_terminal_its_lines_are_broken_and_aligned(self):
        env = {**self.at("127.0.0.1:1"), "AEP_SPOOL_DIR": os.path.join(self.folder, "s"),
               "NO_COLOR": "1"}
        for columns in (80, 120):
            out = self.on_terminal("doctor", "--no-probe", columns=columns, status=1, env=env)
            lines = out.splitlines()[:-2]
            for line in lines:
                self.assertTrue(len(line) <= columns or " " not in line[17:].removeprefix(
                    "remedy: "), line)
                self.assertRegex(line, r"^([✓–?!✗] .{13} | {16})\S|^ {24}\S")
            plain = self.run_aep("doctor", "--no-probe", status=1,
                                 env={**env, "LC_ALL": "C.UTF-8"}).stdout
            self.assertEqual(len([x for x in lines if x[0] != " "]),
                             len([x for x in plain.splitlines()[:-2] if x[0] != " "]))
            self.assertGreater(len(lines), len(plain.splitlines()) - 2)

    def test_columns_are_aligned(self):
        out = self.run_aep("doctor", "--no-probe", env={"LC_ALL": "C"}).stdout
        for line in out.splitlines()[:-2]:
            self.assertRegex(line, r"^((ok  |warn|skip|FAIL) .{13} | {19})\S")
