# SPDX-License-Identifier: Apache-2.0
"""Publish the lifecycle of agent executions, on aep: graceful degradation without losing anything.

A publish call returns True once Kafka has the event (or, with a healthy broker, once it is durable
and on its way for publish.wait_ms), False when it cannot be delivered now or at all, and raises
nothing but CancelledError. False with a warning: the event is kept and delivered as soon as it can
be. False with an error: the event was refused, and the log says what to do.
"""
import asyncio
import functools
import logging
import os
import time

try:
    import aep
    aep.Publisher
except (ImportError, AttributeError) as error:
    raise ImportError("agents.lib.agent_execution_publisher needs the aep of the same release: its wheel, or "
                      "in the clone pip install . (aep on PyPI is another project)") from error

logger = logging.getLogger(__name__)

UNKNOWN_WAIT_S = 0.5  # for a relay's first word on the broker
UNKNOWN_AGAIN_S = 5  # after one was awaited in vain none is awaited for so long

_IN_WORDS = {"unknown": "not known to be there", "unreachable": "unreachable",
             "auth_failed": "reached, but authentication failed",
             "misconfigured": "not asked: no client can be made of the kafka.* settings"}


def _never_raises(method):
    """A coroutine function whose wrong arguments are a logged False, too."""
    @functools.wraps(method)
    async def call(self, *args, **kwargs):
        if not self.enable_events:
            return False
        try:
            return await method(self, *args, **kwargs)
        except Exception as error:
            self.logger.error("%s: the event is refused: %s", method.__name__, error)
            return False
    return call


async def _fate(publisher, receipt, timeout_s):
    """The fate of an event; None if it cannot be known: the event is on disk in any case."""
    try:
        return await publisher.wait(receipt, timeout_s)
    except aep.Error:
        return None


