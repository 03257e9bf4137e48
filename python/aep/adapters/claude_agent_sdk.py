# SPDX-License-Identifier: Apache-2.0
"""The Claude Agent SDK's runs as events.

    from aep.adapters.claude_agent_sdk import AepObserver
    observer = AepObserver(publisher)
    async for message in observer.query(prompt="...", options=options):    # as claude_agent_sdk.query()
    async with observer.client(options) as client:                         # a ClaudeSDKClient

A turn, from a prompt to its result, is an execution, of the session's session_id; a sub-agent its child,
and a turn that a sub-agent's end in the background begins, the sub-agent's.
Tools, compactions and what the model says are progress. A turn waits for permission while can_use_tool
is asked, for a human where the tool is a question to one, for the rate limit while a call is tried again.

What happens comes in through hooks in ClaudeAgentOptions, beside your own, and how a turn ended through
the messages. Where you have to make the client yourself, observer.options(options) brings the hooks
alone: a turn is then completed by the Stop hook, and one without a Stop fails, INTERRUPTED, at the next
prompt or observer.close().

    hook or message ──▶ _Conversation (a connection: its turn, tools, sub-agents) ──▶ Runs

With `aep hook install claude-code` in the user's settings and setting_sources that include them, a turn
is published twice: use one of the two.
"""
import contextvars
import dataclasses
import itertools
import re
import sys

from .framework import needed
from .runs import LIMIT, Runs, quiet, text, tokens

with needed("claude_agent_sdk", "claude-agent-sdk>=0.2"):
    import claude_agent_sdk
    from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, HookMatcher

_SPAWNS = ("Agent", "Task")  # tools that start a sub-agent
_WAITS_FOR = {"AskUserQuestion": "human"}  # tools that ask; others: for permission
_NOTICE = re.compile(r"<task-notification>.*?<task-id>([^<]*)</task-id>", re.DOTALL)  # a prompt of Claude's
_CAUSES = 100  # sub-agents of a conversation that may still be told of
_numbers = itertools.count(1)


def _limit(name, given):
    """How long Claude lets a tool take, where its input says so: Bash, in milliseconds."""
    ms = given.get("timeout") if name == "Bash" and not given.get("run_in_background") else None
    return ms / 1000 if isinstance(ms, (int, float)) else None


def _said(content):
    """The text of a message's blocks."""
    if isinstance(content, str):
        return content
    parts = (getattr(block, "text", None) or (block.get("text") if isinstance(block, dict) else None)
             for block in content or ())
    return "\n".join(filter(None, parts)) or None


def _failure(result, interrupted):
    """Arguments of Runs.end() for a result that is none. interrupted: by the program; an older SDK does
    not say why."""
    message = "; ".join(map(str, result.errors or ())) or result.result or result.subtype
    reason = getattr(result, "terminal_reason", None) or ""
    if reason.startswith("aborted") or interrupted:
        return {"error": message, "error_type": reason or result.subtype, "error_code": "INTERRUPTED"}
    kind = result.subtype if result.subtype != "success" else f"api_error_{result.api_error_status}"
    return {"error": message, "error_type": kind}


