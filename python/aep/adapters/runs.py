# SPDX-License-Identifier: Apache-2.0
"""A framework's open runs, by its own ids: what an adapter keeps between two callbacks.

    id ──▶ entry ──▶ run ──▶ Execution      the entry that began a run ends it (complete or fail)
    id ──▶ entry ─────┘                     a step: told by progress, counted in the nearest run

An id leaves the table when it ends; whoever takes it out publishes the end, so there is one. A run
that waits (for a human, a permission) says so in each event until the wait ends, whatever else goes
on beside it. One that waits from one call of the framework to a later one is in Parked meanwhile.

Threads: any; a lock guards table and counts, and is not held while something is published.
Raises nothing: errors are logged to logging.getLogger("aep").
"""
import functools
import json
import sys
import threading
import time
import uuid

from .._failure import members_of
from .._log import emit
from .._values import describe, simplify
from .parked import parked_of

LIMIT = 10000  # ids at once; beyond it the oldest go, and a run without an end is failed, ABANDONED
ID_MAX = 128  # bytes of an id
STEP_MAX = 200  # characters of a question that is a step's name
GRACE_S = 5  # the end of a step that its limit ends comes a moment after it


class _Run:
    """waits: what it waits for, (waiting_for, step) by id. limits: its steps in work by id, (how many
    seconds it may take or None, the step that it is in). calls: names of tools that a model asked
    for and that were not run yet. parked: keys of the runs within it that wait to be resumed. ends_by:
    when the framework ends it, by time.monotonic(), or None."""

    __slots__ = ("execution", "parent", "name", "request", "result", "tokens", "steps", "done",
                 "waits", "limits", "calls", "parked", "ends_by")

    def __init__(self, execution, parent, name, request, limit_s):
        self.execution, self.parent, self.name, self.request = execution, parent, name, request
        self.result, self.tokens, self.steps, self.done = None, {}, {}, 0
        self.waits, self.limits, self.calls, self.parked = {}, {}, [], set()
        self.ends_by = time.monotonic() + limit_s if limit_s is not None else None

    def metrics(self):
        return dict(self.tokens, **({"steps": self.steps} if self.steps else {})) or None

    def expect_within_s(self):
        """The longest that its innermost steps in work may take, if each has a limit, but no longer than
        itself may take; None: nobody knows."""
        outer = {within for _, within in self.limits.values()}
        limits = [limit for id, (limit, _) in self.limits.items() if id not in outer]
        known = [max(limits)] if limits and None not in limits else []
        if self.ends_by is not None:
            known.append(max(round(self.ends_by - time.monotonic(), 3), 0))
        return min(known) + GRACE_S if known else None


class _Entry:
    """kind: a step's; None: no step. step: the id of the step that it is or is in. call: a tool's id, as
    its model gave it. raised: the
    exception that was being handled as it began. since: when it began, by time.monotonic()."""

    __slots__ = ("run", "begins", "kind", "step", "call", "name", "request", "raised", "since")

    def __init__(self, run, name, request, kind=None, begins=False, step=None, call=None):
        self.step, self.call = step, call
        self.run, self.begins, self.kind, self.since = run, begins, kind, time.monotonic()
        self.name, self.request, self.raised = name, request, sys.exc_info()[1]


def quiet(callback):
    """Logs what a callback raises."""
    @functools.wraps(callback)
    def call(*args, **kwargs):
        try:
            return callback(*args, **kwargs)
        except Exception as error:
            emit(1, f"{callback.__qualname__}: an event of a run was lost: {describe(error)}")
            return None
    return call


def _simple(value):
    nearer = simplify(value)
    return describe(value) if nearer is NotImplemented else nearer


def text(value):
    """A framework's value as text: itself, or JSON. None, and text that is blank, give None."""
    if value is None or isinstance(value, str):
        return value if value and value.strip() else None
    try:
        return json.dumps(value, default=_simple, ensure_ascii=False)
    except Exception:
        return describe(value)


def _session_id(value):
    """An id that is valid: a framework's own, or a UUID derived from it."""
    if value is None or not str(value).strip():
        return None
    value = str(value)
    valid = value.isprintable() and len(value.encode("utf-8", "replace")) <= ID_MAX
    return value if valid else str(uuid.uuid5(uuid.NAMESPACE_OID, value.encode("utf-8", "replace").decode()))


def _line(value):
    """What is asked, as the name of a step: text on one line, cut."""
    line = " ".join((text(value) or "").split())
    return line if len(line) <= STEP_MAX else line[:STEP_MAX] + "…"


_TOKENS = (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"),
           ("total_tokens", "total_tokens"))


