# SPDX-License-Identifier: Apache-2.0
from asyncio import AbstractEventLoop
from collections.abc import Generator
from typing import Any, Final, Literal
from typing_extensions import Self

from . import _aep
from ._aep import Health, Receipt, _Broker, _Id, _Object, _Option, _Size, _Switch, _Time
from ._execution import Execution

class Fate(str):
    def __bool__(self) -> bool: ...
    def __await__(self) -> Generator[Any, None, Self]: ...

ACKED: Final[Fate]
SPOOLED: Final[Fate]
DISABLED: Final[Fate]
DEFERRED: Final[Fate]
PARKED: Final[Fate]
DEAD: Final[Fate]

FATES: Final[tuple[Fate, Fate, Fate, Fate, Fate, Fate]]
FATE_OF: Final[dict[str, Fate]]

def running_loop() -> AbstractEventLoop | None: ...

class Publisher(_aep.Publisher):
    # Every option but librdkafka's, which are kafka_NAME.
    def __init__(
        self,
        bootstrap_servers: str | None = None,
        *,
        mode: Literal["kafka", "local"] | None = ...,
        kafka_bootstrap_servers: str | None = ...,
        kafka_sasl_password_file: _Option = ...,
        tenant_id: str | None = ...,
        environment: str | None = ...,
        namespace: str | None = ...,
        source: str | None = ...,
        events_enabled: _Switch | None = ...,
        capture_request: _Switch | None = ...,
        hook_capture: Literal["none", "tools"] | None = ...,
        redact: _Switch | None = ...,
        redact_extra: str | None = ...,
        ids_strict: _Switch | None = ...,
        topic_layout: Literal["kind", "single"] | None = ...,
        wire_cloudevents: _Switch | None = ...,
        limits_field_bytes: _Size | None = ...,
        limits_message_bytes: _Size | None = ...,
        spool_dir: _Option = ...,
        spool_sync: Literal["batch", "always", "never"] | None = ...,
        spool_max_bytes: _Size | None = ...,
        spool_segment_bytes: _Size | None = ...,
        spool_any_fs: _Switch | None = ...,
        spool_remove_after: _Size | None = ...,
        relay_mode: Literal["auto", "external", "off"] | None = ...,
        relay_path: _Option = ...,
        relay_idle_exit: _Size | None = ...,
        dead_max_bytes: _Size | None = ...,
        publish_wait_ms: _Size | None = ...,
        close_wait_ms: _Size | None = ...,
        log_every_s: _Size | None = ...,
        track_store: _Option = ...,
        track_sources: _Option = ...,
        track_topics: _Option = ...,
        track_backfill: _Size | None = ...,
        track_idle_exit: _Size | None = ...,
        track_abandon_after: _Size | None = ...,
        track_retention: _Size | None = ...,
        track_retention_bodies: _Size | None = ...,
        track_retention_failed_bodies: _Size | None = ...,
        track_max_bytes: _Size | None = ...,
        **options: _Option,
    ) -> None: ...
    # A Fate may be awaited, so this is right with and without an event loop.
    def wait(self, receipt: Receipt, timeout: float | None = None) -> Fate: ...
    def flush(self, timeout: float | None = None) -> Fate: ...
    async def aflush(self, timeout: float | None = None) -> Fate: ...
    async def ahealth(
        self, other_than: _Broker = "unknown", timeout: float | None = None
    ) -> Health: ...
    def execution(
        self,
        agent_name: str,
        user_request: str,
        *,
        correlation_id: _Id | None = ...,
        session_id: _Id | None = ...,
        started_at: _Time | None = ...,
        context: _Object | None = ...,
        causation_id: _Id | None = ...,
        traceparent: str | None = ...,
        tracestate: str | None = ...,
    ) -> Execution: ...
    async def aclose(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exception: object) -> None: ...
