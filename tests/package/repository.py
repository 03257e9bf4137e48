# SPDX-License-Identifier: Apache-2.0
"""A git repository for each test, with the project's programs that make a release in it. Neither the
user's settings of git nor the machine's are seen there."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEADLINE_S = 240
COMMIT_TIME = 1_700_000_000

HEADER = """\
#define AEP_VERSION "0.0.1"
#define AEP_VERSION_MAJOR 0
#define AEP_VERSION_MINOR 0
#define AEP_VERSION_PATCH 1
"""
CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- Command line: `aep fly`

### Fixed

- Relay: it lands
"""


class RepositoryTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aep-package-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.top = self.folder / "tree"
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC",
            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c@example.org",
            "GIT_AUTHOR_DATE": f"@{COMMIT_TIME} +0000", "GIT_COMMITTER_DATE": f"@{COMMIT_TIME} +0000",
        }
        self.run_in("git", "init", "--quiet", "--initial-branch=main", str(self.top), cwd=self.folder)
        for name in (".gitattributes", ".gitignore", "packaging/checksums", "packaging/source",
                     "packaging/version", "script/release"):
            (self.top / name).parent.mkdir(exist_ok=True)
            shutil.copy(SOURCE / name, self.top / name)
        self.write("include/aep/aep.h", HEADER)
        self.write("CHANGELOG.md", CHANGELOG)
        self.commit("first")

    def run_in(self, *command, status=0, env=None, cwd=None, **more):
        """Runs a command in the repository to its end and checks the exit status."""
        done = subprocess.run(command, cwd=cwd or self.top, env={**self.env, **(env or {})}, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=DEADLINE_S, **more)
        self.assertEqual(done.returncode, status, f"{command}: {done.stdout}{done.stderr}")
        return done

    def git(self, *command, **more):
        """What git prints."""
        return self.run_in("git", *command, **more).stdout.rstrip("\n")

    def write(self, name, text, mode=0o644):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def commit(self, message):
        """Commits everything; returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")