def tokens(usage):
    """A model call's usage, a dict or an object, by either of the two ways of naming it."""
    if not usage:
        return {}
    get = usage.get if isinstance(usage, dict) else lambda name: getattr(usage, name, None)
    counts = {name: get(name) or get(other) for name, other in _TOKENS}
    if counts["total_tokens"] is None and counts["input_tokens"] is not None:
        counts["total_tokens"] = counts["input_tokens"] + (counts["output_tokens"] or 0)
    return counts


def _add(counts, more):
    for name, count in (more or {}).items():
        if isinstance(count, (int, float)):
            counts[name] = counts.get(name, 0) + count


def _limit(seconds):
    """A number of seconds; None: none that one could wait for."""
    good = isinstance(seconds, (int, float)) and 0 < seconds < 1e9
    return seconds if good and not isinstance(seconds, bool) else None


def _phase(kind, name, call, phase):
    """What a tool's progress says beside its kind: what a tracker tells tools in use by."""
    return {"tool": name, "tool_use_id": call, "phase": phase} if kind == "tool" else {}


def _failure(error, error_type):
    if isinstance(error, BaseException):
        return members_of(error)
    return {"error_message": text(error) or error_type or "it failed", "error_type": error_type}


class Runs:
    """The table. publisher: an aep.Publisher, borrowed; framework: its name, for started's context."""

    def __init__(self, publisher, framework):
        self._publisher, self._framework = publisher, framework
        self._parked = parked_of(publisher)
        self._entries, self._lock = {}, threading.Lock()

    def __len__(self):
        return len(self._entries)

    def _find(self, id):
        with self._lock:
            entry = self._entries.get(id)
        return entry if entry and entry.run else None

    def _put(self, id, entry):
        oldest = None
        with self._lock:
            self._entries[id] = entry
            if len(self._entries) > LIMIT:
                oldest = self._entries.pop(next(iter(self._entries)))
        if oldest is not None:
            emit(2, f"{self._framework}: over {LIMIT} open runs and steps, {oldest.name!r} is given up")

    @quiet
    def begin(self, id, parent_id, name, request=None, limit_s=None, **members):
        """Publishes started, as a child of the innermost open run that parent_id belongs to.

        request: any value; None or blank: the parent's; limit_s: how long the framework lets it take;
        members: further ones of started.
        """
        found, name = self._find(parent_id), text(name) or self._framework
        parent = found and found.run
        while parent and parent.execution.ended:  # an end may be told before what is within it
            parent = parent.parent
        request = text(request) or (parent.request if parent else name)
        if parent:
            of = parent.execution
            members.update(correlation_id=of.correlation_id, causation_id=of.id,
                           traceparent=of.traceparent)
        members["session_id"] = _session_id(members.get("session_id"))
        context = dict(members.pop("context", None) or {}, framework=self._framework, run_id=str(id))
        try:
            execution = self._publisher.execution(name, request, context=context, **members).start()
        except Exception:
            self._put(id, _Entry(parent, name, request))  # what is within becomes the parent's
            raise
        run = _Run(execution, parent, name, request, _limit(limit_s))
        self._put(id, _Entry(run, name, request, begins=True))

    @quiet
    def step(self, id, parent_id, kind, name, request=None, limit_s=None, call=None):
        """Publishes progress of the run that parent_id belongs to; without one it begins one.

        kind: tool, model, …: what it counts as in the metrics. request: what a run within it starts
        from, a value or a function that gives it. limit_s: how long the framework lets it take. call:
        a tool's id, as its model gave it; None: id.
        """
        parent, name = self._find(parent_id), text(name) or kind
        if parent is None:
            self.begin(id, None, name, request() if callable(request) else request)
            return
        call = str(id) if call is None else call
        self._put(id, _Entry(parent.run, name, request, kind, step=id, call=call))
        with self._lock:
            _add(parent.run.steps, {kind: 1})
            parent.run.limits[id] = _limit(limit_s), parent.step
        self._progress(parent.run, kind, name, **_phase(kind, name, call, "start"))

    @quiet
    def within(self, id, parent_id):
        """Publishes nothing: what has this id for its parent belongs to parent_id's run."""
        parent = self._find(parent_id)
        if parent is not None:
            self._put(id, _Entry(parent.run, parent.name, parent.request, step=parent.step))

    @quiet
    def wait(self, id, waiting_for, step=None):
        """Publishes progress: the run that id belongs to waits for a human, a permission, …, until
        proceed(id) or the end of id. step: what it does so at; None: what id is called."""
        entry = self._find(id)
        if entry is not None:
            step = _line(step) or entry.name
            with self._lock:
                again = entry.run.waits.get(id) == (waiting_for, step)
                entry.run.waits[id] = waiting_for, step
            if not again:
                self._progress(entry.run, entry.kind, step)

    @quiet
    def proceed(self, id):
        """Publishes progress: what id waited for has come. Nothing, if it did not wait."""
        entry = self._find(id)
        if entry is not None and self._stops_waiting(entry.run, id):
            self._progress(entry.run, entry.kind, entry.name)

    def _stops_waiting(self, run, id):
        with self._lock:
            return run.waits.pop(id, None) is not None

    def _progress(self, run, kind, name, **metadata):
        if run.execution.ended:
            return
        with self._lock:
            waits, expect_within_s = list(run.waits.values()), run.expect_within_s()
        if waits:
            metadata.update(status="waiting", waiting_for=waits[-1][0])
        elif expect_within_s is not None:
            metadata["expect_within_s"] = expect_within_s
        metadata.setdefault("status", "working")
        run.execution.progress(current_step=waits[-1][1] if waits else name, steps_completed=run.done,
                               metadata=dict(metadata, kind=kind) if kind else metadata)

    @quiet
    def park(self, id, key, waiting_for=None, step=None):
        """The call of the framework that id began has ended, its run has not: resume(key) goes on with
        it. waiting_for: what it waits for, itself; None: something within it does."""
        with self._lock:
            entry = self._entries.pop(id, None)
        if entry is None or not entry.begins:
            return
        run = entry.run
        with self._lock:
            run.limits.clear()
            if waiting_for:
                run.waits = {key: (waiting_for, _line(step) or "interrupted")}
            if run.parent:
                run.parent.parked.add(key)
        self._parked.put(key, run)
        if waiting_for:
            self._progress(run, None, "interrupted")

    @quiet
    def resume(self, key, id):
        """Whether a run was parked by that key; id is what goes on with it."""
        run = self._parked.take(key)
        if run is None:
            return False
        if run.parent:
            run.parent.parked.discard(key)
        self._put(id, _Entry(run, run.name, run.request, begins=True))
        if self._stops_waiting(run, key):
            self._progress(run, None, "resumed")
        return True

    @quiet
    def give_up(self, key):
        """What was parked by that key is not resumed: it is completed, interrupted."""
        self._parked.give_up(key)

    def run_of(self, id):
        """The innermost run that id belongs to, or None."""
        entry = self._find(id)
        return entry and entry.run

    def waits(self, id):
        """What the run that id began waits for itself: (waiting_for, step), or None."""
        entry = self._find(id)
        return entry and entry.run.waits.get(id)

    def request_of(self, id):
        """What a run within it starts from; None: nothing is known."""
        entry = self._find(id)
        request = entry and entry.request
        return request() if callable(request) else request

    def exception(self, id):
        """The exception on whose way out this is called, if it was raised since the id began."""
        entry, now = self._find(id), sys.exc_info()[1]
        return None if entry is None or entry.raised is now else now

    @quiet
    def end(self, id, result=None, error=None, tokens=None, error_type=None, **members):
        """Ends a run (completed; with an error failed) or a step: progress, if it is a tool, has an
        error, or was waited at.

        result: any value; a model's, or a child's, is its run's if that ends without one.
        error: an exception or text; tokens: numbers by name, for the run's metrics. members: further
        ones of failed, or of a step's metadata.
        An unknown id is ignored: what has ended, or began before the adapter did.
        """
        with self._lock:
            entry = self._entries.pop(id, None)
            run = entry and entry.run
            if not run:
                return
            _add(run.tokens, tokens)
            run.done += entry.kind is not None
            run.limits.pop(id, None)
            waited = run.waits.pop(id, None) is not None
            if entry.kind == "model" and result:
                run.result = result
        if entry.begins:
            self._end(run, result, error, error_type, members)
        elif entry.kind:
            self._end_step(entry, error, error_type, waited, members)

    def _end_step(self, entry, error, error_type, waited, members):
        metadata = _phase(entry.kind, entry.name, entry.call, "end" if error is None else "error")
        if error is not None:
            failure = _failure(error, error_type)
            metadata.update(error=failure["error_message"], error_type=failure["error_type"])
        if metadata or waited:
            metadata["duration_ms"] = round((time.monotonic() - entry.since) * 1000, 3)
            self._progress(entry.run, entry.kind, entry.name, **dict(metadata, **members))

    def _end(self, run, result, error, error_type, members):
        metrics = run.metrics()
        while run.parked:
            self._parked.give_up(run.parked.pop())
        if error is not None:
            run.execution.fail(partial_results=metrics and {"metrics": metrics},
                               **dict(_failure(error, error_type), **members))
            return
        result = run.result if result is None else result
        if run.parent:
            run.parent.result = result
        run.execution.complete(result_summary=text(result), metrics=metrics)

    def close(self):
        """Forgets all; runs without an end are failed, ABANDONED."""
        with self._lock:
            entries, self._entries = self._entries, {}
        entries.clear()
