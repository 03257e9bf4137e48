# SPDX-License-Identifier: Apache-2.0
"""The filter: words as in the terminal, in the address, and by keys and buttons."""
import paging


class Filter(paging.PageTest):
    def setUp(self):
        super().setUp()
        self.start("Deploy the site", agent="builder")
        self.start("Deploy the shop", agent="build-bot")
        self.start("Read the log", agent="reader")
        self.break_down("Read the log", agent="reader")
        self.wait_for_person("Deploy the shop", agent="build-bot")
        self.serve()
        self.all = ["Deploy the shop", "Read the log", "Deploy the site"]

    def hash(self, tab):
        return tab.run("decodeURIComponent(location.hash)")

    def test_words_are_in_the_address(self):
        tab = self.open()
        self.await_listed(tab, self.all)
        tab.press("/")
        tab.type("agent:build*")
        self.await_listed(tab, ["Deploy the shop", "Deploy the site"])
        tab.wait(lambda: self.hash(tab) == "#q=agent:build*", lambda: self.hash(tab))
        tab.type(" site")
        self.await_listed(tab, ["Deploy the site"])
        tab.press("Enter")
        self.start("Deploy the site again", agent="builder")
        self.start("Something else", agent="builder")
        self.await_listed(tab, ["Deploy the site again", "Deploy the site"])
        address = tab.run("location.href")
        other = self.browser.new_tab()
        self.tabs.append(other)
        other.go(address)
        self.await_listed(other, ["Deploy the site again", "Deploy the site"])
        self.assertEqual(other.run("document.querySelector('#filter').value"), "agent:build* site")
        tab.press("Escape")
        tab.wait(lambda: len(self.listed(tab)) == 5, "everything is listed")
        self.assertEqual(self.hash(tab), "")

    def test_what_no_longer_matches_goes(self):
        tab = self.open("q=state:waiting")
        self.await_listed(tab, ["Deploy the shop"])
        self.complete("Deploy the shop", agent="build-bot")
        self.await_text(tab, "#empty", "Nothing matches")
        tab.click("#empty button")
        tab.wait(lambda: len(self.listed(tab)) == 3, "everything is listed")

    def test_words_are_completed(self):
        tab = self.open()
        self.await_listed(tab, self.all)
        tab.press("/")
        tab.type("st")
        self.await_text(tab, "#words", "state:")
        tab.press("Tab")
        tab.wait_for("document.querySelector('#filter').value === 'state:'")
        self.await_text(tab, "#words", "state:abandoned")
        tab.type("w")
        tab.press("ArrowDown")
        tab.wait_for("document.querySelector('#filter').getAttribute('aria-activedescendant')")
        tab.press("Enter")
        tab.wait_for("document.querySelector('#filter').value === 'state:waiting '")
        self.await_listed(tab, ["Deploy the shop"])
        tab.type("agent:")
        self.await_text(tab, "#words", "agent:reader")
        tab.press("Escape", "Escape")
        tab.wait_for("document.activeElement.id === 'list'")

    def test_names_that_are_not_listed_are_completed(self):
        tab = self.open("q=state:waiting")
        self.await_listed(tab, ["Deploy the shop"])
        tab.press("/")
        tab.type(" agent:r")
        self.await_text(tab, "#words", "agent:reader")

    def test_a_wrong_word_is_refused(self):
        tab = self.open()
        self.await_listed(tab, self.all)
        tab.press("/")
        tab.type("stat:waiting ")
        self.await_text(tab, "#banner", "No filter is named stat")
        tab.run("location.hash = 'q=state:none'")
        self.await_text(tab, "#banner", "not of these: completed failed")
        self.expect_problems(tab, "status of 400")
        tab.run("location.hash = ''")
        tab.wait_for("document.querySelector('#banner').hidden")

    def test_names_that_every_object_has_are_only_words(self):
        tab = self.open()
        self.await_listed(tab, self.all)
        tab.press("/")
        for name in ("constructor", "__proto__", "toString"):
            tab.run("document.querySelector('#filter').select()")
            tab.type(f"{name}:x")
            self.await_text(tab, "#banner", f"No filter is named {name.lower()}")
        self.assertEqual(self.listed(tab), self.all)  # it stays as it was
        tab.press("Escape")
        tab.run("location.hash = 'sort=constructor'")
        self.await_listed(tab, self.all)
        tab.run(f"location.hash = 'view=constructor&id={self.id_of('Read the log')}'")
        self.await_text(tab, "#detail h2", "Read the log")
        tab.wait_for("document.querySelector('#panel-timeline').hidden === false")

    def test_states_by_buttons_and_keys(self):
        tab = self.open()
        self.await_listed(tab, self.all)
        tab.click("#counts [data-state=failed]")
        self.await_listed(tab, ["Read the log"])
        self.assertEqual(self.hash(tab), "#q=state:failed")
        tab.click("#counts [data-state=running]")
        self.await_listed(tab, ["Read the log", "Deploy the site"])
        pressed = ("[...document.querySelectorAll('#counts [aria-pressed=true]')]"
                   ".map(button => button.dataset.state)")
        self.assertEqual(tab.run(pressed), ["failed", "running"])
        tab.run("document.activeElement.blur()")
        tab.press("4")
        self.await_listed(tab, ["Deploy the shop"])
        tab.press("0")
        self.await_listed(tab, self.all)
        tab.press("e")
        self.await_listed(tab, ["Read the log"])
        tab.press("0", "w")
        self.await_listed(tab, ["Deploy the shop"])
        self.assertEqual(self.hash(tab), "#needs=me")
        self.progress("Deploy the shop", agent="build-bot")
        self.await_text(tab, "#empty", "Nothing matches")
        tab.press("w")
        tab.wait(lambda: len(self.listed(tab)) == 3, "everything is listed")

    def test_texts_with_blanks_and_colons(self):
        self.start("see http://host: now", agent="a b")
        tab = self.open('q=agent:"a b"')
        self.await_listed(tab, ["see http://host: now"])
        tab.run("location.hash = 'q=' + encodeURIComponent('text:http://host')")
        self.await_listed(tab, ["see http://host: now"])
        tab.run("location.hash = 'q=' + encodeURIComponent('\"host: now\"')")
        self.await_listed(tab, ["see http://host: now"])
        tab.run("location.hash = 'q=since:1d+until:1d'")
        self.await_text(tab, "#empty", "Nothing matches")


if __name__ == "__main__":
    paging.main()
