# SPDX-License-Identifier: Apache-2.0
"""Clients that mean no good, or do not know how: each is refused or ended, and others are served."""
import json
import os
import resource
import select
import signal
import socket
import struct
import threading
import time
import unittest

from serving import ServeTest, is_closed, now, read_all

SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def is_whole(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return b"\r\nContent-Length: %d\r\n" % len(body) in head + b"\r\n"


class HostileTest(ServeTest):
    def setUp(self):
        super().setUp()
        self.publish("started")
        self.serve()
        self.await_rows(1)

    def head(self, *lines, path="/api/v1/counts", method="GET"):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}",
                 f"Authorization: Bearer {self.token}", *lines]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def talk(self, data):
        """Everything that is answered to these bytes until the connection ends."""
        bare = self.connect()
        try:
            bare.sendall(data)
            bare.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_all(bare)

    def raise_limit(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))


class Framing(HostileTest):
    """What a proxy and we could read in two ways is refused; what follows a request is never read."""

    def test_a_body_is_refused_and_the_connection_closed(self):
        for name, lines, body in (
                ("length", ["Content-Length: 43"], SMUGGLED),
                ("chunked", ["Transfer-Encoding: chunked"], b"0\r\n\r\n" + SMUGGLED),
                ("both", ["Content-Length: 4", "Transfer-Encoding: chunked"],
                 b"0\r\n\r\n" + SMUGGLED),
                ("both, other order", ["Transfer-Encoding: chunked", "Content-Length: 4"],
                 b"0\r\n\r\n" + SMUGGLED),
                ("unknown", ["Transfer-Encoding: x"], SMUGGLED),
                ("chunked, hidden", ["Transfer-Encoding: x, chunked"], b"0\r\n\r\n" + SMUGGLED),
                ("chunked, odd", ["Transfer-Encoding:\tchunked"], b"0\r\n\r\n" + SMUGGLED),
                ("identity", ["Transfer-Encoding: identity"], SMUGGLED),
                ("twice", ["Content-Length: 0", "Content-Length: 43"], SMUGGLED),
                ("twice the same", ["Content-Length: 0", "Content-Length: 0"], SMUGGLED),
                ("list", ["Content-Length: 0, 43"], SMUGGLED),
                ("plus", ["Content-Length: +0"], SMUGGLED),
                ("minus", ["Content-Length: -1"], SMUGGLED),
                ("hex", ["Content-Length: 0x0"], SMUGGLED),
                ("huge", ["Content-Length: 99999999999999999999999"], SMUGGLED),
                ("blank before the colon", ["Content-Length : 43"], SMUGGLED),
                ("blank before the colon of chunked", ["Transfer-Encoding : chunked"],
                 b"0\r\n\r\n" + SMUGGLED),
                ("folded", ["X: a", " Content-Length: 43"], SMUGGLED),
                ("two hosts", ["Host: evil.example"], SMUGGLED)):
            for method in ("GET", "HEAD", "POST"):
                with self.subTest(f"{method} {name}"):
                    answer = self.talk(self.head(*lines, method=method) + body)
                    self.assertNotIn(b"alive", answer)
                    self.assertRegex(answer.split(b"\r\n")[0], b"^HTTP/1.1 (400|413|501) ")

    def test_the_refusal_says_why(self):
        answer = self.talk(self.head("Content-Length: 5") + b"hello")
        self.assertIn(b"413 Content Too Large", answer)
        self.assertIn(b"Connection: close", answer)
        answer = self.talk(self.head("Transfer-Encoding: chunked"))
        self.assertIn(b"400 Bad Request", answer)
        head, body = answer.split(b"\r\n\r\n")
        self.assertEqual(json.loads(body)["error"]["status"], 400)
        self.assertIn(b"Content-Length: %d\r\n" % len(body), head + b"\r\n")

    def test_a_refused_body_is_not_waited_for(self):
        bare = self.connect()
        bare.sendall(self.head("Content-Length: 1000000", "Expect: 100-continue", method="POST"))
        answer = read_all(bare)
        self.assertIn(b"413", answer)
        self.assertNotIn(b"100 Continue", answer)

    def test_a_request_without_a_body_may_say_so(self):
        answer = self.talk(self.head("Content-Length: 0", "Connection: close"))
        self.assertIn(b"HTTP/1.1 200", answer)

    def test_a_head_that_could_be_read_in_two_ways_is_refused(self):
        head = self.head()
        for name, data in (
                ("bare LF", head.replace(b"\r\n", b"\n")),
                ("one bare LF", self.head("X: a\nContent-Length: 43") + SMUGGLED),
                ("bare LF at the end", head[:-2] + b"\n"),
                ("bare CR", self.head("X: a\rContent-Length: 43") + SMUGGLED),
                ("continued", self.head("X: a", " Content-Length: 43") + SMUGGLED),
                ("continued by a tab", self.head("X: a", "\tTransfer-Encoding: chunked") + SMUGGLED),
                ("first line continued", head.replace(b"\r\nHost", b"\r\n X: a\r\nHost", 1)),
                ("blank before the colon", self.head("X : a")),
                ("no colon", self.head("X")),
                ("no name", self.head(": a")),
                ("NUL in a name", self.head("X\0: a")),
                ("NUL in a value", self.head("X: a\0b")),
                ("control character", self.head("X: a\x0bb")),
                ("an empty line before", b"\r\n" + head),
                ("two blanks", head.replace(b" HTTP", b"  HTTP", 1)),
                ("tab", head.replace(b" HTTP", b"\tHTTP", 1)),
                ("version", head.replace(b"HTTP/1.1", b"HTTP/1.1x", 1))):
            with self.subTest(name):
                answer = self.talk(data)
                self.assertTrue(answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), answer)
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
                self.assertIn(b"\r\nConnection: close\r\n", answer)

    def test_a_malformed_head_is_refused_before_it_is_whole(self):
        bare = self.connect()
        bare.sendall(b"GET / HTTP/1.1\r\nX : ")
        self.assertIn(b"400 Bad Request", read_all(bare))

    def test_a_head_may_come_in_parts(self):
        bare = self.connect()
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in self.head():
            bare.sendall(bytes([byte]))
        self.assertIn(b"HTTP/1.1 200", read_all(bare))

    def test_garbage_is_refused(self):
        for data in (b"\r\n\r\n\r\n", b"\0\0\0\0", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
                     b"GET / HTTP/1.1\r\n\r\n", b"GET http://evil.example/ HTTP/1.1\r\nHost: "
                     b"evil.example\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            with self.subTest(data[:20]):
                self.assertNotIn(b"HTTP/1.1 2", self.talk(data))
        self.assertEqual(len(self.rows()), 1)

    def test_a_target_of_another_form_is_refused(self):
        for target in (f"http://{self.host}/healthz", "*", "healthz", "//healthz", "/healthz#x",
                       "/./healthz", "/x/../healthz", "/healthz/", "/%68ealthz/..", "/\\healthz",
                       "/healthz%00", "/healthz;x"):
            answer = self.talk(self.head("Connection: close", path=target))
            self.assertRegex(answer.split(b"\r\n")[0], b"HTTP/1.[01] 40[04]", target)

    def test_a_header_of_any_size_is_bounded(self):
        for lines in (["X: " + "a" * 100000], [f"X{i}: {'a' * 50}" for i in range(5000)],
                      ["Cookie: " + "a=b; " * 50000]):
            self.assertIn(b"HTTP/1.1 431 ", self.talk(self.head(*lines)))
        self.assertIn(b"HTTP/1.1 431 ", self.talk(self.head(path="/healthz?" + "a" * 100000)))
        answer = self.talk(self.head("Connection: close", "X: " + "a" * 8000))
        self.assertIn(b"HTTP/1.1 200", answer)

    def test_of_requests_that_come_together_the_first_is_answered(self):
        answer = self.talk(self.head() * 200 + self.head(path="/healthz"))
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
        self.assertIn(b"HTTP/1.1 200", answer)
        self.assertIn(b"\r\nConnection: close\r\n", answer)
        self.assertNotIn(b"alive", answer)


class Slowness(HostileTest):
    def test_a_request_that_takes_too_long_is_ended(self):
        slow = [self.connect() for _ in range(3)]
        requests = [self.head(), self.head(), self.head()[:-4] + b"\r\nX: " + b"a" * 1000]
        silent = self.connect()
        begin, at = now(), 0
        while not all(is_closed(bare) for bare in (*slow, silent)):
            for bare, request in zip(slow, requests, strict=True):
                try:
                    bare.send(request[at:at + 1])
                except OSError:
                    pass
            at += 1
            self.assertLess(now() - begin, 60)
            select.select([silent], [], [], 1 if not is_closed(silent) else 0.2)
        self.assertGreater(now() - begin, 5)

    def test_a_reply_that_is_not_taken_holds_up_nobody(self):
        self.publish_lines([{"kind": "started", "agent_name": "a", "user_request": "r" * 2000,
                             "correlation_id": f"c{i}"} for i in range(500)])
        self.await_rows(500, "limit=500")
        begin = self.memory_kib()
        slow = [self.connect(receive_buffer=4096) for _ in range(200)]
        for bare in slow:
            bare.sendall(self.head(path="/api/v1/executions?limit=500"))
        for _ in range(20):
            self.assertEqual(len(self.rows("limit=10")), 10)
        self.assertLess(self.memory_kib() - begin, 96 * 1024)
        self.wait_until(lambda: self.request("/api/v1/executions?limit=500").status == 200, "room")
        answers = [read_all(bare) for bare in slow]
        cut = sum(b"HTTP/1.1 200" in answer and not is_whole(answer) for answer in answers)
        self.assertGreater(cut, 20)  # they have made room

    def test_those_that_took_longest_make_room(self):
        self.publish_lines([{"kind": "started", "agent_name": "a", "user_request": "r" * 2000,
                             "correlation_id": f"c{i}"} for i in range(500)])
        self.await_rows(500, "limit=500")
        slow = [self.connect(receive_buffer=4096) for _ in range(60)]
        for bare in slow:
            bare.sendall(self.head(path="/api/v1/executions?limit=500"))
            select.select([bare], [], [], 60)  # it is on its way
        answers = [read_all(bare) for bare in slow]
        whole = list(map(is_whole, answers))
        self.assertFalse(whole[0])
        self.assertTrue(whole[-1])
        self.assertEqual(whole, sorted(whole))

    def test_where_all_connections_are_in_use_others_are_told(self):
        self.run_aep("tracker", "stop")
        self.serve(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128)))
        streams = []
        while True:
            bare = self.connect()
            bare.sendall(self.head(path="/api/v1/stream"))
            answer = bare.recv(12)
            if answer != b"HTTP/1.1 200":
                break
            streams.append(bare)
        self.assertEqual(answer, b"HTTP/1.1 503")
        self.assertGreater(len(streams), 20)
        streams.pop().close()
        self.publish("started", correlation="c9")  # what is sent finds it gone
        self.wait_until(lambda: self.request("/healthz").status == 200, "room")

    def test_without_descriptors_it_goes_on(self):
        def limit(soft):
            resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (soft, hard))

        def cpu_s():
            with open(f"/proc/{self.server.pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        stream = self.stream()
        stream.frame()
        before, hard = resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE)
        limit(max(map(int, os.listdir(f"/proc/{self.server.pid}/fd"))) + 1)
        waiting = [self.connect() for _ in range(5)]
        begin, spent = now(), cpu_s()
        self.wait_until(lambda: now() - begin > 4, "4 s")
        self.assertLess(cpu_s() - spent, 2)
        self.assertIsNone(self.server.poll(), self.errors())
        limit(before)
        waiting[-1].sendall(self.head())  # those before it may have made room
        self.assertEqual(read_all(waiting[-1])[:12], b"HTTP/1.1 200")
        self.publish("started", agent="later", correlation="c9")
        stream.await_frame("execution", lambda row: row["agent_name"] == "later")

    def test_ten_thousand_connections_without_a_request(self):
        self.raise_limit()
        connections = []
        self.addCleanup(lambda: [bare.close() for bare in connections])
        worst = 0
        for i in range(10000):
            bare = socket.socket()
            bare.settimeout(60)
            connections.append(bare)
            bare.connect(self.address)
            if i % 3 == 0:
                bare.send(b"GET /api/v1/counts HTTP/1.1\r\nHost: ")
            if i % 500 == 0:
                start = now()
                self.assertEqual(len(self.rows()), 1)
                worst = max(worst, now() - start)
        self.assertLess(worst, 10)
        self.assertLess(self.memory_kib(), 120 * 1024)
        self.assertEqual(len(self.rows()), 1)

    def test_streams_outlive_a_flood_of_connections(self):
        self.raise_limit()
        stream = self.stream()
        stream.frame()
        connections = [self.connect() for _ in range(3000)]
        self.publish("started", agent="seen", correlation="c9")
        stream.await_frame("execution", lambda row: row["agent_name"] == "seen")
        self.wait_until(lambda: sum(map(is_closed, connections)) > 500, "room is made")

    def test_a_stream_goes_on_whatever_its_client_sends(self):
        """Its connection sleeps meanwhile (suspended, in libmicrohttpd's words)."""
        begin = self.memory_kib()
        streams = [self.stream() for _ in range(4)]
        sends, half, reset, calm = streams
        for stream in streams:
            stream.frame()
        sends.socket.setblocking(False)
        try:
            for _ in range(1000):
                sends.socket.send(SMUGGLED * 1000)
        except BlockingIOError:
            pass
        half.socket.shutdown(socket.SHUT_WR)
        reset.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()
        for i in range(3):
            self.publish("started", agent=f"seen-{i}", correlation=f"c{i}-9")
            calm.await_frame("execution", lambda row, i=i: row["agent_name"] == f"seen-{i}")
        sends.socket.settimeout(60)
        sends.await_frame("execution", lambda row: row["agent_name"] == "seen-2")
        self.assertLess(self.memory_kib() - begin, 20 * 1024)
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(60), 0)

    def test_clients_that_vanish_leave_nothing_behind(self):
        begin = self.memory_kib()
        for _ in range(30):
            streams = [self.connect() for _ in range(20)]
            for bare in streams:
                bare.sendall(self.head(path="/api/v1/stream"))
            for bare in streams[:10]:
                bare.recv(10)
            for bare in streams:
                bare.close()
        self.publish("started", correlation="c1")  # what is sent finds them gone
        clients = "\naep_serve_stream_clients "

        def count():
            self.publish("progress", correlation="c1")
            return float(self.request("/metrics").body.decode().split(clients)[1].split()[0])
        self.wait_until(lambda: count() == 0, "no client")
        self.assertLess(self.memory_kib() - begin, 20 * 1024)


class Confusion(HostileTest):
    def test_many_at_once_get_each_their_own_answer(self):
        failures = []

        def ask(number):
            for i in range(30):
                path = f"executions?limit=1&q=none-{number}-{i}" if i % 2 else "executions"
                rows = self.get(path).json()["executions"]
                if len(rows) != (0 if i % 2 else 1):
                    failures.append((number, i, rows))
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_texts_of_events_stay_texts(self):
        bad = "</script><img src=x onerror=alert(1)>\u2028\r\n\nevent: removed\ndata: {}\n\n\x1b[2J"
        stream = self.stream("correlation=bad")
        stream.frame()
        self.publish_lines([{"kind": "started", "agent_name": "x\nid: 99\n", "user_request": bad,
                             "correlation_id": "bad"}])
        row = stream.await_frame("execution").data
        self.assertEqual((row["user_request"], row["agent_name"]), (bad, "x\nid: 99\n"))
        reply = self.get("executions?correlation=bad")
        self.assertEqual(reply.headers["Content-Type"], "application/json")
        self.assertEqual(reply.json()["executions"][0]["user_request"], bad)


if __name__ == "__main__":
    unittest.main()
