# SPDX-License-Identifier: Apache-2.0
"""An `aep serve` that script/bench measures, and its clients."""
import http.client
import json
import re
import resource
import select
import socket
import statistics
import subprocess
import time
import urllib.parse

ROW, RESET = b"event: execution\n", b"event: reset\ndata"  # as long: neither is counted twice


def percentile(times, part):
    return statistics.quantiles(times, n=100)[part - 1]


class Served:
    """aep serve on the store of a Tracked."""

    def __init__(self, tracked):
        self.tracked = tracked
        self.process = subprocess.Popen([tracked.build / "bin/aep", "serve", "--listen", "127.0.0.1:0"],
                                        env=tracked.env, stdout=subprocess.PIPE, text=True)
        link = urllib.parse.urlsplit(self.process.stdout.readline().strip())
        self.address, self.host = (link.hostname, link.port), link.netloc
        self.token = link.fragment.removeprefix("token=")
        while self.get("/readyz")[0] != 200:
            time.sleep(0.1)

    def close(self):
        self.process.terminate()
        self.process.wait()

    def get(self, path):
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body

    def times(self, path, count):
        """Milliseconds that a GET takes, connection included, count times."""
        found = []
        for _ in range(count):
            begun = time.monotonic()
            status, _ = self.get(path)
            found.append((time.monotonic() - begun) * 1000)
            if status != 200:
                raise ValueError(f"{path}: {status}")
        return found

    def stream(self):
        """A client of the stream that has had its hello."""
        client = socket.create_connection(self.address)
        client.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: {self.host}\r\n"
                       f"Authorization: Bearer {self.token}\r\n\r\n".encode())
        data = b""
        while b"event: hello" not in data:
            data += client.recv(65536)
        client.setblocking(False)
        return client


class Publishing:
    """One aep publish --stdin: a started event for each line, whose agent is a number."""

    def __init__(self, tracked):
        self.process = subprocess.Popen([tracked.build / "bin/aep", "publish", "--stdin"], env=tracked.env,
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.at = []

    def publish(self):
        number = len(self.at)
        self.at.append(time.monotonic())
        self.process.stdin.write(json.dumps({"kind": "started", "agent_name": f"n{number}.", "user_request": "r",
                                             "correlation_id": f"c{number}"}) + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def seen(served, publishing, count):
    """Milliseconds until a client of the stream has each of so many events, one after the other."""
    stream, times, data = served.stream(), [], b""
    for _ in range(count):
        number = len(publishing.at)
        publishing.publish()
        while b'"agent_name":"n%d."' % number not in data:
            select.select([stream], [], [], 60)
            data = data[-4096:] + stream.recv(262144)
        times.append((time.monotonic() - publishing.at[number]) * 1000)
        time.sleep(0.1)
    stream.close()
    return times


def await_events(served, count):
    """Waits until the one execution has so many events; its row."""
    while True:
        rows = json.loads(served.get("/api/v1/executions?limit=1")[1])["executions"]
        if rows and rows[0]["events"] == count:
            return rows[0]
        time.sleep(0.1)


def fan_out(served, publishing, clients, changes, per_second, timed=20):
    """Publishes so many changes a second to so many clients. Milliseconds until the first `timed` clients
    have each; how many rows and resets all of them have had."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    streams = [served.stream() for _ in range(clients)]
    poll, by_fd = select.epoll(), {}
    for number, stream in enumerate(streams):
        poll.register(stream, select.EPOLLIN)
        by_fd[stream.fileno()] = number
    # A word may be cut by the end of a block: that end is looked at again with the next one.
    tails, rows, resets, times = [b""] * clients, 0, 0, []
    timed_data, room = [b""] * timed, bytearray(262144)
    begun = last = time.monotonic()
    while (rows < clients * changes and time.monotonic() < last + 10) or len(publishing.at) < changes:
        due = int((time.monotonic() - begun) * per_second)
        while len(publishing.at) < min(due, changes):
            publishing.publish()
        for fd, _ in poll.poll(0.005):
            number = by_fd[fd]
            block = bytes(memoryview(room)[:streams[number].recv_into(room)])
            data = tails[number] + block
            rows += data.count(ROW)
            resets += data.count(RESET)
            tails[number] = block[1 - len(ROW):]
            last = time.monotonic()
            if number < timed:
                whole, _, timed_data[number] = (timed_data[number] + block).rpartition(b"\n\n")
                times += [(last - publishing.at[int(n)]) * 1000 for n in re.findall(rb'"agent_name":"n(\d+)\."', whole)]
    for stream in streams:
        stream.close()
    return {"times": times, "rows": rows, "resets": resets}
