# SPDX-License-Identifier: Apache-2.0
# ctest: secure CASES Secure BROKERS secure
# ctest: secure_renewed CASES Renewed BROKERS secure
# ctest: contender_again CASES ContenderAgain LONG
"""TLS and SASL: right settings deliver, wrong ones are reported, no secret shows anywhere, and a
publisher with the right credentials replaces a relay that has wrong ones."""
import json
import os
import pathlib
import subprocess
import unittest

from harness import DEADLINE_S, TOPICS, Case, find_relays, read_proc, secure_kafka, unique, \
    wait_until

WRONG = "wr0ng-passw0rd-" + unique()


def make_authority(path):
    """A certificate that has signed nothing."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=other",
                    "-keyout", os.devnull, "-out", path], check=True, capture_output=True)


class Secure(Case):
    def secure_spool(self, user="writer", **more):
        kafka = secure_kafka()
        return kafka, self.make_spool(kafka.secure_servers, **kafka.login(user, **more))

    def assert_delivered(self, kafka, words):
        keys = [record.key for record in kafka.read(TOPICS["progress"], only=words[0][:8])]
        self.assertEqual(sorted(key for key in keys if key in words), sorted(words))

    def assert_no_secret(self, spool, *secrets):
        """Passwords are not in the relay's arguments or environment, on disk, or in any message."""
        places = {"status": spool.run("status").out + spool.run("status", "--json").out,
                  "config explain": spool.run("config", "explain").out}
        for pid in find_relays(spool.home):
            places[f"arguments of {pid}"] = read_proc(pid, "cmdline").decode()
            places[f"environment of {pid}"] = read_proc(pid, "environ").decode()
        for path in spool.dir.iterdir():
            if path.is_file():
                places[path.name] = path.read_bytes().decode(errors="replace")
        for secret in secrets:
            found = [name for name, text in places.items() if secret in text]
            self.assertEqual(found, [], "a password shows")

    def test_scram_over_tls_delivers(self):
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"):
            with self.subTest(mechanism):
                kafka, spool = self.secure_spool(kafka_sasl_mechanism=mechanism)
                word = unique()
                result = spool.publish("progress", word, "--wait=20000")
                self.assertEqual(result.status, 0, result.err)
                self.assert_delivered(kafka, [word])
                self.assert_no_secret(spool, kafka.env["AEP_TEST_KAFKA_WRITER_PASSWORD"])

    def test_password_from_a_file(self):
        kafka, spool = self.secure_spool()
        path = spool.home / "password"
        path.write_text(spool.env.pop("AEP_KAFKA_SASL_PASSWORD") + "\n")
        path.chmod(0o600)
        spool.set(kafka_sasl_password_file=path)
        word = unique()
        result = spool.publish("progress", word, "--wait=20000")
        self.assertEqual(result.status, 0, result.err)
        self.assert_delivered(kafka, [word])

    def test_a_password_in_a_changed_file_is_read_by_the_next_relay(self):
        kafka, spool = self.secure_spool()
        path, right = spool.home / "password", spool.env.pop("AEP_KAFKA_SASL_PASSWORD")
        path.write_text(WRONG)
        path.chmod(0o600)
        spool.set(kafka_sasl_password_file=path)
        words = [unique("rotated-"), unique("rotated-")]
        self.assertEqual(spool.publish("progress", words[0]).status, 0)
        self.await_refused(spool)
        path.write_text(right)
        spool.ok("relay", "stop")
        result = spool.publish("progress", words[1], "--wait=20000")
        self.assertEqual(result.status, 0, result.err)
        self.assert_delivered(kafka, words)

    def await_refused(self, spool):
        return spool.wait_status(lambda status: status["broker"] == "auth_failed",
                                 "the failed authentication is reported")

    def test_right_credentials_end_a_relay_with_wrong_ones(self):
        kafka, spool = self.secure_spool(kafka_sasl_password=WRONG)
        right = kafka.env["AEP_TEST_KAFKA_WRITER_PASSWORD"]
        words = [unique("handover-") for _ in range(6)]
        for word in words[:3]:
            self.assertEqual(spool.publish("progress", word).status, 0)
        status = self.await_refused(spool)
        self.assertTrue(status["reason"])
        self.assertEqual(status["counters"]["acknowledged"], 0)
        self.assertEqual(spool.publish("progress", words[3], "--wait=200").status, 3)
        self.assert_no_secret(spool, WRONG)
        first = spool.relay_pid()

        spool.set(kafka_sasl_password=right)
        self.assertEqual(spool.publish("progress", words[4]).status, 0)
        result = spool.publish("progress", words[5], "--wait=30000")
        self.assertEqual(result.status, 0, result.err)
        spool.flush()
        self.assert_delivered(kafka, words)
        status = spool.wait_status(lambda status: status["broker"] == "connected", "connected")
        self.assertNotEqual(status["relay_pid"], first)
        wait_until(lambda: len(spool.relays()) == 1, "one relay is left")
        self.assert_no_secret(spool, WRONG, right)

    def test_a_publisher_with_wrong_credentials_does_not_disturb_a_healthy_relay(self):
        kafka, spool = self.secure_spool()
        words = [unique("healthy-") for _ in range(4)]
        self.assertEqual(spool.publish("progress", words[0], "--wait=20000").status, 0)
        pid = spool.relay_pid()
        spool.set(kafka_sasl_password=WRONG)
        for word in words[1:]:
            self.assertEqual(spool.publish("progress", word, "--wait=20000").status, 0)
        self.assertEqual(spool.relay_pid(), pid)
        self.assert_delivered(kafka, words)

    def test_a_server_that_is_not_the_cas_is_not_trusted(self):
        kafka, spool = self.secure_spool()
        ca = spool.home / "other.pem"
        make_authority(ca)
        spool.set(kafka_ssl_ca_location=ca)
        word = unique()
        self.assertEqual(spool.publish("progress", word).status, 0)
        status = spool.wait_status(
            lambda status: status["broker"] not in ("unknown", "connected"), "it is reported")
        self.assertRegex(status["reason"].lower(), "certificate|ssl|tls")
        self.assertEqual(spool.publish("progress", word, "--wait=100").status, 3)
        self.assertEqual(kafka.read(TOPICS["progress"], only=word), [])

    def test_a_user_without_any_right_parks(self):
        kafka, spool = self.secure_spool("nobody")
        kafka.create(TOPICS["progress"])
        spool.publish("progress", unique())
        status = spool.wait_status(lambda status: status["parked_now"] == 1, "it is parked")
        self.assertIn("forbidden", status["broker"])


