"""The DuckDB sink, on real files."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from pipeline.reject import Reason
from pipeline.sinks import duckdb as sink_module
from pipeline.sinks.base import Refusal, TransientError
from pipeline.sinks.duckdb import DuckDBWarehouse
from schemas.model import Column, Partition, Table
from schemas.tables import all_tables
from tests.pipeline.sinks.support import (
    GOOD,
    NUMBER,
    OTHER,
    THIRD,
    columns,
    duckdb_rows,
    numbers,
    rows_back,
    rows_of,
    some_value,
    typed,
    unavailable,
    writes,
)
from tests.servers.bigquery_client import EVERY_TYPE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "iris.duckdb"


@pytest.fixture
def sink(file: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(str(file))


def query(file: Path, sql: str) -> list[tuple[Any, ...]]:
    """Runs statements as a user would, in UTC."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def stored(file: Path, table: Table) -> list[int]:
    return [row["n"] for row in duckdb_rows(file, table)]


@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_values_of_every_type_come_back(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = Table("t", (*EVERY_TYPE, Column("more", "STRUCT", columns=data.draw(columns()))))
    file = tmp_path_factory.mktemp("every") / "x.duckdb"
    write = data.draw(writes(table))
    assert DuckDBWarehouse(str(file)).append([write]) == [[]]
    assert typed(duckdb_rows(file, table)) == typed(rows_back(write, no_list=None))


def test_tables_are_made_with_their_types(file: Path, sink: DuckDBWarehouse) -> None:
    table = Table("every", EVERY_TYPE)
    assert sink.append([rows_of(table, [{}])]) == [[]]
    assert dict(query(file, "SELECT column_name, column_type FROM (DESCRIBE every)")) == {
        "s": "VARCHAR",
        "i": "BIGINT",
        "f": "DOUBLE",
        "b": "BOOLEAN",
        "dt": "TIMESTAMP",
        "ts": "TIMESTAMP WITH TIME ZONE",
        "d": "DATE",
        "j": "JSON",
        "y": "BLOB",
        "one": 'STRUCT(x BIGINT, "when" DATE)',
        "many": "STRUCT(x DOUBLE)[]",
        "list": "BIGINT[]",
    }


def test_every_table_of_the_project(file: Path, sink: DuckDBWarehouse) -> None:
    tables = all_tables(schemas.load())
    sent = []
    for table in tables:
        full = {column.name: some_value(column) for column in table.columns}
        sent.append(rows_of(table, [full, {}]))
    assert [sink.append(sent), sink.append(sent)] == [[[] for _ in tables]] * 2
    expected = [row for write in sent for row in rows_back(write, no_list=None) * 2]
    assert typed(duckdb_rows(file, *tables)) == typed(expected)


def test_a_column_that_the_table_lacks(file: Path, sink: DuckDBWarehouse) -> None:
    query(file, "CREATE TABLE good (N BIGINT)")  # names do not mind their case
    assert sink.missing_columns(GOOD) == frozenset({"text"})
    assert sink.missing_columns(OTHER) == frozenset()
    narrow = rows_of(GOOD, [{"n": 1}], NUMBER[:1])
    assert sink.append([narrow, numbers(OTHER, 2)]) == [[], []]
    assert query(file, "FROM good") == [(1,)]

    text = 'Binder Error: Table "good" does not have a column with name "text"'
    assert sink.append([numbers(GOOD, 3, 4), numbers(OTHER, 3)]) == [unavailable(2, text), []]
    assert stored(file, OTHER) == [2, 3]


def test_a_table_that_has_changed_is_looked_at_again(file: Path, sink: DuckDBWarehouse) -> None:
    assert sink.missing_columns(GOOD) == frozenset()
    query(file, "ALTER TABLE good DROP COLUMN text")
    assert [one.reason for one in sink.append([numbers(GOOD, 1)])[0]] == [Reason.TABLE_UNAVAILABLE]
    assert sink.missing_columns(GOOD) == frozenset({"text"})
    assert sink.append([rows_of(GOOD, [{"n": 1}], NUMBER[:1])]) == [[]]
    assert query(file, "FROM good") == [(1,)]


NESTED = Table(
    "nested",
    (
        Column("n", "INT64"),
        Column("one", "STRUCT", columns=(Column("x", "INT64"), Column("y", "INT64"))),
        Column(
            "many",
            "STRUCT",
            True,
            columns=(Column("deep", "STRUCT", columns=(Column("z", "STRING"),)),),
        ),
    ),
)


@pytest.mark.parametrize(
    ("one", "many", "missing"),
    [
        ("STRUCT(x BIGINT, y BIGINT)", "STRUCT(deep STRUCT(z VARCHAR))[]", set()),
        ("STRUCT(Y BIGINT, X BIGINT, w INT)", "STRUCT(deep STRUCT(q INT, z VARCHAR))[]", set()),
        ("STRUCT(x BIGINT)", "STRUCT(deep STRUCT(z VARCHAR))[]", {"one"}),
        ("STRUCT(x BIGINT, y BIGINT)", "STRUCT(deep STRUCT(q VARCHAR))[]", {"many"}),
        ("VARCHAR", "VARCHAR[]", {"one", "many"}),
    ],
)
def test_a_struct_that_lacks_a_field_counts_as_missing(
    file: Path, sink: DuckDBWarehouse, one: str, many: str, missing: set[str]
) -> None:
    """DuckDB would leave the field out without a word."""
    query(file, f"CREATE TABLE nested (n BIGINT, one {one}, many {many})")
    assert sink.missing_columns(NESTED) == missing
    kept = tuple(column for column in NESTED.columns if column.name not in missing)
    row = {column.name: some_value(column) for column in kept}
    assert sink.append([rows_of(NESTED, [row], kept)]) == [[]]
    if not missing:
        found = query(file, "SELECT n, one.x, one.y, [m.deep.z for m in many] FROM nested")
        assert found == [(-7, -7, -7, ["Übertragung ↯"] * 2)]


def test_a_table_without_the_column_that_partitions_it(file: Path, sink: DuckDBWarehouse) -> None:
    table = Table("good", NUMBER, Partition("n"))
    query(file, "CREATE TABLE good (text VARCHAR)")
    assert sink.missing_columns(table) == frozenset()
    text = 'Binder Error: Table "good" does not have a column with name "n"'
    assert sink.append([numbers(table, 1)]) == [unavailable(1, text)]


def test_rows_that_do_not_fit_are_found(file: Path, sink: DuckDBWarehouse) -> None:
    query(file, "CREATE TABLE good (n SMALLINT CHECK (n <> 5), text VARCHAR)")
    sent = [numbers(OTHER, 1), numbers(GOOD, *range(9), 40_000, -5), numbers(THIRD, 2)]
    narrow = (
        "Conversion Error: Type INT64 with value 40000 can't be cast because the value is out of "
        "range for the destination type INT16"
    )
    check = 'Constraint Error: CHECK constraint failed on table "good" with expression'
    other, good, third = sink.append(sent)
    assert (other, third) == ([], [])
    assert [one[:2] for one in good] == [(5, Reason.ROW_REFUSED), (9, Reason.ROW_REFUSED)]
    assert good[0].detail.startswith(check)
    assert good[1].detail.startswith(narrow)
    assert stored(file, GOOD) == [0, 1, 2, 3, 4, 6, 7, 8, -5]
    assert (stored(file, OTHER), stored(file, THIRD)) == ([1], [2])


def test_text_that_is_no_json_is_refused(file: Path, sink: DuckDBWarehouse) -> None:
    table = Table("t", (Column("j", "JSON"),))
    (got,) = sink.append([rows_of(table, [{"j": "{}"}, {"j": "{"}, {"j": None}])])
    assert [one[:2] for one in got] == [(1, Reason.ROW_REFUSED)]
    assert duckdb_rows(file, table) == [{"j": "{}"}, {"j": None}]


def test_a_view_in_the_place_of_a_table(file: Path, sink: DuckDBWarehouse) -> None:
    query(file, "CREATE VIEW good AS SELECT 1 AS n, 'x' AS text")
    assert sink.missing_columns(GOOD) == frozenset()
    sent = [numbers(OTHER, 1), numbers(GOOD, 1, 2), numbers(THIRD, 1)]
    assert sink.append(sent) == [[], unavailable(2, "Catalog Error: good is not an table"), []]
    assert (stored(file, OTHER), stored(file, THIRD)) == ([1], [1])


def test_a_view_of_a_table_that_is_gone(file: Path, sink: DuckDBWarehouse) -> None:
    query(file, "CREATE TABLE old (n INT); CREATE VIEW good AS FROM old; DROP TABLE old")
    assert sink.missing_columns(GOOD) == frozenset()
    (got,) = sink.append([numbers(GOOD, 1)])
    assert [one[:2] for one in got] == [(0, Reason.TABLE_UNAVAILABLE)]


def test_times_are_utc_wherever_the_machine_is(
    file: Path, sink: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a table whose column of TIMESTAMP has lost its zone."""
    table = Table("t", (Column("ts", "TIMESTAMP"),))
    query(file, "CREATE TABLE t (ts TIMESTAMP)")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert sink.append([rows_of(table, [{"ts": 0}])]) == [[]]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert query(file, "FROM t") == [(datetime(1970, 1, 1),)]


def test_an_append_is_one_transaction(
    file: Path, sink: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.append([numbers(GOOD, 1), numbers(OTHER, 1)])
    to_arrow = sink_module.to_arrow

    def disk_full(write: Any) -> Any:
        if write.table is OTHER:
            raise duckdb.IOException("IO Error: No space left on device\n(while writing)")
        return to_arrow(write)

    monkeypatch.setattr(sink_module, "to_arrow", disk_full)
    with pytest.raises(TransientError) as caught:
        sink.append([numbers(GOOD, 2), numbers(OTHER, 2), numbers(THIRD, 2)])
    assert str(caught.value) == f"{file}: IO Error: No space left on device"
    monkeypatch.undo()
    assert (stored(file, GOOD), stored(file, OTHER)) == ([1], [1])
    assert sink.append([numbers(GOOD, 2), numbers(OTHER, 2), numbers(THIRD, 2)]) == [[], [], []]
    assert stored(file, GOOD) == stored(file, OTHER) == [1, 2]


@pytest.mark.parametrize("fault", [duckdb.InternalException, duckdb.OutOfMemoryException])
def test_faults_that_are_not_the_rows_refuse_no_row(
    file: Path, sink: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    def fail(*_: Any) -> Any:
        raise fault("not these rows")

    monkeypatch.setattr(sink_module, "to_arrow", fail)
    with pytest.raises(TransientError, match="not these rows"):
        sink.append([numbers(GOOD, 1)])
    monkeypatch.setattr(sink_module, "_missing", fail)
    with pytest.raises(TransientError, match="not these rows"):
        sink.missing_columns(GOOD)


def test_threads(file: Path, sink: DuckDBWarehouse) -> None:
    def work(thread: int) -> list[list[list[Refusal]]]:
        return [
            sink.append([numbers(GOOD, thread * 10 + turn), numbers(OTHER, thread * 10 + turn)])
            for turn in range(10)
        ]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [[[[], []]] * 10] * 4
    assert sorted(stored(file, GOOD)) == sorted(stored(file, OTHER)) == list(range(40))
