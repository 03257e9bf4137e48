# SPDX-License-Identifier: Apache-2.0
"""/metrics, as Prometheus reads it."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from serving import ServeTest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/prometheus"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "aep"
PROMTOOL = shutil.which("promtool") or shutil.which("promtool", path=CACHE)
needs_promtool = unittest.skipUnless(PROMTOOL, "promtool is missing: script/setup test fetches it")


class Metrics(ServeTest):
    def metrics(self):
        """Values by name and labels, as they are written."""
        reply = self.request("/metrics")
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(reply.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        self.text = reply.body.decode()
        lines = [line for line in self.text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def await_metric(self, name, value):
        self.wait_until(lambda: self.metrics().get(name) == value, f"{name} {value}")

    def test_what_happens_is_counted(self):
        self.serve()
        self.publish("started", agent='q"\\ä', correlation="c1")
        self.publish("started", agent="b", correlation="c2")
        self.publish("progress", "--metadata", '{"status":"waiting","waiting_for":"human"}',
                     agent="b", correlation="c2")
        self.publish("completed", "--duration-ms", "700", agent='q"\\ä', correlation="c1")
        self.await_metric('aep_tracker_events_total', 4)
        self.await_metric('aep_executions{state="waiting"}', 1)
        self.await_metric('aep_spool_parked{spool="local"}', 0)
        metrics = self.metrics()
        for name, value in (
                ('aep_executions{state="completed"}', 1),
                ('aep_executions{state="running"}', 0),
                ('aep_executions_started_total{agent="q\\"\\\\ä"}', 1),
                ('aep_executions_started_total{agent="other"}', 0),
                ('aep_executions_ended_total{agent="q\\"\\\\ä",result="completed",basis="event"}', 1),
                ('aep_executions_ended_total{agent="b",result="failed",basis="event"}', 0),
                ('aep_executions_ended_total{agent="b",result="abandoned",basis="inferred"}', 0),
                ('aep_execution_duration_seconds_bucket{le="0.5"}', 0),
                ('aep_execution_duration_seconds_bucket{le="1"}', 1),
                ('aep_execution_duration_seconds_bucket{le="+Inf"}', 1),
                ('aep_execution_duration_seconds_sum', 0.7),
                ('aep_execution_duration_seconds_count', 1),
                ('aep_tracker_duplicates_total', 0),
                ('aep_tracker_events_rejected_total{reason="not JSON"}', 0),
                ('aep_spool_parked{spool="local"}', 0),
                ('aep_spool_broker_state{spool="local",state="unknown"}', 1)):
            self.assertEqual(metrics.get(name), value, (name, self.text))
        self.assertGreater(metrics['aep_spool_backlog_bytes{spool="local"}'], 1000)
        self.assertGreater(metrics["aep_tracker_store_bytes"], 1000)
        self.assertGreater(metrics["aep_execution_oldest_waiting_seconds"], 0)
        self.assertLess(metrics['aep_tracker_lag_seconds{source="spool"}'], 60)
        self.assertNotIn('aep_tracker_lag_seconds{source="kafka"}', metrics)

    def test_agents_beyond_200_are_others(self):
        self.serve()
        self.publish_lines([{"kind": "started", "agent_name": f"agent-{i:03}",
                             "correlation_id": f"c{i}", "user_request": "r"} for i in range(230)])
        self.await_metric("aep_tracker_events_total", 230)
        names = re.findall(r'aep_executions_started_total\{agent="([^"]*)"\} (\d+)', self.text)
        self.assertEqual(len(names), 201)
        self.assertEqual(dict(names)["other"], "30")

    def assert_no_series_twice(self):
        names = [line.rpartition(" ")[0] for line in self.text.splitlines() if line[0] != "#"]
        self.assertEqual(sorted(set(names)), sorted(names))

    def test_an_agent_may_be_called_other(self):
        self.serve()
        self.publish("started", agent="other", correlation="c1")
        self.publish("completed", agent="other", correlation="c1")
        self.await_metric('aep_executions_started_total{agent="other"}', 1)
        self.await_metric(
            'aep_executions_ended_total{agent="other",result="completed",basis="event"}', 1)
        self.assert_no_series_twice()

    def test_spools_of_one_name_are_told_apart(self):
        other = os.path.join(self.folder, "elsewhere", "local")
        os.mkdir(os.path.dirname(other))
        self.publish("started", correlation="c1")
        self.publish("started", correlation="c2", env={"AEP_SPOOL_DIR": other})
        self.serve()
        self.run_aep("list", env={"AEP_SPOOL_DIR": other})
        for path in (self.spool, other):
            self.await_metric(f'aep_spool_parked{{spool="{path}"}}', 0)
        self.assert_no_series_twice()

    def test_no_id_is_a_label(self):
        self.serve()
        self.publish("started", correlation="a-correlation-id")
        self.await_metric("aep_tracker_events_total", 1)
        self.assertNotIn("a-correlation-id", self.text)
        self.assertNotRegex(self.text, r"[0-9a-f]{8}-[0-9a-f]{4}-")

    @needs_promtool
    def test_promtool_finds_no_fault(self):
        self.serve()
        self.publish("started", agent='q"\n\\')
        self.publish("failed", agent='q"\n\\')
        self.await_metric("aep_tracker_events_total", 2)
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=self.text, text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_examples_ask_for_what_there_is(self):
        self.serve()
        self.publish("started")
        self.await_metric("aep_tracker_events_total", 1)
        self.await_metric('aep_spool_parked{spool="local"}', 0)
        known = dict(re.findall(r"^# TYPE (\S+) (\S+)$", self.text, re.MULTILINE))
        for name in ("aep-rules.yml", "aep-rules-test.yml", "aep-dashboard.json"):
            asked = set(re.findall(r"\baep_[a-z_]+", (EXAMPLES / name).read_text()))
            self.assertGreater(len(asked), 5)
            self.assertEqual({word for word in asked if word not in known
                              and known.get(word.removesuffix("_bucket")) != "histogram"}, set())


@needs_promtool
class Rules(unittest.TestCase):
    def promtool(self, *words, **more):
        done = subprocess.run([PROMTOOL, *words], cwd=EXAMPLES, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_alerts_come_when_they_should(self):
        self.promtool("check", "rules", "aep-rules.yml")
        self.promtool("test", "rules", "aep-rules-test.yml")

    def test_each_alert_is_tested(self):
        alerts = re.findall(r"- alert: (\w+)", (EXAMPLES / "aep-rules.yml").read_text())
        tests = (EXAMPLES / "aep-rules-test.yml").read_text()
        for alert in alerts:
            self.assertRegex(tests, rf"alertname: {alert}\n +eval_time: \w+\n +exp_alerts")
            self.assertIn(f"{{alertname: {alert}, eval_time:", tests)

    def test_the_dashboard_asks_in_promql(self):
        panels = json.loads((EXAMPLES / "aep-dashboard.json").read_text())["panels"]
        asked = [target["expr"] for panel in panels for target in panel["targets"]]
        self.assertGreater(len(asked), 15)
        rules = [{"record": f"r{i}", "expr": expr} for i, expr in enumerate(asked)]
        self.promtool("check", "rules", "--lint=none", "/dev/stdin", input=json.dumps(
            {"groups": [{"name": "dashboard", "rules": rules}]}))


if __name__ == "__main__":
    unittest.main()
