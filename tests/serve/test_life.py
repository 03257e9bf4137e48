# SPDX-License-Identifier: Apache-2.0
"""aep serve as a process: it is the store's tracker, in the foreground, until it is stopped."""
import gzip
import json
import os
import re
import signal
import socket
import unittest

from serving import DEADLINE_S, ServeTest, now


class Life(ServeTest):
    def status(self):
        return json.loads(self.run_aep("tracker", "status", "--json").stdout)

    def test_it_takes_over_from_a_tracker_in_the_background(self):
        self.publish("started")
        self.run_aep("list", "--wait=50s")
        before = self.status()
        self.assertTrue(before["alive"])
        self.assertIsNone(before["serves"])
        self.serve()
        after = self.status()
        self.assertEqual((after["pid"], after["serves"]),
                         (self.server.pid, f"http://{self.host}/"))
        self.assertIn(f"serves      http://{self.host}/",
                      self.run_aep("tracker", "status").stdout)
        self.await_rows(1)

    def test_there_is_one_for_each_store(self):
        self.serve()
        done = self.run_aep("serve", "--listen", "127.0.0.1:0", status=1)
        self.assertIn(f"http://{self.host}/ serves this store already", done.stderr)
        self.assertEqual(self.status()["pid"], self.server.pid)
        self.run_aep("tracker", "stop")
        self.assertEqual(self.server.wait(DEADLINE_S), 0)
        self.serve()

    def test_one_that_does_not_answer_is_called_so(self):
        self.serve()
        self.server.send_signal(signal.SIGSTOP)
        self.addCleanup(self.server.send_signal, signal.SIGCONT)
        for words in (("tracker", "stop"), ("tracker", "status"),
                      ("serve", "--listen", "127.0.0.1:0")):
            done = self.run_aep(*words, status=1)
            self.assertIn(f"the tracker of {self.store} does not answer: kill the process",
                          done.stderr)

    def test_commands_read_what_it_stores(self):
        self.serve()
        for i in range(3):
            self.publish("started", correlation=f"c{i}")
            listed = self.run_aep("list", "--json", "--wait=50s").stdout.splitlines()
            self.assertEqual(len(listed), i + 1)
        self.assertEqual(self.status()["pid"], self.server.pid)

    def test_it_does_not_end_by_itself(self):
        self.env["AEP_TRACK_IDLE_EXIT"] = "1s"
        self.serve()
        begin = now()
        self.wait_until(lambda: now() - begin > 4, "4 s")
        self.assertIsNone(self.server.poll())
        self.assertEqual(self.request("/readyz").status, 200)

    def test_each_signal_ends_it(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.serve()
            self.server.send_signal(number)
            self.assertEqual(self.server.wait(DEADLINE_S), 0)
            self.assertFalse(self.status()["alive"])

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            done = self.run_aep("serve", "--listen", address, status=1)
        self.assertIn(f"cannot listen on {address} (--listen 127.0.0.1:0 takes a free port)",
                      done.stderr)

    def test_killed_it_leaves_nothing_that_hinders_the_next(self):
        self.publish("started")
        self.serve()
        self.await_rows(1)
        self.server.kill()
        self.server.wait()
        self.serve()
        self.await_rows(1)

    def test_open_gives_the_address_to_a_browser(self):
        browser = os.path.join(self.folder, "browser")
        with open(browser, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\necho "$1" > opened.tmp\nwhile read -r name value; do\n'
                       '[ "$name" != SigBlk: ] || echo "$value" >> opened.tmp\n'
                       "done < /proc/self/status\nmv opened.tmp opened\n")
        os.chmod(browser, 0o755)
        self.serve("--open", env={"BROWSER": browser})
        opened = os.path.join(self.folder, "opened")
        self.wait_until(lambda: os.path.exists(opened), "the browser")
        with open(opened, encoding="utf-8") as file:
            link, blocked = file.read().splitlines()
        self.assertEqual(link, self.link)
        self.assertEqual(int(blocked, 16), 0)
        self.run_aep("tracker", "stop")
        self.serve("--open", env={"BROWSER": "./none"})
        self.wait_until(lambda: "./none cannot be run" in self.errors(), "a message")

    def test_the_token_is_in_no_log_and_no_argument(self):
        self.serve()
        self.get("counts")
        with open(f"/proc/{self.server.pid}/cmdline", encoding="utf-8") as file:
            self.assertNotIn(self.token, file.read())
        folder = os.path.dirname(self.store)
        self.run_aep("tracker", "stop")
        self.assertNotIn(self.token, self.errors())
        for name in os.listdir(folder):
            if os.path.isfile(os.path.join(folder, name)) and name != "serve.token":
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(self.token.encode(), file.read(), name)

    def test_while_the_store_cannot_be_opened_it_says_so(self):
        os.makedirs(os.path.dirname(self.store), mode=0o700)
        with open(self.store, "wb") as file:
            file.write(b"no database " * 1000)
        self.serve(ready=False)
        self.wait_until(lambda: self.request("/readyz").json()["status"] == "no store")
        self.assertEqual(self.request("/healthz").status, 200)
        self.assertIn(self.store, self.get("executions", status=503).message)
        self.assertEqual(self.request("/metrics").status, 200)
        os.unlink(self.store)
        self.wait_until(lambda: self.request("/readyz").status == 200, "ready")


class Page(ServeTest):
    def test_its_files_are_kept_for_ever_under_the_name_of_their_content(self):
        self.serve()
        page = self.request("/", token=False)
        self.assertEqual(page.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(page.headers["Cache-Control"], "no-cache")
        text = page.body.decode()
        self.assertNotIn("<script>", text)
        self.assertNotIn("style=", text)
        assets = re.findall(r'(?:src|href)="([^"#]+)"', text)
        self.assertGreater(len(assets), 2)
        for path in assets:
            self.assertRegex(path, r"^/assets/[0-9a-f]{16}/[\w.-]+$")
            packed = self.request(path, headers={"Accept-Encoding": "gzip"}, token=False)
            plain = self.request(path, token=False)
            self.assertEqual(packed.headers["Content-Encoding"], "gzip")

            self.assertEqual(gzip.decompress(packed.body), plain.body)
            self.assertIn("immutable", plain.headers["Cache-Control"])
            self.assertEqual(self.request(path + "x", token=False).status, 404)
            other = "/assets/0123456789abcdef/" + path.rsplit("/", 1)[1]
            self.assertEqual(self.request(other, token=False).status, 404)
        tag = page.headers["ETag"]
        self.assertEqual(self.request("/", headers={"If-None-Match": tag}).status, 304)


if __name__ == "__main__":
    unittest.main()
