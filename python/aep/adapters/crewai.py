# SPDX-License-Identifier: Apache-2.0
"""CrewAI's runs as events.

    from aep.adapters.crewai import AepEventListener
    listener = AepEventListener(publisher)      # before the first kickoff; listens until close()

A crew's kickoff is an execution, each agent at work on a task a child; so is a flow, and a crew in it
its child. Tasks are progress of the crew, tool and model calls of the agent. CrewAI hands events over
after the fact: crewai_event_bus.flush() waits until all are on disk.

An agent whose task has human_input waits for a human while it asks; a flow while @human_feedback does,
or, where its provider answers later, until from_pending() resumes it: as the same execution.
"""
from .framework import needed
from .runs import Runs, quiet, text, tokens

with needed("crewai", "crewai>=1.15"):
    import crewai.events.event_types  # noqa: F401, so that all classes of events are there
    from crewai.events.base_event_listener import BaseEventListener
    from crewai.events.base_events import BaseEvent
    from crewai.events.event_bus import crewai_event_bus, is_replaying
    from crewai.events.event_context import SCOPE_ENDING_EVENTS, SCOPE_STARTING_EVENTS
    from crewai.events.types.flow_events import HumanFeedbackReceivedEvent, HumanFeedbackRequestedEvent


def _crew_request(crew, event):
    """What its tasks say, with gaps, and what fills them."""
    tasks = [task.description for task in getattr(crew, "tasks", None) or ()]
    return "\n".join(filter(None, [*tasks, text(event.inputs or None)]))


def _is_inside(source):
    """Whether it is a flow that CrewAI is made of: an agent's executor, a memory's encoder."""
    return (type(source).__module__.startswith("crewai.")
            and bool(getattr(source, "suppress_flow_events", False)))


def _asked(messages):
    """The last message's text."""
    last = messages[-1] if isinstance(messages, list) and messages else messages
    return last.get("content") if isinstance(last, dict) else last


def _task(event):
    """Its name, or whose it is; its description is part of the request."""
    agent = getattr(event.task, "agent", None)
    return getattr(event.task, "name", None) or f"task of {getattr(agent, 'role', 'the crew')}"


# How a run begins: event type -> (name, request, seconds that it may take).
_RUNS = {
    "flow_started": lambda source, event: (event.flow_name, event.inputs or None, None),
    "crew_kickoff_started": lambda crew, event: (
        event.crew_name or "crew", _crew_request(crew, event), None),
    "agent_execution_started": lambda source, event: (
        event.agent.role, event.task_prompt, getattr(event.agent, "max_execution_time", None)),
    "lite_agent_execution_started": lambda source, event: (
        event.agent_info.get("role"), _asked(event.messages), None),
}
# How a step begins: event type -> (kind, name, what a run within it starts from).
_STEPS = {
    "method_execution_started": lambda event: ("method", event.method_name, None),
    "task_started": lambda event: ("task", _task(event), getattr(event.task, "description", None)),
    "tool_usage_started": lambda event: ("tool", event.tool_name, event.tool_args),
    "llm_call_started": lambda event: ("model", event.model, None),
}
# What an end says: event type -> arguments of Runs.end(); those of others: none.
_ENDS = {
    "flow_finished": lambda event: {"result": event.result},
    "flow_failed": lambda event: {"error": event.error},
    "crew_kickoff_completed": lambda event: {"result": getattr(event.output, "raw", event.output)},
    "crew_kickoff_failed": lambda event: {"error": event.error},
    "agent_execution_completed": lambda event: {"result": event.output},
    "agent_execution_error": lambda event: {"error": event.error},
    "lite_agent_execution_completed": lambda event: {"result": event.output},
    "lite_agent_execution_error": lambda event: {"error": event.error},
    "method_execution_failed": lambda event: {"error": event.error},
    "task_failed": lambda event: {"error": event.error},
    "tool_usage_error": lambda event: {"error": event.error},
    "llm_call_completed": lambda event: {"result": event.response, "tokens": tokens(event.usage)},
    "llm_call_failed": lambda event: {"error": event.error},
}


