# SPDX-License-Identifier: Apache-2.0
"""From the release before to this one, beside programs that go on: no event is lost or doubled, and no package
ever removes a spool."""
import collections
import os
import pathlib
import unittest

from trial import Trial, debs, for_each_suite, main, plain_kafka, unique

BEFORE = os.environ.get("AEP_PACKAGES_BEFORE")

# Events of a type of their own, numbered, for each writer: N is how many it has published at last.
WRITERS = """
mkdir -p /home/alice/.config/aep
echo 'kafka.bootstrap.servers = {servers}' >/home/alice/.config/aep/aep.conf
cat >/home/alice/one_shot <<'END'
n=0 # a process for each event
until [ -e /tmp/stop ]; do
    aep publish --type {kind} --payload "{{\\"writer\\":\\"shot\\",\\"n\\":$n}}" --correlation-id shot
    n=$((n + 1))
done
echo $n >/result/shot
END
cat >/home/alice/steady <<'END'
import json, os, time
import aep # one process that has the library of when it began
publisher, n = aep.Publisher(), 0
while not os.path.exists("/tmp/stop"):
    publisher.publish({kind!r}, {{"writer": "steady", "n": n}}, correlation_id="steady")
    n += 1
    time.sleep(0.002)
open("/result/steady", "w").write(str(n))
END
chown -R alice: /home/alice
start() {{ su - alice -c "$1" >>/result/log 2>&1 & }}
await() {{ # await CONDITION WHAT
    for _ in $(seq 600); do if eval "$1"; then return; fi; sleep 0.1; done
    echo "not within a minute: $2"; cat /result/log; exit 1
}}
await_growth() {{ # until so much more has been published
    local size; size=$(du -sb /home/alice/.local/state/aep | cut -f 1)
    await '[ "$(du -sb /home/alice/.local/state/aep | cut -f 1)" -ne "$size" ]' 'the spool has changed'
    sleep 1
}}
is_new() {{ # whether a process runs the program that is there now
    local exe; exe=$(readlink "/proc/$1/exe") && [[ "$exe" != *" (deleted)" ]]
}}
pid_of() {{ for p in /proc/[0-9]*; do # no procps here
        [[ "$(readlink "$p/exe")" != */"$1"* ]] || {{ echo "${{p#/proc/}}"; return; }}
    done; }}
"""

UPGRADE = """
install /packages/before/*.deb
start 'bash one_shot'; start 'python3 steady'
start 'aep serve --listen 127.0.0.1:0'
await '[ -n "$(pid_of aep-relay)" ] && [ -n "$(pid_of aep-tracker)" ]' 'relay and tracker run'
relay=$(pid_of aep-relay) tracker=$(pid_of aep-tracker)
is_new $relay && is_new $tracker
await_growth
install /packages/now/*.deb
await "is_new $relay" 'the relay is the new one'
await "is_new $tracker" 'the tracker is the new one'
await_growth
touch /tmp/stop; wait %1 %2
su - alice -c 'aep flush --timeout 60000 && aep status'
"""

REMOVE = """
su - alice -c 'aep relay stop; aep tracker stop' || true
files() { find /home/alice/.local/state /home/alice/.config -type f | sort; }
files >/tmp/files
grep -q '[.]seg$' /tmp/files
apt-get remove -qq -y aep libaep0 libaep-dev python3-aep
files | diff /tmp/files -
dpkg --purge aep libaep0 libaep-dev python3-aep
files | diff /tmp/files -
"""

# Programs of both versions on one spool, the relay of one of them, then of the other.
BOTH = """
install /packages/now/*.deb
mkdir /before
for deb in /packages/before/*.deb; do dpkg -x "$deb" /before; done
for round in before now; do
    [ $round = before ] && relay=/before/usr/libexec/aep/aep-relay || relay=/usr/libexec/aep/aep-relay
    echo "relay.path = $relay" >/tmp/relay
    su - alice -c "sed -i /relay.path/d .config/aep/aep.conf; cat /tmp/relay >>.config/aep/aep.conf"
    sed "s/aep publish/$([ $round = before ] || echo '\\/before\\/usr\\/bin\\/')aep publish/" /home/alice/one_shot |
        sed "s/shot/shot-$round/g" >/tmp/one_shot
    sed "s/steady/steady-$round/g" /home/alice/steady >/tmp/steady
    rm -f /tmp/stop
    start 'bash /tmp/one_shot'; shot=$!
    start "PYTHONPATH=$([ $round = now ] && echo /before/usr/lib/python3/dist-packages) python3 /tmp/steady"; steady=$!
    await '[ -n "$(pid_of aep-relay)" ]' 'a relay runs'
    [ "$(readlink "/proc/$(pid_of aep-relay)/exe")" = "$relay" ]
    await_growth; await_growth
    touch /tmp/stop; wait $shot $steady
    su - alice -c 'aep flush --timeout 60000'
    su - alice -c 'aep run --agent both -- true; aep list --all' | grep 'completed.*both'
    su - alice -c '/before/usr/bin/aep list --all' | grep 'completed.*both'
    su - alice -c 'aep relay stop; aep tracker stop; /before/usr/bin/aep tracker stop' || true
    await '[ -z "$(pid_of aep-relay)" ]' 'the relay has ended'
done
"""


@unittest.skipIf(not BEFORE, "there is no release before")
class Upgrade(Trial):
    def try_with(self, suite, script):
        """Runs a script with writers; every event of theirs is on the topic, once and in order."""
        kafka, kind = plain_kafka(), f"test.package.{unique()}.v1"
        puts = [(deb, f"/packages/{age}/{deb.name}")
                for age, folder in (("before", pathlib.Path(BEFORE)), ("now", None))
                for deb in debs(suite, **({"folder": folder} if folder else {}))]
        print(self.run_in(suite, WRITERS.format(servers=kafka.servers, kind=kind) + script, puts=puts)[-3000:])
        seen = collections.defaultdict(list)
        for record in kafka.read(kind):
            seen[record.payload["writer"]].append(record.payload["n"])
        self.assertTrue(seen)
        for writer, numbers in seen.items():
            self.assertEqual(numbers, list(range(int(self.result(writer)))), writer)
            self.assertGreater(len(numbers), 20, writer)

    @for_each_suite
    def test_beside_what_goes_on(self, suite):
        self.try_with(suite, UPGRADE + REMOVE)

    @for_each_suite
    def test_both_on_one_spool(self, suite):
        self.try_with(suite, BOTH)


if __name__ == "__main__":
    main()
