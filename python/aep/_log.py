# SPDX-License-Identifier: Apache-2.0
"""The library's log, as logging.getLogger("aep")."""
import logging

_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}
_logger = logging.getLogger("aep")


def emit(level, text):
    """Logs one line at one of the library's levels."""
    _logger.log(_LEVELS.get(level, logging.INFO), "%s", text)
