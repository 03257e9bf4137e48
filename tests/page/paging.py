# SPDX-License-Identifier: Apache-2.0
"""The page of an `aep serve`, in a Chromium of its own for each test."""
import json
import os
import pathlib
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
            self.skipTest("Chromium is not installed")
        self.browser = browsers.Browser()
        self.addCleanup(self.browser.close)
        self.tabs = []

    def tearDown(self):
        """Whatever a test does: no error in the log, no violation, nothing from another host."""
        for tab in self.tabs:
            self.browser.pump()
            self.assertEqual(tab.problems, [])
            for url in tab.requests:
                self.assertTrue(url.startswith((f"http://{self.host}/", "about:blank")), url)

    def open(self, hash="", **size):
        """A tab with the page; the first one with the token."""
        token = "" if self.tabs else f"token={self.token}"
        tab = self.browser.new_tab(**size)
        self.tabs.append(tab)
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

    def start(self, request, agent="a", **more):
        self.publish("started", "--request", request, agent=agent, correlation=request, **more)

    def progress(self, request, *args, agent="a"):
        self.publish("progress", *args, agent=agent, correlation=request)

    def wait_for_person(self, request, what="human", agent="a"):
        self.progress(request, "--metadata", json.dumps({"status": "waiting", "waiting_for": what}),
                      agent=agent)

    def complete(self, request, *args, agent="a"):
        self.publish("completed", *args, agent=agent, correlation=request)

    def fail(self, request, *args, agent="a"):
        self.publish("failed", "--error-message", "it broke", *args, agent=agent,
                     correlation=request)


main = unittest.main
