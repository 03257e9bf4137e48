# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from typing import Protocol, TypeVar, overload
from typing_extensions import ParamSpec

from ._aep import _Id, _Object, _Time
from ._publisher import Publisher

_P = ParamSpec("_P")
_R = TypeVar("_R")

# What it gives back is called as the function is, and gives what that gives: a value, a coroutine, a
# generator.
class _Decorator(Protocol):
    def __call__(self, function: Callable[_P, _R], /) -> Callable[_P, _R]: ...

@overload
def track(agent_name: Callable[_P, _R]) -> Callable[_P, _R]: ...
@overload
def track(
    agent_name: str | None = None,
    *,
    user_request: str | Callable[..., object] | None = None,
    publisher: Publisher | None = None,
    correlation_id: _Id | None = ...,
    session_id: _Id | None = ...,
    started_at: _Time | None = ...,
    context: _Object | None = ...,
    causation_id: _Id | None = ...,
    traceparent: str | None = ...,
    tracestate: str | None = ...,
) -> _Decorator: ...