class AgentExecutionPublisher:
    """Publishes execution events. May be used by all tasks of an event loop, and of several.

    bootstrap_servers: "host:port,…"; by default the environment's (KAFKA_BOOTSTRAP_SERVERS) or
    aep.conf's, and the attribute says which. enable_events: False makes every call return False
    silently. options: aep's configuration keys with underscores for dots. Raises ValueError if no
    servers are configured at all.
    """

    TOPIC_EXECUTION_STARTED = "omninode.agent.execution.started.v1"
    TOPIC_EXECUTION_PROGRESS = "omninode.agent.execution.progress.v1"
    TOPIC_EXECUTION_COMPLETED = "omninode.agent.execution.completed.v1"
    TOPIC_EXECUTION_FAILED = "omninode.agent.execution.failed.v1"

    def __init__(self, bootstrap_servers=None, enable_events=True, **options):
        self.bootstrap_servers = bootstrap_servers
        self.enable_events = enable_events
        self.logger = logger
        self._options = dict(options, bootstrap_servers=bootstrap_servers)
        self._publisher = None
        self._started = False
        self._said = {}
        self._ask_again = 0.0
        if enable_events:
            self._check_servers()
        if bootstrap_servers is None:
            self.bootstrap_servers = self._servers_in_force()

    def _servers_in_force(self):
        """What the configuration names; None: nothing, or it is wrong, which start() says."""
        try:  # a publisher that is disabled reads the configuration and opens no spool
            with aep.Publisher(**dict(self._options, events_enabled=False)) as disabled:
                return disabled.option("kafka.bootstrap.servers") or None
        except Exception:
            return None

    def _check_servers(self):
        try:
            aep.Publisher(**self._options).close()
        except aep.ConfigError as error:
            if error.field == "kafka.bootstrap.servers" and not self.bootstrap_servers:
                raise ValueError(str(error)) from None
        except Exception:
            pass  # start() says what is wrong

    # -- life

    async def start(self):
        """Opens the spool. Raises nothing: errors are logged, and publishing then returns False."""
        if self._started or not self.enable_events:
            return
        try:
            self._open()
            if not self._publisher.spool_dir:  # events.enabled is false: as enable_events
                self._publisher, self.enable_events = None, False
                return
            self._started = True
            self.logger.info("publishes through %s", self._publisher.spool_dir)
        except Exception as error:
            self._publisher = None
            self._started = True  # so that publishing says it again, as an error
            self.logger.error("cannot publish: %s", error)

    async def stop(self):
        """Closes it; events on disk are still delivered."""
        publisher, self._publisher = self._publisher, None
        self._started = False
        if publisher is None:
            return
        try:
            await publisher.aclose()
            self.logger.info("stopped; what is on disk is still delivered")
        except Exception as error:
            self.logger.error("cannot close: %s", error)

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *exception):
        await self.stop()
        return False

    # -- events

    @_never_raises
    async def publish_execution_started(self, agent_name, user_request, correlation_id=None,
                                        session_id=None, context=None, started_at=None, **links):
        """Publishes started. context: a mapping. Returns True or False: see the module."""
        return await self._publish("started", dict(
            links, agent_name=agent_name, user_request=user_request, correlation_id=correlation_id,
            session_id=session_id, context=context, started_at=started_at))

    @_never_raises
    async def publish_execution_progress(self, agent_name, correlation_id, progress_percent=None,
                                         current_step=None, steps_completed=None, steps_total=None,
                                         metadata=None, **links):
        """Publishes progress. progress_percent: 0 to 100; metadata: a mapping. Returns True or False."""
        return await self._publish("progress", dict(
            links, agent_name=agent_name, correlation_id=correlation_id,
            progress_percent=progress_percent, current_step=current_step,
            steps_completed=steps_completed, steps_total=steps_total, metadata=metadata))

    @_never_raises
    async def publish_execution_completed(self, agent_name, correlation_id, duration_ms=None,
                                          quality_score=None, output_summary=None, metrics=None,
                                          completed_at=None, result_summary=None, artifacts=None,
                                          session_id=None, **links):
        """Publishes completed. quality_score: 0 to 1; artifacts: a sequence; metrics: a mapping.
        Returns True or False."""
        return await self._publish("completed", dict(
            links, agent_name=agent_name, correlation_id=correlation_id, duration_ms=duration_ms,
            quality_score=quality_score, output_summary=output_summary, metrics=metrics,
            completed_at=completed_at, result_summary=result_summary, artifacts=artifacts,
            session_id=session_id))

    @_never_raises
    async def publish_execution_failed(self, agent_name, correlation_id, error_message,
                                       error_type=None, error_stack_trace=None,
                                       partial_results=None, failed_at=None, error_code=None,
                                       stack_trace=None, duration_ms=None, session_id=None,
                                       inferred=None, **links):
        """Publishes failed. partial_results: any value. Returns True or False."""
        return await self._publish("failed", dict(
            links, agent_name=agent_name, correlation_id=correlation_id,
            error_message=error_message, error_type=error_type,
            error_stack_trace=error_stack_trace, partial_results=partial_results,
            failed_at=failed_at, error_code=error_code, stack_trace=stack_trace,
            duration_ms=duration_ms, session_id=session_id, inferred=inferred))

    async def _publish(self, kind, members):
        if not self._started:
            self.logger.debug("%s: not started: no event is published", kind)
            return False
        if self._publisher is None:
            self._open()  # what could not be opened before may be now; else that is the event's error
        publisher = self._publisher  # stop() may come while the verdict is awaited
        receipt = getattr(publisher, kind)(**members)
        self.logger.debug("%s: event %s is on disk at %s", kind, receipt.event_id, receipt.position)
        return await self._verdict(publisher, kind, receipt)

    def _open(self):
        self._publisher = aep.Publisher(**self._options)
        self._wait_s = int(self._publisher.option("publish.wait_ms")) / 1000
        self._log_every_s = int(self._publisher.option("log.every_s"))
        if self._options["bootstrap_servers"] is None:  # the environment may be another by now
            self.bootstrap_servers = self._servers_in_force()

    # -- verdicts

    async def _verdict(self, publisher, kind, receipt):
        broker, reason = self._state(publisher.health())
        if broker == "unknown" and time.monotonic() >= self._ask_again:
            broker, reason = await self._first_state(publisher)
        fate = None
        if broker in ("connected", "forbidden"):
            fate = await _fate(publisher, receipt, self._wait_s)
        self.logger.debug("%s: event %s: broker %s, %s", kind, receipt.event_id, broker,
                          fate or "not awaited")
        if fate in ("parked", "dead"):
            return self._kept_aside(kind, receipt, fate)
        if broker in ("connected", "forbidden", "local"):
            return True
        self._warn(broker, "%s: Kafka is %s (%s): event %s is kept and will be delivered",
                   kind, _IN_WORDS[broker], reason, receipt.event_id)
        return False

    @staticmethod
    def _state(health):
        """The broker's state and the reason; unknown if the relay that reported it has exited."""
        if not health.relay_alive and health.broker != "local":
            return "unknown", "no relay is running"
        return health.broker, health.reason or "no answer yet"

    async def _first_state(self, publisher):
        """The broker's state; awaits it briefly while it is unknown, but not at each call."""
        try:
            state = self._state(await publisher.ahealth("unknown", UNKNOWN_WAIT_S))
        except aep.Error as error:  # stopped meanwhile, or the relay is of another version
            state = "unknown", str(error)
        if state[0] == "unknown":
            self._ask_again = time.monotonic() + UNKNOWN_AGAIN_S
        return state

    def _kept_aside(self, kind, receipt, fate):
        if fate == "parked":
            self._warn(fate, "%s: Kafka does not take event %s yet: it is kept and will be delivered "
                             "once it can be (see `aep doctor`)", kind, receipt.event_id)
        else:
            self.logger.error("%s: Kafka refuses event %s for good: see `aep dead list`", kind,
                              receipt.event_id)
        return False

    def _warn(self, what, *line):
        """The same warning at most once in log.every_s."""
        now = time.monotonic()
        if what in self._said and now - self._said[what] < self._log_every_s:
            return
        self._said[what] = now
        self.logger.warning(*line)


