# SPDX-License-Identifier: Apache-2.0
"""The container images: what is in them, and that relay and tracker run from one as in a pod: as a user
without a name, on a read-only root, without a capability, as process 1, beside an agent outside that shares
the volume. No container engine is needed."""
import gzip
import io
import json
import shlex
import tarfile
import unittest

from trial import PACKAGES, Trial, debs, for_each_suite, main, plain_kafka, unique

IMAGES = sorted(PACKAGES.glob("aep-*-oci-*.tar"))
NATIVE = next((path for path in IMAGES if path.stem.endswith("-amd64")), None)
VOLUME = "/var/spool/aep"
OURS = {"usr/bin/aep", *(f"usr/libexec/aep/aep-{name}"
                         for name in ("doctor", "executions", "relay", "topics", "tracker"))}


class Image:
    def __init__(self, path):
        with tarfile.open(path) as archive:
            def read_json(name):
                return json.load(archive.extractfile(name))

            def blob_of(entry):
                return "blobs/" + entry["digest"].replace(":", "/")

            manifest = read_json(blob_of(read_json("index.json")["manifests"][0]))
            self.config = read_json(blob_of(manifest["config"]))
            self.layer = gzip.decompress(archive.extractfile(blob_of(manifest["layers"][0])).read())

    @property
    def start(self):
        return self.config["config"]


# Its files, and how each container is started.
CONTAINERS = """
mkdir /image /volume
tar -xf /put/layer.tar -C /image
chown {user} /volume
mount --bind /image /image && mount -o remount,bind,ro /image
mount --bind /volume /image{volume}
touch /image/written 2>/dev/null && exit 1

contained() {{ # contained PROGRAM ARGUMENT...: as a container engine would start it; its process 1
    exec unshare --mount --propagation unchanged --pid --fork --kill-child sh -c '
        mount -t proc proc /image/proc
        exec env -i TERM=xterm {env} KAFKA_BOOTSTRAP_SERVERS={servers} \\
            setpriv --no-new-privs /usr/sbin/chroot --groups= --userspec={user} /image "$@"' sh "$@"
}}
image() {{ contained {entrypoint} "$@"; }}
first_of() {{ # the pid, outside, of the process 1 that "contained" of this pid has started
    tr -d ' ' <"/proc/$1/task/$1/children"
}}
await() {{ # await CONDITION WHAT
    for _ in $(seq 600); do if eval "$1"; then return; fi; sleep 0.1; done
    echo "not within a minute: $2"; tail /tmp/*.log; exit 1
}}
end() {{ # end PID NAME: as an engine ends a container; it ends in order
    kill -TERM "$(first_of "$1")"
    wait "$1" || {{ echo "$2 ended with $?"; cat "/tmp/$2.log"; exit 1; }}
}}
agent() {{ # on the volume, outside
    env AEP_SPOOL_DIR=/volume/spool AEP_RELAY_MODE=external KAFKA_BOOTSTRAP_SERVERS={servers} HOME=/volume \\
        setpriv --reuid {uid} --regid {uid} --clear-groups "$@"
}}
"""

RELAY = """
install /packages/*.deb
(image --version) | grep '^aep [0-9]'
if (contained /bin/sh -c :) 2>/dev/null; then exit 1; fi
(image {cmd}) >/tmp/relay.log 2>&1 & relay=$!
await 'agent aep status --spool /volume/spool >/dev/null 2>&1' 'the relay has made a spool'
grep 'NoNewPrivs:.1' "/proc/$(first_of $relay)/status"
grep 'CapEff:.0*$' "/proc/$(first_of $relay)/status"
for n in $(seq 5); do
    agent aep publish --type {kind} --payload "{{\\"n\\":$n}}" --correlation-id image
done
agent aep run --agent contained --request 'In a container' --wait=60000 -- true
(image status --spool {volume}/spool) | grep connected
(image doctor --no-probe) >/tmp/doctor.log || {{ cat /tmp/doctor.log; exit 1; }}
"""

SERVE = """
(umask 077; head -c 30 /dev/urandom | base64 | tr '+/' '-_' >/volume/token)
chown 0:{uid} /volume/token && chmod 440 /volume/token # as Kubernetes mounts a secret
(image serve --listen 0.0.0.0:0 --token-file {volume}/token) >/tmp/serve.log 2>&1 & serve=$!
port() {{ sed -n 's,^http://0[.]0[.]0[.]0:\\([0-9]*\\)/.*,\\1,p' /tmp/serve.log; }}
await '[ -n "$(port)" ]' 'serve listens'
ask() {{ # ask PATH HEADER
    exec 3<>"/dev/tcp/127.0.0.1/$(port)"
    printf 'GET %s HTTP/1.1\\r\\nHost: localhost\\r\\n%s\\r\\n' "$1" "${{2:+$2$'\\r\\n'}}" >&3
    cat <&3
}}
await 'ask /readyz | grep -q ^HTTP/1.1.200' 'serve is ready'
ask /api/v1/counts | grep ^HTTP/1.1.401
await 'ask /api/v1/executions "Authorization: Bearer $(cat /volume/token)" | grep -q In.a.container' 'it is shown'
ask /api/v1/executions "Authorization: Bearer $(cat /volume/token)" | grep -o '"agent_name":"contained"'
(image list --all) | grep 'completed.*contained'
export -f contained image && mkfifo /tmp/keys
SHELL=/bin/bash script -qfec 'image watch' /tmp/watch.log </tmp/keys >/dev/null & watch=$!
exec 4>/tmp/keys
await 'grep -q In.a.container /tmp/watch.log' 'it is shown on a terminal'
printf q >&4 && wait $watch
end $serve serve
end $relay relay
"""


