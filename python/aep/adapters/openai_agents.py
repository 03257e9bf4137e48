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
    return last.get("content") if isinstance(last, dict) else None


class AepProcessor(TracingProcessor):
    """A tracing processor that publishes; for add_trace_processor() or set_trace_processors().

    publisher: an aep.Publisher, borrowed, open until the last run has ended. Raises nothing: what
    cannot be published is logged to logging.getLogger("aep"). Threads: any; writes to the local disk,
    never to the network. Tokens in metrics are an agent's own, not its children's.
    """

    def __init__(self, publisher):
        self._runs = Runs(publisher, "openai-agents")

    @quiet
    def on_trace_start(self, trace):
        metadata = dict(getattr(trace, "metadata", None) or {})
        self._runs.begin(trace.trace_id, None, trace.name, metadata.pop("user_request", None),
                         session_id=getattr(trace, "group_id", None), context=metadata)

    @quiet
    def on_trace_end(self, trace):
        self._runs.end(trace.trace_id, error=self._runs.exception(trace.trace_id))

    @quiet
    def on_span_start(self, span):
        data, parent_id = span.span_data, span.parent_id or span.trace_id
        if data.type == "agent":
            self._runs.begin(span.span_id, parent_id, data.name, self._runs.request_of(parent_id))
        elif data.type in _STEPS:
            kind, name = _STEPS[data.type]
            self._runs.step(span.span_id, parent_id, kind, name(data),
                            lambda: getattr(data, "input", None))
        else:
            self._runs.within(span.span_id, parent_id)

    @quiet
    def on_span_end(self, span):
        # A span does not always say what went wrong inside it; an exception may be ending it.
        data, error = span.span_data, self._runs.exception(span.span_id)
        if error is None and span.error:
            error = span.error["message"]
        self._runs.end(span.span_id, _output(data), error, tokens(_usage(data)))

    def shutdown(self):
        """Publishes runs that have not ended as failed, ABANDONED."""
        self._runs.close()

    def force_flush(self):
        """Nothing is held back: an event is on disk when its callback returns."""
