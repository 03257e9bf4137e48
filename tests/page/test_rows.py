# SPDX-License-Identifier: Apache-2.0
"""The list in a browser: what is published is seen at once, in order, and nothing jumps."""
import json

import paging


class Live(paging.PageTest):
    def test_an_execution_is_seen_as_it_starts_waits_and_ends(self):
        self.serve()
        tab = self.open()
        self.await_text(tab, "#empty", "aep run --agent demo")
        self.start("Build the site")
        self.await_listed(tab, ["Build the site"])
        self.await_listed(tab, ["running"], "c-state .word")
        self.progress("Build the site", "--current-step", "pages", "--progress-percent", "40")
        self.await_listed(tab, ["40% pages"], "c-step")
        self.wait_for_person("Build the site")
        self.await_listed(tab, ["waiting · human"], "c-state .word")
        tab.wait_for("document.title === '(1) Executions – aep'")
        tab.wait_for("document.querySelector('link[rel=icon]').href.endsWith('/icon-1.svg')")
        self.complete("Build the site", "--result-summary", "built")
        self.await_listed(tab, ["completed"], "c-state .word")
        self.await_listed(tab, ["built"], "c-step")
        self.await_text(tab, "#counts [data-state=completed]", "1")
        tab.wait_for("document.title === 'Executions – aep'")

    def test_what_wants_attention_comes_first(self):
        for name in ("done", "runs", "broken", "asks"):
            self.start(name)
        self.complete("done")
        self.break_down("broken")
        self.wait_for_person("asks", "permission")
        self.serve()
        tab = self.open()
        self.await_listed(tab, ["asks", "broken", "runs", "done"])
        self.assertEqual(self.listed(tab, "c-state .word"),
                         ["waiting · permission", "failed", "running", "completed"])
        self.assertEqual(self.listed(tab, "c-step")[1], "it broke")

    def test_the_row_under_the_cursor_stays_where_it_is(self):
        for i in range(4):
            self.start(f"r{i}")
        self.serve()
        tab = self.open()
        self.await_listed(tab, ["r3", "r2", "r1", "r0"])
        tab.press("j", "j", "j")
        self.await_cursor(tab, "r1")
        self.wait_for_person("r0")
        self.start("r4")
        self.await_listed(tab, ["r0", "r4", "r1", "r3", "r2"])
        self.wait_for_person("r1")  # would be the second, behind r0
        self.await_listed(tab, ["r0", "r4", "r1", "r3", "r2"])
        tab.wait(lambda: self.listed(tab, "c-state .word")[2] == "waiting · human", "r1 waits")
        self.assertEqual(self.listed(tab), ["r0", "r4", "r1", "r3", "r2"])
        tab.press("f")
        self.await_listed(tab, ["r0", "r1", "r4", "r3", "r2"])
        self.assertIsNone(self.cursor(tab))

    def test_the_row_under_the_pointer_stays_where_it_is(self):
        for i in range(3):
            self.start(f"r{i}")
        self.serve()
        tab = self.open()
        self.await_listed(tab, ["r2", "r1", "r0"])
        x, y = tab.run("(() => { const box = document.querySelector('#list tbody tr:nth-child(2)')"
                       ".getBoundingClientRect(); return [box.x + 300, box.y + 5]; })()")
        tab.mouse("mouseMoved", x, y)
        self.start("r3")
        self.await_listed(tab, ["r3", "r1", "r2", "r0"])

    def test_while_it_is_paused_nothing_changes(self):
        self.start("before")
        self.serve()
        tab = self.open()
        self.await_listed(tab, ["before"])
        self.await_live(tab)
        tab.hold("*/api/v1/executions?*")
        tab.press("r")  # what is being read then is not shown, either
        tab.wait(lambda: tab.held, "it reads")
        tab.press(" ")
        self.await_text(tab, "#live", "Paused")
        self.start("meanwhile")
        self.await_rows(2)
        tab.release()
        self.complete("before")
        self.await_text(tab, "#counts [data-state=completed]", "1")
        self.assertEqual(self.listed(tab), ["before"])
        self.assertEqual(self.listed(tab, "c-state .word"), ["running"])
        tab.click("#pause")
        self.await_listed(tab, ["meanwhile", "before"])
        self.await_listed(tab, ["running", "completed"], "c-state .word")

    def test_orders(self):
        for name in ("r0", "r1", "r2"):
            self.start(name)
        self.progress("r0")
        self.serve()
        tab = self.open("sort=last_event")
        self.await_listed(tab, ["r0", "r2", "r1"])
        tab.press("S")
        self.await_listed(tab, ["r1", "r2", "r0"])
        self.assertIn("reverse=true", tab.run("location.hash"))
        tab.press("S", "s")
        tab.wait_for("document.querySelector('#order').value === 'attention'")
        self.await_listed(tab, ["r2", "r1", "r0"])


