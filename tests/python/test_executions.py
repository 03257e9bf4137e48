# SPDX-License-Identifier: Apache-2.0
"""Executions, read back: the rows are those of `aep list --json` and `aep show --json`."""
import datetime
import doctest
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import typing
import uuid

import pytest

import aep
from conftest import AEP

WAIT_MS = 50_000  # the machine may be busy


@pytest.fixture(autouse=True)
def local_mode(environment, monkeypatch):
    monkeypatch.setenv("AEP_MODE", "local")


def listed(*words):
    done = subprocess.run([AEP, "list", "--json", f"--wait={WAIT_MS}", *words], capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def requests(**filters):
    return [row["user_request"] for row in aep.executions(wait_ms=WAIT_MS, **filters)]


def without_clock(rows):
    return [{name: value for name, value in row.items() if name != "as_of"} for row in rows]


@pytest.fixture
def runs():
    """Three executions: one has failed with a child, one waits, one has completed."""
    with aep.Publisher(tenant_id="t1") as publisher:
        with publisher.execution("build-1", "deploy the Größe", session_id="s-1") as first:
            with publisher.execution("helper", "fetch") as child:
                child.complete()
            first.fail("no route to host")
    with aep.Publisher() as publisher:
        second = publisher.execution("build-2", "--json; $(false) `id`").start()
        second.progress(metadata={"status": "waiting", "waiting_for": "human"}, current_step="confirm")
        with publisher.execution("review", "read it") as third:
            third.complete(result_summary="two remarks")
        yield first, child, second, third
        second.complete()


def test_the_rows_are_those_of_aep_list(runs):
    rows = aep.executions(wait_ms=WAIT_MS)
    assert without_clock(rows) == without_clock(listed())
    assert [row["id"] for row in rows] == [runs[3].id, runs[2].id, runs[0].id]
    assert [row["state"] for row in rows] == ["completed", "waiting", "failed"]
    assert [row["children"] for row in rows] == [0, 0, 1]
    assert len(aep.executions(wait_ms=WAIT_MS, children=True)) == 4
    assert without_clock(aep.executions(wait_ms=WAIT_MS, children=True, limit=2)) == without_clock(
        listed("--all", "--limit=2"))


def test_orders_parents_and_ends_of_time(runs):
    first, child, second, third = runs
    assert [row["id"] for row in aep.executions(wait_ms=WAIT_MS, reverse=True)] == [first.id, second.id, third.id]
    assert [row["id"] for row in aep.executions(wait_ms=WAIT_MS, sort="attention")] == [
        second.id, first.id, third.id]
    assert [row["id"] for row in aep.executions(wait_ms=WAIT_MS, parent=first.id)] == [child.id]
    assert aep.executions(wait_ms=WAIT_MS, until=datetime.timedelta(hours=1)) == []
    ended = aep.execution_of(first.id)["last_event_at"]
    assert [row["id"] for row in aep.executions(wait_ms=WAIT_MS, until=ended)] == [first.id]


@pytest.mark.parametrize("filters, wanted", [
    ({"state": "failed"}, ["deploy"]),
    ({"state": ["failed", "completed"]}, ["read", "deploy"]),
    ({"agent": "build*"}, ["--json;", "deploy"]),
    ({"agent": ("review", "build-1")}, ["read", "deploy"]),
    ({"tenant": "t1"}, ["deploy"]),
    ({"session": "s-1", "text": "größe"}, ["deploy"]),
    ({"text": ["--json", "$(false)"]}, ["--json;"]),
    ({"text": "since:1h"}, []),
    ({"limit": 1}, ["read"]),
    ({"limit": None}, ["read", "--json;", "deploy"]),
    ({"since": "1h"}, ["read", "--json;", "deploy"]),
    ({"since": datetime.timedelta(hours=1)}, ["read", "--json;", "deploy"]),
    ({"since": datetime.timedelta(hours=-1)}, []),
    ({"since": datetime.datetime(2999, 1, 1)}, []),
    ({"since": datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=5)))},
     ["read", "--json;", "deploy"]),
    ({"until": "1h"}, []),
    ({"until": datetime.timedelta(hours=-1)}, ["read", "--json;", "deploy"]),
    ({"until": datetime.datetime(2000, 1, 1)}, []),
    ({"reverse": True}, ["deploy", "--json;", "read"]),
    ({"sort": "started"}, ["read", "--json;", "deploy"]),
    ({"sort": "attention"}, ["--json;", "deploy", "read"]),
    ({"sort": "attention", "reverse": True, "limit": 1}, ["read"]),
])
def test_filters(runs, filters, wanted):
    assert [request.split()[0] for request in requests(**filters)] == wanted


def test_a_correlation_id_may_be_a_uuid(runs):
    assert requests(correlation=runs[3].correlation_id) == ["read it"]
    assert requests(correlation=uuid.UUID(runs[3].correlation_id)) == ["read it"]
    assert requests(correlation=[runs[3].correlation_id, runs[2].correlation_id]) == [
        "read it", "--json; $(false) `id`"]


