# SPDX-License-Identifier: Apache-2.0
# ctest: relay_life CASES Life Stopped FewDescriptors BROKERS plain
# ctest: containers CASES Containers BROKERS plain
# ctest: relay_idle CASES Idle BROKERS plain LONG
"""One relay per spool: what starts it, what takes over, when it ends, what it leaves behind."""
import os
import resource
import signal
import subprocess
import time
import unittest

from harness import DEADLINE_S, LARGE, PROGRAM, TOPICS, Case, is_alive, numbered_lines, \
    plain_kafka, read_proc, unique, unique_type, wait_until


def read_link(path):
    """Where it leads; "" if it is gone by now."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


class Life(Case):
    def test_many_publishers_at_once_bring_one_relay(self):
        kafka, spool, topic = plain_kafka(), self.make_spool(), unique_type("at-once")
        kafka.create(topic)
        children = [spool.start("publish", "--type", topic, "--payload", f'{{"n":{n}}}')
                    for n in range(20)]
        for child in children:
            self.assertEqual(child.wait(DEADLINE_S), 0)
        spool.flush()
        wait_until(lambda: len(spool.relays()) == 1, "one relay is left")
        self.assert_all_once(kafka.read(topic), 20)
        self.assertEqual(spool.log().count(" runs on "), 1)

    def test_a_second_relay_by_hand_leaves_one(self):
        """Whichever of the two stays, there is one, and nothing comes twice."""
        kafka, topic = plain_kafka(), unique_type("two")
        kafka.create(topic)
        spool = self.make_spool(relay_mode="external")
        first = spool.start_relay()
        spool.publish_lines(numbered_lines(topic, 500))
        second = spool.start("relay", "run")
        spool.publish_lines(numbered_lines(topic, 500, first=500))
        wait_until(lambda: first.poll() is not None or second.poll() is not None or
                   len(spool.relays()) == 1, "one of them ends or waits", 20)
        spool.publish_lines(numbered_lines(topic, 500, first=1000))
        spool.flush()
        records = kafka.read(topic)
        self.assert_all_once(records, 1500)
        self.assert_in_order(records)

    def test_one_by_hand_takes_over_from_an_automatic_one(self):
        kafka, spool, topic = plain_kafka(), self.make_spool(), unique_type("over")
        kafka.create(topic)
        spool.publish_lines(numbered_lines(topic, 2000))
        automatic = wait_until(spool.relay_pid, "an automatic relay runs")
        spool.publish_lines(numbered_lines(topic, 2000, first=2000))
        child = spool.start_relay()
        self.assertNotEqual(child.pid, automatic)
        wait_until(lambda: not is_alive(automatic), "the automatic one has ended", 15)
        spool.publish_lines(numbered_lines(topic, 1000, first=4000))
        spool.flush()
        self.assertEqual(spool.relays(), [child.pid])
        records = kafka.read(topic)
        self.assert_all_once(records, 5000)
        self.assert_in_order(records)

    def test_sigterm_sends_what_there_is_and_ends(self):
        kafka, topic = plain_kafka(), unique_type("term")
        kafka.create(topic)
        spool = self.make_spool(relay_mode="external")
        spool.publish_lines(numbered_lines(topic, 2000))
        child = spool.start_relay()
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(DEADLINE_S), 0)
        spool.start_relay()
        spool.flush()
        records = kafka.read(topic)
        self.assert_all_once(records, 2000)

    def test_a_stop_leaves_nothing_delivered_on_disk(self):
        spool, word = self.make_spool(), unique("prompt")
        spool.publish("started", "c", "--request", word, "--wait=30000")
        self.assertTrue(any(word.encode() in path.read_bytes() for path in spool.segments()))
        spool.ok("relay", "stop")
        self.assertFalse(any(word.encode() in path.read_bytes() for path in spool.segments()))
        spool.publish("progress", "c", "--wait=30000")
        spool.wait_status(lambda status: status["backlog_events"] == 0, "nothing waits")

    def test_start_and_stop_by_hand(self):
        spool = self.make_spool()
        self.assertIn("started", spool.ok("relay", "start").out)
        pid = wait_until(spool.relay_pid, "it runs")
        self.assertIn(str(pid), spool.ok("relay", "start").out)
        spool.ok("relay", "stop")
        self.assertFalse(is_alive(pid))
        self.assertFalse(spool.status()["relay_alive"])
        spool.ok("relay", "stop")  # none runs: this does nothing

    def test_relay_off_starts_none(self):
        spool = self.make_spool(relay_mode="off")
        self.assertEqual(spool.publish("progress", unique(), "--wait=300").status, 3)
        self.assertEqual(spool.relays(), [])

    def test_command_substitution_returns_though_the_relay_lives_on(self):
        spool, word = self.make_spool(), unique()
        done = subprocess.run(
            ["sh", "-c", f'id=$("{PROGRAM}" publish started --agent a --request r '
                         f'--correlation-id {word} | cat); echo "<$id>"'],
            env=spool.env, capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.stdout, f"<{word}>\n", done.stderr)
        pid = wait_until(spool.relay_pid, "the relay runs")
        self.assertTrue(is_alive(pid))

    def test_the_automatic_relay_keeps_nothing_of_who_started_it(self):
        """Descriptors, folder, process group, signals, LD_* variables, limits."""
        kafka, spool = plain_kafka(), self.make_spool()
        with open(self.folder / "left-open", "w") as left:
            done = subprocess.run(
                ["sh", "-c", f'ulimit -n 256; trap "" HUP INT; exec "{PROGRAM}" publish progress '
                             f'--agent a --correlation-id x --wait'],
                env=spool.env | {"LD_LIBRARY_PATH": str(self.folder), "SECRET_OF_AGENT": "s3cret"},
                cwd=self.folder, pass_fds=[left.fileno()], capture_output=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        pid = wait_until(spool.relay_pid, "the relay runs")
        targets = {read_link(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        self.assertNotIn(str(self.folder / "left-open"), targets)
        for fd in (0, 1, 2):
            self.assertFalse(os.readlink(f"/proc/{pid}/fd/{fd}").startswith("pipe:"))
        self.assertNotEqual(os.readlink(f"/proc/{pid}/cwd"), str(self.folder))
        self.assertEqual(os.getsid(pid), os.getpgid(pid))
        self.assertNotEqual(os.getpgid(pid), os.getpgid(0))
        environment = read_proc(pid, "environ").decode()
        self.assertNotIn("LD_LIBRARY_PATH", environment)
        self.assertNotIn("s3cret", environment)
        status = dict(line.split(":", 1) for line in read_proc(pid, "status").decode().splitlines())
        ignored = int(status["SigIgn"], 16)
        self.assertFalse(ignored >> (signal.SIGINT - 1) & 1, "SIGINT is still ignored")
        self.assertFalse(ignored >> (signal.SIGHUP - 1) & 1, "SIGHUP is still ignored")
        self.assertEqual(int(status["PPid"]), 1)

    def test_an_idle_relay_ends_and_leaves_no_prompt_on_disk(self):
        kafka, spool = plain_kafka(), self.make_spool(relay_idle_exit="2")
        text, word = "purple elephants " + unique(), unique()
        result = spool.publish("started", word, "--request", text, "--wait")
        self.assertEqual(result.status, 0, result.err)
        self.assertTrue(self.finds(spool, text), "it was on disk")
        pid = wait_until(spool.relay_pid, "the relay runs")
        begin = time.monotonic()
        wait_until(lambda: not is_alive(pid), "the idle relay ends")
        self.assertGreater(time.monotonic() - begin, 1)
        self.assertEqual(self.finds(spool, text), [])
        self.assertEqual(spool.status()["backlog_bytes"], 0)
        # And it all goes on from there.
        other = unique()
        self.assertEqual(spool.publish("started", other, "--wait").status, 0)
        records = kafka.read(TOPICS["started"], only=word) + \
            kafka.read(TOPICS["started"], only=other)
        self.assertEqual(len(records), 2)
        self.assert_contiguous(records)

    def finds(self, spool, text):
        return [path.name for path in spool.dir.iterdir()
                if path.is_file() and text.encode() in path.read_bytes()]

    def test_five_quiet_seconds_remove_what_was_acknowledged(self):
        """Also while a client waits for an event that may never be acknowledged."""
        spool = self.make_spool()
        text = "green giraffes " + unique()
        spool.publish("progress", unique(), "--wait")
        with spool.control() as control:
            control.send(b"broker 1 connected")
            self.assertEqual(
                spool.publish("started", unique(), "--request", text, "--wait").status, 0)
            wait_until(lambda: not self.finds(spool, text), "no byte of it is left on disk", 20)
        self.assertTrue(spool.status()["relay_alive"])

    def test_a_relay_of_a_deleted_folder_ends_and_publishers_begin_a_new_one(self):
        kafka, spool, topic = plain_kafka(), self.make_spool(), unique_type("deleted")
        kafka.create(topic)
        publisher = spool.start("publish", "--stdin", "--json", stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        uuids = set()
        for n in range(3):
            publisher.stdin.write(f'{{"event_type":"{topic}","payload":{{"n":{n}}}}}\n')
            publisher.stdin.flush()
            self.assertIn('"state":"spooled"', publisher.stdout.readline())
            spool.wait_counter("acknowledged", 1)
            uuids.add(spool.status()["uuid"])
            old = spool.relays()
            subprocess.run(["rm", "-rf", spool.dir], check=True)
            for pid in old:
                wait_until(lambda pid=pid: not is_alive(pid), "the relay without a folder ends", 15)
        publisher.stdin.close()
        self.assertEqual(publisher.wait(DEADLINE_S), 0)
        self.assertEqual(len(uuids), 3)
        self.assertEqual([record.payload["n"] for record in
                          sorted(kafka.read(topic), key=lambda record: record.timestamp)],
                         [0, 1, 2])


class Stopped(Case):
    def test_a_stopped_relay_is_not_called_connected(self):
        spool = self.make_spool()
        self.assertEqual(spool.publish("progress", unique(), "--wait=60000").status, 0)
        pid = spool.wait_status(lambda status: status["broker"] == "connected",
                                "connected")["relay_pid"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        status = spool.wait_status(lambda status: status["broker"] != "connected",
                                   "the stopped relay is noticed")
        self.assertEqual(status["broker"], "unknown")
        said = f"the relay, process {pid}, is stopped"
        self.assertIn(said, status["reason"])
        self.assertIn(said, spool.run("status").out)
        result = spool.publish("progress", unique(), "--wait=200")
        self.assertEqual(result.status, 3)
        self.assertIn(said, result.err)
        self.assertIn(said, spool.run("doctor", "--no-probe").out)
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(spool.publish("progress", unique(), "--wait=60000").status, 0)


class FewDescriptors(Case):
    def test_a_relay_without_descriptors_loses_nothing(self):
        """Neither segments nor side logs can be opened for a while."""
        kafka, topic, small = plain_kafka(), unique_type("few"), unique_type("small")
        kafka.create(topic)
        kafka.create_small(small)
        spool = self.make_spool(kafka)
        spool.publish_lines(numbered_lines(topic, 10))
        spool.flush()
        pid = spool.relay_pid()
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # Below it every number is taken; poll(2) accepts no more entries than the limit.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, before[1]))
        spool.publish_lines(numbered_lines(topic, 1500, first=10, fill=LARGE))
        spool.publish_lines(numbered_lines(small, 5, fill=LARGE))
        self.assertNotEqual(spool.run("flush", "--timeout", "3000").status, 0)
        self.assertEqual(spool.relay_pid(), pid)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        spool.wait_status(lambda status: status["dead_now"] == 5, "the large ones are dead letters")
        spool.flush()
        self.assert_numbers(kafka.read(topic), 1510)
        self.assert_in_order(kafka.read(topic))
        self.assertEqual(spool.counter("lost"), 0)
        self.assertEqual(spool.relay_pid(), pid)


class Containers(Case):
    """Containers share one spool. When the first process of one ends, so does all that it
    started."""

    def setUp(self):
        super().setUp()
        self.container = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] + \
            ([] if os.getuid() == 0 else ["--map-root-user"])
        done = subprocess.run(self.container + ["true"], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"no namespace for processes: {done.stderr}")

    def run_container(self, spool, *words):
        done = subprocess.run(self.container + [PROGRAM, *words], env=spool.environment(None),
                              cwd=spool.home, capture_output=True, text=True, timeout=120)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(spool.relays(), [])

    def test_short_ones_that_wait_leave_nothing(self):
        spool, word = self.make_spool(), unique()
        for n in range(3):
            self.run_container(spool, "run", "--agent", "a", "--correlation-id", f"{word}-{n}",
                               "--wait=60000", "--", "true")
        self.run_container(spool, "publish", "progress", "--agent", "a", "--correlation-id",
                           f"{word}-3", "--wait=60000")
        self.assertEqual(spool.status()["backlog_events"], 0)
        records = plain_kafka().read(*TOPICS.values(), only=word)
        self.assertEqual(len(records), 7)
        self.assert_contiguous(records)

    def test_what_a_short_one_leaves_the_next_one_sends(self):
        """Only the last one waits, also for what the others left."""
        spool, word = self.make_spool(), unique()
        for _ in range(3):
            self.run_container(spool, "run", "--agent", "a", "--correlation-id", word, "--", "true")
        self.run_container(spool, "run", "--agent", "a", "--correlation-id", word, "--wait=60000",
                           "--", "true")
        self.assertEqual(spool.status()["backlog_events"], 0)
        records = self.without_duplicates(plain_kafka().read(*TOPICS.values(), only=word))
        self.assertEqual(len(records), 8)


class Idle(Case):
    def test_an_idle_relay_wakes_at_most_five_times_a_second(self):
        spool = self.make_spool()
        spool.publish("progress", unique(), "--wait")
        pid = wait_until(spool.relay_pid, "the relay runs")
        wait_until(lambda: len(spool.segments()) == 1 and
                   spool.segments()[0].name != f"{1:016x}.seg", "it has retired what it had", 30)
        begin_at, begin = time.monotonic(), self.switches(pid)
        wait_until(lambda: time.monotonic() > begin_at + 15, "fifteen seconds", 20, 1)
        took, count = time.monotonic() - begin_at, self.switches(pid) - begin
        self.assertTrue(is_alive(pid))
        self.assertLessEqual(count / took, 5.0)

    def switches(self, pid):
        total = 0
        for task in os.listdir(f"/proc/{pid}/task"):
            for line in read_proc(pid, f"task/{task}/status").decode().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    total += int(line.split()[1])
        return total


if __name__ == "__main__":
    unittest.main()
