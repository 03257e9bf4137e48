# SPDX-License-Identifier: Apache-2.0
"""The API: what is listed and shown, what is refused, what is compressed and cached."""
import gzip
import json
import re
import unittest

import jsonschema

from serving import ServeTest


class Lists(ServeTest):
    def test_what_is_published_is_listed_as_aep_list_has_it(self):
        self.publish("started", agent="one", correlation="c1")
        self.publish("failed", agent="one", correlation="c1")
        self.publish("started", agent="two", correlation="c2")
        self.serve()
        rows = self.await_rows(2)
        lines = self.run_aep("list", "--all", "--json").stdout.splitlines()
        for row, line in zip(rows, map(json.loads, lines), strict=True):
            del row["as_of"], line["as_of"]
            self.assertEqual(row, line)

    def test_parameters_filter(self):
        self.publish("started", agent="build-a", correlation="c1")
        self.publish("started", "--request", "Straße kehren", agent="b", correlation="c2")
        self.publish("completed", agent="b", correlation="c2")
        self.publish("started", agent="b", correlation="c3",
                     env={"AEP_TENANT_ID": "t/&?"})
        self.serve()
        self.await_rows(3)
        for query, agents in (("agent=build*", ["build-a"]), ("state=completed", ["b"]),
                              ("state=completed,running", ["b", "b", "build-a"]),
                              ("state=completed&state=running", ["b", "b", "build-a"]),
                              ("q=STRASSE", []), ("q=stra%C3%9Fe+kehren", ["b"]),
                              ("tenant=t%2F%26%3F", ["b"]), ("correlation=c1", ["build-a"]),
                              ("since=1h", ["b", "b", "build-a"]), ("since=2999-01-01", []),
                              ("until=2000-01-01", []), ("until=0s", ["b", "b", "build-a"]),
                              ("limit=1", ["b"]), ("reverse=true&limit=1", ["build-a"]),
                              ("sort=last_event&limit=1", ["b"]), ("agent=b&state=running", ["b"])):
            with self.subTest(query):
                self.assertEqual([row["agent_name"] for row in self.rows(query)], agents)

    def test_roots_leave_children_out(self):
        self.publish("started", agent="parent", correlation="p")
        self.serve()
        parent = self.await_rows(1)[0]["id"]
        self.publish_lines([{"kind": "started", "agent_name": "child", "user_request": "r",
                             "correlation_id": "k", "causation_id": parent}])
        self.await_rows(2)
        self.assertEqual([row["agent_name"] for row in self.rows(f"parent={parent}")], ["child"])
        rows = self.rows("roots=true")
        self.assertEqual([row["id"] for row in rows], [parent])
        self.assertEqual(rows[0]["open_children"], 1)
        tree = self.get(f"executions/{parent}/tree").json()
        self.assertEqual([row["agent_name"] for row in tree["executions"]], ["parent", "child"])
        self.assertFalse(tree["more"])
        tree = self.get(f"executions/{parent}/tree?depth=0").json()
        self.assertEqual([row["agent_name"] for row in tree["executions"]], ["parent"])
        self.assertTrue(tree["more"])


    def test_a_long_list_comes_in_parts(self):
        self.publish_lines([{"kind": "started", "agent_name": f"a{i}", "correlation_id": f"c{i}",
                             "user_request": "r"} for i in range(25)])
        self.serve()
        self.await_rows(25)
        for sort in ("started", "last_event", "attention"):
            query, names, sizes = f"limit=10&sort={sort}", [], []
            cursor = ""
            while True:
                answer = self.get(f"executions?{query}{cursor}").json()
                names += [row["agent_name"] for row in answer["executions"]]
                sizes.append(len(answer["executions"]))
                if not answer["next_cursor"]:
                    break
                cursor = "&cursor=" + answer["next_cursor"]
            self.assertEqual((sizes, names), ([10, 10, 5], [f"a{i}" for i in range(24, -1, -1)]))
        self.get("executions?cursor=x", status=400)

    def test_what_wants_attention_comes_first(self):
        self.publish("started", agent="waits", correlation="c1")
        self.publish("progress", "--metadata", '{"status":"waiting","waiting_for":"human"}',
                     agent="waits", correlation="c1")
        self.publish("started", agent="runs", correlation="c2")
        self.serve()
        self.await_rows(2)
        self.assertEqual([row["agent_name"] for row in self.rows("sort=attention")],
                         ["waits", "runs"])


