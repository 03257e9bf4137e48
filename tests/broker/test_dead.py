# SPDX-License-Identifier: Apache-2.0
# ctest: dead BROKERS plain
"""What the broker refuses for good becomes a dead letter: kept, counted, shown, and replayed or
dropped by command. Other events go on."""
import json
import subprocess
import unittest

from harness import LARGE, PROGRAM, Case, end_process, numbered_lines, plain_kafka, unique_type


class Dead(Case):
    def make_small_topic(self, kafka):
        topic = unique_type("small")
        kafka.create_small(topic)
        return topic

    def publish_mixed(self, spool, topic, count, large):
        """count events of one key; those whose numbers are in `large` are too large."""
        spool.publish_lines(numbered_lines(topic, count, keys=1, large=large))

    def text_of(self, topic, count, large=()):
        return "".join(json.dumps(event) + "\n"
                       for event in numbered_lines(topic, count, keys=1, large=large))

    def dead_list(self, spool):
        return [json.loads(line) for line in spool.ok("dead", "list", "--json").out.splitlines()]

    def make_dead(self, large=(3, 4, 8), count=12):
        kafka, spool = plain_kafka(), self.make_spool()
        topic = self.make_small_topic(kafka)
        self.publish_mixed(spool, topic, count, large)
        spool.run("flush", "--timeout", "30000")
        spool.wait_status(lambda status: status["dead_now"] == len(large), "they are dead letters")
        return kafka, spool, topic

    def test_too_large_for_the_topic(self):
        kafka, spool, topic = self.make_dead()
        records = kafka.read(topic)
        self.assertEqual([record.payload["n"] for record in records],
                         [n for n in range(12) if n not in (3, 4, 8)])
        letters = self.dead_list(spool)
        self.assertEqual(len(letters), 3)
        for letter in letters:
            self.assertEqual((letter["topic"], letter["key"]), (topic, "k-0"))
            self.assertIn("SIZE", letter["error"])
            self.assertGreater(letter["bytes"], len(LARGE))
        self.assertEqual(spool.status()["backlog_bytes"], 0)
        self.assertEqual(len(spool.ok("dead", "list").out.splitlines()), 3)
        # The ordinals of the dead letters are those missing from the topic.
        there = {record.ordinal for record in records}
        dead = {letter["ordinal"] for letter in letters}
        self.assertEqual(there | dead, set(range(min(there), min(there) + 12)))

    def test_a_line_of_the_list_fits_the_terminal(self):
        _, spool, topic = self.make_dead()
        letters = self.dead_list(spool)
        shown = subprocess.run(["script", "-qec", f"stty cols 80; {PROGRAM} dead list", "/dev/null"],
                               env=spool.environment({"LC_ALL": "C.UTF-8"}), cwd=spool.home,
                               stdin=subprocess.DEVNULL, capture_output=True, text=True)
        lines = shown.stdout.replace("\r", "").splitlines()
        self.assertEqual(len(lines), len(letters), shown.stdout)
        for line, letter in zip(lines, letters):
            self.assertLessEqual(len(line), 80, line)
            self.assertEqual(line.split()[0], str(letter["ordinal"]))
            self.assertIn(letter["error"], line)
            self.assertTrue(line.endswith(topic[-8:]), line)

    def test_wait_says_dead(self):
        kafka, spool = plain_kafka(), self.make_spool()
        topic = self.make_small_topic(kafka)
        result = spool.run("publish", "--type", topic, "--json", "--wait=30000", "--payload", "-",
                           stdin=json.dumps({"n": 0, "fill": LARGE}))
        self.assertEqual(result.json["state"], "dead", result.err)
        self.assertEqual(result.status, 1)

    def test_a_wait_for_many_says_dead(self):
        kafka, spool = plain_kafka(), self.make_spool()
        topic = self.make_small_topic(kafka)
        result = spool.run("publish", "--stdin", "--json", "--wait=60000",
                           stdin=self.text_of(topic, 5, large=(1, 3)))
        self.assertEqual(json.loads(result.out.splitlines()[-1]),
                         {"published": 5, "refused": 0, "state": "dead"}, result.err)
        self.assertEqual(result.status, 1)
        self.assertIn("publish: Kafka refused 2 events for good: `aep dead list`", result.err)
        again = spool.run("publish", "--stdin", "--wait=60000", stdin=self.text_of(topic, 2))
        self.assertEqual((again.status, again.err), (0, ""), "those of before are not this one's")

    def test_a_tracked_command_says_dead(self):
        kafka, spool = plain_kafka(), self.make_spool()
        topic = self.make_small_topic(kafka)
        result = spool.run("run", "--agent=a", "--wait=60000", "--", PROGRAM, "publish", "--stdin",
                           stdin=self.text_of(topic, 3, large=(1,)))
        self.assertEqual(result.status, 0)
        self.assertIn("run: not everything is acknowledged: Kafka refused 1 event for good",
                      result.err)

    def test_a_flush_says_dead(self):
        kafka, spool = plain_kafka(), self.make_spool(relay_mode="off")
        topic = self.make_small_topic(kafka)
        spool.publish_lines(numbered_lines(topic, 3, large=(1,)))
        flush = ["flush", "--timeout", "60000", "--set", "relay.mode=auto"]
        result = spool.run(*flush)
        self.assertEqual(result.status, 1, result.err)
        self.assertIn("Kafka refused 1 event for good", result.err)
        self.assertEqual(spool.run(*flush).status, 0)

    def test_show_prints_the_event_whole(self):
        _, spool, topic = self.make_dead(large=(1,), count=3)
        letter = self.dead_list(spool)[0]
        shown = spool.ok("dead", "show", str(letter["ordinal"])).json
        self.assertEqual(shown["event"]["payload"]["n"], 1)
        self.assertEqual(shown["event"]["payload"]["fill"], LARGE)
        self.assertEqual(shown["headers"]["ce_type"], topic)
        self.assertEqual(spool.run("dead", "show", "999999").status, 1)

    def test_replay_sends_them_again_and_those_that_fail_stay(self):
        kafka, spool, topic = self.make_dead()
        spool.ok("dead", "replay")
        spool.wait_status(lambda status: status["dead_now"] == 3, "still refused, still kept")
        kafka.config(topic, "max.message.bytes=1000000")
        ordinals = {letter["ordinal"]: letter for letter in self.dead_list(spool)}
        self.assertEqual(len(ordinals), 3)
        spool.ok("dead", "replay", str(min(ordinals)))
        spool.wait_status(lambda status: status["dead_now"] == 2, "one was sent")
        spool.ok("dead", "replay")
        spool.wait_status(lambda status: status["dead_now"] == 0, "all were sent")
        records = kafka.read(topic)
        self.assertEqual(sorted(record.payload["n"] for record in records), list(range(12)))
        self.assertEqual({record.ordinal for record in records if record.payload["n"] in (3, 4, 8)},
                         set(ordinals))
        self.assertEqual(self.dead_list(spool), [])

    def test_drop_is_by_command_and_counted(self):
        _, spool, _ = self.make_dead()
        ordinals = [letter["ordinal"] for letter in self.dead_list(spool)]
        self.assertEqual(spool.run("dead", "drop").status, 2)  # dropping all of them requires --yes
        spool.ok("dead", "drop", str(ordinals[1]))
        spool.wait_status(lambda status: status["dead_now"] == 2, "one was dropped")
        self.assertEqual([letter["ordinal"] for letter in self.dead_list(spool)],
                         [ordinals[0], ordinals[2]])
        self.assertEqual(spool.run("dead", "drop", str(ordinals[1])).status, 1)
        spool.ok("dead", "drop", "--yes")
        spool.wait_status(lambda status: status["dead_now"] == 0, "all were dropped")
        spool.wait_counter("dead_dropped", 3)

    def test_they_outlive_the_relay(self):
        kafka, spool, topic = self.make_dead()
        before = self.dead_list(spool)
        end_process(spool.relay_pid())
        self.assertEqual(self.dead_list(spool), before)
        spool.publish_lines(numbered_lines(topic, 1, first=12, keys=1))
        spool.flush()
        self.assertEqual(self.dead_list(spool), before)
        self.assertEqual(spool.counter("dead"), 3)
        self.assertEqual(kafka.read(topic)[-1].payload["n"], 12)

    def test_the_log_is_bounded(self):
        kafka, spool = plain_kafka(), self.make_spool(dead_max_bytes="100KiB")
        topic = self.make_small_topic(kafka)
        self.publish_mixed(spool, topic, 20, large=range(20))
        spool.wait_status(lambda status: status["counters"]["dead"] +
                          status["counters"]["dead_dropped"] >= 20 and
                          status["backlog_bytes"] == 0, "all of them were refused")
        status = spool.status()
        self.assertLessEqual(status["dead_bytes"], 100 << 10)
        self.assertGreater(status["counters"]["dead_dropped"], 0)
        self.assertLess((spool.dir / "dead").stat().st_size, 200 << 10)


if __name__ == "__main__":
    unittest.main()
