# SPDX-License-Identifier: Apache-2.0
"""The publisher: the C object, with what asyncio and contexts need around it."""
import sys

from . import _aep
from ._execution import Execution


class Fate(str):
    """What became of an event: "acked", "spooled" (on disk, which is all that local mode does),
    "disabled" (events are), "deferred" (still on disk), "parked" (not taken by Kafka yet; sent
    once it is) or "dead" (refused for good, kept as a dead letter).

    True for the first three: there is nothing left to wait for. Awaiting it returns itself.
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
    """Unpickles or copies to the same object, so that `is aep.ACKED` still holds."""
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
        raise TypeError(f"timeout must be a number of seconds, not {type(timeout).__name__}")
    seconds = float(timeout)
    if seconds != seconds:
        raise ValueError("timeout must be a number of seconds, not nan")
    return None if seconds > 1e9 else max(seconds, 0.0)


class Publisher(_aep.Publisher):
    """Opens a publisher: reads the configuration, and opens or creates the spool.

    Options are configuration keys with underscores for dots (spool_dir, kafka_security_protocol, …;
    `aep config explain` lists them); they beat the environment and aep.conf. bootstrap_servers is
    short for kafka_bootstrap_servers.

    Raises ConfigError (an option is missing, unknown or bad), SpoolError. May be shared between
    threads and used in forked children. As a context manager it closes itself.
    """

    def __init__(self, bootstrap_servers=None, **options):
        if bootstrap_servers is not None:
            options["kafka_bootstrap_servers"] = bootstrap_servers
        self._waits, self._before_close = {}, []  # what adapters publish before it closes
        super().__init__(**options)

    def wait(self, receipt, timeout=None):
        """Waits until the fate of an event is known, and returns it.

        In a running event loop, await it: it does not block the loop. Elsewhere it blocks.
        timeout: seconds, after which it returns DEFERRED; None: for ever; 0: only asks. Raises
        RelayError; SpoolError (the spool that held the event is gone).
        """
        if not isinstance(receipt, _aep.Receipt):
            raise TypeError(f"receipt must be a Receipt, not {type(receipt).__name__}")
        loop = running_loop()
        if loop is None:
            return self._block(receipt, timeout)
        from ._asyncio import wait
        return wait(self, loop, receipt, _seconds(timeout))

    def flush(self, timeout=None):
        """Blocks until everything accepted in the spool so far is acknowledged, parked or dead.

        Returns ACKED (in local mode SPOOLED, with events disabled DISABLED), DEFERRED (some is still
        on disk after timeout seconds) or PARKED (some is parked).
        Raises RelayError.
        """
        return self._block(None, timeout)

    def _block(self, receipt, timeout):
        seconds = _seconds(timeout)
        return FATE_OF[self._wait(receipt, -1 if seconds is None else seconds)]

    async def aflush(self, timeout=None):
        """flush() without blocking the event loop."""
        from ._asyncio import wait
        return await wait(self, running_loop(), None, _seconds(timeout))

    async def ahealth(self, other_than="unknown", timeout=None):
        """Awaits a broker state other than `other_than`, then returns health().

        By default, waits until it is known whether Kafka can be reached; starts a relay if none runs.
        timeout: seconds, after which it returns health() as it is; None: for ever. Raises ValueError
        (no such state), RelayError (the relay's version cannot report it), SpoolError.
        """
        from ._asyncio import wait_for_broker
        await wait_for_broker(self, running_loop(), other_than, _seconds(timeout))
        return self.health()

    def execution(self, agent_name, user_request, **members):
        """One run, as a context manager, sync or async; members as for started().

        Publishes the terminal event at the end of the block: completed or, on an exception (which
        propagates), failed. Within another execution's block it becomes that one's child.
        """
        return Execution(self, agent_name, user_request, **members)

    def __repr__(self):
        return f"<aep.Publisher {'closed' if self.closed else self.spool_dir or 'disabled'}>"

    def close(self):
        """Closes it; accepted events stay on disk and are delivered. Safe to call twice."""
        self._finish()
        super().close()

    def _finish(self):
        while self._before_close:
            self._before_close.pop()()
        while self._waits:
            self._waits.popitem()[1].close()

    async def aclose(self):
        """close() without blocking the event loop while it waits (close.wait_ms)."""
        self._finish()
        await running_loop().run_in_executor(None, super().close)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        await self.aclose()
