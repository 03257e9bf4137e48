# SPDX-License-Identifier: Apache-2.0
"""A local spool, read back as the runs that its events describe."""
import json
import os
import subprocess
import sys

import aep

EXAMPLES = os.path.join(os.path.dirname(__file__), *[os.pardir] * 3, "examples", "python")
AEP = os.path.join(os.path.dirname(sys.executable), "aep")


class Run:
    """One execution, as its events describe it."""

    def __init__(self, started):
        self.id, self.correlation_id = started["event_id"], started["correlation_id"]
        self.cause, self.started = started["causation_id"], started["payload"]
        self.name, self.progress, self.ends = self.started["agent_name"], [], []

    @property
    def end(self):
        """Its terminal event: (kind, payload); there is exactly one."""
        assert len(self.ends) == 1, (self.name, self.ends)
        return self.ends[0]

    @property
    def steps(self):
        """(kind, step) of what it began."""
        return [(payload["metadata"]["kind"], payload["current_step"]) for payload in self.progress
                if "kind" in payload["metadata"] and "duration_ms" not in payload["metadata"]
                and payload["metadata"]["status"] == "working"]

    @property
    def tools(self):
        """(tool, phase) of its progress."""
        return [(payload["metadata"]["tool"], payload["metadata"]["phase"]) for payload in self.progress
                if "tool" in payload["metadata"]]

    @property
    def states(self):
        """What it waited for in each of its progress events, None: nothing; without repetitions."""
        states = [payload["metadata"].get("waiting_for") for payload in self.progress]
        return [state for n, state in enumerate(states) if n == 0 or state != states[n - 1]]

    @property
    def limits(self):
        """(step, the seconds within which it expects to hear of it or None) of its progress."""
        return [(payload["current_step"], payload["metadata"].get("expect_within_s"))
                for payload in self.progress]

    @property
    def errors(self):
        return [payload["metadata"]["error"] for payload in self.progress
                if "error" in payload["metadata"]]


class Spool:
    """A local spool: its publisher, and what is in it."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.publisher = aep.Publisher(mode="local", spool_dir=self.folder)

    def events(self):
        """The lines of `aep tail --json`, in order."""
        done = subprocess.run([AEP, "tail", "--json", "--lines", "all", "--spool", self.folder],
                              capture_output=True, text=True, check=True)
        return [json.loads(line)["event"] for line in done.stdout.splitlines()]

    def runs(self):
        """The executions in the order of their start. Every other event of a run is caused by its
        started event, and comes between that and the run's end."""
        runs = {}
        for event in self.events():
            kind = event["event_type"].split(".")[-2]
            if kind == "started":
                runs[event["event_id"]] = Run(event)
                continue
            run = runs[event["causation_id"]]
            assert run.correlation_id == event["correlation_id"] and not run.ends
            if kind == "progress":
                run.progress.append(event["payload"])
            else:
                run.ends.append((kind, event["payload"]))
        return list(runs.values())

    def run(self, name):
        """The one execution of that name."""
        found, = [run for run in self.runs() if run.name == name]
        return found


def is_child(child, parent):
    return child.cause == parent.id and child.correlation_id == parent.correlation_id


def run_example(name, spool):
    """Runs one of the examples, as its docstring says, on this spool."""
    subprocess.run([sys.executable, os.path.join(EXAMPLES, name)], check=True, stdin=subprocess.DEVNULL,
                   env=dict(os.environ, AEP_MODE="local", AEP_SPOOL_DIR=spool.folder))
