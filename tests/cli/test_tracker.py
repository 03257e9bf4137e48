# SPDX-License-Identifier: Apache-2.0
"""The tracker's process: it comes by itself, is one for each store, and whatever ends it or its store
makes no difference to the rows."""
import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time

from harness import PROGRAM, AepTest, end_process

KILLS = int(os.environ.get("AEP_TEST_TRACKER_KILLS", "20"))
SEED = int(os.environ.get("AEP_TEST_SEED", "0")) or random.randrange(1, 1 << 32)


def story(count, seed=1, word="run"):
    """Lines for aep publish --stdin: so many executions, mixed up, some without a start or an end."""
    rnd = random.Random(seed)
    runs = []
    for i in range(count):
        event = {"agent_name": f"agent-{i % 3}", "correlation_id": f"{word}-{i}"}
        run = [event | {"kind": "started", "user_request": f"request {i}"}] if i % 7 else []
        run += [event | {"kind": "progress", "steps_completed": step} for step in range(1 + i % 4)]
        if i % 3:
            run.append(event | ({"kind": "completed"} if i % 2 else
                                {"kind": "failed", "error_message": "it broke"}))
        runs.append(run)
    lines = []
    while runs:
        run = rnd.choice(runs)
        if run:
            lines.append(json.dumps(run.pop(0)) + "\n")
        else:
            runs.remove(run)
    return "".join(lines)


SKIPPED = 77
# In a mount namespace of its own: a store on a volume that is too small for it, and then is not.
SMALL_VOLUME = """
mount -t tmpfs -o size=1m,mode=700 aep-test "$DISK" || exit 77
"$AEP" list --all --json --wait=60s > rows-1 2> refusal
"$AEP" tracker status --json > status-1
mount -o remount,size=64m "$DISK" || exit 77
"$AEP" list --all --json --wait=60s > rows-2
"$AEP" tracker status --json > status-2
"$AEP" tracker stop
"""


