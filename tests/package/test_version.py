# SPDX-License-Identifier: Apache-2.0
"""packaging/version: the version of a tree, and the release before it."""
import pathlib
import re
import subprocess
import unittest

from repository import HEADER, SOURCE, RepositoryTest


class Version(RepositoryTest):
    def version(self, *arguments, **more):
        return self.run_in("packaging/version", *arguments, **more).stdout.rstrip("\n")

    def release(self, version, tag=True):
        self.version("--set", version)
        commit = self.commit(f"release: {version}")
        if tag:
            self.git("tag", "-a", "-m", version, f"v{version}")
        return commit

    def test_it_is_the_headers(self):
        self.assertEqual(self.version(), "0.0.1")

    def test_it_is_that_of_the_projects_header(self):
        header = (SOURCE / "include/aep/aep.h").read_text()
        present = re.search(r'#define AEP_VERSION "(.*)"', header)[1]
        done = self.run_in(str(SOURCE / "packaging/version"), cwd=pathlib.Path("/"))
        self.assertEqual(done.stdout, present + "\n")

    def test_what_is_set_is_read_and_nothing_else_changes(self):
        self.version("--set", "12.3.45")
        self.assertEqual(self.version(), "12.3.45")
        header = HEADER.replace("0.0.1", "12.3.45").replace("MAJOR 0", "MAJOR 12")
        header = header.replace("MINOR 0", "MINOR 3").replace("PATCH 1", "PATCH 45")
        self.assertEqual((self.top / "include/aep/aep.h").read_text(), header)

    def test_no_other_form_is_set(self):
        for wrong in ("", "1.2", "1.2.3.4", "v1.2.3", "1.2.3rc1", "1.2.3/"):
            self.assertIn("X.Y.Z", self.run_in("packaging/version", "--set", wrong, status=1).stderr)
        self.assertEqual(self.version(), "0.0.1")

    def test_without_a_release_there_is_none_before(self):
        self.assertIn("no release before 0.0.1",
                      self.run_in("packaging/version", "--before", status=1).stderr)

    def test_the_release_before_is_the_highest_lower_one(self):
        first = self.release("0.0.9")
        newest = self.release("0.0.10")
        self.assertEqual(self.version("--before"), first)
        self.release("0.0.11")
        self.assertEqual(self.version("--before"), newest)

    def test_what_comes_after_a_release_has_that_before(self):
        newest = self.release("0.0.10")
        self.commit("after the release")
        self.assertEqual(self.version("--before"), newest)

    def test_a_package_of_a_release_is_called_as_that(self):
        for tag in (True, False):
            self.release(version := f"0.0.{8 + tag}", tag)
            self.assertEqual(self.version("--package"), version)

    def test_a_package_of_what_comes_after_is_newer(self):
        self.release("0.0.9")
        names = []
        for step in range(2):
            commit = self.commit(f"step {step}")
            names.append(self.version("--package"))
            self.assertTrue(names[-1].endswith(commit[:10]), names)
        for older, newer in zip(["0.0.9", *names], [*names, "0.0.10"]):
            self.assertEqual(subprocess.run(["dpkg", "--compare-versions", older, "lt", newer]).returncode, 0, names)

    def test_a_clone_without_tags_finds_the_same(self):
        self.release("0.0.2", tag=False)
        before = self.release("0.0.30", tag=False)
        self.commit("docs: how a release: 0.0.25 is made")
        self.commit("release: 0.0.26 is near")
        self.assertEqual(self.version("--before"), before)

    def test_a_tag_says_more_than_a_message(self):
        self.release("0.0.2", tag=False)
        again = self.commit("relay: mended before anyone had 0.0.2")
        self.git("tag", "v0.0.2")
        self.release("0.0.3")
        self.assertEqual(self.version("--before"), again)

    def test_a_release_of_another_line_is_not_before(self):
        before = self.release("0.0.2")
        self.git("switch", "--quiet", "-c", "aside")
        self.release("0.0.3")
        self.git("switch", "--quiet", "main")
        self.release("0.0.4")
        self.assertEqual(self.version("--before"), before)


if __name__ == "__main__":
    unittest.main()