class Refusals(ServeTest):
    def setUp(self):
        super().setUp()
        self.publish("started")
        self.serve()
        self.await_rows(1)

    def test_a_wrong_parameter_is_refused_with_those_that_are_known(self):
        for query, text in (("stat=running", "did you mean state?"), ("x=1", "known are state,"),
                            ("state=odd", "completed failed"), ("limit=0", "from 1 to 500"),
                            ("limit=501", "from 1 to 500"), ("limit=", "from 1 to 500"),
                            ("limit=1e2", "from 1 to 500"), ("limit=1&limit=2", "twice"),
                            ("since=soon", "is not a time"), ("agent=", "is empty"),
                            ("state=running,", "completed failed"), ("roots=yes", "true false")):
            with self.subTest(query):
                self.assertIn(text, self.get("executions?" + query, status=400).message)
        self.assertIn("takes none", self.get("openapi.json?a=b", status=400).message)
        self.get("executions?&&limit=1&")

    def test_there_is_nothing_elsewhere(self):
        for path in ("executions/", "executions/none", "executions/none/events", "execution", "",
                     "executions/a/b", "%65xecutions/../counts", "executions/a/events/b"):
            with self.subTest(path):
                self.get(path, status=404)

    def test_an_address_that_could_be_read_in_two_ways_is_refused(self):
        for path in ("executions/%", "executions/%2", "executions/%zz", "executions/%00",
                     "executions/%ff", "executions/a%0ab", "executions?q=%80", "a/b/c/d/e/f/g/h/i",
                     "executions/%ed%a0%80"):
            with self.subTest(path):
                self.assertIn("the address", self.get(path, status=400).message)

    def test_other_methods_are_refused(self):
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"):
            reply = self.request("/api/v1/executions", method=method)
            self.assertEqual(reply.status, 405, method)
            self.assertEqual(reply.headers["Allow"], "GET, HEAD")
        self.assertEqual(self.request("/api/v1/session").headers["Allow"], "POST")

    def test_head_has_the_headers_alone(self):
        get, head = self.get("executions"), self.get("executions", method="HEAD")
        self.assertEqual(head.body, b"")
        self.assertEqual(head.headers["ETag"], get.headers["ETag"])
        self.assertEqual(int(head.headers["Content-Length"]), len(get.body), head.headers)
        head = self.get("stream", method="HEAD")
        self.assertEqual((head.body, head.headers["Content-Type"]), (b"", "text/event-stream"))


