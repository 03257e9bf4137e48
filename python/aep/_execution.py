# SPDX-License-Identifier: Apache-2.0
"""One run of an agent: its ids, its causation, exactly one terminal event."""
from _contextvars import ContextVar

from . import _aep

_current = ContextVar("aep.execution", default=None)  # a _Place


class _Place:
    """A run's place among the runs around it. Contexts hold places, not runs: an ended run leaves
    its place empty, in every context at once, and what is next around it is current there."""

    __slots__ = ("run", "around")

    def __init__(self, run):
        self.run, self.around = run, _occupied(_current.get())

    def leave(self):
        # Skipping empty places here keeps the chain as short as the runs are that overlap.
        self.run, self.around = None, _occupied(self.around)


def _occupied(place):
    """The innermost place whose run has not ended, from this one outwards; None if there is none."""
    while place is not None and place.run is None:
        place = place.around
    return place


def current():
    """The innermost execution whose block this code runs in and that has not ended, or None."""
    place = _current.get()
    while place is not None:
        run = place.run  # once: another thread may end it
        if run is not None:
            return run
        place = place.around
    return None


class Execution:
    """A run. As a context manager, sync or async, it starts and ends by itself; else call start()
    and one of complete() and fail(). One that is dropped before it has ended is published as failed,
    ABANDONED; so is one whose interpreter is killed, by the relay.
    """

    __slots__ = ("publisher", "_members", "_run", "_place", "_ended")

    def __init__(self, publisher, agent_name, user_request, **members):
        self.publisher = publisher
        self._members = dict(members, agent_name=agent_name, user_request=user_request)
        self._run = self._place = None
        self._ended = False

    def __repr__(self):
        if self._run is None:
            return "<aep.Execution not started>"
        return f"<aep.Execution {self._run.id} {'ended' if self._ended else 'running'}>"

    def __reduce__(self):
        raise TypeError("an execution cannot be copied or pickled: pass its correlation_id, id and "
                        "traceparent")

    # -- events

    def start(self):
        """Publishes the started event; returns self. Raises InvalidEvent, SpoolFull, SpoolError."""
        if self._run is not None:
            raise RuntimeError("this execution has already been started")
        members, parent = self._members, current()
        if parent is not None:
            members = dict({"correlation_id": parent.correlation_id, "causation_id": parent.id,
                            "traceparent": parent.traceparent},
                           **{name: value for name, value in members.items() if value is not None})
        self._run = _aep.Execution.start(self.publisher, **members)
        self._members = None
        return self

    def _started(self):
        if self._run is None:
            raise RuntimeError("the execution has not been started")
        return self._run

    def progress(self, **members):
        """Publishes progress; members as for Publisher.progress(). Returns the Receipt.

        Agent name, correlation id and causation are filled in. Raises InvalidEvent, also if agent name
        or correlation id differ from its own; SpoolFull, SpoolError; Error after its end.
        """
        return self._started().progress(**members)

    def complete(self, **members):
        """Publishes completed; members as for Publisher.completed(), duration_ms and session_id filled
        in. Returns the Receipt. Raises what progress() raises."""
        return self._closed(self._started().complete(**members))

    def fail(self, error_message, **members):
        """Publishes failed; members as for Publisher.failed(), filled in as by complete(). Returns the
        Receipt. Raises what progress() raises."""
        return self._closed(self._started().fail(error_message=error_message, **members))

    def fail_with(self, exception):
        """Publishes failed for an exception: its message, type and traceback become members."""
        from ._failure import members_of
        return self.fail(**members_of(exception))

    def _closed(self, receipt):
        self._ended = True
        if self._place is not None:
            self._place.leave()
        return receipt

    # -- ids

    @property
    def id(self):
        """The started event's id: the causation_id of its children."""
        return self._started().id

    @property
    def correlation_id(self):
        """The id that joins its events."""
        return self._started().correlation_id

    @property
    def session_id(self):
        """The id of its session."""
        return self._started().session_id

    @property
    def traceparent(self):
        """The W3C traceparent for its children."""
        return self._started().traceparent

    @property
    def receipt(self):
        """The Receipt of its newest event."""
        return self._started().receipt

    @property
    def ended(self):
        """Whether its terminal event has been published."""
        return self._ended

    # -- a block

    def __enter__(self):
        self.start()
        _current.set(self._take_place())
        return self

    def __exit__(self, kind, exception, traceback):
        self._leave_place()
        if not self._ended:
            self._end(exception)

    def _take_place(self):
        """Its place among the runs that are current here; another context may make it current later."""
        self._place = _Place(self)
        return self._place

    def _leave_place(self):
        """The block ends, in whatever context, before or after those within and around it."""
        self._place.leave()
        place = _current.get()
        if place is not None and place.run is None:
            _current.set(_occupied(place))

    def _end(self, exception):
        """Errors here are logged, since they must not hide how the block ended."""
        try:
            if exception is None:
                self.complete()
            else:
                self.fail_with(exception)
        except _aep.Error as error:
            from ._log import emit
            emit(1, f"the end of an execution could not be published: {error}")

    async def __aenter__(self):
        return self.__enter__()

    async def __aexit__(self, kind, exception, traceback):
        self.__exit__(kind, exception, traceback)
