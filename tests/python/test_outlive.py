# SPDX-License-Identifier: Apache-2.0
"""An execution outlives its interpreter: whoever is killed, its end is published, once."""
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

import aep
from conftest import DEADLINE_S, spooled


def ends(folder):
    return [event for event in spooled(folder)
            if event["event_type"].split(".")[-2] in ("completed", "failed")]


def await_ends(folder, count):
    deadline = time.monotonic() + DEADLINE_S
    while len(ends(folder)) < count:
        assert time.monotonic() < deadline, f"{len(ends(folder))} of {count} ends"
        time.sleep(0.02)
    return ends(folder)


def abandoned(event):
    payload = event["payload"]
    return payload.get("error_code") == "ABANDONED" and payload.get("inferred") is True


def start_script(folder, body):
    """Runs it until it says "ready"."""
    code = f"import aep, os, sys, time\np = aep.Publisher(mode='local', spool_dir={folder!r})\n{body}"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_a_killed_interpreters_executions_are_declared_failed(spool):
    process = start_script(spool, "with p.execution('ended', 'r') as run: run.progress(current_step='x')\n"
                                  "runs = [p.execution(f'open-{n}', 'r').start() for n in range(5)]\n"
                                  "print('ready', flush=True); time.sleep(600)")
    kill(process)
    found = await_ends(spool, 6)
    assert [e["payload"]["agent_name"] for e in found] == ["ended"] + [f"open-{n}" for n in range(5)]
    assert not abandoned(found[0])
    assert all(abandoned(event) for event in found[1:])
    started = {e["payload"]["agent_name"]: e["event_id"] for e in spooled(spool)
               if e["event_type"].endswith(".started.v1")}
    for event in found[1:]:
        assert event["causation_id"] == started[event["payload"]["agent_name"]]
        assert event["payload"]["error_message"].startswith(f"process {process.pid} (python")


def test_one_that_exits_without_cleaning_up_is_gone_too(spool):
    code = (f"import aep, os; p = aep.Publisher(mode='local', spool_dir={spool!r})\n"
            "run = p.execution('a', 'r').start(); os._exit(0)")
    subprocess.run([sys.executable, "-c", code], check=True)
    assert abandoned(await_ends(spool, 1)[0])


def end_in_child(run):
    run.complete(result_summary="by a child")


def go_on_and_die(run):
    run.progress(current_step="x")
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_worker_that_dies_ends_nothing_of_its_parents(local, spool):
    run = local.execution("a", "r").start()
    worker = multiprocessing.get_context("fork").Process(target=go_on_and_die, args=(run,))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    run.complete(result_summary="by its parent")
    assert [e["payload"].get("result_summary") for e in ends(spool)] == ["by its parent"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_a_forked_worker_has_ended_its_parent_does_not(local, spool):
    run = local.execution("a", "r").start()
    worker = multiprocessing.get_context("fork").Process(target=end_in_child, args=(run,))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    with pytest.raises(aep.Error) as raised:
        run.complete(result_summary="again")
    assert raised.value.code == "AEP_ESTATE"
    del run
    assert [e["payload"].get("result_summary") for e in ends(spool)] == ["by a child"]


def start_and_die(folder):
    publisher = aep.Publisher(mode="local", spool_dir=folder)
    publisher.execution("worker's", "r").start()
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_killed_workers_own_execution_is_declared_failed(spool, method):
    worker = multiprocessing.get_context(method).Process(target=start_and_die, args=(spool,))
    worker.start()
    worker.join()
    (failed,) = await_ends(spool, 1)
    assert abandoned(failed)
    assert failed["payload"]["agent_name"] == "worker's"


def test_an_execution_is_open_while_the_child_lives_that_has_published_for_it(spool):
    process = start_script(spool, """
run = p.execution('a', 'r').start()
pid = os.fork()
if pid == 0:
    run.progress(current_step='in the child')
    print('ready', flush=True)
    time.sleep(600)
print(pid, file=sys.stderr, flush=True)
time.sleep(600)
""".replace("print(pid, file=sys.stderr, flush=True)", f"open({spool + '.pid'!r}, 'w').write(str(pid))"))
    deadline = time.monotonic() + DEADLINE_S
    while not os.path.exists(spool + ".pid") or not open(spool + ".pid", encoding="ascii").read():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child = int(open(spool + ".pid", encoding="ascii").read())
    kill(process)
    # Whoever declares this one has looked at that one, too.
    kill(start_script(spool, "run = p.execution('other', 'r').start(); print('ready', flush=True); time.sleep(600)"))
    assert [e["payload"]["agent_name"] for e in await_ends(spool, 1)] == ["other"]
    os.kill(child, signal.SIGKILL)
    assert sorted(e["payload"]["agent_name"] for e in await_ends(spool, 2)) == ["a", "other"]
