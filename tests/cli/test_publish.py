# SPDX-License-Identifier: Apache-2.0
"""aep publish: one event."""
import json
import os
import signal

from harness import AepTest
from test_topics import free_port

REQUIRED = {
    "started": ["--agent", "a", "--request", "r"],
    "progress": ["--agent", "a", "--correlation-id", "c"],
    "completed": ["--agent", "a", "--correlation-id", "c"],
    "failed": ["--agent", "a", "--correlation-id", "c", "--error-message", "m"],
}

MARK = b"\xef\xbb\xbf"  # U+FEFF in UTF-8
FIELD_BYTES = 256 << 10  # limits.field_bytes


class Publish(AepTest):
    def test_started_prints_the_correlation_id_alone(self):
        out = self.run_aep("publish", "started", "--agent", "a", "--request", "r").stdout
        [event] = self.events()
        self.assertEqual(out, event["correlation_id"] + "\n")
        self.assertEqual(event["payload"]["user_request"], "r")

    def test_every_kind(self):
        for kind, args in REQUIRED.items():
            self.run_aep("publish", kind, *args)
            self.assertEqual(len(self.events(kind)), 1)

    def test_options_before_the_kind(self):
        self.run_aep("publish", "--agent", "a", "started", "--request", "r")
        self.assertEqual(len(self.events("started")), 1)

    def test_every_member_has_an_option(self):
        for kind, required in REQUIRED.items():
            schema = json.loads(self.run_aep("schema", kind).stdout)
            members = schema["properties"]["payload"]["properties"]
            help_text = self.run_aep("publish", "--help").stdout
            for member in members:
                self.assertIn("--" + member.replace("_", "-"), help_text)

    def test_numbers_and_json_are_what_they_are(self):
        self.run_aep("publish", "completed", *REQUIRED["completed"], "--duration-ms", "0",
                     "--quality-score", "0.25", "--artifacts", '["x",1.50]', "--metrics", '{"n":1}')
        [payload] = self.payloads("completed")
        self.assertEqual(payload["duration_ms"], 0)
        self.assertEqual(payload["quality_score"], 0.25)
        self.assertEqual(payload["artifacts"], ["x", 1.5])
        self.assertEqual(payload["metrics"], {"n": 1})

    def test_a_flag_is_true(self):
        self.run_aep("publish", "failed", *REQUIRED["failed"], "--inferred")
        self.assertIs(self.payloads("failed")[0]["inferred"], True)

    def test_json_from_a_file_and_from_stdin(self):
        path = os.path.join(self.folder, "context.json")
        with open(path, "w") as file:
            file.write('{"from":"file"}\n')
        self.run_aep("publish", "started", *REQUIRED["started"], "--context", "@" + path)
        self.run_aep("publish", "started", *REQUIRED["started"], "--context", "-",
                     stdin='{"from":"stdin"}')
        self.assertEqual([p["context"] for p in self.payloads()],
                         [{"from": "file"}, {"from": "stdin"}])

    def test_a_byte_order_mark_is_skipped(self):
        path = os.path.join(self.folder, "context.json")
        with open(path, "wb") as file:
            file.write(MARK + b'{"from":"file"}')
        self.run_aep("publish", "started", *REQUIRED["started"], "--context", "@" + path)
        self.run_aep("run", "--agent", "a", "--context", "@" + path, "true")
        self.run_aep("publish", "--type", "a.b.c.v1", "--payload", "-",
                     stdin=MARK.decode() + '{"from":"stdin"}')
        contexts = [p.get("context", p) for p in self.payloads() if "metrics" not in p]
        self.assertEqual([c["from"] for c in contexts], ["file", "file", "stdin"])
        event = self.run_aep("publish", "started", *REQUIRED["started"], "-n").stdout
        for verb in (["validate"], ["validate", "--lines"], ["policy", "--key-of", "-"]):
            self.run_aep(*verb, stdin=MARK.decode() + event)

    def test_utf_16_is_said(self):
        path = os.path.join(self.folder, "context.json")
        for codec in ("utf-16-le", "utf-16-be"):
            with open(path, "wb") as file:
                file.write("\ufeff{}".encode(codec))
            for args in (["publish", "started", *REQUIRED["started"], "--context", "@" + path],
                         ["validate", path]):
                done = self.run_aep(*args, status=2)
                self.assertIn(f"{path} is UTF-16; save it as UTF-8", done.stderr)

    def assert_cut(self, text, whole):
        """The text, truncated as documented: whole characters, then a mark with the number of bytes
        removed."""
        kept, mark = text.rsplit("…", 1)
        self.assertTrue(whole.startswith(kept))
        gone = len(whole.encode()) - len(kept.encode())
        self.assertEqual(mark, f"[+{gone} bytes]")
        self.assertLessEqual(len(text.encode()), FIELD_BYTES)
        self.assertGreater(len(text.encode()), FIELD_BYTES - 64)

    def truncated(self):
        status = json.loads(self.run_aep("status", "--json", "--spool", self.spool).stdout)
        return status["spools"][0]["counters"]["truncated"]

    def test_texts_of_5_mb_are_cut_and_counted(self):
        """As a member, and as a text within JSON; from a file and from stdin."""
        for whole in ("x" * 5_000_000, "x" + "ü" * 2_500_000, "ab" + "🚀" * 1_250_000):
            line = json.dumps({"kind": "started", "agent_name": "a", "user_request": whole},
                              ensure_ascii=False)
            self.run_aep("publish", "--stdin", stdin=line + "\n")
            self.assert_cut(self.payloads()[-1]["user_request"], whole)
        self.assertEqual(self.truncated(), 3)
        whole = "ü" * 2_500_000
        path = os.path.join(self.folder, "context.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"log": [whole], "after": 1}, file)  # as \u00fc
        with open(path, encoding="utf-8") as file:
            for context, stdin in (("@" + path, None), ("-", file.read())):
                self.run_aep("publish", "started", *REQUIRED["started"], "--context", context,
                             stdin=stdin)
        for payload in self.payloads()[3:]:
            self.assert_cut(payload["context"]["log"][0], whole)
            self.assertEqual(payload["context"]["after"], 1)
        self.assertEqual(self.truncated(), 5)

    def test_a_message_that_is_too_large_is_refused_with_its_member(self):
        parts = json.dumps({f"part{i}": "x" * 250_000 for i in range(5)})
        line = json.dumps({"kind": "completed", "agent_name": "a", "correlation_id": "c",
                           "result_summary": "r" * 250_000, "output_summary": "o" * 5_000_000})
        for args, stdin, words in (
            (["started", *REQUIRED["started"], "--context", "-"], parts,
             ("context", "limits.message_bytes (1000000)")),
            (["--stdin", "--set", "limits.message_bytes=300000"], line + "\n",
             ("line 1", "shorten output_summary", "limits.message_bytes (300000)")),
        ):
            done = self.run_aep("publish", *args, stdin=stdin, status=2)
            self.assertLess(len(done.stderr), 500)
            for word in words:
                self.assertIn(word, done.stderr)
        self.assertEqual(self.records(), [])

    def test_a_file_that_cannot_be_read_is_wrong_usage_and_the_forms_are_said(self):
        for value, words in (("@", 'no file name after "@"'),
                             ("@/nowhere", "cannot read /nowhere: No such file or directory"),
                             ("@.", "cannot read .: Is a directory")):
            for args in (["started", *REQUIRED["started"], "--context", value],
                         ["--type", "a.b.c.v1", "--payload", value]):
                done = self.run_aep("publish", *args, status=2)
                self.assertIn(f"{args[-2][2:]}: {words}: give the JSON itself, @FILE", done.stderr)
            done = self.run_aep("run", "--agent", "a", "--context", value, "true")
            self.assertIn(f"run: not tracked: context: {words}", done.stderr)
        self.assertEqual(self.records(), [])

    def test_a_trace_context_that_is_not_valid_is_said_and_costs_no_event(self):
        good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        for options, said in ((["--traceparent", good, "--tracestate", "a=b"], ""),
                              (["--traceparent", "junk"], '--traceparent "junk" is not a W3C'),
                              (["--traceparent", ""], '--traceparent "" is not a W3C'),
                              (["--traceparent", good, "--tracestate", "="], '--tracestate "="')):
            for verb in (["publish", "started", *REQUIRED["started"], *options],
                         ["publish", "started", *REQUIRED["started"], *options, "-n"],
                         ["run", "--agent", "a", *options, "true"]):
                done = self.run_aep(*verb)
                self.assertIn(said, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1 if said else 0)
        self.assertEqual(len(self.events("started")), 8)

    def test_a_trace_context_of_the_environment_is_replaced_in_silence(self):
        done = self.run_aep("publish", "started", *REQUIRED["started"],
                            env={"TRACEPARENT": "junk", "TRACESTATE": "="})
        self.assertEqual(done.stderr, "")

    def test_the_receipt_as_json(self):
        out = self.run_aep("publish", "started", *REQUIRED["started"], "--json").stdout
        receipt = json.loads(out)
        [event] = self.events()
        self.assertEqual(receipt["event_id"], event["event_id"])
        self.assertEqual(receipt["correlation_id"], event["correlation_id"])
        self.assertEqual(receipt["state"], "spooled")
        self.assertGreater(receipt["offset"], 0)

    def test_in_local_mode_an_event_is_spooled_and_nobody_acknowledges_it(self):
        out = self.run_aep("publish", "started", *REQUIRED["started"], "--json", "--wait").stdout
        self.assertEqual(json.loads(out)["state"], "spooled")
        self.assertEqual([r["state"] for r in self.records()], ["spooled"])
        shown = [self.run_aep(*verb).stdout for verb in
                 (["status"], ["spool", "list"], ["tail"], ["doctor", "--no-probe"])]
        for text in shown:
            self.assertNotRegex(text, r"\b(acked|acknowledged|waiting|sent)\b")
        self.assertIn("  kept      1 event, ", shown[0])
        self.assertIn(" KiB kept\n", shown[1])

    def test_an_invalid_event_names_its_member(self):
        for args, member in (
            (["started", "--agent", "a"], "user_request"),
            (["started", "--agent", " ", "--request", "r"], "agent_name"),
            (["progress", "--agent", "a"], "correlation_id"),
            (["progress", *REQUIRED["progress"], "--progress-percent", "101"], "progress_percent"),
            (["progress", *REQUIRED["progress"], "--progress-percent", "x"], "progress_percent"),
            (["progress", *REQUIRED["progress"], "--progress-percent", "nan"], "progress_percent"),
            (["progress", *REQUIRED["progress"], "--metadata", "{"], "metadata"),
            (["completed", *REQUIRED["completed"], "--artifacts", "{}"], "artifacts"),
        ):
            self.assertIn(member, self.run_aep("publish", *args, status=2).stderr)

    def test_a_member_of_another_kind_is_refused(self):
        done = self.run_aep("publish", "progress", *REQUIRED["progress"], "--request", "r", status=2)
        self.assertIn("progress takes no --request: it is an option of started", done.stderr)

    def test_an_option_that_does_not_go_with_the_form_is_refused(self):
        other = {"--topic": "t", "--payload": "{}", "--schema-ref": "registry://a/b/c/v1"}
        for kind, args in REQUIRED.items():
            for option, value in other.items():
                done = self.run_aep("publish", kind, *args, option, value, status=2)
                self.assertIn(f"{kind} takes no {option}: it is an option of any other type",
                              done.stderr)
        for options in (*(list(pair) for pair in other.items()), ["--type", "a.b.c.v1"],
                        ["--agent", "a"], ["--correlation-id", "c"], ["--causation-id", "c"],
                        ["--traceparent", "t"], ["--tracestate", "a=b"], ["--inferred"]):
            done = self.run_aep("publish", "--stdin", *options, status=2, stdin="")
            self.assertIn(f"publish: --stdin takes no {options[0]}:", done.stderr)
        for value in ("--agent", "--session-id", "--context"):
            done = self.run_aep("publish", "--type", "a.b.c.v1", "--payload", "{}", value, "{}",
                                status=2)
            self.assertIn(f"--type takes no {value}:", done.stderr)
        self.assertFalse(os.path.exists(self.spool))

    def test_a_kind_is_wanted(self):
        self.assertIn("give a kind", self.run_aep("publish", status=2).stderr)
        self.assertIn("did you mean started?", self.run_aep("publish", "startd", status=2).stderr)

    def test_any_other_type(self):
        self.run_aep("publish", "--type", "acme.quality.gate.passed.v1", "--payload",
                     '{"gate":"lint"}', "--topic", "gates", "--correlation-id", "c")
        [record] = self.records()
        self.assertEqual(record["topic"], "gates")
        self.assertEqual(record["event"]["event_type"], "acme.quality.gate.passed.v1")
        self.assertEqual(record["event"]["payload"], {"gate": "lint"})

    def test_any_other_type_wants_a_payload(self):
        self.assertIn("payload", self.run_aep("publish", "--type", "a.b.c.v1", status=2).stderr)

    def test_any_other_type_has_no_members_of_the_kinds(self):
        done = self.run_aep("publish", "--type", "a.b.c.v1", "--payload", "{}", "--agent", "a",
                            status=2)
        self.assertIn("--type takes no --agent:", done.stderr)

    def test_dry_run_prints_a_valid_envelope_and_publishes_nothing(self):
        for kind, args in REQUIRED.items():
            out = self.run_aep("publish", kind, *args, "--dry-run").stdout
            self.assertEqual(json.loads(out)["payload"]["agent_name"], "a")
            self.run_aep("validate", stdin=out)
        self.assertFalse(os.path.exists(self.spool))

    def test_dry_run_needs_no_broker(self):
        out = self.run_aep("publish", "started", *REQUIRED["started"], "-n", env={"AEP_MODE": ""})
        self.assertTrue(out.stdout.startswith('{"event_type":'))

    def test_dry_run_redacts(self):
        out = self.run_aep("publish", "started", "--agent", "a", "--request",
                           "use password=hunter22222 please", "-n").stdout
        self.assertNotIn("hunter22222", out)

    def test_ids_from_the_environment(self):
        env = {"AEP_CORRELATION_ID": "corr", "AEP_CAUSATION_ID": "cause",
               "AEP_SESSION_ID": "sess", "AEP_AGENT_NAME": "outer"}
        self.run_aep("publish", "progress", env=env)
        self.run_aep("publish", "completed", "--correlation-id", "mine", env=env)
        progress, completed = self.events()
        self.assertEqual(progress["correlation_id"], "corr")
        self.assertEqual(progress["causation_id"], "cause")
        self.assertEqual(progress["payload"]["agent_name"], "outer")
        self.assertEqual(completed["correlation_id"], "mine")
        self.assertEqual(completed["payload"]["session_id"], "sess")

    def test_started_takes_no_agent_from_the_environment(self):
        self.run_aep("publish", "started", "--request", "r", env={"AEP_AGENT_NAME": "outer"},
                     status=2)

    def test_disabled_events_are_a_silent_success(self):
        out = self.run_aep("publish", "started", *REQUIRED["started"], "--json",
                           "--set", "events.enabled=false")
        self.assertEqual(json.loads(out.stdout)["state"], "disabled")
        self.assertFalse(os.path.exists(self.spool))

    def test_no_broker_configured_is_said(self):
        done = self.run_aep("publish", "started", *REQUIRED["started"], env={"AEP_MODE": ""},
                            status=1)
        self.assertIn("KAFKA_BOOTSTRAP_SERVERS", done.stderr)

    def test_wait_with_a_dead_broker_is_deferred(self):
        env = {"AEP_MODE": "kafka", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
        done = self.run_aep("publish", "started", *REQUIRED["started"], "--wait=50", "--json",
                            env=env, status=3)
        self.assertEqual(json.loads(done.stdout)["state"], "deferred")

    def test_a_person_is_told_once_that_kafka_cannot_be_reached(self):
        """A user on a terminal is told, on stderr, even by the first publish, which starts the
        relay; a script never is. Once for each outage."""
        held, port = free_port()
        server = f"127.0.0.1:{port}"
        env = {"AEP_MODE": "kafka", "AEP_RELAY_MODE": "auto", "KAFKA_BOOTSTRAP_SERVERS": server}
        self.addCleanup(self.run_aep, "relay", "stop", env=env, status=None)
        publish = ["publish", "started", *REQUIRED["started"]]
        with held:
            self.assertEqual(self.run_aep(*publish, env=env).stderr, "")
            spool = json.loads(self.run_aep("status", "--json", env=env).stdout)["spools"][0]["spool"]
            self.wait_until(lambda: self.broker(env) == "unreachable")
            self.assertFalse(os.path.exists(os.path.join(spool, "told")))
            identity, line = self.on_terminal(*publish, env=env).splitlines()
            self.assertEqual(len(identity), 36)
            self.assertEqual(line, f"aep: Kafka at {server} cannot be reached; events wait on disk: "
                                   "run `aep doctor`")
            for verb in (publish, ["run", "--agent", "a", "true"]):
                self.assertNotIn("reached", self.on_terminal(*verb, env=env))
            self.run_aep("relay", "stop", env=env)  # may be another outage
            self.wait_until(lambda: self.run_aep(*publish, env=env)
                            and self.broker(env) == "unreachable")
            self.assertIn(line, self.on_terminal("run", "--agent", "a", "true", env=env))
            self.assertNotIn(line, self.on_terminal(*publish, env=env))

    def test_a_person_is_told_that_the_settings_make_no_client(self):
        env = {"AEP_MODE": "kafka", "AEP_RELAY_MODE": "auto",
               "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "AEP_KAFKA_SECURITY_PROTOCOL": "ssl",
               "AEP_KAFKA_SSL_CA_LOCATION": "/nope/ca.pem"}
        self.addCleanup(self.run_aep, "relay", "stop", env=env, status=None)
        publish = ["publish", "started", *REQUIRED["started"]]
        self.run_aep(*publish, env=env)
        self.wait_until(lambda: self.broker(env) == "misconfigured")
        self.assertIn("aep: Kafka at 127.0.0.1:1 gets nothing: no client can be made of the kafka.* "
                      "settings; events wait on disk: run `aep doctor`\n",
                      self.on_terminal(*publish, env=env))

    def test_a_person_is_told_that_the_relay_is_stopped(self):
        held, port = free_port()
        env = {"AEP_MODE": "kafka", "AEP_RELAY_MODE": "auto",
               "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
        self.addCleanup(self.run_aep, "relay", "stop", env=env, status=None)
        publish = ["publish", "started", *REQUIRED["started"]]
        with held:
            self.run_aep(*publish, env=env)
            self.wait_until(lambda: self.broker(env) == "unreachable")
            pid = json.loads(self.run_aep("status", "--json", env=env).stdout)["spools"][0]["relay_pid"]
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(os.kill, pid, signal.SIGCONT)
            self.wait_until(lambda: "is stopped" in self.run_aep("status", env=env).stdout)
            self.assertIn("gets nothing: the relay is stopped", self.on_terminal(*publish, env=env))

    def test_a_person_is_told_nothing_of_a_relay_that_nobody_starts(self):
        env = {"AEP_MODE": "kafka", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
        for more in ({}, {"AEP_EVENTS_ENABLED": "false", "AEP_RELAY_MODE": "auto"}):
            shown = [self.on_terminal("publish", "started", *REQUIRED["started"], env={**env, **more})
                     for _ in range(3)]
            self.assertEqual([len(text.splitlines()) for text in shown], [1, 1, 1], shown)

    def broker(self, env):
        spool = json.loads(self.run_aep("status", "--json", env=env).stdout)["spools"][0]
        return spool["broker"] if spool["relay_alive"] else None

    def test_the_first_publish_of_all_tells_it_too(self):
        """It waits a moment for the relay that it has started. On a busy machine that may be too
        short, so any of these calls may be the first to report it."""
        held, port = free_port()
        env = {"AEP_MODE": "kafka", "AEP_RELAY_MODE": "auto",
               "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
        self.addCleanup(self.run_aep, "relay", "stop", env=env, status=None)
        with held:
            self.wait_until(lambda: "cannot be reached" in self.on_terminal(
                "publish", "started", *REQUIRED["started"], env=env), "it is reported")

    def test_a_full_spool_is_refused(self):
        limits = ["--set", "spool.segment_bytes=65536", "--set", "spool.max_bytes=262144"]
        line = json.dumps({"kind": "progress", "agent_name": "a", "correlation_id": "c",
                           "current_step": "x" * 4000})
        self.run_aep("publish", "--stdin", *limits, status=4, stdin=(line + "\n") * 200)
        done = self.run_aep("publish", "progress", *REQUIRED["progress"], "--current-step",
                            "x" * 60000, *limits, status=4)
        self.assertIn("spool.max_bytes", done.stderr)
