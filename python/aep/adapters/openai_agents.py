# SPDX-License-Identifier: Apache-2.0
"""The OpenAI Agents SDK's runs as events.

    from agents import add_trace_processor
    from aep.adapters.openai_agents import AepProcessor
    add_trace_processor(AepProcessor(publisher))

A trace is an execution, each agent in it a child (an agent that is another's tool: that one's child).
Tool calls, model calls, handoffs and guardrails are its progress.

The SDK's spans do not say what a run was asked to do. A trace's user_request is metadata["user_request"]
(RunConfig.trace_metadata), else the workflow's name; that of an agent used as a tool, the tool's
arguments; a trace's group_id becomes the session_id. With trace_include_sensitive_data=False
neither arguments nor outputs come.

An agent whose tool needs approval waits for permission, and is the same execution once its RunState is
run. That it waits follows from what its model asked for and no tool gave: the spans do not say it, and
with trace_include_sensitive_data=False, it is not known; the agent is then completed.
"""
from .framework import needed
from .runs import Runs, quiet, tokens

with needed("openai_agents", "openai-agents"):
    from agents.tracing import TracingProcessor

_STEPS = {  # span type: (kind, what the step is called)
    "function": ("tool", lambda data: data.name),
    "mcp_tools": ("tool", lambda data: f"list tools of {data.server}"),
    "generation": ("model", lambda data: data.model or "model"),
    "response": ("model", lambda data: "model"),
    "handoff": ("handoff", lambda data: f"{data.from_agent} to {data.to_agent or '…'}"),
    "guardrail": ("guardrail", lambda data: data.name),
}


# What a model asks the SDK itself to run: type of output item -> name, None: its own.
_CALLS = {"function_call": None, "custom_tool_call": None, "mcp_approval_request": None,
          "shell_call": "shell", "local_shell_call": "shell", "apply_patch_call": "apply_patch"}


def _items(data):
    """The items of a response: the SDK also makes one of a chat completion that it streams."""
    if data.type == "response":
        return getattr(data.response, "output", None) or ()
    return [item for each in data.output or () if isinstance(each, dict)
            for item in each.get("output") or ()]


def _member(item, name):
    return item.get(name) if isinstance(item, dict) else getattr(item, name, None)


def _calls(data):
    """The names of the tools that a model call asks for."""
    asked = [(_member(item, "type"), _member(item, "name")) for item in _items(data)]
    names = [_CALLS[kind] or name for kind, name in asked if kind in _CALLS]
    if data.type == "generation":
        messages = [each for each in data.output or () if isinstance(each, dict)]
        names += [call["function"]["name"] for each in messages for call in each.get("tool_calls") or ()
                  if call.get("function")]
    return names


def _limit(data):
    """How long the SDK lets it take, where its span says so: of models in ModelSettings."""
    return (getattr(data, "model_config", None) or {}).get("timeout")


def _usage(data):
    """A model call's usage."""
    if data.type not in ("generation", "response"):
        return None
    return data.usage or getattr(getattr(data, "response", None), "usage", None)


def _output(data):
    """A model call's text."""
    if data.type == "response":
        return data.response and data.response.output_text
    last = data.output[-1] if data.type == "generation" and data.output else None
    if not isinstance(last, dict):
        return None
    parts = [part for item in _items(data) for part in _member(item, "content") or ()]
    return last.get("content") or "".join(_member(part, "text") or "" for part in parts)


class AepProcessor(TracingProcessor):
    """A tracing processor that publishes; for add_trace_processor() or set_trace_processors().

    publisher: an aep.Publisher, borrowed, open until the last run has ended. Raises nothing: what
    cannot be published is logged to logging.getLogger("aep"). Threads: any; writes to the local disk,
    never to the network. Tokens in metrics are an agent's own, not its children's.
    """

    def __init__(self, publisher):
        self._runs = Runs(publisher, "openai-agents")
        self._resumed = {}  # of traces that go on: the span that ends it, by trace_id

    @quiet
    def on_trace_start(self, trace):
        if self._runs.resume(trace.trace_id, trace.trace_id):
            return
        metadata = dict(getattr(trace, "metadata", None) or {})
        self._runs.begin(trace.trace_id, None, trace.name, metadata.pop("user_request", None),
                         session_id=getattr(trace, "group_id", None), context=metadata)

    @quiet
    def on_trace_end(self, trace):
        self._end_trace(trace.trace_id)

    def _end_trace(self, id):
        run, error = self._runs.run_of(id), self._runs.exception(id)
        if error is None and run is not None and run.parked:
            self._runs.park(id, id)
        else:
            self._runs.end(id, error=error)

    @quiet
    def on_span_start(self, span):
        data, parent_id = span.span_data, span.parent_id or span.trace_id
        if span.parent_id is None and self._runs.run_of(span.trace_id) is None:
            self._resume_trace(span)
        if data.type == "agent":
            if not self._runs.resume(self._key(parent_id, data), span.span_id):
                self._runs.begin(span.span_id, parent_id, data.name, self._runs.request_of(parent_id))
        elif data.type in _STEPS:
            kind, name = _STEPS[data.type]
            self._runs.step(span.span_id, parent_id, kind, name(data),
                            lambda: getattr(data, "input", None), _limit(data))
        else:
            self._runs.within(span.span_id, parent_id)

    def _resume_trace(self, span):
        """The SDK tells neither start nor end of a trace that it goes on with: its first span's do."""
        if self._runs.resume(span.trace_id, span.trace_id):
            self._resumed[span.trace_id] = span.span_id

    def _key(self, parent_id, data):
        """What resumes an agent: its name, in the run that it is in."""
        parent = self._runs.run_of(parent_id)
        return parent and parent.execution.id, data.name

    @quiet
    def on_span_end(self, span):
        # A span does not always say what went wrong inside it; an exception may be ending it.
        data, error = span.span_data, self._runs.exception(span.span_id)
        if error is None and span.error:
            error = span.error["message"]
        self._take_calls(span, data, error)
        if data.type == "agent" and error is None and self._is_interrupted(span.span_id):
            self._park(span)
        else:
            self._runs.end(span.span_id, _output(data), error, tokens(_usage(data)))
        if self._resumed.get(span.trace_id) == span.span_id:
            del self._resumed[span.trace_id]
            self._end_trace(span.trace_id)

    def _take_calls(self, span, data, error):
        """Keeps the agent's account of tools that were asked for and not run."""
        run = self._runs.run_of(span.span_id)
        if run is None or data.type == "agent":
            return
        if data.type in ("generation", "response"):
            run.calls = _calls(data)
        elif data.type == "handoff":
            run.calls = []
        elif data.type == "function" and data.name in run.calls and (
                error is not None or data.output is not None):
            run.calls.remove(data.name)

    def _is_interrupted(self, id):
        run = self._runs.run_of(id)
        return run is not None and bool(run.calls)

    def _park(self, span):
        run = self._runs.run_of(span.span_id)
        key = self._key(span.parent_id or span.trace_id, span.span_data)
        if run.parked:  # an agent that is its tool waits
            self._runs.park(span.span_id, key)
        else:
            self._runs.park(span.span_id, key, "permission", ", ".join(run.calls))

    def shutdown(self):
        """Publishes runs that have not ended as failed, ABANDONED."""
        self._runs.close()

    def force_flush(self):
        """Nothing is held back: an event is on disk when its callback returns."""
