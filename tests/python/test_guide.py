# SPDX-License-Identifier: Apache-2.0
# ctest: BROKERS plain
"""The drop-in's programs, run unchanged against a real broker; an independent client reads what
they published; members and headers are compared one by one."""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid
from datetime import datetime

import pytest

import aep
from conftest import DEADLINE_S, consume

GUIDE = pathlib.Path(__file__).parent / "guide"
ARCHITECT = {"agent_name": "agent-api-architect"}
DESIGN = dict(ARCHITECT, user_request="Design a REST API for user management")

# program: kind, payload without ids and times
PROGRAMS = {
    "convenience": ("started", dict(DESIGN, context={"domain": "api_design",
                                                     "previous_agent": "agent-router"})),
    "context_manager": ("started", dict(DESIGN, context={"domain": "api_design"})),
    "lifecycle": ("started", dict(DESIGN, context={"domain": "api_design"})),
    "coordinator": ("started", {"agent_name": "agent-coordinator", "user_request": "Coordinate it"}),
    "launcher": ("started", {"agent_name": "agent-polymorphic", "user_request": "Launch it",
                             "context": {"agent_type": "polymorphic",
                                         "launcher": "polymorphic_agent_launcher"}}),
    "error_handling": ("started", dict(ARCHITECT, user_request="Design a REST API", context={})),
    "integration": ("started", {"agent_name": "test-agent", "user_request": "Test request",
                                "context": {}}),
    "progress": ("progress", dict(ARCHITECT, progress_percent=50, steps_completed=3, steps_total=6,
                                  current_step="Generating API endpoints")),
    "completed": ("completed", dict(ARCHITECT, completed_at="2025-11-13T14:35:00Z",
                                    result_summary="Successfully generated REST API design",
                                    artifacts=["api_spec.yaml", "endpoints.md"])),
    "failed": ("failed", dict(ARCHITECT, failed_at="2025-11-13T14:33:00Z",
                              error_code="VALIDATION_ERROR", stack_trace="...",
                              error_message="Invalid API specification")),
}
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def run(program, **env):
    """(correlation id, session id, what publishing returned, what was logged)."""
    done = subprocess.run([sys.executable, GUIDE / f"{program}.py"], capture_output=True, text=True,
                          env=dict(os.environ, **env), timeout=DEADLINE_S)
    assert done.returncode == 0, done.stderr
    correlation_id, session_id, success = done.stdout.split()
    return correlation_id, session_id, success == "True", done.stderr


def check_envelope(record, kind, payload, correlation_id, session_id):
    event = json.loads(record.value)
    assert record.value == json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    assert list(event) == ["event_type", "event_id", "timestamp", "tenant_id", "namespace", "source",
                           "correlation_id", "causation_id", "schema_ref", "payload"]
    assert event["event_type"] == f"omninode.agent.execution.{kind}.v1" == record.topic
    assert uuid.UUID(event["event_id"]).version == 7
    assert TIMESTAMP.fullmatch(event["timestamp"])
    assert (event["tenant_id"], event["namespace"], event["source"]) == (
        "guide-tenant", "omninode", "omniclaude")
    assert event["correlation_id"] == event["causation_id"] == correlation_id
    assert event["schema_ref"] == f"registry://omninode/agent/execution_{kind}/v1"
    assert {name: event["payload"][name] for name in payload} == payload
    assert event["payload"]["correlation_id"] == correlation_id
    if kind == "started":
        assert list(event["payload"]) == ["agent_name", "user_request", "correlation_id",
                                          "session_id", "started_at", "context"]
        assert event["payload"]["session_id"] == session_id
    else:
        assert set(event["payload"]) == set(payload) | {"correlation_id"}
    assert [f for f in aep.validate(event) if f.severity == "error"] == []
    return event


def check_headers(record, event, kind):
    headers = {name: value.decode() for name, value in record.headers}
    assert len(headers) == len(record.headers), "no header twice"
    trace = headers["traceparent"].split("-")
    assert trace[1] == event["correlation_id"].replace("-", "")
    assert trace[0] == "00" and trace[2] != "0" * 16 and len(trace[2]) == 16
    assert headers["x-traceparent"] == headers["traceparent"]
    assert headers["x-correlation-id"] == headers["ce_correlationid"] == event["correlation_id"]
    assert headers["x-causation-id"] == headers["ce_causationid"] == event["causation_id"]
    assert headers["x-tenant"] == headers["ce_tenantid"] == "guide-tenant"
    assert headers["x-environment"] == "test"
    assert headers["x-schema-hash"] == hashlib.sha256(aep.schema(kind).encode()).hexdigest()
    assert re.fullmatch(r"[0-9a-f-]{36}:\d+", headers["x-aep-seq"])
    assert headers["content-type"] == "application/json" and headers["ce_specversion"] == "1.0"
    assert headers["ce_id"] == event["event_id"] and headers["ce_type"] == event["event_type"]
    assert headers["ce_time"] == event["timestamp"] and headers["ce_source"]
    assert headers["ce_schemaref"] == event["schema_ref"]
    when = datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
    assert record.timestamp == int(when.timestamp() * 1000)


def check_cloudevent(record, event):
    """A consumer of another ecosystem: the CloudEvents SDK reads the message by its headers."""
    try:
        from cloudevents.v1.kafka import KafkaMessage, from_binary
    except ImportError:
        from cloudevents.kafka import KafkaMessage, from_binary
    headers = {name: value for name, value in record.headers}
    parsed = from_binary(KafkaMessage(headers=headers, key=record.key, value=record.value))
    assert parsed["id"] == event["event_id"] and parsed["type"] == event["event_type"]
    assert parsed["subject"] == event["correlation_id"]
    assert parsed["correlationid"] == event["correlation_id"]
    data = getattr(parsed, "data", None)
    assert (data if isinstance(data, dict) else json.loads(data)) == event


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_of_the_guide(kafka, program):
    kind, payload = PROGRAMS[program]
    correlation_id, session_id, success, log = run(
        program, KAFKA_BOOTSTRAP_SERVERS=kafka.servers, TENANT_ID="guide-tenant", ENVIRONMENT="test")
    assert success, log
    [record] = consume(kafka.servers, f"omninode.agent.execution.{kind}.v1", correlation_id)
    assert record.key == correlation_id.encode()
    event = check_envelope(record, kind, payload, correlation_id, session_id)
    check_headers(record, event, kind)
    check_cloudevent(record, event)


def test_the_feature_flag_publishes_nothing_and_says_nothing(kafka, tmp_path):
    _, _, success, log = run("feature_flag", KAFKA_BOOTSTRAP_SERVERS=kafka.servers)
    assert not success and log == ""
    assert list(tmp_path.rglob("spool.id")) == []


def test_error_handling_without_a_broker(tmp_path):
    _, _, success, log = run("error_handling", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert not success and "is kept and will be delivered" in log and "continuing" in log
    assert len(list(tmp_path.rglob("spool.id"))) == 1
