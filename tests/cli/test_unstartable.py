# SPDX-License-Identifier: Apache-2.0
"""A relay that cannot start, or cannot create a client: whoever waits learns why, status and doctor
show it, and relays are not started again and again only to die."""
import glob
import json
import os
import time
import unittest

from harness import DEADLINE_S, PROGRAM, AepTest
from replacing import break_library, install


class Unstartable(AepTest):
    relay = True

    def setUp(self):
        super().setUp()
        self.use_dead_broker()

    def publish(self, *words, status=3):
        return self.run_aep("publish", "progress", "--agent", "a", "--correlation-id", "c", *words,
                            status=status)

    def status(self):
        return json.loads(self.run_aep("status", "--json").stdout)["spools"][0]

    def await_status(self, condition, what):
        end = time.monotonic() + DEADLINE_S
        while not condition(status := self.status()):
            self.assertLess(time.monotonic(), end, f"{what}: {status}")
            time.sleep(0.05)
        return status

    def log(self):
        path, = glob.glob(os.path.join(self.folder, "state/aep/*/relay.log"))
        with open(path) as file:
            return file.read()

    def assert_told(self, *words):
        """The relay's log, the waiting program, status and doctor name the cause; one relay lives
        on."""
        result = self.publish("--wait=1000")
        status = self.await_status(lambda status: status["broker"] == "misconfigured",
                                   "it is not reported")
        self.assertTrue(status["relay_pid"])
        again = self.publish("--wait=0")
        for word in words:
            for place in (status["reason"], self.log(), again.stderr,
                          self.run_aep("status").stdout,
                          self.run_aep("doctor", "--timeout", "300", status=1).stdout):
                self.assertIn(word, place)
        self.assertEqual(self.status()["relay_pid"], status["relay_pid"])
        self.assertEqual({line.split()[1] for line in self.log().splitlines() if " error " in line},
                         {str(status["relay_pid"])}, "another relay has tried the same settings")
        return result

    def test_a_missing_file_is_named_and_picked_up_once_it_is_there(self):
        path = os.path.join(self.folder, "ca.pem")
        self.env |= {"AEP_KAFKA_SECURITY_PROTOCOL": "ssl", "AEP_KAFKA_SSL_CA_LOCATION": path}
        self.assert_told("kafka.ssl.ca.location", path, "No such file")
        pid = self.status()["relay_pid"]
        self.run_program("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                         "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ca", "-keyout",
                         os.devnull, "-out", path)
        status = self.await_status(lambda status: status["broker"] == "unreachable",
                                   "no client was made")
        self.assertEqual(status["relay_pid"], pid)

    def test_a_refused_property_is_named(self):
        self.env |= {"AEP_KAFKA_LINGER_MS": "a while"}
        self.assert_told("kafka.linger.ms")

    def test_a_login_without_a_mechanism(self):
        self.env |= {"AEP_KAFKA_SECURITY_PROTOCOL": "sasl_ssl"}
        self.assert_told("kafka.sasl.mechanism")

    def test_a_missing_password_file_is_named(self):
        path = os.path.join(self.folder, "password")
        self.env |= {"AEP_KAFKA_SECURITY_PROTOCOL": "sasl_plaintext",
                     "AEP_KAFKA_SASL_MECHANISM": "PLAIN", "AEP_KAFKA_SASL_USERNAME": "u",
                     "AEP_KAFKA_SASL_PASSWORD_FILE": path}
        self.assert_told("kafka.sasl.password.file", path)

    def test_a_relay_in_the_foreground_lives_on_too(self):
        """A service manager would start it a few times, and then never again."""
        path = os.path.join(self.folder, "ca.pem")
        self.env |= {"AEP_RELAY_MODE": "external", "AEP_KAFKA_SECURITY_PROTOCOL": "ssl",
                     "AEP_KAFKA_SSL_CA_LOCATION": path}
        self.publish(status=0)
        with open(os.path.join(self.folder, "said"), "w+") as said:
            relay = self.start_aep("relay", "run", stderr=said)
            self.await_status(lambda status: status["broker"] == "misconfigured", "it is not said")
            said.seek(0)
            self.assertIn(f"kafka.ssl.ca.location: cannot read {path}", said.read())
        self.assertIn(path, self.publish("--wait=0").stderr)
        self.run_program("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                         "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ca", "-keyout",
                         os.devnull, "-out", path)
        self.await_status(lambda status: status["broker"] == "unreachable", "no client was made")
        self.assertEqual(self.status()["relay_pid"], relay.pid)

    def test_a_missing_program_is_named(self):
        self.env["AEP_RELAY_PATH"] = "/nope/aep-relay"
        self.assertIn("/nope/aep-relay", self.publish("--wait=0").stderr)
        self.assertIn("/nope/aep-relay", self.run_aep("status").stdout)

    def put_relay(self, script):
        """A program that stands in for the relay's; its path."""
        path = os.path.join(self.folder, "relay")
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)
        self.env["AEP_RELAY_PATH"] = path
        return path

    def test_a_program_that_ends_at_once(self):
        path = self.put_relay("exit 127")
        for told in (self.publish("--wait=500").stderr, self.run_aep("status").stdout):
            self.assertIn(f"{path} does not run: exit status 127: install it again", told)

    def test_a_program_that_runs_and_does_not_come_up(self):
        path = self.put_relay("[ $1 = --version ] && echo relay")
        for told in (self.publish("--wait=500").stderr, self.run_aep("status").stdout):
            self.assertIn("the one that was started has not come up: `aep relay run`", told)

    def test_tokens_that_cannot_be_had(self):
        """librdkafka would wait for a token for ever, and so would every caller."""
        self.env |= {"AEP_KAFKA_SECURITY_PROTOCOL": "sasl_plaintext",
                     "AEP_KAFKA_SASL_MECHANISM": "OAUTHBEARER"}
        self.assert_told("kafka.sasl.oauthbearer.method")
        result = self.run_aep("topics", "list", status=1)
        self.assertIn("kafka.sasl.oauthbearer.method", result.stderr)


