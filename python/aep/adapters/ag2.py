# SPDX-License-Identifier: Apache-2.0
"""AG2's runs as events: AutoGen's successor, from version 1.

    from aep.adapters.ag2 import AepMiddleware
    agent = Agent("forecaster", config=config, middleware=[AepMiddleware(publisher)])

A turn of an agent is an execution; one that a tool of another's runs is a child, also of an agent that
has no middleware of its own: a sub-task, a background agent. Model and tool calls are progress. The
session_id of a turn is its channel's in a network, else its stream's: the conversation's.

A turn waits for permission while a tool's approval is asked for, for a human while anything else is.
Give the middleware to an agent or to its ask(), not to both: each would publish the turn.
"""
import contextvars
import itertools
import weakref

from .framework import needed
from .runs import LIMIT, Runs, quiet, tokens

with needed("ag2", "ag2>=1.0"):
    from ag2 import events
    from ag2.events import (HumanInputRequest, HumanMessage, TaskCancelled, TaskCompleted, TaskExpired,
                            TaskFailed, TaskStarted, ToolErrorEvent)
    from ag2.middleware.base import BaseMiddleware, MiddlewareFactory
    from ag2.utils import AGENT_CONTEXT_DEPENDENCY_KEY

# 1.0 asks for an approval as for anything else.
ToolApprovalRequest = getattr(events, "ToolApprovalRequest", ())
_CHANNEL = "ag2.network.channel"  # ag2.network.CHANNEL_DEP, without its package
# What the code that runs now is within: the id of a turn or of a tool call.
_within = contextvars.ContextVar("aep.ag2", default=None)
_numbers = itertools.count(1)


def _agent_name(context):
    return getattr(context.dependencies.get(AGENT_CONTEXT_DEPENDENCY_KEY), "name", None) or "agent"


def _session_id(context):
    channel = getattr(context.dependencies.get(_CHANNEL), "channel_id", None)
    return str(channel or context.stream.id)


def _asked(event):
    """The text of what a turn begins with."""
    parts = getattr(event, "parts", None) or ()
    return "\n".join(str(part.content) for part in parts if getattr(part, "content", None)) or None


def _model(context):
    """The model's name, where it is known before it answers."""
    config = getattr(context.dependencies.get(AGENT_CONTEXT_DEPENDENCY_KEY), "config", None)
    try:
        return str(config.model)
    except Exception:
        return "model"


class _Turn(BaseMiddleware):
    """What AG2 makes for one turn. An exception of the agent's goes through it; ours do not leave it."""

    def __init__(self, event, context, tasks, runs):
        super().__init__(event, context)
        self._tasks, self._runs, self._id = tasks, runs, f"turn-{next(_numbers)}"

    async def on_turn(self, call_next, event, context):
        self._begin(event, context)
        token = _within.set(self._id)
        try:
            response = await call_next(event, context)
        except BaseException as error:
            self._runs.end(self._id, error=error)
            raise
        finally:
            _within.reset(token)
        self._end(response)
        return response

    @quiet
    def _begin(self, event, context):
        self._tasks.watch(context.stream)
        name = _agent_name(context)
        task = self._tasks.claim(_within.get(), name)
        if task is not None:
            self._runs.within(self._id, task)
        else:
            self._runs.begin(self._id, self._tasks.near(_within.get()), name, _asked(event),
                             session_id=_session_id(context))

    @quiet
    def _end(self, response):
        self._runs.end(self._id, getattr(response, "content", None))

    async def on_llm_call(self, call_next, events, context):
        id = self._begin_model(context)
        try:
            response = await call_next(events, context)
        except BaseException as error:
            self._runs.end(id, error=error)
            raise
        self._end_model(id, response)
        return response

    @quiet
    def _begin_model(self, context):
        id = f"model-{next(_numbers)}"
        self._runs.step(id, self._id, "model", _model(context))
        return id

    @quiet
    def _end_model(self, id, response):
        usage = tokens(getattr(response, "usage", None))
        self._runs.end(id, getattr(response, "content", None), tokens=usage)

    async def on_tool_execution(self, call_next, event, context):
        id = self._begin_tool(event)
        token = _within.set(id)
        try:
            result = await call_next(event, context)
        except BaseException as error:
            self._runs.end(id, error=error)
            raise
        finally:
            _within.reset(token)
        self._runs.end(id, error=result.error if isinstance(result, ToolErrorEvent) else None)
        return result

    @quiet
    def _begin_tool(self, event):
        id = self._id, event.id
        self._runs.step(id, self._id, "tool", event.name, event.arguments, call=event.id)
        return id

    async def on_human_input(self, call_next, event, context):
        self._tasks.ask(event)
        try:
            return await call_next(event, context)
        finally:
            self._tasks.answer(event.id)


