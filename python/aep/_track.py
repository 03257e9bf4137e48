# SPDX-License-Identifier: Apache-2.0
"""A decorator that makes each call of a function an execution."""
import functools

from ._aep import members as members_of_kind
from ._execution import Execution, _current

_COROUTINE, _GENERATOR, _ASYNC_GENERATOR = 0x80, 0x20, 0x200  # code flags, as in the inspect module
_shared: dict = {}


def _shared_publisher():
    """The publisher of all decorated functions that name none; configured by the environment."""
    if "publisher" not in _shared:
        from ._publisher import Publisher
        _shared["publisher"] = Publisher()
    return _shared["publisher"]


def _begin(publisher, agent_name, user_request, members, args, kwargs):
    """The started execution; None, and a line in the log, if it cannot be published."""
    try:
        request = user_request(*args, **kwargs) if callable(user_request) else user_request
        return Execution(publisher or _shared_publisher(), agent_name, request, **members).start()
    except Exception as error:
        from ._log import emit
        emit(1, f"{agent_name} runs without being tracked: {error}")
        return None


class _CallBlock:
    """Around one call, whose run is the current one all the time; what cannot be published does not
    touch it."""

    __slots__ = ("begin", "run")

    def __init__(self, *begin):
        self.begin = begin

    def __enter__(self):
        self.run = _begin(*self.begin)
        if self.run is not None:
            self.enter(self.run._take_place())

    def enter(self, place):
        _current.set(place)

    def __exit__(self, *exception):
        if self.run is not None:
            self.run.__exit__(*exception)


class _GeneratorBlock(_CallBlock):
    """The run is the current one while the generator runs, not while its reader does."""

    __slots__ = ("within", "token")

    def __enter__(self):
        self.within = _current.get()
        super().__enter__()
        return self

    def enter(self, place):
        self.within = place

    def __exit__(self, kind, exception, traceback):
        # The reader of a generator wants no more of it: that is not a failure.
        super().__exit__(kind, None if kind is GeneratorExit else exception, traceback)

    def resume(self):
        self.token = _current.set(self.within)

    def pause(self):
        self.within = _current.get()
        try:
            _current.reset(self.token)
        except ValueError:
            pass  # it was left within an await, and is closed in another context


def _flags(function):
    """The code flags of the function that finally runs, also behind a partial() or a __call__()."""
    if isinstance(function, functools.partial):
        function = function.func
    for place in (function, getattr(type(function), "__call__", None)):
        code = getattr(place, "__code__", None)
        if code is not None:
            return code.co_flags
    return 0


def _wrap(function, begin):
    flags = _flags(function)

    def call(*args, **kwargs):
        with _CallBlock(*begin, args, kwargs):
            return function(*args, **kwargs)

    async def call_coroutine(*args, **kwargs):
        with _CallBlock(*begin, args, kwargs):
            return await function(*args, **kwargs)

    def call_generator(*args, **kwargs):
        with _GeneratorBlock(*begin, args, kwargs) as block:
            generator = function(*args, **kwargs)
            step, value = generator.send, None
            while True:
                block.resume()
                try:
                    item = step(value)
                except StopIteration as stop:
                    return stop.value
                finally:
                    block.pause()
                try:
                    step, value = generator.send, (yield item)
                except BaseException as error:
                    step, value = generator.throw, error

    async def call_async_generator(*args, **kwargs):
        with _GeneratorBlock(*begin, args, kwargs) as block:
            generator = function(*args, **kwargs)
            step, value = generator.asend, None
            while True:
                block.resume()
                try:
                    item = await step(value)
                except StopAsyncIteration:
                    return
                finally:
                    block.pause()
                try:
                    step, value = generator.asend, (yield item)
                except BaseException as error:
                    step, value = generator.athrow, error

    wrapper = (call_async_generator if flags & _ASYNC_GENERATOR else
               call_coroutine if flags & _COROUTINE else
               call_generator if flags & _GENERATOR else call)
    return functools.wraps(function)(wrapper)


def _check_names(members):
    """Reports a wrong name where the function is decorated, not at each call."""
    names = [name for name, _, _ in members_of_kind("started")] + ["causation_id", "traceparent", "tracestate"]
    for name in members:
        if name not in names:
            from ._names import unknown_keyword
            raise TypeError(unknown_keyword("track", name, ["publisher"] + names))


def track(agent_name=None, *, user_request=None, publisher=None, **members):
    """Makes each call of a function, coroutine function or generator an execution.

    agent_name: the function's qualified name by default; user_request: text, or a function of the
    call's arguments, by default the first line of the docstring or the name; publisher: by default one
    with the environment's settings; members as for started(). A call within a tracked one becomes its
    child. If an event cannot be published, that is logged and the call goes on. Raises TypeError (unknown
    keyword).
    """
    _check_names(members)
    if callable(agent_name):
        return track()(agent_name)

    def decorate(function):
        named = function.func if isinstance(function, functools.partial) else function
        name = agent_name or getattr(named, "__qualname__", type(named).__qualname__)
        doc = (named.__doc__ or "").strip().partition("\n")[0]
        request = user_request or doc or name
        return _wrap(function, (publisher, name, request, members))
    return decorate
