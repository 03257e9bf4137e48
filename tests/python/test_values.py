# SPDX-License-Identifier: Apache-2.0
"""Python values as JSON: nothing that a caller passes loses an event."""
import collections
import dataclasses
import datetime
import decimal
import enum
import http
import json
import pathlib
import random
import subprocess
import types
import uuid

import pytest

import aep
from conftest import AEP, spooled


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
    """What the event contains for a value."""
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


# -- keys and numbers


class Level(enum.IntEnum):
    LOW = 1


class Word(str, enum.Enum):
    ONE = "one"


class Plain(enum.Enum):
    NUMBER, NESTED, NOTHING, LISTED = 7, Level.LOW, None, (1, 2)


class LyingInt(int):
    def __repr__(self):
        raise RuntimeError("no")
    __str__ = __format__ = __int__ = __index__ = __float__ = __repr__


class LyingFloat(float):
    def __repr__(self):
        return "not a number"
    __str__ = __repr__


class LyingText(str):
    def __str__(self):
        return None

    def __len__(self):
        raise RuntimeError("no")
    __repr__ = __iter__ = __getitem__ = __str__


class Wordless:
    def __str__(self):
        return None

    def __repr__(self):
        raise RuntimeError("no")


class Wrapped(dict):
    """Its items() differ from the dict's own content: json.dumps() uses items()."""
    def items(self):
        return [(1, "one"), ("two", 2)]


KEYS = ["", "text", "é\n\"\\\0", 0, -1, 10**400, -2**63, True, False, None, 1.0, -0.0, 1e16, 1e-7, 5e-324,
        float("nan"), float("inf"), float("-inf"), http.HTTPStatus.OK, Level.LOW, Word.ONE, LyingInt(3),
        LyingFloat(2.5), LyingText("lying")]


def read(spool):
    """The payloads in a spool, with their numbers as written, to the digit."""
    done = subprocess.run([AEP, "tail", "--json", "--lines", "all", "--spool", spool],
                          capture_output=True, text=True, check=True)
    return [json.loads(line, parse_float=str, parse_int=str)["event"]["payload"]
            for line in done.stdout.splitlines()]


