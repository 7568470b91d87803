"""Unified and latest rows of datasets that differ in what a version is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from schemas.historic import Historic, load_historic
from schemas.live import as_declared
from schemas.model import Column, Table
from schemas.tables import table_for
from schemas.views.catalog import ASIDE
from schemas.views.facts import HISTORIC, LIVE, Source, latest, unified
from tests.schemas.views.house import REGISTRY, House, Row, dataset, live_table

DAY = date(2026, 2, 3)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 2, 3, hour, minute)


def facts(house: House, relation: str, *names: str) -> list[tuple[Any, ...]]:
    """Some columns of a relation in the order of their values."""
    return sorted(
        house.connection.execute(f"SELECT {', '.join(names)} FROM {relation}").fetchall(), key=repr
    )


def forecast(published: datetime, start: datetime, demand: int) -> Row:
    return {
        "publishTime": published,
        "startTime": start,
        "settlementDate": DAY,
        "settlementPeriod": 2 * start.hour + 1,
        "boundary": "N",
        "demand": demand,
    }


def test_a_forecast_is_its_newest_publication_for_each_period() -> None:
    house = House("NDF")
    house.put(
        "bmrs_ndf_iris",
        [
            forecast(at(9), at(12), 300),
            forecast(at(8), at(12), 200),
            forecast(at(8), at(13), 210),
            forecast(at(9), at(12), 300),
        ],
    )
    assert facts(house, "bmrs_ndf_unified", "startTime", "publishTime", "demand") == [
        (at(12), at(8), 200),
        (at(12), at(9), 300),
        (at(13), at(8), 210),
    ]
    assert facts(house, "bmrs_ndf_latest", "startTime", "demand") == [(at(12), 300), (at(13), 210)]


def test_a_settlement_run_is_newer_by_its_place_among_the_runs_not_by_its_letters() -> None:
    house = House("B1610")
    rows: list[Row] = [
        {"bmUnit": unit, "settlementDate": DAY, "settlementPeriod": 1, "settlementRunType": run}
        for unit, runs in {
            "T_A-1": ("SF", "II", "R2", "R1"),
            "T_B-1": ("RF", "DF", "R3"),
            "T_C-1": ("II",),
            "T_D-1": ("XX", "II", None),
        }.items()
        for run in runs
    ]
    house.put("bmrs_b1610_iris", rows)
    assert len(facts(house, "bmrs_b1610_unified", "bmUnit")) == len(rows)
    assert facts(house, "bmrs_b1610_latest", "bmUnit", "settlementRunType") == [
        ("T_A-1", "R2"),
        ("T_B-1", "DF"),
        ("T_C-1", "II"),
        ("T_D-1", "II"),
    ]


def event(mrid: str, revision: int, published: datetime, status: str = "Active") -> Row:
    return {
        "mrid": mrid,
        "revisionNumber": revision,
        "publishTime": published,
        "createdTime": published - timedelta(minutes=1),
        "eventStatus": status,
    }


def test_an_outage_is_its_newest_message_and_a_dismissed_one_is_there_as_such() -> None:
    house = House("REMIT")
    house.put(
        "bmrs_remit_iris",
        [
            event("a", 2, at(10)),
            event("a", 1, at(9)),
            event("b", 1, at(9)),
            event("b", 2, at(11), "Dismissed"),
            event("c", 5, at(9)),
            event("c", 4, at(12), "Inactive"),  # a revision that falls while time goes on
        ],
    )
    assert facts(house, "bmrs_remit_latest", "mrid", "revisionNumber", "eventStatus") == [
        ("a", 2, "Active"),
        ("b", 2, "Dismissed"),
        ("c", 4, "Inactive"),
    ]
    between = "bmrs_remit_latest_between(DATE '2026-02-03', DATE '2026-02-03')"
    assert facts(house, between, "mrid") == [("a",), ("b",), ("c",)]
    assert facts(house, between.replace("03", "02"), "mrid") == []


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
    house.put("bmrs_remit_iris", [event("a", 1, at(9)), event("b", 1, at(9))])
    profile = '[{"startTime": "2026-02-03T09:00:00Z", "capacity": 5}]'
    old: list[Row] = [
        {"mrid": mrid, "revisionNumber": revision, "publishTime": time.replace(tzinfo=UTC)}
        for mrid, revision, time in [("a", 1, at(9)), ("a", 2, at(10)), ("z", 1, at(7))]
    ]
    house.put(OLD_EVENTS.name, [*old, {**old[2], "outageProfile": profile}])
    names = ("mrid", "revisionNumber", "createdTime", "data_source")
    assert facts(house, "bmrs_remit_unified", *names) == [
        ("a", 1, at(8, 59), "IRIS"),
        ("a", 2, at(10), "HISTORIC"),
        ("b", 1, at(8, 59), "IRIS"),
        ("z", 1, at(7), "HISTORIC"),
    ]
    assert facts(house, "bmrs_remit_latest", "mrid", "revisionNumber") == [
        ("a", 2),
        ("b", 1),
        ("z", 1),
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


def test_the_statement_of_a_small_dataset() -> None:
    old = Table("bmrs_freq", (Column("measurementTime", "DATETIME"), Column("frequency", "STRING")))
    freq = dataset("FREQ")
    view = unified(freq, [Source(live_table("FREQ"), LIVE), Source(as_declared(old), HISTORIC)])
    shown = """SELECT
  `dataset`,
  `measurementTime`,
  `frequency`,
  `data_source`,
  `source`,
  `ingested_utc`,
  `_message_id`,
  `_record_index`,
  `_enqueued_utc`,
  `_extra`
FROM """
    ties = "`_enqueued_utc` DESC, `ingested_utc` DESC, `_message_id` DESC, `_record_index` DESC"
    assert view.sql == (
        f"""{shown}(
  SELECT
    `dataset`,
    `measurementTime`,
    `frequency`,
    'IRIS' AS `data_source`,
    `source`,
    `ingested_utc`,
    `_message_id`,
    `_record_index`,
    `_enqueued_utc`,
    `_extra`,
    0 AS `_rank`
  FROM iris.bmrs_freq_iris
  UNION ALL
  SELECT
    CAST(NULL AS STRING) AS `dataset`,
    `measurementTime`,
    SAFE_CAST(REGEXP_EXTRACT(`frequency`, """
        r"""r'^\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*$') AS FLOAT64) AS `frequency`,"""
        f"""
    'HISTORIC' AS `data_source`,
    CAST(NULL AS STRING) AS `source`,
    CAST(NULL AS TIMESTAMP) AS `ingested_utc`,
    CAST(NULL AS STRING) AS `_message_id`,
    CAST(NULL AS INT64) AS `_record_index`,
    CAST(NULL AS TIMESTAMP) AS `_enqueued_utc`,
    CAST(NULL AS JSON) AS `_extra`,
    1 AS `_rank`
  FROM iris.bmrs_freq
)
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `measurementTime` ORDER BY `_enqueued_utc` DESC, """
        f"`_rank`, {ties}) = 1"
    )
    assert latest(freq).sql == (
        f"{shown}iris.bmrs_freq_unified\nWHERE TRUE\nQUALIFY ROW_NUMBER() OVER "
        f"(PARTITION BY `measurementTime` ORDER BY `_enqueued_utc` DESC, {ties}) = 1"
    )
