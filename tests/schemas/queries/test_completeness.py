"""Free of gaps and of duplicates."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from schemas.views.queries import queries
from tests.schemas.queries.asking import Asking, days, half_hour, snapshot, utc
from tests.schemas.views.house import Row

SUBJECTS = ("BOD", "DISEBSP", "FREQ", "FUELHH", "FUELINST", "INDO", "ITSDO", "MID", "PN")


def _demand(start: datetime) -> Row:
    return half_hour(str(start), demand=30000, publishTime=start + timedelta(minutes=30))


def _every(minutes: int, first: str, count: int) -> list[datetime]:
    return [utc(first) + timedelta(minutes=minutes) * place for place in range(count)]


def _of(asking: Asking, dataset: str, day: str) -> list[tuple[object, ...]]:
    rows = asking.ask(f"completeness({days(day)})")
    assert [row[1] for row in rows] == list(SUBJECTS)
    return [row for row in rows if row[1] == dataset]


@pytest.mark.parametrize(
    ("day", "first", "periods", "last"),
    [
        ("2026-03-29", "2026-03-29 00:00", 46, "2026-03-29 23:00"),
        ("2026-10-25", "2026-10-24 23:00", 50, "2026-10-26 00:00"),
        ("2026-07-01", "2026-06-30 23:00", 48, "2026-07-01 23:00"),
        ("2026-12-01", "2026-12-01 00:00", 48, "2026-12-02 00:00"),
    ],
)
def test_a_whole_day(day: str, first: str, periods: int, last: str) -> None:
    asking = Asking(*SUBJECTS)
    for start in _every(30, str(utc(first) - timedelta(minutes=30)), periods + 2):
        asking.live("INDO", _demand(start))
    assert _of(asking, "INDO", day) == [
        (
            day, "INDO", periods, periods, periods, None, periods, periods, 1, 1, None, last, 0,
            True, True,
        )
    ]  # fmt: skip
    every = ", ".join(map(str, range(1, periods + 1)))
    assert _of(asking, "ITSDO", day) == [
        (
            day, "ITSDO", periods, periods, 0, every, periods, 0, None, None, None, None, 0,
            False, True,
        )
    ]  # fmt: skip


def test_gaps_and_rows_that_came_twice() -> None:
    asking = Asking(*SUBJECTS)
    day = "2026-10-25"
    for place, start in enumerate(_every(30, "2026-10-24 23:00", 50)):
        if place not in (2, 16, 49):
            asking.live("ITSDO", _demand(start))
        if place in (4, 5):
            asking.live("ITSDO", _demand(start))
    # A later version is a row of its own, and no duplicate.
    later = _demand(utc("2026-10-24 23:00")) | {"publishTime": "2026-10-27 08:00"}
    asking.live("ITSDO", later, later, later)
    assert _of(asking, "ITSDO", day) == [
        (
            day, "ITSDO", 50, 50, 47, "3, 17, 50", 50, 47, 1, 1, None, "2026-10-27 08:00", 4,
            False, False,
        )
    ]  # fmt: skip


def test_a_period_is_due_when_it_is_over() -> None:
    asking = Asking(*SUBJECTS, now="2026-07-01 00:29")
    for start in _every(5, "2026-06-30 23:00", 14):
        asking.live("FUELINST", *snapshot(str(start), WIND=1, CCGT=1))
    day = "2026-07-01"
    members = (2, 2, None)
    whole = (day, "FUELINST", 48, 2, 2, None, 12, 12, *members, "2026-07-01 00:10", 0, True, True)
    assert _of(asking, "FUELINST", day) == [whole]
    asking = Asking(*SUBJECTS, now="2026-07-01 00:29")
    for start in _every(5, "2026-06-30 23:00", 11):
        asking.live("FUELINST", *snapshot(str(start), WIND=1, CCGT=1))
    asking.live("FUELINST", *snapshot("2026-07-01 00:00", WIND=1, CCGT=1))
    # A snapshot is missing within a period that has others.
    assert _of(asking, "FUELINST", day) == [
        (day, "FUELINST", 48, 2, 2, None, 12, 11, *members, "2026-07-01 00:05", 0, False, True)
    ]


def test_each_dataset_by_its_own_key_and_time() -> None:
    asking = Asking(*SUBJECTS, now="2026-01-15 00:30")
    start, published = "2026-01-15 00:00", {"publishTime": "2026-01-15 00:30"}
    price = half_hour(start, createdDateTime="2026-01-15 00:20", systemBuyPrice=1.0)
    index = half_hour(start, dataProvider="APXMIDP", price=1.0, volume=1.0)
    reading = {"measurementTime": "2026-01-15 00:00:15", "frequency": 50.0}
    fuel = half_hour(start, fuelType="WIND", generation=1, **published)
    pair = _of_unit("A", start) | {"pairId": 1, "bid": 1.0, "offer": 1.0}
    notified = _of_unit("A", start)
    asking.live("BOD", pair, pair, pair | {"pairId": 2}, pair | {"nationalGridBmUnit": "B"})
    asking.live("DISEBSP", price, price, price | {"createdDateTime": "2026-01-15 00:25"})
    asking.live("MID", index, index, index | {"dataProvider": "N2EXMIDP"})
    asking.live("FREQ", reading, reading, reading | {"measurementTime": start})
    asking.live("FUELHH", fuel, fuel, fuel | {"fuelType": "CCGT"})
    asking.live("FUELINST", fuel, fuel, fuel | {"fuelType": "CCGT"})
    asking.live("INDO", _demand(utc(start)), _demand(utc(start)))
    asking.live("ITSDO", _demand(utc(start)), _demand(utc(start)))
    asking.live("PN", notified, notified, notified | {"timeFrom": "2026-01-15 00:12"})
    day, half_past = "2026-01-15", "2026-01-15 00:30"
    rest, one, two = (48, 1, 1, None), (1, 1, None), (2, 2, None)
    assert asking.ask(f"completeness({days(day)})") == [
        (day, "BOD", *rest, 1, 1, *two, start, 1, True, False),
        (day, "DISEBSP", *rest, 1, 1, *one, "2026-01-15 00:25", 1, True, False),
        (day, "FREQ", *rest, 120, 2, *one, "2026-01-15 00:00:15", 1, False, False),
        (day, "FUELHH", *rest, 1, 1, *two, half_past, 1, True, False),
        (day, "FUELINST", *rest, 6, 1, *two, half_past, 1, False, False),
        (day, "INDO", *rest, 1, 1, *one, half_past, 1, True, False),
        (day, "ITSDO", *rest, 1, 1, *one, half_past, 1, True, False),
        (day, "MID", *rest, 1, 1, *one, start, 1, True, False),
        (day, "PN", *rest, 1, 1, *one, "2026-01-15 00:12", 1, True, False),
    ]


def _of_unit(unit: str, start: str) -> Row:
    """A row of a unit for the settlement period from ``start`` (UTC)."""
    when = half_hour(start)
    return {
        "settlementDate": when["settlementDate"],
        "settlementPeriod": when["settlementPeriod"],
        "nationalGridBmUnit": unit,
        "timeFrom": start,
        "levelFrom": 10,
    }


_LOOK = (
    "dataset", "periods_present", "times_present", "fewest_members", "most_members",
    "thin_periods", "is_complete",
)  # fmt: skip


def test_a_row_without_its_value_is_no_row() -> None:
    asking = Asking(*SUBJECTS, now="2026-01-15 01:00")
    day, published = "2026-01-15", {"publishTime": "2026-01-15 01:00"}
    pair = {"pairId": 1, "bid": None, "offer": None}
    for start in ("2026-01-15 00:00", "2026-01-15 00:30"):
        unit = _of_unit("A", start)
        asking.live("BOD", unit | pair, unit | pair | {"pairId": 2, "bid": 1.0, "levelFrom": None})
        asking.live("DISEBSP", half_hour(start, createdDateTime=start, systemBuyPrice=None))
        asking.live("FREQ", {"measurementTime": start, "frequency": None})
        asking.live("FUELHH", half_hour(start, fuelType="WIND", generation=None, **published))
        asking.live("FUELINST", *snapshot(start, WIND=None))
        asking.live("INDO", half_hour(start, demand=None, **published))
        asking.live("ITSDO", half_hour(start, demand=None, **published))
        asking.live(
            "MID",
            half_hour(start, dataProvider="N2EXMIDP", price=0.0, volume=0.0),
            half_hour(start, dataProvider="APXMIDP", price=None, volume=1.0),
            half_hour(start, dataProvider="OTHER", price=1.0, volume=None),
        )
        asking.live("PN", unit | {"levelFrom": None})
    assert asking.ask(f"completeness({days(day)})", *_LOOK, "missing_periods", "newest_time") == [
        (subject, 0, 0, None, None, None, False, "1, 2", None) for subject in SUBJECTS
    ]


def test_one_of_bid_and_offer_is_enough() -> None:
    asking = Asking(*SUBJECTS, now="2026-01-15 00:30")
    start = "2026-01-15 00:00"
    asking.live(
        "BOD",
        _of_unit("A", start) | {"pairId": 1, "bid": 1.0},
        _of_unit("B", start) | {"pairId": 1, "offer": 1.0},
    )
    assert asking.ask(f"completeness({days('2026-01-15')})", *_LOOK)[0] == (
        "BOD", 1, 1, 2, 2, None, True,
    )  # fmt: skip


def test_every_time_has_the_fuel_types_of_the_fullest() -> None:
    asking = Asking(*SUBJECTS, now="2026-07-01 00:30")
    for place, start in enumerate(_every(5, "2026-06-30 23:00", 18)):
        fuels = {"WIND": 9000, "CCGT": 5000, "COAL": 0}
        if place in (7, 15):  # one snapshot in the second period, and one in the third
            del fuels["WIND"]
        if place == 16:
            fuels = {"COAL": 0}
        asking.live("FUELINST", *snapshot(str(start), **fuels))
        if place % 6 == 0:
            published = {"publishTime": start + timedelta(minutes=30)}
            for fuel in fuels:
                row = half_hour(str(start), fuelType=fuel, generation=1, **published)
                asking.live("FUELHH", row)
    rows = {row[0]: row for row in asking.ask(f"completeness({days('2026-07-01')})", *_LOOK)}
    assert rows["FUELINST"] == ("FUELINST", 3, 18, 1, 3, "2, 3", False)
    assert rows["FUELHH"] == ("FUELHH", 3, 3, 3, 3, None, True)


def test_units_are_compared_with_those_of_the_fullest_period() -> None:
    asking = Asking(*SUBJECTS, now="2026-07-01 00:00")
    numbers = {"2026-06-30 23:00": 8, "2026-06-30 23:30": 7}
    numbers |= {"2026-07-01 00:00": 10, "2026-07-01 00:30": 1}  # of which the last is no gap yet
    for start, units in numbers.items():
        for unit in range(units):
            row = _of_unit(f"U{unit}", start)
            asking.live("BOD", row | {"pairId": 1, "bid": 1.0}, row | {"pairId": 2, "bid": 1.0})
            asking.live("PN", row, row | {"timeFrom": str(utc(start) + timedelta(minutes=9))})
    rows = {row[0]: row for row in asking.ask(f"completeness({days('2026-07-01')})", *_LOOK)}
    # A fifth fewer units is nothing unusual.
    assert rows["BOD"] == ("BOD", 2, 2, 7, 10, "2", False)
    assert rows["PN"] == ("PN", 2, 2, 7, 10, "2", False)


def test_each_day_has_its_own_fullest_time() -> None:
    asking = Asking(*SUBJECTS, now="2026-01-15 00:30")
    for start, fuels in (("2026-01-14 00:00", ("WIND", "COAL")), ("2026-01-15 00:00", ("WIND",))):
        published = {"publishTime": "2026-01-15 00:30", "generation": 1}
        asking.live("FUELHH", *(half_hour(start, fuelType=fuel, **published) for fuel in fuels))
    asked = asking.ask(f"completeness({days('2026-01-14', '2026-01-15')})", *_LOOK)
    assert [row for row in asked if row[0] == "FUELHH"] == [
        ("FUELHH", 1, 1, 1, 1, None, True), ("FUELHH", 1, 1, 2, 2, None, False),
    ]  # fmt: skip


def test_other_days_are_not_looked_at() -> None:
    asking = Asking(*SUBJECTS, now="2026-07-03 00:00")
    for start in ("2026-06-30 22:30", "2026-07-01 23:00"):
        for unit in ("A", "B", "C"):
            row = _of_unit(unit, start)
            asking.live("BOD", *[row | {"pairId": 1, "bid": 1.0}] * 2)
            asking.live("PN", row, row)
    asking.live("BOD", _of_unit("A", "2026-06-30 23:00") | {"pairId": 1, "bid": 1.0})
    asking.live("PN", _of_unit("A", "2026-06-30 23:00"))
    every = ", ".join(map(str, range(2, 49)))
    shown = ("dataset", "missing_periods", "most_members", "surplus_rows")
    rows = asking.ask(f"completeness({days('2026-07-01')})", *shown)
    assert [row for row in rows if row[0] in ("BOD", "PN")] == [
        ("BOD", every, 1, 0), ("PN", every, 1, 0),
    ]  # fmt: skip


def test_a_day_to_come_is_neither_complete_nor_incomplete() -> None:
    asking = Asking(*SUBJECTS, now="2026-03-28 23:59")
    asking.live("BOD", _of_unit("A", "2026-03-29 00:00") | {"pairId": 1, "bid": 1.0})
    shown = ("dataset", "periods_expected", "periods_due", "missing_periods", "times_due")
    asked = asking.ask(f"completeness({days('2026-03-29')})", *shown, "is_complete")
    assert asked == [(subject, 46, 0, None, 0, None) for subject in SUBJECTS]


def test_too_many_times_of_a_period_do_not_stand_in_for_those_of_another() -> None:
    asking = Asking(*SUBJECTS, now="2026-01-15 01:00")
    for start in (*_every(5, "2026-01-15 00:00", 6), *_every(5, "2026-01-15 00:30", 5)):
        asking.live("FUELINST", *snapshot(str(start), WIND=1))
    asking.live("FUELINST", *snapshot("2026-01-15 00:07", WIND=1))
    rows = {row[0]: row for row in asking.ask(f"completeness({days('2026-01-15')})", *_LOOK)}
    assert rows["FUELINST"] == ("FUELINST", 2, 11, 1, 1, None, False)


def test_surplus_readings_of_the_first_hour_in_summer() -> None:
    asking = Asking(*SUBJECTS)
    day = "2026-07-01"
    for moment in ("2026-06-30 22:59:45", "2026-06-30 23:00", "2026-07-01 23:00"):
        reading = {"measurementTime": moment, "frequency": 50.0}
        asking.live("FREQ", reading, reading)
    every = ", ".join(map(str, range(2, 49)))
    assert _of(asking, "FREQ", day) == [
        (day, "FREQ", 48, 48, 1, every, 5760, 1, 1, 1, None, "2026-06-30 23:00", 1, False, False)
    ]


def test_gaps_are_looked_for_in_live_and_historic_rows() -> None:
    [question] = [one for one in queries() if one.name == "completeness"]
    read = {name for name in question.needs if name.startswith("bmrs_")}
    assert read == {
        *(f"bmrs_{subject.lower()}_iris" for subject in SUBJECTS),
        *(f"bmrs_{subject.lower()}_unified" for subject in SUBJECTS if subject != "FREQ"),
        "bmrs_freq_latest",
    }