def as_json_dumps(value):
    """What json.dumps() writes, except for values that JSON has no form for."""
    return json.loads(json.dumps(value), parse_float=str, parse_int=str, parse_constant={
        "NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get)


def json_value(source, depth=0):
    makers = [lambda: source.choice(PLAIN[:-1]), lambda: source.choice(KEYS),
              lambda: source.uniform(-1, 1) * 10.0 ** source.randrange(-320, 300),
              lambda: source.getrandbits(source.randrange(1, 500))]
    if depth < 4:
        many = range(source.randrange(5))
        makers += [lambda: [json_value(source, depth + 1) for _ in many],
                   lambda: tuple(json_value(source, depth + 1) for _ in many)]
        makers += [lambda: {json_key(source): json_value(source, depth + 1) for _ in many}] * 3
        makers += [lambda: collections.OrderedDict({json_key(source): Wrapped(of="its own") for _ in many})]
    return source.choice(makers)()


def json_key(source):
    return source.choice([lambda: source.choice(KEYS), lambda: source.randrange(-9, 9),
                          lambda: source.getrandbits(300), lambda: source.gauss(0, 1e9),
                          lambda: float(source.randrange(9))])()


def test_all_that_json_dumps_takes_is_written_as_it_writes_it(local, spool):
    source = random.Random(9)
    values = [{key: "value"} for key in KEYS] + [{key: 1, str(n): 2} for n, key in enumerate(KEYS)]
    values += [json_value(source) for _ in range(20_000)]
    for value in values:
        local.progress("a", "c", metadata={"value": value})
    payloads = read(spool)
    assert len(payloads) == len(values)
    for value, payload in zip(values, payloads):
        assert payload["metadata"]["value"] == as_json_dumps(value)


def numpy_keys():
    import numpy
    return [(numpy.float64(2.5), "2.5"), (numpy.float32(0.5), "0.5"), (numpy.float64("nan"), "NaN"),
            (numpy.float32("-inf"), "-Infinity"), (numpy.int64(7), "7"), (numpy.bool_(True), "true"),
            (numpy.str_("s"), "s"), (numpy.float64(1e22), "1e+22")]


OTHER_KEYS = numpy_keys() + [
    (Plain.NUMBER, "7"), (Plain.NESTED, "1"), (Plain.NOTHING, "null"), (Colour.RED, "red"),
    (uuid.UUID(int=3), str(uuid.UUID(int=3))), (datetime.timedelta(seconds=2), "2.0"),
    (decimal.Decimal("1.10"), "1.10"), (b"abc", "YWJj"), (datetime.date(2025, 1, 2), "2025-01-02")]


@pytest.mark.parametrize("key, text", OTHER_KEYS, ids=[repr(key) for key, _ in OTHER_KEYS])
def test_a_key_that_json_dumps_refuses_is_what_it_stands_for(local, spool, key, text):
    assert through(local, spool, {key: "x"}) == {text: "x"}
    assert local.stats().replaced == 0


def test_a_key_that_stands_for_nothing_is_its_repr_and_counted(local, spool):
    huge = 10**5000
    value = through(local, spool, {huge: 1, (1, 2): 2, Plain.LISTED: 3, Wordless(): 4, Wordless(): 5,
                                   "(1, 2)": 6, -huge: 7})
    assert len(value) == 7 and local.stats().replaced == 6
    assert value["(1, 2)"] == 6 and value["(1, 2) (2)"] == 2
    assert value["<Wordless without a repr>"] == 4 and value["<Wordless without a repr> (2)"] == 5
    assert value[hex(huge)[:1000] + "…"] == 1 and value[hex(-huge)[:1000] + "…"] == 7


class Lawless(dict):
    def items(self):
        raise RuntimeError("no")


class Classless:
    @property
    def __class__(self):
        raise RuntimeError("no")


class Pretender:
    __class__ = str


def test_what_lies_about_itself_loses_nothing(local, spool):
    assert through(local, spool, Lawless({1: 2})) == {"1": 2}
    for hostile in (Classless(), Pretender()):
        assert through(local, spool, {hostile: 1})
        assert through(local, spool, hostile)


def test_numbers_of_any_size(local, spool):
    import numpy
    values = [10**400, -10**400, 10**4299, numpy.float64(0.1), numpy.float32(0.5), numpy.int8(-3), LyingInt(4),
              LyingFloat(1.5), http.HTTPStatus.OK, numpy.array([[1, 2], [3, 4]]), numpy.float64(1e22)]
    through(local, spool, values)
    assert read(spool)[-1]["context"]["value"] == [
        str(10**400), str(-10**400), str(10**4299), "0.1", "0.5", "-3", "4", "1.5", "200",
        [["1", "2"], ["3", "4"]], "1e+22"]
    assert local.stats().replaced == 0
    assert through(local, spool, 10**5000) == hex(10**5000)[:1000] + "…"
    assert through(local, spool, numpy.float64("nan")) == repr(numpy.float64("nan"))
    assert local.stats().replaced == 2


@pytest.mark.parametrize("number", [10**400, -10**400, 10**5000, float("nan"), float("inf"), 1j, "much",
                                    object(), LyingInt(10**400), [], b"5"], ids=range(11))
@pytest.mark.parametrize("member, publish", [
    ("progress_percent", "progress"), ("steps_completed", "progress"), ("duration_ms", "completed"),
    ("quality_score", "completed"), ("inferred", "failed"), ("completed_at", "completed")])
def test_a_number_that_cannot_stand_names_its_member(local, number, member, publish):
    more = {"error_message": "no"} if publish == "failed" else {}
    with pytest.raises(aep.InvalidEvent) as caught:
        getattr(local, publish)(**dict({"agent_name": "a", "correlation_id": "c", member: number}, **more))
    assert caught.value.field == member and member in str(caught.value)


def test_numbers_of_numpy_and_others_are_members(local, spool):
    import numpy
    from fractions import Fraction
    for number in (numpy.float64(50), numpy.float32(50), numpy.int16(50), Fraction(50), decimal.Decimal(50),
                   LyingFloat(50)):
        local.progress("a", "c", progress_percent=number)
        local.completed("a", "c", completed_at=number)
    assert {p.get("progress_percent", "50") for p in read(spool)} == {"50"}
    assert {p.get("completed_at", "1970-01-01T00:00:50+00:00") for p in read(spool)} == {
        "1970-01-01T00:00:50+00:00"}


# -- text


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no")


def test_text_that_cannot_be_had_is_a_repr_and_counted(local, spool):
    for hostile in (Mute("x"), Wordless()):
        local.failed("a", "c", error_message=hostile, error_type=hostile, stack_trace=hostile)
        local.started(hostile, hostile)
    first, _, second, last = read(spool)
    assert first["error_message"] == "Mute('x')"
    assert second["error_message"] == last["agent_name"] == "<Wordless without a repr>"
    assert local.stats().replaced == 10
    local.failed("a", "c", error_message=LyingText("lying"))
    assert read(spool)[-1]["error_message"] == "lying"


@pytest.mark.parametrize("member", ["correlation_id", "session_id", "causation_id", "traceparent"])
def test_an_id_that_cannot_be_had_names_its_member(local, spool, member):
    with pytest.raises(aep.InvalidEvent) as caught:
        local.started("a", "r", **{member: Wordless()})
    assert caught.value.field == member and isinstance(caught.value.__cause__, TypeError)
    assert spooled(spool) == []


@pytest.mark.parametrize("member", ["event_type", "topic", "correlation_id", "schema_ref",
                                    "causation_id", "traceparent", "tracestate"])
@pytest.mark.parametrize("text", [Mute(), "a\0b", "\ud800"], ids=["mute", "nul", "surrogate"])
def test_a_text_of_publish_that_cannot_stand_names_its_member(local, spool, member, text):
    with pytest.raises(aep.InvalidEvent) as caught:
        local.publish(**dict({"event_type": "a.b.c.v1", "payload": {}}, **{member: text}))
    assert caught.value.field == member and spooled(spool) == []


def test_interrupts_in_text_and_keys_are_not_swallowed(local):
    class Interrupting:
        def __str__(self):
            raise KeyboardInterrupt
        __repr__ = __float__ = __str__
    for call in (lambda: local.failed("a", "c", error_message=Interrupting()),
                 lambda: local.failed("a", Interrupting(), error_message="x"),
                 lambda: local.progress("a", "c", progress_percent=Interrupting()),
                 lambda: local.started("a", "r", context={Interrupting(): 1}),
                 lambda: local.publish(Interrupting(), {})):
        with pytest.raises(KeyboardInterrupt):
            call()


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
