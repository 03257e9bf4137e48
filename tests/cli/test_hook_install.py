# SPDX-License-Identifier: Apache-2.0
"""aep hook install, uninstall: what they do to other programs' settings, and what they leave alone."""
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import stat
import subprocess
import time
import unittest

from harness import DEADLINE_S, PROGRAM, AepTest

PLACES = {
    "claude-code": ".claude/settings.json",
    "codex": ".codex/hooks.json",
    "gemini-cli": ".gemini/settings.json",
    "cursor": ".cursor/hooks.json",
    "copilot-cli": ".copilot/hooks/aep.json",
    "opencode": ".config/opencode/plugins/aep.js",
}
JSON_AGENTS = [agent for agent in PLACES if agent != "opencode"]
NEVER = ("WorktreeCreate", "MessageDisplay", "FileChanged", "BeforeModel", "AfterModel", "BeforeToolSelection")
CLAUDE = b"""{
  "model": "opus",
  "env": {"TOKEN": "a,b]}", "U": "\\u00e9"},
  "hooks": {
    "PreToolUse": [
      {
        "matcher": "Bash",
        "hooks": [{"type": "command", "command": "jq . >> ~/log"}]
      }
    ],
    "Stop": []
  }
}"""


class HookTest(AepTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(os.umask, os.umask(0o022))  # modes are compared
        del self.env["XDG_CONFIG_HOME"]
        del self.env["AEP_MODE"]
        self.home = pathlib.Path(self.folder) / "home"
        self.home.mkdir()
        self.env["HOME"] = str(self.home)

    def place(self, agent):
        return self.home / PLACES[agent]

    def write(self, agent, data):
        path = self.place(agent)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def tree(self):
        """Every file in the home folder with its content and mode, every folder and link."""
        found = {}
        for path in sorted(self.home.rglob("*")):
            name = str(path.relative_to(self.home))
            if path.is_symlink():
                found[name] = os.readlink(path)
            elif path.is_file():
                found[name] = (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
            else:
                found[name] = None
        return found

    def install(self, *words, **more):
        return self.run_aep("hook", "install", *words, **more)

    def uninstall(self, *words, **more):
        return self.run_aep("hook", "uninstall", *words, **more)

    def program_in(self, folder):
        """A copy of aep there, called by its path."""
        os.makedirs(folder, exist_ok=True)
        return shutil.copy2(PROGRAM, os.path.join(folder, "aep"))


def commands(hooks):
    """Every handler's words in a settings file's "hooks", with the event's name."""
    for event, elements in hooks.items():
        for element in elements if isinstance(elements, list) else []:
            if not isinstance(element, dict):
                continue
            for handler in element.get("hooks", [element]):
                command = handler.get("command") or handler.get("bash") or ""
                words = [command, *handler["args"]] if "args" in handler else shlex.split(command)
                yield event, words


def ours(hooks, agent):
    return [(event, words) for event, words in commands(hooks) if words[1:3] == ["hook", agent]]


class Install(HookTest):
    def test_where_nothing_was_it_makes_a_file_and_takes_it_away_again(self):
        for agent in PLACES:
            for there in (False, True):
                with self.subTest(agent=agent, folder=there):
                    if there:
                        self.place(agent).parent.mkdir(parents=True)
                    before = self.tree()
                    self.install(agent)
                    self.assertTrue(self.place(agent).is_file())
                    self.uninstall(agent)
                    self.assertEqual(self.tree(), before)

    def test_what_an_agent_has_put_beside_it_stays(self):
        self.install("codex")
        self.install("copilot-cli")
        config, settings = self.home / ".codex/config.toml", self.home / ".copilot/settings.json"
        config.write_text("")
        settings.write_text("{}")
        self.uninstall()
        self.assertEqual(self.tree(), {".codex": None, ".codex/config.toml": (b"", 0o644),
                                       ".copilot": None, ".copilot/settings.json": (b"{}", 0o644)})
        self.install("codex")
        hooks = json.loads(self.place("codex").read_bytes())
        hooks["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "beep"}]})
        self.place("codex").write_text(json.dumps(hooks))
        self.uninstall("codex")
        self.assertEqual(json.loads(self.place("codex").read_bytes())["hooks"],
                         {"Stop": [{"hooks": [{"type": "command", "command": "beep"}]}]})
        self.assertEqual(sorted(os.listdir(self.home / ".codex")), ["config.toml", "hooks.json"])

    def test_each_agent_is_called_as_it_needs_it(self):
        for agent in PLACES:
            self.install(agent)
        claude = json.loads(self.place("claude-code").read_bytes())["hooks"]
        for event, [group] in claude.items():
            self.assertEqual(group, {"hooks": [{"type": "command", "command": PROGRAM,
                                                "args": ["hook", "claude-code"], "timeout": 5}]}, event)
        self.assertEqual(len(claude), 20)
        codex = json.loads(self.place("codex").read_bytes())
        self.assertEqual(list(codex), ["hooks"])  # Codex refuses a file with anything else
        self.assertIn("Interrupt", codex["hooks"])
        gemini = json.loads(self.place("gemini-cli").read_bytes())["hooks"]
        self.assertEqual(gemini["BeforeTool"][0]["hooks"][0]["timeout"], 5000)
        cursor = json.loads(self.place("cursor").read_bytes())
        self.assertEqual(cursor["version"], 1)
        copilot = json.loads(self.place("copilot-cli").read_bytes())
        self.assertEqual(copilot["version"], 1)
        self.assertNotIn("preToolUse", copilot["hooks"])  # there a hook that fails denies the tool
        for event, words in ours(copilot["hooks"], "copilot-cli"):
            self.assertEqual(words[3:], [event])
        for agent in JSON_AGENTS:
            hooks = json.loads(self.place(agent).read_bytes())["hooks"]
            self.assertEqual(len(ours(hooks, agent)), len(hooks))
            self.assertFalse(set(hooks) & set(NEVER))
            self.assertEqual({words[0] for _, words in ours(hooks, agent)}, {PROGRAM})

    def test_twice_is_once(self):
        for agent in PLACES:
            self.install(agent)
            before = self.place(agent).stat()
            self.assertIn("installed already", self.install(agent).stdout)
            after = self.place(agent).stat()
            self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))

    def test_it_says_where_the_file_is_as_it_was(self):
        self.write("claude-code", CLAUDE)
        for agent in PLACES:
            said = self.install(agent).stdout
            self.assertEqual("aep-backup" in said, agent == "claude-code", said)
            path = self.place(agent)
            self.assertEqual(os.path.exists(f"{path}.aep-backup"), agent == "claude-code")
            path.write_text(path.read_text().replace("5", "6").replace("16384", "1"))  # to be renewed
            self.assertEqual("aep-backup" in self.install(agent).stdout, agent == "claude-code")

    def test_without_a_name_it_takes_the_agents_that_are_here(self):
        self.assertIn("no coding agent", self.install(status=1).stderr)
        self.write("claude-code", CLAUDE)
        (self.home / ".gemini").mkdir()
        self.install()
        self.assertEqual([agent for agent in PLACES if self.place(agent).exists()],
                         ["claude-code", "gemini-cli"])

    def test_an_unknown_agent_is_a_usage_error(self):
        self.assertIn("did you mean codex?", self.install("codx", status=2).stderr)
        self.assertIn("claude-code codex", self.install("zzzzzzzzzz", status=2).stderr)

    def test_the_rest_stays_to_the_byte(self):
        path = self.write("claude-code", CLAUDE)
        self.install("claude-code")
        text = path.read_bytes()
        hooks = json.loads(text)["hooks"]
        self.assertEqual(hooks["PreToolUse"][0]["matcher"], "Bash")
        self.assertEqual(len(hooks["PreToolUse"]), 2)  # ours behind theirs
        entry = rb'\{"hooks": \[\{[^}]*"hook", "claude-code"\][^}]*\}\]\}'
        kept = re.sub(rb',\s*"(?!Stop")\w+": \[' + entry + rb"\]", b"", text)
        self.assertEqual(re.sub(entry, b"", re.sub(rb",\s*" + entry, b"", kept)), CLAUDE)
        self.assertEqual((path.parent / "settings.json.aep-backup").read_bytes(), CLAUDE)
        self.uninstall("claude-code")
        self.assertEqual(self.tree(), {".claude": None, ".claude/settings.json": (CLAUDE, 0o644)})

    def test_settings_as_they_are_written_by_people_and_agents(self):
        for agent, text in (
                ("codex", '{\n  "description": "team hooks",\n  "hooks": {\n    "PreToolUse": [\n      {\n        "matcher": "^Bash$",\n'
                          '        "hooks": [\n          {"type": "command", "command": "python3 check.py", "timeout": 30}\n        ]\n      }\n'
                          '    ]\n  }\n}\n'),
                ("gemini-cli", '{\n\t"security": {"auth": {"selectedType": "oauth-personal"}},\n\t"mcpServers": {\n\t\t"x": {"command": "npx"}\n\t},\n'
                               '\t"hooks": {\n\t\t"AfterTool": [ {"matcher": "write_.*", "hooks": [ {"type": "command", "command": "fmt"} ]} ]\n\t}\n}'),
                ("cursor", '{"version":1,"hooks":{"afterFileEdit":[{"command":"./format.sh"}],"stop":[{"command":"./audit.sh"}]}}'),
                ("copilot-cli", '{\r\n  "version": 1,\r\n  "hooks": {\r\n    "sessionStart": [],\r\n    "agentStop": [{"type": "command", "bash": "beep"}]\r\n  }\r\n}\r\n'),
                ("claude-code", '{"permissions":{"allow":["Bash(ls:*)"],"defaultMode":"plan"},"enabledPlugins":{"x@y":true}}'),
                ("claude-code", '{\n}\n'), ("claude-code", "{}")):
            with self.subTest(agent=agent, text=text):
                path = self.write(agent, text)
                self.install(agent)
                hooks = json.loads(path.read_bytes())["hooks"]
                self.assertEqual({words[0] for _, words in ours(hooks, agent)}, {PROGRAM})
                for line in path.read_bytes().splitlines(keepends=True)[1:-1]:
                    self.assertEqual(line.endswith(b"\r\n"), "\r" in text)
                self.uninstall(agent)
                self.assertEqual(path.read_bytes(), text.encode())

    def test_what_others_change_meanwhile_stays(self):
        path = self.write("claude-code", CLAUDE)
        self.install("claude-code")
        text = path.read_bytes()
        theirs = b',\n      {"hooks": [{"type": "command", "command": "true"}]}'
        at = text.index(b'"timeout": 5}]}\n    ],') + len(b'"timeout": 5}]}')
        path.write_bytes((text[:at] + theirs + text[at:]).replace(b'"opus"', b'"haiku"'))
        json.loads(path.read_bytes())
        self.uninstall("claude-code")
        at = CLAUDE.index(b"\n    ],")
        self.assertEqual(path.read_bytes(), (CLAUDE[:at] + theirs + CLAUDE[at:]).replace(b'"opus"', b'"haiku"'))

    def test_an_agent_that_writes_its_settings_anew_changes_nothing(self):
        path = self.write("claude-code", CLAUDE)
        self.install("claude-code")
        for indent in (2, None):
            path.write_text(json.dumps(json.loads(path.read_bytes()), indent=indent))
            self.assertIn("already", self.install("claude-code").stdout)
        self.uninstall("claude-code")
        self.assertEqual(json.loads(path.read_bytes()), json.loads(CLAUDE))

    def test_a_handler_in_somebody_elses_group_is_taken_out_of_it(self):
        path = self.write("claude-code", CLAUDE)
        self.install("claude-code")
        settings = json.loads(path.read_bytes())
        mine, = settings["hooks"]["SessionEnd"]
        other = {"type": "command", "command": "/usr/bin/aep publish progress"}
        settings["hooks"]["SessionEnd"] = [{"hooks": [*mine["hooks"], other]}]
        path.write_text(json.dumps(settings))
        self.uninstall("claude-code")
        self.assertEqual(json.loads(path.read_bytes())["hooks"],
                         {**json.loads(CLAUDE)["hooks"], "SessionEnd": [{"hooks": [other]}]})

    def test_older_hooks_of_ours_are_renewed(self):
        path = self.write("cursor", '{"version": 1, "hooks": {"stop": [{"command": "./audit.sh"}, '
                                    '{"command": "/old/bin/aep hook cursor", "timeout": 9}], '
                                    '"beforeReadFile": [{"command": "aep hook cursor"}]}}')
        self.install("cursor")
        hooks = json.loads(path.read_bytes())["hooks"]
        self.assertNotIn("beforeReadFile", hooks)
        self.assertEqual([words[0] for _, words in commands(hooks)].count(PROGRAM), len(hooks))
        self.uninstall("cursor")
        self.assertEqual(path.read_text(), '{"version": 1, "hooks": {"stop": [{"command": "./audit.sh"}]}}')

    def test_a_version_that_was_missing_goes_again(self):
        path = self.write("cursor", '{\n  "hooks": {}\n}\n')
        self.install("cursor")
        self.assertEqual(json.loads(path.read_bytes())["version"], 1)
        self.uninstall("cursor")
        self.assertEqual(path.read_text(), '{\n  "hooks": {}\n}\n')

    def test_not_installed_is_no_failure(self):
        path = self.write("codex", '{"hooks": {}}')
        before = self.tree()
        self.assertEqual(self.uninstall().stdout.count("not installed"), len(PLACES))
        self.assertEqual(self.tree(), before)
        path.write_text("{ broken")
        self.assertIn("line 1", self.uninstall("codex", status=1).stderr)

    def test_a_dry_run_shows_what_would_be_and_changes_nothing(self):
        for agent in PLACES:
            for text in (None, CLAUDE if agent in ("claude-code", "gemini-cli") else None,
                         b'{"a": 1}' if agent != "opencode" else None):
                if text:
                    self.write(agent, text)
                path, before = self.place(agent), self.tree()
                patch = self.install("-n", agent).stdout
                self.assertEqual(self.tree(), before)
                self.install(agent)
                self.assertEqual(apply(text or b"", patch), path.read_bytes())
                self.assertEqual(self.install("--dry-run", agent).stdout, "")
                patch, installed = self.uninstall("-n", agent).stdout, path.read_bytes()
                self.assertEqual(apply(installed, patch), text or b"")
                self.assertEqual(path.read_bytes(), installed)
                self.uninstall(agent)
                self.assertEqual(self.tree(), before)
                path.unlink(missing_ok=True)

    def test_an_old_claude_code_is_not_given_hooks_that_would_stop_it(self):
        tools = os.path.join(self.folder, "tools")
        os.mkdir(tools)
        self.env["PATH"] = f"{tools}:{self.env['PATH']}"
        path = self.write("claude-code", CLAUDE)
        for version, status in (("2.1.138", 1), ("1.0.200", 1), ("2.1.139", 0), ("10.0.0", 0), ("odd", 0)):
            with open(os.path.join(tools, "claude"), "w") as file:
                file.write(f"#!/bin/sh\necho '{version} (Claude Code)'\n")
            os.chmod(file.name, 0o755)
            done = self.install("claude-code", status=status)
            self.assertEqual(path.read_bytes() == CLAUDE, status == 1, version)
            self.assertEqual("update it first" in done.stderr, status == 1)
            self.uninstall("claude-code")


def apply(text, patch):
    """What patch(1) makes of a text."""
    lines, out, at = text.splitlines(keepends=True), [], 0
    rows = patch.encode().splitlines(keepends=True)[2:]
    for number, row in enumerate(rows):
        if row.startswith(b"@@"):
            begin = int(re.match(rb"@@ -(\d+)", row)[1])
            out += lines[at:max(begin - 1, 0)]
            at = max(begin - 1, 0)
            continue
        if row.startswith(b"\\"):
            continue
        line = row[1:]
        if number + 1 < len(rows) and rows[number + 1].startswith(b"\\"):
            line = line[:-1]
        if row[:1] in b" -":
            assert lines[at] == line, (lines[at], line)
            at += 1
        if row[:1] in b" +":
            out.append(line)
    return b"".join(out + lines[at:])


# ---- any settings ------------------------------------------------------------------------------------


class Settings:
    """Random settings, written as people and programs write them."""

    def __init__(self, seed, agent, events):
        self.random = random.Random(seed)
        self.agent, self.events = agent, events
        self.indent = self.random.choice(["", "  ", "    ", "\t"])
        self.end = self.random.choice(["\n", "\r\n"]) if self.indent else ""
        self.space = self.random.choice(["", " "])

    def value(self, depth):
        pick = self.random.random()
        if depth > 2 or pick < 0.5:
            return self.random.choice([0, -1.5e3, True, None, "", "a,b", "}]", '"\\', "é\u2028😀", "//x", "aep hook"])
        if pick < 0.75:
            return [self.value(depth + 1) for _ in range(self.random.randrange(3))]
        return {f"k{i}": self.value(depth + 1) for i in range(self.random.randrange(3))}

    def handler(self):
        handler = {"command": self.random.choice(["true", "aep hook other", "aep publish", "./aep"])}
        if self.agent in ("claude-code", "codex", "gemini-cli"):
            return {"hooks": [{"type": "command", **handler}] * self.random.randrange(1, 3)}
        return handler

    def whole(self):
        settings = {f"s{i}": self.value(0) for i in range(self.random.randrange(4))}
        if self.random.random() < 0.7:
            names = self.random.sample(self.events, self.random.randrange(4)) + ["Theirs"] * self.random.randrange(2)
            settings["hooks"] = {name: [self.handler() for _ in range(self.random.randrange(3))] for name in names}
        if self.agent in ("cursor", "copilot-cli") and self.random.random() < 0.8:
            settings["version"] = 1
        items = list(settings.items())
        self.random.shuffle(items)
        return dict(items)

    def blank(self):
        return self.random.choice(["", "", " ", "\n", "\t "])

    def text(self, value, depth=0):
        if not isinstance(value, (dict, list)):
            return json.dumps(value, ensure_ascii=self.random.random() < 0.5)
        left, right = "{}" if isinstance(value, dict) else "[]"
        if not value:
            return left + self.blank() + right
        one_line = not self.end or self.random.random() < 0.3
        gap = self.space if one_line else self.end + self.indent * (depth + 1)
        last = self.space if one_line else self.end + self.indent * depth
        items = ([f"{json.dumps(name)}:{self.space}{self.text(one, depth + 1)}" for name, one in value.items()]
                 if isinstance(value, dict) else [self.text(one, depth + 1) for one in value])
        return left + gap + f",{gap or self.space}".join(items) + last + right

    def file(self):
        mark = "\ufeff" if self.random.random() < 0.05 else ""
        return (mark + self.text(self.whole()) + self.random.choice(["", self.end, "\n\n"])).encode()


class AnySettings(HookTest):
    def test_any_settings_survive(self):
        seed = int(os.environ.get("AEP_TEST_SEED", random.randrange(1 << 30)))
        for agent in JSON_AGENTS:
            self.install(agent)
            events = list(json.loads(self.place(agent).read_bytes())["hooks"])
            self.uninstall(agent)
            for number in range(60):
                text = Settings(f"{seed} {agent} {number}", agent, events).file()
                with self.subTest(AEP_TEST_SEED=seed, agent=agent, number=number, text=text):
                    path = self.write(agent, text)
                    self.install(agent)
                    before, after = (json.loads(one.decode("utf-8-sig")) for one in (text, path.read_bytes()))
                    self.assertEqual([event for event, _ in ours(after["hooks"], agent)].sort(), events.sort())
                    self.check_rest(before, after, agent)
                    self.uninstall(agent)
                    self.assertEqual(path.read_bytes(), text)
                    self.assertEqual(os.listdir(path.parent), [path.name])

    def check_rest(self, before, after, agent):
        """All but ours is as it was, in its order."""
        names = [name for name in after if name in before or name not in ("hooks", "version")]
        self.assertEqual(names, list(before))
        for name in names:
            if name != "hooks":
                self.assertEqual(after[name], before[name])
        for event, elements in before.get("hooks", {}).items():
            self.assertEqual(after["hooks"][event][:len(elements)], elements)
            self.assertLessEqual(len(after["hooks"][event]), len(elements) + 1)


# ---- the file ----------------------------------------------------------------------------------------


class Refused(HookTest):
    def refuse(self, agent="claude-code", says=""):
        """Nothing changes, and what to paste is printed."""
        before = self.tree()
        for words in ((), ("-n",)):
            done = self.install(*words, agent, status=1)
            self.assertIn(says, done.stderr)
            self.assertIn("nothing was changed", done.stderr)
            self.assertEqual(self.tree(), before)
            if agent == "opencode":
                self.assertIn("export const", done.stdout)
            else:
                self.assertEqual({tuple(words[1:3]) for _, words in commands(json.loads(done.stdout)["hooks"])},
                                 {("hook", agent)})

    def test_what_is_no_json(self):
        for text, says in ((b'{\n  // mine\n  "a": 1\n}', "line 2: a comment"), (b'{"a": 1 /* x */}', "a comment"),
                           (b'{"a": 1,}', "line 1"), (b"", "line 1"), (b"   ", "line 1"), (b"{", "line 1"),
                           (b'{"a": "\xff"}', "UTF-8"), (b'{"a": 1, "a": 2}', "duplicate"),
                           (b'{"a": 1} x', "follows"), (b'{\x00}', "line 1"), (b"[" * 90, "deep"),
                           (b"\xff\xfe{\x00}\x00", "line 1")):
            for agent in JSON_AGENTS:
                with self.subTest(agent=agent, text=text):
                    self.write(agent, text)
                    self.refuse(agent, says)

    def test_wrong_types(self):
        for agent in JSON_AGENTS:
            self.install(agent)
            event = next(iter(json.loads(self.place(agent).read_bytes())["hooks"]))
            for text in ("[]", '"x"', "null", '{"hooks": []}', '{\n"hooks": null}', '{"hooks": {"%s": {}}}' % event,
                         '{"hooks": {"%s": "x"}}' % event):
                with self.subTest(agent=agent, text=text):
                    self.write(agent, text)
                    self.refuse(agent, "is not an")
        self.write("claude-code", '{"hooks": {"Other": {}, "Stop": [1, null, "x", [], {"hooks": 1}]}}')
        self.install("claude-code")  # nothing that we touch

    def test_somebody_elses_plugin(self):
        self.write("opencode", "export const Mine = async () => ({});\n")
        self.refuse("opencode", "not aep's")
        self.assertIn("not installed", self.uninstall("opencode").stdout)

    def test_a_read_only_file(self):
        path = self.write("claude-code", CLAUDE)
        path.chmod(0o444)
        self.refuse(says="read-only")
        path.chmod(0o644)
        self.install("claude-code")
        path.chmod(0o444)
        before = self.tree()
        self.assertIn("already", self.install("claude-code").stdout)
        self.assertIn("read-only", self.uninstall("claude-code", status=1).stderr)
        self.assertEqual(self.tree(), before)

    def test_a_file_with_several_names(self):
        path = self.write("claude-code", CLAUDE)
        os.link(path, self.home / "other")
        self.refuse(says="hard link")

    def test_what_is_no_file(self):
        path = self.place("claude-code")
        path.mkdir(parents=True)
        self.refuse(says="no plain file")
        path.rmdir()
        os.mkfifo(path)
        self.refuse(says="no plain file")
        path.unlink()
        path.symlink_to("../elsewhere/settings.json")
        self.refuse(says="symbolic link to nothing")
        path.unlink()
        path.symlink_to("settings.json")
        self.assertEqual(self.install("claude-code", status=1).returncode, 1)

    def test_a_file_that_is_too_large(self):
        self.write("claude-code", b'{"a": "' + b"x" * (9 << 20) + b'"}')
        self.refuse(says="8 MiB")

    def test_a_file_where_a_folder_should_be(self):
        (self.home / ".claude").write_text("x")
        self.refuse(says=".claude")

    def test_a_home_that_is_not_there(self):
        del self.env["HOME"]
        for agent in PLACES:
            self.assertIn("HOME is not set", self.install(agent, status=1).stderr)
            self.assertIn("HOME is not set", self.uninstall(agent, status=1).stderr)
        self.env["CLAUDE_CONFIG_DIR"] = str(self.home / "x")
        self.install("claude-code")
        self.assertTrue((self.home / "x/settings.json").exists())


class TheFile(HookTest):
    def test_other_places(self):
        for agent, variable, name in (("claude-code", "CLAUDE_CONFIG_DIR", "settings.json"),
                                      ("codex", "CODEX_HOME", "hooks.json"),
                                      ("gemini-cli", "GEMINI_CLI_HOME", ".gemini/settings.json"),
                                      ("copilot-cli", "COPILOT_HOME", "hooks/aep.json"),
                                      ("opencode", "XDG_CONFIG_HOME", "opencode/plugins/aep.js")):
            for value in (str(self.home / "a \"b\" 'c' $d" / agent), str(self.home / agent) + "/"):
                self.install(agent, env={variable: value})
                self.assertTrue((pathlib.Path(value) / name).is_file())
                self.assertFalse(self.place(agent).exists())
                self.uninstall(agent, env={variable: value})
                self.assertEqual(self.tree(), {})
        self.install("codex", env={"CODEX_HOME": "rel"}, cwd=self.home)
        self.assertTrue((self.home / "rel/hooks.json").is_file())

    def test_a_program_with_an_odd_path(self):
        folder = os.path.join(self.folder, "a \"b\" 'c' $d é")
        program = self.program_in(folder)
        for agent in PLACES:
            subprocess.run([program, "hook", "install", agent], env=self.env, check=True, stdout=subprocess.DEVNULL)
        for agent in JSON_AGENTS:
            hooks = json.loads(self.place(agent).read_bytes())["hooks"]
            self.assertEqual({words[0] for _, words in ours(hooks, agent)}, {program})
        copilot = json.loads(self.place("copilot-cli").read_bytes())["hooks"]["agentStop"][0]["bash"]
        said = subprocess.run(["bash", "-c", f"printf '%s\\n' {copilot}"], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(said.stdout.splitlines(), [program, "hook", "copilot-cli", "agentStop"])
        self.assertIn(json.dumps(program, ensure_ascii=False), self.place("opencode").read_text())
        subprocess.run([program, "hook", "uninstall"], env=self.env, check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(self.tree(), {})

    def test_a_name_in_path_is_preferred(self):
        """It stays where it is when the program behind it is replaced."""
        tools = pathlib.Path(self.folder) / "tools"
        tools.mkdir()
        (tools / "aep").symlink_to(PROGRAM)
        self.install("codex", env={"PATH": f"relative:/nowhere:{tools}:/usr/bin"})
        hooks = json.loads(self.place("codex").read_bytes())["hooks"]
        self.assertEqual({words[0] for _, words in commands(hooks)}, {str(tools / "aep")})

    def test_links_are_followed_and_stay(self):
        real = self.home / "dotfiles/claude.json"
        real.parent.mkdir()
        real.write_bytes(CLAUDE)
        (self.home / "dotfiles/between").symlink_to("claude.json")
        path = self.place("claude-code")
        path.parent.mkdir()
        path.symlink_to("../dotfiles/between")
        before = self.tree()
        self.install("claude-code")
        self.assertEqual(os.readlink(path), "../dotfiles/between")
        self.assertIn("hook", real.read_text())
        self.assertEqual((self.home / "dotfiles/claude.json.aep-backup").read_bytes(), CLAUDE)
        self.uninstall("claude-code")
        self.assertEqual(self.tree(), before)

    def test_a_folder_that_is_a_link(self):
        (self.home / "elsewhere").mkdir()
        (self.home / ".codex").symlink_to("elsewhere")
        before = self.tree()
        self.install("codex")
        self.assertTrue((self.home / "elsewhere/hooks.json").is_file())
        self.uninstall("codex")
        self.assertEqual(self.tree(), before)

    def test_mode_and_owner_stay(self):
        path = self.write("claude-code", CLAUDE)
        for mode in (0o600, 0o640, 0o664, 0o755):
            path.chmod(mode)
            if os.geteuid() == 0:
                os.chown(path, 12345, 54321)
            for change in (self.install, self.uninstall):
                change("claude-code")
                found = path.stat()
                self.assertEqual(stat.S_IMODE(found.st_mode), mode)
                if os.geteuid() == 0:
                    self.assertEqual((found.st_uid, found.st_gid), (12345, 54321))
                for backup in path.parent.glob("*.aep-backup"):
                    self.assertEqual(stat.S_IMODE(backup.stat().st_mode), mode)

    def test_a_moved_program_is_told_and_renewed(self):
        path = self.write("claude-code", CLAUDE)
        first = self.program_in(os.path.join(self.folder, "first"))
        subprocess.run([first, "hook", "install", "claude-code"], env=self.env, check=True, stdout=subprocess.DEVNULL)
        self.assertIn(first, self.run_aep("hook", "status", "claude-code").stdout)
        os.rename(os.path.join(self.folder, "first"), os.path.join(self.folder, "second"))
        self.assertIn("is gone", self.run_aep("hook", "status", "claude-code", status=1).stdout)
        self.install("claude-code")
        self.assertIn(PROGRAM, path.read_text())
        self.assertNotIn(first, path.read_text())
        self.assertNotIn("!", self.run_aep("hook", "status", "claude-code").stdout)
        self.uninstall("claude-code")
        self.assertEqual(self.tree(), {".claude": None, ".claude/settings.json": (CLAUDE, 0o644)})

    def test_two_at_once_take_turns(self):
        path = self.write("claude-code", CLAUDE)
        for _ in range(10):
            running = [self.start_aep("hook", word, "claude-code") for word in ("install", "uninstall") * 3]
            for process in running:
                self.assertEqual(process.wait(DEADLINE_S), 0, process.stderr.read())
            json.loads(path.read_bytes())
        self.uninstall("claude-code")
        self.assertEqual(self.tree(), {".claude": None, ".claude/settings.json": (CLAUDE, 0o644)})

    def test_a_kill_at_any_instant_leaves_the_old_or_the_new(self):
        seed = random.randrange(1 << 30)
        chance = random.Random(seed)
        path = self.write("claude-code", CLAUDE)
        self.install("claude-code")
        installed = path.read_bytes()
        for number in range(300):
            process = subprocess.Popen([PROGRAM, "hook", chance.choice(["install", "uninstall"]), "claude-code"],
                                       env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.random() * 0.004)  # the instant of the kill, not a wait for something
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.assertIn(path.read_bytes(), (CLAUDE, installed), (seed, number))
        self.install("claude-code")
        self.assertEqual(path.read_bytes(), installed)
        self.uninstall("claude-code")
        self.assertEqual(self.tree(), {".claude": None, ".claude/settings.json": (CLAUDE, 0o644)})


@unittest.skipUnless(subprocess.run(["strace", "true"], stderr=subprocess.DEVNULL).returncode == 0, "no strace here")
class EachStep(HookTest):
    """Files are opened by openat(2), or by open(2), which not every machine has: musl uses that."""
    CALLS = ("?open", "openat", "flock", "write", "fchmod", "fsync", "rename", "renameat2", "unlink")

    def change(self, verb, injection):
        """Runs a change with something injected into a system call; returns its exit status."""
        return subprocess.run(["strace", "-qq", "-o", "/dev/null", "-e", f"inject={injection}", PROGRAM, "hook", verb,
                               "claude-code"], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode

    def test_killed_at_each_of_its_system_calls_it_leaves_the_old_or_the_new(self):
        path = self.write("claude-code", CLAUDE)
        self.install("claude-code")
        installed, kills = path.read_bytes(), 0
        self.uninstall("claude-code")
        for verb, before, undo in (("install", CLAUDE, self.uninstall), ("uninstall", installed, self.install)):
            for call in self.CALLS:
                number = 1
                while True:
                    self.assertEqual(path.read_bytes(), before)
                    status = self.change(verb, f"{call}:signal=KILL:when={number}")
                    self.assertIn(path.read_bytes(), (CLAUDE, installed), (verb, call, number))
                    self.assertIn(status, (0, -signal.SIGKILL))
                    undo("claude-code")
                    if status == 0:
                        break
                    if undo == self.uninstall:  # nothing of a killed one is left behind the next
                        self.assertEqual(self.tree(), {".claude": None, ".claude/settings.json": (CLAUDE, 0o644)})
                    number, kills = number + 1, kills + 1
            self.install("claude-code")
        self.assertGreater(kills, 20)

    def test_a_file_system_that_cannot_exchange_files(self):
        path = self.write("claude-code", CLAUDE)
        self.assertEqual(self.change("install", "renameat2:error=EINVAL"), 0)
        self.assertIn(b"claude-code", path.read_bytes())
        self.assertEqual(self.change("uninstall", "renameat2:error=ENOSYS"), 0)
        self.assertEqual(self.tree(), {".claude": None, ".claude/settings.json": (CLAUDE, 0o644)})

    def test_a_disk_that_refuses_changes_nothing(self):
        path = self.write("claude-code", CLAUDE)
        for injection in ("write:error=ENOSPC", "fsync:error=EIO", "rename:error=EIO", "renameat2:error=EIO",
                          "fchmod:error=EPERM", "?open,openat:error=EROFS:when=5+"):
            before = self.tree()
            self.assertEqual(self.change("install", injection), 1, injection)
            self.assertEqual(path.read_bytes(), CLAUDE, injection)
            self.uninstall("claude-code")  # takes away a backup that says what is there
            self.assertEqual(self.tree(), before, injection)
        self.install("claude-code")
        before = self.tree()
        for injection in ("write:error=ENOSPC", "fsync:error=EIO:when=1", "renameat2:error=EIO"):
            self.assertEqual(self.change("uninstall", injection), 1, injection)
            self.assertEqual(self.tree(), before, injection)
