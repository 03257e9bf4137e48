# SPDX-License-Identifier: Apache-2.0
# ctest: deliver BROKERS plain
"""The messages on the topic follow docs/WIRE.md, to the byte."""
import datetime
import hashlib
import json
import re
import unittest
import uuid

from harness import KINDS, TOPICS, Case, murmur2, numbered_lines, plain_kafka, unique, unique_type

ENVELOPE = ["event_type", "event_id", "timestamp", "tenant_id", "namespace", "source",
            "correlation_id", "causation_id", "schema_ref", "payload"]
UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
ALL_HEADERS = {"traceparent", "x-traceparent", "x-correlation-id", "x-causation-id", "x-tenant",
               "x-schema-hash", "x-aep-seq", "content-type", "ce_specversion", "ce_id", "ce_type",
               "ce_source", "ce_time", "ce_subject", "ce_correlationid", "ce_causationid",
               "ce_tenantid", "ce_schemaref"}
CLOUDEVENTS = {name for name in ALL_HEADERS if name.startswith("ce_")} | {"content-type"}

# Every member of each kind: as given on the command line, and as it must be on the wire.
GIVEN = {
    "started": [("agent_name", "tester"), ("user_request", 'say "ü\\n"\t\x01 \U0001f600'),
                ("correlation_id", None), ("session_id", "session-1"),
                ("started_at", "2025-11-13T14:30:00.5+01:00"),
                ("context", {"domain": "api", "big": 12345678901234567890, "deep": [[None]]})],
    "progress": [("agent_name", "tester"), ("correlation_id", None), ("progress_percent", 0),
                 ("current_step", "endpoints"), ("steps_completed", 0), ("steps_total", 7),
                 ("metadata", {"status": "waiting", "waiting_for": "human"})],
    "completed": [("agent_name", "tester"), ("correlation_id", None),
                  ("completed_at", "2025-11-13T14:31:00Z"), ("duration_ms", 1234),
                  ("result_summary", "done"), ("artifacts", ["a.yaml", {"b": 1}]),
                  ("output_summary", "out"), ("quality_score", 0.95), ("metrics", {"tokens": 0}),
                  ("session_id", "session-1")],
    "failed": [("agent_name", "tester"), ("correlation_id", None),
               ("failed_at", "2025-11-13T14:31:00Z"), ("error_message", "no such file"),
               ("error_code", "ENOENT"), ("error_type", "OSError"), ("stack_trace", "at a\nat b"),
               ("error_stack_trace", "at c"), ("partial_results", [1, 2]), ("duration_ms", 5),
               ("session_id", "session-1"), ("inferred", True)],
}


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def option(name, value):
    flag = "--" + name.replace("_", "-")
    if value is True:
        return [flag]
    return [flag, value if isinstance(value, str) else compact(value)]