class _Conversation:
    """A connection to Claude: at most one turn at a time, with its tools and sub-agents.

    read: whether its messages are seen; then a turn's result ends it, else its Stop. A result that
    comes after its turn was ended otherwise is owed.
    """

    def __init__(self, runs, name, read):
        self._runs, self._name, self._read = runs, name, read
        self._turn = self._session_id = self._prompt = self._last = self._message_id = None
        self._stopped = self._interrupted = False
        self._owed, self._cost = 0, 0.0
        self._causes = {}    # of what a sub-agent's end begins: members of started, by agent_id
        self._context = None  # what the program was within as it asked
        self._tools = {}     # those in use: tool_use_id -> (name, input)
        self._agents = {}    # sub-agents at work: agent_id -> tool_use_id, None
        self._asks = None    # what to wait for

    # -- options

    def options(self, options):
        """A copy with our hooks beside those that are there."""
        options = options or ClaudeAgentOptions()
        hooks = {name: list(matchers) for name, matchers in (options.hooks or {}).items()}
        for name in _HOOKS:
            if name != "PermissionRequest" or options.permission_prompt_tool_name:
                hooks.setdefault(name, []).append(HookMatcher(hooks=[self._hook]))
        changes = {"hooks": hooks}
        if options.can_use_tool:
            changes["can_use_tool"] = self._asking(options.can_use_tool)
        return dataclasses.replace(options, **changes)

    async def _hook(self, given, tool_use_id, context):
        """A hook of all events: it decides nothing."""
        self._take_hook(given, tool_use_id)
        return {}

    @quiet
    def _take_hook(self, given, tool_use_id):
        self._session_id = given.get("session_id") or self._session_id
        _HOOKS[given["hook_event_name"]](self, given, tool_use_id)

    def _asking(self, can_use_tool):
        """can_use_tool, and the wait for what it answers."""
        async def ask(name, given, context):
            id = self._take_question(name, context)
            try:
                answer = await can_use_tool(name, given, context)
            except BaseException:
                self._runs.proceed(id)
                raise
            self._take_answer(id, answer)
            return answer
        return ask

    @quiet
    def _take_question(self, name, context):
        """What waits for the answer."""
        id = self._place_of(context.tool_use_id, context.agent_id)
        self._runs.wait(id, _WAITS_FOR.get(name, "permission"), name)
        return id

    @quiet
    def _take_answer(self, id, answer):
        if getattr(answer, "behavior", None) == "deny" and id in self._tools:
            self._end_tool(id, error=text(answer.message) or "denied", error_type="denied", phase="denied")
        else:
            self._runs.proceed(id)

    def _place_of(self, tool_use_id, agent_id=None):
        """The nearest that is known: the tool, the sub-agent, the turn."""
        for id in tool_use_id, agent_id:
            if id is not None and self._runs.run_of(id) is not None:
                return id
        return self._turn

    # -- hooks

    def _on_prompt(self, given, tool_use_id):
        if self._turn is None:
            self._begin(given.get("prompt"), given)
        elif self._stopped or self._interrupted or not self._read:
            self._owed += self._read
            self._end_open()
            self._begin(given.get("prompt"), given)
        else:  # the turn takes it in
            self._step("prompt", "prompt")

    def _on_tool(self, given, tool_use_id):
        id, name, data = given.get("tool_use_id") or tool_use_id, given["tool_name"], given.get("tool_input")
        data = data if isinstance(data, dict) else {}
        if given.get("agent_id") not in self._agents:  # they may outlive the turn
            self._need_turn(given)
        self._tools[id] = name, data
        request = data.get("prompt") if name in _SPAWNS else data
        self._runs.step(id, self._place_of(None, given.get("agent_id")), "tool", name, request,
                        _limit(name, data))

    def _on_tool_end(self, given, tool_use_id):
        self._end_tool(given.get("tool_use_id") or tool_use_id)

    def _on_tool_failure(self, given, tool_use_id):
        self._end_tool(given.get("tool_use_id") or tool_use_id, error=given.get("error") or "it failed",
                       error_type="interrupted" if given.get("is_interrupt") else None)

    def _on_permission(self, given, tool_use_id):
        name, data = given["tool_name"], given.get("tool_input")
        same = [id for id, tool in self._tools.items() if tool == (name, data)]
        id = self._place_of(tool_use_id or (same[-1] if same else None), given.get("agent_id"))
        self._runs.wait(id, _WAITS_FOR.get(name, "permission"), name)

    def _on_agent(self, given, tool_use_id):
        id, kind = given.get("agent_id"), given.get("agent_type")
        if not id or not kind:
            return
        self._need_turn(given)
        spawned = set(self._agents.values())
        by = next((tool for tool, (name, data) in self._tools.items() if name in _SPAWNS
                   and tool not in spawned and data.get("subagent_type", kind) == kind), None)
        self._agents[id] = by
        parent = by if by is not None else self._turn
        request = self._runs.request_of(by) if by is not None else None
        self._runs.begin(id, parent, f"{self._name}:{kind}", request or kind, session_id=self._session_id)
        run = self._runs.run_of(id)
        if run is not None:
            of = run.execution
            self._causes[id] = {"correlation_id": of.correlation_id, "causation_id": of.id,
                                "traceparent": of.traceparent}
            if len(self._causes) > _CAUSES:
                del self._causes[next(iter(self._causes))]

    def _cause_of(self, prompt):
        """Members of started that say which sub-agent's end a prompt tells of, if it does."""
        notice = _NOTICE.match(prompt) if isinstance(prompt, str) else None
        return self._causes.get(notice.group(1), {}) if notice else {}

    def _on_agent_end(self, given, tool_use_id):
        id = given.get("agent_id")
        if self._agents.pop(id, self) is not self:
            self._runs.end(id, given.get("last_assistant_message"))

    def _on_compaction(self, given, tool_use_id):
        if self._turn is not None:
            self._step("compaction", f"compaction, {given.get('trigger') or 'auto'}")

    def _on_stop(self, given, tool_use_id):
        self._stopped, self._last = True, given.get("last_assistant_message")
        if not self._read:
            self._end_open()

    # -- messages

    @quiet
    def take(self, message):
        """A message of the stream."""
        kind = type(message).__name__
        self._session_id = getattr(message, "session_id", None) or self._session_id
        if self._asks and kind not in ("SystemMessage", "RateLimitEvent"):
            self._runs.proceed(self._asks)
            self._asks = None
        if kind in _MESSAGES:
            _MESSAGES[kind](self, message)

    def _on_assistant(self, message):
        if message.message_id and message.message_id == self._message_id:
            return  # a message comes in parts
        self._message_id = message.message_id
        if message.parent_tool_use_id is None:
            self._need_turn({})
            place = self._turn
        else:
            place = next((agent for agent, by in self._agents.items() if by == message.parent_tool_use_id), None)
        if place is not None:
            self._step("model", message.model, place, _said(message.content), message.error)

    def _on_user(self, message):
        """Ends tools of which no hook told the end: another hook has denied them, for one."""
        for block in message.content if isinstance(message.content, list) else ():
            id = getattr(block, "tool_use_id", None)
            if id in self._tools:
                said = _said(block.content) if block.is_error else None
                self._end_tool(id, error=said or "it failed" if block.is_error else None)

    def _on_system(self, message):
        if message.subtype == "api_retry":
            busy = message.data.get("error") == "rate_limit" or message.data.get("error_status") in (429, 529)
            self._wait_for("rate_limit" if busy else "timer", "retry")

    def _on_rate_limit(self, message):
        if message.rate_limit_info.status == "rejected":
            self._wait_for("rate_limit", "rate limit")

    def _wait_for(self, what, step):
        if self._turn is not None:
            self._asks = self._turn
            self._runs.wait(self._turn, what, step)

    def _on_reset(self, message):
        self._cost = 0.0

    def _on_result(self, result):
        total = result.total_cost_usd or 0.0
        cost, self._cost = total - self._cost, max(total, self._cost)
        if self._owed:
            self._owed -= 1
            return
        self._need_turn({})
        counts = dict(tokens(result.usage), cost_usd=round(cost, 9) or None, model_turns=result.num_turns)
        if result.is_error or result.subtype != "success":
            self._end(tokens=counts, **_failure(result, self._interrupted))
        else:
            self._end(result.result or result.structured_output or self._last, tokens=counts)

    # -- a turn

    def asked(self, prompt):
        """What is about to be sent: the request of a turn whose prompt no hook tells."""
        self._prompt = prompt if isinstance(prompt, str) else None
        self._context = contextvars.copy_context()

    def interrupt(self):
        """The program has interrupted the turn."""
        self._interrupted = self._turn is not None

    def _need_turn(self, given):
        if self._turn is None:
            self._begin(self._prompt or "(not seen)", given, inferred_start=True)

    def _begin(self, prompt, given, **context):
        self._turn = f"{self._session_id or 'session'}/{next(_numbers)}"
        self._stopped = self._interrupted = False
        self._last = self._message_id = None
        if given.get("cwd"):
            context["cwd"] = given["cwd"]
        within = self._context or contextvars.copy_context()  # hooks run in tasks of the SDK
        within.run(self._runs.begin, self._turn, None, self._name, prompt,
                   session_id=self._session_id, context=context, **self._cause_of(prompt))

    def _step(self, kind, name, place=None, result=None, error=None):
        """A step that is over as it is told."""
        id = f"{self._turn}/{next(_numbers)}"
        self._runs.step(id, place or self._turn, kind, name)
        self._runs.end(id, result, error)

    def _end_tool(self, id, **ends):
        self._tools.pop(id, None)
        self._runs.end(id, **ends)

    def _end(self, result=None, **ends):
        turn, self._turn, self._asks = self._turn, None, None
        for id in list(self._tools):
            if self._runs.run_of(id) is self._runs.run_of(turn):
                self._end_tool(id)
        self._runs.end(turn, result, **ends)

    def _end_open(self, error=None):
        """Ends the turn without its result."""
        if self._turn is None:
            return
        if error is not None:
            self._end(error=error)
        elif self._stopped:
            self._end(self._last)
        else:
            self._end(error="it was interrupted", error_code="INTERRUPTED", inferred=True)

    @quiet
    def close(self, error=None):
        """The connection is gone; error: the exception that ended it, or None."""
        for id in list(self._agents):
            del self._agents[id]
            self._runs.end(id, error=error or "its session ended before it did", error_code="INTERRUPTED",
                           inferred=True)
        self._end_open(error)


