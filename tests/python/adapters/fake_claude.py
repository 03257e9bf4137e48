# SPDX-License-Identifier: Apache-2.0
"""A transport of the Claude Agent SDK with a script in place of Claude Code: it speaks the SDK's control
protocol, calls the hooks that were registered, asks for permissions and sends messages."""
import asyncio
import itertools
import json

from claude_agent_sdk import Transport

USAGE = {"input_tokens": 10, "output_tokens": 5}


class Claude(Transport):
    """script: async, from (this, prompt) to nothing; it runs for each prompt. An exception of it is the
    transport's."""

    def __init__(self, script, session="session-1"):
        self.script, self.session, self.ids = script, session, itertools.count(1)
        self.hooks, self.answers, self.cost = {}, {}, 0.0
        self.tasks, self.closed = set(), False

    async def connect(self):
        self.out, self.interrupted = asyncio.Queue(), asyncio.Event()

    async def write(self, data):
        message = json.loads(data)
        kind, request = message["type"], message.get("request", {})
        if kind == "user":
            self.start(self.run(message["message"]["content"]))
        elif kind == "control_response":
            self.answers.pop(message["response"]["request_id"]).set_result(message["response"])
        elif kind == "control_request":
            if request["subtype"] == "initialize":
                self.hooks = request["hooks"] or {}
            elif request["subtype"] == "interrupt":
                self.interrupted.set()
            self.send("control_response", response={"subtype": "success", "response": {},
                                                    "request_id": message["request_id"]})

    def start(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def run(self, prompt):
        try:
            await self.script(self, prompt)
        except Exception as error:
            self.out.put_nowait(error)

    async def read_messages(self):
        while (message := await self.out.get()) is not None:
            if isinstance(message, Exception):
                raise message
            yield message

    async def close(self):
        for task in list(self.tasks):
            task.cancel()
        self.out.put_nowait(None)

    def is_ready(self):
        return True

    async def end_input(self):
        self.out.put_nowait(None)

    # -- what a script says

    def send(self, kind, **members):
        self.out.put_nowait({"type": kind, **members})

    async def ask(self, **request):
        """A request of Claude's to the SDK, and its answer."""
        id = f"request-{next(self.ids)}"
        answer = self.answers[id] = asyncio.get_running_loop().create_future()
        self.send("control_request", request_id=id, request=request)
        return await answer

    async def hook(self, event, called_for=None, /, **given):
        """Calls the hooks of an event; each has to answer, and to decide nothing."""
        given = dict(given, session_id=self.session, cwd="/site", transcript_path="", hook_event_name=event)
        for matcher in self.hooks.get(event) or ():
            for callback in matcher["hookCallbackIds"]:
                answer = await self.ask(subtype="hook_callback", callback_id=callback, input=given,
                                        tool_use_id=called_for)
                assert answer["subtype"] == "success", answer

    async def tool(self, name, id, error=None, agent=None, permission=False, **given):
        """A tool, from its hook to its result; permission: it is asked for first."""
        members = {"tool_name": name, "tool_input": given, "tool_use_id": id}
        if agent:
            members.update(agent_id=agent, agent_type="reviewer")
        await self.hook("PreToolUse", id, **members)
        if permission:
            answer = (await self.ask(subtype="can_use_tool", tool_name=name, input=given, tool_use_id=id,
                                     agent_id=agent, permission_suggestions=[]))["response"]
            if answer["behavior"] == "deny":
                self.result_of(id, answer["message"], True)
                return
        if error:
            await self.hook("PostToolUseFailure", id, error=error, **members)
        else:
            await self.hook("PostToolUse", id, tool_response="fine", **members)
        self.result_of(id, error or "fine", bool(error))

    def result_of(self, id, content, is_error):
        self.send("user", message={"role": "user", "content": [{
            "type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error}]})

    def init(self):
        self.send("system", subtype="init", session_id=self.session, model="claude-fake")

    def say(self, text, id=None, parent=None, **members):
        self.send("assistant", session_id=self.session, parent_tool_use_id=parent, message={
            "id": id or f"message-{next(self.ids)}", "role": "assistant", "model": "claude-fake",
            "content": [{"type": "text", "text": text}]}, **members)

    def result(self, text=None, subtype="success", is_error=False, **members):
        self.cost += 0.25
        self.send("result", subtype=subtype, duration_ms=1, duration_api_ms=1, is_error=is_error, num_turns=1,
                  session_id=self.session, total_cost_usd=self.cost, usage=USAGE, result=text, **members)

    async def begin(self, prompt):
        await self.hook("UserPromptSubmit", prompt=prompt)
        self.init()

    async def finish(self, text, **members):
        self.say(text)
        await self.hook("Stop", stop_hook_active=False, last_assistant_message=text)
        self.result(text, **members)


async def answers(claude, prompt):
    """The simplest script."""
    await claude.begin(prompt)
    await claude.finish(f"answer to {prompt}")
