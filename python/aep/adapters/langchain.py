# SPDX-License-Identifier: Apache-2.0
"""LangChain's and LangGraph's runs as events.

    from aep.adapters.langchain import AepCallbackHandler
    graph.invoke(inputs, config={"callbacks": [AepCallbackHandler(publisher)]})

A chain, agent or graph is an execution, one within another a child. A graph's nodes, what a sequence
or parallel consists of, tool, model and retriever calls are progress of what they are in; called
by itself, each is an execution of its own.

An interrupted graph waits for a human, and is the same execution once it is resumed: its thread_id
joins the two calls, whichever handler each has, as long as they have one publisher. In another
process it is another execution, of the same session_id: the thread_id.
"""
from .framework import needed
from .runs import Runs, quiet, tokens

with needed("langchain", "langchain-core"):
    from langchain_core.callbacks import BaseCallbackHandler
try:
    from langgraph.callbacks import GraphCallbackHandler as Handler  # tells of interrupts, from 1.1
except ImportError:
    Handler = BaseCallbackHandler

_HIDDEN = "langsmith:hidden"
_ASKED, _ANSWERED = ("input", "question", "query"), ("output", "answer", "result")


def _content(message):
    """A message's text: of an object, a (role, text) pair, a dict or text."""
    if isinstance(message, dict):
        return message.get("content")
    if isinstance(message, (tuple, list)) and len(message) == 2:
        return message[1]
    return getattr(message, "content", message)


def _gist(value, names):
    """The one text that matters in what goes into a chain or comes out of it, else all of it."""
    if isinstance(value, dict):
        messages = value.get("messages")
        if messages:
            return _content(messages[-1] if isinstance(messages, (list, tuple)) else messages)
        value = next((value[name] for name in names if value.get(name)), value)
    if isinstance(value, list) and value and hasattr(value[-1], "content"):
        value = value[-1]
    return _content(value)


def _name(serialized, name):
    return name or (serialized or {}).get("name") or ((serialized or {}).get("id") or ["chain"])[-1]


def _is_part(name, tags, metadata, made):
    """Whether a run is a piece of another: a graph's node, or what a sequence or parallel consists
    of. A chain or graph in such a place is not: it starts its run itself, and says no run_type."""
    tags, namespace = tags or (), (metadata or {}).get("langgraph_checkpoint_ns")
    if any(tag.startswith("graph:step:") for tag in tags):
        return True
    if not any(tag.startswith(("seq:step:", "map:key:")) for tag in tags):
        return False
    if "run_type" in made or name.startswith("Runnable"):
        return True
    # Behind a node's own work (its first step) are the graph's writers and branches, or a graph.
    return (namespace is not None and "seq:step:1" not in tags
            and metadata.get("checkpoint_ns") != namespace)


def _message(response):
    """The message of a model's result; None if it gave none."""
    generations = [one for prompt in response.generations for one in prompt]
    return getattr(generations[-1], "message", generations[-1]) if generations else None


def _usage(response, message):
    return getattr(message, "usage_metadata", None) or (response.llm_output or {}).get("token_usage")


def _pauses(error):
    """LangGraph's control flow (an interrupt, a jump to a parent graph) is raised, but no failure."""
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)


def _limit(invocation):
    """How long a model's client waits for it, where its parameters say so."""
    return (invocation or {}).get("timeout") or (invocation or {}).get("request_timeout")


def _question(interrupts):
    """What is asked; None: the graph stops before or after a node, as it was told."""
    return next((each.value for each in interrupts or ()), None)


def _resumes(inputs):
    """Whether a call goes on with what its thread has."""
    return inputs is None or type(inputs).__name__ == "Command"


