"""Fresh, free of gaps and of duplicates."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from schemas.tables import ENVELOPE_COLUMNS
from schemas.views.queries import queries
from tests.schemas.queries.asking import Asking, days, half_hour, snapshot, utc
from tests.schemas.views.house import Row, dataset

SUBJECTS = ("DISEBSP", "FREQ", "FUELHH", "FUELINST", "INDO", "ITSDO", "MID")


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
        (day, "INDO", periods, periods, periods, None, periods, periods, last, 0, True, True)
    ]
    every = ", ".join(map(str, range(1, periods + 1)))
    assert _of(asking, "ITSDO", day) == [
        (day, "ITSDO", periods, periods, 0, every, periods, 0, None, 0, False, True)
    ]


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
        (day, "ITSDO", 50, 50, 47, "3, 17, 50", 50, 47, "2026-10-27 08:00", 4, False, False)
    ]


def test_a_period_is_due_when_it_is_over() -> None:
    asking = Asking(*SUBJECTS, now="2026-07-01 00:29")
    for start in _every(5, "2026-06-30 23:00", 14):
        asking.live("FUELINST", *snapshot(str(start), WIND=1, CCGT=1))
    day = "2026-07-01"
    whole = (day, "FUELINST", 48, 2, 2, None, 12, 12, "2026-07-01 00:10", 0, True, True)
    assert _of(asking, "FUELINST", day) == [whole]
    asking = Asking(*SUBJECTS, now="2026-07-01 00:29")
    for start in _every(5, "2026-06-30 23:00", 11):
        asking.live("FUELINST", *snapshot(str(start), WIND=1, CCGT=1))
    asking.live("FUELINST", *snapshot("2026-07-01 00:00", WIND=1, CCGT=1))
    # A snapshot is missing within a period that has others.
    assert _of(asking, "FUELINST", day) == [
        (day, "FUELINST", 48, 2, 2, None, 12, 11, "2026-07-01 00:05", 0, False, True)
    ]


def test_each_dataset_by_its_own_key_and_time() -> None:
    asking = Asking(*SUBJECTS, now="2026-01-15 00:30")
    start, published = "2026-01-15 00:00", {"publishTime": "2026-01-15 00:30"}
    price = half_hour(start, createdDateTime="2026-01-15 00:20")
    index = half_hour(start, dataProvider="APXMIDP")
    reading = {"measurementTime": "2026-01-15 00:00:15", "frequency": 50.0}
    fuel = half_hour(start, fuelType="WIND", generation=1, **published)
    asking.live("DISEBSP", price, price, price | {"createdDateTime": "2026-01-15 00:25"})
    asking.live("MID", index, index, index | {"dataProvider": "N2EXMIDP"})
    asking.live("FREQ", reading, reading, reading | {"measurementTime": start})
    asking.live("FUELHH", fuel, fuel, fuel | {"fuelType": "CCGT"})
    asking.live("FUELINST", fuel, fuel, fuel | {"fuelType": "CCGT"})
    asking.live("INDO", _demand(utc(start)), _demand(utc(start)))
    asking.live("ITSDO", _demand(utc(start)), _demand(utc(start)))
    day, half_past = "2026-01-15", "2026-01-15 00:30"
    rest = (48, 1, 1, None)
    assert asking.ask(f"completeness({days(day)})") == [
        (day, "DISEBSP", *rest, 1, 1, "2026-01-15 00:25", 1, True, False),
        (day, "FREQ", *rest, 120, 2, "2026-01-15 00:00:15", 1, False, False),
        (day, "FUELHH", *rest, 1, 1, half_past, 1, True, False),
        (day, "FUELINST", *rest, 6, 1, half_past, 1, False, False),
        (day, "INDO", *rest, 1, 1, half_past, 1, True, False),
        (day, "ITSDO", *rest, 1, 1, half_past, 1, True, False),
        (day, "MID", *rest, 1, 1, start, 1, True, False),
    ]


def test_surplus_readings_of_the_first_hour_in_summer() -> None:
    asking = Asking(*SUBJECTS)
    day = "2026-07-01"
    for moment in ("2026-06-30 22:59:45", "2026-06-30 23:00", "2026-07-01 23:00"):
        reading = {"measurementTime": moment, "frequency": 50.0}
        asking.live("FREQ", reading, reading)
    every = ", ".join(map(str, range(2, 49)))
    assert _of(asking, "FREQ", day) == [
        (day, "FREQ", 48, 48, 1, every, 5760, 1, "2026-06-30 23:00", 1, False, False)
    ]


def test_gaps_are_looked_for_in_live_and_historic_rows() -> None:
    [question] = [one for one in queries() if one.name == "completeness"]
    read = {name for name in question.needs if name.startswith("bmrs_")}
    assert read == {
        *(f"bmrs_{subject.lower()}_iris" for subject in SUBJECTS),
        *(f"bmrs_{subject.lower()}_unified" for subject in SUBJECTS if subject != "FREQ"),
        "bmrs_freq_latest",
    }


def _at(asking: Asking, moment: str) -> None:
    """A row of each dataset, published or measured at a moment."""
    loaded = {"ingested_utc": "2026-07-01 12:00+00"}
    row = half_hour(moment, publishTime=moment, dataProvider="APXMIDP") | loaded
    for subject in ("FUELHH", "FUELINST", "INDO", "ITSDO", "MID"):
        asking.live(
            subject, {name: value for name, value in row.items() if name in _named(subject)}
        )
    asking.live("FREQ", {"measurementTime": moment, "frequency": 50.0, **loaded})


def _named(subject: str) -> set[str]:
    return {column.name for column in (*dataset(subject).columns, *ENVELOPE_COLUMNS)}


def test_freshness_is_the_age_of_the_newest_data() -> None:
    asking = Asking(*SUBJECTS, now="2026-07-01 12:00")
    for moment in ("2026-07-01 11:50", "2026-07-01 10:29", "2026-07-01 11:44"):
        _at(asking, moment)
    newest = ("2026-07-01 11:50", 10)
    assert asking.ask("freshness") == [
        ("FREQ", *newest, 10, True),
        ("FUELHH", *newest, 90, True),
        ("FUELINST", *newest, 15, True),
        ("INDO", *newest, 90, True),
        ("ITSDO", *newest, 90, True),
        ("MID", *newest, 120, True),
    ]


@pytest.mark.parametrize(
    ("now", "fresh"),
    [
        ("2026-07-01 00:10", {"FREQ", "FUELHH", "FUELINST", "INDO", "ITSDO", "MID"}),
        ("2026-07-01 00:11", {"FUELHH", "FUELINST", "INDO", "ITSDO", "MID"}),
        ("2026-07-01 00:16", {"FUELHH", "INDO", "ITSDO", "MID"}),
        ("2026-07-01 01:30", {"FUELHH", "INDO", "ITSDO", "MID"}),
        ("2026-07-01 01:31", {"MID"}),
        ("2026-07-01 02:00", {"MID"}),
        ("2026-07-01 02:01", set()),
    ],
)
def test_freshness_has_a_limit_for_each_dataset(now: str, fresh: set[str]) -> None:
    asking = Asking(*SUBJECTS, now=now)
    _at(asking, "2026-07-01 00:00")
    assert {name for name, good in asking.ask("freshness", "dataset", "is_fresh") if good} == fresh


def test_freshness_looks_at_yesterday_and_not_further() -> None:
    asking = Asking(*SUBJECTS, now="2026-01-16 20:00")
    _at(asking, "2026-01-15 00:00")
    rows = asking.ask("freshness")
    assert [row[1:3] for row in rows] == [("2026-01-15 00:00", 2640)] * 6
    asking = Asking(*SUBJECTS, now="2026-01-16 20:00")
    _at(asking, "2026-01-14 23:30")
    assert [(row[1], row[2], row[4]) for row in asking.ask("freshness")] == [
        (None, None, False)
    ] * 6