def _subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def _scope_events():
    """The classes of events that begin or end something: the bus goes by class."""
    return {kind for kind in _subclasses(BaseEvent)
            if kind.model_fields["type"].default in SCOPE_STARTING_EVENTS | SCOPE_ENDING_EVENTS}


def _flow(id):
    """What resumes a flow."""
    return "crewai", id


class AepEventListener(BaseEventListener):
    """An event listener that publishes; listens to CrewAI's one event bus until close().

    publisher: an aep.Publisher, borrowed, open until the last run has ended and been flushed. Raises
    nothing: what cannot be published is logged to logging.getLogger("aep"). Threads: any; writes to the
    local disk, never to the network. Tokens in metrics are a run's own, not its children's.

    Needs CrewAI 1.15: events of older versions do not say what they belong to. CrewAI does not report the end
    of a kickoff that is cancelled or interrupted (no Exception): close() publishes it as failed,
    ABANDONED.
    """

    def __init__(self, publisher):
        self._runs = Runs(publisher, "crewai")
        self._classes = _scope_events() | {HumanFeedbackRequestedEvent, HumanFeedbackReceivedEvent}
        self._asking = set()  # agents at work on a task with human_input
        super().__init__()

    def setup_listeners(self, crewai_event_bus):
        """What BaseEventListener calls."""
        for kind in self._classes:
            crewai_event_bus.register_handler(kind, self._take)

    async def _take(self, source, event):
        """A coroutine, since CrewAI hands those the events in order; it awaits nothing."""
        if not is_replaying():
            self._publish(source, event)

    @quiet
    def _publish(self, source, event):
        id, parent_id = event.event_id, event.parent_event_id
        if event.type == "human_feedback_requested":
            self._runs.wait(parent_id, "human", event.message)
        elif event.type == "human_feedback_received":
            self._runs.proceed(parent_id)
        elif event.type in SCOPE_ENDING_EVENTS:
            self._end(source, event)
        elif event.type in _RUNS and not _is_inside(source):
            self._begin(source, event)
        elif event.type in _STEPS:
            limit_s = getattr(source, "timeout", None) if event.type == "llm_call_started" else None
            self._runs.step(id, parent_id, *_STEPS[event.type](event), limit_s=limit_s)
        else:
            if parent_id in self._asking:  # its executor begins, also anew after an answer
                self._runs.proceed(parent_id)
            self._runs.within(id, parent_id)

    def _begin(self, source, event):
        id, parent_id, members = event.event_id, event.parent_event_id, {}
        if event.type == "flow_started":
            flow_id = getattr(source, "flow_id", None)
            if flow_id and self._runs.resume(_flow(flow_id), id):
                return
            members["session_id"] = flow_id or None
        if getattr(getattr(event, "task", None), "human_input", False):
            self._asking.add(id)
        name, request, limit_s = _RUNS[event.type](source, event)
        self._runs.begin(id, parent_id, name, request or self._runs.request_of(parent_id), limit_s, **members)

    def _end(self, source, event):
        id = event.started_event_id
        self._asking.discard(id)
        if event.type == "flow_paused":
            self._runs.park(id, _flow(event.flow_id), "human", event.message)
            return
        ends = _ENDS.get(event.type)
        self._runs.end(id, **(ends(event) if ends else {}))
        if event.type == "flow_finished" and _is_inside(source) and event.parent_event_id in self._asking:
            self._runs.wait(event.parent_event_id, "human", "feedback")  # the executor asks next

    def close(self):
        """Stops listening; publishes runs that have not ended as failed, ABANDONED."""
        crewai_event_bus.flush()
        for kind in self._classes:
            crewai_event_bus.off(kind, self._take)
        self._runs.close()