_HOOKS = {
    "UserPromptSubmit": _Conversation._on_prompt,
    "PreToolUse": _Conversation._on_tool,
    "PostToolUse": _Conversation._on_tool_end,
    "PostToolUseFailure": _Conversation._on_tool_failure,
    "PermissionRequest": _Conversation._on_permission,
    "SubagentStart": _Conversation._on_agent,
    "SubagentStop": _Conversation._on_agent_end,
    "PreCompact": _Conversation._on_compaction,
    "Stop": _Conversation._on_stop,
}
_MESSAGES = {
    "AssistantMessage": _Conversation._on_assistant,
    "UserMessage": _Conversation._on_user,
    "SystemMessage": _Conversation._on_system,
    "RateLimitEvent": _Conversation._on_rate_limit,
    "ConversationResetMessage": _Conversation._on_reset,
    "ResultMessage": _Conversation._on_result,
}


class _Client(ClaudeSDKClient):
    """A ClaudeSDKClient whose conversation is told of."""

    def __init__(self, conversation, options, transport):
        super().__init__(conversation.options(options), transport)
        self._conversation = conversation

    async def connect(self, prompt=None):
        self._conversation.asked(prompt)
        await super().connect(prompt)

    async def query(self, prompt, session_id="default"):
        self._conversation.asked(prompt)
        await super().query(prompt, session_id)

    async def receive_messages(self):
        try:
            async for message in super().receive_messages():
                self._conversation.take(message)
                yield message
        except Exception as error:  # no cancellation, after which one may read on
            self._conversation.close(error)
            raise

    async def interrupt(self):
        self._conversation.interrupt()
        await super().interrupt()

    async def disconnect(self):
        error = sys.exc_info()[1]
        try:
            await super().disconnect()
        finally:
            self._conversation.close(error)


