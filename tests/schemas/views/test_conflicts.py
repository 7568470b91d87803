"""Natural keys under which rows differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.model import Dataset
from schemas.views.conflicts import key_conflicts, key_conflicts_between
from schemas.views.model import View, bigquery_statement
from tests.schemas.views.house import REGISTRY, House, Row

START = datetime(2026, 2, 3, 9)


def at(minute: int) -> datetime:
    return datetime(2026, 2, 3, 9, minute, tzinfo=UTC)


def reading(frequency: float | None, message: str, minute: int, **others: object) -> Row:
    return {
        "dataset": "FREQ",
        "measurementTime": START,
        "frequency": frequency,
        "_message_id": message,
        "_enqueued_utc": at(minute),
        **others,
    }


def conflicts(*rows: Row) -> list[dict[str, Any]]:
    house = House("FREQ", "NDF")
    house.put("bmrs_freq_iris", rows)
    found = house.rows("SELECT * FROM iris.iris_key_conflicts ORDER BY natural_key")
    for one in found:
        one["natural_key"] = json.loads(one["natural_key"])
        for name in ("first_enqueued_utc", "last_enqueued_utc"):
            one[name] = one[name].astimezone(UTC)
    return found


def conflict(**changes: object) -> dict[str, Any]:
    return {
        "dataset": "FREQ",
        "natural_key": {"measurementTime": "2026-02-03 09:00:00"},
        "contents": 2,
        "row_count": 2,
        "differing": "frequency",
        "within_one_message": False,
        "first_enqueued_utc": at(0),
        "last_enqueued_utc": at(0),
        **changes,
    }


def test_two_contents_in_one_message_show_that_the_key_lacks_a_column() -> None:
    found = conflicts(reading(50.0, "m", 0), reading(50.1, "m", 0), reading(50.0, "m", 0))
    assert found == [conflict(row_count=3, within_one_message=True)]


def test_a_later_message_corrects_an_earlier_one() -> None:
    found = conflicts(reading(50.0, "m", 0), reading(50.1, "n", 1), reading(50.1, "n", 2))
    assert found == [conflict(row_count=3, last_enqueued_utc=at(2))]


def test_a_field_that_nobody_has_described_may_be_what_the_key_lacks() -> None:
    rows = [reading(50.0, "m", 0, _extra=json.dumps({"zone": zone})) for zone in ("N", "S")]
    assert conflicts(*rows) == [conflict(differing="_extra", within_one_message=True)]


@pytest.mark.parametrize("differing", ["frequency", "dataset"])
def test_nothing_against_something_is_a_difference(differing: str) -> None:
    rows = reading(50.0, "m", 0), {**reading(50.0, "n", 0), differing: None}
    assert conflicts(*rows) == [conflict(differing=differing)]


def test_every_differing_column_is_named() -> None:
    rows = reading(50.0, "m", 0), reading(50.1, "n", 0, dataset="OTHER", _extra="{}")
    assert conflicts(*rows) == [conflict(differing="dataset, frequency, _extra")]


def test_what_is_delivered_again_is_no_conflict() -> None:
    again = reading(50.0, "n", 5, ingested_utc=at(6), source="REPLAY", _record_index=7)
    assert conflicts(reading(50.0, "m", 0), again) == []


def test_rows_whose_message_is_not_known() -> None:
    rows = [{**reading(value, "", 0), "_message_id": None} for value in (50.0, 50.1)]
    assert conflicts(*rows) == [conflict()]


def test_a_key_of_nulls_is_a_key() -> None:
    rows = [{**reading(value, "m", 0), "measurementTime": None} for value in (50.0, 50.1)]
    house = House("FREQ")
    house.put("bmrs_freq_iris", rows)
    [found] = house.rows("SELECT dataset, contents, differing FROM iris.iris_key_conflicts")
    assert found == {"dataset": "FREQ", "contents": 2, "differing": "frequency"}


def test_those_of_some_days() -> None:
    house = House("FREQ", "NDF")
    house.define(key_conflicts_between(house.registry.values()))
    for day in (2, 3, 4):
        time = datetime(2026, 2, day, 23, 59)
        rows = (reading(value, "m", 0, measurementTime=time) for value in (50.0, 50.1))
        house.put("bmrs_freq_iris", rows)
    found = house.rows(
        "SELECT natural_key FROM iris.iris_key_conflicts_between"
        "(DATE '2026-02-03', DATE '2026-02-04') ORDER BY natural_key"
    )
    assert [json.loads(one["natural_key"])["measurementTime"] for one in found] == [
        "2026-02-03 23:59:00",
        "2026-02-04 23:59:00",
    ]


@pytest.mark.parametrize("made", [key_conflicts, key_conflicts_between])
def test_all_datasets_fit_into_one_view_of_bigquery(
    made: Callable[[Iterable[Dataset]], View],
) -> None:
    """256 K characters: https://cloud.google.com/bigquery/quotas#view_limits"""
    view = made(REGISTRY.values())
    assert view.needs == {one.table_name for one in REGISTRY.values()}
    assert len(bigquery_statement(view, "a-rather-long-project.uk_energy_prod")) < 256 * 1024