class AepCallbackHandler(Handler):
    """A callback handler that publishes; for a run's config, or a constructor's callbacks.

    publisher: an aep.Publisher, borrowed, open until the last run has ended. Raises nothing: what
    cannot be published is logged to logging.getLogger("aep"). Threads: any, and event loops; writes to
    the local disk, never to the network. One handler serves any number of runs at once. Tokens in
    metrics are a run's own, not its children's.
    """

    run_inline = True  # in event loops too: a callback takes microseconds, a thread's turn takes more

    def __init__(self, publisher):
        super().__init__()
        self._runs = Runs(publisher, "langchain")
        self._threads = {}  # of the graphs that were called: what resumes them, by run_id

    @quiet
    def on_chain_start(self, serialized, inputs, *, run_id, parent_run_id=None, tags=None,
                       metadata=None, name=None, **made):
        name = _name(serialized, name)
        if parent_run_id is None and (metadata or {}).get("thread_id") is not None:
            self._call(run_id, name, str(metadata["thread_id"]), inputs)
        elif parent_run_id and _HIDDEN in (tags or ()):
            self._runs.within(run_id, parent_run_id)
        elif parent_run_id and _is_part(name, tags, metadata, made):
            self._runs.step(run_id, parent_run_id, "step", name, lambda: _gist(inputs, _ASKED))
        else:
            self._runs.begin(run_id, parent_run_id, name, _gist(inputs, _ASKED))

    def _call(self, run_id, name, thread_id, inputs):
        """A graph is called, with a thread."""
        key = self._threads[run_id] = "langgraph", name, thread_id
        if _resumes(inputs) and self._runs.resume(key, run_id):
            return
        self._runs.give_up(key)
        self._runs.begin(run_id, None, name, _gist(inputs, _ASKED), session_id=thread_id)

    @quiet
    def on_interrupt(self, event):
        """What LangGraph calls before the end of a run that it interrupts."""
        self._runs.wait(event.run_id, "human", _question(event.interrupts) or "interrupted")

    def on_resume(self, event):
        """What LangGraph calls after the start of a run that it resumes: that has been told."""

    @quiet
    def on_chain_end(self, outputs, *, run_id, **kwargs):
        key, waits = self._threads.pop(run_id, None), self._runs.waits(run_id)
        if waits is None and isinstance(outputs, dict) and "__interrupt__" in outputs:
            waits = "human", _question(outputs["__interrupt__"])
        if key and waits:
            self._runs.park(run_id, key, *waits)
        else:
            self._runs.end(run_id, "interrupted" if waits else _gist(outputs, _ANSWERED))

    @quiet
    def on_tool_start(self, serialized, input_str, *, run_id, parent_run_id=None, name=None, **kwargs):
        self._runs.step(run_id, parent_run_id, "tool", _name(serialized, name), input_str)

    @quiet
    def on_tool_end(self, output, *, run_id, **kwargs):
        self._runs.end(run_id, _content(output))

    @quiet
    def on_retriever_start(self, serialized, query, *, run_id, parent_run_id=None, name=None, **kwargs):
        self._runs.step(run_id, parent_run_id, "retriever", _name(serialized, name), query)

    @quiet
    def on_retriever_end(self, documents, *, run_id, **kwargs):
        self._runs.end(run_id, f"{len(documents)} documents")

    @quiet
    def on_chat_model_start(self, serialized, messages, *, run_id, parent_run_id=None, name=None,
                            invocation_params=None, **kwargs):
        asked = messages[-1][-1] if messages and messages[-1] else None
        self._runs.step(run_id, parent_run_id, "model", _name(serialized, name), _content(asked),
                        _limit(invocation_params))

    @quiet
    def on_llm_start(self, serialized, prompts, *, run_id, parent_run_id=None, name=None,
                     invocation_params=None, **kwargs):
        self._runs.step(run_id, parent_run_id, "model", _name(serialized, name),
                        prompts[-1] if prompts else None, _limit(invocation_params))

    @quiet
    def on_llm_end(self, response, *, run_id, **kwargs):
        message = _message(response)
        result = getattr(message, "content", None) or getattr(message, "text", None)
        self._runs.end(run_id, result, tokens=tokens(_usage(response, message)))

    @quiet
    def on_chain_error(self, error, *, run_id, **kwargs):
        self._threads.pop(run_id, None)
        if _pauses(error):
            self._runs.end(run_id, "interrupted")
        else:
            self._runs.end(run_id, error=error)

    on_tool_error = on_llm_error = on_retriever_error = on_chain_error
