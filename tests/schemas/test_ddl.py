"""The statements: golden texts for BigQuery, real execution for DuckDB."""

from __future__ import annotations

import ast
import string
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from schemas import Column, Partition, Table
from schemas.ddl import (
    bigquery_ddl,
    bigquery_identifier,
    bigquery_string,
    bigquery_type,
    duckdb_ddl,
    duckdb_identifier,
    duckdb_type,
)
from schemas.model import SCALAR_TYPES, SYSTEM_TYPES

GOLDEN = Path(__file__).parent / "golden"

#: What DuckDB calls our types when it is asked.
DUCKDB_IDS = {
    "STRING": "varchar",
    "INT64": "bigint",
    "FLOAT64": "double",
    "BOOL": "boolean",
    "DATETIME": "timestamp",
    "TIMESTAMP": "timestamp with time zone",
    "DATE": "date",
    "BYTES": "blob",
}


@pytest.mark.parametrize("subject", ["FREQ", "REMIT"])
def test_bigquery_statements_stay_as_they_are(subject: str, registry: schemas.Registry) -> None:
    statement = bigquery_ddl(schemas.table_for(registry[subject]), "my-project.iris")
    assert statement + "\n" == (GOLDEN / f"{subject}.bigquery.sql").read_text("utf-8")


def test_a_small_table_in_bigquery() -> None:
    table = Table("t", (Column("a", "INT64"), Column("b", "DATE", description="Day.")))
    assert bigquery_ddl(table) == (
        "CREATE TABLE IF NOT EXISTS `t` (\n  `a` INT64,\n  `b` DATE OPTIONS(description='Day.')\n);"
    )


@pytest.mark.parametrize(
    ("kind", "clause"),
    [
        ("DATE", "PARTITION BY `day`"),
        ("DATETIME", "PARTITION BY DATETIME_TRUNC(`day`, DAY)"),
        ("TIMESTAMP", "PARTITION BY TIMESTAMP_TRUNC(`day`, DAY)"),
    ],
)
def test_a_partition_is_a_day(kind: str, clause: str) -> None:
    table = Table("t", (Column("day", kind), Column("x", "STRING")), Partition("day"), ("x",))
    assert bigquery_ddl(table, "p.d") == (
        "CREATE TABLE IF NOT EXISTS `p.d.t` (\n"
        f"  `day` {kind},\n"
        "  `x` STRING\n"
        ")\n"
        f"{clause}\n"
        "CLUSTER BY `x`;"
    )


NESTED = Column(
    "profile",
    "STRUCT",
    repeated=True,
    description="It's a profile.",
    columns=(
        Column("start", "DATETIME", description="Start, UTC."),
        Column("marks", "FLOAT64", repeated=True),
        Column("inner", "STRUCT", columns=(Column("ok", "BOOL", description="Fine."),)),
    ),
)


def test_nested_columns_keep_their_descriptions_in_bigquery() -> None:
    assert bigquery_ddl(Table("t", (NESTED,))) == (
        "CREATE TABLE IF NOT EXISTS `t` (\n"
        "  `profile` ARRAY<STRUCT<`start` DATETIME OPTIONS(description='Start, UTC.'), "
        "`marks` ARRAY<FLOAT64>, "
        "`inner` STRUCT<`ok` BOOL OPTIONS(description='Fine.')>>> "
        "OPTIONS(description='It\\'s a profile.')\n"
        ");"
    )


def test_types_of_nested_columns() -> None:
    assert bigquery_type(NESTED) == (
        "ARRAY<STRUCT<`start` DATETIME, `marks` ARRAY<FLOAT64>, `inner` STRUCT<`ok` BOOL>>>"
    )
    assert duckdb_type(NESTED) == (
        'STRUCT("start" TIMESTAMP, "marks" DOUBLE[], "inner" STRUCT("ok" BOOLEAN))[]'
    )


