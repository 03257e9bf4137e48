# SPDX-License-Identifier: Apache-2.0
"""The stream: what changes is sent at once, once, and to those who asked for it."""
import json
import os
import signal
import time
import unittest

from serving import DEADLINE_S, ServeTest, now


class Changes(ServeTest):
    def setUp(self):
        super().setUp()
        self.publish("started", agent="first", correlation="c0")
        self.serve()
        self.await_rows(1)

    def test_a_published_event_is_seen(self):
        stream = self.stream()
        hello = stream.frame()
        self.assertEqual((hello.event, hello.data["states"]["running"]), ("hello", 1))
        self.publish("started", agent="new", correlation="c1")
        frame = stream.await_frame("execution", lambda row: row["agent_name"] == "new")
        self.assertGreater(int(frame.id), int(hello.id))
        row = self.rows("agent=new")[0]
        for name in ("as_of",):
            del row[name], frame.data[name]
        self.assertEqual(frame.data, row)
        self.assertEqual(stream.await_frame("counts", lambda data: data["states"]["running"] == 2)
                         .data["needs_you"], 0)

    def test_who_comes_back_is_told_what_was_missed(self):
        stream = self.stream()
        number = stream.frame().id
        stream.close()
        self.publish("started", agent="meanwhile", correlation="c1")
        self.await_rows(2)
        stream = self.stream(headers={"Last-Event-ID": number})
        frame = stream.await_frame("execution")
        self.assertEqual(frame.data["agent_name"], "meanwhile")
        stream.close()
        stream = self.stream(headers={"Last-Event-ID": frame.id})
        self.publish("started", agent="later", correlation="c2")
        stream.await_frame("execution", lambda row: row["agent_name"] == "later")

    def test_who_is_cut_off_while_it_catches_up_misses_nothing(self):
        stream = self.stream()
        number = stream.frame().id
        stream.close()
        for i in range(6):
            self.publish("started", agent=f"m{i}", correlation=f"m{i}")
        self.await_rows(7)
        seen = []
        while len(seen) < 6:
            stream = self.stream(headers={"Last-Event-ID": number})
            frame = stream.await_frame("execution")
            self.assertGreater(int(frame.id), int(number))
            if frame.data["agent_name"] not in seen:  # it may come twice
                seen.append(frame.data["agent_name"])
            number = frame.id
            stream.close()
        self.assertEqual(seen, [f"m{i}" for i in range(6)])

    def test_who_comes_from_elsewhere_reads_everything_again(self):
        for number in ("99999999", "-1", "x", "1x", ""):
            stream = self.stream(headers={"Last-Event-ID": number})
            self.assertEqual(stream.frame().event, "hello")
            self.assertEqual(stream.frame().event, "reset", number)
            stream.close()

    def test_who_comes_back_from_a_store_that_was_removed_reads_everything_again(self):
        stream = self.stream()
        number = stream.frame().id
        stream.close()
        self.run_aep("tracker", "stop")
        self.assertEqual(self.server.wait(DEADLINE_S), 0)
        os.unlink(self.store)
        for i in range(3):
            self.publish("started", agent=f"m{i}", correlation=f"m{i}")
        self.serve()
        self.await_rows(4)
        stream = self.stream(headers={"Last-Event-ID": number})
        self.assertEqual([stream.frame().event for _ in range(2)], ["hello", "reset"])

    def test_a_filter_is_held_to(self):
        stream = self.stream("agent=x*&state=running")
        self.publish("started", agent="other", correlation="c1")
        self.publish("started", agent="x1", correlation="c2")
        row = stream.await_frame("execution").data
        self.assertEqual(row["agent_name"], "x1")
        self.publish("completed", agent="x1", correlation="c2")
        self.assertEqual(stream.await_frame("removed").data, {"id": row["id"]})
        self.publish("started", agent="x2", correlation="c3")
        self.assertEqual(stream.await_frame("execution").data["agent_name"], "x2")

    def test_a_wrong_parameter_is_refused(self):
        self.assertIn("did you mean agent?", self.get("stream?agnt=x", status=400).message)

    def test_a_provisional_one_that_merges_is_removed(self):
        self.publish("progress", correlation="c1", env={"AEP_TENANT_ID": "t"})
        partial = self.await_rows(1, "tenant=t")[0]
        stream = self.stream("tenant=t")
        event = self.events("progress")[-1]
        self.publish_lines([])
        self.run_aep("publish", "started", "--agent", "a", "--request", "r", "--correlation-id",
                     "c1", env={"AEP_TENANT_ID": "t"})
        frames = [stream.await_frame("removed").data]
        self.assertEqual(frames, [{"id": partial["id"]}], event)

    def test_an_execution_is_sent_four_times_a_second_at_most(self):
        stream = self.stream("agent=busy")
        lines = self.start_aep("publish", "--stdin", stdin=-1)
        event = {"agent_name": "busy", "correlation_id": "c1"}
        lines.stdin.write(json.dumps(event | {"kind": "started", "user_request": "r"}) + "\n")
        begin, sent = now(), 0
        while now() < begin + 2:
            sent += 1
            lines.stdin.write(json.dumps(event | {"kind": "progress", "steps_completed": sent})
                              + "\n")
            lines.stdin.flush()
            time.sleep(0.002)  # many changes, not a wait for one
        seen, last = 0, None
        while last != sent:
            last = stream.await_frame("execution").data["steps_completed"]
            seen += 1
        self.assertGreater(sent, 100)
        self.assertLessEqual(seen, 4 * (now() - begin) + 2)
        self.assertGreaterEqual(seen, 4)

    def test_new_events_of_one_execution(self):
        row = self.rows()[0]
        stream = self.stream(f"execution={row['id']}")
        stream.frame()
        self.publish("progress", "--current-step", "two", agent="first", correlation="c0")
        data = stream.await_frame("event").data
        self.assertEqual(data["execution_id"], row["id"])
        self.assertEqual(data["event"], self.events("progress")[-1])
        self.publish("completed", agent="first", correlation="c0")
        self.assertEqual(stream.await_frame("event").data["event"], self.events("completed")[-1])

    def test_silence_alone_is_a_change(self):
        self.publish("progress", "--metadata", '{"expect_within_s":2}', agent="first",
                     correlation="c0")
        stream = self.stream()
        row = stream.await_frame("execution", lambda row: row["state"] == "stalled").data
        self.assertRegex(row["basis"], r"^silence \d+ s, limit 2 s$")
        self.assertEqual(self.rows("state=stalled")[0]["id"], row["id"])

    def stall(self, count):
        """As many executions that are given up after a second of silence."""
        lines = []
        for i in range(count):
            event = {"agent_name": "quiet", "correlation_id": f"quiet-{i}"}
            lines += [event | {"kind": "started", "user_request": "r"},
                      event | {"kind": "progress", "metadata": {"expect_within_s": 1}}]
        self.publish_lines(lines)

    def states(self):
        return self.get("counts").json()["states"]

    def test_silence_is_told_however_many_are_silent_already(self):
        self.stall(1100)
        self.wait_until(lambda: self.states()["stalled"] == 1100, "1,100 are stalled")
        stream = self.stream("agent=first")
        stream.frame()
        self.publish("progress", "--metadata", '{"expect_within_s":2}', agent="first",
                     correlation="c0")
        stream.await_frame("execution", lambda row: row["state"] == "stalled")

    def test_who_comes_back_is_told_of_silence_that_came_meanwhile(self):
        self.publish("progress", "--metadata", '{"expect_within_s":2}', agent="first",
                     correlation="c0")
        self.wait_until(lambda: self.rows()[0]["events"] == 2)
        stream = self.stream()
        number = stream.frame().id
        stream.await_frame("execution", lambda row: row["state"] == "stalled")
        stream.close()
        stream = self.stream(headers={"Last-Event-ID": number})
        stream.await_frame("execution", lambda row: row["state"] == "stalled")

    def test_who_is_connected_hears_of_the_server_now_and_then(self):
        stream = self.stream()
        frame = stream.frame()
        while not frame.comment:
            frame = stream.frame()
        self.assertEqual(stream.await_frame("lag").data["behind"], False)


