# SPDX-License-Identifier: Apache-2.0
"""Executions as `aep list` and `aep show` know them.

    executions() ── argv ──▶ aep-executions ── a JSON object a line ──▶ rows

The program reads the tracker's store; there is no second reader of it here. It comes with this
package, as the relay does, and is looked for in the same places.
"""
from __future__ import annotations

import datetime
import json
import logging
import os
import subprocess
from collections.abc import Iterable
from typing import Literal, TypedDict, Union
from uuid import UUID

from . import _aep
from ._values import rfc3339

PROGRAM = "aep-executions"
# From this package's folder, as src/client/spawn.c has them.
_PLACES = ("../libexec/aep", "../../libexec/aep", "", "../bin", "../../../../libexec/aep")
_WRONG_USAGE = 2
_UNKNOWN, _AMBIGUOUS = "show: no execution has an id", "begins the ids of"

_Texts = Union[str, Iterable[str]]
_Ids = Union[str, UUID, Iterable[Union[str, UUID]]]
_Time = Union[str, datetime.datetime, datetime.timedelta]


class ExecutionRow(TypedDict):
    """An execution: a line of `aep list --json`. None: not known. Times are RFC 3339 text in UTC."""

    id: str
    state: Literal["completed", "failed", "abandoned", "waiting", "stalled", "running"]
    basis: str
    since: str | None
    uncertain: bool
    agent_name: str | None
    user_request: str | None
    tenant_id: str | None
    source: str | None
    correlation_id: str | None
    session_id: str | None
    parent_id: str | None
    parent_known: bool | None
    root_id: str | None
    depth: int
    started_at: str | None
    ended_at: str | None
    last_event_at: str | None
    duration_ms: float | None
    current_step: str | None
    progress_percent: float | None
    steps_completed: float | None
    steps_total: float | None
    waiting_for: Literal["human", "permission", "timer", "rate_limit", "child"] | None
    error_code: str | None
    error_type: str | None
    error_message: str | None
    result_summary: str | None
    open_children: int
    children: int
    events: int
    delivery: Literal["dead", "parked", "spooled", "acked"]
    partial: bool
    inferred: bool
    conflict: bool
    skew: bool
    as_of: str | None


def _find_program() -> str:
    own = os.path.dirname(os.path.realpath(_aep.__file__))
    for place in _PLACES:
        path = os.path.normpath(os.path.join(own, place, PROGRAM))
        if os.access(path, os.X_OK):
            return path
    raise _aep.Error(f"no {PROGRAM} is installed beside {own}: install the wheel, or the clone by pip install .")


def _run(verb: str, options: list[str], operands: list[str]) -> tuple[int, list[ExecutionRow], str]:
    """The exit status, the rows, and what the program had to say."""
    done = subprocess.run([_find_program(), verb, "--json", *options, "--", *operands],
                          stdin=subprocess.DEVNULL, capture_output=True)
    text = done.stderr.decode(errors="replace").strip()
    said = "\n".join(line[5:] if line.startswith("aep: ") else line for line in text.splitlines())
    if done.returncode == _WRONG_USAGE:
        raise ValueError(said)
    if done.returncode == 0 and said:
        logging.getLogger("aep").warning("%s", said)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], said


def _words(name: str, value: _Ids | None) -> list[str]:
    if value is None:
        return []
    values = [value] if isinstance(value, (str, UUID)) else value
    return [f"{name}:{word}" for word in values]


def _moment(time: _Time | None) -> str | None:
    if isinstance(time, datetime.timedelta):
        time = datetime.datetime.now(datetime.timezone.utc) - time
    return rfc3339(time) if isinstance(time, datetime.datetime) else time


def _wait(wait_ms: int | None) -> list[str]:
    return [] if wait_ms is None else [f"--wait={wait_ms}"]


def executions(*, state: _Texts | None = None, agent: _Texts | None = None, tenant: _Texts | None = None,
               session: _Ids | None = None, correlation: _Ids | None = None, parent: _Ids | None = None,
               since: _Time | None = None, until: _Time | None = None, text: _Texts | None = None,
               sort: Literal["started", "last_event", "attention", "state"] = "started", reverse: bool = False,
               limit: int | None = 50, children: bool = False,
               wait_ms: int | None = None) -> list[ExecutionRow]:
    """The executions of this user, the newest first: the rows of `aep list --json`.

    >>> import aep
    >>> for row in aep.executions(state=["failed", "stalled"], since="1d"):
    ...     print(row["agent_name"], row["state"], row["error_message"])

    state, agent ("build*"), tenant, session, correlation, parent (the id of what started it): one
    value, or several of which one has to match. text: is in the request, agent, step or error, in
    any case; of several all have to be. since, until: the last event is not older, not newer than a
    time ("2025-11-13", a datetime) or an age ("1h", a timedelta). sort: "started", "last_event",
    "attention" or "state", as `aep list --sort`; reverse: the other way round. limit: at most so
    many; None: all. children: those that other executions started, too. wait_ms: how long the tracker may take
    to read what has been published (default 2000); after that, what is known is returned,
    `uncertain` is true, and `as_of` says from when it is.

    A wrong value is a ValueError; a store that cannot be read is an aep.Error. Blocks: in an event
    loop, use asyncio.to_thread().
    """
    operands = [*_words("state", state), *_words("agent", agent), *_words("tenant", tenant),
                *_words("session", session), *_words("correlation", correlation),
                *_words("parent", parent), *_words("since", _moment(since)),
                *_words("until", _moment(until)), *_words("text", text)]
    options = [f"--limit={limit or 0}", f"--sort={sort}", *(["--reverse"] if reverse else []),
               *(["--all"] if children else []), *_wait(wait_ms)]
    status, rows, said = _run("list", options, operands)
    if status != 0:
        raise _aep.Error(said)
    return rows


def execution_of(id: str | UUID, *, wait_ms: int | None = None) -> ExecutionRow | None:
    """The execution of that id; None if there is none.

    >>> import aep
    >>> aep.execution_of("no such id") is None
    True

    id: an execution's id, the beginning of one, or a correlation id (if several executions have
    that, the one that started the others). A beginning that several ids share is a LookupError that
    names them. wait_ms, other errors: as executions() has them.
    """
    _, rows, said = _run("show", _wait(wait_ms), [str(id)])
    if rows:
        return rows[0]
    if said.startswith(_UNKNOWN):
        return None
    raise LookupError(said) if _AMBIGUOUS in said else _aep.Error(said)
