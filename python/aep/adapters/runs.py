# SPDX-License-Identifier: Apache-2.0
"""A framework's open runs, by its own ids: what an adapter keeps between two callbacks.

    id ──▶ entry ──▶ run ──▶ Execution      the entry that began a run ends it (complete or fail)
    id ──▶ entry ─────┘                     a step: told by progress, counted in the nearest run

An id leaves the table when it ends; whoever takes it out publishes the end, so there is one.

Threads: any; a lock guards table and counts, and is not held while something is published.
Raises nothing: errors are logged to logging.getLogger("aep").
"""
import functools
import json
import sys
import threading

from .._failure import members_of
from .._log import emit
from .._values import describe, simplify

LIMIT = 10000  # ids at once; beyond it the oldest go, and a run without an end is failed, ABANDONED


class _Run:
    __slots__ = ("execution", "parent", "request", "result", "tokens", "steps", "done")

    def __init__(self, execution, parent, request):
        self.execution, self.parent, self.request, self.result = execution, parent, request, None
        self.tokens, self.steps, self.done = {}, {}, 0

    def metrics(self):
        return dict(self.tokens, **({"steps": self.steps} if self.steps else {})) or None


class _Entry:
    """kind: a step's; None: no step. raised: the exception that was being handled as it began."""

    __slots__ = ("run", "begins", "kind", "name", "request", "raised")

    def __init__(self, run, name, request, kind=None, begins=False):
        self.run, self.begins, self.kind = run, begins, kind
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


def _failure(error, error_type):
    if isinstance(error, BaseException):
        return members_of(error)
    return {"error_message": text(error) or error_type or "it failed", "error_type": error_type}


class Runs:
    """The table. publisher: an aep.Publisher, borrowed; framework: its name, for started's context."""

    def __init__(self, publisher, framework):
        self._publisher, self._framework = publisher, framework
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
    def begin(self, id, parent_id, name, request=None, **members):
        """Publishes started, as a child of the innermost open run that parent_id belongs to.

        request: any value; None or blank: the parent's; members: further ones of started.
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
        context = dict(members.pop("context", None) or {}, framework=self._framework, run_id=str(id))
        try:
            execution = self._publisher.execution(name, request, context=context, **members).start()
        except Exception:
            self._put(id, _Entry(parent, name, request))  # what is within becomes the parent's
            raise
        self._put(id, _Entry(_Run(execution, parent, request), name, request, begins=True))

    @quiet
    def step(self, id, parent_id, kind, name, request=None):
        """Publishes progress of the run that parent_id belongs to; without one it begins one.

        kind: tool, model, …: what it counts as in the metrics. request: what a run within it starts
        from, a value or a function that gives it.
        """
        parent, name = self._find(parent_id), text(name) or kind
        if parent is None:
            self.begin(id, None, name, request() if callable(request) else request)
            return
        self._put(id, _Entry(parent.run, name, request, kind))
        with self._lock:
            _add(parent.run.steps, {kind: 1})
        self._progress(parent.run, kind, name)

    @quiet
    def within(self, id, parent_id):
        """Publishes nothing: what has this id for its parent belongs to parent_id's run."""
        parent = self._find(parent_id)
        if parent is not None:
            self._put(id, _Entry(parent.run, parent.name, parent.request))

    @quiet
    def wait(self, id, waiting_for, step):
        """Publishes progress: the run that id belongs to waits, for a human for one."""
        entry = self._find(id)
        if entry is not None:
            self._progress(entry.run, entry.kind, step, status="waiting", waiting_for=waiting_for)

    def _progress(self, run, kind, name, **metadata):
        if not run.execution.ended:
            run.execution.progress(current_step=name, steps_completed=run.done,
                                   metadata=dict({"kind": kind, "status": "working"}, **metadata))

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
    def end(self, id, result=None, error=None, tokens=None, error_type=None):
        """Ends a run (completed; with an error failed) or a step (progress, if it has an error).

        result: any value; a model's, or a child's, is its run's if that ends without one.
        error: an exception or text; tokens: numbers by name, for the run's metrics.
        An unknown id is ignored: what has ended, or began before the adapter did.
        """
        with self._lock:
            entry = self._entries.pop(id, None)
            run = entry and entry.run
            if not run:
                return
            _add(run.tokens, tokens)
            run.done += entry.kind is not None
            if entry.kind == "model" and result:
                run.result = result
        if entry.begins:
            self._end(run, result, error, error_type)
        elif entry.kind and error is not None:
            failure = _failure(error, error_type)
            self._progress(run, entry.kind, entry.name, error=failure["error_message"],
                           error_type=failure["error_type"])

    def _end(self, run, result, error, error_type):
        metrics = run.metrics()
        if error is not None:
            run.execution.fail(partial_results=metrics and {"metrics": metrics},
                               **_failure(error, error_type))
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
