"""``apply`` and ``adopt`` with Google's client: all tables, views and functions."""

from __future__ import annotations

import re
from datetime import date, datetime

import pytest
from google.cloud import bigquery

from schemas import load
from schemas.changes import Conflict, changes
from schemas.cli import main
from schemas.tables import all_tables
from schemas.warehouses.bigquery import BigQuery

REGISTRY = load()


def call(command: str, dataset: str, *arguments: str) -> int:
    return main([command, "--warehouse", f"bigquery:{dataset}", *arguments])


def test_everything_is_made_and_is_as_declared(dataset: str, warehouse: BigQuery) -> None:
    assert call("apply", dataset, "--location", "EU") == 0
    live = warehouse.look()
    assert list(changes(all_tables(REGISTRY), live, described=True)) == []
    assert "bmrs_freq_unified" in live.tables
    assert {"bmrs_remit_latest_between", "settlement_period"} <= set(live.routines)
    assert warehouse._client.get_dataset(dataset).location == "EU"


def test_a_second_time_nothing_is_done(dataset: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("apply", dataset) == 0
    capsys.readouterr()
    assert call("apply", dataset) == 0
    assert capsys.readouterr().out.splitlines() == ["nothing to do"]


def test_columns_are_added_and_nothing_else_changes(
    client: bigquery.Client, dataset: str, warehouse: BigQuery
) -> None:
    client.create_dataset(dataset)
    theirs = bigquery.SchemaField("theirs", "NUMERIC", description="Mine.")
    fields = [theirs, bigquery.SchemaField("measurementTime", "DATETIME")]
    old = bigquery.Table(f"{dataset}.bmrs_freq_iris", schema=fields)
    old.time_partitioning = bigquery.TimePartitioning(field="measurementTime")
    client.create_table(old)
    tables = [table for table in all_tables(REGISTRY) if table.name == "bmrs_freq_iris"]
    for change in changes(tables, warehouse.look(), described=True):
        assert not isinstance(change, Conflict)
        warehouse.make(change)
    schema = client.get_table(f"{dataset}.bmrs_freq_iris").schema
    assert schema[0] == theirs
    assert [field.name for field in schema[:4]] == [
        "theirs",
        "measurementTime",
        "dataset",
        "frequency",
    ]
    assert list(changes(tables, warehouse.look(), described=True)) == []


def old_table(client: bigquery.Client, dataset: str) -> None:
    client.create_dataset(dataset)
    client.query(
        f"CREATE TABLE `{dataset}.bmrs_fuelinst_iris` (dataset STRING, publishTime TIMESTAMP, "
        "startTime TIMESTAMP, settlementDate DATE, settlementPeriod INT64, fuelType STRING, "
        "generation FLOAT64, source STRING, ingested_utc TIMESTAMP)"
    ).result()
    client.query(
        f"INSERT INTO `{dataset}.bmrs_fuelinst_iris` (publishTime, startTime, settlementDate, "
        "fuelType, generation) VALUES (TIMESTAMP '2025-11-01 00:05:00+00', "
        "TIMESTAMP '2025-11-01 00:00:00+00', DATE '2025-11-01', 'WIND', 1234.0)"
    ).result()


@pytest.fixture
def renaming(client: bigquery.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """ALTER TABLE RENAME, of which the emulator's own catalog does not hear."""
    right = BigQuery._run

    def run(self: BigQuery, sql: str) -> None:
        rename = re.fullmatch(r"ALTER TABLE `([^`]+)` RENAME TO `([^`]+)`", sql)
        if rename is None:
            right(self, sql)
            return
        client.copy_table(rename[1], f"{self.name}.{rename[2]}").result()
        client.delete_table(rename[1])

    monkeypatch.setattr(BigQuery, "_run", run)


@pytest.mark.usefixtures("renaming")
def test_an_old_table_is_listed_then_adopted_then_put_back(
    client: bigquery.Client, dataset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old_table(client, dataset)
    assert call("diff", dataset) == 1
    out = capsys.readouterr().out
    assert "bmrs_fuelinst_iris  startTime    TIMESTAMP  DATETIME" in out
    assert "bmrs_fuelinst_iris  partition    none       day of settlementDate" in out
    assert call("adopt", dataset) == 0
    assert call("apply", dataset) == 0
    [row] = client.query(
        f"SELECT startTime, generation, data_source FROM `{dataset}.bmrs_fuelinst_latest`"
    ).result()
    assert dict(row) == {
        "startTime": datetime(2025, 11, 1),
        "generation": 1234,
        "data_source": "ADOPTED",
    }
    assert call("adopt", dataset, "--undo") == 0
    [row] = client.query(f"SELECT generation FROM `{dataset}.bmrs_fuelinst_iris`").result()
    assert dict(row) == {"generation": 1234.0}


def test_views_answer(client: bigquery.Client, dataset: str) -> None:
    assert call("apply", dataset) == 0
    rows = [
        {
            "nationalGridBmUnit": "DRAXX-1",
            "settlementDate": "2026-07-01",
            "settlementPeriod": 25,
            "timeFrom": start,
            "timeTo": end,
            "levelFrom": level,
            "levelTo": level,
            "notificationSequence": sequence,
            "notificationTime": "2026-07-01T09:00:00",
        }
        for start, end, level, sequence in (
            ("2026-07-01T11:00:00", "2026-07-01T11:30:00", 600, 1),
            ("2026-07-01T11:20:00", "2026-07-01T11:30:00", 0, 2),
        )
    ]
    assert client.insert_rows_json(f"{dataset}.bmrs_mels_iris", rows) == []
    found = client.query(
        "SELECT settlementDate, settlementPeriod, timeFrom, timeTo, levelFrom "
        f"FROM `{dataset}.bmrs_mels_resolved` ORDER BY timeFrom"
    ).result()
    assert [tuple(row) for row in found] == [
        (date(2026, 7, 1), 25, datetime(2026, 7, 1, 11), datetime(2026, 7, 1, 11, 20), 600),
        (date(2026, 7, 1), 25, datetime(2026, 7, 1, 11, 20), datetime(2026, 7, 1, 11, 30), 0),
    ]
