# SPDX-License-Identifier: Apache-2.0
"""Each package is installed on a bare system by itself, does what it is for, and is removed and purged."""
from trial import Trial, debs, for_each_suite, main

USES = {
    "aep": """
as_alice <<'END'
export AEP_MODE=local
aep run --agent alone --request 'A bare system' -- true
aep list --all | grep 'completed.*alone'
aep status
END
/usr/libexec/aep/aep-relay --version
test -f /usr/lib/systemd/user/aep-relay.service
find /etc/systemd -name 'aep-*' | grep . && exit 1
test -f /usr/share/doc/aep/docs/GUIDE.md
grep -q Jansson /usr/share/doc/aep/NOTICE
test -f /usr/share/aep/claude-code/.claude-plugin/plugin.json
test -f /usr/share/bash-completion/completions/aep
""",
    "python3-aep": """
as_alice <<'END'
export AEP_MODE=local
python3 - <<'PYTHON'
import aep, importlib.metadata
assert importlib.metadata.version("aep") == aep.__version__, aep.__version__
with aep.Publisher() as publisher:
    with publisher.execution("alone", "A bare system") as run:
        run.complete(result_summary="done")
PYTHON
END
""",
    "libaep-dev": """
install gcc libc6-dev pkgconf
cat >agent.c <<'END'
#include <aep/aep.h>
int main(void)
{
    aep_publisher *publisher;
    aep_error error;
    return aep_publisher_open(&publisher, NULL, &error) != AEP_OK ||
           aep_publish_started(publisher, AEP_STARTED(.agent_name = "alone", .user_request = "x"), NULL, &error) != AEP_OK;
}
END
cc agent.c $(pkg-config --cflags --libs aep) -o /usr/local/bin/agent && rm agent.c
echo 'AEP_MODE=local agent' | as_alice
rm /usr/local/bin/agent
""",
    "libaep0": """
ldconfig -p | grep 'libaep[.]so[.]0'
""",
}

WITH = {"libaep-dev": ["libaep0"]} # which it needs

# What it has published stays.
PURGE = """
spools() { find /home -name '*.seg' | sort; }
spools >/tmp/spools
apt-get purge -qq -y NAMES >/dev/null
spools | diff /tmp/spools -
dpkg-query -W NAMES && exit 1
find / -xdev -path /packages -prune -o -path /home -prune -o -name '*aep*' -print | grep -v ^/tmp/ && exit 1
"""


class Alone(Trial):
    @for_each_suite
    def test_each(self, suite):
        for name, use in USES.items():
            with self.subTest(package=name):
                names = [name, *WITH.get(name, [])]
                spools = self.run_in(
                    suite, f"install /packages/*.deb\n{use}{PURGE.replace('NAMES', ' '.join(names))}wc -l </tmp/spools",
                    debs(suite, *names)).splitlines()[-1]
                self.assertEqual(int(spools) > 0, name != "libaep0")


if __name__ == "__main__":
    main()