class Renewed(Case):
    """Certificates and passwords change on disk under the same settings: the running relay uses
    them."""

    def secure_spool(self, kafka=None, **more):
        kafka = kafka or secure_kafka()
        kafka.create(TOPICS["progress"])
        spool = self.make_spool(kafka.secure_servers, **kafka.login("writer", **more))
        return kafka, spool, spool.env.pop("AEP_KAFKA_SASL_PASSWORD")

    def put(self, spool, name, text):
        """Replaces the file by a new one, as tools that renew files do."""
        path = spool.home / name
        new = spool.home / f"{name}.new"
        new.write_text(text)
        new.chmod(0o600)
        new.replace(path)
        return path

    def await_broker(self, spool, *states):
        return spool.wait_status(lambda status: status["broker"] in states, f"broker {states}")

    def assert_recovers(self, kafka, spool, pid, word):
        spool.flush()
        self.assertEqual(len(kafka.read(TOPICS["progress"], only=word)), 1)
        self.assertEqual(spool.relay_pid(), pid, "another relay")

    def test_a_password_file_with_a_relay_in_the_foreground(self):
        kafka, spool, password = self.secure_spool()
        spool.set(kafka_sasl_password_file=self.put(spool, "password", WRONG), relay_mode="external")
        relay = spool.start_relay()
        word = unique()
        self.assertEqual(spool.publish("progress", word).status, 0)
        self.await_broker(spool, "auth_failed")
        self.put(spool, "password", password)
        self.assert_recovers(kafka, spool, relay.pid, word)

    def test_a_password_file_with_one_publisher_that_stays(self):
        kafka, spool, password = self.secure_spool()
        spool.set(kafka_sasl_password_file=self.put(spool, "password", WRONG))
        word = unique()
        child = spool.start("publish", "--stdin", "--wait=60000", stdin=subprocess.PIPE)
        child.stdin.write(json.dumps({"kind": "progress", "agent_name": "a",
                                      "correlation_id": word}) + "\n")
        child.stdin.flush()
        self.await_broker(spool, "auth_failed")
        self.put(spool, "password", password)
        self.await_broker(spool, "connected")
        child.stdin.close()
        self.assertEqual(child.wait(DEADLINE_S), 0)
        self.assertEqual(len(kafka.read(TOPICS["progress"], only=word)), 1)

    def test_a_certificate_authority(self):
        kafka, spool, password = self.secure_spool(kafka_ssl_ca_location="")
        spool.set(kafka_sasl_password=password)
        right = pathlib.Path(kafka.env["AEP_TEST_KAFKA_CA"]).read_text()
        other = spool.home / "other.pem"
        make_authority(other)
        spool.set(kafka_ssl_ca_location=self.put(spool, "ca.pem", other.read_text()),
                  relay_mode="external")
        relay = spool.start_relay()
        word = unique()
        self.assertEqual(spool.publish("progress", word).status, 0)
        self.await_broker(spool, "auth_failed", "unreachable")
        self.put(spool, "ca.pem", right)
        self.assert_recovers(kafka, spool, relay.pid, word)

    def test_a_working_relay_takes_a_renewed_file_at_its_next_connection(self):
        kafka, spool, password = self.secure_spool(self.make_broker("--secure"))
        spool.set(kafka_sasl_password_file=self.put(spool, "password", password))
        words = [unique() for _ in range(2)]
        self.assertEqual(spool.publish("progress", words[0], "--wait=60000").status, 0)
        pid = spool.relay_pid()
        self.put(spool, "password", WRONG)
        self.assertEqual(spool.publish("progress", words[1], "--wait=60000").status, 0)
        kafka.stop()
        self.assertEqual(spool.publish("progress", words[1]).status, 0)
        self.await_broker(spool, "unreachable")
        kafka.start()
        self.await_broker(spool, "auth_failed")
        self.put(spool, "password", password)
        self.await_broker(spool, "connected")
        spool.flush()
        self.assertEqual(spool.relay_pid(), pid)
        keys = [record.key for record in kafka.read(TOPICS["progress"])]
        self.assertEqual(sorted(set(keys)), sorted(words))


