# SPDX-License-Identifier: Apache-2.0
"""64-bit ARM, by qemu's user mode: the unit tests, and the packages on a bare system.

There no program can start another of its kind: here relay and tracker run before they are needed."""
import subprocess
import unittest

from test_readme import block
from trial import DEADLINE_S, SOURCE, SUITES, Trial, agents, debs, for_each_suite, main, plain_kafka, unique

ROOT = ("--foreign", "arm64", "--with", "qemu-user-static", "--with", "gcc-aarch64-linux-gnu",
        "--with", "libc6-dev-arm64-cross")

# A Python for arm64 would run itself when it is installed, so it is only unpacked, and python3-aep with it.
SCRIPT = """
install $(ls /packages/*.deb | grep -v /python3-aep_)
mkdir -m 755 /python && cd /python
apt-get download -qq $(apt-cache depends --recurse --no-{{recommends,suggests,conflicts,breaks,replaces,enhances}} \
    python3:arm64 | grep '^[a-z].*:arm64$')
for package in *.deb /packages/python3-aep_*.deb; do dpkg-deb -x "$package" .; done
aarch64-linux-gnu-gcc /put/agent.c -laep -o /home/alice/agent
as_alice <<'END'
export KAFKA_BOOTSTRAP_SERVERS={servers}
arm() {{ qemu-aarch64-static "$@"; }}
await() {{ for _ in $(seq 600); do if "$@"; then return; fi; sleep 0.1; done; echo "not within a minute: $*"; exit 1; }}
relay_runs() {{ arm /usr/bin/aep status --json | grep -q '"relay_alive": *true'; }}
listed() {{ arm /usr/libexec/aep/aep-executions list --all >list && grep -q 'completed.*{agent}' list; }}
arm /usr/bin/aep --version
arm /usr/libexec/aep/aep-relay --version
arm /usr/libexec/aep/aep-relay --foreground &
arm /usr/libexec/aep/aep-tracker serve --listen 127.0.0.1:0 &
await relay_runs
id=$(arm /usr/bin/aep publish started --agent {agent} --request 'Another processor')
arm /usr/bin/aep publish completed --agent {agent} --correlation-id "$id" --wait=60s
arm ./agent
PYTHONHOME=/python/usr PYTHONPATH=/python/usr/lib/python3/dist-packages QEMU_LD_PREFIX=/python \
    arm /python/usr/bin/python3 /put/agent.py | grep -x acked
arm /usr/bin/aep flush --timeout 60000
await listed
END
"""


@unittest.skipIf(not any(debs(suite, architecture="arm64") for suite in SUITES), "there are no packages for arm64")
class Arm64(Trial):
    @for_each_suite
    def test_units(self, suite):
        done = subprocess.run([SOURCE / "packaging/try/arm64", suite], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=2 * DEADLINE_S)
        print(done.stderr)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-6000:])
        self.assertRegex(done.stdout, r"100% tests passed, 0 tests failed out of 1\d\d")

    @for_each_suite
    def test_packages(self, suite):
        kafka, agent = plain_kafka(), f"arm{unique()}"
        before = agents(kafka, "completed")
        (self.folder / "agent.c").write_text(block("From C", "c"))
        (self.folder / "agent.py").write_text(block("From Python", "python"))
        self.run_in(suite, SCRIPT.format(servers=kafka.servers, agent=agent), debs(suite, architecture="arm64"),
                    [(self.folder / name, f"/put/{name}") for name in ("agent.c", "agent.py")], ROOT)
        self.assertEqual(agents(kafka, "completed") - before, {agent: 1, "reviewer": 2})


if __name__ == "__main__":
    main()
