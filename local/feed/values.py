"""Values near those of a sample: numbers that stray, moments that keep their distance.

A value here is as ``pipeline.exact.parse`` gives it, so that a number keeps its form: how many
decimals, whole or not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from local.feed.clock import iso, local_day
from local.feed.facts import Fact, Render
from pipeline.exact import Number
from pipeline.times import MICROS_PER_SECOND, parse_day, parse_moment, to_date
from schemas import Column

#: The share of a number by which it strays unless the profile says otherwise.
SPREAD: Final = 0.1
#: A whole number that is 0 in the sample becomes at most this.
FROM_ZERO: Final = 200

_MOMENTS: Final = frozenset(["DATETIME", "TIMESTAMP"])


def to_json(value: Any) -> str:
    """``value`` as JSON, its numbers as they stood in the sample."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{to_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    return json.dumps(value)


def similar(
    column: Column, value: Any, published: int | None, spread: Mapping[str, float]
) -> Render | None:
    """Values like ``value``; None: always this one.

    Args:
        column: what the value is.
        published: the sample's own publication, seconds since 1970 UTC. Where it is None, dates
            and times become those of the new publication.
        spread: column to share, for columns whose numbers stray less or more than ``SPREAD``.
    """
    if isinstance(value, Number):
        return number(value, spread.get(column.name, SPREAD))
    if isinstance(value, str) and column.type in _MOMENTS:
        return _moment(value, published)
    if isinstance(value, str) and column.type == "DATE":
        return _day(value, published)
    if isinstance(value, list):
        elements = [
            similar(column, element, published, spread) or constant(element) for element in value
        ]
        return lambda fact: "[" + ",".join([render(fact) for render in elements]) + "]"
    if isinstance(value, dict):
        return _object(column, value, published, spread)
    return None


def constant(value: Any) -> Render:
    """Always ``value``."""
    text = to_json(value)
    return lambda fact: text


def form_of(moment: str) -> str:
    """What follows the seconds in ``moment``, digits made zeros: all moments are whole seconds."""
    return re.sub(r"[0-9]", "0", moment[19:])


def serial(value: Any, first: Any) -> Render | None:
    """A number, or a text that ends in one, that no two publications of a dataset share.

    Counts up from ``first``, the same field of the dataset's first sample: two samples must not
    come to the same number. Leading zeros are kept; the number may grow longer. None where there
    are no digits to count with.
    """
    head, digits = _last_digits(value)
    begin = _last_digits(first)[1]
    if not digits or not begin:
        return None
    quote = "" if isinstance(value, Number) else '"'
    before, start, width = quote + head, int(begin), len(digits)
    return lambda fact: f"{before}{start + fact.serial:0{width}}{quote}"


def number(literal: str, spread: float) -> Render | None:
    """Numbers of the sign and the form of ``literal``, at most ``spread`` of it away.

    A whole 0 becomes up to ``FROM_ZERO``; one with decimals says "none" and stays.
    """
    if not spread:
        return None
    if literal.lstrip("-").isdigit():
        return _whole(int(literal), spread)
    value, places = float(literal), len(literal.partition(".")[2])
    if not value or "e" in literal.lower():
        return None
    return lambda fact: f"{value * (1 + spread * (2 * fact.rng.random() - 1)):.{places}f}"


def _whole(value: int, spread: float) -> Render:
    if not value:
        return lambda fact: str(int(FROM_ZERO * fact.rng.random()))
    reach = abs(value) * spread
    return lambda fact: str(value + round(reach * (2 * fact.rng.random() - 1)))


def _moment(text: str, published: int | None) -> Render:
    form, micros = form_of(text), parse_moment(text)
    known = micros is not None and published is not None
    distance = micros // MICROS_PER_SECOND - published if known else 0  # type: ignore[operator]
    return lambda fact: f'"{iso(fact.published + distance)}{form}"'


def _day(text: str, published: int | None) -> Render:
    day = parse_day(text)
    if day is None or published is None:
        return lambda fact: f'"{local_day(fact.published)}"'
    distance = to_date(day) - local_day(published)
    return lambda fact: f'"{local_day(fact.published) + distance}"'


def _object(
    column: Column, value: Mapping[str, Any], published: int | None, spread: Mapping[str, float]
) -> Render:
    columns = {inner.name: inner for inner in column.columns}
    members = []
    for name, inner in value.items():
        render = None
        if name in columns:
            render = similar(columns[name], inner, published, spread)
        members.append((f"{json.dumps(name)}:", render or constant(inner)))

    def join(fact: Fact) -> str:
        return "{" + ",".join([name + render(fact) for name, render in members]) + "}"

    return join


def _last_digits(value: Any) -> tuple[str, str]:
    text = str(value)
    head = text.rstrip("0123456789")
    return head, text[len(head) :]
