# SPDX-License-Identifier: Apache-2.0
"""The examples, run unchanged, without Kafka: what they print and publish."""
import json
import pathlib
import re
import subprocess
import sys

import pytest

from conftest import AEP, DEADLINE_S

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "python"


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("AEP_MODE", "local")


def run(name):
    """(what it printed, the events it published, in order)."""
    done = subprocess.run([sys.executable, EXAMPLES / f"{name}.py"], capture_output=True, text=True,
                          timeout=DEADLINE_S)
    assert (done.returncode, done.stderr) == (0, "")
    tail = subprocess.run([AEP, "tail", "--json", "--lines", "all"], capture_output=True, text=True,
                          timeout=DEADLINE_S, check=True)
    return done.stdout, [json.loads(line)["event"] for line in tail.stdout.splitlines()]


def told(events):
    """The agent's name and kind of each event."""
    return [(e["payload"]["agent_name"], e["event_type"].split(".")[-2]) for e in events]


def ids(events):
    return {event["correlation_id"] for event in events}


def test_every_example_has_a_test():
    """script/test --adapters runs those of the adapters, with their frameworks."""
    names = {path.stem for path in EXAMPLES.glob("*.py") if not path.stem.startswith("adapter_")}
    assert names == {name[5:] for name in globals() if name.startswith("test_")} - {
        "every_example_has_a_test", "a_block_of_the_documents"}


def test_publish(state):
    printed, events = run("publish")
    assert [kind for _, kind in told(events)] == ["started", "progress", "completed"]
    assert printed == f"{events[0]['correlation_id']} spooled\n" and len(ids(events)) == 1
    assert events[2]["payload"]["artifacts"] == ["api.yaml"]


def test_execution(state):
    printed, events = run("execution")
    assert told(events) == [
        ("reviewer", "started"),
        ("reviewer", "progress"), ("page-reader", "started"), ("page-reader", "completed"),
        ("reviewer", "progress"), ("page-reader", "started"), ("page-reader", "completed"),
        ("reviewer", "progress"), ("page-reader", "started"), ("page-reader", "failed"),
        ("reviewer", "completed")]
    [correlation_id] = ids(events)
    assert printed == f"continuing without: there is no page 3\n{correlation_id} spooled\n"
    assert {e["causation_id"] for e in events if told([e]) == [("page-reader", "started")]} == {
        events[0]["event_id"]}
    assert events[9]["payload"]["error_type"] == "LookupError"


def test_asyncio_wait(state):
    printed, events = run("asyncio_wait")
    agents = [f"agent-{number}" for number in range(5)]
    assert printed == "".join(f"{agent}: spooled\n" for agent in agents) + "all: spooled\n"
    assert sorted(told(events)) == [(a, kind) for a in agents for kind in ("completed", "started")]
    assert len(ids(events)) == 5


def test_track(state):
    printed, events = run("track")
    assert printed == "['design a bridge', 'build a bridge', 'test a bridge']\n"
    assert told(events) == [("planner", "started"), ("ideas", "started")] + [
        ("planner", "progress")] * 3 + [("ideas", "completed"), ("planner", "completed")]
    assert events[0]["payload"]["user_request"] == "Plan: a bridge"
    assert events[1]["payload"]["user_request"] == "Thinks of steps."
    assert events[1]["causation_id"] == events[0]["event_id"] and len(ids(events)) == 1


def test_drop_in(state):
    printed, events = run("drop_in")
    assert [kind for _, kind in told(events)] == ["started", "progress", "completed"]
    [correlation_id] = ids(events)
    assert printed == f"{correlation_id} [True, True, True]\n"


def blocks():
    """The programs in the documents, by page and line."""
    for page in ("README.md", "docs/PYTHON.md", "python/README.md"):
        text = (EXAMPLES.parents[1] / page).read_text()
        for block in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            line = text.count("\n", 0, block.start()) + 1
            yield pytest.param(block.group(1), id=f"{page}:{line}")


@pytest.mark.parametrize("program", list(blocks()))
def test_a_block_of_the_documents(state, program):
    if "aep.executions" in program:  # a tracker takes more than its 2 s to begin only on a busy machine
        subprocess.run([AEP, "list", f"--wait={DEADLINE_S}s"], check=True, capture_output=True)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          timeout=DEADLINE_S)
    assert (done.returncode, done.stderr) == (0, "")
