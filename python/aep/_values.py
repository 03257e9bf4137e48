# SPDX-License-Identifier: Apache-2.0
"""Values that JSON has no form for. Types of modules that nobody has imported cannot come."""
import sys

DESCRIPTION_MAX = 1000  # characters of a repr()


def describe(value):
    """Its repr(), cut; whatever happens."""
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__} without a repr>"
    return text if len(text) <= DESCRIPTION_MAX else text[:DESCRIPTION_MAX] + "…"


def _class(module, name):
    return getattr(sys.modules.get(module), name, ())


def _set(value):
    try:
        return sorted(value)
    except TypeError:
        return list(value)


def _base64(value):
    import base64
    return base64.b64encode(bytes(value)).decode("ascii")


def _dataclass(value):
    return {name: getattr(value, name) for name in type(value).__dataclass_fields__}


_SIMPLE = (
    (("builtins", "set"), _set),
    (("builtins", "frozenset"), _set),
    (("builtins", "bytes"), _base64),
    (("builtins", "bytearray"), _base64),
    (("builtins", "memoryview"), _base64),
    (("enum", "Enum"), lambda value: value.value),
    (("uuid", "UUID"), str),
    (("datetime", "datetime"), lambda value: value.isoformat()),
    (("datetime", "date"), lambda value: value.isoformat()),
    (("datetime", "time"), lambda value: value.isoformat()),
    (("datetime", "timedelta"), lambda value: value.total_seconds()),
    (("pathlib", "PurePath"), str),
    (("decimal", "Decimal"), str),
    (("collections", "deque"), list),
    (("types", "MappingProxyType"), dict),
)


def _simplify(value):
    for (module, name), simple in _SIMPLE:
        if isinstance(value, _class(module, name)):
            return simple(value)
    if hasattr(type(value), "model_dump"):
        return value.model_dump()
    if hasattr(type(value), "__dataclass_fields__"):
        return _dataclass(value)
    if hasattr(type(value), "tolist"):  # arrays and scalars of numpy and its like
        return value.tolist()
    mapping = _class("collections.abc", "Mapping")
    return dict(value) if mapping and isinstance(value, mapping) else NotImplemented


def simplify(value):
    """Something nearer to JSON; NotImplemented if there is nothing but its repr()."""
    try:
        return _simplify(value)
    except Exception:
        return NotImplemented


_WORDS = {True: "true", False: "false", None: "null"}


def _key(key):
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, bool):
        return _WORDS[key]
    if isinstance(key, (int, float)):
        return repr(key)
    simple = simplify(key)
    return simple if isinstance(simple, str) else describe(key)


def text_keys(value):
    """A dict with keys as json.dumps() writes them, and others by their value or repr()."""
    return {_key(key): item for key, item in value.items()}


def rfc3339(value):
    """A moment as RFC 3339 text: a datetime (in local time if it has no zone), seconds since 1970."""
    from datetime import datetime, timezone
    if isinstance(value, (int, float)):
        value = datetime.fromtimestamp(value, timezone.utc)
    if not isinstance(value, datetime):
        raise TypeError(f"a datetime or RFC 3339 text is wanted, not {type(value).__name__}")
    return (value if value.tzinfo else value.astimezone()).isoformat()
