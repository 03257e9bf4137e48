# SPDX-License-Identifier: Apache-2.0
"""Values that JSON cannot express. Types from modules that are not imported cannot occur."""
import sys

DESCRIPTION_MAX = 1000  # characters of a repr()


def _repr(value):
    try:
        return str.__str__(repr(value))  # no class of its own that lies about itself
    except Exception:
        pass
    if isinstance(value, int):
        return hex(value)  # repr() refuses thousands of digits
    return f"<{type.__dict__['__name__'].__get__(type(value))} without a repr>"


def describe(value):
    """Its repr(), cut; whatever happens."""
    text = _repr(value)
    return text if len(text) <= DESCRIPTION_MAX else text[:DESCRIPTION_MAX] + "…"


def _class(module, name):
    return getattr(sys.modules.get(module), name, ())


def _set(value):
    try:
        return sorted(value)
    except Exception:
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
_NUMBERS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_NESTING_MAX = 8  # enums of enums, arrays of one number


def _key(key, nesting=0):
    """As json.dumps() writes it, or the value it represents; None: only its repr() represents it."""
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, float):
        text = float.__repr__(key)
        return _NUMBERS.get(text, text)
    if key is None or key is True or key is False:
        return _WORDS[key]
    if isinstance(key, int):
        return int.__repr__(key)
    simple = simplify(key)
    return None if simple is NotImplemented or nesting == _NESTING_MAX else _key(simple, nesting + 1)


def _key_of_its_own(key, taken):
    """What describes a key, unlike those that are taken: no two keys become one for it."""
    text, number = describe(key), 1
    own = text
    while own in taken:
        number += 1
        own = f"{text} ({number})"
    return own


def _items(mapping):
    try:
        return [(key, value) for key, value in mapping.items()]
    except Exception:
        return list(dict.items(mapping))


def text_keys(mapping):
    """A dict with keys as json.dumps() writes them, and the number of keys that their repr() stands
    for."""
    items, plain, described = _items(mapping), {}, []
    for key, value in items:
        try:
            text = _key(key)
        except Exception:
            text = None
        if text is None:
            described.append((key, value))
        else:
            plain[text] = value
    for key, value in described:
        plain[_key_of_its_own(key, plain)] = value
    return plain, len(described)


def _moment(value):
    from datetime import datetime, timezone
    if isinstance(value, datetime):
        return value if value.tzinfo else value.astimezone()
    if isinstance(value, (bytes, bytearray)):
        raise TypeError("bytes are not a number")  # float() reads them as text
    return datetime.fromtimestamp(float(value), timezone.utc)


def rfc3339(value):
    """A moment as RFC 3339 text: a datetime (in local time if it has no zone), seconds since 1970."""
    return _moment(value).isoformat()
