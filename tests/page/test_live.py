# SPDX-License-Identifier: Apache-2.0
"""One stream for all tabs; what happens when it is cut, the machine sleeps, a clock is wrong."""
import re

import paging


class Stream(paging.PageTest):
    def test_seven_tabs_have_one(self):
        self.serve()
        tabs = [self.open()]
        self.await_live(tabs[0])
        tabs += [self.open() for _ in range(6)]
        for tab in tabs:
            self.await_live(tab)
            self.await_text(tab, "#empty", "No executions yet")
        self.start("seen")
        for tab in tabs:
            self.await_listed(tab, ["seen"])
        self.assertEqual(sum(len(self.streams(tab)) for tab in tabs), 1)
        tabs[0].close()
        self.start("seen, too")
        for tab in tabs[1:]:
            self.await_listed(tab, ["seen, too", "seen"])
        later = [headers for tab in tabs[1:] for headers in self.streams(tab)]
        self.assertEqual(len(later), 1)
        self.assertRegex(later[0]["last-event-id"], r"^\d+$")

    def test_a_later_tab_has_the_counts(self):
        self.start("asks")
        self.wait_for_person("asks")
        self.serve()
        self.await_live(self.open())
        tab = self.open()
        self.await_text(tab, "#counts [data-state=waiting]", "1")
        tab.wait_for("document.title === '(1) Executions – aep'")

    def test_a_tab_that_is_frozen_is_relieved(self):
        self.serve()
        leader = self.open(script="const post = BroadcastChannel.prototype.postMessage;"
                                  "BroadcastChannel.prototype.postMessage = function (message) {"
                                  "if (!window.frozen) post.call(this, message); };")
        self.await_live(leader)
        tab = self.open(script="let passed = 0; const now = Date.now; Date.now = () => now() + passed;"
                               "window.pass = (ms) => { passed += ms; };"
                               "const every = setInterval;"
                               "window.setInterval = (run, ms) => every(run, ms / 50);")
        self.await_live(tab)
        leader.run("window.frozen = true")
        self.start("seen")
        # time passes in steps that are too small to be a sleep
        tab.wait(lambda: tab.run("pass(500)") or self.streams(tab), "a stream of its own")
        self.await_listed(tab, ["seen"])
        leader.run("window.frozen = false")
        self.start("seen, too")
        for one in (tab, leader):
            self.await_listed(one, ["seen, too", "seen"])
            self.assertEqual(len(self.streams(one)), 1)

    def test_what_comes_before_it_begins_is_not_missed(self):
        self.start("one")
        self.serve()
        self.await_rows(1)
        tab = self.open(f"id={self.id_of('one')}&view=events", hold="*/api/v1/stream", width=1400)
        self.await_listed(tab, ["one"])
        kinds = "[...document.querySelectorAll('.events tbody .c-kind')].map(td => td.textContent)"
        tab.wait(lambda: tab.run(kinds) == ["started"], "the first event")
        self.progress("one")
        self.start("two")
        self.await_rows(2)
        self.wait_until(lambda: self.rows()[1]["events"] == 2)
        tab.release()
        tab.wait(lambda: sorted(self.listed(tab)) == ["one", "two"], "both are listed")
        tab.wait(lambda: tab.run(kinds) == ["started", "progress"], lambda: tab.run(kinds))

    def test_a_cut_is_told_and_what_was_missed_is_shown(self):
        self.serve()
        tab = self.open()
        self.expect_problems(tab, "net::ERR_")
        self.await_live(tab)
        self.start("before")
        self.await_listed(tab, ["before"])
        self.server.kill()
        self.server.wait()
        self.await_text(tab, "#live", "Connection lost")
        self.await_text(tab, "#banner", "The connection is lost. This is as of ")
        banner = self.text(tab, "#banner")
        self.assertRegex(banner, r", \d+s ago; trying again")
        age = self.listed(tab, "c-last")
        tab.wait(lambda: self.text(tab, "#banner") != banner, "it has aged")
        self.assertEqual(self.listed(tab, "c-last"), age)  # nobody gets older unseen
        self.start("meanwhile")
        self.serve(listen="%s:%d" % self.address)
        self.await_live(tab)
        self.await_listed(tab, ["meanwhile", "before"])
        tab.wait_for("document.querySelector('#banner').hidden")
        self.assertRegex(self.streams(tab)[-1]["last-event-id"], r"^\d+$")
        self.start("after")
        self.await_listed(tab, ["after", "meanwhile", "before"])

    def test_a_filter_that_was_set_meanwhile_is_read_afterwards(self):
        self.start("one")
        self.start("other")
        self.serve()
        tab = self.open()
        self.expect_problems(tab, "net::ERR_")
        self.await_listed(tab, ["other", "one"])
        self.server.kill()
        self.server.wait()
        self.await_text(tab, "#live", "Connection lost")
        tab.run("location.hash = 'q=one'")
        tab.wait_for("document.querySelector('#filter').value === 'one'")
        self.serve(listen="%s:%d" % self.address)
        self.await_listed(tab, ["one"])
        self.start("one more")
        self.await_listed(tab, ["one more", "one"])

    def test_after_sleep_it_goes_on_where_it_was(self):
        self.start("before")
        self.serve()
        tab = self.open(script="let slept = 0; const now = Date.now; Date.now = () => now() + slept;"
                               "addEventListener('slept', () => { slept += 3600000; });")
        self.await_live(tab)
        self.await_listed(tab, ["before"])
        tab.call("Page.setWebLifecycleState", state="frozen")
        self.start("meanwhile")
        self.await_rows(2)
        tab.call("Page.setWebLifecycleState", state="active")

        def sleeps_until_another():
            tab.run("dispatchEvent(new Event('slept'))")  # again: what it hears after a jump hides the jump
            return len(self.streams(tab)) == 2
        tab.wait(sleeps_until_another, "another stream")
        self.assertRegex(self.streams(tab)[1]["last-event-id"], r"^\d+$")
        self.await_live(tab)
        self.await_listed(tab, ["meanwhile", "before"])
        self.start("after")
        self.await_listed(tab, ["after", "meanwhile", "before"])

    def test_more_than_can_be_told_is_read_again(self):
        self.serve()
        tab = self.open()
        self.await_live(tab)
        self.publish_lines([{"kind": "started", "agent_name": "a", "user_request": f"r{i}",
                             "correlation_id": f"c{i}"} for i in range(5000)])
        self.await_text(tab, "#counts [data-state=running]", "5,000")
        tab.wait(lambda: self.listed(tab)[:2] == ["r4999", "r4998"],
                 lambda: self.listed(tab)[:5])
        count = "document.querySelector('#list').ariaRowCount"
        tab.wait(lambda: tab.press("G") or tab.run(count) == "5001",
                 lambda: f"all are listed, not {tab.run(count)}")


