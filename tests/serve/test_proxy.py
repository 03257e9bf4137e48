# SPDX-License-Identifier: Apache-2.0
"""aep serve behind a proxy that is set up as docs/TRACKER.md says; each is skipped where it is missing."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import unittest

from serving import ServeTest, Stream, read_all

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs/TRACKER.md"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "aep"
PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:{CACHE}"
NGINX, CADDY = shutil.which("nginx", path=PLACES), shutil.which("caddy", path=PLACES)
HOST = "aep.example.org"


def documented(language):
    return re.search(rf"```{language}\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]


class ProxyTest(ServeTest):
    def setUp(self):
        super().setUp()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.serve("--host", HOST)
        self.behind = self.address

    def start_proxy(self, *argv):
        with open(os.path.join(self.folder, "proxy.log"), "wb") as log:
            proxy = subprocess.Popen(argv, cwd=self.folder, stdout=log, stderr=log,
                                     env=self.env | {"XDG_DATA_HOME": self.folder})
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.send_signal, signal.SIGTERM)
        self.address, self.host = ("127.0.0.1", self.port), HOST
        self.wait_until(self.answers, "the proxy")

    def answers(self):
        try:
            return self.request("/healthz", headers={"Host": HOST}).status == 200
        except OSError:
            return False

    def check(self):
        through = {"Host": HOST}
        self.get("counts", status=401, token=False, headers=through)
        self.get("counts", headers=through)
        page = self.request("/", token=False, headers=through)
        self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
        self.get("counts", headers=through | {"Origin": f"http://{HOST}"})
        self.get("counts", status=403, headers=through | {"Origin": "http://evil.example"})
        stream = Stream(self)
        self.addCleanup(stream.close)
        hello = stream.frame()
        self.assertEqual(hello.event, "hello")
        for number in range(3):  # each comes at once, or the next would not be published
            self.publish("started", agent=f"seen-{number}", correlation=f"c{number}")
            stream.await_frame("execution",
                               lambda row, number=number: row["agent_name"] == f"seen-{number}")
        self.check_ids(through)
        self.check_smuggling()

    def check_ids(self, through):
        """An id with slashes and percent signs arrives as it is."""
        self.publish("progress", agent="x y/ü", correlation="c%1")
        self.wait_until(lambda: len(self.get("executions?correlation=c%251", headers=through)
                                    .json()["executions"]) == 1)
        row = self.get("executions?correlation=c%251", headers=through).json()["executions"][0]
        quoted = row["id"].replace("%", "%25").replace("/", "%2F")
        found = self.get("executions/" + quoted, headers=through).json()
        self.assertEqual(found["execution"]["id"], row["id"])

    def check_smuggling(self):
        """A request that hides another one: the one after it gets its own answer."""
        hidden = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for lines in ("Content-Length: 43", "Transfer-Encoding: chunked", "X: a\r\n folded: b"):
            bare = self.connect()
            bare.sendall(f"GET /api/v1/counts HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n\r\n".encode()
                         + hidden)
            bare.shutdown(socket.SHUT_WR)
            read_all(bare)
            self.assertEqual(self.get("counts", headers={"Host": HOST}).status, 200)


@unittest.skipUnless(NGINX, "nginx is missing: script/setup test fetches it")
class Nginx(ProxyTest):
    def test_it_works_as_documented(self):
        location = documented("nginx").replace("127.0.0.1:7450", "%s:%d" % self.behind)
        config = os.path.join(self.folder, "nginx.conf")
        temp = "".join(f"{name}_temp_path {self.folder}/{name};\n" for name in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"daemon off; pid {self.folder}/nginx.pid; error_log stderr;\n"
                       f"events {{}}\nhttp {{\naccess_log off;\n{temp}"
                       f"server {{ listen 127.0.0.1:{self.port}; server_name {HOST};\n"
                       f"{location}}}\n}}\n")
        self.start_proxy(NGINX, "-p", self.folder, "-e", "stderr", "-c", config)
        self.check()


@unittest.skipUnless(CADDY, "caddy is missing: script/setup test fetches it")
class Caddy(ProxyTest):
    def test_it_works_as_documented(self):
        text = documented("caddy").replace("127.0.0.1:7450", "%s:%d" % self.behind)
        text = text.replace(f"{HOST} {{", f"http://{HOST}:{self.port} {{\n    bind 127.0.0.1")
        config = os.path.join(self.folder, "Caddyfile")
        with open(config, "w", encoding="utf-8") as file:
            file.write("{\n    admin off\n}\n" + text)
        self.start_proxy(CADDY, "run", "--adapter", "caddyfile", "--config", config)
        self.check()


if __name__ == "__main__":
    unittest.main()