class AgentExecutionPublisherContext:
    """An AgentExecutionPublisher, started and stopped around a block; arguments as for it."""

    def __init__(self, *args, **kwargs):
        self.publisher = AgentExecutionPublisher(*args, **kwargs)

    async def __aenter__(self):
        await self.publisher.start()
        return self.publisher

    async def __aexit__(self, *exception):
        await self.publisher.stop()
        return False


# -- one-off publishing: one publisher for each environment, opened when it is first needed

_publishers = {}
_PREFIXES = ("AEP_", "KAFKA_", "TENANT_ID", "ENVIRONMENT", "XDG_", "HOME")


async def _shared():
    key = tuple(sorted(item for item in os.environ.items() if item[0].startswith(_PREFIXES)))
    publisher = _publishers.get(key)
    if publisher is None:
        publisher = AgentExecutionPublisher()
        await publisher.start()
        _publishers[key] = publisher
    return publisher


async def _publish_once(method, args, kwargs):
    try:
        publisher = await _shared()
    except Exception as error:
        logger.error("%s: cannot publish: %s", method, error)
        return False
    return await getattr(publisher, method)(*args, **kwargs)


def _convenience(name):
    method = getattr(AgentExecutionPublisher, name)

    async def publish(*args, **kwargs):
        return await _publish_once(name, args, kwargs)
    import inspect
    signature = inspect.signature(method)
    publish.__name__ = publish.__qualname__ = name
    publish.__doc__ = method.__doc__
    publish.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
    return publish


publish_execution_started = _convenience("publish_execution_started")
publish_execution_progress = _convenience("publish_execution_progress")
publish_execution_completed = _convenience("publish_execution_completed")
publish_execution_failed = _convenience("publish_execution_failed")

__all__ = ["AgentExecutionPublisher", "AgentExecutionPublisherContext", "publish_execution_started",
           "publish_execution_progress", "publish_execution_completed", "publish_execution_failed"]
