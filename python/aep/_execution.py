# SPDX-License-Identifier: Apache-2.0
"""One run of an agent: its ids, its causation, exactly one terminal event."""
from _contextvars import ContextVar

from . import _aep

_current = ContextVar("aep.execution", default=None)


def current():
    """The execution whose block this code runs in; None outside of all."""
    return _current.get()


class Execution:
    """A run. As a context manager, sync or async, it starts and ends by itself; else call start()
    and one of complete() and fail(). One that is dropped without an end is published as failed,
    ABANDONED.
    """

    __slots__ = ("publisher", "_members", "_run", "_token", "_ended")

    def __init__(self, publisher, agent_name, user_request, **members):
        self.publisher = publisher
        self._members = dict(members, agent_name=agent_name, user_request=user_request)
        self._run = self._token = None
        self._ended = False

    def __repr__(self):
        if self._run is None:
            return "<aep.Execution not started>"
        return f"<aep.Execution {self._run.id} {'ended' if self._ended else 'running'}>"

    # -- events

    def start(self):
        """Publishes the started event; returns self. Raises InvalidEvent, SpoolFull, SpoolError."""
        if self._run is not None:
            raise RuntimeError("an execution is started once")
        members, parent = self._members, _current.get()
        if parent is not None and parent._run is not None:
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
        """It moves on: members as for Publisher.progress(). Returns the Receipt.

        Agent name, correlation id, causation are filled in. Raises InvalidEvent, also for another
        agent name or correlation id than its own; SpoolFull, SpoolError; Error after its end.
        """
        return self._started().progress(**members)

    def complete(self, **members):
        """It ended well: members as for Publisher.completed(); duration_ms and session_id are filled
        in, too. Returns the Receipt. Raises as progress()."""
        receipt = self._started().complete(**members)
        self._ended = True
        return receipt

    def fail(self, error_message, **members):
        """It failed: members as for Publisher.failed(), filled in as complete() does. Returns the
        Receipt. Raises as progress()."""
        receipt = self._started().fail(error_message=error_message, **members)
        self._ended = True
        return receipt

    def fail_with(self, exception):
        """It failed with an exception: message, type and traceback become members."""
        from ._failure import members_of
        return self.fail(**members_of(exception))

    # -- ids

    @property
    def id(self):
        """The started event's id: what its children's causation_id is."""
        return self._started().id

    @property
    def correlation_id(self):
        """What joins its events."""
        return self._started().correlation_id

    @property
    def session_id(self):
        """Its session's id."""
        return self._started().session_id

    @property
    def traceparent(self):
        """The W3C traceparent that children use as theirs."""
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
        self._token = _current.set(self)
        return self

    def __exit__(self, kind, exception, traceback):
        token, self._token = self._token, None
        try:
            _current.reset(token)
        except ValueError:
            pass  # the block ends in another context than it began in
        if not self._ended:
            self._end(exception)

    def _end(self, exception):
        """What goes wrong here is logged: it must not hide how the block ended."""
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
