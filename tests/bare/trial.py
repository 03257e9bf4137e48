# SPDX-License-Identifier: Apache-2.0
"""The basis of this folder's tests: packages in a bare Debian, beside a broker outside of it.

script/package runs them. From it come AEP_PACKAGES (the folder that it has made), AEP_PACKAGES_BEFORE (the
Debian packages of the release before, if there is one) and AEP_SUITES (which Debians to try).
"""
import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(SOURCE / "tests/broker"))

from harness import TOPICS, plain_kafka, unique  # noqa: E402,F401

PACKAGES = pathlib.Path(os.environ["AEP_PACKAGES"])
SUITES = os.environ["AEP_SUITES"].split()
DEADLINE_S = 1500

# What each script in a root begins with. A user of the machine; apt that asks nothing.
BEGIN = """
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
umask 022
useradd -m -u 59999 -s /bin/bash alice # no user of the machine outside
as_alice() { su - alice -c "bash -euo pipefail -s"; }
install() { apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@" >/dev/null; }
"""


def debs(suite, *names, folder=PACKAGES, architecture="amd64"):
    """The packages of these names, or all of them."""
    found = sorted((folder / suite).glob(f"*_{architecture}.deb"))
    found = [deb for deb in found if not deb.name.partition("_")[0].endswith("-dbgsym")]
    return [deb for deb in found if not names or deb.name.partition("_")[0] in names]


def agents(kafka, kind):
    """How many events of a kind are there of each agent."""
    return collections.Counter(record.payload["agent_name"] for record in kafka.read(TOPICS[kind]))


class Trial(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="aep-package-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_in(self, suite, script, packages=(), puts=(), root=()):
        """Runs a script in a bare root, where the packages are in /packages. Returns what it printed; what it
        left in /result is in self.folder / "result". `root`: more arguments of packaging/root."""
        puts = [(path, f"/packages/{path.name}") for path in packages] + list(puts)
        words = [word for path, place in puts for word in ("--put", f"{path}:{place}")]
        shutil.rmtree(self.folder / "result", ignore_errors=True)  # of the root before
        done = subprocess.run(
            [SOURCE / "packaging/root", suite, *root, *words, "--get", f"/result:{self.folder}/result",
             "bash", "-c", f"mkdir -m 1777 /result\n{BEGIN}{script}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S)
        if done.returncode != 0:
            self.fail(f"{suite}: ended with {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
        return done.stdout

    def result(self, name):
        return (self.folder / "result" / name).read_text()


def for_each_suite(test):
    """The test is run with each Debian."""
    def run(self):
        for suite in SUITES:
            with self.subTest(suite=suite):
                test(self, suite)
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


main = unittest.main