class ContenderAgain(Case):
    def test_a_contender_that_found_kafka_away_is_followed_by_another(self):
        """The publisher lives on, so no new one brings better settings."""
        kafka, word = self.make_broker(), unique()
        kafka.create(TOPICS["progress"])
        kafka.stop()
        spool = self.make_spool(kafka)
        bad = {"AEP_KAFKA_SECURITY_PROTOCOL": "ssl", "AEP_KAFKA_SSL_CA_LOCATION": "/nope/ca.pem"}
        self.assertEqual(spool.publish("progress", word, env=bad).status, 0)
        spool.wait_status(lambda status: status["broker"] == "misconfigured", "no client")
        child = spool.start("publish", "--stdin", "--wait=240000", stdin=subprocess.PIPE)
        child.stdin.write(json.dumps({"kind": "progress", "agent_name": "a",
                                      "correlation_id": word}) + "\n")
        child.stdin.close()
        wait_until(lambda: len(spool.relays()) == 2, "a contender is there")
        wait_until(lambda: len(spool.relays()) == 1, "it has given up")
        kafka.start()
        self.assertEqual(child.wait(240), 0)
        self.assertEqual(len(kafka.read(TOPICS["progress"], only=word)), 2)
        self.assertEqual(spool.status()["broker"], "connected")


if __name__ == "__main__":
    unittest.main()
