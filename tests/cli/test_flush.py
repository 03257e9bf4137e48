# SPDX-License-Identifier: Apache-2.0
"""aep flush without a broker: what it waits for, what it leaves alone."""
from harness import AepTest


class Flush(AepTest):
    def publish_to(self, servers, **options):
        env = {"KAFKA_BOOTSTRAP_SERVERS": servers, "AEP_MODE": "", **options}
        self.run_aep("publish", "started", "--agent", "a", "--request", "r", env=env)
        return env

    def test_what_is_on_disk_is_deferred(self):
        env = self.publish_to("127.0.0.1:1")
        self.run_aep("flush", "--timeout", "50", env=env, status=3)

    def test_all_takes_every_spool_with_its_own_brokers(self):
        for port in (1, 2):
            self.publish_to(f"127.0.0.1:{port}")
        done = self.run_aep("flush", "--all", "--timeout", "50", env={"AEP_MODE": ""}, status=3)
        self.assertEqual(done.stderr.count("not acknowledged yet"), 2, done.stderr)

    def test_all_sends_nothing_to_where_it_cannot_log_in(self):
        env = self.publish_to(
            "127.0.0.1:1",
            AEP_KAFKA_SECURITY_PROTOCOL="SASL_SSL",
            AEP_KAFKA_SASL_MECHANISM="PLAIN",
            AEP_KAFKA_SASL_USERNAME="alice",
            AEP_KAFKA_SASL_PASSWORD="opensesame",
        )
        other = {**env, "AEP_KAFKA_SASL_USERNAME": "bob"}
        done = self.run_aep("flush", "--all", "--timeout", "50", env=other, status=1)
        self.assertIn("principal=alice", done.stderr)
        self.assertNotIn("opensesame", done.stderr)

    def test_all_with_nothing_to_do_is_done(self):
        self.run_aep("publish", "started", "--agent", "a", "--request", "r")
        self.run_aep("flush", "--all")