def test_the_children_of_a_parent(runs):
    failed, child, other, _ = runs
    assert [row["id"] for row in aep.executions(parent=failed.id, wait_ms=WAIT_MS)] == [child.id]
    assert [row["id"] for row in aep.executions(parent=[uuid.UUID(failed.id), other.id], wait_ms=WAIT_MS)] == [child.id]
    assert aep.executions(parent=child.id, wait_ms=WAIT_MS) == []


def test_one_execution(runs):
    failed, child, _, _ = runs
    row = aep.execution_of(failed.id, wait_ms=WAIT_MS)
    assert (row["id"], row["state"], row["error_message"]) == (failed.id, "failed", "no route to host")
    assert aep.execution_of(uuid.UUID(child.id), wait_ms=WAIT_MS)["parent_id"] == failed.id
    assert aep.execution_of(failed.id[:-1], wait_ms=WAIT_MS)["id"] == failed.id
    assert aep.execution_of(child.correlation_id, wait_ms=WAIT_MS)["id"] == failed.id


def test_no_execution_or_several(runs):
    for unknown in (str(uuid.uuid4()), "no such id", "--help", "\N{SNOWMAN}"):
        assert aep.execution_of(unknown, wait_ms=WAIT_MS) is None
    with pytest.raises(LookupError, match=f"several executions:(.|\n)*{runs[0].id}") as caught:
        aep.execution_of(runs[0].id[0], wait_ms=WAIT_MS)
    assert "aep: " not in str(caught.value)


@pytest.mark.parametrize("filters, text", [
    ({"state": "stale"}, "did you mean state:stalled"),
    ({"since": "soon"}, "is not a time"),
    ({"until": "soon"}, "is not a time"),
    ({"sort": "newest"}, "no order is named"),
    ({"limit": -1}, "whole number"),
    ({"wait_ms": "soon"}, "wait"),
    ({"text": "a\0b"}, "null"),
])
def test_a_wrong_value_is_refused(filters, text):
    with pytest.raises(ValueError, match=text):
        aep.executions(**filters)


def test_an_unknown_filter_is_refused():
    with pytest.raises(TypeError):
        aep.executions(status="failed")


def test_a_store_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    store = tmp_path / "store" / "tracker.db"
    store.parent.mkdir(mode=0o700)
    store.write_text("no database, but long enough to be taken for one\n" * 100)
    monkeypatch.setenv("AEP_TRACK_STORE", str(store))
    for call in (aep.executions, lambda **more: aep.execution_of("a", **more)):
        with pytest.raises(aep.Error, match=str(store)) as caught:
            call(wait_ms=WAIT_MS)
        assert not isinstance(caught.value, (ValueError, LookupError))


def test_rows_from_before_say_so(runs, caplog):
    """With the tracker stopped in its tracks, what is stored is returned, with a warning."""
    aep.executions(wait_ms=WAIT_MS)
    status = subprocess.run([AEP, "tracker", "status", "--json"], capture_output=True, check=True)
    pid = json.loads(status.stdout)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        rows = aep.executions(wait_ms=1)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {row["agent_name"]: row["uncertain"] for row in rows} == {
        "build-1": False, "build-2": True, "review": False}
    [record] = caplog.records
    assert record.name == "aep" and "as of" in record.getMessage()


def test_a_row_has_the_fields_that_its_type_names(runs):
    help_text = subprocess.run([AEP, "list", "--help"], capture_output=True, text=True, check=True).stdout
    named = re.search(r"FIELDS:\n((?: +[a-z_ ]+\n)+)", help_text)[1].split()
    assert list(aep.ExecutionRow.__annotations__) == named
    hints = typing.get_type_hints(aep.ExecutionRow) if sys.version_info >= (3, 10) else {}
    for row in aep.executions(wait_ms=WAIT_MS, children=True):
        assert list(row) == named
        for name, hint in hints.items():
            kinds = typing.get_args(hint) or (hint,)
            words = [word for kind in (hint, *kinds) if typing.get_origin(kind) is typing.Literal
                     for word in typing.get_args(kind)]
            plain = tuple(kind for kind in kinds if isinstance(kind, type))
            plain += (int,) if float in plain else ()
            assert row[name] in words or isinstance(row[name], plain), (name, row[name])


def test_examples_of_the_docstrings_run():
    aep.executions(wait_ms=WAIT_MS)  # the tracker runs from here on
    module = importlib.import_module("aep._executions")
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted >= 4 and result.failed == 0


def test_the_programs_come_with_the_package():
    """Also those that the program itself runs."""
    from aep import _executions
    folder = os.path.dirname(_executions._find_program())
    assert folder.startswith(os.path.realpath(sys.prefix))
    assert {"aep-relay", "aep-tracker", "aep-executions"} <= set(os.listdir(folder))


def test_without_the_program_the_error_says_what_to_do(monkeypatch):
    from aep import _executions
    monkeypatch.setattr(_executions, "PROGRAM", "aep-of-another-name")
    with pytest.raises(aep.Error, match="aep-of-another-name is installed .*: install"):
        aep.executions()


def test_nothing_is_loaded_before_the_first_use():
    code = ("import sys, aep; assert 'aep._executions' not in sys.modules and 'subprocess' not in sys.modules; "
            "aep.executions; assert 'aep._executions' in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)