@unittest.skipIf(not IMAGES, "no image has been made")
class Contents(unittest.TestCase):
    def for_each_file(self, check):
        """check(entry, name, data) for each file of each image; data is what a plain file holds."""
        for path in IMAGES:
            with tarfile.open(fileobj=io.BytesIO(Image(path).layer)) as tar:
                for entry in tar:
                    with self.subTest(image=path.name, file=entry.name):
                        name = entry.name.removeprefix("./")
                        check(entry, name, tar.extractfile(entry).read() if entry.isfile() else None)

    def test_programs_are_ours_alone(self):
        def check(entry, name, data):
            if data is not None and entry.mode & 0o111 and ".so" not in name:
                self.assertIn(name, OURS)
            self.assertFalse(data and data.startswith(b"#!"), "a script")
            folder = name.rpartition("/")[0]
            self.assertFalse(folder.endswith("bin") and name not in OURS)
        self.for_each_file(check)

    def test_nobody_gains_or_changes_anything(self):
        def check(entry, name, data):
            self.assertFalse(entry.mode & 0o6000, "setuid or setgid")
            self.assertTrue(entry.isfile() or entry.isdir() or entry.issym() or entry.islnk(), "a device")
            if not entry.issym():
                self.assertEqual(bool(entry.mode & 0o002), name == "tmp", "everybody may write")
            owner = 65532 if f"/{name}" == VOLUME else 0
            self.assertEqual((entry.uid, entry.gid), (owner, owner))
        self.for_each_file(check)

    def test_scanners_find_each_package_and_its_licence(self):
        for path in IMAGES:
            with tarfile.open(fileobj=io.BytesIO(Image(path).layer)) as tar:
                names = {name.removeprefix("./") for name in tar.getnames()}
                status = "var/lib/dpkg/status.d/"
                packages = {name.removeprefix(status) for name in names
                            if name.startswith(status) and not name.endswith(".md5sums")}
                self.assertLessEqual({"aep", "libc6", "librdkafka1", "libpq5", "libssl3"}, packages)
                for package in packages:
                    with self.subTest(image=path.name, package=package):
                        text = tar.extractfile(f"./{status}{package}").read().decode()
                        self.assertIn(f"Package: {package}\n", text)
                        self.assertRegex(text, r"(?m)^Version: .")
                        folder = tar.getmember(f"./usr/share/doc/{package}")
                        place = f"usr/share/doc/{folder.linkname if folder.issym() else package}/copyright"
                        self.assertIn(place, names)
                certificates = tar.extractfile("./etc/ssl/certs/ca-certificates.crt").read()
                self.assertGreater(certificates.count(b"BEGIN CERTIFICATE"), 100)
                self.assertIn(b"ID=debian", tar.extractfile("./usr/lib/os-release").read())

    def test_it_starts_as_nobody(self):
        for path in IMAGES:
            config = Image(path).config
            self.assertTrue(path.stem.endswith("-" + config["architecture"]))
            self.assertEqual(config["config"]["User"], "65532:65532")
            self.assertIn(VOLUME, config["config"]["Volumes"])


@unittest.skipIf(not NATIVE, "no image for this machine has been made")
class Running(Trial):
    @for_each_suite
    def test_relay_and_tracker(self, suite):
        """The image is of one Debian, the agent outside of either."""
        kafka, image = plain_kafka(), Image(NATIVE)
        kind, start = f"test.image.{unique()}.v1", image.start
        (self.folder / "layer.tar").write_bytes(image.layer)
        script = (CONTAINERS + RELAY + SERVE).format(
            servers=kafka.servers, kind=kind, volume=VOLUME, user=start["User"], uid=start["User"].partition(":")[0],
            env=shlex.join(start["Env"]), entrypoint=shlex.join(start["Entrypoint"]), cmd=shlex.join(start["Cmd"]))
        out = self.run_in(suite, script, debs(suite, "aep"), [(self.folder / "layer.tar", "/put/layer.tar")])
        self.assertIn("contained", out)
        self.assertEqual([record.payload["n"] for record in kafka.read(kind)], [1, 2, 3, 4, 5])


if __name__ == "__main__":
    main()