class OneExecution(ServeTest):
    def test_it_has_its_texts_whole(self):
        long = {name: name[0] * 5000 for name in ("user_request", "current_step", "error_message")}
        event = {"agent_name": "a", "correlation_id": "c"}
        self.publish_lines([
            event | {"kind": "started", "user_request": long["user_request"]},
            event | {"kind": "progress", "current_step": long["current_step"]},
            event | {"kind": "failed", "error_message": long["error_message"],
                     "stack_trace": "at line 1\n at line 2"}])
        self.serve()
        row = self.await_rows(1)[0]
        answer = self.get(f"executions/{row['id']}").json()
        for name, text in long.items():
            self.assertTrue(row[name].endswith("…"), name)
            self.assertEqual(answer["execution"][name], text)
        self.assertEqual(answer["expect_within_ms"], 600000)  # nothing is known of its agent
        self.assertEqual(answer["end"]["event"]["payload"]["stack_trace"],
                         "at line 1\n at line 2")

    def test_its_events_come_in_parts(self):
        event = {"agent_name": "a", "correlation_id": "c"}
        self.publish_lines([event | {"kind": "started", "user_request": "r"}] + [
            event | {"kind": "progress", "steps_completed": i} for i in range(25)])
        self.serve()
        self.await_rows(1)
        self.wait_until(lambda: self.rows()[0]["events"] == 26)
        path, events, after = f"executions/{self.rows()[0]['id']}/events?limit=10", [], ""
        sizes = []
        while True:
            answer = self.get(path + after).json()
            sizes.append(len(answer["events"]))
            events += answer["events"]
            if not answer["next_cursor"]:
                break
            after = "&after=" + answer["next_cursor"]
        self.assertEqual(sizes, [10, 10, 6])
        self.assertEqual([item["event"] for item in events], self.events())
        self.assertEqual({item["delivery"] for item in events}, {"spooled"})
        self.get(path + "&after=nothing", status=400)

    def test_its_events_come_in_parts_without_their_texts(self):
        self.env["AEP_TRACK_RETENTION_BODIES"] = "1s"
        self.publish("started")
        for _ in range(4):
            self.publish("progress")
        self.publish("completed")
        self.serve()
        path = f"executions/{self.await_rows(1, 'state=completed')[0]['id']}/events?limit=4"
        self.wait_until(lambda: not self.get(path).json()["events"][3]["event"], "no texts")
        first = self.get(path).json()
        rest = self.get(f"{path}&after={first['next_cursor']}").json()
        self.assertEqual([len(part["events"]) for part in (first, rest)], [4, 2])
        self.assertIsNone(rest["next_cursor"])

    def test_a_tree_of_large_texts_ends_early(self):
        self.publish("started")
        self.serve()
        root = self.await_rows(1)[0]["id"]
        self.publish_lines([{"kind": kind, "agent_name": "a", "correlation_id": f"c{i}"} | members
                            for i in range(200) for kind, members in (
                                ("started", {"user_request": "\1" * 2000, "causation_id": root}),
                                ("failed", {"error_message": "\1" * 2000}))])
        self.wait_until(lambda: self.get("counts").json()["states"]["failed"] == 200, "200")
        for query, count, more in (("?depth=0", 1, True), ("", 201, True)):
            reply = self.get(f"executions/{root}/tree{query}")
            self.assertLess(len(reply.body), 4.2 * 2 ** 20)
            tree = reply.json()
            self.assertLessEqual(len(tree["executions"]), count)
            self.assertEqual((tree["executions"][0]["id"], tree["more"]), (root, more))

    def test_a_provisional_one_has_slashes_in_its_id(self):
        self.publish("progress", agent="x y/ü", correlation="c%1")
        self.serve()
        row = self.await_rows(1)[0]
        self.assertIn("/", row["id"])
        self.get("executions/" + row["id"], status=404)
        quoted = row["id"].replace("%", "%25").replace("/", "%2F")
        self.assertEqual(self.get("executions/" + quoted).json()["execution"]["id"], row["id"])