class TrackerTest(AepTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.run_aep, "tracker", "stop", status=None)

    @property
    def store(self):
        return os.path.join(self.folder, "state", "aep", "tracker.db")

    def publish(self, *kinds, agent="a", correlation="c", env=None):
        words = {"started": ["--request", "r"], "failed": ["--error-message", "m"]}
        for kind in kinds:
            self.run_aep("publish", kind, "--agent", agent, "--correlation-id", correlation,
                         *words.get(kind, []), env=env)

    def publish_lines(self, lines):
        self.run_aep("publish", "--stdin", stdin=lines)

    def rows(self, *words, env=None):
        """Every execution, by its id, without what depends on the clock."""
        done = self.run_aep("list", "--all", "--json", "--wait=60s", *words, env=env)
        if not words or not words[0].startswith("--wait="):
            self.assertNotIn("has not caught up", done.stderr, "a list of what the tracker has by now")
        rows = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
        for row in rows.values():
            for name in ("as_of", "basis"):
                row.pop(name, None)
        return rows

    def status(self):
        return json.loads(self.run_aep("tracker", "status", "--json").stdout)

    def pids(self):
        """The processes of this test's trackers, whether they hold the lock or not."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words[1:3] == [b"--store", self.store.encode()]:
                found.append(int(pid))
        return found

    def await_end(self):
        self.wait_until(lambda: not self.pids(), "the tracker's end")

    def log(self):
        with open(os.path.join(os.path.dirname(self.store), "tracker.log"), encoding="utf-8") as f:
            return f.read()


class Life(TrackerTest):
    def test_it_comes_by_itself_with_nothing_of_its_parent(self):
        self.publish("started")
        self.assertFalse(self.status()["alive"])
        self.assertEqual(len(self.rows(env={"AEP_TENANT_ID": "secret"})), 1)
        status = self.status()
        self.assertTrue(status["alive"])
        self.assertEqual(self.pids(), [status["pid"]])
        proc = f"/proc/{status['pid']}"
        with open(f"{proc}/environ", encoding="utf-8") as file:
            self.assertNotIn("AEP_", file.read())
        for fd in "012":
            self.assertEqual(os.readlink(f"{proc}/fd/{fd}"), "/dev/null")
        self.assertEqual(os.readlink(f"{proc}/cwd"), "/")
        for name in os.listdir(os.path.dirname(self.store)):
            if name.startswith("tracker."):
                mode = os.lstat(os.path.join(os.path.dirname(self.store), name)).st_mode
                self.assertEqual(mode & 0o077, 0, name)

    def test_readers_that_come_at_once_share_one(self):
        self.publish_lines(story(50))
        readers = [self.start_aep("list", "--all", "--json", "--wait=60s") for _ in range(8)]
        answers = [reader.communicate(timeout=60) for reader in readers]
        for reader, (_, err) in zip(readers, answers):
            self.assertEqual((reader.returncode, err), (0, ""))
        ids = [sorted(json.loads(line)["id"] for line in out.splitlines()) for out, _ in answers]
        self.assertEqual(len(ids[0]), 50)
        self.assertTrue(all(found == ids[0] for found in ids))
        self.assertEqual(self.status()["events"]["duplicates"], 0)
        self.wait_until(lambda: len(self.pids()) == 1, "one tracker")

    def test_it_ends_when_idle_but_not_under_a_reader(self):
        self.publish("started")
        self.rows(env={"AEP_TRACK_IDLE_EXIT": "1s"})
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as reader:
            reader.connect(self.store + ".socket")
            pid, = self.pids()
            began = time.monotonic()
            while time.monotonic() < began + 2.5:  # longer than it may be idle
                self.assertEqual(self.pids(), [pid])
                reader.send(b"sync")
                self.assertTrue(reader.recv(100).startswith(b"synced "))
        self.await_end()
        self.assertFalse(os.path.exists(self.store + ".socket"))
        self.assertIn("nothing to do", self.log())
        self.assertEqual(len(self.rows()), 1)

    def test_it_does_not_end_before_its_texts_are_indexed(self):
        self.publish_lines("".join(json.dumps({
            "kind": "started", "agent_name": "a", "correlation_id": f"c{i}",
            "user_request": f"request {i}"}) + "\n" for i in range(60000)))
        self.rows("--limit=1", env={"AEP_TRACK_IDLE_EXIT": "1s"})
        self.await_end()
        with contextlib.closing(sqlite3.connect(self.store)) as store:
            indexed, = store.execute("SELECT change FROM texts_until").fetchone()
            changed, = store.execute("SELECT max(number) FROM changes").fetchone()
        self.assertEqual(indexed, changed)

    def test_it_stops_when_told_to_and_goes_on_where_it_was(self):
        self.publish_lines(story(30))
        before = self.rows()
        self.run_aep("tracker", "stop")
        self.assertEqual(self.pids(), [])
        shown = self.status()
        self.assertFalse(shown["alive"])
        self.assertIsNotNone(shown["as_of"])
        self.assertIn("no tracker runs", self.run_aep("tracker", "stop").stderr)
        self.assertEqual(self.rows(), before)
        self.assertEqual(self.status()["events"], shown["events"])  # none was read again

    def test_who_asks_waits_until_one_that_has_begun_listens(self):
        self.rows()
        self.run_aep("tracker", "stop")
        with open(self.store + ".lock", "w") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            release = threading.Timer(0.5, fcntl.lockf, (lock, fcntl.LOCK_UN))
            release.start()
            self.assertFalse(self.status()["alive"])
            release.join()

    def test_a_signal_ends_it_cleanly(self):
        self.publish("started")
        self.rows()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            pid, = self.pids()
            os.kill(pid, number)
            self.await_end()
            self.assertFalse(os.path.exists(self.store + ".socket"))
            self.assertEqual(len(self.rows()), 1)
        self.assertIn("stopped by a signal", self.log())

    def test_a_reader_that_does_not_wait_is_told_how_old_the_store_is(self):
        self.publish("started")
        self.rows()
        pid, = self.pids()
        os.kill(pid, signal.SIGSTOP)
        try:
            self.publish("completed")
            done = self.run_aep("list", "--all", "--json", "--wait=100ms")
        finally:
            os.kill(pid, signal.SIGCONT)
        row = json.loads(done.stdout)
        self.assertEqual(row["state"], "running")
        self.assertNotEqual(done.stderr, "")
        row, = self.rows().values()
        self.assertEqual(row["state"], "completed")

    def test_nothing_of_it_is_in_a_state_folder_that_only_publishers_use(self):
        self.publish("started")
        shown = self.run_aep("tracker", "status").stdout
        self.assertEqual(shown.count(self.store), 1, shown)
        self.assertEqual(os.listdir(os.path.dirname(self.store)), ["local"])


class Killed(TrackerTest):
    def publish_beside(self, lines):
        """Begins to; returns the process."""
        path = os.path.join(self.folder, "lines")
        with open(path, "w", encoding="utf-8") as file:
            file.write(lines)
        with open(path, encoding="utf-8") as file:
            return self.start_aep("publish", "--stdin", stdin=file, stdout=subprocess.DEVNULL)

    def kill_while(self, lines, delay_s):
        """Kills it, that long after it has begun to read what is published meanwhile."""
        reader = self.start_aep("list", "--wait=60s")
        self.wait_until(self.pids, "a tracker")
        publisher = self.publish_beside(lines)
        time.sleep(delay_s)  # at whatever instant of its work
        end_process(reader)  # before it starts another
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.await_end()
        self.assertEqual(publisher.wait(60), 0)

    def facts(self):
        """Rows without the state of those that are open: their silence lasts."""
        rows = self.rows()
        for row in rows.values():
            if row["ended_at"] is None:
                row["state"] = row["since"] = None
        return rows

    def test_rows_are_those_of_a_run_without_kills(self):
        print(f"seed {SEED}, {KILLS} kills")
        rnd, published = random.Random(SEED), 0
        for kill in range(KILLS):
            before, meanwhile = (story(60, seed=2 * kill + part, word=f"run-{kill // 4}")
                                 for part in range(2))  # eight of each correlation id
            self.publish_lines(before)
            self.kill_while(meanwhile, rnd.random() * 0.05)
            published += (before + meanwhile).count("\n")
        got = self.facts()
        status = self.status()["events"]
        self.run_aep("tracker", "stop")
        os.unlink(self.store)
        once = self.facts()
        wrong = [(row, once.get(key)) for key, row in got.items() if row != once.get(key)]
        self.assertEqual(wrong[:3], [], f"seed {SEED}, {len(wrong)} rows")
        self.assertEqual(len(got), len(once))
        self.assertEqual(status, self.status()["events"], f"seed {SEED}")
        self.assertEqual(status["events"], published)


class Stores(TrackerTest):
    def test_one_that_is_deleted_under_it_is_made_anew(self):
        self.publish_lines(story(40))
        before = self.rows()
        pid, = self.pids()
        os.unlink(self.store)
        self.assertEqual(self.rows(), before)
        for name in ("", "-wal", "-shm"):
            os.unlink(self.store + name)
        self.assertEqual(self.rows(), before)
        self.assertEqual(self.pids(), [pid])
        self.publish("started", correlation="more")
        self.assertEqual(len(self.rows()), len(before) + 1)

    def test_with_all_that_is_beside_it_too(self):
        self.publish_lines(story(40))
        before = self.rows()
        pid, = self.pids()
        folder = os.path.dirname(self.store)
        for name in os.listdir(folder):
            if name.startswith("tracker."):
                os.unlink(os.path.join(folder, name))
        self.assertEqual(self.rows(), before)
        self.wait_until(lambda: pid not in self.pids(), "the end of one without a lock")
        self.assertEqual(self.rows(), before)

    def test_a_damaged_one_is_tried_again_and_hurts_nobody_else(self):
        self.publish("started")
        os.makedirs(os.path.dirname(self.store), exist_ok=True)
        with open(self.store, "wb") as file:
            file.write(b"this is no database, but it is long enough for one" * 1000)
        os.chmod(self.store, 0o620)
        self.assertIn("can be written by other users: chmod 600 it, or set AEP_TRACK_STORE",
                      self.run_aep("list", "--wait=2s", status=1).stderr)
        os.chmod(self.store, 0o600)
        failed = self.run_aep("list", "--wait=2s", status=1)
        self.assertIn(self.store, failed.stderr)
        self.assertIn("or set AEP_TRACK_STORE", failed.stderr)  # it may be another program's file
        self.wait_until(lambda: self.status()["problem"], "a problem in its status")
        self.assertTrue(self.status()["alive"])
        self.assertIn(self.store, self.log())
        self.publish("completed")  # not held up
        os.unlink(self.store)
        row, = self.rows().values()
        self.assertEqual(row["state"], "completed")
        self.assertIsNone(self.status()["problem"])

    def test_a_full_disk_is_waited_out(self):
        self.publish_lines("".join(
            json.dumps({"kind": "started", "agent_name": "a", "correlation_id": f"run-{i}",
                        "user_request": "r", "context": {"fill": "x" * 4000}}) + "\n"
            for i in range(600)))
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        env = self.env | {"AEP": PROGRAM, "DISK": disk,
                          "AEP_TRACK_STORE": os.path.join(disk, "tracker.db")}
        try:
            done = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c",
                                   SMALL_VOLUME], cwd=self.folder, env=env, text=True,
                                  capture_output=True)
        except FileNotFoundError as error:
            self.skipTest(str(error))
        if done.returncode == SKIPPED or "unshare failed" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        first, second = (json.loads(self.read(f"status-{i}")) for i in (1, 2))
        self.assertIn("full", first["problem"])
        self.assertIn("is full", self.read("refusal"))
        self.assertIsNone(second["problem"])
        self.assertEqual(second["pid"], first["pid"])
        self.assertEqual(second["events"]["events"], 600)
        self.assertEqual(len(self.read("rows-2").splitlines()), 600)

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def test_two_stores_have_a_tracker_each(self):
        self.publish("started")
        other = {"AEP_TRACK_STORE": os.path.join(self.folder, "deep", "er", "other.db")}
        self.addCleanup(self.run_aep, "tracker", "stop", env=other, status=None)
        first = self.rows()
        self.assertEqual(self.rows(env=other), first)
        pid = json.loads(self.run_aep("tracker", "status", "--json", env=other).stdout)["pid"]
        self.assertNotIn(pid, self.pids())
        self.assertEqual(os.stat(os.path.join(self.folder, "deep", "er")).st_mode & 0o777, 0o700)


class Spools(TrackerTest):
    def beside(self, name):
        return {"AEP_SPOOL_DIR": os.path.join(self.folder, "state", "aep", name)}

    def test_one_that_appears_later_is_read_too(self):
        self.publish("started")
        self.rows()
        self.publish("started", correlation="d", env=self.beside("other"))
        self.assertEqual({row["correlation_id"] for row in self.rows().values()}, {"c", "d"})
        self.assertEqual(len(self.status()["spools"]), 2)

    def test_one_that_appears_under_it_is_found_without_being_asked_for(self):
        self.rows()
        for number, name in enumerate(("first", "second"), 1):
            self.publish("started", correlation=name, env=self.beside(name))
            self.wait_until(lambda: self.status()["events"]["events"] == number, "its event")

    def test_one_that_only_a_reader_names_is_read_too(self):
        self.publish("started")
        self.rows()
        elsewhere = {"AEP_SPOOL_DIR": os.path.join(self.folder, "elsewhere", "spool")}
        self.publish("started", correlation="d", env=elsewhere)
        self.assertEqual(len(self.rows()), 1)
        self.assertEqual(len(self.rows(env=elsewhere)), 2)

    def test_what_is_published_is_read_without_being_asked_for(self):
        self.publish("started")
        self.rows()
        count = self.status()["events"]["events"]
        self.publish("completed")
        self.wait_until(lambda: self.status()["events"]["events"] == count + 1, "the event")

    def test_one_that_is_removed_leaves_its_rows_and_another_comes(self):
        self.publish("started")
        before = self.rows()
        shutil.rmtree(self.spool)
        self.assertEqual(self.rows(), before)
        self.wait_until(lambda: self.status()["spools"] == [], "the spool's end")
        self.publish("started", correlation="d")
        self.assertEqual(len(self.rows()), 2)

    def sync(self):
        """Asks the tracker to catch up; the time up to which it says that everything is stored."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as reader:
            reader.settimeout(60)
            reader.connect(self.store + ".socket")
            reader.send(b"sync")
            word, as_of = reader.recv(1000).split()
        self.assertEqual(word, b"synced")
        return int(as_of)

    def test_time_stands_still_while_one_cannot_be_read(self):
        self.publish("started", env=self.beside("one"))
        self.publish("started", correlation="d", env=self.beside("two"))
        self.rows()
        before = self.sync()
        cursor = os.path.join(os.path.dirname(self.store), "one", "cursor")
        with open(cursor, "r+b") as file:
            good = file.read()
            file.seek(0)
            file.write(b"x" * len(good))
        self.publish("completed", correlation="d", env=self.beside("two"))
        stood = self.sync()
        self.assertGreaterEqual(stood, before)
        self.assertEqual(self.sync(), stood)
        problems = {spool["path"].rpartition("/")[2]: spool["problem"]
                    for spool in self.status()["spools"]}
        self.assertIsNone(problems["two"])
        self.assertIsNotNone(problems["one"])
        with open(cursor, "r+b") as file:
            file.write(good)
        self.publish("completed", env=self.beside("one"))
        self.assertGreater(self.sync(), stood)
        self.assertEqual([row["state"] for row in self.rows().values()], ["completed"] * 2)

    def test_what_is_purged_unread_is_counted(self):
        kafka = {"AEP_MODE": "", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
        auto = kafka | {"AEP_RELAY_MODE": "auto"}
        self.addCleanup(self.run_aep, "relay", "stop", env=auto, status=None)
        self.publish("started", env=kafka)
        self.rows(env=kafka)
        self.run_aep("tracker", "stop")
        self.publish("progress", "completed", env=kafka)
        self.run_aep("spool", "purge", "--yes", env=auto)
        folder = os.path.join(self.folder, "state", "aep")
        name, = (name for name in os.listdir(folder) if name.startswith("127"))
        first = "%016x.seg" % 1
        self.wait_until(lambda: first not in os.listdir(os.path.join(folder, name)), "its end")
        self.publish("started", correlation="d", env=kafka)
        self.assertEqual(len(self.rows(env=kafka)), 2)
        self.assertEqual(self.status()["events"]["missed"], 2)

    def test_what_is_purged_after_it_was_read_is_told_from_what_arrived(self):
        kafka = {"AEP_MODE": "", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
        auto = kafka | {"AEP_RELAY_MODE": "auto"}
        self.addCleanup(self.run_aep, "relay", "stop", env=auto, status=None)

        def deliveries():
            return {row["correlation_id"]: row["delivery"] for row in self.rows(env=kafka).values()}

        self.publish("started", correlation="under", env=kafka)
        self.assertEqual(deliveries(), {"under": "spooled"})
        self.run_aep("spool", "purge", "--yes", env=auto)
        self.wait_until(lambda: deliveries() == {"under": "purged"}, "it to be purged")
        self.publish("started", correlation="away", env=kafka)
        self.assertEqual(deliveries(), {"under": "purged", "away": "spooled"})
        self.run_aep("tracker", "stop")
        self.run_aep("spool", "purge", "--yes", env=auto)
        self.wait_until(lambda: deliveries() == {"under": "purged", "away": "purged"},
                        "the other one to be purged, too")

    def test_a_folder_that_is_no_spool_holds_nothing_up(self):
        self.publish("started")
        closed = os.path.join(os.path.dirname(self.store), "broken")
        shutil.copytree(self.spool, closed, ignore=shutil.ignore_patterns("bell", "control"))
        with open(os.path.join(closed, "spool.id"), "w", encoding="utf-8") as file:
            file.write("aep-spool 99\n")
        self.assertEqual(len(self.rows()), 1)
        self.assertIn("broken is not read", self.log())


class Retired(TrackerTest):
    """A spool that keeps the newest 768 KiB, in segments of 64."""
    relay = True

    def setUp(self):
        super().setUp()
        self.env.update(AEP_SPOOL_SEGMENT_BYTES="64KiB", AEP_SPOOL_MAX_BYTES="1MiB")

    def segments(self):
        return sorted(name for name in os.listdir(self.spool) if name.endswith(".seg"))

    def used(self):
        total = 0
        for name in self.segments():
            with contextlib.suppress(FileNotFoundError):  # the relay removes them meanwhile
                total += os.path.getsize(os.path.join(self.spool, name))
        return total

    def fill(self, correlation):
        """300 events, more than it keeps, no faster than the relay makes room."""
        for chunk in range(15):
            self.publish_lines("".join(
                json.dumps({"kind": "progress", "agent_name": "a", "correlation_id": correlation,
                            "current_step": f"step {chunk * 20 + i}",
                            "metadata": {"fill": "x" * 4000}}) + "\n" for i in range(20)))
            self.wait_until(lambda: self.used() < 850_000, "room")

    def test_what_goes_while_it_does_not_run_is_counted(self):
        self.publish("started")
        self.rows()
        self.run_aep("tracker", "stop")
        first = self.segments()[0]
        self.fill("c")
        self.assertNotIn(first, self.segments())
        row, = self.rows().values()
        counts = self.status()["events"]
        self.assertGreater(counts["missed"], 0)
        self.assertEqual(counts["missed"] + counts["events"], 301)
        self.assertEqual(row["current_step"], "step 299")
        self.assertIn("removed before they were read", self.run_aep("tracker", "status").stdout)

    def test_what_goes_under_it_has_been_read(self):
        self.publish("started")
        self.rows()
        first = self.segments()[0]
        self.fill("c")
        self.assertNotIn(first, self.segments())
        row, = self.rows().values()
        self.assertEqual(row["current_step"], "step 299")
        counts = self.status()["events"]
        self.assertEqual(counts["missed"] + counts["events"], 301)


class Settings(TrackerTest):
    """A tracker that lives when a reader with other settings comes."""
    KAFKA = {"AEP_MODE": "", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1,127.0.0.1:2",
             "AEP_TRACK_TOPICS": "one,two"}

    def setUp(self):
        super().setUp()
        self.publish("started")

    def told(self, **env):
        """What a reader of these settings is told of the tracker's; "" for nothing."""
        done = self.run_aep("list", "--json", "--wait=60s", env=self.KAFKA | env)
        self.assertNotEqual(done.stdout, "")
        lines = [line for line in done.stderr.splitlines() if "aep tracker stop" in line]
        self.assertLessEqual(len(lines), 1, lines)
        return lines[0].partition("(")[2].partition(")")[0] if lines else ""

    def test_what_differs_is_named(self):
        self.assertEqual(self.told(), "")
        pids = self.pids()
        for env, expected in (
                ({"AEP_TRACK_TOPICS": "two, one"}, ""),
                ({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:2,127.0.0.1:1"}, ""),
                ({"AEP_MODE": "local", "AEP_TRACK_TOPICS": ""}, ""),
                ({"AEP_TRACK_TOPICS": "one,two,three"}, "track.topics"),
                ({"AEP_TRACK_BACKFILL": "1d"}, "track.backfill"),
                ({"AEP_TRACK_SOURCES": "spool"}, "track.sources"),
                ({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:3"}, "Kafka's servers or login"),
                ({"AEP_KAFKA_SECURITY_PROTOCOL": "ssl"}, "Kafka's servers or login"),
                ({"AEP_TRACK_TOPICS": "", "AEP_TRACK_BACKFILL": "1h"},
                 "track.topics, track.backfill")):
            with self.subTest(env):
                self.assertEqual(self.told(**env), expected)
        self.assertEqual(self.pids(), pids, "another tracker has come")

    def test_one_that_reads_no_kafka_says_so_until_it_is_stopped(self):
        self.rows()
        self.assertEqual(self.told(), "track.sources")
        self.run_aep("tracker", "stop")
        self.await_end()
        self.assertEqual(self.told(), "")

    def test_a_tracker_that_does_not_know_the_question_is_used_as_it_is(self):
        """One of an older release, which runs on after an update."""
        self.rows()
        self.run_aep("tracker", "stop")
        self.await_end()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as older:
            older.bind(self.store + ".socket")
            older.listen()
            older.settimeout(60)
            reader = self.start_aep("list", "--json", "--wait=60s")
            call, _ = older.accept()
            with call:
                call.settimeout(60)
                for word in (b"settings ", b"sync "):
                    self.assertTrue(call.recv(8192).startswith(word))
                    call.send(b"error unknown request" if word == b"settings " else
                              b"synced %d" % (time.time() * 1e6))
                out, err = reader.communicate(timeout=60)
        os.unlink(self.store + ".socket")
        self.assertEqual((len(out.splitlines()), err), (1, ""))
