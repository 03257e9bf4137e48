# SPDX-License-Identifier: Apache-2.0
"""Man pages and completions, which are made from the verbs' tables."""
import os
import pty
import shutil
import subprocess
import unittest

from harness import DEADLINE_S, AepTest, end_process

DOCS = os.environ["AEP_DOCS"]

# As soon as zsh would read a line it completes each of ours instead, and ends.
ZSHRC = """
fpath=($AEP_DOCS/zsh $fpath)
autoload -Uz compinit && compinit -u -D
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


class Docs(AepTest):
    def complete(self, *words):
        """What bash offers for the last word."""
        line = " ".join(words)
        script = (
            'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
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

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_the_completion_for_zsh_is_sound(self):
        subprocess.run(["zsh", "-n", os.path.join(DOCS, "zsh", "_aep")], check=True)

    def complete_in_zsh(self, *lines):
        """What stands on each line after a press of the tab key."""
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
        shown = b""
        with open(terminal, "rb", buffering=0) as screen:
            try:
                while data := screen.read(4096):
                    shown += data
            except OSError:  # EIO: zsh has ended
                pass
        self.assertEqual(process.wait(DEADLINE_S), 0, shown)
        with open(completed) as file:
            return file.read().splitlines()

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_completes(self):
        open(os.path.join(self.folder, "event.json"), "w").close()
        cases = {
            "aep pub": "aep publish ",
            "aep dead s": "aep dead show ",
            "aep spool pu": "aep spool purge ",
            "aep schema st": "aep schema started ",
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
            "aep run --agent a cat --stri": "aep run --agent a cat --stri",
            "aep nosuch x": "aep nosuch x",
        }
        self.assertEqual(self.complete_in_zsh(*cases), list(cases.values()))
