"""Unified and latest rows of datasets that differ in what a version is."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from schemas.live import as_declared
from schemas.model import Column, Table
from schemas.views.facts import HISTORIC, LIVE, Source, latest, unified
from tests.schemas.views.house import House, Row, dataset, facts, live_table

DAY = date(2026, 2, 3)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 2, 3, hour, minute)


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
