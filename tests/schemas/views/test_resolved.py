"""The resolved position on the operator's worked cases, and at the edges of days and periods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import pytest

from schemas.views.resolved import resolved, resolved_between
from tests.schemas.views.house import House, Row, dataset

#: A day without a clock change; the minutes below count from the start of its period 1.
START = datetime(2026, 2, 3)


class Declared(NamedTuple):
    """A declaration; times in minutes from the start."""

    begin: float
    end: float
    sequence: int
    level: tuple[int, int] = (100, 100)
    notified: int = 0
    unit: str = "DRAXX-1"


class Resolved(NamedTuple):
    """A record of the view; times in minutes from the start."""

    begin: float
    end: float
    sequence: int
    level: tuple[int, int] = (100, 100)
    period: int = 1


def row(one: Declared, start: datetime = START) -> Row:
    return {
        "dataset": "MELS",
        "settlementDate": start.date(),
        "settlementPeriod": 1,
        "timeFrom": start + timedelta(minutes=one.begin),
        "timeTo": start + timedelta(minutes=one.end),
        "levelFrom": one.level[0],
        "levelTo": one.level[1],
        "notificationTime": start + timedelta(minutes=one.notified),
        "notificationSequence": one.sequence,
        "nationalGridBmUnit": one.unit,
        "bmUnit": f"T_{one.unit}",
    }


def resolve(
    declared: Sequence[Declared],
    start: datetime = START,
    zone: str = "Asia/Kathmandu",
    relation: str = "bmrs_mels_resolved",
) -> list[Resolved]:
    house = House("MELS", zone=zone)
    house.put("bmrs_mels_iris", (row(one, start) for one in declared))
    rows = house.rows(f"SELECT * FROM iris.{relation} ORDER BY nationalGridBmUnit, timeFrom")
    return [
        Resolved(
            (one["timeFrom"] - start) / timedelta(minutes=1),
            (one["timeTo"] - start) / timedelta(minutes=1),
            one["notificationSequence"],
            (one["levelFrom"], one["levelTo"]),
            one["settlementPeriod"],
        )
        for one in rows
    ]


#: The levels tell the declarations apart, as the drawing does.
ORIGINAL = [
    Declared(0, 15, 0, (10, 11)),
    Declared(15, 30, 1, (20, 21)),
    Declared(30, 60, 2, (30, 31)),
]
THREE = Declared(9, 24, 3, (40, 41))
EIGHT = Declared(22, 45, 8, (50, 51))
FIVE = Declared(3, 52, 5, (60, 61))


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param(
            ORIGINAL,
            [
                Resolved(0, 15, 0, (10, 11)),
                Resolved(15, 30, 1, (20, 21)),
                Resolved(30, 60, 2, (30, 31), period=2),
            ],
            id="as it was",
        ),
        pytest.param(
            [*ORIGINAL, THREE],
            [
                Resolved(0, 9, 0, (10, 11)),
                Resolved(9, 24, 3, (40, 41)),
                Resolved(24, 30, 1, (20, 21)),
                Resolved(30, 60, 2, (30, 31), period=2),
            ],
            id="inside one period",
        ),
        pytest.param(
            [*ORIGINAL, THREE, EIGHT],
            [
                Resolved(0, 9, 0, (10, 11)),
                Resolved(9, 22, 3, (40, 41)),
                Resolved(22, 30, 8, (50, 51)),
                Resolved(30, 45, 8, (50, 51), period=2),
                Resolved(45, 60, 2, (30, 31), period=2),
            ],
            id="over the end of a period",
        ),
        pytest.param(
            [*ORIGINAL, THREE, EIGHT, FIVE],
            [
                Resolved(0, 3, 0, (10, 11)),
                Resolved(3, 22, 5, (60, 61)),
                Resolved(22, 30, 8, (50, 51)),
                Resolved(30, 45, 8, (50, 51), period=2),
                Resolved(45, 52, 5, (60, 61), period=2),
                Resolved(52, 60, 2, (30, 31), period=2),
            ],
            id="an older one received last",
        ),
    ],
)
def test_the_operators_first_case(declared: list[Declared], expected: list[Resolved]) -> None:
    assert resolve(declared) == expected


def test_the_order_of_arrival_plays_no_part() -> None:
    everything = [*ORIGINAL, THREE, EIGHT, FIVE]
    expected = resolve(everything)
    assert len(expected) == 6
    rotations = [everything[n:] + everything[:n] for n in range(1, len(everything))]
    assert [resolve(order) for order in rotations] == [expected] * 5
    assert resolve(everything[::-1]) == expected


def test_the_operators_second_case() -> None:
    """The original ends early and keeps the level of its own end."""
    original = Declared(660, 690, 1, (300, 240))
    again = Declared(680, 690, 2, (200, 200), notified=650)
    assert resolve([original, again]) == [
        Resolved(660, 680, 1, (300, 240), period=23),
        Resolved(680, 690, 2, (200, 200), period=23),
    ]


def test_one_that_is_covered_disappears_and_one_that_is_covered_in_the_middle_becomes_two() -> None:
    inner, outer = Declared(10, 20, 1, (1, 2)), Declared(0, 30, 2, (3, 4))
    assert resolve([inner, outer]) == [Resolved(0, 30, 2, (3, 4))]
    stronger = inner._replace(sequence=3)
    assert resolve([stronger, outer]) == [
        Resolved(0, 10, 2, (3, 4)),
        Resolved(10, 20, 3, (1, 2)),
        Resolved(20, 30, 2, (3, 4)),
    ]


def test_of_equal_sequences_the_later_notification_wins() -> None:
    early, late = Declared(0, 20, 4, (1, 1), notified=-60), Declared(10, 30, 4, (2, 2), notified=-5)
    higher = Declared(15, 18, 5, (3, 3), notified=-90)
    assert resolve([late, higher, early]) == [
        Resolved(0, 10, 4, (1, 1)),
        Resolved(10, 15, 4, (2, 2)),
        Resolved(15, 18, 5, (3, 3)),
        Resolved(18, 30, 4, (2, 2)),
    ]


def test_neighbours_merge_only_where_sequence_and_levels_agree() -> None:
    first = Declared(0, 10, 1, (5, 6))
    assert resolve([first, Declared(10, 20, 1, (5, 6))]) == [Resolved(0, 20, 1, (5, 6))]
    assert resolve([first, Declared(10, 20, 1, (5, 6), notified=3)]) == [Resolved(0, 20, 1, (5, 6))]
    for other in (Declared(10, 20, 2, (5, 6)), Declared(10, 20, 1, (5, 7))):
        assert resolve([first, other]) == [
            Resolved(0, 10, 1, (5, 6)),
            Resolved(10, 20, other.sequence, other.level),
        ]
    assert resolve([first, Declared(11, 20, 1, (5, 6))]) == [
        Resolved(0, 10, 1, (5, 6)),
        Resolved(11, 20, 1, (5, 6)),
    ]


def test_what_lies_between_two_equal_records_keeps_them_apart() -> None:
    first, last = Declared(0, 10, 1, (5, 6)), Declared(20, 30, 1, (5, 6))
    for other in ((5, 7), (4, 6)):
        assert resolve([first, Declared(10, 20, 1, other), last]) == [
            Resolved(0, 10, 1, (5, 6)),
            Resolved(10, 20, 1, other),
            Resolved(20, 30, 1, (5, 6)),
        ]
    assert resolve([first, Declared(10, 20, 2, (5, 6)), last]) == [
        Resolved(0, 10, 1, (5, 6)),
        Resolved(10, 20, 2, (5, 6)),
        Resolved(20, 30, 1, (5, 6)),
    ]


def test_what_was_merged_has_the_latest_notification() -> None:
    house = House("MELS")
    merged = [Declared(0, 10, 1, notified=9), Declared(10, 20, 1, notified=7)]
    house.put("bmrs_mels_iris", map(row, merged))
    assert house.rows("SELECT * FROM iris.bmrs_mels_resolved") == [
        {
            "settlementDate": date(2026, 2, 3),
            "settlementPeriod": 1,
            "nationalGridBmUnit": "DRAXX-1",
            "bmUnit": "T_DRAXX-1",
            "timeFrom": START,
            "timeTo": START + timedelta(minutes=20),
            "levelFrom": 100,
            "levelTo": 100,
            "notificationSequence": 1,
            "notificationTime": START + timedelta(minutes=9),
        }
    ]


def test_units_do_not_touch_each_other() -> None:
    here, there = Declared(0, 30, 1, unit="A"), Declared(0, 30, 9, unit="B")
    assert resolve([here, there]) == [Resolved(0, 30, 1), Resolved(0, 30, 9)]


def test_a_unit_without_the_operators_name_is_known_by_the_other() -> None:
    house = House("MELS")
    here, there = row(Declared(0, 30, 1)), row(Declared(0, 30, 2))
    for one, name in ((here, "2__A"), (there, "2__B")):
        house.put("bmrs_mels_iris", [{**one, "nationalGridBmUnit": None, "bmUnit": name}])
    found = house.rows("SELECT * FROM iris.bmrs_mels_resolved ORDER BY bmUnit")
    assert [
        (one["nationalGridBmUnit"], one["bmUnit"], one["notificationSequence"]) for one in found
    ] == [(None, "2__A", 1), (None, "2__B", 2)]


def test_between_agrees_where_an_older_declaration_wins() -> None:
    house = House("MELS")
    start = START - timedelta(days=19)
    house.put("bmrs_mels_iris", [row(Declared(0, 30 * 1440, 5, (0, 0)), start)])
    house.put("bmrs_mels_iris", [row(Declared(540, 570, 4, (500, 500)), START)])
    whole = house.rows("SELECT * FROM iris.bmrs_mels_resolved")
    some = house.rows(
        "SELECT * FROM iris.bmrs_mels_resolved_between(DATE '2026-02-03', DATE '2026-02-03')"
    )
    day = [one for one in whole if one["settlementDate"] == date(2026, 2, 3)]
    assert sorted(some, key=str) == sorted(day, key=str)
    assert {one["notificationSequence"] for one in some} == {5}


def test_a_retrospective_declaration_reaches_into_the_days_before() -> None:
    old = [Declared(-60, -30, 1, (1, 1)), Declared(-30, 0, 1, (1, 1)), Declared(0, 30, 1, (1, 1))]
    later = Declared(-45, 15, 2, (2, 2), notified=600)
    assert resolve([*old, later]) == [
        Resolved(-60, -45, 1, (1, 1), period=47),
        Resolved(-45, -30, 2, (2, 2), period=47),
        Resolved(-30, 0, 2, (2, 2), period=48),
        Resolved(0, 15, 2, (2, 2), period=1),
        Resolved(15, 30, 1, (1, 1), period=1),
    ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "Asia/Kathmandu", "America/St_Johns"])
@pytest.mark.parametrize(
    ("midnight", "periods"),
    [
        pytest.param(datetime(2026, 3, 29), 46, id="forward"),
        pytest.param(datetime(2026, 10, 24, 23), 50, id="back"),
        pytest.param(datetime(2026, 7, 1, 23), 48, id="summer"),
    ],
)
def test_a_day_long_declaration_has_one_record_per_period(
    midnight: datetime, periods: int, zone: str
) -> None:
    whole = Declared(-30, 30 * periods + 30, 1)
    expected = [Resolved(30 * n, 30 * n + 30, 1, period=n + 1) for n in range(periods)]
    before, *within, after = resolve([whole], midnight, zone)
    assert within == expected
    assert before == Resolved(-30, 0, 1, period=48)
    assert after == Resolved(30 * periods, 30 * periods + 30, 1, period=1)


def test_a_declaration_without_length_or_end_says_nothing() -> None:
    house = House("MELS")
    house.put("bmrs_mels_iris", [row(Declared(5, 5, 3)), row(Declared(9, 8, 3))])
    house.put("bmrs_mels_iris", [{**row(Declared(0, 1, 3)), "timeTo": None}])
    assert house.rows("SELECT * FROM iris.bmrs_mels_resolved") == []


def test_between_shows_the_days_alone_and_reads_a_month_before_them() -> None:
    days = [Declared(1440 * n, 1440 * n + 10, 1) for n in range(-9, 10)]
    house = House("MELS")
    for one in days:
        start = START + timedelta(minutes=one.begin)
        house.put("bmrs_mels_iris", [row(Declared(0, 10, 1), start)])
    spanning = row(Declared(0, 80 * 1440, 2, unit="LONG"), START - timedelta(days=31))
    too_long = row(Declared(0, 80 * 1440, 2, unit="LONGER"), START - timedelta(days=32))
    house.put("bmrs_mels_iris", [spanning, too_long])
    found = house.rows(
        "SELECT nationalGridBmUnit AS unit, count(*) AS records, min(timeFrom) AS first, "
        "max(timeTo) AS last "
        "FROM iris.bmrs_mels_resolved_between(DATE '2026-02-03', DATE '2026-02-04') "
        "GROUP BY nationalGridBmUnit ORDER BY nationalGridBmUnit"
    )
    after = START + timedelta(days=1)
    assert found == [
        {"unit": "DRAXX-1", "records": 2, "first": START, "last": after + timedelta(minutes=10)},
        {"unit": "LONG", "records": 96, "first": START, "last": after + timedelta(days=1)},
    ]


def test_import_limits_are_resolved_the_same_way() -> None:
    mels, mils = (resolved(dataset(one)) for one in ("MELS", "MILS"))
    assert mils.name == "bmrs_mils_resolved"
    assert mils.sql == mels.sql.replace("iris.bmrs_mels_unified", "iris.bmrs_mils_unified")
    assert mils.needs == {"bmrs_mils_unified", "settlement_date", "settlement_period"}
    assert resolved_between(dataset("MILS")).needs == {*mils.needs, "settlement_start"}
