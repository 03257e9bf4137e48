# SPDX-License-Identifier: Apache-2.0
"""Publish what AI agents do to Kafka, through a durable local spool.

    import aep
    publisher = aep.Publisher(kafka_bootstrap_servers="localhost:9092")
    with publisher.execution("builder", "build it") as run:
        run.progress(progress_percent=50)

An event is on disk when its call returns; a relay process delivers it. This process has no Kafka
client and no extra thread. Rarely used parts are imported on first use.
"""
from ._aep import (ConfigError, Error, Health, InvalidEvent, Receipt, RelayError, SpoolError,
                   SpoolFull, Stats, members, new_id, partition_key, schema)
from ._aep import version as __version__
from ._execution import Execution, current
from ._publisher import ACKED, DEAD, DEFERRED, DISABLED, PARKED, SPOOLED, Fate, Publisher

_LATER = {"ExecutionRow": "._executions", "execution_of": "._executions", "executions": "._executions",
          "track": "._track", "Family": "._tools", "Finding": "._tools", "families": "._tools",
          "family_of": "._tools", "validate": "._tools"}

__all__ = ["ACKED", "DEAD", "DEFERRED", "DISABLED", "PARKED", "SPOOLED", "ConfigError", "Error", "Execution", "ExecutionRow",
           "Family", "Fate", "Finding", "Health", "InvalidEvent", "Publisher", "Receipt", "RelayError",
           "SpoolError", "SpoolFull", "Stats", "__version__", "current", "execution_of", "executions",
           "families", "family_of", "members", "new_id", "partition_key", "schema", "track", "validate"]


def __getattr__(name):
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module
    value = getattr(import_module(_LATER[name], __name__), name)
    globals()[name] = value
    return value


def __dir__():
    return __all__