class Replies(ServeTest):
    def test_what_has_not_changed_is_not_sent_again(self):
        self.publish("started")
        self.serve()
        self.await_rows(1)
        tag = self.get("executions").headers["ETag"]
        self.assertTrue(tag.startswith('W/"'))
        for known in (tag, f'"x", {tag}', tag.removeprefix("W/"), "*"):
            reply = self.get("executions", status=304, headers={"If-None-Match": known})
            self.assertEqual((reply.body, reply.headers["ETag"]), (b"", tag))
        self.get("executions?limit=2", headers={"If-None-Match": tag})
        self.publish("progress")
        self.wait_until(lambda: self.get("executions").headers["ETag"] != tag)
        self.get("executions", headers={"If-None-Match": tag})

    def test_an_age_is_never_unchanged_for_long(self):
        self.publish("started")
        self.serve()
        self.await_rows(1)
        tag, always = (self.get(path).headers["ETag"] for path in
                       ("executions?since=1h", "executions"))
        self.wait_until(lambda: self.get("executions?since=1h", headers={"If-None-Match": tag},
                                         status=None).status == 200)
        self.get("executions", status=304, headers={"If-None-Match": always})

    def test_what_failed_of_late_is_never_unchanged_for_long(self):
        self.publish("failed")
        self.serve()
        self.await_rows(1)
        tag = self.get("executions?sort=attention").headers["ETag"]
        self.wait_until(lambda: self.get("executions?sort=attention", status=None,
                                         headers={"If-None-Match": tag}).status == 200)

    def test_a_silence_is_never_unchanged_for_long(self):
        self.publish("progress", "--metadata", '{"expect_within_s":1}')
        self.serve()
        row = self.await_rows(1, "state=stalled")[0]
        self.wait_until(lambda: self.get("counts").json()["states"]["stalled"] == 1)
        path = "executions/" + row["id"].replace("/", "%2F")
        tag = self.get(path).headers["ETag"]
        self.wait_until(lambda: self.get(path, status=None,
                                         headers={"If-None-Match": tag}).status == 200)

    def test_large_ones_are_compressed_for_those_who_want_it(self):
        for i in range(5):
            self.publish("started", correlation=f"c{i}")
        self.serve()
        self.await_rows(5)
        plain = self.get("executions?limit=5")
        self.assertIsNone(plain.headers["Content-Encoding"])
        for accepted, packed in (("gzip", True), ("br, gzip;q=0.5", True), ("*", True),
                                 ("br", False), ("gzip;q=0", False), ("gzip; q=0.000", False)):
            reply = self.get("executions?limit=5", headers={"Accept-Encoding": accepted})
            self.assertEqual(reply.headers["Content-Encoding"], "gzip" if packed else None)
            body = gzip.decompress(reply.body) if packed else reply.body
            self.assertEqual(re.sub(rb'"(as_of|lag_ms)":("[^"]*"|\d+)', b"", body),
                             re.sub(rb'"(as_of|lag_ms)":("[^"]*"|\d+)', b"", plain.body))
            self.assertEqual("Accept-Encoding" in reply.headers["Vary"], True)
        small = self.get("counts", headers={"Accept-Encoding": "gzip"})
        self.assertIsNone(small.headers["Content-Encoding"])

    def test_counts_say_how_many_wait_for_a_person(self):
        for number, kind in enumerate(("human", "permission", "timer")):
            self.publish("started", correlation=f"c{number}")
            self.publish("progress", "--metadata",
                         json.dumps({"status": "waiting", "waiting_for": kind}),
                         correlation=f"c{number}")
        self.serve()
        self.await_rows(3, "state=waiting")
        counts = self.get("counts").json()
        self.assertEqual(counts["states"]["waiting"], 3)
        self.assertEqual(counts["needs_you"], 2)


class Overview(ServeTest):
    def setUp(self):
        super().setUp()
        for number, agent in enumerate(("b", "a", "a", "c")):
            self.publish("started", agent=agent, correlation=f"c{number}",
                         env={"AEP_TENANT_ID": "small" if agent == "c" else "big"})
        self.publish("failed", agent="b", correlation="c0", env={"AEP_TENANT_ID": "big"})
        self.serve()
        self.await_rows(4)
        self.await_rows(1, "state=failed")

    def test_counts_take_the_filters_of_a_list(self):
        for query in ("agent=a", "agent=b*&state=failed", "tenant=big", "q=r", "since=1h",
                      "agent=none", "roots=true", "agent=a&agent=c"):
            with self.subTest(query):
                counts = self.get("counts?" + query).json()
                found = [row["state"] for row in self.rows(query)]
                for state, count in counts["states"].items():
                    self.assertEqual(count, found.count(state), state)
                self.assertEqual((counts["at_least"], counts["needs_you"]), ([], None))
        counts = self.get("counts").json()
        self.assertEqual((counts["states"]["running"], counts["needs_you"]), (3, 0))

    def test_facets_name_what_there_is(self):
        facets = self.get("facets").json()
        self.assertEqual((facets["agents"], facets["tenants"], facets["more"]),
                         (["a", "b", "c"], ["big", "small"], False))
        facets = self.get("facets?limit=2").json()
        self.assertEqual((facets["agents"], facets["tenants"], facets["more"]),
                         (["a", "b"], ["big", "small"], True))


