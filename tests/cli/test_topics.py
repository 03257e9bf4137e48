# SPDX-License-Identifier: Apache-2.0
"""aep topics without Kafka: what is refused, and messages about unreachable servers. With a broker:
tests/broker."""
import socket
import threading

from harness import AepTest


def free_port():
    """A port on which nothing listens while the socket exists."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held, held.getsockname()[1]


class Topics(AepTest):
    def at(self, servers):
        return {"AEP_MODE": "kafka", "KAFKA_BOOTSTRAP_SERVERS": servers}

    def test_help_names_both_actions(self):
        out = self.run_aep("topics", "--help").stdout
        self.assertTrue(out.startswith("aep topics: "), out)
        self.assertRegex(out, r"(?m)^  list ")
        self.assertRegex(out, r"(?m)^  create ")
        self.assertEqual(self.run_aep("help", "topics").stdout, out)

    def test_help_of_an_action_needs_no_servers(self):
        out = self.run_aep("topics", "create", "--help").stdout
        for option in ("--partitions N", "--replication N", "--retention TIME", "--set KEY=VALUE"):
            self.assertIn(option, out)

    def test_an_action_is_wanted(self):
        self.assertIn("list, create", self.run_aep("topics", status=2).stderr)
        self.assertIn("did you mean create?", self.run_aep("topics", "creat", status=2).stderr)

    def test_local_mode_has_no_topics(self):
        self.assertIn("mode=local", self.run_aep("topics", "list", status=1).stderr)

    def test_without_servers_it_says_what_to_set(self):
        done = self.run_aep("topics", "list", status=1, env={"AEP_MODE": "kafka"})
        self.assertIn("KAFKA_BOOTSTRAP_SERVERS", done.stderr)

    def test_wrong_values_are_wrong_usage(self):
        for words in (
            ("create", "--partitions", "0"),
            ("create", "--partitions", "many"),
            ("create", "--replication", "-2"),
            ("create", "--retention", "7 fortnights"),
            ("create", "--retention", ""),
            ("create", "--retention", "99999999999999999999"),
            ("create", "--config", "no-value"),
            ("create", "--config", "=1"),
            ("create", "no such name"),
            ("list", ".."),
            ("list", "x" * 250),
            ("list", "--set", "no.such.option=1"),
        ):
            with self.subTest(words=words):
                done = self.run_aep("topics", *words, status=2, env=self.at("127.0.0.1:1"))
                self.assertTrue(done.stderr.startswith("aep: "), done.stderr)
                self.assertEqual(done.stdout, "")

    def test_a_setting_that_librdkafka_does_not_know_is_named(self):
        done = self.run_aep("topics", "list", "--set", "kafka.no.such.thing=1", status=1,
                            env=self.at("127.0.0.1:1"))
        self.assertIn("kafka.no.such.thing", done.stderr)

    def test_a_refused_connection_names_the_server_and_a_remedy(self):
        held, port = free_port()
        with held:
            done = self.run_aep("topics", "list", status=1, env=self.at(f"127.0.0.1:{port}"))
        self.assertIn(f"unreachable: 127.0.0.1:{port}", done.stderr)
        self.assertIn("Connection refused", done.stderr)
        self.assertIn("remedy: nothing listens there: start Kafka", done.stderr)

    def test_a_name_that_does_not_resolve_is_named(self):
        done = self.run_aep("topics", "create", status=1, env=self.at("kafka.invalid:9092"))
        self.assertIn("kafka.invalid", done.stderr)
        self.assertIn("remedy: correct the name", done.stderr)

    def test_a_server_that_hangs_up_may_want_tls(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            hang_up = threading.Thread(target=accept_and_close, args=(server,), daemon=True)
            hang_up.start()
            servers = f"127.0.0.1:{server.getsockname()[1]}"
            done = self.run_aep("topics", "list", status=1, env=self.at(servers))
            tls = self.run_aep("topics", "list", "--set", "kafka.security.protocol=SSL", status=1,
                               env=self.at(servers))
        self.assertIn("kafka.security.protocol=SSL", done.stderr)
        self.assertIn("unreachable", done.stderr)
        self.assertIn("remedy: ", tls.stderr)

    def test_secrets_are_never_shown(self):
        done = self.run_aep("topics", "list", "--set", "kafka.security.protocol=SASL_PLAINTEXT",
                            "--set", "kafka.sasl.mechanism=PLAIN", "--set", "kafka.sasl.username=me",
                            "--set", "kafka.sasl.password=hush-hush", status=1,
                            env=self.at("127.0.0.1:1"))
        self.assertNotIn("hush-hush", done.stdout + done.stderr)


def accept_and_close(server):
    while True:
        try:
            peer, _ = server.accept()
        except OSError:
            return
        peer.recv(1)
        peer.close()