class Clients(ServeTest):
    def test_one_that_does_not_read_is_told_to_read_everything_again(self):
        self.serve()
        slow, quick = self.stream(receive_buffer=4096), self.stream()
        slow.frame(), quick.frame()
        for batch in range(10):
            self.publish_lines([{"kind": "started", "agent_name": "a" * 500, "user_request":
                                 "r" * 1500, "correlation_id": f"c{batch}-{i}"}
                                for i in range(200)])
            quick.await_frame("counts", lambda data, batch=batch:
                              data["states"]["running"] == 200 * (batch + 1))
        slow.await_frame("reset")
        self.publish("started", correlation="last")
        slow.await_frame("execution", lambda row: row["correlation_id"] == "last")
        self.assertGreaterEqual(
            float(self.request("/metrics").body.decode().split(
                "\naep_serve_stream_resets_total ")[1].split()[0]), 1)

    def test_the_end_of_the_server_ends_streams_in_order(self):
        self.serve()
        streams = [self.stream() for _ in range(20)]
        for stream in streams:
            stream.frame()
        begin = now()
        self.server.send_signal(signal.SIGTERM)
        for stream in streams:
            while frame := stream.frame():
                last = frame
            self.assertTrue(last.comment or last.event == "retry" or last.event is None)
        self.assertEqual(self.server.wait(DEADLINE_S), 0)
        self.assertLess(now() - begin, DEADLINE_S)

    def test_one_that_does_not_read_does_not_hold_up_the_end(self):
        self.serve()
        slow = self.stream(receive_buffer=4096)
        slow.frame()
        self.publish_lines([{"kind": "started", "agent_name": "a", "user_request": "r" * 1500,
                             "correlation_id": f"c{i}"} for i in range(500)])
        self.await_rows(500, "limit=500")
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(DEADLINE_S), 0)

    def test_a_thousand_are_served(self):
        self.serve()
        self.publish("started", correlation="c1")
        self.await_rows(1)
        self.raise_limit()
        streams = [self.stream() for _ in range(1000)]
        for stream in streams:
            self.assertEqual(stream.frame().event, "hello")
        self.publish("started", agent="seen", correlation="c2")
        for stream in streams:
            stream.await_frame("execution", lambda row: row["agent_name"] == "seen")
        self.assertLess(self.memory_kib(), 60 * 1024)
        self.assertEqual(len(self.rows()), 2)

    def raise_limit(self):
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def test_a_store_that_is_removed_is_read_again(self):
        self.serve()
        self.publish("started", correlation="c1")
        self.await_rows(1)
        stream = self.stream()
        stream.frame()
        os.unlink(self.store)
        stream.await_frame("reset")
        self.await_rows(1)


if __name__ == "__main__":
    unittest.main()
