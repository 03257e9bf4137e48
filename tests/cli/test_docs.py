# SPDX-License-Identifier: Apache-2.0
"""Man pages and completions, which are generated from the verbs' tables; the commands about executions
that the documents show."""
import os
import pathlib
import pty
import re
import shlex
import shutil
import subprocess
import unittest

from harness import DEADLINE_S, PROGRAM, AepTest, end_process, read_terminal

DOCS = os.environ["AEP_DOCS"]

# When zsh is about to read a line, this completes each of our lines instead, and exits.
ZSHRC = """
fpath=($AEP_DOCS/zsh $fpath)
autoload -Uz compinit && compinit -u -D
_owned() { compadd alpha beta }
compdef _owned owned
unsetopt auto_list list_beep
zle-line-init() {
    local line
    for line in "${(@f)LINES_TO_COMPLETE}"; do
        BUFFER=$line CURSOR=$#line
        zle complete-word
        print -r -- "$BUFFER" >>$COMPLETED
    done
    exit 0
}
zle -N zle-line-init
"""

# A function in place of the program prints what a line has become when it is entered.
BASHRC = """
PS1=
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
source "$AEP_DOCS/bash/aep"
aep() { echo "aep $*" >>"$COMPLETED"; }
_owned() {
    COMPREPLY=($(compgen -W 'alpha beta' -- "$2"))
    printf '%s|' "$1" "$2" "$3" "${COMP_WORDS[@]}" $COMP_CWORD "$COMP_LINE" $COMP_POINT >"$SEEN"
}
complete -F _owned owned
"""


