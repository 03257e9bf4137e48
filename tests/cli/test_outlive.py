# SPDX-License-Identifier: Apache-2.0
"""An execution outlives its process: whoever is killed, its end is published, once."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from harness import DEADLINE_S, PROGRAM, AepTest
from spool_files import crc32c

HAS_PID_NAMESPACES = (
    shutil.which("unshare")
    and subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"],
                       capture_output=True).returncode == 0
)


class Outlive(AepTest):
    relay = True

    def setUp(self):
        super().setUp()
        self.env["AEP_RELAY_IDLE_EXIT"] = "1s"

    def ends(self):
        return self.events("completed") + self.events("failed")

    def run_command(self, *command):
        """aep run, once its started event is in the spool."""
        runs = self.start_aep("run", "--agent", "job", "--", *command)
        self.wait_until(lambda: self.records_there() and self.events("started"), "started")
        return runs

    def records_there(self):
        return os.path.exists(os.path.join(self.spool, "spool.id"))

    def sleeper(self):
        process = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def publish(self, *args, status=0):
        return self.run_aep("publish", *args, status=status).stdout.strip()

    def start_for(self, pid, agent="a"):
        return self.publish("started", "--agent", agent, "--request", "r", "--pid", str(pid))

    def await_ends(self, count=1):
        self.wait_until(lambda: len(self.ends()) >= count, f"{count} ends")
        return self.ends()

    def status(self):
        return json.loads(self.run_aep("status", "--json").stdout)["spools"][0]

    def kill_relay(self):
        self.wait_until(lambda: self.status()["relay_pid"] > 1, "a relay")
        os.kill(self.status()["relay_pid"] or self.fail("it has just ended"), signal.SIGKILL)

    def roll(self):
        return os.listdir(os.path.join(self.spool, "open"))

    def log(self):
        with open(os.path.join(self.spool, "relay.log"), encoding="utf-8") as file:
            return file.read()

    def test_aep_run_itself_is_killed(self):
        runs = self.run_command("sleep", "600")
        self.wait_until(self.relay_alive, "a relay")
        os.kill(runs.pid, signal.SIGKILL)  # a zombie until it is reaped
        (failed,) = self.await_ends()
        started = self.events("started")[0]
        payload = failed["payload"]
        self.assertEqual(failed["causation_id"], started["event_id"])
        self.assertEqual(failed["correlation_id"], started["correlation_id"])
        self.assertEqual(payload["agent_name"], "job")
        self.assertEqual(payload["session_id"], started["payload"]["session_id"])
        self.assertEqual(payload["error_code"], "ABANDONED")
        self.assertIs(payload["inferred"], True)
        self.assertGreaterEqual(payload["duration_ms"], 0)
        self.assertNotIn("partial_results", payload)
        self.assertRegex(payload["error_message"],
                         rf"^process {runs.pid} \(aep\) is gone; the execution was open for \d+ ?\w+")
        self.wait_until(lambda: not self.roll(), "an empty roll")
        self.assertEqual(len(self.ends()), 1)

    def test_the_relay_stays_while_an_execution_is_open_and_no_longer(self):
        process = self.sleeper()
        self.start_for(process.pid)
        self.wait_until(self.relay_alive, "a relay")
        end = time.monotonic() + 3  # three times relay.idle_exit
        while time.monotonic() < end:
            self.assertTrue(self.relay_alive())
            time.sleep(0.1)
        self.assertEqual(self.status()["executions_open"], 1)
        process.kill()
        self.await_ends()
        self.wait_until(lambda: not self.relay_alive(), "an idle exit")

    def test_a_stopped_process_is_not_gone(self):
        process = self.sleeper()
        self.start_for(process.pid)
        os.kill(process.pid, signal.SIGSTOP)
        other = self.sleeper()
        self.start_for(other.pid, agent="b")
        other.kill()  # whoever declares this has looked at both
        self.assertEqual([e["payload"]["agent_name"] for e in self.await_ends()], ["b"])
        self.assertEqual(self.status()["executions_open"], 1)
        process.kill()
        self.await_ends(2)

    def test_what_dies_without_a_relay_is_declared_by_the_next(self):
        process = self.sleeper()
        self.start_for(process.pid)
        self.kill_relay()
        self.wait_until(lambda: not self.relay_alive(), "no relay")
        process.kill()
        process.wait()
        self.assertEqual(self.status()["executions_gone"], 1)
        self.assertIn("1 of processes that are gone", self.run_aep("status").stdout)
        self.assertEqual(self.ends(), [])
        self.run_aep("relay", "start")
        self.await_ends()

    def test_the_end_that_a_script_publishes_counts(self):
        process = self.sleeper()
        one = self.start_for(process.pid, agent="one")
        self.start_for(process.pid, agent="two")
        self.publish("completed", "--agent", "one", "--correlation-id", one)
        process.kill()
        ends = self.await_ends(2)
        self.assertEqual(sorted((e["payload"]["agent_name"], e["event_type"].split(".")[-2])
                                for e in ends), [("one", "completed"), ("two", "failed")])

    def test_the_end_is_found_by_its_cause_or_else_by_agent_and_correlation(self):
        process = self.sleeper()
        started = [json.loads(self.publish("started", "--agent", agent, "--request", "r",
                                           "--correlation-id", "job-7", "--pid", str(process.pid),
                                           "--json"))
                   for agent in ("a", "a", "b")]
        self.assertEqual(len(self.roll()), 3)
        self.publish("completed", "--agent", "a", "--correlation-id", "job-7", "--causation-id",
                     started[0]["event_id"])
        self.assertEqual(len(self.roll()), 2)
        self.publish("completed", "--agent", "c", "--correlation-id", "job-7")  # of none
        self.publish("completed", "--agent", "b", "--correlation-id", "other")
        self.assertEqual(len(self.roll()), 2)
        self.publish("failed", "--agent", "b", "--correlation-id", "job-7", "--error-message", "x")
        self.publish("completed", "--agent", "a", "--correlation-id", "job-7")
        self.assertEqual(self.roll(), [])

    def test_after_abandoned_the_end_is_refused(self):
        process = self.sleeper()
        correlation = self.start_for(process.pid)
        process.kill()
        self.await_ends()
        self.wait_until(lambda: self.status()["executions_gone"] == 0, "all declared")
        refused = self.run_aep("publish", "completed", "--agent", "a", "--correlation-id",
                               correlation, status=1)
        self.assertIn("ABANDONED", refused.stderr)
        self.assertEqual(len(self.ends()), 1)

    def test_a_process_that_is_not_there_cannot_be_trusted_with_anything(self):
        process = self.sleeper()
        process.kill()
        process.wait()
        for pid, word in ((str(process.pid), "no process"), ("0", "number"), ("x", "number")):
            refused = self.run_aep("publish", "started", "--agent", "a", "--request", "r", "--pid",
                                   pid, status=2)
            self.assertIn(word, refused.stderr)
        refused = self.run_aep("publish", "completed", "--agent", "a", "--correlation-id", "x",
                               "--pid", str(os.getpid()), status=2)
        self.assertIn("of started", refused.stderr)

    def test_a_relay_killed_while_many_are_declared_leaves_none_out_and_none_twice(self):
        process = self.sleeper()
        for number in range(40):
            self.start_for(process.pid, agent=f"agent-{number}")
        process.kill()
        for _ in range(10):
            pid = self.status()["relay_pid"]
            with contextlib.suppress(ProcessLookupError):  # one that just starts has not written its own yet
                if pid > 1:
                    os.kill(pid, signal.SIGKILL)
            self.run_aep("relay", "start", status=None)
        def declared():
            self.run_aep("relay", "start", status=None)  # not at once: several have been in vain
            return self.status()["executions_gone"] == 0
        self.wait_until(declared, "all declared")
        ends = self.ends()
        self.assertEqual(len(ends), 40)
        self.assertEqual(len({e["causation_id"] for e in ends}), 40)

    def test_a_spool_with_something_open_is_not_removed(self):
        process = self.sleeper()
        self.start_for(process.pid)
        self.run_aep("relay", "stop")
        refused = self.run_aep("spool", "remove", status=None)
        self.assertIn("1 open execution", refused.stderr)
        self.publish("started", "--agent", "b", "--request", "r")
        self.assertEqual(len(self.events("started")), 2)

    def test_secrets_are_not_in_the_roll(self):
        process = self.sleeper()
        secret = "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
        self.start_for(process.pid, agent=f"agent {secret}")
        (name,) = self.roll()
        with open(os.path.join(self.spool, "open", name), "rb") as file:
            data = file.read()
        self.assertIn(b"agent ", data)
        self.assertNotIn(secret.encode(), data)
        process.kill()
        (failed,) = self.await_ends()
        self.assertEqual(failed["payload"]["agent_name"],
                         self.events("started")[0]["payload"]["agent_name"])

    def test_the_end_has_the_headers_of_the_start(self):
        process = self.sleeper()
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        self.env["ENVIRONMENT"] = "staging"
        self.env["TENANT_ID"] = "acme \"7\""
        self.env["AEP_TOPIC_LAYOUT"] = "single"
        self.publish("started", "--agent", "a", "--request", "r", "--traceparent", trace,
                     "--tracestate", "k=v", "--pid", str(process.pid))
        for name in ("ENVIRONMENT", "TENANT_ID", "AEP_TOPIC_LAYOUT"):
            del self.env[name]
        process.kill()
        self.await_ends()
        started, failed = self.records()
        self.assertEqual(failed["topic"], started["topic"])
        self.assertEqual(failed["event"]["tenant_id"], "acme \"7\"")
        with open(os.path.join(self.spool, "0000000000000001.seg"), "rb") as file:
            data = file.read()
        self.assertEqual(data.count(b"x-environment"), 2)
        self.assertEqual(data.count(b"staging"), 2)
        self.assertEqual(data.count(trace.encode()), 4)  # traceparent, x-traceparent, of both
        self.assertEqual(data.count(b"k=v"), 2)

    def fill(self, kind, **members):
        for _ in range(500):
            if self.run_aep("publish", *self.options(kind, members), status=None,
                            env={"AEP_RELAY_MODE": "off"}).returncode == 4:
                return
        self.fail("the spool does not become full")

    @staticmethod
    def options(kind, members):
        named = [f"--{name.replace('_', '-')}={value}" for name, value in members.items()]
        return [kind, "--agent", "filler", *named]

    def test_a_full_spool_holds_room_for_it_and_else_it_waits_for_room(self):
        self.env["AEP_SPOOL_SEGMENT_BYTES"] = "64KiB"
        self.env["AEP_SPOOL_MAX_BYTES"] = "256KiB"
        self.use_dead_broker()
        self.env["AEP_SPOOL_DIR"] = os.path.join(self.folder, "spool")
        one, two = self.sleeper(), self.sleeper()
        self.start_for(one.pid, agent="one")
        self.start_for(two.pid, agent="two")
        self.fill("progress", correlation_id="x", current_step="x" * 8000)
        one.kill()
        self.wait_until(lambda: self.status()["executions_gone"] == 0 and
                        self.status()["executions_open"] == 1, "one is declared")
        for size in (4000, 100, 1):
            self.fill("started", user_request="x" * size)
        two.kill()
        self.wait_until(lambda: self.status()["executions_gone"] == 1, "two is gone")
        self.run_aep("spool", "purge", "--yes")
        self.wait_until(lambda: self.status()["executions_gone"] == 0, "two is declared")

    def test_after_a_reboot_everything_is_gone(self):
        process = self.sleeper()
        self.start_for(process.pid)
        self.run_aep("relay", "stop")
        path = os.path.join(self.spool, "open", self.roll()[0])
        with open(path, "r+b") as file:
            unit = bytearray(file.read(1024))
            unit[16] ^= 1  # the boot id
            unit[8:12] = crc32c(bytes(unit[12:])).to_bytes(4, "little")
            file.seek(0)
            file.write(unit)
        self.run_aep("relay", "start")
        (failed,) = self.await_ends()
        self.assertEqual(failed["payload"]["error_code"], "ABANDONED")
        self.assertIsNone(process.poll())  # that number is another process's now

    def test_what_ended_before_the_reboot_is_not_ended_again(self):
        """The power goes: the end is in the spool, that it was published is not in the roll."""
        process = self.sleeper()
        correlation = self.start_for(process.pid)
        (name,) = self.roll()
        path = os.path.join(self.spool, "open", name)
        with open(path, "rb") as file:
            data = bytearray(file.read())
        self.publish("completed", "--agent", "a", "--correlation-id", correlation, "--causation-id",
                     self.events("started")[0]["event_id"])
        self.run_aep("relay", "stop")
        data[16] ^= 1
        data[8:12] = crc32c(bytes(data[12:1024])).to_bytes(4, "little")
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, 0o600)
        self.assertEqual(self.status()["executions_gone"], 1)
        self.run_aep("relay", "start")
        self.wait_until(lambda: not self.roll(), "an empty roll")
        self.assertEqual([e["event_type"].split(".")[-2] for e in self.ends()], ["completed"])

    @unittest.skipUnless(HAS_PID_NAMESPACES, "no right to make a pid namespace")
    def test_another_pid_namespaces_process_is_never_judged(self):
        script = (f"{PROGRAM} publish started --agent inner --request r --pid $$ >/dev/null; "
                  f"kill -9 $$")
        self.env["AEP_RELAY_MODE"] = "off"
        subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c",
                        f"sh -c '{script}'; true"], env=self.env, check=True, cwd=self.folder,
                       timeout=DEADLINE_S)
        self.env["AEP_RELAY_MODE"] = "auto"
        process = self.sleeper()
        self.start_for(process.pid, agent="outer")
        process.kill()
        self.assertEqual([e["payload"]["agent_name"] for e in self.await_ends()], ["outer"])
        self.assertEqual(self.status()["executions_elsewhere"], 1)
        self.assertIn("another pid namespace", self.run_aep("status").stdout)
        self.assertIn("another pid namespace", self.run_aep("doctor", status=None).stdout)
        # nor does it keep the relay
        self.wait_until(lambda: not self.relay_alive(), "an idle exit")


if __name__ == "__main__":
    unittest.main()
