"""What the tests of the sinks share: tables, writes, a live BigQuery sink, random values."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import strategies as st

from pipeline.reject import Reason
from pipeline.sinks.base import Refusal, Write
from pipeline.sinks.bigquery import BigQueryWarehouse, Settings
from pipeline.times import to_date, to_datetime
from schemas.ddl import duckdb_identifier
from schemas.model import Column, Table
from schemas.tables import SYSTEM_TABLES
from tests.servers.bigquery_client import connect
from tests.servers.bigquery_write import BigQueryWriteServer

#: Short waits between attempts, and time enough for them on a busy machine.
QUICK = Settings(
    answer_timeout=20.0, retry_for=20.0, first_wait=0.01, longest_wait=0.05, probe_every=0.1
)
#: Retries that are soon over.
HASTY = replace(QUICK, retry_for=0.2)
#: A table is looked at once and then not again.
STUBBORN = replace(QUICK, probe_every=3600.0)

NUMBER = (Column("n", "INT64"), Column("text", "STRING"))
GOOD, OTHER, THIRD = (Table(name, NUMBER) for name in ("good", "other", "third"))


def path(table: Table) -> str:
    """Where ``table`` is on the server."""
    return f"projects/p/datasets/d/tables/{table.name}"


@contextmanager
def live(
    *tables: Table, settings: Settings = QUICK, system: bool = True, **options: Any
) -> Iterator[tuple[BigQueryWriteServer, BigQueryWarehouse]]:
    """A server with ``tables`` and the system tables, and a sink on the real client."""
    exist = {path(table): table.columns for table in tables}
    if system:
        exist |= {path(table): table.columns for table in SYSTEM_TABLES}
    with BigQueryWriteServer(tables=exist, **options) as server, sink_on(server, settings) as sink:
        yield server, sink


@contextmanager
def sink_on(
    server: BigQueryWriteServer, settings: Settings = QUICK, place: str = "p.d"
) -> Iterator[BigQueryWarehouse]:
    """A sink on ``server``, closed at the end."""
    client, _ = connect(server.address)
    sink = BigQueryWarehouse(place, settings, client)
    try:
        yield sink
    finally:
        sink.close()


def rows_of(
    table: Table, rows: Sequence[Mapping[str, Any]], columns: tuple[Column, ...] | None = None
) -> Write:
    """A write of ``rows``, whose values are canonical."""
    columns = table.columns if columns is None else columns
    values: list[Sequence[Any]] = [[row.get(c.name) for row in rows] for c in columns]
    return Write(table, columns, values, len(rows))


def numbers(table: Table, *values: int) -> Write:
    """A write of rows with these numbers, into a table of ``NUMBER`` columns."""
    return rows_of(table, [{"n": value, "text": str(value)} for value in values])


def stored(server: BigQueryWriteServer, table: Table) -> list[int]:
    """The numbers in a table of ``NUMBER`` columns, in the order of application."""
    rows = server.rows(path(table))
    assert [row["text"] for row in rows] == [str(row["n"]) for row in rows]
    return [row["n"] for row in rows]


def outcomes(server: BigQueryWriteServer, table: Table) -> list[tuple[int, str]]:
    """Rows and outcome of each request that the server has had for ``table``."""
    return [(one.rows, one.outcome) for one in server.requests() if one.table == path(table)]


def duckdb_rows(file: Path, *tables: Table) -> list[dict[str, Any]]:
    """All rows of ``tables`` of a DuckDB file, in the order of insertion."""
    found = []
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in tables:
            result = connection.execute(f"FROM {duckdb_identifier(table.name)}")
            names = [one[0] for one in result.description or ()]
            found += [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return found


def refused(*rows: int, detail: str = "Refused by the test") -> list[Refusal]:
    """These rows, refused by the warehouse."""
    return [Refusal(row, Reason.ROW_REFUSED, detail) for row in rows]


def unavailable(count: int, detail: str) -> list[Refusal]:
    """All of ``count`` rows, refused for their table."""
    return [Refusal(row, Reason.TABLE_UNAVAILABLE, detail) for row in range(count)]


def until(condition: Callable[[], bool]) -> None:
    """Waits for what happens on another thread."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def typed(value: Any) -> Any:
    """``value`` so that equality minds the types: True is not 1, and 1 is not 1.0."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return type(value), value


def comes_back(column: Column, value: Any, no_list: Any) -> Any:
    """What a warehouse gives back for a canonical value; ``no_list`` for an array that is NULL."""
    if column.repeated:
        return no_list if value is None else [_one(column, item, no_list) for item in value]
    return None if value is None else _one(column, value, no_list)


def _one(column: Column, value: Any, no_list: Any) -> Any:
    if column.type == "STRUCT":
        return {c.name: comes_back(c, value[c.name], no_list) for c in column.columns}
    if column.type == "DATETIME":
        return to_datetime(value).replace(tzinfo=None)
    if column.type == "TIMESTAMP":
        return to_datetime(value)
    return to_date(value) if column.type == "DATE" else value


# Random columns and values.

_MOMENTS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)  # the years 1 to 9999
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "STRING": st.text(max_size=300),
    "INT64": st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200),
    "FLOAT64": st.floats(allow_nan=False, allow_infinity=False),
    "BOOL": st.booleans(),
    "DATETIME": _MOMENTS,
    "TIMESTAMP": _MOMENTS,
    "DATE": st.integers(-719_162, 2_932_896),
    "JSON": _JSON.map(lambda value: json.dumps(value, ensure_ascii=False)),
    "BYTES": st.binary(max_size=300),
}
_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


@st.composite
def columns(draw: st.DrawFn, depth: int = 2) -> tuple[Column, ...]:
    """Some columns, nested at most ``depth`` deep; BigQuery's names do not mind their case."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=6, unique_by=str.lower))
    kinds = [*_SCALARS, "STRUCT"] if depth else [*_SCALARS]
    return tuple(
        Column(
            name,
            kind,
            repeated=draw(st.booleans()),
            columns=draw(columns(depth - 1)) if kind == "STRUCT" else (),
        )
        for name in names
        for kind in [draw(st.sampled_from(kinds))]
    )