class OpenApi(ServeTest):
    """It is made from the tables that requests are checked against; here it meets the answers."""

    def test_it_describes_what_there_is(self):
        self.publish("started")
        self.publish("completed")
        self.serve()
        row = self.await_rows(1)[0]
        api = self.get("openapi.json").json()
        self.assertEqual(api["openapi"], "3.1.0")
        schemas = api["components"]["schemas"]
        self.assertEqual(list(schemas["Row"]["properties"]), list(row))
        for path, methods in api["paths"].items():
            for method, operation in methods.items():
                if method != "get" or path in ("/api/v1/stream", "/assets/{hash}/{name}"):
                    continue
                with self.subTest(path):
                    reply = self.request(path.replace("{id}", row["id"]))
                    self.assertEqual(reply.status, 200, reply.body)
                    kind, content = next(iter(operation["responses"]["200"]["content"].items()))
                    self.assertEqual(reply.headers["Content-Type"], kind)
                    if "$ref" in content["schema"]:
                        schema = schemas[content["schema"]["$ref"].rsplit("/", 1)[1]]
                        self.assertEqual(set(schema["properties"]), set(reply.json()))
                        self.assert_described(api, content["schema"], reply.json())
        self.assert_described(api, {"$ref": "#/components/schemas/Error"},
                              self.get("executions?x=1", status=400).json())

    def assert_described(self, api, schema, value):
        """Nothing is missing that the schema has, nor has it anything else."""
        closed = {name: {"additionalProperties": False} | kind
                  for name, kind in api["components"]["schemas"].items()}
        validator = jsonschema.Draft202012Validator(
            schema | {"components": {"schemas": closed}},
            format_checker=jsonschema.draft202012_format_checker)
        self.assertEqual([(list(error.path), error.message)
                          for error in validator.iter_errors(value)], [], value)

    def test_it_describes_the_stream(self):
        self.publish("started", agent="a")
        self.serve()
        row = self.await_rows(1)[0]
        api = self.get("openapi.json").json()
        kinds = api["components"]["schemas"]["Stream"]["properties"]
        content = api["paths"]["/api/v1/stream"]["get"]["responses"]["200"]["content"]
        self.assertEqual(content["text/event-stream"]["schema"],
                         {"$ref": "#/components/schemas/Stream"})
        stream = self.stream(f"agent=a&state=running&execution={row['id']}",
                             headers={"Last-Event-ID": "x"})
        seen = set()
        self.publish("progress", agent="a")
        while seen != set(kinds):
            frame = stream.frame()
            if frame.event:
                self.assert_described(api, kinds[frame.event], frame.data)
                seen.add(frame.event)
            if frame.event == "event" and "removed" not in seen:
                self.publish("completed", agent="a")

    def test_what_may_be_given_again_is_a_list(self):
        self.publish("started", agent="a", correlation="c1")
        self.publish("started", agent="b", correlation="c2")
        self.serve()
        self.await_rows(2)
        operation = self.get("openapi.json").json()["paths"]["/api/v1/executions"]["get"]
        for parameter in operation["parameters"]:
            again = f"executions?{parameter['name']}=a&{parameter['name']}=a"
            if parameter.get("explode"):
                self.assertEqual(parameter["schema"]["type"], "array")
                self.get(again)
            elif parameter["schema"]["type"] != "array":
                self.get(again, status=400)
        self.await_rows(2, "agent=a&agent=b")

    def test_every_parameter_that_it_names_is_taken(self):
        self.publish("started")
        self.serve()
        row = self.await_rows(1)[0]
        for path, methods in self.get("openapi.json").json()["paths"].items():
            for parameter in methods.get("get", {}).get("parameters", []):
                if parameter["in"] == "path" or path.endswith("stream"):
                    continue
                schema = parameter["schema"]
                value = (schema.get("enum") or schema.get("items", {}).get("enum")
                         or [schema.get("default")] or [])[0] or "1h"
                if parameter["name"] == "after":
                    value = row["id"]
                if parameter["name"] == "cursor":
                    continue
                with self.subTest(f"{path} {parameter['name']}={value}"):
                    url = f"{path.replace('{id}', row['id'])}?{parameter['name']}={value}"
                    self.assertEqual(self.request(url).status, 200)


if __name__ == "__main__":
    unittest.main()
