# SPDX-License-Identifier: Apache-2.0
"""packaging/root: what it refuses, before it makes a root."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2] / "packaging/root"


class Root(unittest.TestCase):
    def test_what_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            for words, text in (
                    (("sid", "true"), "no suite 'sid': bookworm or trixie"),
                    (("trixie",), "no command"),
                    (("trixie", "--get", f"/result:{folder}", "true"), f"--get: {folder} is there already")):
                done = subprocess.run([ROOT, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (2, f"packaging/root: {text}\n"))


if __name__ == "__main__":
    unittest.main()
