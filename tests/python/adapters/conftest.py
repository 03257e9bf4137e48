# SPDX-License-Identifier: Apache-2.0
"""A spool for each test; the frameworks' own telemetry is off."""
import logging
import os

import pytest

from spooled_runs import Spool

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true",
                  CREWAI_TRACING_ENABLED="false", CREWAI_DISABLE_TRACKING="true",
                  LANGSMITH_TRACING="false")


@pytest.fixture
def spool(tmp_path, monkeypatch, caplog):
    """A spool; at the end nothing may have been logged: tests that expect a complaint clear
    caplog."""
    for name in list(os.environ):
        if name.startswith(("AEP_", "KAFKA_", "TRACE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    caplog.set_level(logging.WARNING, "aep")
    spool = Spool(tmp_path / "spool")
    yield spool
    spool.publisher.close()
    assert [record.getMessage() for record in caplog.records if record.name == "aep"] == []
