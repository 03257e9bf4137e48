# SPDX-License-Identifier: Apache-2.0
"""axe-core finds nothing, in any view, light and dark, narrow and wide (WCAG 2.2 AA)."""
import os
import pathlib
import subprocess

import paging

TOOLS = pathlib.Path(__file__).with_name("fetch_tools")
RUN = """axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
                                      "best-practice"]})
  .then(({violations, passes}) => ({passed: passes.length, violations: violations.map(
    ({id, help, nodes}) => [id, help, nodes.slice(0, 3).map(
      ({html, failureSummary}) => html.slice(0, 200) + " " + failureSummary)])}))"""


class Axe(paging.PageTest):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run([TOOLS], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode == 77:
            print(done.stdout)
            raise paging.unittest.SkipTest(done.stdout)
        done.check_returncode()
        folder = done.stdout.strip()
        with open(os.path.join(folder, "node_modules/axe-core/axe.min.js"), encoding="utf-8") as file:
            cls.axe = file.read()

    def check(self, tab, view):
        tab.call("Runtime.evaluate", expression=self.axe)
        result = tab.run(RUN)
        self.assertGreater(result["passed"], 15)
        self.assertEqual(result["violations"], [], view)

    def check_all(self, tab, view):
        for width, height in ((1280, 800), (320, 640)):
            tab.resize(width, height)
            for scheme in ("light", "dark"):
                tab.prefer(color_scheme=scheme, reduced_motion="reduce")
                self.check(tab, f"{view}, {scheme}, {width}")
        tab.resize(1280, 800)

    def test_nothing_to_list(self):
        self.serve()
        tab = self.open()
        self.await_text(tab, "#empty", "No executions yet")
        self.check_all(tab, "empty")
        tab.run("location.hash = 'needs=me'")
        self.await_text(tab, "#empty", "Nothing matches")
        self.check_all(tab, "no match")

    def publish_some(self):
        for name in ("runs", "asks", "waits", "broken", "done"):
            self.start(name)
        self.wait_for_person("asks")
        self.wait_for_person("waits", "timer")
        self.break_down("broken", "--error-type", "T", "--stack-trace", "at line 1\n" * 50)
        self.complete("done", "--result-summary", "well", "--metrics", '{"tokens": 1}')
        parent = self.events("started")[0]["event_id"]
        self.publish("started", "--request", "kid", "--causation-id", parent, agent="kid",
                     correlation="kid")
        self.progress("runs", "--current-step", "one", "--progress-percent", "30", "--metadata",
                      '{"tool": "t", "phase": "start"}')

    def test_the_list(self):
        self.publish_some()
        self.serve()
        tab = self.open()
        tab.wait(lambda: len(self.listed(tab)) == 5, "all are listed")
        tab.press("*")
        tab.wait(lambda: len(self.listed(tab)) == 6, "all are unfolded")
        tab.press("j", "j")
        self.check_all(tab, "list")
        tab.press("/")
        tab.type("st")
        tab.wait_for("!document.querySelector('#words').hidden")
        self.check_all(tab, "completion")
        tab.press("Escape", "Escape", "?")
        tab.wait_for("document.querySelector('#sheet').open")
        self.check_all(tab, "sheet")

    def test_an_execution(self):
        self.publish_some()
        self.serve()
        self.await_rows(6)
        tab = self.open(f"id={self.id_of('broken')}")
        self.await_text(tab, ".trace", "at line 1")
        self.check_all(tab, "failure")
        tab.run(f"location.hash = 'id={self.id_of('runs')}'")
        self.await_text(tab, ".lanes", "kid")
        self.await_text(tab, ".lanes", "events")
        self.check_all(tab, "timeline")
        tab.click("#tab-events")
        tab.click(".events tbody tr")
        self.await_text(tab, ".whole", "event_type")
        self.check_all(tab, "events")
        for view in ("facts", "json"):
            tab.click(f"#tab-{view}")
            self.await_text(tab, f"#panel-{view}", "runs" if view == "json" else "agent")
            self.check_all(tab, view)

    def test_a_lost_connection(self):
        self.publish_some()
        self.serve()
        tab = self.open()
        tab.wait(lambda: len(self.listed(tab)) == 5, "all are listed")
        self.await_live(tab)
        self.server.kill()
        self.await_text(tab, "#live", "Connection lost")
        self.check_all(tab, "lost")
        self.expect_problems(tab, "net::ERR_")


if __name__ == "__main__":
    paging.main()
