# SPDX-License-Identifier: Apache-2.0
"""aep validate, policy, schema, config, id."""
import hashlib
import json
import os
import uuid

from harness import AepTest


class Tools(AepTest):
    def envelope(self, **changes):
        out = self.run_aep("publish", "started", "--agent", "a", "--request", "r", "-n").stdout
        event = {**json.loads(out), **changes}
        return json.dumps({k: v for k, v in event.items() if v is not ...})

    # ---- validate

    def test_a_valid_event(self):
        done = self.run_aep("validate", stdin=self.envelope())
        self.assertIn("stdin: valid: 1 event, 0 invalid", done.stdout)

    def test_a_file_by_its_name(self):
        path = os.path.join(self.folder, "event.json")
        with open(path, "w") as file:
            file.write(self.envelope())
        self.assertIn(f"{path}: valid", self.run_aep("validate", path).stdout)
        self.assertIn("nowhere", self.run_aep("validate", "/nowhere", status=1).stderr)

    def test_a_file_name_cannot_drive_a_terminal(self):
        with open(os.path.join(self.folder, "a\x1b[31mb"), "w") as file:
            file.write("{")
        out = self.run_aep("validate", "a\x1b[31mb", status=2).stdout
        self.assertEqual([line.split(":")[0] for line in out.splitlines()], ["a [31mb"] * 2)

    def test_a_finding_has_severity_code_pointer(self):
        text = self.envelope(event_id="x", source=...)
        out = self.run_aep("validate", stdin=text, status=2).stdout
        self.assertIn("stdin: error: uuid: /event_id: ", out)
        self.assertIn("error: missing: ", out)
        found = json.loads(self.run_aep("validate", "--json", stdin=text, status=2).stdout)
        self.assertFalse(found["valid"])
        self.assertEqual(found["errors"], len(found["findings"]))
        self.assertIn({"code": "uuid", "severity": "error", "pointer": "/event_id",
                       "field": "event_id"},
                      [{k: f[k] for k in ("code", "severity", "pointer", "field")}
                       for f in found["findings"]])

    def test_warnings_are_errors_when_strict(self):
        text = self.envelope(causation_id=...)
        self.assertIn("1 warning", self.run_aep("validate", stdin=text).stdout)
        self.run_aep("validate", "--strict", stdin=text, status=2)

    def test_lines_are_named_by_their_number(self):
        text = self.envelope() + "\n\n{\n" + self.envelope(event_id=...) + "\n"
        out = self.run_aep("validate", "--lines", stdin=text, status=2).stdout
        self.assertIn("stdin: line 3: error: json", out)
        self.assertIn("stdin: line 4: error: missing", out)
        self.assertIn("3 events, 2 invalid", out)

    def test_elements_of_an_array(self):
        good, bad = self.envelope(), self.envelope(event_id=...)
        out = self.run_aep("validate", "--array", stdin=f"[{good}, {bad},\n{good}]", status=2).stdout
        self.assertIn("event 1: error: missing", out)
        self.assertIn("3 events, 1 invalid", out)
        self.run_aep("validate", "--array", stdin=" [ ] ")
        odd = self.envelope(namespace='a"],\\"[{')
        self.run_aep("validate", "--array", stdin=f"[{odd},{odd}]")
        self.run_aep("validate", "--array", stdin=f"[{good}]\n")

    def test_forms_that_exclude_each_other_are_refused(self):
        for words in (["validate", "--array", "--lines"], ["schema", "started", "--list"],
                      ["policy", "agent.execution", "--list"], ["policy", "--list", "--key-of", "-"],
                      ["policy", "agent.execution", "--key-of", "-"],
                      ["policy", "--key-of", "-", "--json"]):
            done = self.run_aep(*words, status=2, stdin="{}")
            self.assertEqual(done.stdout, "", words)
            self.assertEqual(len(done.stderr.splitlines()), 1, words)

    def test_what_is_no_array_is_said(self):
        good = self.envelope()
        for text in (good, "", "[", f"[{good}", f"[{good}] x", f"[{good},]", f"[{good} {good}]"):
            self.run_aep("validate", "--array", stdin=text, status=2)

    def test_an_empty_input_is_invalid(self):
        self.run_aep("validate", stdin="", status=2)

    def test_no_events_at_all_are_valid_lines(self):
        self.assertIn("0 events", self.run_aep("validate", "--lines", stdin="").stdout)

    # ---- policy

    def test_a_name_of_a_family(self):
        out = self.run_aep("policy", "dev.omninode.agent.execution.started.v1").stdout
        self.assertIn("agent.execution", out)
        out = json.loads(self.run_aep("policy", "agent.execution", "--json").stdout)
        self.assertEqual((out["family"], out["partition_key"], out["cardinality"]),
                         ("agent.execution", "correlation_id", "medium"))

    def test_a_name_of_none(self):
        self.assertIn("no family", self.run_aep("policy", "transaction-events", status=1).stderr)

    def test_seven_families(self):
        self.assertEqual(len(self.run_aep("policy", "--list").stdout.splitlines()), 7)

    def test_the_key_of_an_event(self):
        text = self.envelope(correlation_id="corr")
        self.assertEqual(self.run_aep("policy", "--key-of", "-", stdin=text).stdout, "corr\n")
        self.run_aep("policy", "--key-of", "-", stdin="{}", status=1)
        self.run_aep("policy", "--key-of", "-", stdin="{", status=2)

    def test_policy_of_nothing(self):
        self.run_aep("policy", status=2)

    # ---- schema

    def test_schemas_and_their_hashes(self):
        lines = self.run_aep("schema", "--list").stdout.splitlines()
        self.assertEqual(len(lines), 4)
        for line in lines:
            kind, digest, _ = line.split()
            text = self.run_aep("schema", kind).stdout
            self.assertEqual(json.loads(text)["$schema"],
                             "https://json-schema.org/draft/2020-12/schema")
            self.assertIn(digest, (hashlib.sha256(text.encode()).hexdigest(),
                                   hashlib.sha256(text.rstrip("\n").encode()).hexdigest()))

    def test_a_schema_by_its_event_type(self):
        self.assertEqual(self.run_aep("schema", "omninode.agent.execution.failed.v1").stdout,
                         self.run_aep("schema", "failed").stdout)

    def test_an_unknown_kind(self):
        self.assertIn("did you mean failed?", self.run_aep("schema", "faild", status=2).stderr)

    # ---- id

    def test_ids_are_version_7_and_ascending(self):
        ids = self.run_aep("id", "--count", "1000").stdout.split()
        self.assertEqual(len(set(ids)), 1000)
        self.assertEqual(ids, sorted(ids))
        self.assertTrue(all(uuid.UUID(i).version == 7 for i in ids))

    # ---- config

    def test_explain_tells_where_a_value_came_from(self):
        out = self.run_aep("config", "explain", "--set", "tenant.id=acme",
                           env={"AEP_SOURCE": "mine"}).stdout
        self.assertRegex(out, r"(?m)^tenant.id .*acme")
        self.assertRegex(out, r"(?m)^source .*mine.*AEP_SOURCE")

    def test_explain_masks_secrets(self):
        out = self.run_aep("config", "explain", "--set", "kafka.sasl.password=hunter2",
                           "--set", "mode=local").stdout
        self.assertNotIn("hunter2", out)

    def test_explain_as_json(self):
        json.loads(self.run_aep("config", "explain", "--json").stdout)

    def test_explain_shows_a_configuration_that_would_be_refused(self):
        done = self.run_aep("config", "explain", env={"AEP_MODE": ""}, status=1)
        self.assertIn("mode", done.stdout)
        self.assertIn("KAFKA_BOOTSTRAP_SERVERS", done.stderr)

    def test_the_reference_is_there(self):
        self.assertIn("reference", self.run_aep("config", "--help").stdout)
        self.assertIn("spool.dir", self.run_aep("config", "reference").stdout)
