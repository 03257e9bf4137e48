# SPDX-License-Identifier: Apache-2.0
from types import TracebackType
from typing_extensions import Self

from ._aep import Receipt, _Array, _Id, _Object, _Time
from ._publisher import Publisher

class Execution:
    publisher: Publisher
    def __init__(
        self,
        publisher: Publisher,
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
    ) -> None: ...
    def start(self) -> Self: ...
    def progress(
        self,
        *,
        progress_percent: float | None = ...,
        current_step: str | None = ...,
        steps_completed: int | None = ...,
        steps_total: int | None = ...,
        metadata: _Object | None = ...,
        causation_id: _Id | None = ...,
        traceparent: str | None = ...,
        tracestate: str | None = ...,
    ) -> Receipt: ...
    def complete(
        self,
        *,
        completed_at: _Time | None = ...,
        duration_ms: float | None = ...,
        result_summary: str | None = ...,
        artifacts: _Array | None = ...,
        output_summary: str | None = ...,
        quality_score: float | None = ...,
        metrics: _Object | None = ...,
        session_id: _Id | None = ...,
        causation_id: _Id | None = ...,
        traceparent: str | None = ...,
        tracestate: str | None = ...,
    ) -> Receipt: ...
    def fail(
        self,
        error_message: str | BaseException,
        *,
        failed_at: _Time | None = ...,
        error_code: str | int | None = ...,
        error_type: str | None = ...,
        stack_trace: str | None = ...,
        error_stack_trace: str | None = ...,
        partial_results: object = ...,
        duration_ms: float | None = ...,
        session_id: _Id | None = ...,
        inferred: bool | None = ...,
        causation_id: _Id | None = ...,
        traceparent: str | None = ...,
        tracestate: str | None = ...,
    ) -> Receipt: ...
    def fail_with(self, exception: BaseException) -> Receipt: ...
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
    @property
    def ended(self) -> bool: ...
    # None, not bool: an exception always goes on.
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

def current() -> Execution | None: ...
