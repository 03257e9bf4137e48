# SPDX-License-Identifier: Apache-2.0
"""The stubs: mypy accepts right uses and rejects wrong ones; they match the package and the
library's tables."""
import ast
import json
import os
import pathlib
import subprocess
import sys

import pytest

import aep
from conftest import AEP

SAMPLE = pathlib.Path(__file__).parent / "typing_sample.py"
LINKS = {"causation_id", "traceparent", "tracestate"}


def run(tmp_path, *command):
    """In a folder that does not contain the package's source."""
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_uses_right_and_wrong(tmp_path, version):
    run(tmp_path, sys.executable, "-m", "mypy", "--strict", "--python-version", version, str(SAMPLE))


def test_the_stubs_are_what_is_there(tmp_path):
    run(tmp_path, sys.executable, "-m", "mypy.stubtest", "aep", "--ignore-unused-allowlist",
        "--allowlist", str(SAMPLE.with_name("stubtest_allowlist")),
        "--mypy-config-file", str(SAMPLE.with_name("stubtest.ini")))


def keywords(module, of):
    """The names of a stub's parameters, without self, by "Class.method" or "function"."""
    body = ast.parse((pathlib.Path(aep.__file__).parent / f"{module}.pyi").read_text()).body
    *classes, function = of.split(".")
    for name in classes:
        [body] = [node.body for node in body if isinstance(node, ast.ClassDef) and node.name == name]
    arguments = [node.args for node in body if getattr(node, "name", None) == function][-1]
    return {argument.arg for argument in arguments.args + arguments.kwonlyargs} - {"self"}


@pytest.mark.parametrize("module, of, kind, more", [
    ("_aep", "Publisher.started", "started", set()),
    ("_aep", "Publisher.progress", "progress", set()),
    ("_aep", "Publisher.completed", "completed", set()),
    ("_aep", "Publisher.failed", "failed", set()),
    ("_publisher", "Publisher.execution", "started", set()),
    ("_execution", "Execution.__init__", "started", {"publisher"}),
    ("_track", "track", "started", {"publisher"}),
    ("_execution", "Execution.progress", "progress", {"agent_name", "correlation_id"}),
    ("_execution", "Execution.complete", "completed", {"agent_name", "correlation_id"}),
    ("_execution", "Execution.fail", "failed", {"agent_name", "correlation_id"}),
])
def test_members_are_those_of_the_table_of_kinds(module, of, kind, more):
    names = {name for name, _, _ in aep.members(kind)} | LINKS
    assert keywords(module, of) == names ^ more


def test_options_are_those_of_the_table_of_options():
    done = subprocess.run([AEP, "config", "explain", "--json"], capture_output=True, text=True,
                          env=dict(os.environ, AEP_MODE="local"), check=True)
    listed = {option["key"].replace(".", "_") for option in json.loads(done.stdout)["options"]}
    assert keywords("_publisher", "Publisher.__init__") - {"bootstrap_servers"} == listed
