# SPDX-License-Identifier: Apache-2.0
"""Executions in PostgreSQL, as a user sees them: the same rows as in SQLite, whatever becomes of the
server, and the password nowhere."""
import json
import os
import pathlib
import random
import signal
import urllib.parse

from test_tracker import TrackerTest, story  # its harness knows the folder of the next one
import test_retention
from postgres_server import Server

KILLS = int(os.environ.get("AEP_TEST_POSTGRES_KILLS", "20"))
SECRET = "Sch/w:er@zu%raten"


class PostgresTest(TrackerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)

    def setUp(self):
        super().setUp()
        self.database = "t" + os.path.basename(self.folder)[-8:].lower()
        self.env["AEP_TRACK_STORE"] = self.server.database(self.database)


class Rows(PostgresTest):
    def test_they_are_those_of_sqlite(self):
        self.run_aep("publish", "--stdin", stdin=story(300))
        mine = self.rows()
        self.assertGreater(len(mine), 250)
        other = self.env | {"AEP_TRACK_STORE": os.path.join(self.folder, "sqlite/tracker.db")}
        self.addCleanup(self.run_aep, "tracker", "stop", status=None, env=other)
        self.assertEqual(mine, self.rows(env=other))
        for words in (["state:failed"], ["agent:agent-*"], ["broke"], ["agent:agent-1", "request"]):
            self.assertEqual(self.rows(*words), self.rows(*words, env=other), words)
        some = next(iter(mine))
        show = [self.run_aep("show", some, "--json", "--events", env=env).stdout.splitlines()[1:]
                for env in (None, other)]
        self.assertEqual(*show)

    def test_a_removed_schema_is_made_again_under_a_living_tracker(self):
        self.run_aep("publish", "--stdin", stdin=story(50))
        before = self.rows()
        self.server.sql("DROP SCHEMA aep CASCADE", self.database)
        self.assertEqual(before, self.rows())

    def test_two_machines_share_a_store(self):
        self.run_aep("publish", "--stdin", stdin=story(40, word="here"))
        there = self.env | {name: os.path.join(self.folder, "there", name)
                            for name in ("HOME", "XDG_STATE_HOME")}
        os.makedirs(there["HOME"])
        self.addCleanup(self.run_aep, "tracker", "stop", status=None, env=there)
        self.run_aep("publish", "--stdin", stdin=story(40, word="there"), env=there)
        for env in (None, there):
            self.rows(env=env)
        correlations = {row["correlation_id"] for row in self.rows().values()}
        self.assertEqual(correlations, {row["correlation_id"] for row in self.rows(env=there).values()})
        self.assertEqual({word.split("-")[0] for word in correlations}, {"here", "there"})


class Faults(PostgresTest):
    def test_a_server_that_is_killed_costs_nothing(self):
        self.run_aep("publish", "--stdin", stdin=story(30))
        before = self.rows()
        pid = self.status()["pid"]
        self.server.run("stop", "--kill")
        self.addCleanup(self.server.run, "start")
        self.run_aep("publish", "--stdin", stdin=story(30, word="later"))
        done = self.run_aep("list", "--wait=500ms", status=1)
        self.assertIn("cannot reach postgresql://aep@127.0.0.1", done.stderr)
        self.server.run("start")
        after = self.rows()
        self.assertEqual(self.status()["pid"], pid)  # the tracker has lived through it
        self.assertEqual({key: after[key] for key in before}, before)
        self.assertTrue(any(row["correlation_id"].startswith("later") for row in after.values()))

    def kill_tracker(self):
        status = self.status()
        if status["alive"]:
            try:
                os.kill(status["pid"], signal.SIGKILL)
            except ProcessLookupError:
                pass
        return status["alive"]

    def test_killed_trackers_leave_the_rows_of_a_run_without_kills(self):
        lines = story(20 * KILLS).splitlines(keepends=True)
        kills = part = 0
        while kills < KILLS:
            if part < KILLS:
                self.run_aep("publish", "--stdin", stdin="".join(lines[part::KILLS]))
            part += 1
            self.run_aep("list", f"--wait={random.randrange(1, 60)}ms", status=None)
            kills += self.kill_tracker()
        self.wait_until(lambda: self.rows() and self.status()["events"]["events"] == len(lines),
                        "all to be read")
        self.assertEqual(self.status()["events"]["duplicates"], 0)
        other = self.env | {"AEP_TRACK_STORE": self.server.database(self.database + "other")}
        self.addCleanup(self.run_aep, "tracker", "stop", status=None, env=other)
        self.wait_until(lambda: len(self.rows(env=other)) == len(self.rows()), "the same number")
        self.wait_until(lambda: self.rows(env=other) == self.rows(), "the same rows") # by one clock


class Time(PostgresTest, test_retention.Time):
    # What it pumps takes a busy machine more than a minute to store here.
    test_what_has_ended_goes_while_others_come_without_a_pause = None


class Room(PostgresTest, test_retention.Room):
    pass


class Secrets(PostgresTest):
    def test_a_password_is_nowhere_to_be_seen(self):
        self.server.sql(f"CREATE ROLE r{self.database} LOGIN PASSWORD '{SECRET}'")
        self.server.sql(f'GRANT CREATE ON DATABASE "{self.database}" TO r{self.database}')
        quoted = urllib.parse.quote(SECRET, safe="")
        self.env["AEP_TRACK_STORE"] = \
            f"postgresql://r{self.database}:{quoted}@127.0.0.1:{self.server.port}/{self.database}"
        self.run_aep("publish", "--stdin", stdin=story(5))
        said = [json.dumps(self.rows())]
        pid = self.status()["pid"]
        for words in (["tracker", "status"], ["tracker", "status", "--json"], ["status"], ["doctor"],
                      ["config", "explain"], ["config", "explain", "--json"]):
            done = self.run_aep(*words, status=None)
            said.append(done.stdout + done.stderr)
        for name in ("cmdline", "environ"):
            said.append(pathlib.Path(f"/proc/{pid}/{name}").read_bytes().decode())
        self.server.sql(f"ALTER ROLE r{self.database} PASSWORD 'another'")
        self.run_aep("tracker", "stop")
        done = self.run_aep("list", "--wait=5s", status=1)
        self.assertIn("refuses the login", done.stderr)
        said.append(done.stderr)
        for folder, _, names in os.walk(os.path.join(self.folder, "state/aep")):
            said += [pathlib.Path(folder, name).read_bytes().decode(errors="replace")
                     for name in names if name.endswith(".log")]
        for text in said:
            for secret in (SECRET, quoted):
                self.assertNotIn(secret, text)
