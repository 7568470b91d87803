"""The tables: names, columns, types, partitions. Other repositories rely on them."""

from __future__ import annotations

import schemas
from schemas import ENVELOPE_COLUMNS, Column, Partition, Table


def kinds(table: Table) -> list[tuple[str, str]]:
    return [(column.name, column.type) for column in table.columns]


ENVELOPE = [
    ("source", "STRING"),
    ("ingested_utc", "TIMESTAMP"),
    ("_message_id", "STRING"),
    ("_record_index", "INT64"),
    ("_enqueued_utc", "TIMESTAMP"),
    ("_extra", "JSON"),
]


def test_the_table_of_a_dataset(registry: schemas.Registry) -> None:
    assert schemas.table_for(registry["FREQ"]) == Table(
        name="bmrs_freq_iris",
        columns=(
            Column(
                "dataset",
                "STRING",
                description="Dataset acronym as the record itself gives it.",
                confidence="confirmed",
            ),
            Column(
                "measurementTime",
                "DATETIME",
                description="Time of the reading, UTC; one every 15 seconds.",
                confidence="confirmed",
            ),
            Column(
                "frequency",
                "FLOAT64",
                description="System frequency, Hz.",
                confidence="confirmed",
            ),
            *ENVELOPE_COLUMNS,
        ),
        partition=Partition("measurementTime"),
        cluster=(),
        description=(
            "IRIS dataset FREQ: System frequency.\n"
            "One reading per 15 seconds, 5,760 a day, about 8 per message.\n"
            "No publication time and no settlement period."
        ),
    )


def test_the_envelope() -> None:
    assert [(column.name, column.type) for column in ENVELOPE_COLUMNS] == ENVELOPE


def test_the_table_of_unmapped_records() -> None:
    table = schemas.UNMAPPED
    assert (table.name, table.partition, table.cluster) == (
        "iris_unmapped",
        Partition("ingested_utc"),
        ("dataset",),
    )
    assert kinds(table) == [("dataset", "STRING"), ("record", "JSON"), *ENVELOPE]


def test_the_table_of_dead_letters() -> None:
    table = schemas.DEAD_LETTERS
    assert (table.name, table.partition, table.cluster) == (
        "iris_dead_letters",
        Partition("failed_utc"),
        ("dataset", "reason"),
    )
    assert kinds(table) == [
        ("stage", "STRING"),
        ("reason", "STRING"),
        ("detail", "STRING"),
        ("dataset", "STRING"),
        ("field", "STRING"),
        ("payload", "BYTES"),
        ("content_encoding", "STRING"),
        ("source", "STRING"),
        ("_message_id", "STRING"),
        ("_record_index", "INT64"),
        ("_enqueued_utc", "TIMESTAMP"),
        ("failed_utc", "TIMESTAMP"),
        ("pipeline_version", "STRING"),
    ]


def test_the_ledger() -> None:
    table = schemas.MESSAGES
    assert (table.name, table.partition, table.cluster) == (
        "iris_messages",
        Partition("written_utc"),
        ("dataset", "message_id"),
    )
    assert kinds(table) == [
        ("message_id", "STRING"),
        ("dataset", "STRING"),
        ("source", "STRING"),
        ("enqueued_utc", "TIMESTAMP"),
        ("written_utc", "TIMESTAMP"),
        ("bytes", "INT64"),
        ("records", "INT64"),
        ("rows", "INT64"),
        ("dead_letters", "INT64"),
    ]


def test_every_column_of_the_system_tables_is_described() -> None:
    for table in schemas.SYSTEM_TABLES:
        assert table.description
        assert [column.name for column in table.columns if not column.description] == []


def test_all_tables(registry: schemas.Registry) -> None:
    tables = schemas.all_tables(registry)
    assert tables[:-3] == tuple(schemas.table_for(dataset) for dataset in registry.values())
    assert tables[-3:] == (schemas.UNMAPPED, schemas.DEAD_LETTERS, schemas.MESSAGES)


def test_an_empty_registry_still_has_the_system_tables() -> None:
    assert schemas.all_tables(schemas.Registry()) == schemas.SYSTEM_TABLES