class Deliver(Case):
    def publish_all_members(self, spool, kind, correlation_id):
        words = [word for name, value in GIVEN[kind] if value is not None
                 for word in option(name, value)]
        return spool.ok("publish", kind, "--json", "--wait", "--correlation-id", correlation_id,
                        *words).json

    def one(self, kafka, topic, word):
        records = kafka.read(topic, only=word)
        self.assertEqual(len(records), 1, f"{topic} {word}")
        return records[0]

    def test_each_kind_arrives_byte_for_byte(self):
        kafka, spool = plain_kafka(), self.make_spool()
        for kind in KINDS:
            with self.subTest(kind):
                word = str(uuid.uuid4())
                receipt = self.publish_all_members(spool, kind, word)
                self.assertEqual(receipt["state"], "acked")
                self.assertEqual(receipt["correlation_id"], word)
                record = self.one(kafka, TOPICS[kind], word)
                event = record.event
                self.assertEqual(list(event), ENVELOPE)
                self.assertRegex(event["event_id"], f"^{UUID7}$")
                self.assertRegex(event["timestamp"], f"^{TIME}$")
                payload = {name: word if value is None else value for name, value in GIVEN[kind]}
                self.assertEqual(record.value, compact({
                    "event_type": TOPICS[kind], "event_id": receipt["event_id"],
                    "timestamp": event["timestamp"], "tenant_id": "default",
                    "namespace": "omninode", "source": "omniclaude", "correlation_id": word,
                    "causation_id": word,
                    "schema_ref": f"registry://omninode/agent/execution_{kind}/v1",
                    "payload": payload}))

    def test_what_is_not_given_is_absent(self):
        kafka, spool = plain_kafka(), self.make_spool()
        expected = {"started": ["agent_name", "user_request", "correlation_id", "session_id",
                                "started_at", "context"],
                    "progress": ["agent_name", "correlation_id"],
                    "completed": ["agent_name", "correlation_id", "completed_at"],
                    "failed": ["agent_name", "correlation_id", "failed_at", "error_message"]}
        for kind in KINDS:
            with self.subTest(kind):
                word = unique()
                self.assertEqual(spool.publish(kind, word, "--wait").status, 0)
                payload = self.one(kafka, TOPICS[kind], word).payload
                self.assertEqual(list(payload), expected[kind])
                if kind == "started":
                    self.assertEqual(payload["context"], {})
                    self.assertRegex(payload["session_id"], f"^{UUID7}$")
                for name in payload:
                    if name.endswith("_at"):
                        self.assertRegex(payload[name], f"^{TIME}$")

    def test_headers_are_those_of_the_contract(self):
        kafka, spool = plain_kafka(), self.make_spool()
        for kind in KINDS:
            with self.subTest(kind):
                word = str(uuid.uuid4())
                self.assertEqual(spool.publish(kind, word, "--wait").status, 0)
                record = self.one(kafka, TOPICS[kind], word)
                self.check_headers(spool, kind, word, record)

    def check_headers(self, spool, kind, word, record):
        event, headers = record.event, dict(record.headers)
        self.assertEqual(set(headers), ALL_HEADERS)
        self.assertEqual(len(record.headers), len(headers), "a header twice")
        trace = re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-0[01]", headers["traceparent"])
        self.assertIsNotNone(trace, headers["traceparent"])
        self.assertEqual(trace[1], word.replace("-", ""))
        self.assertNotEqual(trace[2], "0" * 16)
        schema = spool.ok("schema", kind).out.encode()
        self.assertIn(headers["x-schema-hash"], {hashlib.sha256(schema).hexdigest(),
                                                 hashlib.sha256(schema.rstrip()).hexdigest()})
        self.assertRegex(headers["x-aep-seq"], f"^{spool.status()['uuid']}:[0-9]+$")
        expected = {
            "x-traceparent": headers["traceparent"], "x-correlation-id": word,
            "x-causation-id": event["causation_id"], "x-tenant": "default",
            "content-type": "application/json", "ce_specversion": "1.0",
            "ce_id": event["event_id"], "ce_type": TOPICS[kind], "ce_source": "omniclaude",
            "ce_time": event["timestamp"], "ce_subject": word, "ce_correlationid": word,
            "ce_causationid": event["causation_id"], "ce_tenantid": "default",
            "ce_schemaref": event["schema_ref"]}
        self.assertEqual({name: headers[name] for name in expected}, expected)

    def test_key_partition_and_timestamp(self):
        kafka, spool = plain_kafka(), self.make_spool()
        words = [unique("key-ü-") for _ in range(20)]
        spool.publish_lines({"kind": "progress", "agent_name": "a", "correlation_id": word}
                            for word in words)
        spool.flush()
        count = kafka.partitions(TOPICS["progress"])
        self.assertGreater(count, 1)
        records = kafka.read(TOPICS["progress"], only="key-")
        records = [record for record in records if record.key in words]
        self.assertEqual(sorted(record.key for record in records), sorted(words))
        for record in records:
            hashed = murmur2(record.key.encode()) & 0x7FFFFFFF
            self.assertEqual(record.partition, hashed % count, record.key)
            at = datetime.datetime.fromisoformat(record.event["timestamp"])
            self.assertEqual(record.timestamp, int(at.timestamp() * 1000 + 1e-4))
        self.assertGreater(len({record.partition for record in records}), 1)

    def test_sequence_is_contiguous_over_all_topics_in_the_order_of_acceptance(self):
        kafka, spool = plain_kafka(), self.make_spool()
        word = unique()
        spool.publish_lines([{"kind": KINDS[n % 4], "agent_name": "a", "correlation_id": word,
                              "user_request" if n % 4 == 0 else "error_message": "x"}
                             if n % 4 in (0, 3) else
                             {"kind": KINDS[n % 4], "agent_name": "a", "correlation_id": word}
                             for n in range(200)])
        spool.flush()
        records = kafka.read(*TOPICS.values(), only=word)
        self.assertEqual(len(records), 200)
        self.assert_contiguous(records)
        records.sort(key=lambda record: record.ordinal)
        self.assertEqual([record.topic for record in records],
                         [TOPICS[KINDS[n % 4]] for n in range(200)])
        ids = [record.event["event_id"] for record in records]
        self.assertEqual(ids, sorted(ids), "event ids grow within a process")

    def test_callers_trace_context_is_passed_on(self):
        kafka, spool = plain_kafka(), self.make_spool()
        parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        word = unique()
        spool.publish("progress", word, "--wait",
                      env={"TRACEPARENT": parent, "TRACESTATE": "vendor=a,b=c"})
        record = self.one(kafka, TOPICS["progress"], word)
        self.assertEqual(record.header("traceparent"), parent)
        self.assertEqual(record.header("x-traceparent"), parent)
        self.assertEqual(record.header("tracestate"), "vendor=a,b=c")

    def test_tenant_environment_and_names_come_from_the_configuration(self):
        kafka = plain_kafka()
        spool = self.make_spool(namespace="acme", source="ci job")
        word = unique()
        spool.publish("progress", word, "--wait",
                      env={"TENANT_ID": "blue", "ENVIRONMENT": "test"})
        record = self.one(kafka, TOPICS["progress"], word)
        event = record.event
        self.assertEqual((event["tenant_id"], event["namespace"], event["source"]),
                         ("blue", "acme", "ci job"))
        headers = dict(record.headers)
        self.assertEqual((headers["x-tenant"], headers["ce_tenantid"], headers["x-environment"],
                          headers["ce_source"]), ("blue", "blue", "test", "ci%20job"))

    def test_single_topic_keeps_the_order_of_kinds(self):
        kafka, spool = plain_kafka(), self.make_spool(topic_layout="single")
        word = unique()
        for kind in ("started", "progress", "completed"):
            self.assertEqual(spool.publish(kind, word).status, 0)
        spool.flush()
        records = kafka.read("omninode.agent.execution.v1", only=word)
        self.assertEqual([record.event["event_type"] for record in records],
                         [TOPICS[kind] for kind in ("started", "progress", "completed")])
        self.assertEqual(len({record.partition for record in records}), 1)
        self.assertEqual(records[0].header("ce_type"), TOPICS["started"])

    def test_cloudevents_can_be_left_out(self):
        kafka, spool = plain_kafka(), self.make_spool(wire_cloudevents="off")
        word = unique()
        spool.publish("progress", word, "--wait")
        record = self.one(kafka, TOPICS["progress"], word)
        self.assertEqual({name for name, _ in record.headers}, ALL_HEADERS - CLOUDEVENTS)

    def test_any_other_event(self):
        kafka, spool = plain_kafka(), self.make_spool()
        topic, word = unique("other-topic."), unique()
        receipt = spool.ok("publish", "--type", "acme.quality.gate.passed.v2", "--topic", topic,
                           "--payload", '{"gate":"lint","n":1.50,"correlation_id":"%s"}' % word,
                           "--json", "--wait").json
        record = self.one(kafka, topic, word)
        event = record.event
        self.assertEqual(list(event), ENVELOPE)
        self.assertEqual((event["event_type"], event["event_id"], event["correlation_id"]),
                         ("acme.quality.gate.passed.v2", receipt["event_id"], word))
        self.assertEqual(event["schema_ref"], "registry://acme/quality/gate_passed/v2")
        self.assertTrue(record.value.endswith(
            ',"payload":{"gate":"lint","n":1.50,"correlation_id":"%s"}}' % word))
        self.assertEqual(record.key, word)
        self.assertEqual(record.header("ce_type"), "acme.quality.gate.passed.v2")

    def test_the_largest_event_arrives(self):
        kafka, spool = plain_kafka(), self.make_spool()
        topic = unique_type("large")
        parts = {f"part{i}": "ü" * 120_000 for i in range(4)}  # each below limits.field_bytes
        spool.publish_lines([{"event_type": topic, "payload": {"correlation_id": "c"} | parts}],
                            "--wait")
        record = self.one(kafka, topic, "part3")
        self.assertEqual(record.payload, {"correlation_id": "c"} | parts)

    def test_thousands_of_events_arrive_in_order_once(self):
        kafka, spool = plain_kafka(), self.make_spool(spool_segment_bytes="64KiB")
        topic = unique_type("many")
        spool.publish_lines(numbered_lines(topic, 5000))
        spool.flush()
        self.assertEqual(spool.status()["counters"]["acknowledged"], 5000,
                         "reported, and already counted")
        records = kafka.read(topic)
        self.assert_all_once(records, 5000)
        self.assert_in_order(records)


if __name__ == "__main__":
    unittest.main()
