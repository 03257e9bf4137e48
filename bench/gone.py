# SPDX-License-Identifier: Apache-2.0
"""How soon an execution whose process is killed is declared failed."""
import json
import subprocess
import time

FAILED = "omninode.agent.execution.failed.v1"


def declared(program, env, count):
    """Milliseconds from the kill of a process until its execution has its failed event in the spool, count
    times, with a relay that lives."""
    tail = subprocess.Popen([program, "tail", "-f", "-n", "0", "--json"], env=env, stdout=subprocess.PIPE, text=True)
    times = []
    for number in range(count):
        process = subprocess.Popen(["sleep", "3600"])
        subprocess.run([program, "publish", "started", "--agent", f"a{number}", "--request", "r",
                        "--pid", str(process.pid)], env=env, check=True, stdout=subprocess.DEVNULL)
        time.sleep(0.2)  # the relay has seen it
        begun = time.monotonic()
        process.kill()
        process.wait()
        while (event := json.loads(tail.stdout.readline())["event"])["event_type"] != FAILED:
            pass
        times.append((time.monotonic() - begun) * 1000)
        if event["payload"]["error_code"] != "ABANDONED":
            raise ValueError(event)
    tail.terminate()
    tail.wait()
    return times
