# SPDX-License-Identifier: Apache-2.0
"""The basis of this folder's tests: a real broker, a spool, the programs as a user runs them.

    Kafka   one broker in one folder, by script/kafka: the suite's (started by a ctest fixture) or
            one of the test's own, which it may kill
    Spool   one spool, the environment in which programs use it, its relay
    Load    events published at a steady rate while something else happens
    Case    a test that ends all it started, by pid, and prints the relay's log if it fails

From ctest come AEP_TEST_PROGRAM (aep), AEP_TEST_WORK (a folder of the build tree) and
AEP_TEST_BROKER_PLAIN, AEP_TEST_BROKER_SECURE (folders of brokers that run). Without them a test
uses build/dev and starts what it needs, so that `python3 test_deliver.py` works too.
"""
import atexit
import collections
import contextlib
import itertools
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests"))

from spool_files import crc32c

PROGRAM = pathlib.Path(os.environ.get("AEP_TEST_PROGRAM", SOURCE / "build/dev/bin/aep"))
WORK = pathlib.Path(os.environ.get("AEP_TEST_WORK", PROGRAM.parents[1] / "broker-tests"))

DEADLINE_S = 60  # of what should take a moment: hit only when something is broken
KINDS = ("started", "progress", "completed", "failed")
TOPICS = {kind: f"omninode.agent.execution.{kind}.v1" for kind in KINDS}
LARGE = "x" * 20_000  # more than a topic of create_small() takes
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
        "LSAN_OPTIONS")


def wait_until(condition, what, deadline_s=DEADLINE_S, step_s=0.02):
    """Calls condition() until it returns something true, and returns that."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {deadline_s} s still not: {what}")
        time.sleep(step_s)


def unique(prefix="t"):
    """A word that no other test uses."""
    return prefix + uuid.uuid4().hex[:12]


def unique_type(word="load"):
    """An event type, and so a topic, that no other test uses."""
    return f"test.{word}.{unique()}.v1"


# ---- processes ------------------------------------------------------------------------------------


def is_alive(pid):
    """True also while it is ending: its threads still hold its files and locks."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state = file.read().rpartition(")")[2].split()[0]
        return state != "Z" or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def end_process(pid, how=signal.SIGKILL):
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return
    wait_until(lambda: not is_alive(pid), f"process {pid} ended", step_s=0.005)


