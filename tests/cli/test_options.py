# SPDX-License-Identifier: Apache-2.0
"""How command lines are parsed, and how wrong ones are refused."""
import os
import re
import subprocess

from harness import PROGRAM, AepTest


class Options(AepTest):
    def test_no_verb_is_wrong_usage(self):
        self.assertIn("--help", self.run_aep(status=2).stderr)

    def test_help_lists_the_verbs(self):
        out = self.run_aep("--help").stdout
        for verb in ("publish", "run", "tail", "status", "doctor", "validate"):
            self.assertRegex(out, rf"(?m)^  {verb} ")
        for line in out.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_help_says_where_to_begin(self):
        """Groups, the two variables, and an example that works as shown."""
        out = self.run_aep("--help").stdout
        self.assertRegex(out, r"(?m)^publish:\n  publish +.*\n(  .*\n)*\nwatch:\n  list ")
        self.assertIn("\n    KAFKA_BOOTSTRAP_SERVERS=", out)
        self.assertIn("\n    AEP_MODE=local ", out)
        [example] = re.findall(r"(?m)^example:\n((?:    .*\n)+)", out)
        self.env["AEP_MODE"] = ""
        self.env["PATH"] = os.path.dirname(PROGRAM) + ":" + self.env["PATH"]
        script = example.replace("-- make", "-- true").replace("aep list", "aep list --wait=30s")
        self.addCleanup(self.run_aep, "tracker", "stop", status=None)
        done = self.run_program("bash", "-ec", script, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^completed\tbuilder\t(.*\n)+.* started +builder .*\n"
                                      r".*completed +builder ")

    def test_what_is_typed_too_short_is_taken_for_its_whole_name(self):
        for typed, meant in ((["pub"], "publish"), (["dead", "rep"], "replay"),
                             (["publish", "--corr", "c"], "--correlation-id"),
                             (["help", "doc"], "doctor")):
            self.assertIn(f"did you mean {meant}?", self.run_aep(*typed, status=2).stderr)
        self.assertNotIn("did you mean", self.run_aep("-x", status=2).stderr)

    def test_help_is_a_verb(self):
        self.assertEqual(self.run_aep("help").stdout, self.run_aep("--help").stdout)
        self.assertRegex(self.run_aep("help").stdout, r"(?m)^  help ")
        for words in (["dead", "show"], ["topics", "create"], ["doctor"], ["help"]):
            self.assertEqual(self.run_aep("help", *words).stdout,
                             self.run_aep(*words, "--help").stdout)
        for words in (["nosuch"], ["dead", "nosuch"], ["dead", "show", "x"]):
            self.assertEqual(self.run_aep("help", *words, status=2).stdout, "")

    def test_every_verb_has_help(self):
        for verb in ("publish", "run", "tail", "status", "flush", "dead", "spool", "relay",
                     "validate", "policy", "schema", "config", "id"):
            out = self.run_aep(verb, "--help").stdout
            self.assertTrue(out.startswith(f"aep {verb}: "), out)
            self.assertEqual(self.run_aep("help", verb).stdout, out)

    def test_the_usage_names_every_way_to_say_which_spool(self):
        """The usage line names every option that the help lists."""
        for verb in ("tail", "status", "dead list", "dead show", "dead replay", "dead drop",
                     "spool list", "spool purge", "relay start", "relay stop", "relay run"):
            out = self.run_aep(*verb.split(), "--help").stdout
            self.assertRegex(out, r"usage: .*\[--spool DIR\]", verb)
            self.assertRegex(out, r"(?m)^  --spool DIR ", verb)
        for verb in ("status", "spool list"):
            self.assertIn("Only the spool", self.run_aep(*verb.split(), "--help").stdout)

    def test_help_of_an_action(self):
        self.assertIn("usage: aep dead show ORDINAL", self.run_aep("dead", "show", "-h").stdout)

    def test_version(self):
        self.assertRegex(self.run_aep("--version").stdout, r"^aep \d+\.\d+\.\d+\n$")

    def test_an_unknown_verb_is_refused_with_the_nearest(self):
        self.assertIn("did you mean publish?", self.run_aep("pubish", status=2).stderr)

    def test_an_unknown_option_is_refused_with_the_nearest(self):
        done = self.run_aep("publish", "started", "--corelation-id", "x", status=2)
        self.assertIn("unknown option --corelation-id; did you mean --correlation-id?", done.stderr)

    def test_an_unknown_action_is_refused_with_the_nearest(self):
        self.assertIn("did you mean replay?", self.run_aep("dead", "repay", status=2).stderr)

    def test_an_action_is_wanted(self):
        self.assertIn("list, show, replay, drop", self.run_aep("dead", status=2).stderr)

    def test_a_missing_value_is_refused(self):
        self.assertIn("--agent needs a value", self.run_aep("run", "--agent", status=2).stderr)

    def test_a_value_that_is_not_wanted_is_refused(self):
        self.assertIn("takes no value", self.run_aep("status", "--json=yes", status=2).stderr)

    def test_values_joined_and_apart_are_the_same(self):
        for args in (["--count=3"], ["--count", "3"], ["-n3"], ["-n", "3"]):
            self.assertEqual(len(self.run_aep("id", *args).stdout.splitlines()), 3)

    def test_a_time_may_have_a_unit(self):
        for wait in ("--wait=1s", "--wait=1000", "--wait=500ms", "-w1s", "-w1", "-nw1s"):
            self.run_aep("publish", "started", "--agent", "a", "--request", "r", wait)
        self.run_aep("flush", "--timeout", "1s")
        for words in (["publish", "started", "--wait=soon"], ["publish", "started", "-w5x"],
                      ["flush", "--timeout=x"], ["flush", "--timeout", "-2"],
                      ["flush", "--timeout", "99999999999"], ["doctor", "--timeout=1y"]):
            done = self.run_aep(*words, status=2)
            self.assertRegex(done.stderr, "--(wait|timeout): .* is (not a time|out of range)", words)

    def test_the_value_of_an_option_that_may_go_without_has_to_be_joined(self):
        for words in (["publish", "started", "--wait", "5"], ["publish", "--wait", "5", "started"],
                      ["publish", "started", "-w", "5"]):
            done = self.run_aep(*words, status=2)
            self.assertIn("write --wait=5s for seconds or --wait=5 for milliseconds", done.stderr)
        done = self.run_aep("publish", "started", "--wait", "5s", status=2)
        self.assertIn('write --wait=5s, not "5s" by itself', done.stderr)
        self.run_aep("publish", "--wait", "started", "--agent", "a", "--request", "r")

    def test_options_may_follow_operands(self):
        self.run_aep("schema", "started", "--set", "mode=local")

    def test_a_word_too_many_is_refused(self):
        self.assertIn("unexpected argument", self.run_aep("id", "x", status=2).stderr)
        self.assertIn("did you mean --spool /x/y?",
                      self.run_aep("spool", "remove", "/x/y", status=2).stderr)

    def test_numbers_are_checked(self):
        for value in ("0", "x", "", "3x", "99999999999999999999"):
            self.assertIn("whole number", self.run_aep("id", "--count", value, status=2).stderr)

    def test_set_refuses_an_unknown_key(self):
        done = self.run_aep("publish", "started", "--agent", "a", "--request", "r",
                            "--set", "spool.dri=/x", status=2)
        self.assertIn("spool.dir", done.stderr)

    def test_set_wants_key_and_value(self):
        self.assertIn("KEY=VALUE", self.run_aep("config", "explain", "--set", "x", status=2).stderr)

    def test_messages_begin_with_the_programs_name(self):
        for line in self.run_aep("id", "--count", "x", status=2).stderr.splitlines():
            self.assertTrue(line.startswith("aep: "))


class Output(AepTest):
    def test_a_closed_stdout_is_an_error_and_not_the_spool(self):
        script = f'"{PROGRAM}" publish started --agent a --request r >&-'
        done = self.run_program("sh", "-c", script, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("stdout", done.stderr)
        self.assertEqual(len(self.events("started")), 1)

    def test_with_stdin_closed_too_no_file_of_ours_takes_stdouts_place(self):
        script = f'"{PROGRAM}" publish started --agent a --request r <&- >&-'
        self.assertEqual(self.run_program("sh", "-c", script).returncode, 1)
        self.assertEqual(len(self.events("started")), 1)

    def test_all_descriptors_closed_still_publishes(self):
        script = f'"{PROGRAM}" publish started --agent a --request r <&- >&- 2>&-'
        self.run_program("sh", "-c", script)
        self.assertEqual(len(self.events("started")), 1)

    def test_a_full_disk_under_stdout_is_said(self):
        with open("/dev/full", "w") as full:
            done = self.run_aep("id", stdout=full, status=1)
        self.assertIn("No space left", done.stderr)

    def test_a_reader_that_goes_away_is_no_message(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = self.run_aep("id", stdout=writer, status=1)
        os.close(writer)
        self.assertEqual(done.stderr, "")
