# SPDX-License-Identifier: Apache-2.0
# ctest: leader_moves
# ctest: leader_moves.long LONG TIMEOUT 600 ENVIRONMENT AEP_TEST_LEADER_MOVES=12
"""One of three brokers is stopped, killed or frozen, AEP_TEST_LEADER_MOVES times, while events are
published to a topic that works without it and to one that waits for it: every accepted event
arrives, in order. What a broker refuses for a temporary reason (it is no longer the leader, too few
replicas are in sync) is sent again, and nothing overtakes it meanwhile."""
import json
import os
import unittest

from harness import Case, Load, unique_type, wait_until

MOVES = int(os.environ.get("AEP_TEST_LEADER_MOVES", "3"))
IN_FLIGHT = 1000
PARTITIONS = 3


class Cluster:
    """Three brokers. The first is the controller and stays; leaders go home at once."""

    def __init__(self, case):
        self.home = case.make_broker("--set", "leader.imbalance.check.interval.seconds=1",
                                     "--set", "leader.imbalance.per.broker.percentage=0")
        self.others = [case.make_broker("--join", str(self.home.folder)) for _ in range(2)]

    def holds(self, topics, condition):
        """Whether it leads every partition; False if no broker answers."""
        done = self.home.kcat("-L", "-J")
        if done.returncode != 0:
            return False
        about = json.loads(done.stdout)
        names = {broker["id"]: broker["name"] for broker in about["brokers"]}
        partitions = [partition for topic in about["topics"] if topic["topic"] in topics
                      for partition in topic["partitions"]]
        return len(partitions) == PARTITIONS * len(topics) and all(
            condition(each, names.get(each["leader"])) for each in partitions)

    def leads_none(self, broker, topics):
        return self.holds(topics, lambda _, leader: leader not in (None, broker.servers))

    def is_whole(self, topics):
        """Every replica is in sync, and every leader at home."""
        return self.holds(topics, lambda each, _: len(each["isrs"]) == len(each["replicas"]) and
                          each["leader"] == each["replicas"][0]["id"])

    def read(self, topic, count):
        """All records. For a moment, a leader that has just returned shows only what it knows all
        replicas have, which may be less than was acknowledged."""
        def look():
            records = self.home.read(topic)
            return records if len({record.seq for record in records}) >= count else None
        return wait_until(look, f"{count} events of {topic} can be read")


class LeaderMoves(Case):
    def test_every_accepted_event_arrives_in_order(self):
        cluster, topics = Cluster(self), [unique_type("goes-on"), unique_type("waits")]
        cluster.home.create(*(f"{topic}:{PARTITIONS}:3" for topic in topics))
        for topic, replicas in zip(topics, (2, 3)):
            cluster.home.config(topic, f"min.insync.replicas={replicas}")
        spool = self.make_spool(cluster.home)
        loads = [Load(spool, topic, per_second=500) for topic in topics]
        for move in range(MOVES):
            spool.wait_flow()
            wait_until(lambda: cluster.is_whole(topics), "leaders are at home")
            self.move(cluster, topics, cluster.others[move % 2], move % 3)
        counts = [load.stop() for load in loads]
        spool.flush(2 * 60)
        duplicates = 0
        records = [cluster.read(topic, count) for topic, count in zip(topics, counts)]
        for topic_records, count in zip(records, counts):
            self.assert_numbers(topic_records, count)
            self.assert_in_order(topic_records)
            duplicates += len(topic_records) - count
        self.assert_contiguous(sum(records, []))
        self.assertLessEqual(duplicates, MOVES * IN_FLIGHT)
        print(f"{sum(counts)} events, {duplicates} twice, "
              f"{spool.counter('retried')} sent again by the relay")

    def move(self, cluster, topics, broker, how):
        end, back = ((broker.kill, broker.start), (broker.pause, broker.resume),
                     (broker.stop, broker.start))[how]
        end()
        wait_until(lambda: cluster.leads_none(broker, topics), "others lead")
        back()


if __name__ == "__main__":
    unittest.main()
