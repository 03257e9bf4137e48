# SPDX-License-Identifier: Apache-2.0
"""Plays the invocations of a vector against aep, and reads what was published."""
import base64
import json
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
import harness  # noqa: E402

VECTORS = HERE / "vectors"
PREFIX = "omninode.agent.execution."


class Execution:
    def __init__(self, event, by):
        self.id = event["event_id"]
        self.started = event["payload"]
        self.cause = event["causation_id"]
        self.correlation_id = event["correlation_id"]
        self.context = self.started["context"]
        self.kind = self.context["agent_level"]
        self.by = by
        self.progress = []
        self.terminal = None  # "completed" or "failed"
        self.terminal_by = self.end = None

    @property
    def waits(self):
        """What it has waited for: a value for each time that it began to."""
        seen, before = [], None
        for event in self.progress:
            now = event["metadata"].get("waiting_for")
            if now and now != before:
                seen.append(now)
            before = now
        return seen

    @property
    def state(self):
        return self.progress[-1]["metadata"]["status"] if self.progress else None

    @property
    def steps(self):
        return max((event.get("steps_completed", 0) for event in self.progress), default=0)


class HookTest(harness.AepTest):
    """aep hook, run by an agent that can be killed."""

    def setUp(self):
        super().setUp()
        del self.env["AEP_MODE"]  # hooks need no configuration
        self.agents = {}

    def agent(self, name="agent"):
        if name not in self.agents:
            self.agents[name] = subprocess.Popen(
                [sys.executable, "-B", str(HERE / "agent.py")], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, env=self.env, cwd=self.folder, text=True)
            self.addCleanup(self.kill_agent, name)
        return self.agents[name]

    def use_relay(self):
        """Hooks start a relay, as they do for everybody; it is stopped at the test's end."""
        self.env["AEP_RELAY_MODE"] = "auto"
        self.addCleanup(self.run_aep, "relay", "stop", status=None, env={"AEP_MODE": "local"})

    def kill_agent(self, name="agent"):
        agent = self.agents.pop(name, None)
        if agent:
            agent.send_signal(signal.SIGKILL)
            agent.communicate()

    def invoke(self, *calls, agent="agent", quiet=True, env=None, before=()):
        """Runs hooks at the same time, each (arguments, input); checks that they are silent.
        before: words that the command begins with"""
        process = self.agent(agent)
        line = [[[*before, harness.PROGRAM, "hook", *arguments],
                 None if data is None else base64.b64encode(data).decode(), env or {}]
                for arguments, data in calls]
        process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
        results = json.loads(process.stdout.readline())
        for status, out, err in results if quiet else ():
            self.assertEqual((0, "", ""), (status, out, err), calls)
        return results

    def hook(self, name, stdin, *arguments, agent="agent"):
        self.invoke(([name, *arguments], json.dumps(stdin).encode()), agent=agent)

    def claude(self, event, session="s-1", turn="t-1", *, agent="agent", env=None, before=(),
               **members):
        """A hook of Claude Code."""
        stdin = {"session_id": session, "cwd": "/home/mira/ledger", "hook_event_name": event,
                 **({"prompt_id": turn} if turn else {}), **members}
        self.invoke((["claude-code"], json.dumps(stdin).encode()), agent=agent, env=env,
                    before=before)

    def by_level(self):
        """The executions of each level."""
        levels = {"session": [], "turn": [], "subagent": []}
        for execution in self.executions():
            levels[execution.kind].append(execution)
        return levels["session"], levels["turn"], levels["subagent"]

    def events(self):
        done = self.run_aep("tail", "-n", "all", "--json", env={"AEP_MODE": "local"}, status=None)
        return [json.loads(line)["event"] for line in done.stdout.splitlines()]

    def executions(self):
        """All executions in the order of their starts; every event must be of one, in order."""
        seen = {}
        for number, event in enumerate(self.events()):
            self.add_event(seen, event, number)
        return list(seen.values())

    def add_event(self, seen, event, by):
        kind = event["event_type"][len(PREFIX):-len(".v1")]
        payload = event["payload"]
        if kind == "started":
            seen[event["event_id"]] = Execution(event, by)
            return
        execution = seen.get(event["causation_id"])
        self.assertIsNotNone(execution, f"an event of no execution: {event}")
        self.assertIsNone(execution.terminal, f"an event behind the end: {event}")
        self.assertEqual(execution.started["agent_name"], payload["agent_name"])
        self.assertEqual(execution.correlation_id, event["correlation_id"])
        if kind == "progress":
            execution.progress.append(payload)
        else:
            execution.terminal, execution.end, execution.terminal_by = kind, payload, by

    def fresh(self):
        """An empty state folder, and another agent."""
        self.kill_agent()
        self.folders = getattr(self, "folders", 0) + 1
        self.env["XDG_STATE_HOME"] = f"{self.folder}/state-{self.folders}"

    # ---- vectors ----

    def call_of(self, line, agent):
        """The arguments and the input of a vector's line."""
        name = line.get("called_as", agent)
        if "argv_json" in line:
            return [name, json.dumps(line["argv_json"], ensure_ascii=False)], None
        if "argv_text" in line:
            return [name, line["argv_text"]], None
        arguments = [name] + ([line["hook"]] if name == "copilot-cli" else [])
        if "stdin_b64" in line:
            return arguments, base64.b64decode(line["stdin_b64"])
        if "stdin_text" in line:
            return arguments, line["stdin_text"].encode(errors="surrogatepass")
        return arguments, json.dumps(line["stdin"], ensure_ascii=False).encode(
            errors="surrogatepass") + b"\n"

    def play(self, lines, agent):
        """Plays the lines; returns the executions, each with the hook that has begun or ended it."""
        seen, known = {}, 0
        for group in groups_of(lines):
            if group[0]["hook"] == "@process_gone":
                self.kill_agent()
                self.wait_until(lambda: all(e.terminal for e in self.executions()), "ended")
            elif group[0]["hook"] != "@note":
                self.invoke(*(self.call_of(line, agent) for line in group))
            events = self.events()
            for event in events[known:]:
                self.add_event(seen, event, group[0]["hook"])
            known = len(events)
        return list(seen.values())


def groups_of(lines):
    groups = []
    for line in lines:
        number = line.get("group")
        if groups and number is not None and groups[-1][0].get("group") == number:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def vectors():
    """(agent, name, lines, expectation) of each."""
    for path in sorted(VECTORS.glob("*/*.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        expected = json.loads(path.with_suffix(".expect.json").read_text())
        yield path.parent.name, path.stem, lines, expected