def values(column: Column) -> st.SearchStrategy[Any]:
    """Canonical values of ``column``, NULL among them."""
    if column.type == "STRUCT":
        one = st.fixed_dictionaries({inner.name: values(inner) for inner in column.columns})
    else:
        one = _SCALARS[column.type]
    return st.none() | (st.lists(one, max_size=3) if column.repeated else one)


def writes(table: Table, most: int = 6) -> st.SearchStrategy[Write]:
    """Writes of random rows into ``table``."""
    row = st.fixed_dictionaries({column.name: values(column) for column in table.columns})
    return st.lists(row, max_size=most).map(lambda rows: rows_of(table, rows))


def rows_back(write: Write, no_list: Any) -> list[dict[str, Any]]:
    """What a warehouse gives back for the rows of ``write``."""
    return [
        {
            column.name: comes_back(column, write.values[at][row], no_list)
            for at, column in enumerate(write.columns)
        }
        for row in range(write.count)
    ]


def some_value(column: Column) -> Any:
    """A canonical value of ``column``, always the same, in the year 2026."""
    if column.type == "STRUCT":
        one: Any = {inner.name: some_value(inner) for inner in column.columns}
    else:
        one = {
            "STRING": "Übertragung ↯",
            "INT64": -7,
            "FLOAT64": -0.1,
            "BOOL": False,
            "DATETIME": 1_767_258_000_123_456,
            "TIMESTAMP": 1_767_258_000_000_000,
            "DATE": 20_454,
            "JSON": '{"a": [1, null]}',
            "BYTES": b"\x00\xff",
        }[column.type]
    return [one, one] if column.repeated else one


def each_once(rows: Iterable[int], expected: Iterable[int]) -> bool:
    """True where ``rows`` are the expected ones and none is there twice."""
    return sorted(rows) == sorted(expected)
