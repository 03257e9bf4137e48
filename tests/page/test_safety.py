# SPDX-License-Identifier: Apache-2.0
"""Whatever events say is only ever text; nothing comes from elsewhere, and not much at all."""
import json
import os
import re
import urllib.parse

import paging

ATTACK = ("<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script>'\"><svg "
          "onload=window.pwned=1>{{7*7}}${window.pwned=1}&lt;b&gt;\u202e\u0007 {n}")
BYTES_MAX = 60 * 1000


class Text(paging.PageTest):
    def attack(self, n):
        return ATTACK.replace("{n}", str(n))

    def publish_attack(self):
        a = self.attack
        common = {"agent_name": a("agent"), "correlation_id": "javascript:window.pwned=1"}
        events = [
            {"kind": "started", "user_request": a("request"), "session_id": a("session")[:100],
             "context": {a("key"): a("value")}},
            {"kind": "progress", "current_step": a("step"), "steps_completed": 1, "steps_total": 2,
             "metadata": {"tool": a("tool"), "phase": "start", a("key"): a("value")}},
            {"kind": "progress", "current_step": a("other"), "metadata":
             {"status": "waiting", "waiting_for": a("what")}},
        ]
        end = {"kind": "failed", "error_message": a("message"), "error_type": a("type"),
               "error_code": a("code"), "stack_trace": a("trace"),
               "partial_results": {a("key"): a("value")}}
        env = {"AEP_TENANT_ID": a("tenant")[:100].replace("\u0007", ""), "AEP_SOURCE": "<b>src</b>"}
        for event in [*events, end]:
            self.run_aep("publish", "--stdin", stdin=json.dumps({**common, **event}) + "\n", env=env)

    def test_of_every_field_it_is_only_text(self):
        self.publish_attack()
        self.start("ends well")
        self.complete("ends well", "--result-summary", self.attack("summary"), "--metrics",
                      json.dumps({self.attack("metric"): self.attack("measure")}))
        self.serve()
        rows = self.await_rows(2)
        tab = self.open()
        tab.wait(lambda: len(self.listed(tab)) == 2, "both are listed")
        self.assertTrue(any("<script>window.pwned=1</script>" in text for text in self.listed(tab)))
        for row in rows:
            for view in ("timeline", "events", "facts", "json"):
                tab.run(f"location.hash = 'id={urllib.parse.quote(row['id'])}&view={view}'")
                tab.wait_for(f"document.querySelector('#panel-{view}')?.hidden === false"
                             f"&& document.querySelector('#panel-{view}').textContent.length > 20")
                tab.wait_for(f"document.querySelector('#detail').textContent.includes('window.pwned')")
        tab.run("location.hash = ''")
        tab.press("/")
        tab.type("agent:")
        self.await_text(tab, "#words", "window.pwned")
        self.assertIsNone(tab.run("window.pwned ?? null"))
        self.assertEqual(tab.run("document.querySelectorAll('img, iframe, body script').length"), 0)
        self.assertEqual(tab.run("document.querySelectorAll('a[href^=javascript]').length"), 0)

    def test_a_text_turns_nothing_round_in_the_title(self):
        self.publish_lines([{"kind": "started", "agent_name": "a", "user_request": "one\u202e\u0007two",
                             "correlation_id": "c"}])
        self.serve()
        tab = self.open(f"id={self.await_rows(1)[0]['id']}")
        tab.wait_for("document.title === 'one two – aep'")

    def test_a_hostile_address_does_nothing(self):
        self.start("kept")
        self.serve()
        tab = self.open("q=kept")
        self.await_listed(tab, ["kept"])
        attack = urllib.parse.quote(self.attack("address"))
        for name in ("q", "sort", "reverse", "needs", "id", "view"):
            tab.run(f"location.hash = '{name}={attack}'")
            tab.wait_for(f"document.querySelector('main')")
        self.browser.pump(0.5)
        self.assertIsNone(tab.run("window.pwned ?? null"))
        self.expect_problems(tab, "status of 40[04]")

    def test_the_policy_lets_nothing_else_run(self):
        self.serve()
        tab = self.open()
        self.await_live(tab)
        for kind, attempt in (
                ("TrustedHTML", "document.body.insertAdjacentHTML('beforeend', '<img src=x>')"),
                ("TrustedScript", "document.createElement('script').text = 'window.pwned = 1'"),
                ("TrustedScript", "setTimeout('window.pwned = 1')")):
            with self.assertRaisesRegex(paging.browsers.Fault, kind):
                tab.run(attempt)
        tab.run("document.head.append(Object.assign(document.createElement('style'),"
                "{textContent: 'body { display: none }'}))")
        tab.wait(lambda: any("Content Security Policy" in line for line in tab.problems),
                 "the style is refused")
        self.assertIsNone(tab.run("window.pwned ?? null"))
        self.expect_problems(tab, "Content Security Policy|document requires 'Trusted")


class Access(paging.PageTest):
    def test_a_token_that_is_not_valid_any_more_is_told_and_another_one_is_enough(self):
        self.start("one")
        self.serve()
        tab = self.open()
        self.expect_problems(tab, "net::ERR_|status of 401")
        self.await_live(tab)
        self.server.kill()
        self.server.wait()
        for name in ("token", "session"):
            os.unlink(os.path.join(self.folder, "state", "aep", f"serve.{name}"))
        self.serve(listen="%s:%d" % self.address)
        self.await_text(tab, "#banner", "open the address that aep serve prints")
        self.await_listed(tab, ["one"])
        other = self.browser.new_tab(f"http://{self.host}/#token={self.token}")
        self.tabs.append(other)
        self.await_listed(other, ["one"])
        self.start("two")
        self.await_listed(tab, ["two", "one"])
        tab.wait_for("document.querySelector('#banner').hidden")
        self.await_live(tab)


class Size(paging.PageTest):
    def test_the_first_load_is_small(self):
        self.start("first")
        self.serve()
        tab = self.open()
        self.await_listed(tab, ["first"])
        urls = {url for url in tab.requests if "/api/" not in url and url.startswith("http")}
        self.assertGreater(len(urls), 20)
        paths = {urllib.parse.urlsplit(url).path for url in urls}
        sizes = {path: len(self.request(path, headers={"Accept-Encoding": "gzip"}, token=False).body)
                 for path in paths}
        self.assertLess(sum(sizes.values()), BYTES_MAX, sizes)

    def test_every_module_of_the_list_is_asked_for_at_once(self):
        """A module that the page does not name is found only once another one has been read; what shows
        one execution is, once the list is there."""
        self.serve()
        tab = self.open()
        self.await_live(tab)
        later = {"detail.js", "timeline.js", "lanes.js", "path.js", "events.js", "facts.js", "log.js"}
        asked = lambda: {url.rsplit("/", 1)[1] for url in tab.requests if url.endswith(".js")}
        tab.wait(lambda: later <= asked(), lambda: f"{later - asked()} are read, too")
        named = set(re.findall(r"/assets/\w+/([\w-]+\.js)", self.request("/").body.decode()))
        self.assertEqual(asked(), named | later)


if __name__ == "__main__":
    paging.main()