def find_relays(folder):
    """Pids of the relays that hold a file in the folder open, even a deleted file."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and "aep-relay" in os.readlink(f"/proc/{entry}/exe") and any(
                    is_within(f"/proc/{entry}/fd/{fd}", folder)
                    for fd in os.listdir(f"/proc/{entry}/fd")):
                found.append(int(entry))
        except OSError:
            pass
    return found


def is_within(link, folder):
    target = os.readlink(link).removesuffix(" (deleted)")
    return target == str(folder) or target.startswith(f"{folder}/")


def read_proc(pid, name):
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()


# ---- the broker -----------------------------------------------------------------------------------

class Record(collections.namedtuple(
        "Record", "topic partition offset timestamp key value headers")):
    """A message as it was read back; value is its text, headers are pairs in their order."""
    __slots__ = ()

    @property
    def event(self):
        return json.loads(self.value)

    @property
    def payload(self):
        return self.event["payload"]

    def header(self, name):
        return dict(self.headers).get(name)

    @property
    def seq(self):
        return self.header("x-aep-seq")

    @property
    def ordinal(self):
        return int(self.seq.rpartition(":")[2])


def parse_record(line):
    """From a line of kcat -J. kcat prints the payload as a JSON string, which decodes to the exact
    bytes of a UTF-8 value."""
    item = json.loads(line)
    headers = item.get("headers") or []
    return Record(item["topic"], item["partition"], item["offset"], item["ts"], item["key"],
                  item["payload"], list(zip(headers[::2], headers[1::2])))


class Kafka:
    """One broker. Its ports and data stay over stop(), kill() and start()."""

    def __init__(self, folder, *flags, running=False):
        self.folder = pathlib.Path(folder)
        self.flags = flags
        if running:
            self.read_env()
        else:
            self.start()

    def tool(self, verb, *words):
        done = subprocess.run([SOURCE / "script/kafka", verb, "--dir", self.folder, *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"script/kafka {verb} {words}: {done.stderr}")
        return done.stdout

    def read_env(self, text=None):
        lines = shlex.split(text or self.tool("env"))
        self.env = dict(word.split("=", 1) for word in lines if "=" in word)
        self.servers = self.env["KAFKA_BOOTSTRAP_SERVERS"]
        self.secure_servers = self.env.get("AEP_TEST_KAFKA_SECURE")

    def login(self, user, **more):
        """Options for the TLS + SCRAM listener of a secure broker."""
        name = f"AEP_TEST_KAFKA_{user.upper()}"
        return {"kafka_security_protocol": "sasl_ssl", "kafka_sasl_mechanism": "SCRAM-SHA-256",
                "kafka_sasl_username": self.env[name + "_USER"],
                "kafka_sasl_password": self.env[name + "_PASSWORD"],
                "kafka_ssl_ca_location": self.env["AEP_TEST_KAFKA_CA"]} | more

    def start(self):
        self.read_env(self.tool("start", *self.flags))

    def stop(self):
        self.tool("stop")

    def kill(self):
        self.tool("stop", "--kill")

    def pause(self):
        self.tool("pause")

    def resume(self):
        self.tool("resume")

    def purge(self):
        self.tool("stop", "--kill", "--purge")

    def create(self, *topics):
        self.tool("topics", "create", *topics)

    def create_small(self, topic):
        """A topic that accepts no event filled with LARGE, and only small batches."""
        self.create(topic)
        self.config(topic, "max.message.bytes=5000")

    def config(self, topic, *settings):
        self.tool("topics", "config", topic, *settings)

    def grant(self, user, topic, *operation):
        self.tool("acl", "grant", user, topic, *operation)

    def kcat(self, *words, stdin=None, timeout=DEADLINE_S):
        return subprocess.run(["kcat", "-b", self.servers, *words], input=stdin,
                              capture_output=True, text=True, timeout=timeout)

    def accepts(self, topic):
        """Whether the broker accepts a message now. The topic is used for this alone."""
        done = self.kcat("-P", "-t", topic, "-X", "message.timeout.ms=300", stdin="x\n")
        return done.returncode == 0

    def read(self, *topics, only=None):
        """All records of topics, in the order of their partitions' logs; only those with `only` in
        the key or the value. A topic that does not exist has none."""
        return [record for topic in topics for record in self.read_topic(topic, only)]

    def read_topic(self, topic, only):
        done = self.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J",
                         "-X", "fetch.wait.max.ms=20", timeout=4 * DEADLINE_S)
        missing = "Unknown topic" in done.stderr or "not exist" in done.stderr
        if done.returncode != 0 and not missing:
            raise AssertionError(f"kcat {topic}: {done.stderr}")
        lines = done.stdout.split("\n")
        return [parse_record(line) for line in lines if line and (only is None or only in line)]

    def partitions(self, topic):
        about = json.loads(self.kcat("-L", "-J", "-t", topic).stdout)
        return len(about["topics"][0]["partitions"])


shared = {}


def shared_kafka(name, *flags):
    """The suite's broker of that name; without ctest, one that this process starts."""
    if name not in shared:
        folder = os.environ.get(f"AEP_TEST_BROKER_{name.upper()}")
        if folder:
            shared[name] = Kafka(folder, *flags, running=True)
        else:
            WORK.mkdir(parents=True, exist_ok=True)
            shared[name] = Kafka(tempfile.mkdtemp(prefix=f"kafka-{name}-", dir=WORK), *flags)
            atexit.register(shared[name].purge)
    return shared[name]


def plain_kafka():
    return shared_kafka("plain")


def secure_kafka():
    return shared_kafka("secure", "--secure")


