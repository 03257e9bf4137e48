# SPDX-License-Identifier: Apache-2.0
# ctest: broker_killed
# ctest: broker_killed.long LONG TIMEOUT 600 ENVIRONMENT AEP_TEST_BROKER_KILLS=10
"""The broker is killed by SIGKILL and started again, AEP_TEST_BROKER_KILLS times, while events are
published: every accepted event arrives, in order; only what was in flight comes twice."""
import os
import unittest

from harness import Case, Load, unique_type

KILLS = int(os.environ.get("AEP_TEST_BROKER_KILLS", "3"))
IN_FLIGHT = 1000


class BrokerKilled(Case):
    def test_every_accepted_event_arrives_in_order(self):
        kafka, topic = self.make_broker(), unique_type("killed")
        kafka.create(topic + ":3")
        spool = self.make_spool(kafka)
        load = Load(spool, topic, per_second=1000)
        for _ in range(KILLS):
            spool.wait_flow()
            kafka.kill()
            kafka.start()
        count = load.stop()
        spool.flush(2 * 60)
        records = kafka.read(topic)
        self.assert_all(records, count)
        self.assert_in_order(records)
        self.assertLessEqual(len(records) - count, KILLS * IN_FLIGHT)
        spool.wait_counter("acknowledged", count)
        self.assertEqual(spool.counter("dead"), 0)
        spool.wait_status(lambda status: status["backlog_bytes"] == 0, "nothing is left waiting")


if __name__ == "__main__":
    unittest.main()
