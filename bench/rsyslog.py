# SPDX-License-Identifier: Apache-2.0
"""The durable peer of script/bench: an rsyslogd of our own with a disk queue, as its manual makes
it durable. An ordinary process with its own folder, port and configuration; the system's rsyslog is
left alone."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

PROGRAM = shutil.which("rsyslogd", path=os.environ.get("PATH", "") + ":/usr/sbin")

# The queue stands in front of the only action, so RELP acknowledges an event that is in the queue's
# file. What Kafka refuses, and what times out, is sent again (resubmitOnFailure), for ever.
CONFIGURATION = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imrelp")
module(load="omkafka")
template(name="whole" type="string" string="%rawmsg-after-pri%")
ruleset(name="bench" queue.type="Disk" queue.filename="bench" queue.size="10000000"
        queue.checkpointInterval="{checkpoint}" queue.syncQueueFiles="{sync}"
        queue.saveOnShutdown="on") {{
    action(type="omkafka" broker=["{broker}"] topic="{topic}" key="{key}" partitions.auto="on"
           template="whole" confParam=["acks=all", "message.timeout.ms=0"]
           resubmitOnFailure="on" keepFailedMessages="on" failedMsgFile="{folder}/failed"
           action.resumeRetryCount="-1")
}}
input(type="imrelp" port="{port}" address="127.0.0.1" ruleset="bench")
action(type="omfile" file="{folder}/own.log")
"""

DEADLINE_S = 60


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Rsyslog:
    """One rsyslogd. checkpoint: after how many events it stores where its queue begins and ends:
    with 1, its manual says, no data can be lost; 0, its default, means never. sync: whether each
    write of the queue is synced."""

    def __init__(self, folder, broker, topic, checkpoint=1, sync=False):
        self.folder, self.topic, self.process = pathlib.Path(folder), topic, None
        self.port = free_port()
        self.folder.mkdir()
        (self.folder / "rsyslog.conf").write_text(CONFIGURATION.format(
            folder=folder, broker=broker, topic=topic, key="0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f",
            port=self.port, checkpoint=checkpoint, sync="on" if sync else "off"))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder)

    def start(self):
        with open(self.folder / "output", "a") as output:
            self.process = subprocess.Popen(
                [PROGRAM, "-n", "-iNONE", "-f", self.folder / "rsyslog.conf"], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output)
        end = time.monotonic() + DEADLINE_S
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                sys.exit(f"bench: rsyslogd does not start:\n{(self.folder / 'output').read_text()}")
            time.sleep(0.05)

    def listens(self):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()
