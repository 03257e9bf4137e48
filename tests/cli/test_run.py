# SPDX-License-Identifier: Apache-2.0
"""aep run: a tracked execution around any command."""
import ctypes
import os
import resource
import signal
import subprocess

from harness import DEADLINE_S, PROGRAM, AepTest

PYTHON = "/usr/bin/python3"

# Prints "ready", then each signal that it gets; the last one ends it with status 7.
SIGNAL_TELLER = """
import os, signal, sys
def tell(number, frame):
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
    if number == signal.SIGTERM:
        sys.exit(7)
for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1,
          signal.SIGUSR2, signal.SIGWINCH):
    signal.signal(s, tell)
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""


class Run(AepTest):
    def track(self, *command, status=0, options=(), **more):
        return self.run_aep("run", "--agent", "job", *options, "--", *command, status=status, **more)

    def test_success_is_started_and_completed(self):
        self.assertEqual(self.track("echo", "hello").stdout, "hello\n")
        started, completed = self.events()
        self.assertEqual(started["payload"]["user_request"], "echo hello")
        context = started["payload"]["context"]
        self.assertEqual(context["command"], "echo")
        self.assertEqual(context["argv"], ["echo", "hello"])
        self.assertEqual(os.path.realpath(context["cwd"]), os.path.realpath(self.folder))
        payload = completed["payload"]
        self.assertEqual(payload["metrics"]["exit_code"], 0)
        for figure in ("max_rss_kib", "user_cpu_ms", "system_cpu_ms"):
            self.assertGreaterEqual(payload["metrics"][figure], 0)
        self.assertGreater(payload["metrics"]["max_rss_kib"], 100)
        self.assertGreaterEqual(payload["duration_ms"], 0)
        self.assertEqual(payload["session_id"], started["payload"]["session_id"])
        self.assertEqual(completed["causation_id"], started["event_id"])
        self.assertEqual(completed["correlation_id"], started["correlation_id"])

    def test_duration_is_the_commands(self):
        self.track("sleep", "0.3")
        self.assertGreaterEqual(self.payloads("completed")[0]["duration_ms"], 300)

    def test_an_exit_status_passes_through_and_fails_the_execution(self):
        for status in (1, 3, 42, 255):
            self.track("sh", "-c", f"exit {status}", status=status)
            payload = self.payloads("failed")[-1]
            self.assertEqual(payload["error_code"], f"EXIT_{status}")
            self.assertEqual(payload["error_type"], "exit")
            self.assertEqual(payload["partial_results"]["metrics"]["exit_code"], status)

    def test_a_signal_that_kills_the_command_kills_us_likewise(self):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE):
            process = self.start_aep("run", "--agent", "job", "sh", "-c", f"kill -{int(number)} $$")
            self.assertEqual(process.wait(), -number)
            payload = self.payloads("failed")[-1]
            self.assertEqual(payload["error_code"], number.name)
            self.assertEqual(payload["error_type"], "signal")

    def test_no_core_of_ours(self):
        with open("/proc/sys/kernel/core_pattern") as file:
            if file.read(1) in "|/":
                self.skipTest("cores go elsewhere on this machine")
        limits = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        process = self.start_aep("run", "--agent", "job", "sh", "-c", "ulimit -c 0; kill -ABRT $$",
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, limits))
        self.assertEqual(process.wait(), -signal.SIGABRT)
        self.assertEqual([n for n in os.listdir(self.folder) if "core" in n], [])

    def test_a_command_that_is_not_found(self):
        done = self.track("no-such-command", status=127)
        self.assertIn("no-such-command: command not found", done.stderr)
        self.assertEqual(self.payloads("failed")[0]["error_code"], "EXIT_127")

    def test_a_command_that_cannot_be_executed(self):
        path = os.path.join(self.folder, "file")
        open(path, "w").close()
        self.assertIn("Permission denied", self.track(path, status=126).stderr)
        self.assertEqual(self.payloads("failed")[0]["error_code"], "EXIT_126")

    def test_no_command_and_no_agent_are_wrong_usage(self):
        self.run_aep("run", "--agent", "job", status=2)
        self.assertIn("--agent", self.run_aep("run", "true", status=2).stderr)
        self.assertFalse(os.path.exists(self.spool))

    def test_the_commands_options_are_its_own(self):
        out = self.run_aep("run", "--agent", "job", "echo", "--agent", "-n", "--help").stdout
        self.assertEqual(out, "--agent -n --help\n")

    def test_request_and_context(self):
        self.track("true", options=["--request", "do it", "--context", ' {"a":1.50, "cwd":"mine"} '])
        payload = self.payloads("started")[0]
        self.assertEqual(payload["user_request"], "do it")
        self.assertEqual(payload["context"]["cwd"], "mine")
        self.assertEqual(payload["context"]["command"], "true")
        self.assertIn('"a":1.50', self.run_aep("tail", "--json").stdout)

    def test_secrets_in_arguments_are_redacted(self):
        self.track("true", "--password=hunter22222", "--api-key", "abcdefgh1234", "--password",
                   "open sesame", "--name", "plain", "sk-ant-api03-" + "a" * 80)
        raw = self.run_aep("tail", "-n", "all", "--json").stdout
        for secret in ("hunter22222", "abcdefgh1234", "sesame", "a" * 80):
            self.assertNotIn(secret, raw)
        self.assertIn("plain", raw)

    def test_arguments_are_left_out_with_capture_request_off(self):
        self.track("true", "private words", options=["--set", "capture.request=off"])
        raw = self.run_aep("tail", "-n", "all", "--json").stdout
        self.assertNotIn("private words", raw)
        self.assertEqual(self.payloads("started")[0]["context"]["command"], "true")

    def test_a_huge_command_line_is_tracked(self):
        self.track("true", *["x" * 100000] * 15)
        self.assertEqual(len(self.events("completed")), 1)

    def test_ids_are_in_the_commands_environment(self):
        out = self.track("env", options=["--tracestate", "a=b"]).stdout
        env = dict(line.split("=", 1) for line in out.splitlines())
        [started] = self.events("started")
        self.assertEqual(env["AEP_CORRELATION_ID"], started["correlation_id"])
        self.assertEqual(env["AEP_CAUSATION_ID"], started["event_id"])
        self.assertEqual(env["AEP_SESSION_ID"], started["payload"]["session_id"])
        self.assertEqual(env["AEP_AGENT_NAME"], "job")
        self.assertRegex(env["TRACEPARENT"], r"^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")
        self.assertEqual(env["TRACESTATE"], "a=b")

    def test_a_nested_run_is_a_child_by_causation(self):
        self.track(PROGRAM, "run", "--agent", "inner", "true")
        outer, inner = self.events("started")
        self.assertEqual(inner["correlation_id"], outer["correlation_id"])
        self.assertEqual(inner["causation_id"], outer["event_id"])
        self.assertEqual(inner["payload"]["session_id"], outer["payload"]["session_id"])

    def test_progress_within_a_run_needs_no_ids(self):
        self.track(PROGRAM, "publish", "progress", "--progress-percent", "50")
        [started], [progress] = self.events("started"), self.events("progress")
        self.assertEqual(progress["correlation_id"], started["correlation_id"])
        self.assertEqual(progress["causation_id"], started["event_id"])
        self.assertEqual(progress["payload"]["agent_name"], "job")

    def test_stdin_stdout_stderr_are_the_commands(self):
        done = self.track("sh", "-c", "cat; echo err >&2", stdin="in\n")
        self.assertEqual((done.stdout, done.stderr), ("in\n", "err\n"))

    def test_descriptors_pass_and_none_of_ours_do(self):
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)
        out = self.track("sh", "-c", f"echo through >&{writer}; ls /proc/self/fd",
                         pass_fds=(writer,)).stdout
        os.close(writer)
        self.assertEqual(os.read(reader, 100), b"through\n")
        os.close(reader)
        # 0, 1, 2, the one passed, and that of ls itself
        self.assertEqual(len(out.split()), 5)

    def test_a_closed_stdout_stays_closed(self):
        look = "test -e /proc/\\$\\$/fd/1 && echo open >&2; test -e /proc/\\$\\$/fd/2 && echo two >&2"
        script = f'"{PROGRAM}" run --agent job sh -c "{look}" >&-'
        done = self.run_program("sh", "-c", script, stderr=subprocess.PIPE)
        self.assertEqual(done.stderr, "two\n")

    def test_a_closed_stderr_does_not_stop_the_command(self):
        reader, writer = os.pipe()
        os.close(reader)
        self.env["AEP_MODE"] = "nonsense"
        done = self.run_program(PROGRAM, "run", "--agent", "job", "sh", "-c", "echo ran",
                                stderr=writer, stdout=subprocess.PIPE)
        os.close(writer)
        self.assertEqual(done.stdout, "ran\n")

    def test_the_command_runs_though_it_cannot_be_tracked(self):
        done = self.track("echo", "ran", env={"AEP_MODE": ""})
        self.assertEqual(done.stdout, "ran\n")
        self.assertIn("not tracked", done.stderr)

    def test_strict_runs_nothing_that_cannot_be_tracked(self):
        done = self.track("echo", "ran", env={"AEP_MODE": ""}, options=["--strict"], status=125)
        self.assertEqual(done.stdout, "")
        self.assertIn("KAFKA_BOOTSTRAP_SERVERS", done.stderr)

    def test_invalid_context_is_said_and_the_command_runs(self):
        done = self.track("echo", "ran", options=["--context", "{"])
        self.assertEqual(done.stdout, "ran\n")
        self.assertIn("context", done.stderr)

    def test_a_spool_removed_meanwhile_does_not_change_the_exit_status(self):
        self.track("sh", "-c", f"rm -rf '{self.spool}'; exit 3", status=3)


class Signals(AepTest):
    def start_teller(self):
        process = self.start_aep("run", "--agent", "job", "--", PYTHON, "-c", SIGNAL_TELLER)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def test_signals_are_passed_on(self):
        process = self.start_teller()
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1,
                       signal.SIGUSR2, signal.SIGWINCH):
            process.send_signal(number)
            self.assertEqual(process.stdout.readline(), number.name + "\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.stdout.readline(), "SIGTERM\n")
        self.assertEqual(process.wait(), 7)
        self.assertEqual(self.payloads("failed")[0]["error_code"], "EXIT_7")

    def test_a_signal_to_us_ends_both(self):
        process = self.start_aep("run", "--agent", "job", "sh", "-c", "echo ready; exec sleep 100")
        process.stdout.readline()
        process.terminate()
        self.assertEqual(process.wait(), -signal.SIGTERM)
        self.assertEqual(self.payloads("failed")[0]["error_code"], "SIGTERM")

    def test_killed_hard_the_command_goes_on(self):
        process = self.start_aep("run", "--agent", "job", "sh", "-c", "echo $$; read x; echo end $x",
                                 stdin=subprocess.PIPE)
        process.stdout.readline()
        process.kill()
        process.wait()
        process.stdin.write("well\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), "end well\n")
        self.assertEqual(len(self.events()), 1)

    def test_ignored_signals_stay_ignored(self):
        script = f'trap "" HUP; exec "{PROGRAM}" run --agent job sh -c "kill -HUP \\$\\$; echo alive"'
        done = self.run_program("sh", "-c", script, stdout=subprocess.PIPE)
        self.assertEqual(done.stdout, "alive\n")

    def test_an_ignored_sigchld_does_not_lose_the_exit_status(self):
        done = self.run_program(
            PYTHON, "-c", "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN);"
            f"os.execv({PROGRAM!r}, ['aep', 'run', '--agent', 'job', 'sh', '-c', 'exit 9'])")
        self.assertEqual(done.returncode, 9)

    def test_the_signal_mask_is_the_callers(self):
        masked = "grep SigBlk /proc/self/status"
        plain = self.run_program("sh", "-c", masked, stdout=subprocess.PIPE)
        run = self.run_aep("run", "--agent", "job", "sh", "-c", masked)
        self.assertEqual(run.stdout, plain.stdout)


class Wait(AepTest):
    """Without a broker, aep run still ends as the command did."""
    nowhere = {"AEP_MODE": "kafka", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}

    def test_what_is_not_acknowledged_is_said_and_the_status_stays(self):
        done = self.run_aep("run", "--agent", "job", "--wait=10", "sh", "-c", "exit 7", status=7,
                            env=self.nowhere)
        self.assertIn("not everything is acknowledged", done.stderr)
        self.assertIn("no relay is running", done.stderr)
        self.assertNotIn("acknowledged", self.run_aep("run", "--agent", "job", "true",
                                                      env=self.nowhere).stderr)

    def test_local_mode_has_nothing_to_wait_for(self):
        done = self.run_aep("run", "--agent", "job", "--wait=600000", "true")
        self.assertEqual(done.stderr, "")

    def test_a_wait_that_is_no_number_runs_nothing(self):
        done = self.run_aep("run", "--agent", "job", "--wait=soon", "touch", "ran", status=2)
        self.assertIn("wait", done.stderr)
        self.assertNotIn("ran", os.listdir(self.folder))

    def test_a_signal_ends_the_wait_with_the_commands_status(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            process = self.start_aep("run", "--agent", "job", "--wait=600000", "sh", "-c",
                                     "echo $$; exit 5", env=self.nowhere)
            child = int(process.stdout.readline())
            self.wait_until(lambda: not os.path.exists(f"/proc/{child}"), "the command's end")
            process.send_signal(number)
            self.assertEqual(process.wait(DEADLINE_S), 5)

    def test_a_killed_commands_signal_is_still_ours(self):
        process = self.start_aep("run", "--agent", "job", "--wait=10", "sh", "-c", "kill -KILL $$",
                                 env=self.nowhere)
        self.assertEqual(process.wait(DEADLINE_S), -signal.SIGKILL)


# Leaves a grandchild to be adopted, and ends once that has been reaped.
ORPHAN_MAKER = """
import os, sys, time
for _ in range(3):
    out, into = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            os.write(into, b"%d" % os.getpid())
        os._exit(0)
    os.wait()
    orphan = os.read(out, 20).decode()
    end = time.monotonic() + 60
    while os.path.exists(f"/proc/{orphan}"):
        if time.monotonic() > end:
            sys.exit(f"{orphan} is a zombie still")
        time.sleep(0.01)
"""


class Subreaper(AepTest):
    def test_what_is_adopted_is_reaped(self):
        subreaper = 36  # PR_SET_CHILD_SUBREAPER
        libc = ctypes.CDLL(None)
        self.run_aep("run", "--agent", "job", PYTHON, "-c", ORPHAN_MAKER,
                     preexec_fn=lambda: libc.prctl(subreaper, 1, 0, 0, 0))
        self.assertEqual(len(self.payloads("completed")), 1)

    def test_what_was_there_before_is_reaped(self):
        """Children of a shell that has become aep run."""
        look = f'while [ -e /proc/$0 ]; do sleep 0.01; done'
        script = f'true & exec "{PROGRAM}" run --agent job timeout 60 sh -c {look!r} $!'
        self.assertEqual(self.run_program("sh", "-c", script).returncode, 0)


class WithRelay(AepTest):
    relay = True

    def test_command_substitution_returns_though_the_relay_lives(self):
        self.env.update(AEP_MODE="kafka", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
        script = f'x=$("{PROGRAM}" run --agent job echo hello); echo "got $x"'
        done = self.run_program("sh", "-c", script, stdout=subprocess.PIPE)
        self.assertEqual(done.stdout, "got hello\n")
        self.wait_until(self.relay_alive)


