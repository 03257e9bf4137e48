# SPDX-License-Identifier: Apache-2.0
"""script/release: what it refuses, and that main changes only once everything has passed."""
import datetime
import os
import signal
import subprocess
import unittest

from repository import CHANGELOG, DEADLINE_S, RepositoryTest

PACKAGE = """\
#!/bin/sh
# Makes one file, of the version that it finds.
set -eu
[ "$*" = --check ]
mkdir -p build/package/trixie
{ packaging/version; git log -1 --format=%s; git status --porcelain; } >build/package/trixie/aep.deb
OUT=$PWD/build/package packaging/checksums
echo packages made
"""


class Release(RepositoryTest):
    def setUp(self):
        super().setUp()
        self.write("script/package", PACKAGE, 0o755)
        self.before = self.commit("second")
        self.releases = self.top / "build/releases"

    def release(self, *arguments, status=0, **more):
        return self.run_in("script/release", *arguments, status=status, **more)

    def assert_untouched(self):
        """main, its tree, its tags and its worktrees are as they were."""
        self.assertEqual(self.git("rev-parse", "main"), self.before)
        self.assertEqual(self.git("tag"), "")
        self.assertEqual(self.git("status", "--porcelain"), "")
        self.assertFalse((self.releases / "0.0.2").exists())

    def assert_refused(self, remedy, *arguments, status=1):
        done = self.release(*(arguments or ("0.0.2",)), status=status)
        self.assertIn(remedy, done.stderr)
        self.assertFalse(self.releases.exists())

    def change(self, name, old, new):
        text = (self.top / name).read_text()
        self.assertIn(old, text)
        self.write(name, text.replace(old, new), (self.top / name).stat().st_mode & 0o777)
        self.before = self.commit("third")

    # ---- what is refused ----

    def test_it_needs_a_version(self):
        for wrong in ([], ["v0.0.2"], ["0.2"], ["0.0.2.1"], ["0.02.0"], ["0.0.2-rc1"]):
            self.assert_refused("X.Y.Z", *wrong, "--dry-run", status=2)
        self.assert_refused("--help", "--force", "0.0.2", status=2)

    def test_changes_are_refused(self):
        self.write("CHANGELOG.md", CHANGELOG + "\n- Relay: more\n")
        self.assert_refused("git status")

    def test_new_files_are_refused(self):
        self.write("new", "")
        self.assert_refused("git status")

    def test_another_branch_is_refused(self):
        self.git("switch", "--quiet", "-c", "aside")
        self.assert_refused("git switch main")
        self.git("switch", "--quiet", "--detach")
        self.assert_refused("git switch main")

    def test_a_version_that_is_not_higher_is_refused(self):
        for low in ("0.0.1", "0.0.0"):
            self.assert_refused("not higher than 0.0.1", low)

    def test_ten_is_higher_than_nine(self):
        self.change("include/aep/aep.h", "0.0.1", "0.0.9")
        self.release("0.0.10")
        self.assertIn("not higher", self.release("0.0.9", status=1).stderr)

    def test_a_version_that_has_a_tag_is_refused(self):
        self.git("tag", "v0.0.2")
        self.assert_refused("git tag -d v0.0.2")

    def test_a_changelog_without_news_is_refused(self):
        self.change("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n## [0.0.1] - 2026-01-01\n")
        self.assert_refused("nothing under [Unreleased]")

    def test_a_heading_that_comes_twice_is_refused(self):
        self.change("CHANGELOG.md", "### Fixed", "### Added")
        self.assert_refused("'### Added' more than once")

    # ---- a release ----

    def test_a_release_is_made(self):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        done = self.release("0.0.2")
        self.assertIn("git push --atomic origin main v0.0.2", done.stderr)
        self.assertIn("trixie/aep.deb", done.stdout)
        self.assertEqual(self.git("log", "-2", "--format=%s"), "release: 0.0.2\nsecond")
        self.assertEqual(self.git("rev-parse", "v0.0.2^{commit}"), self.git("rev-parse", "main"))
        self.assertEqual(self.git("cat-file", "-t", "v0.0.2"), "tag")
        self.assertEqual(self.git("diff", "--name-only", "main^", "main"),
                         "CHANGELOG.md\ninclude/aep/aep.h")
        self.assertEqual(self.run_in("packaging/version").stdout, "0.0.2\n")
        self.assertEqual(self.git("status", "--porcelain"), "")
        self.assertEqual((self.releases / "0.0.2/trixie/aep.deb").read_text(), "0.0.2\nrelease: 0.0.2\n")
        self.run_in("sha256sum", "--check", "SHA256SUMS", cwd=self.releases / "0.0.2")
        self.assertEqual(sorted(os.listdir(self.releases)), ["0.0.2", "0.0.2.log"])
        self.assertIn("packages made", (self.releases / "0.0.2.log").read_text())
        self.assertEqual(len(self.git("worktree", "list").splitlines()), 1)
        headings = [CHANGELOG.replace("[Unreleased]\n", f"[Unreleased]\n\n## [0.0.2] - {day}\n")
                    for day in (today, today + datetime.timedelta(days=1))]
        self.assertIn((self.top / "CHANGELOG.md").read_text(), headings)

    def test_the_next_release_is_made_of_what_came_after(self):
        self.release("0.0.2")
        self.assertIn("nothing under [Unreleased]", self.release("0.0.3", status=1).stderr)
        self.change("CHANGELOG.md", "## [Unreleased]\n",
                    "## [Unreleased]\n\n### Fixed\n\n- Relay: it takes off\n")
        self.release("0.0.3")
        sections = (self.top / "CHANGELOG.md").read_text().split("\n## ")
        self.assertEqual([section.split("]")[0] for section in sections[1:]],
                         ["[Unreleased", "[0.0.3", "[0.0.2"])
        self.assertEqual(sections[2].split("\n", 1)[1], "\n### Fixed\n\n- Relay: it takes off\n")
        self.assertEqual(self.git("rev-parse", "v0.0.2^{commit}"),
                         self.run_in("packaging/version", "--before").stdout.strip())

    def test_it_is_started_from_anywhere_and_leaves_ignored_files_alone(self):
        self.write("build/dev/program", "of the user")
        self.run_in(str(self.top / "script/release"), "0.0.2", cwd=self.folder)
        self.assertEqual((self.top / "build/dev/program").read_text(), "of the user")

    def test_the_baseline_of_the_abi_is_renewed_with_it(self):
        self.write("packaging/abi/baseline", "0.0.1\n")
        self.write("packaging/abi/update", "#!/bin/sh\npackaging/version >packaging/abi/baseline\n", 0o755)
        self.before = self.commit("third")
        self.release("0.0.2")
        self.assertEqual((self.top / "packaging/abi/baseline").read_text(), "0.0.2\n")
        self.assertEqual(self.git("status", "--porcelain"), "")

    def test_the_tag_is_signed_where_tags_are(self):
        self.write_signer('cat >/dev/null; printf "\\n[GNUPG:] SIG_CREATED x\\n" >&2; echo "-----BEGIN PGP SIGNATURE-----"')
        self.release("0.0.2")
        self.assertIn("BEGIN PGP SIGNATURE", self.git("cat-file", "tag", "v0.0.2"))

    def write_signer(self, script):
        """In place of gpg."""
        signer = self.folder / "signer"
        signer.write_text(f"#!/bin/sh\n{script}\n")
        signer.chmod(0o755)
        for name, value in (("gpg.program", str(signer)), ("tag.gpgSign", "true"),
                            ("user.signingKey", "x")):
            self.git("config", name, value)

    def test_a_dry_run_shows_the_changes_and_makes_none(self):
        done = self.release("--dry-run", "0.0.2")
        self.assertIn('+#define AEP_VERSION "0.0.2"', done.stdout)
        self.assertIn("+## [0.0.2] - ", done.stdout)
        self.assert_untouched()
        self.assertEqual(os.listdir(self.releases), [])
        self.assertEqual(len(self.git("worktree", "list").splitlines()), 1)

    # ---- what fails ----

    def assert_fails(self, log, status=1):
        """It fails, names the log, and can be tried again once the cause is gone."""
        done = self.release("0.0.2", status=status)
        self.assertIn("no part of it is on main", done.stderr)
        self.assertIn("build/releases/0.0.2.log", done.stderr)
        self.assert_untouched()
        self.assertIn(log, (self.releases / "0.0.2.log").read_text())

    def test_packages_that_do_not_pass_change_nothing(self):
        self.change("script/package", "echo packages made", "echo a test has failed >&2; exit 3")
        self.assert_fails("a test has failed", status=3)
        self.assertTrue((self.releases / "0.0.2.work/build/package/trixie/aep.deb").exists())
        self.change("script/package", "exit 3", "exit 0")
        self.release("0.0.2")
        self.assertFalse((self.releases / "0.0.2.work").exists())

    def test_sums_that_do_not_match_change_nothing(self):
        self.change("script/package", "echo packages made", "echo more >>build/package/trixie/aep.deb")
        self.assert_fails("trixie/aep.deb: FAILED")

    def test_a_tag_that_cannot_be_signed_changes_nothing(self):
        self.write_signer("exit 1")
        self.assert_fails("packages made", status=128)

    def test_a_commit_that_a_hook_refuses_changes_nothing(self):
        self.write(".git/hooks/pre-commit", "#!/bin/sh\necho refused >&2; exit 1\n", 0o755)
        self.assert_fails("refused")

    def test_a_main_that_has_moved_meanwhile_stays_where_it_is(self):
        self.change("script/package", "echo packages made",
                    'git -C ../../.. commit --quiet --allow-empty -m meanwhile')
        done = self.release("0.0.2", status=128)
        self.assertIn("no part of it is on main", done.stderr)
        self.assertEqual(self.git("log", "-2", "--format=%s"), "meanwhile\nthird")
        self.assertEqual(self.git("tag"), "")

    def test_an_interrupted_release_changes_nothing(self):
        self.change("script/package", "echo packages made", f"echo reached; exec sleep {DEADLINE_S}")
        with subprocess.Popen(["script/release", "0.0.2"], cwd=self.top, env=self.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              start_new_session=True) as process:
            self.assertIn("reached\n", iter(process.stdout.readline, ""))
            os.killpg(process.pid, signal.SIGINT)
            told = process.stderr.read()
        self.assertEqual(process.returncode, 130)
        self.assertIn("no part of it is on main", told)
        self.assert_untouched()


if __name__ == "__main__":
    unittest.main()
