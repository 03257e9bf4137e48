# SPDX-License-Identifier: Apache-2.0
"""What pip installs, on a bare system: the wheels without the libraries that the relay needs, then with them,
beside a broker outside; and a wheel made of the source distribution."""
import subprocess
import unittest

from trial import PACKAGES, SOURCE, Trial, for_each_suite, main, plain_kafka, unique

WHEELS = sorted(PACKAGES.glob("*.whl"))
SDIST = sorted(PACKAGES.glob("aep-*.tar.gz"))

AGENT = """
import sys, aep
from agents.lib.agent_execution_publisher import AgentExecutionPublisher
with aep.Publisher() as publisher:
    receipt = publisher.publish(sys.argv[1], {"n": int(sys.argv[2])}, correlation_id="wheel")
    print(publisher.wait(receipt, timeout=float(sys.argv[3])))
"""

# The first event is on disk although no relay can run; with the libraries it is sent, before the second one.
WHEEL = """
install python3-venv
mv /put/agent.py /home/alice/ && chown alice: /home/alice/agent.py
as_alice <<'END'
python3 -m venv agents && . agents/bin/activate
pip install --quiet --no-index /packages/*.whl
export KAFKA_BOOTSTRAP_SERVERS={servers}
python3 agent.py {kind} 0 0
if aep doctor >said 2>&1; then exit 1; fi
grep 'apt install librdkafka1' said
END
install librdkafka1 libmicrohttpd12 libncursesw6 libsqlite3-0
as_alice <<'END'
. agents/bin/activate
export KAFKA_BOOTSTRAP_SERVERS={servers}
python3 agent.py {kind} 1 60 | grep acked
aep run --agent wheel -- true
aep list | grep 'completed.*wheel'
END
"""

SDIST_SCRIPT = """
install {needs}
as_alice <<'END'
python3 -m venv build && . build/bin/activate
PIP_CERT=/etc/ssl/certs/ca-certificates.crt pip install --quiet /packages/*.tar.gz
AEP_MODE=local python3 -c 'import aep; aep.Publisher().publish("test.package.sdist.v1", {{}})'
END
"""


class Wheel(Trial):
    @unittest.skipIf(not WHEELS, "no wheels were made")
    @for_each_suite
    def test_without_and_with_the_libraries(self, suite):
        kafka, kind = plain_kafka(), f"test.wheel.{unique()}.v1"
        (self.folder / "agent.py").write_text(AGENT)
        self.run_in(suite, WHEEL.format(servers=kafka.servers, kind=kind), WHEELS,
                    [(self.folder / "agent.py", "/put/agent.py")])
        self.assertEqual([record.payload["n"] for record in kafka.read(kind)], [0, 1])

    @unittest.skipIf(not SDIST, "no source distribution was made")
    @for_each_suite
    def test_of_the_sources(self, suite):
        needs = subprocess.run([SOURCE / "packaging/wheel", "needs"], check=True, stdout=subprocess.PIPE, text=True)
        self.run_in(suite, SDIST_SCRIPT.format(needs=" ".join(needs.stdout.split())), SDIST)


if __name__ == "__main__":
    main()