def test_a_table_in_duckdb(registry: schemas.Registry) -> None:
    assert duckdb_ddl(schemas.table_for(registry["FREQ"])) == (
        'CREATE TABLE IF NOT EXISTS "bmrs_freq_iris" (\n'
        '  "dataset" VARCHAR,\n'
        '  "measurementTime" TIMESTAMP,\n'
        '  "frequency" DOUBLE,\n'
        '  "source" VARCHAR,\n'
        '  "ingested_utc" TIMESTAMPTZ,\n'
        '  "_message_id" VARCHAR,\n'
        '  "_record_index" BIGINT,\n'
        '  "_enqueued_utc" TIMESTAMPTZ,\n'
        '  "_extra" JSON\n'
        ");"
    )


def test_the_dead_letters_in_duckdb_hold_bytes() -> None:
    assert '  "payload" BLOB,\n' in duckdb_ddl(schemas.DEAD_LETTERS)


@pytest.mark.parametrize(
    ("name", "bigquery", "duck"),
    [
        ("plain", "`plain`", '"plain"'),
        ("a`b", "`a\\`b`", '"a`b"'),
        ('a"b', '`a"b`', '"a""b"'),
        ("a\\b", "`a\\\\b`", '"a\\b"'),
    ],
)
def test_identifiers_are_quoted(name: str, bigquery: str, duck: str) -> None:
    assert (bigquery_identifier(name), duckdb_identifier(name)) == (bigquery, duck)


def test_a_literal_escapes_what_bigquery_reads() -> None:
    assert bigquery_string("It's 5\\6\n\tO\u00e9") == "'It\\'s 5\\\\6\\n\\U00000009O\u00e9'"


@given(st.text())
def test_a_literal_is_one_line_and_reads_back(text: str) -> None:
    # Python reads the few escapes that we write (\\ \' \n \U) as BigQuery does.
    literal = bigquery_string(text)
    assert literal.splitlines() == [literal]
    assert ast.literal_eval(literal) == text


names = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=8) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8
)


def unique_by_name(columns: st.SearchStrategy[Column]) -> st.SearchStrategy[tuple[Column, ...]]:
    # DuckDB, as BigQuery, ignores the case of names.
    return st.lists(
        columns, min_size=1, max_size=4, unique_by=lambda column: column.name.casefold()
    ).map(tuple)


scalars = st.builds(
    Column, names, st.sampled_from(sorted(SCALAR_TYPES | SYSTEM_TYPES)), st.booleans()
)
trees = st.recursive(
    scalars,
    lambda inner: st.builds(
        Column, names, st.just("STRUCT"), st.booleans(), columns=unique_by_name(inner)
    ),
    max_leaves=6,
)


def read_back(name: str, kind: Any) -> Column:
    """The column that DuckDB has (its ``DuckDBPyType``), in our words, without descriptions."""
    if str(kind) == "JSON":
        return Column(name, "JSON")
    if kind.id == "list":
        ((_, item),) = kind.children
        inner = read_back(name, item)
        return Column(name, inner.type, True, columns=inner.columns)
    if kind.id == "struct":
        fields = tuple(read_back(*child) for child in kind.children)
        return Column(name, "STRUCT", columns=fields)
    (ours,) = (ours for ours, theirs in DUCKDB_IDS.items() if theirs == kind.id)
    return Column(name, ours)


@settings(deadline=None)
@given(name=names, columns=unique_by_name(trees))
def test_duckdb_creates_what_was_asked_for(name: str, columns: tuple[Column, ...]) -> None:
    table = Table(name, columns)
    with duckdb.connect() as connection:
        connection.execute(duckdb_ddl(table))
        connection.execute(duckdb_ddl(table))  # a second time it is there already
        made = connection.execute(f"FROM {duckdb_identifier(name)}").description
        described = connection.execute(f"DESCRIBE {duckdb_identifier(name)}").fetchall()
    assert tuple(read_back(column[0], column[1]) for column in made) == columns
    assert [row[0] for row in described] == [column.name for column in columns]


def test_duckdb_creates_every_table(registry: schemas.Registry) -> None:
    tables = schemas.all_tables(registry)
    with duckdb.connect() as connection:
        for table in tables:
            connection.execute(duckdb_ddl(table))
        made = dict(
            connection.execute(
                "SELECT table_name, list(column_name ORDER BY ordinal_position) "
                "FROM information_schema.columns GROUP BY table_name"
            ).fetchall()
        )
    assert made == {table.name: [column.name for column in table.columns] for table in tables}
