# SPDX-License-Identifier: Apache-2.0
"""The basis of all tests: a clean environment, spools in a temporary folder, whose relays are
stopped at the end, and readers of spools and topics."""
import asyncio
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

import aep

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "broker"))
from harness import plain_kafka, secure_kafka  # noqa: E402

DEADLINE_S = 60
AEP = os.path.join(os.path.dirname(sys.executable), "aep")
DOWN = "127.0.0.1:1"  # nothing listens there


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    """Removes the machine's settings; stops the spools' relays and the stores' trackers at the end."""
    for name in list(os.environ):
        if name.startswith(("AEP_", "KAFKA_", "TENANT_ID", "ENVIRONMENT", "TRACE", "XDG_")) \
                and not name.startswith("AEP_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AEP_CLOSE_WAIT_MS", "0")
    yield
    for identity in tmp_path.rglob("spool.id"):
        subprocess.run([AEP, "relay", "stop", "--spool", identity.parent], capture_output=True)
    for lock in tmp_path.rglob("tracker.db.lock"):
        subprocess.run([AEP, "tracker", "stop"], capture_output=True,
                       env=dict(os.environ, AEP_MODE="local", AEP_TRACK_STORE=str(lock.with_suffix(""))))


@pytest.fixture
def spool(tmp_path):
    """A folder for a spool."""
    return str(tmp_path / "spool")


@pytest.fixture
def local(spool):
    """A publisher that needs no Kafka."""
    with aep.Publisher(mode="local", spool_dir=spool) as publisher:
        yield publisher


@pytest.fixture
def kafka():
    return plain_kafka()


@pytest.fixture
def secure():
    return secure_kafka()


def spooled(folder, **env):
    """The envelopes in a spool, in order."""
    done = subprocess.run([AEP, "tail", "--json", "--lines", "all", "--spool", folder], capture_output=True, text=True,
                          env=dict(os.environ, **env), check=True)
    return [json.loads(line)["event"] for line in done.stdout.splitlines()]


async def _consume(servers, topic, wanted):
    from aiokafka import AIOKafkaConsumer
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest",
                                enable_auto_commit=False)
    await consumer.start()
    found, end = [], time.monotonic() + DEADLINE_S
    try:
        while not wanted(found) and time.monotonic() < end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
    finally:
        await consumer.stop()
    return found


def consume(servers, topic, correlation_id, count=1):
    """An independent client's view: records with that key, once there are `count` of them."""
    key = correlation_id.encode()
    return [record for record in asyncio.run(_consume(
        servers, topic, lambda found: sum(r.key == key for r in found) >= count))
        if record.key == key]


class LoopTurns:
    """Counts the turns that the event loop makes during a block: a blocked one makes none."""
    count = 0

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self.turn())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()

    async def turn(self):
        while True:
            self.count += 1
            await asyncio.sleep(0)


def await_that(condition, what):
    """Waits until something holds."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)
