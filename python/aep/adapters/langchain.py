# SPDX-License-Identifier: Apache-2.0
"""LangChain's and LangGraph's runs as events.

    from aep.adapters.langchain import AepCallbackHandler
    graph.invoke(inputs, config={"callbacks": [AepCallbackHandler(publisher)]})

A chain, agent or graph is an execution, one within another a child. A graph's nodes, what a sequence
or parallel consists of, tool, model and retriever calls are progress of what they are in; called
by itself, each is an execution of its own.
"""
from .framework import needed
from .runs import Runs, quiet, tokens

with needed("langchain", "langchain-core"):
    from langchain_core.callbacks import BaseCallbackHandler

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


class AepCallbackHandler(BaseCallbackHandler):
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

    @quiet
    def on_chain_start(self, serialized, inputs, *, run_id, parent_run_id=None, tags=None,
                       metadata=None, name=None, **made):
        name = _name(serialized, name)
        if parent_run_id and _HIDDEN in (tags or ()):
            self._runs.within(run_id, parent_run_id)
        elif parent_run_id and _is_part(name, tags, metadata, made):
            self._runs.step(run_id, parent_run_id, "step", name, lambda: _gist(inputs, _ASKED))
        else:
            self._runs.begin(run_id, parent_run_id, name, _gist(inputs, _ASKED))

    @quiet
    def on_chain_end(self, outputs, *, run_id, **kwargs):
        self._runs.end(run_id, _gist(outputs, _ANSWERED))

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
                            **kwargs):
        asked = messages[-1][-1] if messages and messages[-1] else None
        self._runs.step(run_id, parent_run_id, "model", _name(serialized, name), _content(asked))

    @quiet
    def on_llm_start(self, serialized, prompts, *, run_id, parent_run_id=None, name=None, **kwargs):
        self._runs.step(run_id, parent_run_id, "model", _name(serialized, name),
                        prompts[-1] if prompts else None)

    @quiet
    def on_llm_end(self, response, *, run_id, **kwargs):
        message = _message(response)
        result = getattr(message, "content", None) or getattr(message, "text", None)
        self._runs.end(run_id, result, tokens=tokens(_usage(response, message)))

    @quiet
    def on_chain_error(self, error, *, run_id, **kwargs):
        if _pauses(error):
            self._runs.wait(run_id, "human", "interrupted")
            self._runs.end(run_id, "interrupted")
        else:
            self._runs.end(run_id, error=error)

    on_tool_error = on_llm_error = on_retriever_error = on_chain_error
