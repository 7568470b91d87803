"""The fallback sink: Beam's connector and the real BigQuery client, on a local REST server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.test_pipeline import TestPipeline

import schemas
from pipeline.build import WriteMessages
from pipeline.message import Message
from pipeline.streaming_inserts import InsertSink, json_value
from schemas.model import Column
from schemas.tables import DEAD_LETTERS, MESSAGES, UNMAPPED
from tests.servers.bigquery_rest import BigQueryRestServer

FREQ = "bmrs_freq_iris"
REMIT = "bmrs_remit_iris"


@pytest.fixture
def bigquery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BigQueryRestServer]:
    with BigQueryRestServer() as server:
        server.write_credentials(tmp_path / "account.json")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", server.url)
        server.rows = {name: [] for name in (FREQ, REMIT, MESSAGES.name, DEAD_LETTERS.name)}
        server.rows[UNMAPPED.name] = []
        yield server


def run(*messages: Message) -> None:
    registry = schemas.load()
    datasets = [registry["FREQ"], registry["REMIT"]]
    with TestPipeline(runner="FnApiRunner") as pipeline:
        (pipeline | beam.Create(messages) | WriteMessages(datasets, InsertSink("project-1.iris")))


def freq(*frequencies: Any, message_id: str = "FREQ_1.json") -> Message:
    records = [
        {"dataset": "FREQ", "measurementTime": f"2026-11-01T00:00:{at:02}Z", "frequency": value}
        for at, value in enumerate(frequencies)
    ]
    return Message(json.dumps(records).encode(), "FREQ", message_id, enqueued=1_000_000)


def without_times(row: dict[str, Any]) -> dict[str, Any]:
    times = {"ingested_utc", "written_utc", "failed_utc"}
    return {name: value for name, value in row.items() if name not in times}


def test_rows_and_ledger_reach_their_tables(bigquery: BigQueryRestServer) -> None:
    run(freq(49.9, 50.1), Message(b"[]", "REMIT", "empty"), Message(b'[{"a": 1}]', "NEW", "new"))

    common = {"dataset": "FREQ", "source": "IRIS", "_message_id": "FREQ_1.json"}
    common |= {"_enqueued_utc": "1970-01-01T00:00:01Z"}
    assert sorted(map(without_times, bigquery.rows[FREQ]), key=str) == sorted(
        [
            common
            | {"measurementTime": "2026-11-01T00:00:00", "frequency": 49.9, "_record_index": "0"},
            common
            | {"measurementTime": "2026-11-01T00:00:01", "frequency": 50.1, "_record_index": "1"},
        ],
        key=str,
    )
    assert [row["record"] for row in bigquery.rows[UNMAPPED.name]] == ['{"a":1}']
    ledger = {row["message_id"]: without_times(row) for row in bigquery.rows[MESSAGES.name]}
    assert ledger["empty"] == {
        "message_id": "empty",
        "dataset": "REMIT",
        "source": "IRIS",
        "bytes": "2",
        "records": "0",
        "rows": "0",
        "dead_letters": "0",
    }
    assert ledger.keys() == {"empty", "new", "FREQ_1.json"}
    assert bigquery.rows[DEAD_LETTERS.name] == []


def test_refused_rows_become_dead_letters_and_the_others_go_in(
    bigquery: BigQueryRestServer,
) -> None:
    bigquery.refuse = lambda table, row: "too low" if row.get("frequency") == 1.5 else None

    run(freq(49.9, 1.5, 50.1), Message(b"no json", "FREQ", "broken"))

    assert sorted(row["frequency"] for row in bigquery.rows[FREQ]) == [49.9, 50.1]
    dead = {row["_message_id"]: without_times(row) for row in bigquery.rows[DEAD_LETTERS.name]}
    refused = dead["FREQ_1.json"]
    assert json.loads(base64.b64decode(refused.pop("payload"))) == {
        "dataset": "FREQ",
        "measurementTime": "2026-11-01T00:00:01Z",
        "frequency": 1.5,
    }
    assert "too low" in refused.pop("detail")
    assert refused == {
        "stage": "write",
        "reason": "RowRefused",
        "dataset": "FREQ",
        "source": "IRIS",
        "_message_id": "FREQ_1.json",
        "_record_index": "1",
        "_enqueued_utc": "1970-01-01T00:00:01Z",
        "pipeline_version": refused["pipeline_version"],
    }
    assert dead["broken"]["reason"] == "NotJson"


def test_a_missing_table_leaves_the_others_alone(bigquery: BigQueryRestServer) -> None:
    del bigquery.rows[REMIT]
    record = {"mrid": "m", "createdTime": "2026-11-01T00:00:00Z"}

    run(freq(50.0), Message(json.dumps([record]).encode(), "REMIT", "r1"))

    assert [row["frequency"] for row in bigquery.rows[FREQ]] == [50.0]
    assert [(row["reason"], row["dataset"]) for row in bigquery.rows[DEAD_LETTERS.name]] == [
        ("TableUnavailable", "REMIT")
    ]


def test_a_passing_fault_is_retried(bigquery: BigQueryRestServer) -> None:
    bigquery.unavailable = 1

    run(freq(50.0))

    assert [row["frequency"] for row in bigquery.rows[FREQ]] == [50.0]


NESTED = Column(
    "profile",
    "STRUCT",
    repeated=True,
    columns=(Column("at", "DATETIME"), Column("level", "FLOAT64")),
)


@pytest.mark.parametrize(
    ("column", "value", "sent"),
    [
        (Column("c", "INT64"), 2**63 - 1, "9223372036854775807"),
        (Column("c", "DATETIME"), 1_500_000, "1970-01-01T00:00:01.500000"),
        (Column("c", "TIMESTAMP"), 1_500_000, "1970-01-01T00:00:01.500000Z"),
        (Column("c", "DATE"), 1, "1970-01-02"),
        (Column("c", "BYTES"), b"\xff", "/w=="),
        (Column("c", "JSON"), '{"a":1}', '{"a":1}'),
        (Column("c", "BOOL"), False, False),
        (Column("c", "STRING"), None, None),
        (
            NESTED,
            [{"at": 0, "level": None}, {"at": None, "level": 1.5}],
            [{"at": "1970-01-01T00:00:00"}, {"level": 1.5}],
        ),
    ],
)
def test_json_value(column: Column, value: Any, sent: Any) -> None:
    assert json_value(column, value) == sent
