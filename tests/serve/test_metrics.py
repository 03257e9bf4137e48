# SPDX-License-Identifier: Apache-2.0
"""/metrics, as Prometheus reads it."""
import json
import re
import shutil
import subprocess
import unittest

from serving import ServeTest


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

    def test_no_id_is_a_label(self):
        self.serve()
        self.publish("started", correlation="a-correlation-id")
        self.await_metric("aep_tracker_events_total", 1)
        self.assertNotIn("a-correlation-id", self.text)
        self.assertNotRegex(self.text, r"[0-9a-f]{8}-[0-9a-f]{4}-")

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_finds_no_fault(self):
        self.serve()
        self.publish("started", agent='q"\n\\')
        self.publish("failed", agent='q"\n\\')
        self.await_metric("aep_tracker_events_total", 2)
        done = subprocess.run(["promtool", "check", "metrics"], input=self.text, text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
