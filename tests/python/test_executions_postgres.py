# SPDX-License-Identifier: Apache-2.0
# ctest: POSTGRES
"""Executions, read back from a store in PostgreSQL: what holds for SQLite holds here, and several machines
share the rows."""
import subprocess

import pytest

import aep
from conftest import AEP
from postgres_server import Server
from test_executions import (  # noqa: F401: those are run here, too
    WAIT_MS, local_mode, runs, test_a_correlation_id_may_be_a_uuid, test_a_row_has_the_fields_that_its_type_names,
    test_filters, test_no_execution_or_several, test_one_execution, test_rows_from_before_say_so,
    test_the_rows_are_those_of_aep_list)


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.remove()


@pytest.fixture(autouse=True)
def store(server, local_mode, monkeypatch, tmp_path):
    """The URL of a store that no other test has."""
    url = server.database(f"t{server.sql('SELECT count(*) FROM pg_database')}")
    monkeypatch.setenv("AEP_TRACK_STORE", url)
    yield url
    subprocess.run([AEP, "tracker", "stop"], capture_output=True)


def move_to(monkeypatch, folder):
    """Another machine, as far as spools and the tracker's files go."""
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(folder))


def test_the_rows_of_all_machines_are_seen_on_each(runs, monkeypatch, tmp_path):
    assert len(aep.executions(wait_ms=WAIT_MS)) == 3
    move_to(monkeypatch, tmp_path / "other")
    with aep.Publisher() as publisher, publisher.execution("elsewhere", "the same store") as run:
        run.complete()
    assert [row["agent_name"] for row in aep.executions(wait_ms=WAIT_MS)] == [
        "elsewhere", "review", "build-2", "build-1"]
    assert aep.execution_of(runs[0].id, wait_ms=WAIT_MS)["error_message"] == "no route to host"
    subprocess.run([AEP, "tracker", "stop"], capture_output=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert aep.execution_of(run.id, wait_ms=WAIT_MS)["state"] == "completed"


def test_a_server_that_is_away_is_an_error_without_its_password(monkeypatch):
    monkeypatch.setenv("AEP_TRACK_STORE", "postgresql://agent:geheim@127.0.0.1:1/agents")
    for call in (aep.executions, lambda **more: aep.execution_of("a", **more)):
        with pytest.raises(aep.Error, match="cannot reach postgresql://agent@127.0.0.1:1/agents") as caught:
            call(wait_ms=1000)
        assert "geheim" not in str(caught.value)
        assert not isinstance(caught.value, (ValueError, LookupError))
