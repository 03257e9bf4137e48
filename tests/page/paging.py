# SPDX-License-Identifier: Apache-2.0
"""The page of an `aep serve`, in a Chromium of its own for each test."""
import json
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "serve"))

import browser as browsers  # noqa: E402
from serving import DEADLINE_S, ServeTest, now  # noqa: E402,F401

ROWS = "[...document.querySelectorAll('#list tbody tr')].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)"


class PageTest(ServeTest):
    def setUp(self):
        super().setUp()
        if not browsers.find_chromium():
            print("skipped: Chromium is not installed")
            self.skipTest("Chromium is not installed")
        self.browser = browsers.Browser()
        self.addCleanup(self.browser.close)
        self.tabs = []
        self.expected = {}

    def expect_problems(self, tab, pattern):
        """What the browser itself says of answers that the test provokes."""
        self.expected[tab] = pattern

    def tearDown(self):
        """Whatever a test does: no error in the log, no violation, nothing from another host."""
        for tab in self.tabs:
            self.browser.pump()
            expected = self.expected.get(tab, "^$")
            self.assertEqual([line for line in tab.problems if not re.search(expected, line)], [])
            for url in tab.requests:
                self.assertTrue(url.startswith((f"http://{self.host}/", "about:blank")), url)

    def open(self, hash="", script=None, hold=None, **size):
        """A tab with the page; the first one with the token."""
        token = "" if self.tabs else f"token={self.token}"
        tab = self.browser.new_tab(**size)
        self.tabs.append(tab)
        if script:
            tab.before_load(script)
        if hold:
            tab.hold(hold)
        tab.go(f"http://{self.host}/#{'&'.join(filter(None, [token, hash]))}")
        return tab

    def await_live(self, tab):
        tab.wait_for("document.querySelector('#live').textContent === 'Live'", "it is live")

    def listed(self, tab, name="c-request"):
        """What a column says, line by line."""
        return tab.run(f"{ROWS}.map(tr => tr.querySelector('.{name}').textContent)")

    def await_listed(self, tab, wanted, name="c-request"):
        tab.wait(lambda: self.listed(tab, name) == wanted,
                 lambda: f"{wanted} is listed, not {self.listed(tab, name)}")

    def text(self, tab, selector):
        return tab.run(f"document.querySelector({json.dumps(selector)})?.textContent ?? null")

    def await_text(self, tab, selector, part):
        tab.wait(lambda: part in (self.text(tab, selector) or ""),
                 lambda: f"{part} in {selector}: {self.text(tab, selector)}")

    def id_of(self, request):
        return next(row["id"] for row in self.rows("limit=500") if row["user_request"] == request)

    def streams(self, tab):
        """The headers of each request for the stream."""
        return [headers for url, headers in zip(tab.requests, tab.headers)
                if url.endswith("/stream")]

    def cursor(self, tab):
        return tab.run("document.querySelector('#list tr.cursor .c-request')?.textContent ?? null")

    def await_cursor(self, tab, request):
        tab.wait(lambda: self.cursor(tab) == request,
                 lambda: f"the cursor is on {request}, not {self.cursor(tab)}")

    def start(self, request, agent="a", **more):
        self.publish("started", "--request", request, agent=agent, correlation=request, **more)

    def progress(self, request, *args, agent="a"):
        self.publish("progress", *args, agent=agent, correlation=request)

    def wait_for_person(self, request, what="human", agent="a"):
        self.progress(request, "--metadata", json.dumps({"status": "waiting", "waiting_for": what}),
                      agent=agent)

    def complete(self, request, *args, agent="a"):
        self.publish("completed", *args, agent=agent, correlation=request)

    def break_down(self, request, *args, agent="a"):
        self.publish("failed", "--error-message", "it broke", *args, agent=agent,
                     correlation=request)


main = unittest.main