class AepObserver:
    """Publishes what the SDK's query() and ClaudeSDKClient do.

    publisher: an aep.Publisher, borrowed, open until the last turn has ended. agent_name: that of turns;
    sub-agents have it with `:TYPE`. Raises nothing of its own: what cannot be published is logged to
    logging.getLogger("aep"). One observer serves any number of conversations at once, under asyncio and
    trio; writes to the local disk, never to the network. Tokens and cost in metrics are Claude's for
    the turn, sub-agents included.
    """

    def __init__(self, publisher, agent_name="claude-agent"):
        self._runs, self._name = Runs(publisher, "claude-agent-sdk"), agent_name
        self._hooked = []

    async def query(self, *, prompt, options=None, transport=None):
        """claude_agent_sdk.query(), told of."""
        conversation = _Conversation(self._runs, self._name, read=True)
        conversation.asked(prompt)
        messages = claude_agent_sdk.query(prompt=prompt, options=conversation.options(options),
                                          transport=transport)
        error = None
        try:
            async for message in messages:
                conversation.take(message)
                yield message
        except GeneratorExit:
            raise
        except BaseException as raised:
            error = raised
            raise
        finally:
            try:
                await messages.aclose()
            finally:
                conversation.close(error)

    def client(self, options=None, transport=None):
        """A ClaudeSDKClient that is told of: the same methods, the same errors."""
        return _Client(_Conversation(self._runs, self._name, read=True), options, transport)

    def options(self, options=None):
        """A copy of options, with hooks, for one client that you make yourself."""
        conversation = _Conversation(self._runs, self._name, read=False)
        self._hooked = self._hooked[-LIMIT:] + [conversation]
        return conversation.options(options)

    def close(self):
        """Publishes the end of turns that have not ended: failed, INTERRUPTED."""
        while self._hooked:
            self._hooked.pop().close()
        self._runs.close()
