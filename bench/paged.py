# SPDX-License-Identifier: Apache-2.0
"""The page of a Served, in a Chromium that script/bench measures."""
import time

from browser import Browser  # of tests/page

# When the first row was drawn, and when each agent was first seen, in milliseconds since the epoch.
WATCHED = """
window.firstRow = null;
window.seenAt = {};
new MutationObserver(() => {
    const now = performance.timeOrigin + performance.now();
    for (const cell of document.querySelectorAll("#list tbody tr .c-agent"))
        window.seenAt[cell.textContent] ??= now;
    if (window.firstRow === null && document.querySelector(%r))
        requestAnimationFrame(() => setTimeout(() => { window.firstRow ??= performance.now(); }));
}).observe(document, {childList: true, subtree: true, characterData: true});
"""
FILES = """
[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter(entry => !entry.name.includes("/api/")).reduce((sum, entry) => sum + entry.encodedBodySize, 0)
"""


class Paged:
    """A browser that runs but knows nothing of the page, and one tab with it."""

    def __init__(self, served, hash="", first="#list tbody tr"):
        self.url, self.first = f"http://{served.host}/#token={served.token}{hash}", first
        self.browser = Browser()
        self.open()  # the first page of a browser that has just begun waits for the browser
        self.tab.close()
        self.first_ms = self.open()

    def open(self):
        """Milliseconds until the first row of a new tab, nothing cached, is drawn."""
        self.tab = self.browser.new_tab(apart=True)
        self.tab.before_load(WATCHED % self.first)
        self.tab.go(self.url)
        return self.tab.wait_for("window.firstRow", "the first row")

    def close(self):
        self.browser.close()

    def bytes(self):
        """Of the page and its files, as they came."""
        return self.tab.run(FILES)

    def seen(self, publishing, count):
        """Milliseconds until the page shows each of so many executions, one after the other."""
        self.tab.wait_for("document.querySelector('#live').textContent === 'Live'", "it is live")
        times = []
        for number in range(len(publishing.at), len(publishing.at) + count):
            begun = time.time() * 1000
            publishing.publish()
            times.append(self.tab.wait_for(f"window.seenAt['n{number}.']") - begun)
            time.sleep(0.1)
        return times
