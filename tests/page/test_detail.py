# SPDX-License-Identifier: Apache-2.0
"""One execution in full: its timeline, its events, why it failed; and an address of its own."""
import json

import paging


class Detail(paging.PageTest):
    def test_a_failure(self):
        self.start("Plan the week", agent="planner")
        self.break_down("Plan the week", "--error-message", "no answer", "--error-type", "Timeout",
                  "--error-code", "E7", "--stack-trace", "Traceback\n  line 212\n", agent="planner")
        self.serve()
        self.await_rows(1)
        tab = self.open(f"id={self.id_of('Plan the week')}")
        self.await_text(tab, "#detail h2", "Plan the week")
        self.await_text(tab, ".failure .error", "no answer")
        self.await_text(tab, ".failure .kind", "Timeout · E7")
        self.await_text(tab, ".failure .trace", "line 212")
        tab.click("#tab-facts")
        self.await_text(tab, "#panel-facts", "planner")
        self.assertIn("view=facts", tab.run("location.hash"))
        tab.reload()
        self.await_text(tab, "#panel-facts", "planner")

    def test_a_result(self):
        self.start("Count")
        self.complete("Count", "--result-summary", "many", "--metrics", '{"tokens": 1234}')
        self.serve()
        self.await_rows(1)
        tab = self.open(f"id={self.id_of('Count')}&view=facts")
        self.await_text(tab, "#panel-facts", "1234")
        self.await_text(tab, ".result", "many")

    def test_one_that_is_not_there(self):
        self.serve()
        tab = self.open("id=01a7d3c0-0000-7000-8000-000000000000")
        self.await_text(tab, "#detail h2", "There is no such execution")
        self.expect_problems(tab, "status of 404")

    def test_events_come_and_are_shown_whole(self):
        self.start("Read")
        self.serve()
        self.await_rows(1)
        tab = self.open(f"id={self.id_of('Read')}&view=events")
        kinds = "[...document.querySelectorAll('.events tbody .c-kind')].map(td => td.textContent)"
        tab.wait(lambda: tab.run(kinds) == ["started"], "the first event")
        self.progress("Read", "--current-step", "chapter one", "--metadata", '{"note": "x<y"}')
        tab.wait(lambda: tab.run(kinds) == ["started", "progress"], "the second event")
        tab.click(".events tbody tr:nth-child(2)")
        self.await_text(tab, ".whole", '"note": "x<y"')
        self.await_text(tab, ".whole", '"delivery": "spooled"')
        tab.press("Escape")
        tab.wait_for("document.querySelector('.whole').hidden")
        self.complete("Read")
        tab.wait(lambda: tab.run(kinds) == ["started", "progress", "completed"], "the last event")
        self.await_text(tab, "#detail .state", "completed")

    def test_another_delivery_is_shown_where_the_event_is(self):
        for i in range(60):
            self.progress("Read", "--current-step", f"s{i}") if i else self.start("Read")
        self.serve()
        self.await_rows(1)
        tab = self.open(f"id={self.id_of('Read')}&view=events", script="""
            const real = window.fetch;
            window.fate = "spooled";
            window.fetch = async (...all) => {
              const answer = await real(...all);
              const text = answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(
                new TransformStream({ transform: (text, out) =>
                  out.enqueue(text.replaceAll('"delivery":"spooled"', `"delivery":"${fate}"`)) }));
              return new Response(text.pipeThrough(new TextEncoderStream()),
                                  { status: answer.status, headers: answer.headers });
            };""")
        rows = "document.querySelectorAll('.events tbody tr').length"
        tab.wait(lambda: tab.run(rows) > 10, "events are listed")
        tab.run("document.querySelector('#panel-events .scroller').scrollTop = 400")
        tab.run("window.fate = 'acked'")
        self.progress("Read", "--current-step", "last")
        fates = "[...document.querySelectorAll('.events td.c-delivery')].map(td => td.textContent)"
        tab.wait(lambda: set(tab.run(fates)) == {"acked"}, lambda: tab.run(fates))
        self.assertEqual(tab.run("document.querySelector('#panel-events .scroller').scrollTop"), 400)

    def test_what_does_not_change_stays_and_the_title_is_its(self):
        self.start("Read")
        self.serve()
        self.await_rows(1)
        tab = self.open(f"id={self.id_of('Read')}&view=facts")
        tab.wait_for("document.title === 'Read – aep'")
        self.break_down("Read", "--stack-trace", "at line 1", "--partial-results",
                        '{"__proto__": 1}')
        self.await_text(tab, ".trace", "line 1")
        tab.run("window.trace = document.querySelector('.trace')")
        self.await_text(tab, "#panel-facts", "__proto__")
        self.await_text(tab, "#detail .since", " ago")
        tab.press("r")
        self.progress("Read")
        self.await_text(tab, "#panel-facts", "events3")
        self.assertTrue(tab.run("window.trace === document.querySelector('.trace')"))

    def test_a_timeline(self):
        self.start("lead", agent="lead")
        parent = self.events("started")[0]["event_id"]
        self.publish("started", "--request", "help", "--causation-id", parent, agent="helper",
                     correlation="help")
        for step in ("read", "write"):
            self.progress("lead", "--current-step", step, agent="lead")
        self.progress("lead", "--metadata", '{"tool": "grep", "phase": "start"}', agent="lead")
        self.progress("lead", "--metadata", '{"tool": "grep", "phase": "end"}', agent="lead")
        self.wait_for_person("lead", agent="lead")
        self.serve()
        self.await_rows(2)
        tab = self.open(f"id={self.id_of('lead')}")
        names = ("[...document.querySelectorAll('.lanes tbody tr')].map("
                 "tr => (tr.querySelector('.agent') ?? tr.querySelector('.part')).textContent)")
        tab.wait(lambda: tab.run(names) == ["lead", "steps", "grep", "events", "helper"],
                 lambda: f"lanes, not {tab.run(names)}")
        bars = ("[...new Set([...document.querySelectorAll('.lanes tbody rect')]"
                ".map(rect => rect.className.baseVal))].sort()")
        tab.wait(lambda: tab.run(bars) == ["bar-path", "bar-running", "bar-step", "bar-tool",
                                           "bar-wait", "bar-waiting"], lambda: tab.run(bars))
        self.complete("help", agent="helper")
        self.await_text(tab, ".lanes tbody tr:last-child .state", "completed")
        tab.click(".lanes tbody tr:last-child")
        self.await_text(tab, "#detail h2", "help")
        tab.run("history.back()")
        self.await_text(tab, "#detail h2", "lead")
        tab.run("document.querySelector('.lanes').focus()")
        tab.press("-")
        tab.wait(lambda: tab.run(names) == ["lead", "steps", "grep", "events"], "it is folded")

    def test_a_silence_is_hatched(self):
        self.start("quiet")
        self.progress("quiet", "--metadata", json.dumps({"expect_within_s": 1}))
        self.serve()
        self.await_rows(1, "state=stalled")
        tab = self.open(f"id={self.id_of('quiet')}")
        hatched = "document.querySelectorAll('.lanes tbody .bar-silence').length"
        tab.wait_for(f"{hatched} === 1")
        self.await_text(tab, ".legend", "longer than expected, now 1 s")
        self.complete("quiet")
        self.await_text(tab, ".lanes .state", "completed")
        self.await_text(tab, "#detail .state", "completed")
        tab.click("#tab-events")
        tab.wait_for("document.querySelectorAll('.events tbody tr').length === 3")
        tab.click("#tab-timeline")
        tab.wait_for(f"{hatched} === 1")  # it was silent, although it is over

    def test_a_long_request_is_whole(self):
        self.publish("started", "--request", "x" * 5000 + " end")
        self.serve()
        row = self.await_rows(1)[0]
        tab = self.open(f"id={row['id']}")
        self.await_text(tab, "#detail h2", "xxx")
        self.assertLess(len(self.text(tab, "#detail h2")), 700)
        tab.click(".head > button")
        self.await_text(tab, "#detail h2", " end")


