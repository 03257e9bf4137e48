# SPDX-License-Identifier: Apache-2.0
"""A decorator that makes each call of a function an execution."""
import functools

from . import _aep
from ._execution import Execution

_COROUTINE, _GENERATOR, _ASYNC_GENERATOR = 0x80, 0x20, 0x200  # code flags, as in the inspect module
_shared = {}


def _shared_publisher():
    """One for all decorated functions that name none, opened with the environment's settings."""
    if "publisher" not in _shared:
        from ._publisher import Publisher
        _shared["publisher"] = Publisher()
    return _shared["publisher"]


def _begin(publisher, agent_name, user_request, members, args, kwargs):
    """The execution, begun; None, with a line in the log, if it cannot be published."""
    try:
        request = user_request(*args, **kwargs) if callable(user_request) else user_request
        return Execution(publisher or _shared_publisher(), agent_name, request, **members).__enter__()
    except Exception as error:
        from ._log import emit
        emit(1, f"{agent_name} runs without being tracked: {error}")
        return None


class _Block:
    """Around one call; what cannot be published does not touch it."""

    __slots__ = ("begin", "run")

    def __init__(self, *begin):
        self.begin = begin

    def __enter__(self):
        self.run = _begin(*self.begin)
        return self.run

    def close(self):
        """Who reads a generator wants no more of it: that is no failure."""
        if self.run is not None and not self.run.ended:
            self.run._end(None)

    def __exit__(self, *exception):
        if self.run is not None:
            self.run.__exit__(*exception)


def _wrap(function, block):
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)

    def call(*args, **kwargs):
        with block(args, kwargs):
            return function(*args, **kwargs)

    async def call_coroutine(*args, **kwargs):
        with block(args, kwargs):
            return await function(*args, **kwargs)

    def call_generator(*args, **kwargs):
        tracked = block(args, kwargs)
        with tracked:
            try:
                return (yield from function(*args, **kwargs))
            except GeneratorExit:
                tracked.close()
                raise

    async def call_async_generator(*args, **kwargs):
        tracked = block(args, kwargs)
        with tracked:
            try:
                async for item in function(*args, **kwargs):
                    yield item
            except GeneratorExit:
                tracked.close()
                raise

    wrapper = (call_async_generator if flags & _ASYNC_GENERATOR else
               call_coroutine if flags & _COROUTINE else
               call_generator if flags & _GENERATOR else call)
    return functools.wraps(function)(wrapper)


def track(agent_name=None, *, user_request=None, publisher=None, **members):
    """Makes each call of a function, coroutine function or generator an execution.

    agent_name: the function's qualified name by default; user_request: text, or a function of the
    call's arguments, by default the first line of the docstring or the name; publisher: by default one
    with the environment's settings; members as for started(). A call within a tracked one becomes its
    child. That an event cannot be published is logged and does not touch the call.
    """
    if callable(agent_name):
        return track()(agent_name)

    def decorate(function):
        name = agent_name or function.__qualname__
        doc = (function.__doc__ or "").strip().partition("\n")[0]
        request = user_request or doc or name
        return _wrap(function,
                     lambda args, kwargs: _Block(publisher, name, request, members, args, kwargs))
    return decorate