def murmur2(data):
    """The hash of Kafka's Java client (org.apache.kafka.common.utils.Utils)."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


# ---- the spool ------------------------------------------------------------------------------------

class Result(collections.namedtuple("Result", "status out err seconds")):
    """How a program ended, and its output."""
    __slots__ = ()

    @property
    def json(self):
        return json.loads(self.out)


Cursor = collections.namedtuple("Cursor", "segment offset ordinal generation")


def option_variable(key):
    return "AEP_" + key.replace(".", "_").upper()


class Spool:
    """A spool of its own, and the environment in which programs use it. Options by their keys with
    a _ for each dot: relay_mode="off"."""

    def __init__(self, home, servers, **options):
        self.home = pathlib.Path(home)
        self.dir = self.home / "spool"
        self.children = []
        self.env = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.env |= {"HOME": str(self.home), "AEP_SPOOL_DIR": str(self.dir),
                     "AEP_CLOSE_WAIT_MS": "0", "KAFKA_BOOTSTRAP_SERVERS": servers}
        self.set(**options)

    def set(self, **options):
        self.env |= {option_variable(key): str(value) for key, value in options.items()}

    def environment(self, env):
        whole = self.env | (env or {})
        return {name: value for name, value in whole.items() if value is not None}

    # -- programs

    def start(self, *words, env=None, cwd=None, **streams):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                   "stderr": subprocess.DEVNULL} | streams
        child = subprocess.Popen([PROGRAM, *words], env=self.environment(env),
                                 cwd=cwd or self.home, text=True, **streams)
        self.children.append(child)
        return child

    def run(self, *words, stdin=None, env=None, cwd=None, timeout=2 * DEADLINE_S):
        begin = time.monotonic()
        give = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run([PROGRAM, *words], env=self.environment(env), cwd=cwd or self.home,
                              capture_output=True, text=True, timeout=timeout, **give)
        return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)

    def ok(self, *words, **how):
        result = self.run(*words, **how)
        if result.status != 0:
            raise AssertionError(f"aep {' '.join(map(str, words))}: exit {result.status}: "
                                 f"{result.err or result.out}")
        return result

    def publish(self, kind, correlation_id, *words, agent="tester", **how):
        """Publishes one event by the command line; returns its receipt."""
        if kind == "started" and "--request" not in words:
            words += ("--request", "try it")
        if kind == "failed" and "--error-message" not in words:
            words += ("--error-message", "it broke")
        return self.run("publish", kind, "--agent", agent, "--correlation-id", correlation_id,
                        "--json", *words, **how)

    def publish_lines(self, events, *words, **how):
        """Publishes many events in one process; all of them must be accepted."""
        text = "".join(json.dumps(event) + "\n" for event in events)
        return self.ok("publish", "--stdin", *words, stdin=text, **how)

    def flush(self, timeout_s=DEADLINE_S):
        return self.ok("flush", "--timeout", str(timeout_s * 1000))

    def status(self):
        """What aep status says of this spool; {} where there is none."""
        result = self.run("status", "--json", "--spool", self.dir)
        spools = result.json["spools"] if result.status == 0 else []
        return spools[0] if spools else {}

    @contextlib.contextmanager
    def control(self):
        """A connection to the relay's control socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.settimeout(DEADLINE_S)
            control.connect(str(self.dir / "control"))
            yield control

    def counter(self, name):
        return self.status().get("counters", {}).get(name, 0)

    def wait_counter(self, name, value):
        """Waits: the relay writes its counters a moment after the acknowledgement."""
        self.wait_status(lambda status: status["counters"][name] >= value, f"{name} {value}")
        if self.counter(name) != value:
            raise AssertionError(f"{name}: {self.counter(name)}, not {value}")

    def wait_flow(self, count=200):
        """Waits until `count` more events are acknowledged."""
        before = self.counter("acknowledged")
        wait_until(lambda: self.counter("acknowledged") > before + count, "events flow")

    def wait_status(self, condition, what, deadline_s=DEADLINE_S):
        def look():
            status = self.status()
            return status if status and condition(status) else None
        return wait_until(look, what, deadline_s)

    # -- the relay

    def relay_pid(self):
        return self.status().get("relay_pid") or 0

    def relays(self):
        return find_relays(self.dir)

    def start_relay(self, env=None):
        """Starts a relay in the foreground, as our child; returns once it has written its
        status."""
        before = self.said_by_relay().count(" runs on ")
        log = open(self.home / "relay.stderr", "a")
        child = self.start("relay", "run", env=env, stderr=log)
        log.close()
        wait_until(lambda: child.poll() is not None or
                   self.said_by_relay().count(" runs on ") > before, "the relay holds the spool")
        return child

    def kill_relay(self):
        """Kills the relay (SIGKILL); returns its pid."""
        pid = wait_until(self.relay_pid, "a relay runs")
        end_process(pid)
        return pid

    def await_relay_end(self, deadline_s=DEADLINE_S):
        wait_until(lambda: not self.relays(), "no relay is left", deadline_s)

    def cursor(self):
        """The cursor file: two slots, the newer valid one counts."""
        data = (self.dir / "cursor").read_bytes()
        slots = []
        for at in (0, 4096):
            slot = data[at:at + 60]
            if len(slot) == 60 and slot[:8] == b"AEPCURS1" and \
                    struct.unpack("<I", slot[56:])[0] == crc32c(slot[:56]):
                slots.append(Cursor(*struct.unpack("<4Q", slot[8:40])))
        return max(slots, key=lambda slot: slot.generation)

    def segments(self):
        """Paths of the segment files, oldest first."""
        return sorted(self.dir.glob("*.seg"))

    def log(self):
        paths = [self.dir / "relay.log.1", self.dir / "relay.log"]
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())

    # -- the end

    def report(self):
        files = sorted(path.name for path in self.dir.iterdir()) if self.dir.exists() else "gone"
        return "\n".join([f"--- spool {self.dir}: {files}", json.dumps(self.status(), indent=1),
                          "--- relay.log", *self.log().splitlines()[-40:],
                          "--- relay run", *self.said_by_relay().splitlines()[-10:]])

    def said_by_relay(self):
        """What relays in the foreground have written to stderr."""
        path = self.home / "relay.stderr"
        return path.read_text() if path.exists() else ""

    def end(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream:
                    stream.close()
        for pid in find_relays(self.home):
            end_process(pid)


class Load:
    """Events published by one long-lived process, a burst every 10 ms, until stopped. Event n has n
    in its payload and the key n mod keys."""

    def __init__(self, spool, event_type, per_second=2000, keys=8):
        self.type, self.keys, self.sent = event_type, keys, 0
        self.word = unique()
        self.burst = max(1, per_second // 100)
        self.child = spool.start("publish", "--stdin", "--json", stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True)
                        for work in (self.feed, self.drain)]
        self.last = ""
        for thread in self.threads:
            thread.start()

    def line(self, n):
        return (f'{{"event_type":"{self.type}","payload":{{"n":{n},'
                f'"correlation_id":"{self.word}-{n % self.keys}"}}}}\n')

    def feed(self):
        try:
            while not self.stopping.wait(0.01):
                self.child.stdin.write("".join(self.line(self.sent + i)
                                               for i in range(self.burst)))
                self.child.stdin.flush()
                self.sent += self.burst
            self.child.stdin.close()
        except (BrokenPipeError, ValueError):
            pass  # the process was ended, or its pipe closed: stop() reports it

    def drain(self):
        for self.last in self.child.stdout:
            pass

    def stop(self):
        """Ends it; returns how many events were sent, all of which must have been accepted."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(DEADLINE_S)
        errors = self.child.stderr.read()
        status = self.child.wait(DEADLINE_S)
        if status != 0 or json.loads(self.last)["published"] != self.sent:
            raise AssertionError(f"publish --stdin: exit {status}, {self.sent} sent, "
                                 f"said: {self.last} {errors}")
        return self.sent


# ---- the test -------------------------------------------------------------------------------------


class Case(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        WORK.mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="t-", dir=WORK))
        self.spools, self.brokers, self.mounts = [], [], []
        self.addCleanup(self.end)

    def make_spool(self, kafka=None, **options):
        servers = kafka if isinstance(kafka, str) else (kafka or plain_kafka()).servers
        home = self.folder / f"home{len(self.spools)}"
        home.mkdir()
        self.spools.append(Spool(home, servers, **options))
        return self.spools[-1]

    @classmethod
    def make_class_broker(cls, *flags):
        """A broker for all tests of a class: for setUpClass."""
        WORK.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix="c-", dir=WORK)
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        kafka = Kafka(f"{folder}/kafka", *flags)
        cls.addClassCleanup(kafka.purge)
        return kafka

    def make_broker(self, *flags):
        """A broker of this test's own."""
        self.brokers.append(Kafka(self.folder / f"kafka{len(self.brokers)}", *flags))
        return self.brokers[-1]

    def has_failed(self):
        result = self._outcome.result
        return any(self in (test, getattr(test, "test_case", None))
                   for test, _ in result.failures + result.errors)

    def end(self):
        if self.has_failed():
            for spool in self.spools:
                print(spool.report(), file=sys.stderr)
        for spool in self.spools:
            spool.end()
        for broker in self.brokers:
            broker.purge()
        for folder in self.mounts:
            subprocess.run(["umount", folder], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- what delivery means

    def assert_in_order(self, records, key=lambda record: (record.topic, record.key),
                        number=lambda record: record.payload["n"]):
        """First occurrences of each key and topic come in the order of their numbers."""
        newest = {}
        for record in self.without_duplicates(records):
            at = key(record)
            self.assertGreater(number(record), newest.get(at, -1),
                               f"out of order: key {at} at offset {record.offset}")
            newest[at] = number(record)

    def without_duplicates(self, records):
        seen = set()
        return [record for record in records if not (record.seq in seen or seen.add(record.seq))]

    def assert_all_once(self, records, count):
        """Events 0 to count - 1 are there, each once."""
        self.assert_all(records, count)
        self.assertEqual(len(records), count, "some came twice")

    def assert_all(self, records, count):
        """Events 0 to count - 1 are there at least once; duplicates have the same event_id and
        x-aep-seq; ordinals leave no gap."""
        self.assert_numbers(records, count)
        self.assert_contiguous(records)

    def assert_numbers(self, records, count):
        """The same for one of several topics in a spool, whose ordinals have gaps."""
        numbers = collections.defaultdict(set)
        for record in records:
            numbers[record.payload["n"]].add((record.event["event_id"], record.seq))
        missing = sorted(set(range(count)) - set(numbers))
        self.assertEqual(missing[:20], [], f"{len(missing)} of {count} accepted events are missing")
        self.assertEqual(len(numbers), count, "events that nobody published")
        changed = [n for n, ids in numbers.items() if len(ids) != 1]
        self.assertEqual(changed, [], "duplicates with another event_id or x-aep-seq")

    def assert_contiguous(self, records):
        """x-aep-seq: one spool, ordinals without a gap."""
        self.assertEqual(len({record.seq.rpartition(":")[0] for record in records}), 1)
        ordinals = sorted({record.ordinal for record in records})
        self.assertEqual(ordinals[-1] - ordinals[0] + 1, len(ordinals), "a gap in x-aep-seq")


def progress_lines(correlation_id, count, first=0, agent="tester"):
    """Lines for publish_lines: progress events numbered by steps_completed."""
    return [{"kind": "progress", "agent_name": agent, "correlation_id": correlation_id,
             "steps_completed": n} for n in range(first, first + count)]


def numbered_lines(event_type, count, first=0, keys=4, word="k", fill="", large=()):
    """Lines for publish_lines: events of another type with n in their payloads; those whose numbers
    are in `large` are filled with LARGE."""
    fills = {n: LARGE if n in large else fill for n in range(first, first + count)}
    return [{"event_type": event_type,
             "payload": {"n": n, "correlation_id": f"{word}-{n % keys}"} |
                        ({"fill": fill} if fill else {})}
            for n, fill in fills.items()]


def by_turns(*lists):
    """One list of lines: the first of each, the second of each, …"""
    return list(itertools.chain.from_iterable(zip(*lists)))
