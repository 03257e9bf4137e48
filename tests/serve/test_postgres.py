# SPDX-License-Identifier: Apache-2.0
"""aep serve with a store in PostgreSQL: the same answers, and what becomes of them while the server is
away."""
import json
import os
import signal
import unittest
import urllib.parse

from serving import DEADLINE_S, ServeTest
from postgres_server import Server  # serving knows its folder


class Postgres(ServeTest):
    @classmethod
    def setUpClass(cls):
        cls.server_of_stores = Server()
        cls.addClassCleanup(cls.server_of_stores.remove)

    def setUp(self):
        super().setUp()
        name = "s" + os.path.basename(self.folder)[-8:].lower()
        self.env["AEP_TRACK_STORE"] = self.server_of_stores.database(name)
        self.shown = f"postgresql://aep@127.0.0.1:{self.server_of_stores.port}/{name}"

    def test_it_answers_as_from_a_file(self):
        self.publish("started", agent="one", correlation="c1")
        self.serve()
        row = self.await_rows(1)[0]
        stream = self.stream()
        self.assertEqual(stream.frame().data["states"]["running"], 1)
        self.publish("progress", "--metadata", '{"status":"waiting","waiting_for":"human"}',
                     agent="one", correlation="c1")
        frame = stream.await_frame("execution", lambda row: row["state"] == "waiting")
        self.assertEqual(frame.data["id"], row["id"])
        stream.await_frame("counts", lambda data: data["needs_you"] == 1)
        self.publish("started", agent="two", correlation="c2")
        stream.await_frame("execution", lambda row: row["agent_name"] == "two")
        self.assertEqual([row["agent_name"] for row in self.rows("sort=attention")], ["one", "two"])
        self.assertEqual(len(self.get(f"executions/{row['id']}/events").json()["events"]), 2)
        listed = self.run_aep("list", "--json=id,state").stdout.splitlines()
        self.assertEqual([json.loads(line) for line in listed],
                         [{name: row[name] for name in ("id", "state")} for row in self.rows()])
        metrics = self.request("/metrics").body.decode()
        self.assertIn('\naep_executions{state="waiting"} 1\n', metrics)

    def test_silence_alone_is_a_change(self):
        self.publish("started")
        self.serve()
        self.await_rows(1)
        stream = self.stream()
        self.publish("progress", "--metadata", '{"expect_within_s":2}')
        stream.await_frame("execution", lambda row: row["state"] == "stalled")

    def test_there_is_one_for_each_store_and_machine(self):
        self.publish("started")
        self.run_aep("list", "--wait=50s")
        self.serve()
        done = self.run_aep("serve", "--listen", "127.0.0.1:0", status=1)
        self.assertIn(f"http://{self.host}/ serves this store already", done.stderr)

    def test_a_tracker_that_does_not_end_is_named_by_its_store(self):
        self.publish("started")
        self.run_aep("list", "--wait=50s")
        pid = json.loads(self.run_aep("tracker", "status", "--json").stdout)["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        done = self.run_aep("serve", "--listen", "127.0.0.1:0", status=1)
        self.assertRegex(done.stderr, f"the tracker of {self.shown} does not answer: kill ")

    def test_while_its_server_is_away_it_says_so(self):
        self.publish("started", correlation="c1")
        self.serve()
        self.await_rows(1)
        stream = self.stream()
        stream.frame()
        self.server_of_stores.run("stop", "--kill")
        self.addCleanup(self.server_of_stores.run, "start")
        self.wait_until(lambda: self.request("/readyz").status == 503, "not ready")
        self.assertIn(self.shown, self.get("executions", status=503).message)
        self.assertEqual(self.request("/healthz").status, 200)
        self.assertEqual(self.request("/metrics").status, 200)
        self.assertTrue(stream.await_frame("lag", lambda data: self.shown in (data["problem"] or "")).data["behind"])
        self.publish("started", agent="later", correlation="c2")
        self.server_of_stores.run("start")
        self.wait_until(lambda: self.request("/readyz").status == 200, "ready")
        self.await_rows(2)
        stream.await_frame("lag", lambda data: not data["behind"])
        self.publish("started", agent="last", correlation="c3")
        stream.await_frame("execution", lambda row: row["agent_name"] == "last")
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(DEADLINE_S), 0)

    def test_a_password_is_nowhere_to_be_seen(self):
        password = urllib.parse.quote(self.server_of_stores.env["PGPASSWORD"], safe="")
        self.env["AEP_TRACK_STORE"] = self.shown.replace("aep@", f"aep:{password}@")
        self.publish("started")
        self.serve()
        self.await_rows(1)
        said = [self.request(path).body.decode() for path in
                ("/metrics", "/readyz", "/api/v1/executions", "/api/v1/openapi.json")]
        said += [self.errors(), self.run_aep("tracker", "status").stdout]
        for text in said:
            self.assertNotIn(password, text)


if __name__ == "__main__":
    unittest.main()
