# SPDX-License-Identifier: Apache-2.0
# ctest: hostile_folder BROKERS plain
"""Settings never come from the working directory: a checkout can neither redirect events nor switch
redaction off."""
import unittest

from harness import TOPICS, Case, plain_kafka, unique

SECRET = "AKIAIOSFODNN7EXAMPLE"
DOTENV = """KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1
KAFKA_INTELLIGENCE_BOOTSTRAP_SERVERS=127.0.0.1:1
TENANT_ID=evil
ENVIRONMENT=evil
AEP_REDACT=off
AEP_SPOOL_DIR={folder}/evil-spool
AEP_EVENTS_ENABLED=false
AEP_RELAY_PATH={folder}/evil-relay
AEP_KAFKA_PLUGIN_LIBRARY_PATHS={folder}/evil.so
"""
CONF = """kafka.bootstrap.servers = 127.0.0.1:1
redact = off
events.enabled = false
spool.dir = {folder}/evil-spool
relay.path = {folder}/evil-relay
"""


class HostileFolder(Case):
    def make_hostile(self):
        folder = self.folder / "checkout"
        for place in (folder, folder / "aep", folder / ".config/aep", folder / "etc/aep"):
            place.mkdir(parents=True, exist_ok=True)
            (place / "aep.conf").write_text(CONF.format(folder=folder))
        (folder / ".env").write_text(DOTENV.format(folder=folder))
        relay = folder / "evil-relay"
        relay.write_text(f"#!/bin/sh\ntouch {folder}/ran\n")
        relay.chmod(0o755)
        (folder / "aep-relay").symlink_to(relay)
        return folder

    def check_untouched(self, folder, spool, **how):
        word = unique()
        result = spool.publish("started", word, "--wait", "--request", f"use {SECRET} now",
                               cwd=folder, **how)
        self.assertEqual(result.status, 0, result.err)
        records = plain_kafka().read(TOPICS["started"], only=word)
        self.assertEqual(len(records), 1)
        self.assertNotIn(SECRET, records[0].value)
        self.assertIn("[REDACTED:", records[0].payload["user_request"])
        self.assertEqual(records[0].event["tenant_id"], "default")
        self.assertIsNone(records[0].header("x-environment"))
        self.assertFalse((folder / "evil-spool").exists())
        self.assertFalse((folder / "ran").exists())

    def test_files_of_the_working_directory_are_not_read(self):
        self.check_untouched(self.make_hostile(), self.make_spool())

    def test_relative_folders_of_the_environment_are_ignored(self):
        folder, spool = self.make_hostile(), self.make_spool()
        self.check_untouched(folder, spool, env={
            "XDG_CONFIG_HOME": ".config", "XDG_STATE_HOME": ".", "XDG_CONFIG_DIRS": "etc",
            "PATH": f".:{spool.env['PATH']}"})

    def test_a_dotenv_that_is_named_counts_for_three_variables_only(self):
        folder, spool = self.make_hostile(), self.make_spool()
        text = DOTENV.format(folder=folder).replace("127.0.0.1:1", plain_kafka().servers)
        (folder / ".env").write_text(text)
        word = unique()
        result = spool.publish("started", word, "--wait", "--request", f"use {SECRET} now",
                               cwd=folder, env={"AEP_DOTENV": str(folder / ".env"),
                                                "KAFKA_BOOTSTRAP_SERVERS": None})
        self.assertEqual(result.status, 0, result.err)
        records = plain_kafka().read(TOPICS["started"], only=word)
        self.assertEqual(len(records), 1)
        self.assertEqual(records[0].event["tenant_id"], "evil")
        self.assertNotIn(SECRET, records[0].value)
        self.assertFalse((folder / "evil-spool").exists())
        self.assertFalse((folder / "ran").exists())


if __name__ == "__main__":
    unittest.main()
