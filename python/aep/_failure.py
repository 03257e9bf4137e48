# SPDX-License-Identifier: Apache-2.0
"""An exception as the members of a failed event."""
import traceback

_CODES = {("asyncio.exceptions", "CancelledError"): "CANCELLED",
          ("concurrent.futures._base", "CancelledError"): "CANCELLED",
          ("builtins", "GeneratorExit"): "CANCELLED",
          ("builtins", "KeyboardInterrupt"): "INTERRUPTED",
          ("builtins", "SystemExit"): "EXIT"}


def _name(kind):
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _code(kind):
    for base in kind.__mro__:
        code = _CODES.get((base.__module__, base.__qualname__))
        if code:
            return code
    return None


def members_of(exception):
    """error_message, error_type, stack_trace and, if the exception has one, error_code."""
    kind = type(exception)
    try:
        message = str.__str__(str(exception))
    except Exception:
        message = ""
    try:
        trace = "".join(traceback.format_exception(kind, exception, exception.__traceback__))
    except Exception:
        trace = None
    return {"error_message": message if message.strip() else kind.__qualname__,
            "error_type": _name(kind), "error_code": _code(kind), "stack_trace": trace}
