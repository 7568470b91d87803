"""Rows of historic tables beside the live ones: what they lack, and what they call otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from schemas.historic import Historic, load_historic
from schemas.live import Live, as_declared
from schemas.model import Column, Table
from schemas.registry import Registry
from schemas.tables import table_for
from schemas.views.catalog import ASIDE, catalog
from schemas.views.facts import HISTORIC, LIVE, Source, unified
from tests.schemas.views.house import REGISTRY, House, Row, dataset, facts, live_table

DAY = date(2026, 2, 3)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 2, 3, hour, minute)


def event(mrid: str, revision: int, published: datetime, created: datetime) -> dict[str, Any]:
    return {
        "mrid": mrid,
        "revisionNumber": revision,
        "publishTime": published,
        "createdTime": created,
    }


OLD_EVENTS = Table(
    "bmrs_remit_unavailability",
    (
        Column("mrid", "STRING"),
        Column("revisionNumber", "FLOAT64"),
        Column("publishTime", "TIMESTAMP"),
        Column("eventStatus", "STRING"),
        Column("outageProfile", "STRING"),
    ),
)


def test_a_historic_table_without_a_column_of_the_key_makes_no_doubles() -> None:
    house = House("REMIT", historic={"REMIT": [OLD_EVENTS]}, mapping=load_historic(REGISTRY))
    house.put("bmrs_remit_iris", [event("a", 1, at(9), at(8)), event("b", 1, at(9), at(8))])
    profile = '[{"startTime": "2026-02-03T09:00:00Z", "capacity": 5}]'
    old: list[Row] = [
        {"mrid": mrid, "revisionNumber": revision, "publishTime": time.replace(tzinfo=UTC)}
        for mrid, revision, time in [("a", 1, at(9)), ("a", 2, at(10)), ("z", 1, at(7))]
    ]
    house.put(OLD_EVENTS.name, [*old, {**old[2], "outageProfile": profile}])
    names = ("mrid", "revisionNumber", "createdTime", "data_source")
    assert facts(house, "bmrs_remit_unified", *names) == [
        ("a", 1, at(8), "IRIS"),
        ("a", 2, at(10), "HISTORIC"),
        ("b", 1, at(8), "IRIS"),
        ("z", 1, at(7), "HISTORIC"),
    ]
    assert facts(house, "bmrs_remit_latest", "mrid", "revisionNumber") == [
        ("a", 2),
        ("b", 1),
        ("z", 1),
    ]


def test_a_column_is_not_replaced_where_the_table_has_it() -> None:
    table = Table(OLD_EVENTS.name, (*OLD_EVENTS.columns, Column("createdTime", "STRING")))
    house = House("REMIT", historic={"REMIT": [table]}, mapping=load_historic(REGISTRY))
    house.put("bmrs_remit_iris", [event("a", 1, at(9), at(8))])
    old = {"mrid": "a", "revisionNumber": 1, "publishTime": at(9).replace(tzinfo=UTC)}
    house.put(table.name, [{**old, "createdTime": f"2026-02-03T0{hour}:00:00Z"} for hour in (7, 8)])
    assert facts(house, "bmrs_remit_unified", "createdTime", "data_source") == [
        (at(7), "HISTORIC"),
        (at(8), "IRIS"),
    ]


def acceptance(number: object, minute: int) -> dict[str, Any]:
    return {
        "nationalGridBmUnit": "DRAXX-1",
        "acceptanceNumber": number,
        "acceptanceTime": at(9, minute),
        "timeFrom": at(10),
    }


def test_acceptances_are_joined_from_both_historic_tables_the_first_one_first() -> None:
    plain = Table(
        "bmrs_boalf",
        (
            *(Column(one, "STRING") for one in ("nationalGridBmUnit", "bmUnit", "_ingested_utc")),
            *(Column(one, "DATETIME") for one in ("settlementDate", "acceptanceTime", "timeFrom")),
            *(Column(one, "INT64") for one in ("settlementPeriodFrom", "acceptanceNumber")),
        ),
    )
    complete = Table(
        "bmrs_boalf_complete",
        (
            *(Column(one, "STRING") for one in ("nationalGridBmUnit", "bmUnit", "timeFrom")),
            *(Column(one, "TIMESTAMP") for one in ("settlementDate", "acceptanceTime")),
            Column("settlementPeriod", "INT64"),
            Column("acceptanceNumber", "STRING"),
            Column("acceptancePrice", "FLOAT64"),
        ),
    )
    house = House("BOALF", historic={"BOALF": [plain, complete]}, mapping=load_historic(REGISTRY))
    own = {"settlementDate": DAY, "settlementPeriodFrom": 21, "bmUnit": "own"}
    house.put("bmrs_boalf_iris", [{**acceptance(1, 0), **own}])
    midnight = datetime(2026, 2, 3)
    old = {"settlementDate": midnight, "settlementPeriodFrom": 21, "bmUnit": "plain"}
    house.put("bmrs_boalf", [{**acceptance(one, 0), **old} for one in (1, 2)])
    again = {
        "settlementDate": midnight.replace(tzinfo=UTC),
        "settlementPeriod": 22,
        "bmUnit": "complete",
        "acceptanceTime": at(9).replace(tzinfo=UTC),
        "timeFrom": "2026-02-03 10:00:00",
    }
    numbers = ("1", "2", "3", "3.0")
    house.put(complete.name, [{**acceptance(one, 0), **again} for one in numbers])
    names = ("acceptanceNumber", "bmUnit", "settlementDate", "settlementPeriodFrom", "data_source")
    assert facts(house, "bmrs_boalf_unified", *names) == [
        (1, "own", DAY, 21, "IRIS"),
        (2, "plain", DAY, 21, "HISTORIC"),
        (3, "complete", DAY, 22, "HISTORIC"),
    ]


def old_generation(name: str) -> Table:
    """A table that has a row's key and no settlement day."""
    return Table(
        name,
        (
            *(Column(one, "DATETIME") for one in ("startTime", "publishTime")),
            *(Column(one, "STRING") for one in ("fuelType", "_ingested_utc")),
        ),
    )


