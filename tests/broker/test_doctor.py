# SPDX-License-Identifier: Apache-2.0
# ctest: doctor BROKERS plain secure
"""aep doctor and aep topics with brokers that work, are down, or refuse."""
import contextlib
import json
import socket
import struct
import threading
import unittest

from harness import DEADLINE_S, TOPICS, Case, plain_kafka, secure_kafka, unique, unique_type
from postgres_server import Server


class Front:
    """A proxy before a broker that makes it advertise another address."""

    def __init__(self, servers, advertised):
        self.behind = servers.split(":")
        self.real, self.false = (self.in_metadata(where) for where in (servers, advertised))
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.open = [self.socket]
        self.servers = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def in_metadata(self, where):
        host, port = where.split(":")
        return host.encode() + struct.pack(">i", int(port))

    def accept(self):
        try:
            while True:
                front, _ = self.socket.accept()
                back = socket.create_connection(self.behind)
                self.open += [front, back]
                for source, sink in ((front, back), (back, front)):
                    threading.Thread(target=self.pass_on, args=(source, sink),
                                     daemon=True).start()
        except OSError:
            pass  # closed

    def pass_on(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data.replace(self.real, self.false))
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        for end in self.open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Doctor(Case):
    def examine(self, spool, *words):
        """The exit status and the findings by step; findings of one step are joined."""
        result = spool.run("doctor", "--json", "--timeout", str(DEADLINE_S * 1000), *words)
        report = json.loads(result.out)
        steps = {}
        for finding in report["findings"]:
            steps.setdefault(finding["step"], []).append(finding)
        return result.status, report, steps

    def verdicts(self, steps, name):
        return {finding["verdict"] for finding in steps[name]}

    def assert_remedies(self, report):
        for finding in report["findings"]:
            if finding["verdict"] not in ("ok", "skipped"):
                self.assertTrue(finding.get("remedy"), finding)

    def test_a_healthy_broker(self):
        kafka, spool = plain_kafka(), self.make_spool()
        spool.ok("topics", "create")
        status, report, steps = self.examine(spool)
        self.assertEqual((status, report["failed"]), (0, 0), report)
        self.assertEqual(self.verdicts(steps, "probe"), {"ok"})
        for topic in steps["topics"]:
            expected = "unknown" if "not known" in topic["text"] else "ok"
            self.assertEqual(topic["verdict"], expected, topic)
        text = json.dumps(steps["probe"])
        word = text.partition("correlation_id ")[2][:36]
        for kind in ("started", "completed"):
            records = kafka.read(TOPICS[kind], only=word)
            self.assertEqual([record.payload["agent_name"] for record in records], ["aep-doctor"])
        self.assertEqual(self.examine(spool)[0], 0)  # also while a relay runs
        human = spool.ok("doctor").out
        self.assertIn("acknowledged", human)
        self.assertIn("clock is less than 1 h 0 min ahead of the broker's", human)

    def test_no_probe_publishes_nothing(self):
        spool = self.make_spool()
        spool.ok("topics", "create")
        status, _, steps = self.examine(spool, "--no-probe")
        self.assertEqual(status, 0)
        self.assertEqual(spool.counter("acknowledged"), 0)
        self.assertNotIn("ok", self.verdicts(steps, "probe") if "probe" in steps else set())

    def test_a_dead_port(self):
        spool = self.make_spool("127.0.0.1:1")
        status, report, steps = self.examine(spool)
        self.assertEqual(status, 1)
        self.assertNotIn("ok", self.verdicts(steps, "server"))
        self.assertIn("refused", json.dumps(steps["server"]))
        self.assertNotIn("ok", self.verdicts(steps, "probe"))
        self.assert_remedies(report)

    def test_an_advertised_address_that_nobody_serves(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            dead = f"127.0.0.1:{taken.getsockname()[1]}"
        front = Front(plain_kafka().servers, dead)
        self.addCleanup(front.close)
        spool = self.make_spool(front.servers)
        result = spool.run("doctor", "--no-probe")
        self.assertEqual(result.status, 1)
        self.assertRegex(result.out, f"{dead}, which (cannot be reached|takes no connection)")
        self.assertIn("correct its advertised.listeners", result.out)
        self.assertNotIn("correct KAFKA_BOOTSTRAP_SERVERS", result.out)

    def test_a_wrong_password(self):
        kafka = secure_kafka()
        wrong = "wr0ng-" + unique()
        spool = self.make_spool(kafka.secure_servers,
                                **kafka.login("writer", kafka_sasl_password=wrong))
        status, report, steps = self.examine(spool)
        self.assertEqual(status, 1)
        self.assertEqual(self.verdicts(steps, "server"), {"ok"})
        self.assertNotIn("ok", self.verdicts(steps, "connection"))
        self.assertIn("login refused", json.dumps(steps["connection"]))
        self.assert_remedies(report)
        self.assertNotIn(wrong, json.dumps(report))

    def test_a_user_without_the_rights(self):
        kafka = secure_kafka()
        kafka.create(*TOPICS.values())
        spool = self.make_spool(kafka.secure_servers, **kafka.login("nobody"))
        status, report, steps = self.examine(spool)
        self.assertEqual(status, 1)
        self.assertEqual(self.verdicts(steps, "connection"), {"ok"})
        self.assertIn("forbidden", json.dumps(steps["topics"]))
        self.assert_remedies(report)

    def reading(self, spool, *topics):
        """The report on these topics, which the tracker reads."""
        spool.set(track_topics=",".join(topics))
        _, report, steps = self.examine(spool, "--no-probe")
        self.assert_remedies(report)
        found = {finding["text"].partition(": ")[0]: finding for finding in steps["reading"]}
        return [found[topic] for topic in topics]

    def test_rights_of_the_tracker(self):
        kafka = secure_kafka()
        named = {right: unique_type(right) for right in ("hidden", "write", "read", "describe")}
        kafka.create(*named.values())
        for right in ("write", "read", "describe"):
            kafka.grant("nobody", named[right], right.title())
        spool = self.make_spool(kafka.secure_servers, **kafka.login("nobody"))
        hidden, write, read, describe = self.reading(spool, *named.values())
        self.assertEqual(hidden["verdict"], "warning")
        self.assertIn("DESCRIBE and READ are missing", hidden["text"])
        self.assertIn("grant the user DESCRIBE and READ on it", hidden["remedy"])
        for finding in (write, describe):  # WRITE includes DESCRIBE
            self.assertEqual(finding["verdict"], "warning")
            self.assertIn("right READ is missing", finding["text"])
            self.assertIn("grant the user READ on it", finding["remedy"])
        self.assertEqual((read["verdict"], read["text"]), ("ok", named["read"] + ": readable"))

    def test_topics_of_the_tracker(self):
        kafka, topic, missing = plain_kafka(), unique_type("there"), unique_type("missing")
        kafka.create(topic, *TOPICS.values())
        spool = self.make_spool(kafka)
        there, absent, own = self.reading(spool, topic, missing, TOPICS["failed"])
        self.assertEqual((there["verdict"], own["verdict"]), ("ok", "ok"))
        self.assertEqual(absent["verdict"], "warning")
        self.assertIn("track.topics", absent["remedy"])
        self.assertNotIn(missing, kafka.kcat("-L").stdout, "asking has created it")
        spool.set(track_sources="spool")
        _, _, steps = self.examine(spool, "--no-probe")
        self.assertEqual(self.verdicts(steps, "reading"), {"skipped"})

    def group(self, spool):
        """The lines about the consumer group."""
        _, report, steps = self.examine(spool, "--no-probe")
        self.assert_remedies(report)
        return [finding for finding in steps["reading"] if "consumer group" in finding["text"]]

    def test_rights_of_trackers_that_share_a_store(self):
        kafka, server = secure_kafka(), Server()
        self.addCleanup(server.remove)
        spool = self.make_spool(kafka.secure_servers, **kafka.login("nobody"))
        self.assertEqual(self.group(spool), [])
        spool.set(track_store=server.url)
        unnamed, = self.group(spool)
        self.assertIn("no name yet", unnamed["text"])
        self.assertIn("aep list", unnamed["remedy"])
        self.addCleanup(spool.run, "tracker", "stop")
        spool.set(track_sources="spool")
        spool.ok("list")
        spool.ok("tracker", "stop")
        spool.set(track_sources="kafka")
        name = "aep-tracker-" + server.sql("SELECT identity FROM aep.meta")
        for right, verdict in (None, "warning"), ("Describe", "warning"), ("Read", "ok"):
            if right:
                kafka.grant("nobody", "group:" + name, right)
            found, = self.group(spool)
            self.assertEqual(found["verdict"], verdict, found)
            self.assertTrue(found["text"].startswith(f"consumer group {name}: "), found)
            if verdict == "warning":
                self.assertIn("right READ is missing", found["text"])
                self.assertIn("grant the user READ on the group", found["remedy"])

    def test_no_configuration(self):
        spool = self.make_spool()
        result = spool.run("doctor", env={"KAFKA_BOOTSTRAP_SERVERS": None})
        self.assertEqual(result.status, 1)
        self.assertIn("KAFKA_BOOTSTRAP_SERVERS", result.out)


class Topics(Case):
    def listed(self, spool, *topics):
        answer = spool.ok("topics", "list", "--json", *topics).json
        return {topic["topic"]: topic for topic in answer["topics"]}

    def test_create_then_list(self):
        spool, topic, missing = self.make_spool(), unique_type("made"), unique_type("missing")
        spool.ok("topics", "create", "--partitions", "5", "--replication", "1",
                 "--retention", "2h", "--config", "max.message.bytes=54321", topic)
        seen = self.listed(spool, topic, missing)
        self.assertEqual((seen[topic]["partitions"], seen[topic]["replication"],
                          seen[topic]["retention_ms"]), (5, 1, 7_200_000))
        self.assertEqual(seen[missing]["state"], "missing")
        self.assertEqual(self.listed(spool, missing)[missing]["state"], "missing",
                         "asking has created it")
        self.assertIn("exists", "".join(spool.ok("topics", "create", topic)[1:3]))
        self.assertEqual(plain_kafka().partitions(topic), 5)

    def test_default_topics_are_those_of_the_layout(self):
        spool = self.make_spool()
        self.assertEqual(set(self.listed(spool)), set(TOPICS.values()))
        spool.set(topic_layout="single")
        self.assertEqual(set(self.listed(spool)), {"omninode.agent.execution.v1"})

    def test_what_fails_is_said(self):
        away = self.make_spool("127.0.0.1:1")
        result = away.run("topics", "list")
        self.assertEqual(result.status, 1)
        self.assertTrue(result.err)
        spool = self.make_spool()
        for words in (["--replication", "7", unique_type("wide")], ["no/such/name"]):
            result = spool.run("topics", "create", *words)
            self.assertIn(result.status, (1, 2), words)
            self.assertTrue(result.err, words)

    def test_a_user_without_the_right_creates_nothing(self):
        kafka = secure_kafka()
        spool = self.make_spool(kafka.secure_servers, **kafka.login("limited"))
        topic = unique_type("denied")
        result = spool.run("topics", "create", topic)
        self.assertEqual(result.status, 1)
        self.assertTrue(result.err)
        self.assertEqual(kafka.read(topic), [])


if __name__ == "__main__":
    unittest.main()
