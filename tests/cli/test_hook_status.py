# SPDX-License-Identifier: Apache-2.0
"""aep hook status, and the doctor's step: where hooks are, whether they can run, and have run."""
import json
import os
import shutil
import subprocess

from harness import PROGRAM
from test_hook_install import CLAUDE, PLACES, HookTest


class Status(HookTest):
    def setUp(self):
        super().setUp()
        self.env["AEP_MODE"] = "local"

    def status(self, agent, status=0, **more):
        return json.loads(self.run_aep("hook", "status", "--json", agent, status=status, **more).stdout)

    def faults(self, agent, **more):
        return self.status(agent, status=1, **more)["faults"]

    def test_nothing_is_installed(self):
        said = self.run_aep("hook", "status").stdout
        self.assertEqual([line.split()[0] for line in said.splitlines()], list(PLACES))
        self.assertEqual(said.count("not installed"), len(PLACES))
        found = [json.loads(line) for line in self.run_aep("hook", "status", "--json").stdout.splitlines()]
        self.assertEqual([(one["agent"], one["installed"]) for one in found], [(agent, False) for agent in PLACES])

    def test_all_are_installed(self):
        for agent in PLACES:
            self.install(agent)
            found = self.status(agent, status=None)
            self.assertEqual((found["installed"], found["path"], found["program"], found["version"]),
                             (True, str(self.place(agent)), PROGRAM,
                              self.run_aep("--version").stdout.split()[1]))
            self.assertEqual((found["events"], found["last_event_at"]), (0, None))
            self.assertEqual(bool(found["faults"]), agent == "codex")

    def test_settings_that_cannot_be_read(self):
        self.write("claude-code", "{ broken")
        found = self.status("claude-code", status=1)
        self.assertEqual((found["installed"], found["hooks"]), (None, 0))
        self.assertIn("settings.json: line 1", found["faults"][0])

    def test_hooks_of_an_older_version(self):
        self.install("cursor")
        path = self.place("cursor")
        settings = json.loads(path.read_bytes())
        del settings["hooks"]["stop"]
        path.write_text(json.dumps(settings))
        self.assertIn("aep hook install cursor", self.faults("cursor")[0])

    def test_what_was_seen_is_told_in_all_spools(self):
        self.install("claude-code")
        for spool in ("one", "two"):
            text = json.dumps({"session_id": "s", "hook_event_name": "SessionStart", "source": "startup"})
            self.run_aep("hook", "claude-code", stdin=text,
                         env={"AEP_SPOOL_DIR": os.path.join(self.folder, "state/aep", spool)})
        found = self.status("claude-code")
        self.assertEqual((found["events"], found["errors"], found["last_event"]), (2, 0, "SessionStart"))
        self.assertIn("2 events seen, the last", self.run_aep("hook", "status", "claude-code").stdout)
        self.run_aep("hook", "claude-code", stdin="no JSON")
        self.assertGreater(self.status("claude-code")["errors"], 0)
        self.assertIn("1 error, the last", self.run_aep("hook", "status", "claude-code").stdout)

    def test_a_configuration_that_is_wrong_is_told_with_the_agent(self):
        self.env["AEP_SPOOL_SYNC"] = "perhaps"
        self.run_aep("hook", "codex", stdin='{"session_id":"s","hook_event_name":"Stop"}')
        del self.env["AEP_SPOOL_SYNC"]
        self.assertIn("spool.sync", self.status("codex")["last_error"])
        self.assertEqual(0, self.status("claude-code")["errors"])

    def test_what_switches_claude_code_off(self):
        self.write("claude-code", CLAUDE.replace(b'"model"', b'"disableAllHooks": true, "model"'))
        self.install("claude-code")
        self.assertIn('"disableAllHooks" in', self.faults("claude-code")[0])
        self.uninstall("claude-code")
        self.write("claude-code", CLAUDE)
        self.install("claude-code")
        work = self.home / "work"
        (work / ".claude").mkdir(parents=True)
        (work / ".claude/settings.local.json").write_text('{"disableAllHooks": true}')
        self.assertIn("settings.local.json", self.faults("claude-code", cwd=work)[0])
        (work / ".claude/settings.local.json").write_text('{"disableAllHooks": false}')
        self.assertEqual(self.status("claude-code", cwd=work)["faults"], [])

    def test_policies_of_an_administrator(self):
        """In a mount namespace with an /etc of our own."""
        if subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "true"],
                          stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no namespaces here")
        self.install("claude-code")
        self.install("codex")
        etc = self.home / "etc"
        for agent, file, text, names in (
                ("claude-code", "claude-code/managed-settings.json", '{"allowManagedHooksOnly": true}', "allowManagedHooksOnly"),
                ("claude-code", "claude-code/managed-settings.d/10-x.json", '{"disableAllHooks": true}', "disableAllHooks"),
                ("codex", "codex/requirements.toml", "allow_managed_hooks_only = true\n", "allow_managed_hooks_only"),
                ("codex", "codex/requirements.toml", "[features]\nhooks = false\n", "features.hooks")):
            path = etc / file
            path.parent.mkdir(parents=True)
            path.write_text(text)
            done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                                   f'mount --bind "{etc}" /etc && exec "$@"', "sh", PROGRAM, "hook", "status", agent],
                                  env=self.env, stdout=subprocess.PIPE, text=True)
            self.assertIn(f'switched off by "{names}" in /etc/{file}', done.stdout)
            self.assertEqual(done.returncode, 1)
            shutil.rmtree(etc)

    def test_the_plugin_is_told(self):
        self.write("claude-code", '{"enabledPlugins": {"other@aep": true, "aep@aep": false}}')
        self.assertEqual((self.status("claude-code")["installed"], self.status("claude-code")["plugin"]), (False, False))
        self.write("claude-code", '{"enabledPlugins": {"aep@aep": true}}')
        self.assertEqual((self.status("claude-code")["installed"], self.status("claude-code")["plugin"]), (True, True))
        self.assertIn("by its plugin", self.run_aep("hook", "status", "claude-code").stdout)
        self.install("claude-code")
        self.assertIn("by its plugin, too", self.run_aep("hook", "status", "claude-code").stdout)

    def test_what_codex_trusts(self):
        self.install("codex")
        path, config = self.place("codex"), self.home / ".codex/config.toml"
        hooks = json.loads(path.read_bytes())["hooks"]
        self.assertEqual(self.faults("codex"), [f"{len(hooks)} of {len(hooks)} hooks are not trusted: type /hooks in Codex"])

        def label(event):
            return "".join("_" + c.lower() if c.isupper() else c for c in event).lstrip("_")

        lines = [f'[hooks.state."{path}:{label(event)}:0:0"]\ntrusted_hash = "sha256:{"0" * 64}"\n' for event in hooks]
        config.write_text('model = "x"\n' + "\n".join(lines))
        self.assertEqual(self.status("codex")["faults"], [])
        config.write_text("\n".join(lines[1:]))
        self.assertIn(f"1 of {len(hooks)}", self.faults("codex")[0])
        config.write_text("\n".join(lines) + "enabled = false\n")
        self.assertIn(f"1 of {len(hooks)} hooks are switched off", self.faults("codex")[0])
        config.write_text("\n".join(lines) + "[features]\nhooks = false # for now\n")
        self.assertIn('"features.hooks" in', self.faults("codex")[0])

    def test_what_switches_the_others_off(self):
        for agent, file, text in (
                ("gemini-cli", None, '{"hooksConfig": {"enabled": false}}'),
                ("gemini-cli", None, '{"hooksConfig": {"disabled": ["x", "aep"]}}'),
                ("gemini-cli", None, '{"tools": {"enableHooks": false}}'),
                ("gemini-cli", None, '{"hooks": {"enabled": false}}'),
                ("copilot-cli", ".copilot/settings.json", '{"disableAllHooks": true}')):
            with self.subTest(agent=agent, text=text):
                if file is None:
                    self.write(agent, text)
                self.install(agent)
                if file:
                    (self.home / file).write_text(text)
                self.assertIn("switched off by", self.faults(agent)[0])
                self.uninstall(agent)

    def test_the_doctor_looks_too(self):
        def step():
            found = json.loads(self.run_aep("doctor", "--no-probe", "--json", status=None).stdout)["findings"]
            return [one for one in found if one["step"] == "hooks"]

        self.assertEqual([one["verdict"] for one in step()], ["skipped"])
        self.install("claude-code")
        self.install("gemini-cli")
        self.assertEqual([(one["verdict"], one["text"]) for one in step()],
                         [("ok", "claude-code: installed; no event seen yet"),
                          ("ok", "gemini-cli: installed; no event seen yet")])
        path = self.place("claude-code")
        path.write_text(path.read_text().replace(json.dumps(PROGRAM), '"/nowhere/aep"'))
        first, second = step()
        self.assertEqual((first["verdict"], second["verdict"]), ("warning", "ok"))
        self.assertIn("is gone", first["text"])
        self.assertIn("aep hook status claude-code", first["remedy"])



