# SPDX-License-Identifier: Apache-2.0
"""Man pages and completions, which are made from the verbs' tables."""
import os
import shutil
import subprocess
import unittest

from harness import AepTest

DOCS = os.environ["AEP_DOCS"]


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
