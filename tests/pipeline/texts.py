"""JSON text as hypothesis draws it: right, slightly wrong and hostile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st

from schemas.model import SCALAR_TYPES, Column
from tests.pipeline.type_table import REFUSES, TAKES

Text = st.SearchStrategy[str]

_DIGITS = st.text("0123456789", min_size=1, max_size=25)
_PLAIN = st.text(max_size=8)

#: Literals at the edges of what a number can be, and some that are none.
_EDGES = sorted(
    literal
    for name in ("INT64", "FLOAT64")
    for literal in [*REFUSES[name], *(literal for literal, _ in TAKES[name])]
    if re.match(r"[-0-9NI]", literal)
)


def numbers() -> Text:
    """Number literals of all shapes."""
    whole = st.integers(0, 300).map(str) | st.integers(0, 10**25).map(str)
    fraction = st.just("") | _DIGITS.map(".{}".format)
    sign = st.sampled_from(["e", "E", "e+", "e-", "E-"])
    exponent = st.just("") | st.builds("{}{}".format, sign, st.integers(0, 400))
    built = st.builds("{}{}{}{}".format, st.sampled_from(["", "-"]), whole, fraction, exponent)
    return built | st.sampled_from(_EDGES)


def string_literals() -> Text:
    """String literals, escaped or not, some with lone surrogates or control characters."""
    odd = [r"\ud800", r"\udc00", r"\ud83d\ude00", r"\udc00\ud800", "\ud800", "\x00", "\n", "\x7f"]
    odd += [r"\/", r"\"", r"\\", r"\u0000", r"\u005c", "\u2028", "\U0001f600", "'", "{", "]", ","]
    pieces = st.lists(st.sampled_from(odd) | st.text("aTZ09 -:é", max_size=4), max_size=4)
    quoted = pieces.map(lambda parts: f'"{"".join(parts)}"')
    return (
        _PLAIN.map(json.dumps)
        | _PLAIN.map(lambda text: json.dumps(text, ensure_ascii=False))
        | quoted
    )


def moments() -> Text:
    """Texts that look like dates and times, most of them possible."""

    def field(low: int, high: int) -> Text:
        return st.integers(low, high).map("{:02}".format)

    year = st.sampled_from(["0000", "0001", "1970", "2026", "2028", "9999"])
    day = st.builds("{}-{}-{}".format, year, field(0, 13), field(0, 32))
    second = st.just("") | field(0, 61).map(":{}".format)
    fraction = st.just("") | _DIGITS.map(".{}".format)
    zone = st.sampled_from(
        ["", "Z", "+00:00", "+01:00", "-0530", "+24:00", "+23:59", "-00:60", "z", "+1"]
    )
    clock = st.builds(
        "{}{}:{}{}{}{}".format,
        st.sampled_from(["T", "T", " ", "t"]),
        field(0, 24) | st.just("00"),
        field(0, 60) | st.just("00"),
        second,
        fraction,
        zone,
    )
    return st.builds('"{}{}"'.format, day, st.just("") | clock)


def scalars() -> Text:
    """Any JSON value that is no array and no object."""
    return st.sampled_from(["null", "true", "false"]) | numbers() | string_literals() | moments()


_KEYS = st.sampled_from(['"a"', '"b"', '""', r'"\u0061"', r'"\ud800"', '"é"']) | string_literals()


def array_of(items: Sequence[str]) -> str:
    """The array of these texts."""
    return f"[{','.join(items)}]"


def object_of(members: Iterable[tuple[str, str]]) -> str:
    """The object with these members, keys as literals."""
    return "{" + ",".join(f"{key}:{value}" for key, value in members) + "}"


@cache
def values() -> Text:
    """Any JSON value, duplicate keys included."""
    return st.recursive(
        scalars(),
        lambda inner: (
            st.lists(inner, max_size=3).map(array_of)
            | st.lists(st.tuples(_KEYS, inner), max_size=3).map(object_of)
        ),
        max_leaves=6,
    )


@cache
def right(column: Column) -> Text:
    """JSON that ``column`` takes and that needs no second look: the fast path must take it."""
    if column.type == "STRUCT":
        inner = members(column.columns, right).map(object_of)
    else:
        inner = _right_scalars(column.type)
    return st.lists(inner, max_size=3).map(array_of) if column.repeated else inner


@cache
def _right_scalars(kind: str) -> Text:
    if kind == "STRING":
        return _PLAIN.map(json.dumps) | st.just('"T_ZENTH-1"')
    if kind == "INT64":
        return st.integers(-(2**63), 2**63 - 1).map(str)
    if kind == "FLOAT64":
        return st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers().map(str)
    if kind == "BOOL":
        return st.sampled_from(["true", "false"])
    if kind == "DATE":
        return st.dates().map('"{}"'.format)
    zone = st.sampled_from(["Z", "", "+00:00"])
    return st.builds('"{}{}"'.format, st.datetimes().map(lambda at: at.isoformat()), zone)


@cache
def wrong(column: Column) -> Text:
    """JSON for ``column`` that may be right, nearly right or anything at all."""
    if column.type == "STRUCT":
        own = messy_members(column.columns).map(object_of)
    else:
        takes = [literal for literal, _ in TAKES[column.type]]
        own = st.sampled_from(takes) | st.sampled_from(REFUSES[column.type])
        if column.type in ("INT64", "FLOAT64"):
            own = own | numbers()
        elif column.type == "STRING":
            own = own | string_literals()
        elif column.type != "BOOL":
            own = own | moments()
    if column.repeated:
        own = st.lists(own | st.just("null"), max_size=2).map(array_of) | own
    return own | right(column) | values()


Members = st.SearchStrategy[list[tuple[str, str]]]


def members(columns: Sequence[Column], value: Any) -> Members:
    """Members of an object for ``columns``, some missing, some null."""
    absent = st.none()
    drawn = st.tuples(*(st.just("null") | value(c) | value(c) | absent for c in columns))
    names = [json.dumps(column.name) for column in columns]
    return drawn.map(
        lambda texts: [
            (name, text) for name, text in zip(names, texts, strict=True) if text is not None
        ]
    )


def messy_members(columns: Sequence[Column]) -> Members:
    """The same with wrong values, unknown and repeated keys, in another order."""
    keys = st.sampled_from([json.dumps(column.name) for column in columns]) | _KEYS
    more = st.lists(st.tuples(keys, values()), max_size=2)
    mostly_right = members(columns, right) | members(columns, wrong)
    return st.tuples(more, mostly_right, more).map(lambda parts: [*parts[0], *parts[1], *parts[2]])


def right_records(columns: Sequence[Column]) -> Text:
    return members(columns, right).map(object_of)


def messy_records(columns: Sequence[Column]) -> Text:
    return messy_members(columns).map(object_of)


@st.composite
def mutated(draw: st.DrawFn, text: Text) -> str:
    """``text`` with a few pieces put in, taken out or doubled."""
    result = draw(text)
    tokens = st.sampled_from(['"', "\\", "{", "}", "[", "]", ",", ":", " ", "null", "0", "1e", "."])
    odd = st.sampled_from(["\ud800", r"\ud800", "\x00", "\ufeff", "NaN", "-", "T", "Z", "\xa0"])
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(result)))
        end = min(len(result), start + draw(st.integers(0, 6)))
        middle = draw(tokens | odd | st.just(result[start:end] * 2) | st.just(""))
        result = result[:start] + middle + result[end:]
    return result


_NAMES = st.sampled_from(["a", "b", "f0", "f1", "None", "class", "self", "_x", "A_", "__init__"])


def schemas_of(depth: int = 2) -> st.SearchStrategy[tuple[Column, ...]]:
    """Columns of a made-up dataset, nested up to ``depth`` levels."""
    column = st.builds(
        Column, name=_NAMES, type=st.sampled_from(sorted(SCALAR_TYPES)), repeated=st.booleans()
    )
    if depth:
        inner = schemas_of(depth - 1)
        struct = st.builds(
            Column, name=_NAMES, type=st.just("STRUCT"), repeated=st.booleans(), columns=inner
        )
        column = column | struct
    lists = st.lists(column, min_size=1, max_size=4, unique_by=lambda one: one.name)
    return lists.map(tuple)