# What glibc's loader says, and musl's.
NO_LIBRARY = r"librdkafka\.so\.0: cannot open shared object file|Error loading shared library librdkafka\.so\.0: "


class MissingLibrary(AepTest):
    """A wheel on a machine without librdkafka: the dynamic loader ends each program that needs it."""
    relay = True

    def setUp(self):
        super().setUp()
        self.use_dead_broker()
        self.aep = install(PROGRAM, os.path.join(self.folder, "installed"))
        for name in ("aep-relay", "aep-tracker", "aep-doctor", "aep-topics"):
            break_library(self.aep.parents[1] / "libexec/aep" / name)

    def run_aep(self, *args, **more):
        return super().run_aep(*args, executable=self.aep, **more)

    def assert_told(self, text, program="aep-relay"):
        self.assertIn(f"{self.aep.parents[1]}/libexec/aep/{program} does not run: ", text)
        self.assertRegex(text, NO_LIBRARY)
        self.assertIn("`sudo apt install librdkafka1`, or `sudo dnf install librdkafka`", text)

    def test_events_are_accepted_and_the_remedy_is_said(self):
        words = ("publish", "progress", "--agent", "a", "--correlation-id", "c")
        self.assertEqual(self.run_aep(*words).stderr, "")
        self.assertEqual(len(self.records()), 1)
        self.assert_told(self.run_aep(*words, "--wait=500", status=3).stderr)
        self.assert_told(self.run_aep(*words[:1], "--stdin", "--wait=500", status=3,
                                      stdin=json.dumps({"kind": "progress", "agent_name": "a",
                                                        "correlation_id": "c"})).stderr)
        self.assert_told(self.run_aep("flush", "--timeout", "500", status=3).stderr)
        self.assert_told(self.run_aep("status").stdout)
        self.assertEqual(len(self.records()), 3)

    def test_whatever_needs_it_says_so(self):
        for words in (("doctor",), ("relay", "run"), ("relay", "start"), ("topics", "list")):
            self.assert_told(self.run_aep(*words, status=1).stderr)
        for words in (("serve",), ("list", "--wait=50s")):
            self.assert_told(self.run_aep(*words, status=1).stderr, "aep-tracker")

    def test_the_doctor_says_it_of_another_relay(self):
        whole = super().run_aep
        self.env["AEP_RELAY_PATH"] = str(self.aep.parents[1] / "libexec/aep/aep-relay")
        self.assert_told(whole("doctor", "--timeout", "300", status=1).stdout)


if __name__ == "__main__":
    unittest.main()