class Many(paging.PageTest):
    def test_of_many_only_those_in_view_are_there(self):
        self.publish_lines([{"kind": "started", "agent_name": "a", "user_request": f"r{i}",
                             "correlation_id": f"c{i}"} for i in range(3000)])
        self.serve()
        self.wait_until(lambda: self.get("counts").json()["states"]["running"] == 3000)
        tab = self.open()
        tab.wait_for("document.querySelectorAll('#list tbody tr').length > 10")
        tab.wait_for("document.querySelector('#list').ariaRowCount > 100")
        self.assertEqual(self.listed(tab)[0], "r2999")
        tab.press(" ")
        tab.run("location.hash = 'q=r1234'")  # what is asked for is shown during a pause, too
        self.await_listed(tab, ["r1234"])
        tab.press(" ")
        tab.run("location.hash = ''")
        tab.wait(lambda: self.listed(tab)[0] == "r2999", "all are listed")
        tab.run("document.querySelector('#list').focus()")
        tab.wait(lambda: tab.press("G") or "r0" in self.listed(tab), "the last one is shown")
        self.assertEqual(tab.run("document.querySelector('#list').ariaRowCount"), "3001")
        self.assertLessEqual(tab.run("document.querySelectorAll('#list tr').length"), 200)
        self.await_cursor(tab, "r0")
        tab.press("g")
        self.await_cursor(tab, "r2999")

    def test_in_a_tab_that_stays_open_what_is_kept_is_bounded(self):
        """Hours of changes, from a stream of the test's own."""
        self.start("first")
        self.serve()
        row = self.await_rows(1)[0]
        tab = self.open(script="""
            const real = window.fetch;
            let out;
            const frame = (id, event, data) => `id: ${id}\\nevent: ${event}\\ndata: ${JSON.stringify(data)}\\n\\n`;
            const encoder = new TextEncoder();
            window.tell = (text) => out.enqueue(encoder.encode(text));
            window.fetch = async (url, options) => {
              if (!url.endsWith("/stream")) return real(url, options);
              return new Response(new ReadableStream({ start(controller) {
                out = controller;
                tell(frame(1, "hello", { as_of: null, lag_ms: null }));
              } }));
            };
            let number = 1;
            window.tellRows = (row, count) => {
              let text = "";
              for (let i = 0; i < count; i++, number++)
                text += frame(number, "execution", { ...row, id: "told " + number,
                  user_request: "r" + number, started_at: new Date(Date.now() + number).toISOString() });
              tell(text);
            };""".replace("\\\\", "\\"))
        self.await_live(tab)
        self.await_listed(tab, ["first"])
        tab.press(" ")
        for _ in range(30):
            tab.run(f"tellRows({json.dumps(row)}, 2000)")
        tab.press(" ")
        self.await_live(tab)
        # 60,000 have been told: the list is read again, and what the server does not have is gone
        self.await_listed(tab, ["first"])
        self.assertLess(tab.run("document.querySelectorAll('tr').length"), 200)
        tab.press("j")
        for _ in range(9):
            tab.run(f"tellRows({json.dumps(row)}, 2000)")
        tab.wait(lambda: tab.run("document.querySelector('#list').ariaRowCount") == "18002", "18,000")
        self.await_cursor(tab, "first")
        self.assertLess(tab.run("document.querySelectorAll('tr').length"), 200)

    def test_further_down_what_is_seen_stays(self):
        self.publish_lines([{"kind": "started", "agent_name": "a", "user_request": f"r{i}",
                             "correlation_id": f"c{i}"} for i in range(300)])
        self.serve()
        self.await_rows(300, "limit=500")
        tab = self.open()
        tab.wait_for("document.querySelector('#list').ariaRowCount >= 101")
        tab.run("document.querySelector('#scroller').scrollTop = 3000")
        tab.wait_for("document.querySelector('#list').ariaRowCount === '301'")
        tab.run("document.querySelector('#scroller').scrollTop = 1000")
        top = ("document.elementFromPoint(400, document.querySelector('#scroller')"
               ".getBoundingClientRect().top + 60).closest('tr')?.line?.row.user_request")
        tab.wait_for(f"![undefined, 'r299'].includes({top})")
        seen = tab.run(top)
        self.start("new")
        tab.wait_for("document.querySelector('#list').ariaRowCount === '302'")
        self.assertEqual(tab.run(top), seen)


