# SPDX-License-Identifier: Apache-2.0
from ._aep import (
    ConfigError as ConfigError,
    Error as Error,
    Health as Health,
    InvalidEvent as InvalidEvent,
    Receipt as Receipt,
    RelayError as RelayError,
    SpoolError as SpoolError,
    SpoolFull as SpoolFull,
    Stats as Stats,
    members as members,
    new_id as new_id,
    partition_key as partition_key,
    schema as schema,
)
from ._aep import version as __version__
from ._execution import Execution as Execution, current as current
from ._executions import (
    ExecutionRow as ExecutionRow,
    execution_of as execution_of,
    executions as executions,
)
from ._publisher import (
    ACKED as ACKED,
    DEAD as DEAD,
    DEFERRED as DEFERRED,
    DISABLED as DISABLED,
    PARKED as PARKED,
    SPOOLED as SPOOLED,
    Fate as Fate,
    Publisher as Publisher,
)
from ._tools import (
    Family as Family,
    Finding as Finding,
    families as families,
    family_of as family_of,
    validate as validate,
)
from ._track import track as track

__all__ = [
    "ACKED",
    "DEAD",
    "DEFERRED",
    "DISABLED",
    "PARKED",
    "SPOOLED",
    "ConfigError",
    "Error",
    "Execution",
    "ExecutionRow",
    "Family",
    "Fate",
    "Finding",
    "Health",
    "InvalidEvent",
    "Publisher",
    "Receipt",
    "RelayError",
    "SpoolError",
    "SpoolFull",
    "Stats",
    "__version__",
    "current",
    "execution_of",
    "executions",
    "families",
    "family_of",
    "members",
    "new_id",
    "partition_key",
    "schema",
    "track",
    "validate",
]
