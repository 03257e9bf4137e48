# SPDX-License-Identifier: Apache-2.0
"""packaging/source and packaging/checksums: the archive of a commit, and the sums of what is released."""
import hashlib
import tarfile
import unittest

from repository import COMMIT_TIME, RepositoryTest


class Source(RepositoryTest):
    def setUp(self):
        super().setUp()
        self.write(".github/bug.md", "for the host of the repository")
        self.write(".ci/run", "", 0o755)
        self.write("build-me", "#!/bin/sh\n", 0o755)
        self.commit("second")
        self.out = self.folder / "out"

    def archive(self, out="out", before=":", env=None):
        """The archive as a user with these settings makes it."""
        self.run_in("sh", "-c", f"{before} && packaging/source",
                    env={"VERSION": "0.0.1", "OUT": str(self.folder / out), **(env or {})})
        return self.folder / out / "aep-0.0.1.tar.xz"

    def test_it_has_what_is_committed_and_nothing_of_the_machine(self):
        self.write("not-committed", "")
        with tarfile.open(self.archive()) as archive:
            members = archive.getmembers()
        names = {member.name for member in members}
        self.assertLessEqual({"aep-0.0.1/CHANGELOG.md", "aep-0.0.1/build-me",
                              "aep-0.0.1/include/aep/aep.h"}, names)
        for absent in (".github", ".ci", "not-committed", ".git"):
            self.assertNotIn(f"aep-0.0.1/{absent}", names)
        for member in members:
            self.assertTrue((member.name + "/").startswith("aep-0.0.1/"), member.name)
            self.assertEqual((member.uname, member.gname, member.uid, member.gid),
                             ("root", "root", 0, 0))
            self.assertEqual(member.mtime, COMMIT_TIME)
            ordinary = 0o755 if member.isdir() or member.name.endswith(
                ("build-me", "release", "/source", "/version", "/checksums")) else 0o644
            self.assertEqual(member.mode, ordinary, member.name)

    def test_its_bytes_are_the_commits_whoever_makes_it(self):
        one = self.archive().read_bytes()
        (self.folder / ".gitconfig").write_text(
            f"[tar]\numask=user\n[core]\nautocrlf=true\nattributesFile={self.folder}/attributes\n")
        (self.folder / "attributes").write_text("build-me export-ignore\n")
        two = self.archive("two", "umask 077 && touch CHANGELOG.md build-me",
                           {"TZ": "Asia/Tokyo", "LC_ALL": "C", "XZ_DEFAULTS": "--check=sha256", "XZ_OPT": "--block-size=4096"})
        self.assertEqual(one, two.read_bytes())

    def test_a_failure_leaves_no_archive(self):
        (self.top / ".git/HEAD").write_text("ref: refs/heads/none\n")
        self.run_in("packaging/source", status=128, env={"VERSION": "0.0.1", "OUT": str(self.out)})
        self.assertEqual(list(self.out.iterdir()), [])

    def test_the_sums_are_over_all_files(self):
        archive = self.archive()
        for name in ("trixie/b.deb", "bookworm/a b.deb", "Z", "a"):
            (self.out / name).parent.mkdir(exist_ok=True)
            (self.out / name).write_text(name)
        for _ in range(2):  # the sums of the first time are not summed
            self.run_in("packaging/checksums", env={"OUT": str(self.out)})
        lines = (self.out / "SHA256SUMS").read_text().splitlines()
        self.assertEqual([line[66:] for line in lines],
                         ["Z", "a", archive.name, "bookworm/a b.deb", "trixie/b.deb"])
        self.assertEqual(lines[0][:64], hashlib.sha256(b"Z").hexdigest())
        self.run_in("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=self.out)
        (self.out / "a").write_text("another")
        self.run_in("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=self.out, status=1)


if __name__ == "__main__":
    unittest.main()