class WithoutConfiguration(HookTest):
    relay = True

    def test_installed_it_is_followed_at_once(self):
        """As the first lines of docs/HOOKS.md promise: no Kafka, no configuration."""
        self.addCleanup(self.run_aep, "tracker", "stop", status=None)
        self.addCleanup(self.run_aep, "relay", "stop", "--spool", self.spool, status=None)
        self.install("claude-code")
        group, = json.loads(self.place("claude-code").read_bytes())["hooks"]["UserPromptSubmit"]
        handler, = group["hooks"]
        for fields in ({"hook_event_name": "SessionStart", "source": "startup"},
                       {"hook_event_name": "UserPromptSubmit", "prompt": "Fix the ledger"},
                       {"hook_event_name": "PermissionRequest", "tool_name": "Bash", "tool_input": {"command": "rm"}}):
            text = json.dumps({"session_id": "0fc37bc9-ee79-4fa3-9641-e037d5cb576e", "cwd": "/", **fields})
            done = subprocess.run([handler["command"], *handler["args"]], input=text, text=True, env=self.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertEqual((done.returncode, done.stdout), (0, ""))
        shown = [json.loads(line) for line in self.run_aep("list", "--all", "--json").stdout.splitlines()]
        self.assertEqual({one["agent_name"] for one in shown}, {"claude-code"})
        self.assertEqual({(one["user_request"], one["state"], one["waiting_for"]) for one in shown},
                         {("/ (startup)", "running", None), ("Fix the ledger", "waiting", "permission")})

    def test_the_doctor_looks_as_hooks_do(self):
        refused = self.run_aep("doctor", "--no-probe", status=1).stdout
        self.assertIn("no Kafka servers are set: set", refused)
        self.install("claude-code")
        found = json.loads(self.run_aep("doctor", "--no-probe", "--json").stdout)["findings"]
        first = found[0]
        self.assertEqual((first["step"], first["verdict"]), ("configuration", "warning"))
        self.assertIn("hooks publish in local mode", first["text"])
        self.assertEqual([one for one in found if "the configuration is wrong" in one["text"]], [])
