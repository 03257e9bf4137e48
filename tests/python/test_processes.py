# SPDX-License-Identifier: Apache-2.0
"""Forks, worker processes, whole scripts."""
import multiprocessing
import os
import subprocess
import sys
import time
import urllib.request

import pytest

import aep
from conftest import spooled


def publish_some(folder, name, count=20):
    with aep.Publisher(mode="local", spool_dir=folder) as publisher:
        for number in range(count):
            publisher.progress(name, name, steps_completed=number)


def steps(folder):
    found = {}
    for event in spooled(folder):
        if "steps_completed" in event["payload"]:
            found.setdefault(event["correlation_id"], []).append(event["payload"]["steps_completed"])
    return found


def test_a_forked_child_goes_on_with_what_it_inherited(local, spool):
    run = local.execution("a", "r").start()
    pid = os.fork()
    if pid == 0:
        try:
            for number in range(20):
                local.progress("child", "child", steps_completed=number)
            run.progress(current_step="in the child")
            os._exit(0)
        except BaseException:
            os._exit(1)
    for number in range(20):
        local.progress("parent", "parent", steps_completed=number)
    assert os.waitpid(pid, 0)[1] == 0
    run.complete()
    assert steps(spool) == {"child": list(range(20)), "parent": list(range(20))}
    ids = [event["event_id"] for event in spooled(spool)]
    assert len(set(ids)) == len(ids)
    assert [e["event_type"].split(".")[-2] for e in spooled(spool)].count("failed") == 0


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(spool, method):
    context = multiprocessing.get_context(method)
    workers = [context.Process(target=publish_some, args=(spool, f"w{n}")) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert steps(spool) == {f"w{n}": list(range(20)) for n in range(4)}


def test_a_script_that_just_ends(spool):
    code = (f"import aep; p = aep.Publisher(mode='local', spool_dir={spool!r}); "
            "p.started('a', 'r'); run = p.execution('b', 'r').start()")
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [e["payload"]["agent_name"] for e in spooled(spool)][:2] == ["a", "b"]


def test_a_killed_process_loses_nothing(spool):
    code = (f"import aep, os, signal; p = aep.Publisher(mode='local', spool_dir={spool!r})\n"
            "for n in range(50): p.progress('a', 'c', steps_completed=n)\n"
            "os.kill(os.getpid(), signal.SIGKILL)")
    subprocess.run([sys.executable, "-c", code])
    assert steps(spool) == {"c": list(range(50))}


APP = """
import aep, os
publisher = aep.Publisher(mode="local", spool_dir={spool!r})  # before the workers are forked
def app(environ, start_response):
    with publisher.execution("web", environ["PATH_INFO"], correlation_id=environ["QUERY_STRING"]):
        publisher.progress("web", environ["QUERY_STRING"], current_step=str(os.getpid()))
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


def test_gunicorn_with_two_workers(tmp_path, spool):
    (tmp_path / "web.py").write_text(APP.format(spool=spool))
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--workers", "2", "--preload", "--bind", "127.0.0.1:0",
         "web:app"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        port = next(line.rsplit(":", 1)[1].split()[0].rstrip(")") for line in server.stderr
                    if "Listening at" in line)
        pids, number, end = set(), 0, time.monotonic() + 60
        while len(pids) < 2 and time.monotonic() < end:
            answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/x?r{number}", timeout=60)
            pids.add(answer.read())
            number += 1
    finally:
        server.terminate()
        server.communicate(timeout=60)
    assert len(pids) == 2
    runs = {}
    for event in spooled(spool):
        runs.setdefault(event["correlation_id"], []).append(event["event_type"].split(".")[-2])
    assert runs == {f"r{n}": ["started", "progress", "completed"] for n in range(number)}
