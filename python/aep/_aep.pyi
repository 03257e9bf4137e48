# SPDX-License-Identifier: Apache-2.0
# The C extension. What is public of it is imported from aep; Execution and Waiter are what
# aep.Execution and the waits of an event loop stand on.
from _typeshed import DataclassInstance, structseq
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from os import PathLike
from typing import Any, Final, Literal, Protocol, final
from typing_extensions import TypeAlias, disjoint_base
from uuid import UUID

class _Model(Protocol):
    def model_dump(self) -> Any: ...

_Kind: TypeAlias = Literal["started", "progress", "completed", "failed"]
_Id: TypeAlias = str | UUID
_Time: TypeAlias = str | datetime | float  # RFC 3339, or seconds since 1970
_Object: TypeAlias = Mapping[Any, object] | DataclassInstance | _Model
_Array: TypeAlias = list[Any] | tuple[object, ...] | set[Any] | frozenset[object] | deque[Any]
_Envelope: TypeAlias = _Object | str | bytes
_Option: TypeAlias = str | float | PathLike[str] | None
_Size: TypeAlias = str | int
_Switch: TypeAlias = bool | str

version: Final[str]

class Error(Exception):
    code: str
    field: str
    position: int

class InvalidEvent(Error, ValueError): ...
class ConfigError(Error, ValueError): ...
class SpoolFull(Error): ...
class SpoolError(Error, OSError): ...
class RelayError(Error): ...

@final
class Receipt:
    @property
    def event_id(self) -> str: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def position(self) -> tuple[int, int]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

_Broker: TypeAlias = Literal[
    "unknown", "connected", "unreachable", "auth_failed", "forbidden", "local",
    "misconfigured"
]

@final
class Health(structseq[Any], tuple[_Broker, float, bool, int, int, int, str]):
    __match_args__: Final = (
        "broker",
        "since",
        "relay_alive",
        "used_bytes",
        "max_bytes",
        "backlog_bytes",
        "reason",
    )
    @property
    def broker(self) -> _Broker: ...
    @property
    def since(self) -> float: ...
    @property
    def relay_alive(self) -> bool: ...
    @property
    def used_bytes(self) -> int: ...
    @property
    def max_bytes(self) -> int: ...
    @property
    def backlog_bytes(self) -> int: ...
    @property
    def reason(self) -> str: ...

@final
class Stats(
    structseq[int],
    tuple[
        int, int, int, int, int, int, int, int, int,
        int, int, int, int, int, int, int, int, int,
    ],
):  # fmt: skip
    __match_args__: Final = (
        "refused_full",
        "refused_invalid",
        "refused_too_big",
        "refused_io",
        "repaired_utf8",
        "truncated",
        "redacted",
        "acknowledged",
        "retried",
        "parked",
        "unparked",
        "dead",
        "dead_dropped",
        "skipped_bytes",
        "retired",
        "purged",
        "lost",
        "replaced",
        "strayed",
    )
    @property
    def refused_full(self) -> int: ...
    @property
    def refused_invalid(self) -> int: ...
    @property
    def refused_too_big(self) -> int: ...
    @property
    def refused_io(self) -> int: ...
    @property
    def repaired_utf8(self) -> int: ...
    @property
    def truncated(self) -> int: ...
    @property
    def redacted(self) -> int: ...
    @property
    def acknowledged(self) -> int: ...
    @property
    def retried(self) -> int: ...
    @property
    def parked(self) -> int: ...
    @property
    def unparked(self) -> int: ...
    @property
    def dead(self) -> int: ...
    @property
    def dead_dropped(self) -> int: ...
    @property
    def skipped_bytes(self) -> int: ...
    @property
    def retired(self) -> int: ...
    @property
    def purged(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def replaced(self) -> int: ...
    @property
    def strayed(self) -> int: ...

@disjoint_base
class Publisher:
    def __init__(self, **options: _Option) -> None: ...
    def started(
        self,
        agent_name: str,
        user_request: str,
        *,
        correlation_id: _Id | None = None,
        session_id: _Id | None = None,
        started_at: _Time | None = None,
        context: _Object | None = None,
        causation_id: _Id | None = None,
        traceparent: str | None = None,
        tracestate: str | None = None,
    ) -> Receipt: ...
    def progress(
        self,
        agent_name: str,
        correlation_id: _Id,
        *,
        progress_percent: float | None = None,
        current_step: str | None = None,
        steps_completed: int | None = None,
        steps_total: int | None = None,
        metadata: _Object | None = None,
        causation_id: _Id | None = None,
        traceparent: str | None = None,
        tracestate: str | None = None,
    ) -> Receipt: ...
    def completed(
        self,
        agent_name: str,
        correlation_id: _Id,
        *,
        completed_at: _Time | None = None,
        duration_ms: float | None = None,
        result_summary: str | None = None,
        artifacts: _Array | None = None,
        output_summary: str | None = None,
        quality_score: float | None = None,
        metrics: _Object | None = None,
        session_id: _Id | None = None,
        causation_id: _Id | None = None,
        traceparent: str | None = None,
        tracestate: str | None = None,
    ) -> Receipt: ...
    def failed(
        self,
        agent_name: str,
        correlation_id: _Id,
        *,
        error_message: str | BaseException,
        failed_at: _Time | None = None,
        error_code: str | int | None = None,
        error_type: str | None = None,
        stack_trace: str | None = None,
        error_stack_trace: str | None = None,
        partial_results: object = None,
        duration_ms: float | None = None,
        session_id: _Id | None = None,
        inferred: bool | None = None,
        causation_id: _Id | None = None,
        traceparent: str | None = None,
        tracestate: str | None = None,
    ) -> Receipt: ...
    def publish(
        self,
        event_type: str,
        payload: _Object,
        *,
        topic: str | None = None,
        correlation_id: _Id | None = None,
        schema_ref: str | None = None,
        causation_id: _Id | None = None,
        traceparent: str | None = None,
        tracestate: str | None = None,
    ) -> Receipt: ...
    def health(self) -> Health: ...
    def stats(self) -> Stats: ...
    def option(self, key: str, /) -> str: ...
    def close(self) -> None: ...
    @property
    def spool_dir(self) -> str: ...
    @property
    def closed(self) -> bool: ...

@final
class Execution:
    @staticmethod
    def start(publisher: Publisher, /, **members: Any) -> Execution: ...
    def progress(self, **members: Any) -> Receipt: ...
    def complete(self, **members: Any) -> Receipt: ...
    def fail(self, **members: Any) -> Receipt: ...
    @property
    def id(self) -> str: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def session_id(self) -> str: ...
    @property
    def traceparent(self) -> str: ...
    @property
    def receipt(self) -> Receipt: ...

@final
class Waiter:
    def __init__(self, publisher: Publisher, /) -> None: ...
    def fileno(self) -> int: ...
    def add(self, receipt: Receipt | None, token: int, /) -> None: ...
    def add_broker(self, other_than: _Broker, token: int, /) -> None: ...
    def next(self) -> tuple[int, str] | None: ...
    def cancel(self, token: int, /) -> None: ...
    def close(self) -> None: ...

def new_id() -> str: ...
def schema(kind: _Kind, /) -> str: ...
def members(kind: _Kind, /) -> list[tuple[str, str, bool]]: ...
def partition_key(envelope: _Envelope, /) -> str | None: ...
def families() -> list[tuple[str, str, str, str, int, int]]: ...
def family_of(name: str, /) -> tuple[str, str, str, str, int, int] | None: ...
def validate(envelope: object, strict: bool, /) -> list[tuple[str, str, str, str, str]]: ...
