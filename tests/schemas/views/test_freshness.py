"""What counts as fresh, and what the view of it reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.views.freshness import freshness
from tests.schemas.queries.asking import Asking
from tests.schemas.views.house import REGISTRY

NOW = datetime(2026, 7, 1, 12, 10)
MINUTE = timedelta(minutes=1)
REGULAR = {one.subject for one in REGISTRY.values() if one.cadence_seconds}


def asking(*subjects: str) -> Asking:
    return Asking(*subjects, now=str(NOW))


def reading(before: timedelta, since: timedelta | None) -> dict[str, Any]:
    """One that speaks of a time so long before now, and came in so long ago."""
    moment = NOW - before
    return {
        "measurementTime": moment,
        "frequency": 50.0,
        "_enqueued_utc": None if since is None else (NOW - since).replace(tzinfo=UTC),
        "ingested_utc": NOW.replace(tzinfo=UTC),
    }


def test_a_row_of_it() -> None:
    house = asking("FREQ")
    old = reading(timedelta(hours=5), timedelta(hours=4))
    house.live("FREQ", reading(3 * MINUTE, timedelta(seconds=90)), old)
    assert house.rows("SELECT * FROM iris.freshness") == [
        {
            "dataset": "FREQ",
            "cadence_minutes": 2,
            "newest_arrival_utc": (NOW - timedelta(seconds=90)).replace(tzinfo=UTC),
            "silence_minutes": 1,
            "allowed_silence_minutes": 14,
            "newest_time": NOW - 3 * MINUTE,
            "age_minutes": 3,
            "allowed_age_minutes": 184,
            "is_fresh": True,
        }
    ]


@pytest.mark.parametrize(
    ("before", "since", "ages", "is_fresh"),
    [
        (3 * MINUTE, 14.99 * MINUTE, (14, 3), True),
        (3 * MINUTE, 15 * MINUTE, (15, 3), False),
        (184.99 * MINUTE, MINUTE, (1, 184), True),
        (185 * MINUTE, MINUTE, (1, 185), False),  # something comes, and it is old
        (-60 * MINUTE, MINUTE, (1, -60), True),
        (3 * MINUTE, None, (0, 3), True),  # of a file, say, which no broker enqueued
        (4 * 24 * 60 * MINUTE, MINUTE, (None, None), False),  # too old to be looked at
    ],
)
def test_both_times_count(
    before: timedelta, since: timedelta | None, ages: tuple[int | None, int | None], is_fresh: bool
) -> None:
    house = asking("FREQ")
    house.live("FREQ", reading(before, since))
    found = house.ask("freshness", "silence_minutes", "age_minutes", "is_fresh")
    assert found == [(*ages, is_fresh)]


def test_every_dataset_with_a_cadence_is_in_it_and_an_empty_one_is_not_fresh() -> None:
    found = asking(*REGULAR).ask("freshness", "dataset", "newest_time", "is_fresh")
    assert found == [(subject, None, False) for subject in sorted(REGULAR)]


def test_a_weekly_dataset_is_looked_for_as_long_as_it_may_be_silent() -> None:
    house = asking("TSDFW")
    published = NOW - timedelta(days=14)
    enqueued = {"_enqueued_utc": published.replace(tzinfo=UTC)}
    house.live("TSDFW", {"publishTime": published, "year": 2026, "week": 30, **enqueued})
    assert house.ask("freshness", "silence_minutes", "allowed_silence_minutes", "is_fresh") == [
        (20160, 20170, True)
    ]


@pytest.mark.parametrize(
    ("type_", "start"),
    [
        ("DATE", "`publishTime` >= DATE_SUB("),
        ("DATETIME", "`publishTime` >= CAST(DATE_SUB("),
        ("TIMESTAMP", "`publishTime` >= TIMESTAMP(CAST(DATE_SUB("),
    ],
)
def test_the_last_partitions_alone_are_read(type_: str, start: str) -> None:
    temp = REGISTRY["TEMP"]
    columns = [
        replace(one, type=type_) if one.name == "publishTime" else one for one in temp.columns
    ]
    assert start in freshness([replace(temp, columns=tuple(columns))]).sql


def test_a_dataset_that_comes_when_something_happens_has_no_place_in_it() -> None:
    assert "REMIT" not in freshness(REGISTRY.values()).sql
