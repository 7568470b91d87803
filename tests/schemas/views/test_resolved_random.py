"""The resolved position of random declarations, against an implementation that is slow and plain:
for every minute the declaration that wins, then the minutes put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schemas.views.house import House, Row

MINUTE = timedelta(minutes=1)
UTC, LONDON = ZoneInfo("UTC"), ZoneInfo("Europe/London")
#: Around midnight, and where a clock change makes the half-hours of a day others.
STARTS = [
    datetime(2026, 2, 3, 23),
    datetime(2026, 7, 1, 22),
    datetime(2026, 3, 29, 0),
    datetime(2026, 10, 25, 0),
    datetime(2026, 10, 25, 23),
]
LENGTH = 200  # minutes


def settlement(moment: datetime) -> tuple[date, int]:
    local = moment.replace(tzinfo=UTC).astimezone(LONDON)
    midnight = datetime(local.year, local.month, local.day, tzinfo=LONDON).astimezone(UTC)
    return local.date(), (moment.replace(tzinfo=UTC) - midnight) // timedelta(minutes=30) + 1


def strength(one: Row) -> tuple[object, ...]:
    """The strongest wins; where nothing documented decides, the view's own rule does."""
    sequence = one["notificationSequence"]
    return (
        *(-1 if sequence is None else sequence, one["notificationTime"]),
        *(one["timeFrom"], -one["timeTo"].timestamp(), -one["levelFrom"], -one["levelTo"]),
    )


def plainly_resolved(declared: Sequence[Row]) -> list[tuple[object, ...]]:
    """The rows of the view in order, as tuples."""
    units = sorted({one["nationalGridBmUnit"] for one in declared})
    return [record for unit in units for record in _of_unit(declared, unit)]


def _of_unit(declared: Sequence[Row], unit: str) -> Iterator[tuple[object, ...]]:
    own = [one for one in declared if one["nationalGridBmUnit"] == unit]
    first = min(one["timeFrom"] for one in own)
    minutes: list[tuple[datetime, Row | None]] = []
    for number in range(int((max(one["timeTo"] for one in own) - first) / MINUTE)):
        moment = first + number * MINUTE
        there = [one for one in own if one["timeFrom"] <= moment < one["timeTo"]]
        minutes.append((moment, max(there, key=strength, default=None)))

    def record(item: tuple[datetime, Row | None]) -> tuple[object, ...] | None:
        moment, winner = item
        if winner is None:
            return None
        levels = winner["levelFrom"], winner["levelTo"]
        return settlement(moment), winner["notificationSequence"], levels

    for key, group in groupby(minutes, record):
        if key is None:
            continue
        run = list(group)
        [(day, period), sequence, levels] = key
        notified = max(winner["notificationTime"] for _, winner in run if winner)
        yield (day, period, unit, run[0][0], run[-1][0] + MINUTE, *levels, sequence, notified)


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    start = draw(st.sampled_from(STARTS))
    count = draw(st.integers(1, 12))
    return [draw(declarations(start)) for _ in range(count)]


@st.composite
def declarations(draw: st.DrawFn, start: datetime) -> Row:
    begin = draw(st.integers(0, LENGTH - 1))
    ends = st.integers(begin + 1, LENGTH)
    end = draw(ends | st.sampled_from([30, 60, 90, LENGTH]).filter(lambda one: one > begin))
    moment = start + begin * MINUTE
    day, period = settlement(moment)
    return {
        "settlementDate": day,
        "settlementPeriod": period,
        "timeFrom": moment,
        "timeTo": start + end * MINUTE,
        "levelFrom": draw(st.integers(0, 2)),
        "levelTo": draw(st.integers(0, 2)),
        "notificationTime": start + draw(st.integers(-2, 2)) * timedelta(hours=1),
        "notificationSequence": draw(st.integers(0, 4) | st.none()),
        "nationalGridBmUnit": draw(st.sampled_from(["A", "B"])),
    }


def key(one: Row) -> tuple[object, ...]:
    names = ("nationalGridBmUnit", "notificationSequence", "notificationTime", "timeFrom", "timeTo")
    return tuple(one[name] for name in names)


@pytest.fixture(scope="module")
def house() -> House:
    return House("MELS", zone="Asia/Kathmandu")


def shown(house: House, relation: str, google: bool = False) -> list[tuple[Any, ...]]:
    query = (
        "SELECT settlementDate, settlementPeriod, nationalGridBmUnit, timeFrom, timeTo, levelFrom, "
        "levelTo, notificationSequence, notificationTime "
        f"FROM iris.{relation} ORDER BY nationalGridBmUnit, timeFrom"
    )
    return [tuple(row.values()) for row in house.rows(query, google)]


@given(declared=histories())
@settings(max_examples=60)
def test_the_view_shows_the_winner_of_every_minute(house: House, declared: list[Row]) -> None:
    declared = list({key(one): one for one in declared}.values())
    house.empty()
    house.put("bmrs_mels_iris", declared)
    expected = plainly_resolved(declared)
    assert shown(house, "bmrs_mels_resolved") == expected

    days = sorted({record[0] for record in expected})
    between = "bmrs_mels_resolved_between(DATE '{}', DATE '{}')"
    assert shown(house, between.format(days[0], days[-1])) == expected
    assert shown(house, between.format(days[-1], days[-1])) == [
        record for record in expected if record[0] == days[-1]
    ]

    house.put("bmrs_mels_iris", reversed(declared))
    assert shown(house, "bmrs_mels_resolved") == expected


@given(declared=histories())
@settings(max_examples=10)
def test_googles_engine_finds_the_same(house: House, declared: list[Row]) -> None:
    house.empty()
    house.put("bmrs_mels_iris", declared)
    day = min(one["timeFrom"] for one in declared).date()
    shown(house, "bmrs_mels_resolved", google=True)
    shown(house, f"bmrs_mels_resolved_between(DATE '{day}', DATE '{day}')", google=True)
