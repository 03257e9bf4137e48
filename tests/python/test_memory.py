# SPDX-License-Identifier: Apache-2.0
# ctest: LONG
"""Leaks, with Python's debug allocator."""
import os
import subprocess
import sys

PROGRAM = """
import aep, gc, sys, time
count = int(sys.argv[2])
publisher = aep.Publisher(mode="local", spool_dir=sys.argv[1], spool_max_bytes="64MiB", spool_sync="never")
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4
def turn(n):
    publisher.started("agent", "request %d" % n, context={"list": [1, 2.5, None], "n": n, "o": object,
                                                         "bytes": b"x", 1: 2})
    if n % 10 == 0:
        with publisher.execution("agent", "r") as run:
            run.progress(metadata={"s": {1, 2}})
    if n % 10 == 5:
        try:
            publisher.started("", "x", context={"a": [n]})
        except aep.InvalidEvent:
            pass
    if n % 100 == 0:
        publisher.health(); publisher.stats(); aep.validate({"n": n}); aep.new_id()
        publisher.wait(publisher.started("a", "r"), 0)
def turns(count):
    for n in range(count):
        while True:
            try:
                turn(n)
                break
            except aep.SpoolFull:  # the relay has not made room yet
                time.sleep(0.01)
def references():
    return {id(o): sys.getrefcount(o) for o in (None, True, aep.Publisher, aep.Receipt, aep.InvalidEvent)}
# What is imported once only, by the first line to log or the first wait in a loop, is no leak.
from aep import _asyncio, _failure, _log, _tools, _track, _values
_log.emit(4, "all is imported")
_failure.members_of(ValueError("x"))
turns(count // 10)
gc.collect()
before, refs = resident(), references()
turns(count)
gc.collect()
grown = resident() - before
# The rarest call is one of a hundred: a reference that it leaves is there ten times as often as this.
moved = {o: c - refs[o] for o, c in references().items() if abs(c - refs[o]) > max(50, count // 1000)}
print(grown, moved)
sys.exit(grown > 1024 or bool(moved))
"""


def test_hundreds_of_thousands_of_publishes_leave_nothing(spool):
    count = os.environ.get("AEP_TEST_PUBLISHES", "300000")
    done = subprocess.run([sys.executable, "-c", PROGRAM, spool, count], capture_output=True, text=True,
                          env=dict(os.environ, PYTHONMALLOC="debug", PYTHONDEVMODE=""))
    assert done.returncode == 0, done.stdout + done.stderr
