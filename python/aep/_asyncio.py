# SPDX-License-Identifier: Apache-2.0
"""Waiting in an asyncio event loop: one waiter for each publisher and loop, whose descriptor the loop
watches."""
import os
import weakref

from . import _aep
from ._publisher import DEFERRED, FATE_OF, running_loop


class Waits:
    """The waits of one publisher in one loop."""

    def __init__(self, publisher, loop):
        self.loop, self.pid = loop, os.getpid()
        self.waiter = _aep.Waiter(publisher)
        self.fd = self.waiter.fileno()
        self.futures = {}
        self.next_token = 1
        loop.add_reader(self.fd, _take_outcomes, weakref.ref(self))

    def usable(self, loop):
        return self.loop is loop and self.pid == os.getpid()

    async def outcome(self, ask, of, timeout):
        """Awaits the answer to what `ask`, a method of the waiter, asks about `of`; DEFERRED after
        timeout seconds (None: never)."""
        token, self.next_token = self.next_token, self.next_token + 1
        future = self.futures[token] = self.loop.create_future()
        timer = None
        try:
            ask(of, token)
            self.take()
            if timeout is not None and not future.done():
                timer = self.loop.call_later(timeout, self.expire, token)
            return await future
        finally:
            if timer is not None:
                timer.cancel()
            self.forget(token)

    def take(self):
        """Hands known outcomes to their waiting tasks."""
        while True:
            outcome = self.waiter.next()
            if outcome is None:
                return
            token, word = outcome
            future = self.futures.pop(token, None)
            if future is None or future.done():
                continue
            if word in FATE_OF:
                future.set_result(FATE_OF[word])
            else:
                gone = word == "AEP_ESPOOL"
                error = (_aep.SpoolError("the event is not in the spool any more, and Kafka does not "
                                         "have it: it was purged by command, or lost") if gone else
                         _aep.RelayError(f"the relay cannot tell it: {word}"))
                error.code = word
                future.set_exception(error)

    def expire(self, token):
        future = self.futures.get(token)
        if future is not None and not future.done():
            future.set_result(DEFERRED)

    def forget(self, token):
        if self.futures.pop(token, None) is not None:
            self.waiter.cancel(token)

    def close(self):
        """What still waits gets DEFERRED: the events stay on disk. Any thread: the loop's own does it."""
        if self.pid == os.getpid() and self.loop.is_running() and running_loop() is not self.loop:
            try:
                self.loop.call_soon_threadsafe(self._close)
                return
            except RuntimeError:
                pass  # it has just been closed
        self._close()

    def _close(self):
        for future in self.futures.values():
            if not self.loop.is_closed() and not future.done():
                future.set_result(DEFERRED)
        self.futures.clear()
        if self.pid == os.getpid() and not self.loop.is_closed():
            self.loop.remove_reader(self.fd)
        self.waiter.close()


def _take_outcomes(waits_of):
    waits = waits_of()
    if waits is not None:
        waits.take()


def _waits(publisher, loop):
    waits = publisher._waits.get(id(loop))
    if waits is not None and waits.usable(loop):
        return waits
    for key, other in list(publisher._waits.items()):
        if other.loop.is_closed() or not other.usable(other.loop):
            publisher._waits.pop(key).close()
    waits = publisher._waits[id(loop)] = Waits(publisher, loop)
    return waits


async def wait(publisher, loop, receipt, timeout):
    """Awaits the fate of a receipt or, without one, of everything accepted so far."""
    waits = _waits(publisher, loop)
    return await waits.outcome(waits.waiter.add, receipt, timeout)


async def wait_for_broker(publisher, loop, other_than, timeout):
    """Awaits a change of the broker's state: ACKED once it has changed, or DEFERRED."""
    waits = _waits(publisher, loop)
    return await waits.outcome(waits.waiter.add_broker, other_than, timeout)
