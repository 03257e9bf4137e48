# SPDX-License-Identifier: Apache-2.0
"""Local mode on a volume that is smaller than spool.max_bytes, or that others fill: the oldest events
make room, and no more of them than must."""
import json
import os
import subprocess

import harness
from harness import AepTest

EVENTS = 2000
SKIPPED = 77
REQUEST = "019a7e5c-1111-7222-8333-444455556666"

# Runs in its own mount namespace: fills the volume, then waits until it accepts events again.
STORY = """
mount -t tmpfs -o size=$SIZE aep-test "$AEP_TEST_DISK" || exit 77
for neighbour in $NEIGHBOURS; do
    if [ $neighbour = spool ]; then
        "$AEP" publish started --agent a --correlation-id "$REQUEST" --request r > first || exit 1
    else
        fallocate -l $neighbour "$AEP_TEST_DISK/$neighbour" || exit 1
    fi
done
"$AEP" publish --stdin < lines > answers
tries=0
until "$AEP" publish progress --agent a --correlation-id "$REQUEST" --current-step last > last 2> refusal; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ]; then cat refusal >&2; "$AEP" relay stop; exit 1; fi
    sleep 0.2
done
"$AEP" relay stop
"$AEP" tail -n 2000 --json
"""


class SmallDisk(AepTest):
    relay = True

    def test_the_oldest_make_room_for_the_newest(self):
        self.tell("8m", [], 250)

    def test_where_one_segment_fits_its_newest_events_stay(self):
        self.tell("64m", ["spool", "56000k"], 250)

    def test_where_less_than_a_segment_fits_the_newest_events_stay(self):
        self.tell("64m", ["61m", "spool"], 40)

    def tell(self, size, neighbours, least):
        """A volume of that size, on which the neighbours make files before and after the spool is
        made; at least that many events stay."""
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        self.env.update(AEP=harness.PROGRAM, REQUEST=REQUEST, AEP_TEST_DISK=disk,
                        SIZE=size, NEIGHBOURS=" ".join(neighbours),
                        AEP_SPOOL_DIR=os.path.join(disk, "spool"))
        with open(os.path.join(self.folder, "lines"), "w", encoding="utf-8") as file:
            for number in range(EVENTS):
                file.write(json.dumps({"kind": "progress", "agent_name": "a",
                                       "correlation_id": REQUEST,
                                       "current_step": str(number),
                                       "metadata": {"fill": "x" * 15_000}}) + "\n")
        try:
            done = subprocess.run(
                ["unshare", "--mount", "--map-root-user", "sh", "-c", STORY], cwd=self.folder,
                env=self.env, text=True, capture_output=True)
        except FileNotFoundError as error:
            self.skipTest(str(error))
        if done.returncode == SKIPPED or "unshare failed" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        kept = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertIn('"last"', done.stdout.splitlines()[-1])
        self.assertGreater(len(kept), least, "no more goes than room needs")