def generation(start: datetime) -> dict[str, Any]:
    return {"startTime": start, "publishTime": start, "fuelType": "CCGT"}


@pytest.mark.parametrize(
    ("name", "label"), [("bmrs_fuelinst", "HISTORIC"), (f"bmrs_fuelinst_iris{ASIDE}", "ADOPTED")]
)
def test_the_time_of_loading_is_found_under_its_old_name(name: str, label: str) -> None:
    historic = {"FUELINST": [old_generation(name)]}
    house = House("FUELINST", historic=historic, mapping=Historic({}))
    loaded = datetime(2026, 2, 3, 9, 0, 0, 500_000, tzinfo=UTC)
    house.put(name, [{**generation(at(9)), "_ingested_utc": str(loaded)}])
    names = ("ingested_utc", "data_source", "_message_id")
    [(ingested, *rest)] = facts(house, "bmrs_fuelinst_unified", *names)
    assert (ingested.astimezone(UTC), rest) == (loaded, [label, None])


def test_a_table_without_the_settlement_day_has_it_from_the_time() -> None:
    house = House("FUELINST", historic={"FUELINST": [old_generation("bmrs_fuelinst")]})
    summer = datetime(2026, 7, 1, 23, 0)
    house.put("bmrs_fuelinst", [generation(at(9)), generation(summer)])
    house.put("bmrs_fuelinst_iris", [{**generation(at(9)), "settlementDate": DAY}])
    names = ("startTime", "settlementDate", "data_source")
    assert facts(house, "bmrs_fuelinst_unified", *names) == [
        (at(9), DAY, "IRIS"),
        (summer, date(2026, 7, 2), "HISTORIC"),
    ]


def test_a_table_without_its_day_makes_no_doubles_and_costs_the_pruning() -> None:
    key = ("documentId", "documentRevisionNumber", "year", "psrType")
    old = Table(
        "bmrs_igca",
        tuple(one for one in table_for(dataset("IGCA")).columns if one.name in key),
    )
    house = House("IGCA", historic={"IGCA": [old]})
    row = {"documentId": "d", "documentRevisionNumber": 1, "year": 2026, "psrType": "Solar"}
    house.put("bmrs_igca", [row, {**row, "year": 2027}])
    house.put("bmrs_igca_iris", [{**row, "publishTime": at(9)}])
    assert facts(house, "bmrs_igca_unified", "year", "publishTime", "data_source") == [
        (2026, at(9), "IRIS"),
        (2027, None, "HISTORIC"),
    ]
    view = unified(dataset("IGCA"), [Source(live_table("IGCA"), LIVE)])
    assert "PARTITION BY `publishTime`, `documentId`" in view.sql
    view = unified(dataset("IGCA"), [Source(as_declared(old), HISTORIC)])
    assert "PARTITION BY `documentId`" in view.sql


def test_rows_whose_key_cannot_be_read_are_all_there() -> None:
    old = Table(
        "bmrs_indo",
        (
            Column("startTime", "STRING"),
            Column("publishTime", "DATETIME"),
            Column("demand", "INT64"),
        ),
    )
    house = House("INDO", historic={"INDO": [old]})
    texts = ["01/11/2024 00:00", "01/11/2024 00:30", "2024-11-01 01:00:00", "01/11/2024 00:30"]
    house.put("bmrs_indo", ({"startTime": text, "demand": 1} for text in texts))
    assert facts(house, "bmrs_indo_unified", "startTime", "demand") == [
        (None, 1),
        (None, 1),
        (datetime(2024, 11, 1, 1), 1),
    ]


def test_a_table_whose_key_has_no_conversion_is_not_read() -> None:
    old = Table("bmrs_indo", (Column("startTime", "TIME"), Column("publishTime", "DATETIME")))
    live = Live.of(map(as_declared, (table_for(dataset("INDO")), old)))
    found = catalog(Registry([dataset("INDO")]), Historic({}), live)
    assert found.unused == {
        "bmrs_indo": "no value of its startTime (TIME) converts: make a view over it that has "
        "other types"
    }
