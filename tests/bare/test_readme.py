# SPDX-License-Identifier: Apache-2.0
"""The README's blocks, as written, with the installed packages, beside a broker outside; and a project that
finds the library by CMake."""
import collections
import re

from trial import SOURCE, Trial, agents, debs, for_each_suite, main, plain_kafka

README = (SOURCE / "README.md").read_text()
# Who has published on each topic: the shell's, those in C and Python, and what the doctor tries.
AGENTS = dict.fromkeys(("started", "completed"), ["builder", "sleeper", "reviewer", "reviewer", "aep-doctor"])

# What runs until somebody ends it is started on a terminal, and is told to end.
LIVE = {"aep watch": "q", "aep serve --open": None, "aep tail -f": None}

SCRIPT = """
install /packages/*.deb gcc libc6-dev cmake ninja-build pkgconf
mkdir /home/alice/work && cd /home/alice/work
cp -r /put/* .
chown -R alice: /home/alice
su - alice -c "cd work && export KAFKA_BOOTSTRAP_SERVERS={servers} && bash -euxo pipefail go"
"""

GO = """
. ./shell
cp block.c agent.c
. ./compile
./agent
cmake -G Ninja -S consumer -B build/consumer -DAEP_WANTED="$(pkg-config --modversion aep)" && cmake --build build/consumer
AEP_MODE=local build/consumer/shared && AEP_MODE=local build/consumer/static
python3 block.py | grep acked
aep flush --timeout 60000
"""


def block(heading, language, number=0):
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)[number]


def shell_block(servers):
    lines = []
    for line in block("From the shell", "sh").splitlines():
        words = line.partition("#")[0].strip()
        if words in LIVE:
            line = f"(sleep 5; printf '{LIVE[words] or ''}') | script -qec 'timeout -s INT 10 {words}' /dev/null || true"
        lines.append(line.replace("localhost:9092", servers))
    return "\n".join(lines) + "\n"


class Readme(Trial):
    @for_each_suite
    def test_its_blocks(self, suite):
        kafka = plain_kafka()
        before = {kind: agents(kafka, kind) for kind in AGENTS}
        files = {"shell": shell_block(kafka.servers), "block.c": block("From C", "c"),
                 "compile": block("From C", "sh"), "block.py": block("From Python", "python"), "go": GO}
        puts = []
        for name, text in files.items():
            (self.folder / name).write_text(text)
            puts.append((self.folder / name, f"/put/{name}"))
        puts.append((SOURCE / "tests/install/consumer", "/put/consumer"))
        out = self.run_in(suite, SCRIPT.format(servers=kafka.servers), debs(suite), puts)
        self.assertRegex(out, r"completed\tsleeper")
        for kind, names in AGENTS.items():
            self.assertEqual(agents(kafka, kind) - before[kind], collections.Counter(names), kind)


if __name__ == "__main__":
    main()
