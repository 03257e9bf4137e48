# SPDX-License-Identifier: Apache-2.0
"""The keys of `aep watch`, and the focus, which nothing takes away."""
import paging

FOCUS = "document.activeElement.id"


class Keys(paging.PageTest):
    def setUp(self):
        super().setUp()
        for i in range(5):
            self.start(f"r{i}")
        self.serve()
        self.all = [f"r{i}" for i in (4, 3, 2, 1, 0)]

    def test_a_walk(self):
        tab = self.open(width=1000)
        self.await_listed(tab, self.all)
        tab.press("j")
        self.await_cursor(tab, "r4")
        tab.press("j", "ArrowDown", "k")
        self.await_cursor(tab, "r3")
        tab.press("G")
        self.await_cursor(tab, "r0")
        tab.press("Home")
        self.await_cursor(tab, "r4")
        tab.press("j", "Enter")
        self.await_text(tab, "#detail h2", "r3")
        tab.wait_for("document.querySelector('#pane').offsetHeight === 0")
        tab.press("n")
        self.await_text(tab, "#detail h2", "r2")
        tab.press("N", "N")
        self.await_text(tab, "#detail h2", "r4")
        tab.press("J")
        self.await_text(tab, "#panel-json", '"user_request": "r4"')
        tab.press("Escape")
        tab.wait_for("document.querySelector('#detail').hidden")
        self.await_cursor(tab, "r4")
        tab.wait_for(f"{FOCUS} === 'list'")
        tab.press("?")
        tab.wait_for("document.querySelector('#sheet').open")
        self.await_text(tab, "#sheet", "only what waits for a person")
        tab.press("j")
        tab.press("Escape")
        tab.wait_for("!document.querySelector('#sheet').open")
        self.assertEqual(self.cursor(tab), "r4")
        tab.press("/")
        tab.wait_for(f"{FOCUS} === 'filter'")
        tab.type("jk")
        tab.wait_for("document.querySelector('#filter').value === 'jk'")

    def test_beside_the_list_the_detail_follows_the_cursor(self):
        tab = self.open(width=1400)
        self.await_listed(tab, self.all)
        tab.press("j", "Enter")
        self.await_text(tab, "#detail h2", "r4")
        tab.press("j")
        self.await_text(tab, "#detail h2", "r3")
        self.assertEqual(tab.run("location.hash"), f"#id={self.id_of('r3')}")
        tab.press("Enter")
        tab.wait_for("document.activeElement.closest('#detail')")
        tab.press("Escape")
        tab.wait_for(f"{FOCUS} === 'list'")
        tab.press("Escape")
        tab.wait_for("document.querySelector('#detail').hidden")

    def test_the_focus_is_kept_whatever_changes(self):
        tab = self.open()
        self.await_listed(tab, self.all)
        tab.run("document.querySelector('#list').focus()")
        tab.press("j", "j")
        active = "document.querySelector('#list').getAttribute('aria-activedescendant')"
        row = tab.run(active)
        self.assertEqual(tab.run(f"document.getElementById({active}).ariaSelected"), "true")
        for i in range(10):
            self.start(f"n{i}")
        self.complete("r3")
        tab.wait(lambda: len(self.listed(tab)) == 15, "all are listed")
        self.assertEqual(tab.run(FOCUS), "list")
        self.assertEqual(tab.run(active), row)
        self.assertEqual(self.cursor(tab), "r3")
        self.assertEqual(self.listed(tab)[1], "r3")
        tab.press("r")
        self.start("more")
        tab.wait(lambda: len(self.listed(tab)) == 16, "all are listed again")
        self.assertEqual((tab.run(FOCUS), self.cursor(tab)), ("list", "r3"))

    def test_letters_can_be_turned_off(self):
        tab = self.open()
        self.await_listed(tab, self.all)
        tab.press("?")
        tab.click("#sheet input")
        tab.press("Escape", "e")
        tab.run("document.querySelector('#list').focus()")
        tab.press("ArrowDown")
        self.await_cursor(tab, "r4")
        self.assertEqual(tab.run("location.hash"), "")

    def test_everything_is_reached_by_tab(self):
        tab = self.open()
        self.await_listed(tab, self.all)
        seen = []
        tab.run("document.activeElement.blur()")
        for _ in range(20):
            tab.press("Tab")
            seen.append(tab.run("document.activeElement.id || document.activeElement.dataset.state"))
        for name in ("needs", "completed", "pause", "theme", "help", "filter", "order", "reverse",
                     "list"):
            self.assertIn(name, seen)


if __name__ == "__main__":
    paging.main()