class Long(paging.PageTest):
    def test_a_hundred_thousand_events_open_at_once(self):
        self.start("long", agent="l")
        for part in range(10):
            self.publish_lines([{"kind": "progress", "agent_name": "l", "correlation_id": "long",
                                 "steps_completed": part * 10000 + i} for i in range(10000)])
        self.serve()
        self.wait_until(lambda: (self.rows() or [{"events": 0}])[0]["events"] == 100001)
        tab = self.open(f"id={self.id_of('long')}&view=events")
        tab.wait_for("document.querySelectorAll('.events tbody tr').length > 10")
        self.await_text(tab, ".progress", "of 100,001 read")
        tab.wait_for("document.querySelector('.progress').hidden")
        tab.run("document.querySelector('.events').focus()")
        tab.press("G")
        self.await_text(tab, ".events tr.cursor .c-number", "100001")
        self.assertLessEqual(tab.run("document.querySelectorAll('tr').length"), 200)
        self.progress("long", "--current-step", "the last", agent="l")
        tab.press("f")
        self.await_text(tab, ".events tr.cursor .c-text", "the last")
        tab.click("#tab-timeline")
        tab.wait_for("document.querySelector('.lanes .tick')")
        self.assertLess(tab.run("document.querySelectorAll('.lanes *').length"), 5000)


if __name__ == "__main__":
    paging.main()
