# SPDX-License-Identifier: Apache-2.0
"""The publisher: the C object, with what asyncio and contexts need around it."""
import sys

from . import _aep
from ._execution import Execution


class Fate(str):
    """What became of an event: "acked", "spooled" (on disk, which is all that local mode is for),
    "disabled" (events are), "deferred" (still on disk), "parked" (its topic is missing or forbidden;
    sent once it can be) or "dead" (refused for good, kept as a dead letter).

    True for the first three: there is nothing to wait for. Can be awaited, and gives itself.
    """

    __slots__ = ()

    def __bool__(self):
        return self in ("acked", "spooled", "disabled")

    def __repr__(self):
        return f"Fate({str(self)!r})"

    def __reduce__(self):
        return _fate, (str(self),)

    def __await__(self):
        return self
        yield  # makes this a generator, which an awaitable has to give


ACKED, SPOOLED, DISABLED, DEFERRED, PARKED, DEAD = FATES = tuple(
    map(Fate, ("acked", "spooled", "disabled", "deferred", "parked", "dead")))
FATE_OF = dict(zip(map(str, FATES), FATES))


def _fate(word):
    """One that was pickled or copied: the same object, so that `is aep.ACKED` still holds."""
    return FATE_OF[word]


def running_loop():
    """The event loop that runs in this thread, or None; asyncio is not imported for it."""
    events = sys.modules.get("asyncio.events")
    return events._get_running_loop() if events else None


def _seconds(timeout):
    """A timeout as seconds, 0 or more, or None: for ever. Raises TypeError, ValueError."""
    if timeout is None:
        return None
    if not hasattr(timeout, "__float__"):
        raise TypeError(f"a timeout in seconds is wanted, not {type(timeout).__name__}")
    seconds = float(timeout)
    if seconds != seconds:
        raise ValueError("a timeout in seconds is wanted, not nan")
    return None if seconds > 1e9 else max(seconds, 0.0)


class Publisher(_aep.Publisher):
    """Opens a publisher: reads the configuration, opens or makes the spool.

    Options are configuration keys with underscores for dots (spool_dir, kafka_security_protocol, …;
    `aep config explain` lists them); they beat the environment and aep.conf. bootstrap_servers is
    short for kafka_bootstrap_servers.

    Raises ConfigError (what is unset, unknown or bad), SpoolError. May be shared among threads and
    used in forked children. A context manager closes it.
    """

    def __init__(self, bootstrap_servers=None, **options):
        if bootstrap_servers is not None:
            options["kafka_bootstrap_servers"] = bootstrap_servers
        self._waits = {}
        super().__init__(**options)

    def wait(self, receipt, timeout=None):
        """Waits until what became of an event is known; returns its Fate.

        Where an event loop runs it is to be awaited and blocks nothing; elsewhere it blocks.
        timeout: seconds, then DEFERRED; None: for ever; 0: asks only. Raises RelayError; SpoolError
        (the spool that held the event is gone).
        """
        if not isinstance(receipt, _aep.Receipt):
            raise TypeError(f"a Receipt is wanted, not {type(receipt).__name__}")
        loop = running_loop()
        if loop is None:
            return self._block(receipt, timeout)
        from ._asyncio import wait
        return wait(self, loop, receipt, _seconds(timeout))

    def flush(self, timeout=None):
        """Blocks until all that was accepted in the spool before is acknowledged, parked or dead.

        Returns ACKED (in local mode SPOOLED, with events disabled DISABLED), DEFERRED (some is still
        on disk after timeout seconds) or PARKED (some is).
        Raises RelayError.
        """
        return self._block(None, timeout)

    def _block(self, receipt, timeout):
        seconds = _seconds(timeout)
        return FATE_OF[self._wait(receipt, -1 if seconds is None else seconds)]

    async def aflush(self, timeout=None):
        """flush() for an event loop: awaits without blocking it."""
        from ._asyncio import wait
        return await wait(self, running_loop(), None, _seconds(timeout))

    async def ahealth(self, other_than="unknown", timeout=None):
        """health() for an event loop, once the broker's state is another than `other_than`.

        Of a relay that runs, which is started if none does: by default, once it is known whether
        Kafka can be reached. timeout: seconds, then health() as it is; None: for ever. Raises
        ValueError (no such state), RelayError (the relay is of a version that cannot tell),
        SpoolError.
        """
        from ._asyncio import wait_for_broker
        await wait_for_broker(self, running_loop(), other_than, _seconds(timeout))
        return self.health()

    def execution(self, agent_name, user_request, **members):
        """One run, as a context manager, sync or async; members as for started().

        Its terminal event is published at the block's end: completed or, with an exception, failed
        (which then goes on). Within another execution's block it becomes that one's child.
        """
        return Execution(self, agent_name, user_request, **members)

    def __repr__(self):
        return f"<aep.Publisher {'closed' if self.closed else self.spool_dir or 'disabled'}>"

    def close(self):
        """Closes it; what was accepted stays on disk and is delivered. Safe to call twice."""
        while self._waits:
            self._waits.popitem()[1].close()
        super().close()

    async def aclose(self):
        """close() for an event loop: what it may wait for (close.wait_ms) does not block the loop."""
        while self._waits:
            self._waits.popitem()[1].close()
        await running_loop().run_in_executor(None, super().close)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        await self.aclose()
