# SPDX-License-Identifier: Apache-2.0
"""Python values as JSON: nothing that a caller passes loses an event."""
import collections
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import random
import types
import uuid

import pytest

from conftest import spooled


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    parts: set


class Model:
    def model_dump(self):
        return {"field": Point(1, {2})}


class Hostile:
    def __repr__(self):
        raise RuntimeError("no")


class Liar:
    def model_dump(self):
        return self


def through(local, spool, value):
    """What stands in the event for a value."""
    local.started("a", "r", context={"value": value})
    return spooled(spool)[-1]["payload"]["context"]["value"]


PLAIN = [None, True, False, 0, -1, 2**63, -2**200, 1.5, 1e300, 5e-324, -0.0, "", "é \U0001f600",
         "\x00\x01\"\\/\n\t", [], {}, [[1], {"a": None}], {"": 0, "k\n": [1.0]}, "x" * 100_000]


@pytest.mark.parametrize("value", PLAIN, ids=range(len(PLAIN)))
def test_what_json_takes_is_what_json_gives(local, spool, value):
    assert through(local, spool, value) == json.loads(json.dumps(value))


CASES = [
    (uuid.UUID(int=1), str(uuid.UUID(int=1))),
    (datetime.datetime(2025, 1, 2, 3, 4, tzinfo=datetime.timezone.utc), "2025-01-02T03:04:00+00:00"),
    (datetime.date(2025, 1, 2), "2025-01-02"),
    (datetime.timedelta(seconds=1.5), 1.5),
    (pathlib.PurePosixPath("/a/b"), "/a/b"),
    (Colour.RED, "red"),
    (Point(1, {3, 2}), {"x": 1, "parts": [2, 3]}),
    (Model(), {"field": {"x": 1, "parts": [2]}}),
    (b"abc", "YWJj"),
    (frozenset([1]), [1]),
    ((1, (2,)), [1, [2]]),
    (decimal.Decimal("1.10"), "1.10"),
    (collections.deque([1, 2]), [1, 2]),
    (types.MappingProxyType({"a": 1}), {"a": 1}),
    ({1: "a", None: "b", True: "c", 2.5: "d"}, {"1": "c", "null": "b", "2.5": "d"}),
    ({uuid.UUID(int=1): 1}, {str(uuid.UUID(int=1)): 1}),
]


@pytest.mark.parametrize("value, expected", CASES, ids=[type(v).__name__ for v, _ in CASES])
def test_what_has_a_form(local, spool, value, expected):
    assert through(local, spool, value) == expected
    assert local.stats().replaced == 0


def test_what_has_none_becomes_its_repr_cut_and_counted(local, spool):
    circle = {}
    circle["me"] = circle
    deep = []
    for _ in range(1000):
        deep = [deep]
    assert through(local, spool, object()).startswith("<object object")
    assert through(local, spool, Hostile()) == "<Hostile without a repr>"
    assert through(local, spool, Liar()).startswith("<")
    assert through(local, spool, circle) == {"me": "{'me': {...}}"}
    assert through(local, spool, float("nan")) == "nan"
    assert through(local, spool, float("-inf")) == "-inf"
    assert len(through(local, spool, type("Long", (), {"__repr__": lambda s: "y" * 9999})())) == 1001
    assert json.dumps(through(local, spool, deep)).count("[") > 40
    assert local.stats().replaced == 8


def test_lone_surrogates_are_repaired_and_counted(local, spool):
    local.started("a\udc80", "\ud800 x \udfff", context={"k\ud800": "\udc00\U0001f600"})
    event = spooled(spool)[-1]
    assert event["payload"]["user_request"] == "\ufffd x \ufffd"
    assert event["payload"]["agent_name"] == "a\ufffd"
    assert event["payload"]["context"] == {"k\ufffd": "\ufffd\U0001f600"}
    assert local.stats().repaired_utf8 == 4


def test_text_members_take_any_value(local, spool):
    local.failed(uuid.UUID(int=2), 17, error_message=ValueError("boom"), error_code=404,
                 stack_trace=["a"])
    payload = spooled(spool)[-1]["payload"]
    assert payload["agent_name"] == str(uuid.UUID(int=2)) and payload["correlation_id"] == "17"
    assert payload["error_message"] == "boom" and payload["error_code"] == "404"


def test_a_container_that_changes_under_the_writer(local, spool):
    values = []

    class Growing:
        def model_dump(self):
            values.append(1) if len(values) < 50 else None
            return 1
    values += [Growing(), Growing()]
    assert through(local, spool, values)[:2] == [1, 1]


def test_interrupts_are_not_swallowed(local):
    class Interrupting:
        def model_dump(self):
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        local.started("a", "r", context={"v": Interrupting()})


def some_value(random, depth=0):
    makers = [lambda: random.choice(PLAIN), lambda: random.choice(CASES)[0], lambda: random.random(),
              lambda: "".join(chr(random.randrange(0x2000)) for _ in range(random.randrange(9)))]
    if depth < 5:
        makers += [lambda: [some_value(random, depth + 1) for _ in range(random.randrange(4))],
                   lambda: {random.choice(["a", 1, None, "\ud800", 2.5]): some_value(random, depth + 1)
                            for _ in range(random.randrange(4))}]
    return random.choice(makers)()


def test_random_values_never_lose_an_event(local, spool):
    source = random.Random(1)
    for number in range(500):
        local.progress("a", "c", steps_completed=number, metadata={"v": some_value(source)})
    assert [event["payload"]["steps_completed"] for event in spooled(spool)] == list(range(500))
