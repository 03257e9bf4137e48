# SPDX-License-Identifier: Apache-2.0
"""A tracker that script/bench measures: its sources, its store, and aep watch on a terminal."""
import codecs
import fcntl
import json
import os
import pty
import select
import shutil
import struct
import subprocess
import termios
import time

from process import cpu_s, memory_mib
from screen import Screen, Stream  # of tests/cli

DEADLINE_S = 3600
LOOK_S = 0.25  # between two looks at how many events the store has


class Tracked:
    """A spool with executions in it, and the store of a tracker, in a folder of their own.

    run(*command, env=...) runs a command and returns its output; options are AEP_ variables."""

    def __init__(self, folder, build, run, **options):
        self.folder, self.build, self.run = folder, build, run
        self.folder.mkdir(mode=0o700)
        self.spool, self.store = self.folder / "spool", options.get("track_store", self.folder / "tracker.db")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("AEP_", "KAFKA_"))}
        self.env.update(AEP_MODE="local", AEP_SPOOL_DIR=str(self.spool), AEP_SPOOL_MAX_BYTES="16GiB",
                        AEP_TRACK_STORE=str(self.store))
        self.env.update({f"AEP_{name.upper()}": value for name, value in options.items()})

    def bench(self, *words, **more):
        """The JSON lines of bench_track, by name."""
        lines = self.run(self.build / "bench/bench_track", *words, env=dict(self.env, **more)).splitlines()
        return {row["name"]: row for row in map(json.loads, lines)}

    def aep(self, *words):
        return self.run(self.build / "bin/aep", *words, env=self.env)

    def fill(self, runs):
        """Publishes executions, four events each, which nobody reads yet."""
        self.bench("fill", runs, AEP_RELAY_MODE="off")

    def deliver(self):
        """Has them all delivered to Kafka; the spool is empty then."""
        self.aep("flush", "--timeout", "3600000")
        self.quit("relay")

    def remove_store(self):
        for file in self.folder.glob("tracker.db*"):
            file.unlink()

    def status(self):
        return json.loads(self.aep("tracker", "status", "--json"))

    def start(self):
        """Starts the tracker as a reader does, without waiting for it; returns its pid."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            subprocess.run([self.build / "bin/aep", "list", "--wait=0", "--limit=1"], env=self.env,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            status = self.status()
            if status["alive"]:
                return status["pid"]
        raise TimeoutError("no tracker has started")

    def ingest(self, events):
        """A tracker that begins with an empty store: events a second until it has them all, and for the last
        tenth of them; CPU of each; peak MiB."""
        begun, looks = time.monotonic(), [(0.0, 0)]
        pid = self.start()
        while looks[-1][1] < events:
            if looks[-1][0] > DEADLINE_S:
                raise TimeoutError(f"{looks[-1][1]} of {events} events after {DEADLINE_S} s")
            time.sleep(LOOK_S)
            looks.append((time.monotonic() - begun, self.status()["events"]["events"]))
        cpu, mib = cpu_s(pid), memory_mib(pid)
        self.quit("tracker")
        (last_s, last), (tail_s, tail) = looks[-1], max(look for look in looks if look[1] <= events * 0.9)
        return {"rate": last / last_s, "end": (last - tail) / (last_s - tail_s), "cpu": cpu / last * 1e6, "mib": mib}

    def floor(self):
        """Events a second when the same rows are only inserted."""
        copy = self.folder / "copy.db"
        try:
            return self.bench("floor", self.store, copy)["floor"]["per_second"]
        finally:
            for file in self.folder.glob("copy.db*"):
                file.unlink()

    def quit(self, what):
        subprocess.run([self.build / "bin/aep", what, "stop"], env=self.env, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def stop(self):
        """Ends the tracker and the relay that were started on demand; removes the files."""
        self.quit("tracker")
        self.quit("relay")
        shutil.rmtree(self.folder)


class Watching:
    """aep watch on a terminal of 100 by 30."""

    def __init__(self, tracked):
        self.fd, inner = pty.openpty()
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.screen, self.decoder = Screen(100, 30), codecs.getincrementaldecoder("utf-8")("replace")
        self.stream = Stream(self.screen)
        self.process = subprocess.Popen([tracked.build / "bin/aep", "watch"], stdin=inner, stdout=inner,
                                        stderr=inner, env=dict(tracked.env, LC_ALL="C.UTF-8", TERM="xterm-256color"))
        os.close(inner)

    def until(self, text):
        """Seconds until the screen shows that."""
        begun = time.monotonic()
        while not any(text in line for line in self.screen.display):
            left = begun + 60 - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise TimeoutError(f"{text} is not on the screen of aep watch")
            self.stream.feed(self.decoder.decode(os.read(self.fd, 65536)))
        return time.monotonic() - begun

    def close(self):
        os.write(self.fd, b"q")
        self.process.wait(60)
        os.close(self.fd)