class Docs(AepTest):
    def complete(self, *words, before=""):
        """The words that bash offers for the last word."""
        line = " ".join(words)
        script = (
            before + 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
            'COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; _aep; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "-c", script, "bash", os.path.join(DOCS, "bash", "aep"), *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        self.assertEqual(done.stderr, "", line)
        return done.stdout.split()

    def test_a_page_for_each_verb(self):
        pages = os.listdir(os.path.join(DOCS, "man"))
        for line in self.run_aep("--help").stdout.splitlines():
            if line.startswith("  ") and not line.startswith("   "):
                self.assertIn(f"aep-{line.split()[0]}.1", pages)
        self.assertIn("aep.1", pages)

    def test_pages_hold_what_help_says(self):
        with open(os.path.join(DOCS, "man", "aep-publish.1")) as file:
            page = file.read().replace("\\-", "-")
        for option in ("--wait[=MS]", "--progress-percent N", "--agent-name, --agent TEXT"):
            self.assertIn(option, page)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_pages_are_sound(self):
        for name in os.listdir(os.path.join(DOCS, "man")):
            path = os.path.join(DOCS, "man", name)
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", path], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.stderr, "", name)
            self.assertGreater(len(done.stdout), 500)

    def test_completion_of_verbs_and_actions(self):
        self.assertEqual(self.complete("aep", "pub"), ["publish"])
        self.assertEqual(self.complete("aep", "dead", "s"), ["show"])
        self.assertEqual(self.complete("aep", "schema", "st"), ["started"])

    def test_completion_of_options(self):
        self.assertEqual(self.complete("aep", "publish", "started", "--progress-p"),
                         ["--progress-percent"])
        self.assertIn("--yes", self.complete("aep", "spool", "purge", "--"))
        self.assertEqual(self.complete("aep", "publish", "--agent", ""), [])

    def test_completion_of_files(self):
        open(os.path.join(self.folder, "event.json"), "w").close()
        self.assertEqual(self.complete("aep", "validate", "ev"), ["event.json"])
        self.assertEqual(self.complete("aep", "policy", "--key-of", "ev"), ["event.json"])

    def test_completion_of_help(self):
        self.assertIn("doctor", self.complete("aep", "help", ""))
        self.assertEqual(self.complete("aep", "help", "dead", "s"), ["show"])
        self.assertEqual(self.complete("aep", "help", "doctor", ""), [])
        self.assertEqual(self.complete("aep", "help", "dead", "show", ""), [])

    def test_bash_completion_completes_the_command_of_run_where_it_is_there(self):
        for name in ("_command_offset", "_comp_command_offset"):
            before = name + '() { COMPREPLY=("$1"); }; '
            for words, at in ((["--agent", "a", "--", "cat", ""], "5"), (["cat", "-"], "2"),
                              (["--agent", "=", "a", "--strict", "c"], "6"), (["--", "-x"], "3")):
                self.assertEqual(self.complete("aep", "run", *words, before=before), [at], words)
            self.assertIn("--strict", self.complete("aep", "run", "--agent", "a", "-", before=before))
            self.assertEqual(self.complete("aep", "run", "--agent", "", before=before), [])

    def complete_in_bash(self, *lines):
        """Each line after the tab key and return were pressed."""
        completed, rc = (os.path.join(self.folder, name) for name in ("completed", "bashrc"))
        with open(rc, "w") as file:
            file.write(BASHRC)
        env = {**self.env, "TERM": "dumb", "AEP_DOCS": DOCS, "COMPLETED": completed,
               "SEEN": os.path.join(self.folder, "seen"), "INPUTRC": "/dev/null"}
        terminal, inner = pty.openpty()
        process = subprocess.Popen(["bash", "--noprofile", "--rcfile", rc, "-i"], stdin=inner,
                                   stdout=inner, stderr=inner, env=env, cwd=self.folder,
                                   start_new_session=True)
        self.addCleanup(end_process, process)
        self.addCleanup(os.close, terminal)
        os.close(inner)
        result = []
        open(completed, "w").close()
        for line in lines:
            os.write(terminal, line.encode() + b"\t\n")
            self.wait_until(lambda: len(read_lines(completed)) > len(result), line)
            result = read_lines(completed)
        return result

    def test_bash_completes(self):
        open(os.path.join(self.folder, "event.json"), "w").close()
        os.mkdir(os.path.join(self.folder, "sub folder"))
        cases = {
            "aep pub": "aep publish",
            "aep help do": "aep help doctor",
            "aep help dead sh": "aep help dead show",
            "aep help doctor sh": "aep help doctor sh",
            "aep dead s": "aep dead show",
            "aep publish started --progress-p": "aep publish started --progress-percent",
            "aep validate ev": "aep validate event.json",
            "aep validate su": "aep validate sub folder/",
            "aep policy --key-of ev": "aep policy --key-of event.json",
            "aep policy --key-of=ev": "aep policy --key-of=event.json",
            "aep tail -n ev": "aep tail -n ev",
            "aep run --stri": "aep run --strict",
            "aep run -- mkfif": "aep run -- mkfifo",
            "aep run --agent a -- mkfif": "aep run --agent a -- mkfifo",
            "aep run --agent=a mkfif": "aep run --agent=a mkfifo",
            "aep run --agent a cat ev": "aep run --agent a cat event.json",
            "aep run --agent a -- cat --agent ev": "aep run --agent a -- cat --agent event.json",
            "aep run --agent a cat --stri": "aep run --agent a cat --stri",
            "aep run --agent ev": "aep run --agent ev",
            "aep run --agent x  -- owned al": "aep run --agent x -- owned alpha",
            "aep nosuch x": "aep nosuch x",
            "aep list stat": "aep list state:",
            "aep list --sort at": "aep list --sort attention",
            "aep list --sort=at": "aep list --sort=attention",
            "aep list -s la": "aep list -s last_event",
            "aep watch - --until comp": "aep watch - --until completed",
            "aep list state:st": "aep list state:stalled",
            "aep list --all ag": "aep list --all agent:",
            "aep list tenant:a corr": "aep list tenant:a correlation:",
        }
        self.assertEqual(self.complete_in_bash(*cases), list(cases.values()))
        with open(os.path.join(self.folder, "seen")) as file:
            self.assertEqual(file.read(), "owned|al|owned|owned|al|1|owned al|8|")

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_the_completion_for_zsh_is_sound(self):
        subprocess.run(["zsh", "-n", os.path.join(DOCS, "zsh", "_aep")], check=True)

    def complete_in_zsh(self, *lines):
        """Each line after the tab key was pressed."""
        completed = os.path.join(self.folder, "completed")
        with open(os.path.join(self.folder, ".zshrc"), "w") as file:
            file.write(ZSHRC)
        env = {**self.env, "ZDOTDIR": self.folder, "TERM": "dumb", "AEP_DOCS": DOCS,
               "COMPLETED": completed, "LINES_TO_COMPLETE": "\n".join(lines)}
        terminal, inner = pty.openpty()
        process = subprocess.Popen(["zsh", "-d", "-i"], stdin=inner, stdout=inner, stderr=inner,
                                   env=env, cwd=self.folder, start_new_session=True)
        self.addCleanup(end_process, process)
        os.close(inner)
        shown = read_terminal(terminal)
        self.assertEqual(process.wait(DEADLINE_S), 0, shown)
        return read_lines(completed)

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_completes(self):
        open(os.path.join(self.folder, "event.json"), "w").close()
        cases = {
            "aep pub": "aep publish ",
            "aep dead s": "aep dead show ",
            "aep spool pu": "aep spool purge ",
            "aep schema st": "aep schema started ",
            "aep help do": "aep help doctor ",
            "aep list state:st": "aep list state:stalled ",
            "aep list --sort=at": "aep list --sort=attention ",
            "aep list -s la": "aep list -s last_event ",
            "aep watch - --until=comp": "aep watch - --until=completed ",
            "aep list tenant:a corr": "aep list tenant:a correlation:",
            "aep help dead sh": "aep help dead show ",
            "aep help doctor sh": "aep help doctor sh",
            "aep publish fa": "aep publish failed ",
            "aep publish started --progress-p": "aep publish started --progress-percent=",
            "aep publish started --agent a --dry": "aep publish started --agent a --dry-run ",
            "aep spool purge --y": "aep spool purge --yes ",
            "aep validate ev": "aep validate event.json ",
            "aep policy --key-of=ev": "aep policy --key-of=event.json ",
            "aep tail -n all --js": "aep tail -n all --json ",
            "aep publish started -n --wait --js": "aep publish started -n --wait --json ",
            "aep publish --agent a sta": "aep publish --agent a started ",
            "aep validate -- --js": "aep validate -- --js",
            "aep run --agent a -- cat ev": "aep run --agent a -- cat event.json ",
            "aep run --agent a cat ev": "aep run --agent a cat event.json ",
            "aep run --agent a -- mkfif": "aep run --agent a -- mkfifo ",
            "aep run -- mkfif": "aep run -- mkfifo ",
            "aep run -- cat ev": "aep run -- cat event.json ",
            "aep run --agent a -- owned al": "aep run --agent a -- owned alpha ",
            "aep run --agent a cat --stri": "aep run --agent a cat --stri",
            "aep nosuch x": "aep nosuch x",
        }
        self.assertEqual(self.complete_in_zsh(*cases), list(cases.values()))


class Executions(AepTest):
    """As the documents have them, with two executions there."""
    source = pathlib.Path(__file__).resolve().parents[2]

    def setUp(self):
        super().setUp()
        self.addCleanup(self.run_aep, "tracker", "stop", status=None)
        self.run_aep("run", "--agent", "nightly", "--", "false", status=1)
        self.run_aep("run", "--agent", "build-1", "--", "true")
        self.run_aep("list", "--wait=50s")  # the tracker runs from here on

    @unittest.skipUnless(shutil.which("jq"), "jq is not installed")
    def test_the_blocks_of_the_trackers_page(self):
        make = pathlib.Path(self.folder, "make")  # a bare machine has none
        make.write_text("#!/bin/sh\necho made\n")
        make.chmod(0o755)
        page = (self.source / "docs/TRACKER.md").read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)
        first, watching, _, calls, _, _, scripts, shared = blocks
        self.assertTrue(shared.startswith("createdb "))  # run by nobody: it needs somebody's server
        self.env["PATH"] = ":".join([os.path.dirname(PROGRAM), self.folder, self.env["PATH"]])
        shown = self.run_program("bash", "-euo", "pipefail", "-c", first, stdout=subprocess.PIPE)
        self.assertEqual(shown.returncode, 0)
        self.assertRegex(shown.stdout, r"^made\ncompleted\tbuilder\tmake\t(.*\n){3}agent +builder\n")
        done = self.run_program("bash", "-euo", "pipefail", "-c", scripts, stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r'^ +1 nightly\n\{\n(.*\n)* +"agent_name": "builder"')
        ended = watching.splitlines()[0].partition("&&")[0]
        self.assertEqual(self.run_program("bash", "-c", ended, stdout=subprocess.DEVNULL).returncode, 0)
        self.check_calls(calls)

    def check_calls(self, calls):
        """The calls of curl, with another port and another place of the token."""
        if not shutil.which("curl"):
            self.skipTest("curl is not installed")
        server = self.start_aep("serve", "--listen", "127.0.0.1:0")
        address = server.stdout.readline().partition("/#")[0]
        calls = calls.replace("http://127.0.0.1:7450", address)
        calls = calls.replace("~/.local/state", self.env["XDG_STATE_HOME"])
        token, read, follow = calls.splitlines()
        done = self.run_program(
            "bash", "-euo", "pipefail", "-c",
            f"{token}\ncurl -sf --retry 60 {address}/readyz >&2\n{read}\n{follow} | head -n 4",
            stdout=subprocess.PIPE)
        self.assertRegex(done.stdout, r'^\{"as_of":"(.*\n)+retry: 2000\nid: \d+\nevent: hello\n')

    def test_every_aep_list_is_accepted(self):
        """Also its filters and fields, which no table of options has."""
        calls = set()
        for page in (self.source / "README.md", *(self.source / "docs").glob("*.md")):
            calls.update(re.findall(r"aep list ([^|#`\n\[]*)", page.read_text()))
        calls = {call for call in calls if "--help" not in call}
        self.assertTrue({"state:failed since:10min", "--limit 1"} <= calls)
        for call in calls:
            self.run_aep("list", "--wait=50s", *shlex.split(call))


def read_lines(path):
    with open(path) as file:
        return file.read().splitlines()
