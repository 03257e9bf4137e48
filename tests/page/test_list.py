# SPDX-License-Identifier: Apache-2.0
"""The list in a browser: what is published is seen at once."""
import paging


class Live(paging.PageTest):
    def test_an_execution_is_seen_as_it_starts_waits_and_ends(self):
        self.serve()
        tab = self.open()
        self.await_text(tab, "#empty", "No executions yet")
        self.start("Build the site")
        self.await_listed(tab, ["Build the site"])
        self.await_listed(tab, ["running"], "c-state .word")
        self.wait_for_person("Build the site")
        self.await_listed(tab, ["waiting · human"], "c-state .word")
        tab.wait_for("document.title === '(1) Executions – aep'")
        self.complete("Build the site")
        self.await_listed(tab, ["completed"], "c-state .word")
        self.await_text(tab, "#counts [data-state=completed]", "1")


if __name__ == "__main__":
    paging.main()