class Tree(paging.PageTest):
    def setUp(self):
        super().setUp()
        self.start("parent", agent="lead")
        self.id = self.events("started")[0]["event_id"]
        for name in ("one", "two"):
            self.start_child(name, self.id)

    def start_child(self, name, parent):
        self.publish("started", "--request", name, "--causation-id", parent, agent="kid",
                     correlation=name)

    def test_children_are_folded(self):
        self.serve()
        tab = self.open()
        self.await_listed(tab, ["parent"])
        self.assertEqual(self.listed(tab, "c-kids"), ["2/2"])
        row = "document.querySelector('#list tbody tr')"
        self.assertEqual(tab.run(f"{row}.ariaExpanded"), "false")
        tab.press("j", "+")
        self.await_listed(tab, ["parent", "two", "one"])
        self.assertEqual(tab.run(f"{row}.ariaExpanded"), "true")
        self.assertEqual(tab.run("[...document.querySelectorAll('#list tbody tr')]"
                                 ".map(tr => [tr.ariaLevel, tr.ariaPosInSet, tr.ariaSetSize])"),
                         [["1", "1", "1"], ["2", "1", "2"], ["2", "2", "2"]])
        self.start_child("three", self.id)
        self.await_listed(tab, ["parent", "three", "two", "one"])
        self.await_listed(tab, ["3/3", "", "", ""], "c-kids")
        tab.press("j", "ArrowLeft")
        self.await_cursor(tab, "parent")
        tab.press("ArrowLeft")
        self.await_listed(tab, ["parent"])
        tab.press("*")
        self.await_listed(tab, ["parent", "three", "two", "one"])
        tab.click("#list tbody tr .twisty")
        self.await_listed(tab, ["parent"])

    def test_one_that_waits_raises_what_hides_it(self):
        self.start("later")
        self.serve()
        tab = self.open()
        self.await_listed(tab, ["later", "parent"])
        self.wait_for_person("one", agent="kid")
        self.await_listed(tab, ["parent", "later"])
        self.assertIn("is waiting", tab.run("document.querySelector('.wanted').title"))
        tab.reload()
        self.await_listed(tab, ["parent", "later"])
        self.complete("one", agent="kid")
        self.await_listed(tab, ["later", "parent"])

    def test_a_grandchild_that_waits_raises_what_hides_it(self):
        one = next(event for event in self.events("started")
                   if event["payload"]["user_request"] == "one")
        self.start_child("deep", one["event_id"])
        self.wait_for_person("deep", agent="kid")
        self.start("later")
        self.serve()
        tab = self.open()
        self.await_listed(tab, ["parent", "later"])
        tab.wait_for("document.querySelector('.wanted').title.includes('is waiting')")
        names = [node["name"]["value"] for node in tab.call("Accessibility.getFullAXTree")["nodes"]
                 if node.get("role", {}).get("value") == "row" and "name" in node]
        self.assertTrue(any("below it, is waiting" in name for name in names), names)

    def test_of_very_many_children_the_rest_is_a_link(self):
        self.publish_lines([{"kind": "started", "agent_name": "kid", "user_request": f"k{i}",
                             "correlation_id": f"k{i}", "causation_id": self.id}
                            for i in range(5600)])
        self.serve()
        self.wait_until(lambda: (self.rows("roots=true") or [{}])[0].get("children") == 5602)
        tab = self.open()
        self.await_listed(tab, ["parent"])
        tab.press("j", "+")
        count = "document.querySelector('#list').ariaRowCount"
        tab.wait(lambda: tab.run(count) == "5003", lambda: f"not {tab.run(count)} lines")
        tab.press("G")
        self.await_text(tab, "#list tr.more", "602 more")
        tab.press("Enter")
        self.await_text(tab, "#list tbody tr:first-child .c-request", "k5599")
        self.assertIn("parent%3A", tab.run("location.hash"))

    def test_the_next_match_is_not_what_is_unfolded_above_it(self):
        self.start("older")
        self.serve()
        tab = self.open()
        self.await_listed(tab, ["older", "parent"])
        tab.press("G", "+")
        self.await_listed(tab, ["older", "parent", "two", "one"])
        tab.press("g", "n")
        self.await_cursor(tab, "parent")
        tab.press("n")
        self.await_cursor(tab, "parent")
        tab.press("j")
        self.await_cursor(tab, "two")
        tab.press("N")
        self.await_cursor(tab, "parent")

    def test_a_filter_finds_children(self):
        self.serve()
        tab = self.open("q=agent:kid")
        self.await_listed(tab, ["two", "one"])
        tab.run("location.hash = ''")
        self.await_listed(tab, ["parent"])


class Silence(paging.PageTest):
    def test_one_that_stalls_is_seen_without_an_event(self):
        self.start("quiet")
        self.progress("quiet", "--metadata", json.dumps({"expect_within_s": 2}))
        self.serve()
        tab = self.open()
        self.await_listed(tab, ["stalled"], "c-state .word")
        self.assertIn("silence", tab.run("document.querySelector('#list .state').title"))
        self.assertRegex(self.listed(tab, "c-step")[0], "^silence .* limit 2 s$")


if __name__ == "__main__":
    paging.main()
