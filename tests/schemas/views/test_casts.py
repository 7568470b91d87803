"""Values of every type that a table may have as every type that a schema file may name."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from functools import cache
from itertools import product
from typing import Any

import duckdb
import pytest

from schemas.ddl import duckdb_type
from schemas.model import Column, Table
from schemas.views.casts import cast, converts, unread
from schemas.views.dialect import translated
from tests.googlesql.evaluation import answer

ZONES = ("UTC", "Asia/Kathmandu", "America/New_York")
NOON = datetime(2026, 7, 1, 12, 0, 5)
MIDNIGHT = datetime(2026, 7, 1)
SCALARS = ("STRING", "INT64", "FLOAT64", "BOOL", "DATE", "DATETIME", "TIMESTAMP")

#: Type of the table, value there, declared type, value in the view.
VALUES: list[tuple[str, object, str, object]] = [
    ("DATE", date(2026, 7, 1), "DATE", date(2026, 7, 1)),
    ("DATE", date(2026, 7, 1), "DATETIME", MIDNIGHT),
    ("DATE", date(2026, 7, 1), "TIMESTAMP", MIDNIGHT.replace(tzinfo=UTC)),
    ("DATE", date(2026, 7, 1), "STRING", "2026-07-01"),
    ("DATETIME", MIDNIGHT, "DATE", date(2026, 7, 1)),
    ("DATETIME", datetime(2026, 7, 1, 23, 59), "DATE", date(2026, 7, 1)),
    ("DATETIME", NOON, "DATETIME", NOON),
    ("DATETIME", NOON, "TIMESTAMP", NOON.replace(tzinfo=UTC)),
    ("DATETIME", NOON, "STRING", "2026-07-01 12:00:05"),
    ("TIMESTAMP", MIDNIGHT.replace(tzinfo=UTC), "DATE", date(2026, 7, 1)),
    ("TIMESTAMP", datetime(2026, 7, 1, 23, 59, tzinfo=UTC), "DATE", date(2026, 7, 1)),
    ("TIMESTAMP", NOON.replace(tzinfo=UTC), "DATETIME", NOON),
    ("TIMESTAMP", NOON.replace(tzinfo=UTC), "TIMESTAMP", NOON.replace(tzinfo=UTC)),
    ("TIMESTAMP", NOON.replace(tzinfo=UTC), "STRING", "2026-07-01 12:00:05"),
    # A day as text is the day that it shows.
    ("STRING", "2026-07-01", "DATE", date(2026, 7, 1)),
    ("STRING", "2026-07-01T00:00:00Z", "DATE", date(2026, 7, 1)),
    ("STRING", "2026-07-01 00:00:00+01:00", "DATE", date(2026, 7, 1)),
    ("STRING", "2026-07-01", "DATETIME", MIDNIGHT),
    ("STRING", "2026-07-01 12:00:05", "DATETIME", NOON),
    ("STRING", "2026-07-01T12:00:05", "DATETIME", NOON),
    ("STRING", "2026-07-01T12:00:05Z", "DATETIME", NOON),
    ("STRING", "2026-07-01T12:00:05.000Z", "DATETIME", NOON),
    ("STRING", "2026-07-01 12:00:05 UTC", "DATETIME", NOON),
    ("STRING", "2026-07-01 13:00:05+01:00", "DATETIME", NOON),
    ("STRING", "2026-07-01 13:00:05+0100", "DATETIME", NOON),
    ("STRING", "2026-07-01 07:00:05-05", "DATETIME", NOON),
    ("STRING", "2026-07-01 12:00:05.25", "DATETIME", NOON.replace(microsecond=250_000)),
    ("STRING", "2026-07-01T12:00:05", "TIMESTAMP", NOON.replace(tzinfo=UTC)),
    ("STRING", "2026-07-01T13:00:05+01:00", "TIMESTAMP", NOON.replace(tzinfo=UTC)),
    ("STRING", "2026-07-01", "TIMESTAMP", MIDNIGHT.replace(tzinfo=UTC)),
    *(
        ("STRING", text, declared, None)
        for text in ("", "no time", "01/07/2026", "12:00:05", "2026-13-01", "2026-07-01T12:00:99")
        for declared in ("DATE", "DATETIME", "TIMESTAMP")
        if (text, declared) != ("2026-07-01T12:00:99", "DATE")
    ),
    # BigQuery has no time without seconds, and no more than six digits behind them.
    ("STRING", "2026-07-01T12:00Z", "DATETIME", None),
    ("STRING", "2026-07-01T12:00", "DATETIME", None),
    ("STRING", "2026-07-01T12:00:05.1234567", "DATETIME", None),
    ("STRING", "7", "INT64", 7),
    ("STRING", " -7 ", "INT64", -7),
    ("STRING", "7.0", "INT64", 7),
    ("STRING", "9007199254740993", "INT64", 9007199254740993),
    *(("STRING", text, "INT64", None) for text in ("7.5", "", "1_000", "0x1F", "1e3", "nan", "no")),
    ("STRING", "7.5", "FLOAT64", 7.5),
    ("STRING", " -1e3 ", "FLOAT64", -1000.0),
    *(("STRING", text, "FLOAT64", None) for text in ("", "1_000", "nan", "inf", "1.2.3", "no")),
    ("STRING", "True", "BOOL", True),
    ("STRING", "false", "BOOL", False),
    *(("STRING", text, "BOOL", None) for text in ("t", "1", "yes", "")),
    ("FLOAT64", 7.0, "INT64", 7),
    ("FLOAT64", -7.0, "INT64", -7),
    *(("FLOAT64", value, "INT64", None) for value in (7.5, -0.5, 1e300, math.inf, math.nan)),
    ("FLOAT64", 1.0, "BOOL", True),
    ("FLOAT64", 0.0, "BOOL", False),
    ("FLOAT64", 0.5, "BOOL", None),
    ("FLOAT64", 7.0, "STRING", "7"),
    ("FLOAT64", 7.5, "STRING", "7.5"),
    ("INT64", 7, "FLOAT64", 7.0),
    ("INT64", 7, "STRING", "7"),
    ("INT64", 1, "BOOL", True),
    ("INT64", 0, "BOOL", False),
    ("INT64", 7, "BOOL", None),
    ("BOOL", True, "INT64", 1),
    ("BOOL", False, "STRING", "false"),
    # A settlement period that a loader took for a time since 1970.
    ("DATETIME", datetime(1970, 1, 1, 0, 0, 48), "INT64", 48),
    ("TIMESTAMP", datetime(1970, 1, 1, 0, 0, 48, tzinfo=UTC), "INT64", 48),
    ("TIMESTAMP", datetime(1970, 1, 1, 0, 0, 0, 48_000, tzinfo=UTC), "INT64", 48),
    ("TIMESTAMP", datetime(1970, 1, 1, 0, 0, 0, 48, tzinfo=UTC), "INT64", 48),
    ("TIMESTAMP", datetime(1970, 1, 1, tzinfo=UTC), "INT64", 0),
    ("TIMESTAMP", NOON.replace(tzinfo=UTC), "INT64", None),
    ("TIMESTAMP", datetime(1969, 12, 31, 23, tzinfo=UTC), "INT64", None),
    ("STRING", '{"a": [1, null]}', "JSON", '{"a": [1, null]}'),
    ("STRING", "{'a': 1}", "JSON", None),
    # What BigQuery has no conversion for, SAFE_CAST or not.
    ("BOOL", True, "FLOAT64", None),
    ("DATE", date(1970, 1, 2), "INT64", None),
    ("DATETIME", NOON, "FLOAT64", None),
    ("DATETIME", NOON, "BOOL", None),
    ("INT64", 0, "DATE", None),
    ("FLOAT64", 0.0, "TIMESTAMP", None),
    ("BOOL", True, "DATETIME", None),
    ("INT64", 7, "JSON", None),
]
PROFILE = Column(
    "outageProfile",
    "STRUCT",
    True,
    columns=(Column("startTime", "DATETIME"), Column("capacity", "FLOAT64")),
)


@cache
def session(zone: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{zone}'")
    return connection


def converted(live: Column, declared: Column, value: object, zone: str = ZONES[1]) -> Any:
    connection = session(zone)
    connection.execute(f"CREATE OR REPLACE TABLE t (x {duckdb_type(live)})")
    connection.execute("INSERT INTO t VALUES (?)", [value])
    [row] = connection.execute(translated(f"SELECT {cast(live, declared)} FROM t")).fetchall()
    return row[0]


@pytest.mark.parametrize("zone", ZONES)
def test_golden_values(zone: str) -> None:
    found = [
        (live, value, declared, converted(Column("x", live), Column("y", declared), value, zone))
        for live, value, declared, _ in VALUES
    ]
    assert [(*one[:3], type(one[3])) for one in found] == [
        (*one[:3], type(one[3])) for one in VALUES
    ]
    assert [one[3] for one in found] == [one[3] for one in VALUES]


@pytest.mark.parametrize(("live", "declared"), [*product(SCALARS, SCALARS), ("STRING", "JSON")])
def test_null_stays_null(live: str, declared: str) -> None:
    assert converted(Column("x", live), Column("y", declared), None) is None


def test_a_column_that_is_not_there_is_null() -> None:
    assert cast(None, Column("x", "INT64")) == "CAST(NULL AS INT64)"
    assert (
        cast(None, PROFILE)
        == "CAST(NULL AS ARRAY<STRUCT<`startTime` DATETIME, `capacity` FLOAT64>>)"
    )


@pytest.mark.parametrize("live", ["NUMERIC", "BIGNUMERIC", "DECIMAL(18,3)"])
def test_other_numbers_convert_as_numbers_do(live: str) -> None:
    value = Column("x", live)
    assert cast(value, Column("y", "FLOAT64")) == "CAST(`x` AS FLOAT64)"
    assert (
        cast(value, Column("y", "INT64")) == "IF(`x` = TRUNC(`x`), SAFE_CAST(`x` AS INT64), NULL)"
    )
    assert cast(value, Column("y", "DATE")) == "CAST(NULL AS DATE)"


@pytest.mark.parametrize(
    ("live", "value", "declared", "expected"),
    [
        ("TIMESTAMP_NS", NOON, "DATETIME", NOON),
        ("TIMESTAMP_MS", NOON, "DATETIME", NOON),
        ("TIMESTAMP_S", NOON, "TIMESTAMP", NOON.replace(tzinfo=UTC)),
        ("TIMESTAMP_NS", NOON, "DATE", date(2026, 7, 1)),
        ("FLOAT", 7.5, "FLOAT64", 7.5),
        ("FLOAT", 7.0, "INT64", 7),
        ("FLOAT", 7.5, "INT64", None),
        ("SMALLINT", 7, "INT64", 7),
        ("UBIGINT", 2**64 - 1, "INT64", None),
        ("HUGEINT", -7, "INT64", -7),
        ("UINTEGER", 7, "FLOAT64", 7.0),
        ("TINYINT", 1, "BOOL", True),
        ("INTEGER", 7, "STRING", "7"),
    ],
)
def test_further_types_of_duckdb(live: str, value: object, declared: str, expected: object) -> None:
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE t (x {live})")
    connection.execute("INSERT INTO t VALUES (?)", [value])
    expression = cast(Column("x", live), Column("y", declared))
    [[found]] = connection.execute(translated(f"SELECT {expression} FROM t")).fetchall()
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("live", "declared", "expected"),
    [
        ("STRING", "DATE", True),
        ("HUGEINT", "INT64", True),
        ("INT64", "INT64", True),
        ("BOOL", "FLOAT64", False),
        ("TIME", "DATETIME", False),
        ("GEOGRAPHY", "STRING", False),
    ],
)
def test_whether_there_is_a_conversion(live: str, declared: str, expected: bool) -> None:
    assert converts(Column("x", live), Column("y", declared)) == expected


@pytest.mark.parametrize(
    ("live", "value", "declared", "expected"),
    [
        ("STRING", "01/11/2024", "DATE", "01/11/2024"),
        ("STRING", "2024-11-01", "DATE", None),
        ("STRING", None, "DATE", None),
        ("FLOAT64", 7.5, "INT64", "7.5"),
        ("FLOAT64", 7.0, "INT64", None),
    ],
)
def test_what_a_conversion_could_not_read(
    live: str, value: object, declared: str, expected: str | None
) -> None:
    expression = unread(Column("x", live), Column("y", declared))
    table = Table("t", (Column("x", live),))
    [[found]] = answer(f"SELECT {expression} FROM iris.t", {"t": table}, {"t": [{"x": value}]}, {})
    assert found == expected
    connection = duckdb.connect()
    connection.execute(
        f"CREATE TABLE t AS SELECT CAST(? AS {duckdb_type(Column('x', live))}) x", [value]
    )
    assert connection.execute(translated(f"SELECT {expression} FROM t")).fetchall() == [(expected,)]


@pytest.mark.parametrize(
    ("live", "declared"), [("STRING", "STRING"), ("DATETIME", "DATE"), ("INT64", "BOOL")]
)
def test_what_reads_every_value(live: str, declared: str) -> None:
    assert unread(Column("x", live), Column("y", declared)) is None


@pytest.mark.parametrize("live", ["TIME", "GEOGRAPHY", "INTERVAL", "BYTES", "JSON"])
@pytest.mark.parametrize("declared", SCALARS)
def test_what_no_schema_file_can_name_is_not_converted(live: str, declared: str) -> None:
    assert cast(Column("x", live), Column("y", declared)) == f"CAST(NULL AS {declared})"


def test_lists_and_structs_are_taken_as_they_are_or_not_at_all() -> None:
    names = Column("x", "STRING", True)
    assert cast(names, Column("x", "STRING", True)) == "`x`"
    assert cast(names, Column("x", "STRING")) == "CAST(NULL AS STRING)"
    assert cast(Column("x", "STRING"), names) == "CAST(NULL AS ARRAY<STRING>)"
    assert cast(PROFILE, PROFILE) == "`outageProfile`"
    assert cast(PROFILE, Column("x", "STRING")) == "CAST(NULL AS STRING)"
    other = Column("outageProfile", "STRUCT", True, columns=PROFILE.columns[:1])
    assert cast(other, PROFILE) == cast(None, PROFILE)
    single = Column("outageProfile", "STRUCT", columns=PROFILE.columns)
    assert cast(Column("outageProfile", "STRING"), single) == cast(None, single)


@pytest.mark.parametrize("zone", ZONES)
def test_the_json_of_a_list_becomes_records(zone: str) -> None:
    text = Column("x", "STRING")
    profile = """[
        {"startTime": "2026-07-01T12:00:05.000Z", "capacity": 5, "other": true},
        {"capacity": "1.5", "startTime": "2026-07-01T00:00:00"},
        {"capacity": null}
    ]"""
    assert converted(text, PROFILE, profile, zone) == [
        {"startTime": NOON, "capacity": 5.0},
        {"startTime": MIDNIGHT, "capacity": 1.5},
        {"startTime": None, "capacity": None},
    ]
    assert converted(text, PROFILE, None, zone) is None
    for nothing in ("", "[]", "{}", "7", "[{'capacity': 1}]"):
        assert converted(text, PROFILE, nothing, zone) == []


def test_bigquery_text() -> None:
    def of(live: str, declared: str) -> str:
        return cast(Column("x", live), Column("y", declared))

    assert of("DATE", "DATE") == "`x`"
    assert of("DATETIME", "DATE") == "CAST(`x` AS DATE)"
    assert of("TIMESTAMP", "DATE") == "CAST(DATETIME(`x`, 'UTC') AS DATE)"
    assert of("STRING", "DATE") == r"SAFE_CAST(REGEXP_EXTRACT(`x`, r'^\d{4}-\d\d-\d\d') AS DATE)"
    assert of("TIMESTAMP", "DATETIME") == "DATETIME(`x`, 'UTC')"
    assert of("DATETIME", "TIMESTAMP") == "TIMESTAMP(`x`, 'UTC')"
    time = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?"
    assert of("STRING", "TIMESTAMP") == (
        f"SAFE_CAST(CASE WHEN REGEXP_CONTAINS(`x`, r'{time}(?:Z| ?UTC|[+-]\\d\\d(?::?\\d\\d)?)$') "
        f"THEN `x` WHEN REGEXP_CONTAINS(`x`, r'{time}$') THEN CONCAT(`x`, '+00') "
        r"WHEN REGEXP_CONTAINS(`x`, r'^\d{4}-\d\d-\d\d$') THEN CONCAT(`x`, ' 00:00:00+00') END "
        "AS TIMESTAMP)"
    )
    assert of("FLOAT64", "INT64") == "IF(`x` = TRUNC(`x`), SAFE_CAST(`x` AS INT64), NULL)"
    assert of("STRING", "INT64") == (
        r"SAFE_CAST(REGEXP_EXTRACT(`x`, r'^\s*([+-]?\d+)(?:\.0*)?\s*$') AS INT64)"
    )
    assert of("STRING", "JSON") == "SAFE.PARSE_JSON(`x`)"