def is_young(age):
    return re.fullmatch(r"[1-9]\d*s|[1-4]min", age)


class Clock(paging.PageTest):
    def test_one_that_is_wrong_changes_no_age(self):
        self.start("now")
        self.serve()
        for hours in (-30, 5):
            tab = self.open(script=f"const now = Date.now; Date.now = () => now() + {hours} * 36e5;")
            self.await_live(tab)
            self.await_listed(tab, ["now"])
            tab.wait(lambda tab=tab: is_young(self.listed(tab, "c-last")[0]),
                     lambda tab=tab: f"it is young, not {self.listed(tab, 'c-last')}")
        tabs = self.tabs
        self.wait_until(lambda: len({self.listed(tab, "c-last")[0] for tab in tabs}) == 1,
                        "both say the same")


class Access(paging.PageTest):
    def test_without_the_token_it_says_what_to_do(self):
        self.serve()
        self.token = "x" * 43
        tab = self.open()
        self.await_text(tab, "#banner", "open the address that aep serve prints")
        self.expect_problems(tab, "status of 401")

    def test_the_token_leaves_the_address_and_a_bookmark_is_enough(self):
        self.start("kept")
        self.serve()
        tab = self.open("q=kept")
        self.await_listed(tab, ["kept"])
        self.assertEqual(tab.run("location.hash"), "#q=kept")
        self.assertEqual(tab.run("document.cookie"), "")
        self.await_listed(self.open(), ["kept"])


