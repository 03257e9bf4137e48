# SPDX-License-Identifier: Apache-2.0
"""What the kernel knows of a process that script/bench measures."""
import pathlib
import time


def memory_mib(pid, what="VmHWM"):
    """What the kernel says of a process: VmHWM, its peak resident memory, or VmRSS."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise ValueError(what)


def cpu_s(pid):
    """CPU seconds of all threads of a process so far."""
    return sum(int((task / "schedstat").read_text().split()[0])
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


def switches(pid):
    """Voluntary context switches of all threads of a process so far."""
    return sum(int(line.split()[1]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
               for line in (task / "status").read_text().splitlines() if line.startswith("voluntary_ctxt_switches"))


def idle(pid, seconds=10):
    """What a process does when there is nothing to do: wake-ups a second, % of a core, resident MiB."""
    time.sleep(3)
    before, cpu_before = switches(pid), cpu_s(pid)
    time.sleep(seconds)
    return {"wakeups": (switches(pid) - before) / seconds, "cpu": (cpu_s(pid) - cpu_before) / seconds * 100,
            "mib": memory_mib(pid, "VmRSS")}
