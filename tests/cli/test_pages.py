# SPDX-License-Identifier: Apache-2.0
"""The documents: links lead somewhere, the commands in them exist, and `aep list` prints what the
README shows."""
import json
import pathlib
import re
import unittest

from harness import AepTest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted(path for pattern in ("*.md", "docs/*.md", "examples/**/*.md", "python/*.md",
                                    "python/omniclaude/*.md", "tests/**/*.md", ".github/**/*.md")
               for path in SOURCE.glob(pattern))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


def anchors(path):
    """The anchors of a page's headings."""
    text = FENCE.sub("", path.read_text())
    headings = re.findall(r"^#+ (.*)", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


CALL = re.compile(r"(?:^\s*|[$/;&(|]\s*|\balice |\bthen |=\S+ )aep ([a-z]+)(.*)", re.M)


def commands(path):
    """Calls of aep, in shell blocks and in running text: verb, and the options that are aep's
    own."""
    text = path.read_text()
    calls = re.findall(r"`aep ([a-z]+)([^`]*)`", FENCE.sub("", text))
    for language, block in FENCE.findall(text):
        if language in ("sh", "console"):
            calls += CALL.findall(re.sub(r"(?m)(^|\s)#.*", "", block.replace("\\\n", " ")))
    for verb, rest in calls:
        yield verb, re.findall(r"\s(--[a-z][a-z-]*)", re.split(r"[|;&)]| -- ", rest)[0])


class Pages(AepTest):
    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text())):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, anchor = target.partition("#")
                path = (page.parent / name).resolve() if name else page
                self.assertTrue(path.exists(), f"{page}: {target}")
                if anchor:
                    self.assertIn(anchor, anchors(path), f"{page}: {target}")

    def test_commands_exist(self):
        known = {}
        seen = 0
        for page in PAGES:
            for verb, options in commands(page):
                if verb not in known:
                    text = self.run_aep(verb, "--help").stdout
                    for action in re.findall(rf"aep {verb} ([a-z]+)", text):
                        text += self.run_aep(verb, action, "--help", status=None).stdout
                    known[verb] = text
                for option in options:
                    self.assertTrue(option in known[verb], f"{page}: aep {verb} has no {option}")
                seen += 1
        self.assertGreater(seen, 50)

    def publish(self, kind, agent, **members):
        """An event of an agent's one execution."""
        words = [word for name, value in members.items() for word in (
            "--" + name.replace("_", "-"), value if isinstance(value, str) else json.dumps(value))]
        self.run_aep("publish", kind, "--agent", agent, "--correlation-id", agent, *words)

    def test_the_list_in_the_readme(self):
        """The same five executions on a terminal; times and ids differ."""
        self.addCleanup(self.run_aep, "tracker", "stop", status=None)
        shown = re.search(r"^\$ aep list\n(.*?)^```", (SOURCE / "README.md").read_text(), re.M | re.S)[1]
        self.publish("started", "crawler", request="Index the docs")
        self.publish("progress", "crawler", steps_completed=120, steps_total=300, current_step="fetch",
                     metadata={"expect_within_s": 0.001})
        self.publish("started", "backup", request="sh -c sleep 2; exit 3")
        self.publish("failed", "backup", error_message="the command exited with status 3", duration_ms=2000)
        self.publish("started", "reviewer", request="Review pull request 7")
        self.publish("progress", "reviewer", progress_percent=50, current_step="reading")
        self.publish("completed", "reviewer", result_summary="two remarks", duration_ms=1300)
        self.publish("started", "deployer", request="Deploy release 2.1")
        self.publish("progress", "deployer", current_step="approval",
                     metadata={"status": "waiting", "waiting_for": "human"})
        self.publish("started", "builder", request="Build the site")
        self.publish("progress", "builder", progress_percent=40, current_step="pages")

        def masked(text):
            text = re.sub(r"\x1b\[[0-9;]*m", "", text)
            text = re.sub(r" \d+m?s +\d+m?s +(\S+) +(\d/\d) +[0-9a-f-]+$", r" TIMES \1 \2", text, flags=re.M)
            return re.sub(" +", " ", text)
        self.wait_until(lambda: "stalled" in self.run_aep("list", "--wait=50s").stdout, "one stalls")
        self.assertEqual(masked(shown), masked(self.on_terminal("list", "--wait=50s", columns=110)))

    def test_the_changelog_has_its_form(self):
        """Keep a Changelog: known sections, each entry once, beginning with its area."""
        text = (SOURCE / "CHANGELOG.md").read_text()
        sections = re.findall(r"^### (.*)\n\n((?:- .*\n(?:  .*\n)*)+)", text, re.M)
        entries = [entry for _, body in sections for entry in re.split(r"(?m)^- ", body)[1:]]
        self.assertLessEqual({name for name, _ in sections}, {
            "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"})
        self.assertEqual(len(entries), len(set(entries)))
        self.assertEqual(len(entries), len(re.findall(r"(?m)^- ", text)), "an entry outside a section")
        for entry in entries:
            self.assertRegex(entry, r"^[A-Z][\w -]*: \S")


if __name__ == "__main__":
    unittest.main()