class _Tasks:
    """Sub-tasks, and questions to humans, of all streams: what their events tell."""

    def __init__(self, runs):
        self._runs, self._streams = runs, weakref.WeakSet()
        self._unclaimed = {}  # (what a sub-task is within, its agent) -> task_ids whose turn is to begin
        self._questions = {}  # id of a request -> what waits for its answer

    def watch(self, stream):
        """Hears a stream's events; once, and as long as there is the stream."""
        if stream not in self._streams:
            self._streams.add(stream)
            for kind, take in _EVENTS.items():
                stream.where(kind).subscribe(_listener(self, take))

    def claim(self, within, name):
        """The sub-task that the turn of an agent belongs to; None: to none."""
        tasks = self._unclaimed.get((within, name))
        return tasks.pop(0) if tasks else None

    def near(self, id):
        """What an id stands for while that is known: a tool call's, once it is over, for its turn."""
        over = isinstance(id, tuple) and self._runs.run_of(id) is None
        return id[0] if over else id

    @quiet
    def begin(self, event):
        within = _within.get()
        self._runs.begin(event.task_id, self.near(within), event.agent_name, event.objective)
        self._unclaimed.setdefault((within, event.agent_name), []).append(event.task_id)

    @quiet
    def end(self, event):
        for key, tasks in list(self._unclaimed.items()):
            if event.task_id in tasks:
                tasks.remove(event.task_id)
            if not tasks:
                self._unclaimed.pop(key, None)
        usage = tokens(getattr(event, "usage", None)) if self._is_silent(event.task_id) else None
        if isinstance(event, TaskCompleted):
            self._runs.end(event.task_id, event.result, tokens=usage)
        elif isinstance(event, TaskFailed):
            self._runs.end(event.task_id, error=event.error)
        else:
            cancelled = isinstance(event, TaskCancelled)
            self._runs.end(event.task_id, error=getattr(event, "reason", None) or "its time was over",
                           error_code="CANCELLED" if cancelled else "EXPIRED")

    def _is_silent(self, task_id):
        """Whether its agent has no middleware that would have counted what it used."""
        run = self._runs.run_of(task_id)
        return run is not None and not run.tokens

    @quiet
    def ask(self, request):
        place = self._place_of(request)
        if place is not None:
            if len(self._questions) >= LIMIT:  # those that failed have no answer
                self._questions.pop(next(iter(self._questions)), None)
            self._questions[request.id] = place
            if isinstance(request, ToolApprovalRequest):
                self._runs.wait(place, "permission")
            else:
                self._runs.wait(place, "human", request.content)

    def _place_of(self, request):
        """The sub-task that asks, else the tool or the turn."""
        for id in getattr(request, "task_id", None), self.near(_within.get()):
            if id is not None and self._runs.run_of(id) is not None:
                return id
        return None

    @quiet
    def answer(self, request_id):
        place = self._questions.pop(request_id, None)
        if place is not None:
            self._runs.proceed(place)


_ENDS = TaskCompleted, TaskFailed, TaskExpired, TaskCancelled
_EVENTS = {  # of a stream: what it tells
    TaskStarted: _Tasks.begin, **dict.fromkeys(_ENDS, _Tasks.end), HumanInputRequest: _Tasks.ask,
    HumanMessage: lambda tasks, message: tasks.answer(message.parent_id),
}


def _listener(tasks, take):
    """A subscriber of a stream: a coroutine, since AG2 runs other functions in threads."""
    async def listen(event):
        take(tasks, event)
    return listen


class AepMiddleware(MiddlewareFactory):
    """A middleware that publishes; for Agent(middleware=…), or ask(middleware=…).

    publisher: an aep.Publisher, borrowed, open until the last turn has ended. Raises nothing: what
    cannot be published is logged to logging.getLogger("aep"). One serves any number of agents and
    turns at once; writes to the local disk, never to the network. Tokens in metrics are a turn's
    own, not its children's.
    """

    def __init__(self, publisher):
        self._runs = Runs(publisher, "ag2")
        self._tasks = _Tasks(self._runs)

    def __call__(self, event, context):
        return _Turn(event, context, self._tasks, self._runs)

    def close(self):
        """Publishes turns that have not ended as failed, ABANDONED."""
        self._runs.close()
