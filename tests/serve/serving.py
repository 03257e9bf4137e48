# SPDX-License-Identifier: Apache-2.0
"""An `aep serve` for each test, and what talks to it."""
import http.client
import json
import os
import pathlib
import select
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))

from harness import DEADLINE_S, PROGRAM, AepTest  # noqa: E402


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json()["error"]["message"]


class Frame:
    """One server-sent event."""

    def __init__(self, text):
        fields = [line.partition(": ")[::2] for line in text.split("\n")]
        self.comment = all(not name for name, _ in fields)
        self.id = next((value for name, value in fields if name == "id"), None)
        self.event = next((value for name, value in fields if name == "event"), None)
        self.data = next((json.loads(value) for name, value in fields if name == "data"), None)


class Stream:
    """A client of the stream: its reply's head, then frame by frame."""

    def __init__(self, server, query="", headers=None, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(server.address)
        lines = [f"GET /api/v1/stream?{query} HTTP/1.1", f"Host: {server.host}",
                 f"Authorization: Bearer {server.token}",
                 *(f"{name}: {value}" for name, value in (headers or {}).items())]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.response = http.client.HTTPResponse(self.socket)
        self.response.begin()
        self.status = self.response.status
        self.text = ""

    def close(self):
        self.response.close()
        self.socket.close()

    def frame(self):
        """The next frame; None: the stream has ended."""
        while "\n\n" not in self.text:
            data = self.response.read1(65536)
            if not data:
                return None
            self.text += data.decode()
        frame, self.text = self.text.split("\n\n", 1)
        return Frame(frame)

    def await_frame(self, event, where=lambda data: True):
        """The next frame of that kind."""
        while frame := self.frame():
            if frame.event == event and where(frame.data):
                return frame
        raise AssertionError(f"the stream has ended without {event}")


class ServeTest(AepTest):
    def setUp(self):
        super().setUp()
        self.server = None
        self.addCleanup(self.run_aep, "tracker", "stop", status=None)

    @property
    def store(self):
        return os.path.join(self.folder, "state", "aep", "tracker.db")

    def serve(self, *args, listen="127.0.0.1:0", ready=True, **more):
        """Starts one and waits until it answers."""
        with open(os.path.join(self.folder, "serve.err"), "ab") as errors:
            self.server = self.start_aep("serve", "--listen", listen, *args, stderr=errors, **more)
        self.link = self.server.stdout.readline().strip()
        self.assertTrue(self.link, self.errors())
        parts = urllib.parse.urlsplit(self.link)
        self.token = parts.fragment.removeprefix("token=")
        self.address = (parts.hostname, parts.port)
        self.host = parts.netloc
        if ready:
            self.wait_until(lambda: self.request("/readyz").status == 200, "ready")
        return self.server

    def errors(self):
        with open(os.path.join(self.folder, "serve.err"), encoding="utf-8") as file:
            return file.read()

    def request(self, path, method="GET", headers=None, token=True):
        connection = http.client.HTTPConnection(*self.address, timeout=DEADLINE_S)
        headers = dict(headers or {})
        if token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        try:
            connection.request(method, path, headers=headers)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, status=200, **more):
        reply = self.request("/api/v1/" + path, **more)
        if status is not None:
            self.assertEqual(reply.status, status, reply.body[:500])
        return reply

    def rows(self, query=""):
        return self.get("executions?" + query).json()["executions"]

    def await_rows(self, count, query=""):
        """Waits until that many executions are listed."""
        self.wait_until(lambda: len(self.rows(query)) == count, f"{count} executions: {query}")
        return self.rows(query)

    def stream(self, query="", **more):
        stream = Stream(self, query, **more)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        return stream

    def connect(self, receive_buffer=None):
        """A bare connection."""
        bare = socket.socket()
        self.addCleanup(bare.close)
        if receive_buffer:
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        bare.settimeout(DEADLINE_S)
        bare.connect(self.address)
        return bare

    def publish(self, kind, *args, agent="a", correlation="c", env=None):
        words = {"started": ["--request", "r"], "failed": ["--error-message", "m"]}
        self.run_aep("publish", kind, "--agent", agent, "--correlation-id", correlation,
                     *(words.get(kind, []) if not args else []), *args, env=env)

    def publish_lines(self, events):
        self.run_aep("publish", "--stdin",
                     stdin="".join(json.dumps(event) + "\n" for event in events))

    def memory_kib(self):
        with open(f"/proc/{self.server.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def read_all(bare):
    """What comes until the other side hangs up."""
    data = b""
    try:
        while part := bare.recv(65536):
            data += part
    except ConnectionError:
        pass
    return data


def is_closed(bare, seconds=0):
    """Whether the other side has hung up, without anything to read before that."""
    poll = select.poll()
    poll.register(bare, select.POLLIN)
    if not poll.poll(seconds * 1000):
        return False
    try:
        return bare.recv(1, socket.MSG_PEEK) == b""
    except ConnectionError:
        return True


def now():
    return time.monotonic()
