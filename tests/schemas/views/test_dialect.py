"""What a statement means in BigQuery it means in DuckDB, or it is refused.

The values are those of GoogleSQL, of which BigQuery's SQL is one.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any

import duckdb
import pytest
import sqlglot.errors

from schemas.views.dialect import DialectError, duckdb_statement, translated
from schemas.views.model import Function, Parameter, View
from tests.googlesql.evaluation import answer

SPRING = "TIMESTAMP '2026-03-28 12:00:00+00'"


@cache
def session(zone: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{zone}'")
    return connection


def value(expression: str, zone: str = "Asia/Kathmandu") -> Any:
    [row] = session(zone).execute(translated(f"SELECT {expression}")).fetchall()
    return row[0]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("EXTRACT(DAYOFWEEK FROM d)", "ISOWEEK"),
        ("EXTRACT(WEEK FROM d)", "ISOWEEK"),
        ("EXTRACT(ISOWEEK FROM d)", "ISOWEEK"),
        ("EXTRACT(MILLISECOND FROM t)", "includes the seconds"),
        ("EXTRACT(HOUR FROM _enqueued_utc)", "AT TIME ZONE"),
        ("EXTRACT(HOUR FROM CURRENT_TIMESTAMP())", "AT TIME ZONE"),
        ("SPLIT(a, ',')[OFFSET(0)]", "UNNEST"),
        ("payload.a[0]", "JSON_VALUE"),
        ("ARRAY(SELECT n FROM UNNEST(a) AS x WITH OFFSET AS n)", "ORDER BY alone"),
        ("TIMESTAMP_TRUNC(t, HOUR)", "truncate DATETIME"),
        ("TIMESTAMP_TRUNC(t, DAY, 'Europe/London')", "truncate DATETIME"),
        ("TIMESTAMP_DIFF(a, b, MINUTE)", "DIV"),
        ("TIMESTAMP_ADD(t, INTERVAL 1 DAY)", "add HOURs"),
        ("TIMESTAMP_SUB(t, INTERVAL 1 DAY)", "subtract HOURs"),
        ("GENERATE_TIMESTAMP_ARRAY(a, b, INTERVAL 1 DAY)", "HOURs"),
        ("DATETIME(t)", "name a zone"),
        ("FORMAT_TIMESTAMP('%H:%M', t)", "AS STRING"),
        ("STRING(t, 'UTC')", "AS STRING"),
        ("TIMESTAMP(t)", "name a zone"),
        ("TIMESTAMP(t, 'Europe/London')", "later hour of two"),
        ("TIMESTAMP(DATETIME '2026-10-25 01:30:00', 'Europe/London')", "later hour of two"),
        ("TIMESTAMP '2026-03-28 12:00:00'", "into the text"),
        ("CAST(_enqueued_utc AS DATE)", "CAST DATETIME(..., zone)"),
        (f"CAST({SPRING} AS STRING)", "CAST DATETIME(..., zone)"),
        ("CAST(TIMESTAMP(t, 'UTC') AS DATETIME)", "CAST DATETIME(..., zone)"),
        ("CAST(a / 2 AS INT64)", "ROUND it first"),
        ("DATE(t)", "CAST a DATETIME"),
        ("DATE(t, 'Europe/London')", "CAST DATETIME(..., zone)"),
        ("CURRENT_DATE()", "name a zone"),
        ("CURRENT_DATETIME('UTC')", "CURRENT_TIMESTAMP()"),
        ("TIMESTAMP_MILLIS(5)", "TIMESTAMP_ADD"),
        ("UNIX_SECONDS(t)", "UNIX_MICROS"),
        ("a / b", "SAFE_DIVIDE"),
        ("a / 0", "SAFE_DIVIDE"),
        ("SAFE.SUBSTR('abc', 1)", "SAFE_CAST"),
        ("FORMAT('%d', 5)", "CONCAT"),
    ],
)
def test_what_duckdb_would_take_otherwise_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(DialectError) as caught:
        translated(f"SELECT {expression} FROM iris.x")
    assert reason in str(caught.value)
    assert f"in: SELECT {expression} FROM iris.x" in str(caught.value)


ALLOWED = pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # Nulls are smaller than anything.
        ("ARRAY(SELECT x FROM UNNEST([2, NULL, 1]) AS x ORDER BY x)", [None, 1, 2]),
        ("ARRAY(SELECT x FROM UNNEST([2, NULL, 1]) AS x ORDER BY x DESC)", [2, 1, None]),
        ("(SELECT FIRST_VALUE(x) OVER (ORDER BY x DESC) FROM UNNEST([1, NULL]) AS x LIMIT 1)", 1),
        ("(SELECT STRING_AGG(x, ',' ORDER BY x) FROM UNNEST(['b', NULL, 'a']) AS x)", "a,b"),
        # LEAST and GREATEST are NULL where one argument is.
        ("LEAST(1, CAST(NULL AS INT64))", None),
        ("GREATEST(1, CAST(NULL AS INT64))", None),
        ("GREATEST(1, 2)", 2),
        ("CONCAT('a', CAST(NULL AS STRING))", None),
        ("7 / 2", 3.5),
        ("DIV(-7, 2)", -3),
        ("MOD(-7, 3)", -1),
        ("SAFE_DIVIDE(1, 0)", None),
        ("ROUND(2.5e0)", 3.0),
        ("ROUND(-2.5e0)", -3.0),
        ("CAST(ROUND(5 / 2) AS INT64)", 3),
        ("(SELECT COUNTIF(x) FROM UNNEST([FALSE]) AS x)", 0),
        ("(SELECT COUNTIF(x) FROM UNNEST([TRUE]) AS x WHERE FALSE)", 0),
        ("(SELECT COUNTIF(x > 1) OVER () FROM UNNEST([1, NULL, 2]) AS x LIMIT 1)", 1),
        ("(SELECT COUNTIF(x) FROM UNNEST([TRUE, NULL, FALSE, TRUE]) AS x)", 2),
        ("(SELECT LOGICAL_OR(x) FROM UNNEST([FALSE, NULL]) AS x)", False),
        # Arithmetic with a DATE is a DATE.
        ("DATE_ADD(DATE '2026-01-31', INTERVAL 1 MONTH)", date(2026, 2, 28)),
        (
            "DATE_SUB(DATE_ADD(DATE '2026-01-31', INTERVAL 1 DAY), INTERVAL 1 DAY)",
            date(2026, 1, 31),
        ),
        ("DATE_TRUNC(DATE '2026-02-04', ISOWEEK)", date(2026, 2, 2)),
        ("DATE_TRUNC(DATE '2026-02-04', WEEK)", date(2026, 2, 1)),
        ("DATE_DIFF(DATE '2026-02-04', DATE '2026-02-01', DAY)", 3),
        ("DATETIME_TRUNC(DATETIME '2026-02-04 05:06:07', HOUR)", datetime(2026, 2, 4, 5)),
        ("DATETIME_DIFF(DATETIME '2026-02-04 05:00:00', DATETIME '2026-02-04 04:59:00', HOUR)", 1),
        ("ARRAY_LENGTH(GENERATE_DATE_ARRAY(DATE '2026-02-01', DATE '2026-02-03'))", 3),
        ("EXTRACT(HOUR FROM DATETIME '2026-02-04 05:06:07')", 5),
        ("EXTRACT(HOUR FROM TIMESTAMP '2026-07-04 05:06:07+00' AT TIME ZONE 'Europe/London')", 6),
        ("CAST(DATETIME '2026-02-04 05:06:07' AS DATE)", date(2026, 2, 4)),
        (f"DATETIME({SPRING}, 'Europe/London')", datetime(2026, 3, 28, 12)),
        (f"DATETIME(TIMESTAMP_ADD({SPRING}, INTERVAL 24 HOUR), 'UTC')", datetime(2026, 3, 29, 12)),
        (
            "DATETIME(TIMESTAMP(CAST(DATE '2026-07-01' AS DATETIME), 'Europe/London'), 'UTC')",
            datetime(2026, 6, 30, 23),
        ),
        (f"UNIX_MICROS({SPRING})", 1_774_699_200_000_000),
        (f"TIMESTAMP_DIFF(TIMESTAMP '2026-03-28 12:00:01+00', {SPRING}, MICROSECOND)", 1_000_000),
        ("REGEXP_EXTRACT('a', r'\\d')", None),
        ("REGEXP_EXTRACT('a12', r'a(\\d)')", "1"),
        ("REGEXP_CONTAINS('abc', r'b')", True),
        ("REGEXP_REPLACE('aa', 'a', 'b')", "bb"),
        ("JSON_VALUE('{\"a\": {\"b\": 1}}', '$.a.b')", "1"),
        ("SAFE.PARSE_JSON('{')", None),
        ("JSON_QUERY_ARRAY(SAFE.PARSE_JSON('{}'))", None),
        ("ARRAY_LENGTH(JSON_QUERY_ARRAY(SAFE.PARSE_JSON('[1, {}]')))", 2),
        (
            "ARRAY(SELECT x FROM UNNEST(['b', 'a']) AS x WITH OFFSET AS n ORDER BY n DESC)",
            ["a", "b"],
        ),
        ("SAFE_CAST('x' AS INT64)", None),
        ("IF(NULL, 1, 2)", 2),
        ("NULL IS NOT DISTINCT FROM 1", False),
        ("ARRAY_TO_STRING(['a', NULL, 'b'], ',')", "a,b"),
        ("'a' < 'B'", False),
    ],
)


@ALLOWED
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Europe/London"])
def test_what_is_allowed_has_bigquerys_value(expression: str, expected: object, zone: str) -> None:
    found = value(expression, zone)
    assert (found, type(found)) == (expected, type(expected))


@ALLOWED
def test_the_values_are_those_of_googles_engine(expression: str, expected: object) -> None:
    [[found]] = answer(f"SELECT {expression}", {}, {}, {})
    assert (found, type(found)) == (expected, type(expected))


def test_relations_and_functions_of_the_dataset_are_those_of_the_file() -> None:
    sql = "SELECT iris.f(a), iris_x, o.iris FROM iris.t JOIN o USING (a)"
    assert " ".join(translated(sql).split()) == (
        "SELECT main.f(a), iris_x, o.iris FROM main.t JOIN o USING (a)"
    )


def test_the_statements_of_duckdb() -> None:
    day = Parameter("day", "DATE")
    view = View("v", "SELECT a FROM iris.t", "Text.", {"a": "A."})
    assert duckdb_statement(view) == (
        'CREATE OR REPLACE VIEW main."v" AS\nSELECT\n  a\nFROM main.t'
    )
    table_function = View("w", "SELECT a FROM iris.t WHERE a = day", "Text.", {}, (day,))
    assert duckdb_statement(table_function) == (
        'CREATE OR REPLACE MACRO main."w"(day DATE) AS TABLE\n'
        "SELECT\n  a\nFROM main.t\nWHERE\n  a = day"
    )
    function = Function("f", (day,), "DATE", "DATE_ADD(day, INTERVAL 1 DAY)", "Text.")
    assert duckdb_statement(function) == (
        "CREATE OR REPLACE MACRO main.\"f\"(day DATE) AS (\nCAST(day + INTERVAL '1' DAY AS DATE)\n)"
    )


@pytest.mark.parametrize(
    ("type_", "accepted", "refused"),
    [
        ("DATE", "DATE '2026-07-01'", "TIMESTAMPTZ '2026-07-01 00:00:00+00'"),
        ("DATE", "CAST(NULL AS DATE)", "TIMESTAMP '2026-07-01 12:00:00'"),
        ("DATETIME", "TIMESTAMP '2026-07-01 12:00:00'", "TIMESTAMPTZ '2026-07-01 12:00:00+00'"),
        ("DATETIME", "DATE '2026-07-01'", "'2026-07-01 12:00:00'"),
        ("INT64", "7", "'7'"),
        ("STRING", "'a'", "DATE '2026-07-01'"),
    ],
)
def test_an_argument_has_its_type_as_in_bigquery(type_: str, accepted: str, refused: str) -> None:
    connection = duckdb.connect()
    for name, rest in (("f", ""), ("g", "SELECT ")):
        parameter = (Parameter("x", type_),)
        made = View(name, f"{rest}x", "Text.", {}, parameter)
        scalar = Function(name, parameter, type_, "x", "Text.")
        connection.execute(duckdb_statement(made if rest else scalar))
    connection.execute(f"SELECT f({accepted}) FROM g({accepted})")
    with pytest.raises(duckdb.BinderException, match=r"f\(\) does not support the supplied"):
        connection.execute(f"SELECT f({refused})")
    with pytest.raises(duckdb.BinderException, match=r"g\(\) does not support the supplied"):
        connection.execute(f"SELECT * FROM g({refused})")


def test_what_is_no_sql_is_an_error() -> None:
    with pytest.raises(sqlglot.errors.ParseError):
        translated("SELECT FROM WHERE")