class Notice(paging.PageTest):
    def test_who_asked_for_it_is_notified(self):
        self.start("asks")
        self.start("asked before")
        self.wait_for_person("asked before")
        self.serve()
        tab = self.open(script="""
            window.notices = [];
            window.Notification = class {
              static permission = "default";
              static requestPermission() { this.permission = "granted"; return this.permission; }
              constructor(title, { body }) { window.notices.push([title, body]); }
              close() {}
            };""")
        self.await_live(tab)
        self.await_listed(tab, ["asked before", "asks"])
        tab.click("#notify")
        tab.wait_for("document.querySelector('#notify').ariaPressed === 'true'")
        self.wait_for_person("asks", "permission")
        tab.wait_for("window.notices.length")
        self.assertEqual(tab.run("window.notices"), [["a asks for permission", "asks"]])
        tab.wait_for("document.title.startsWith('(2)')")

    def test_a_wait_that_an_older_answer_does_not_know_is_told_once(self):
        self.start("asks")
        self.serve()
        tab = self.open(script="""
            window.notices = [];
            window.Notification = class {
              static permission = "granted";
              constructor(title) { window.notices.push(title); }
              close() {}
            };
            localStorage.setItem("aep-notify", "on");""")
        self.await_live(tab)
        self.await_listed(tab, ["asks"])
        tab.hold("*/api/v1/executions?*", "Response")
        tab.run("void (location.hash = 'q=agent:a')")
        tab.wait(lambda: tab.held, "an answer is held")
        self.wait_for_person("asks", "permission")
        tab.wait_for("window.notices.length")
        tab.release()
        self.progress("asks", "--metadata", '{"status": "waiting", "waiting_for": "permission"}',
                      "--current-step", "later")
        tab.wait(lambda: self.listed(tab, "c-step") == ["later"], "the last step is listed")
        self.assertEqual(tab.run("window.notices.length"), 1)


class Late(paging.PageTest):
    """An answer that is older than what was told since."""

    def test_of_the_detail_that_opens(self):
        self.start("goes on")
        self.serve()
        tab = self.open()
        self.await_live(tab)
        self.await_listed(tab, ["goes on"])
        self.check_step(tab, lambda: tab.click("#list tbody tr"))

    def test_of_the_detail_that_is_read_again(self):
        self.start("goes on")
        self.serve()
        tab = self.open(f"id={self.id_of('goes on')}", width=1400)
        self.expect_problems(tab, "net::ERR_")
        self.await_live(tab)
        self.await_text(tab, "#detail .actions", "running")
        self.check_step(tab, self.serve_again)

    def serve_again(self):
        self.server.kill()
        self.server.wait()
        self.serve(listen="%s:%d" % self.address)

    def check_step(self, tab, read):
        tab.hold(f"*/api/v1/executions/{self.id_of('goes on')}", "Response")
        read()
        tab.wait(lambda: tab.held, "an answer is held")
        self.progress("goes on", "--current-step", "next")
        self.await_listed(tab, ["next"], "c-step")
        tab.release()
        self.await_text(tab, "#detail .by", "a")
        self.start("after")  # by when this is told, the answer has been taken
        tab.wait(lambda: "after" in self.listed(tab), "the other one is listed")
        self.await_text(tab, "#detail .by", "next")


if __name__ == "__main__":
    paging.main()
