# SPDX-License-Identifier: Apache-2.0
"""Runs that wait between two calls of their framework: for an answer, an approval.

    call ──▶ interrupted ──▶ Parked[key] ──▶ the call that resumes it goes on with the same execution

A publisher has one table, so that an adapter made for a single call finds what another one left. What
is left when the publisher closes, or Python ends, is published as completed, `interrupted`: nothing
has failed, and the framework may resume it elsewhere, as another execution.

Threads: any. A process that ends leaves alone what was interrupted before it was forked.
"""
import atexit
import os
import threading
import weakref

from .._log import emit
from .._values import describe

LIMIT = 10000  # runs; beyond it the oldest are ended
RESULT = "interrupted"


_tables, _making = weakref.WeakSet(), threading.Lock()


def parked_of(publisher):
    """The table of a publisher."""
    with _making:
        if getattr(publisher, "_parked", None) is None:
            publisher._parked = Parked(publisher)
        return publisher._parked


@atexit.register
def _close_all():
    for table in list(_tables):
        table.close()


def _end(run):
    try:
        if not run.execution.ended:
            run.execution.complete(result_summary=RESULT, metrics=run.metrics())
    except Exception as error:
        emit(1, f"the end of an interrupted run was lost: {describe(error)}")


class Parked:
    """The table: runs by what resumes them, each with the process that it was interrupted in, in the
    order in which they were."""

    def __init__(self, publisher):
        self._runs, self._lock = {}, threading.Lock()
        publisher._before_close.append(self.close)
        _tables.add(self)

    def __len__(self):
        return len(self._runs)

    def put(self, key, run):
        given_up = []
        with self._lock:
            if key in self._runs:
                given_up.append(self._runs.pop(key))
            self._runs[key] = run, os.getpid()
            if len(self._runs) > LIMIT:
                given_up.append(self._runs.pop(next(iter(self._runs))))
        for each, _ in given_up:
            _end(each)

    def take(self, key):
        """The run that a key resumes, which is the caller's from now on; None: there is none."""
        with self._lock:
            return self._runs.pop(key, (None, None))[0]

    def give_up(self, key):
        """What would have resumed it starts anew."""
        run = self.take(key)
        if run is not None:
            _end(run)

    def close(self):
        """Ends all: those within others were interrupted before these."""
        with self._lock:
            runs, self._runs = list(self._runs.values()), {}
        for run, process in runs:
            if process == os.getpid():
                _end(run)
