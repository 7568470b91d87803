"""The settlement day and its half-hours, against the time zones that Python has."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from schemas.views.dialect import duckdb_statement
from schemas.views.model import bigquery_statement
from schemas.views.settlement import FUNCTIONS

LONDON = ZoneInfo("Europe/London")
HALF_HOUR = timedelta(minutes=30)
ZONES = ("UTC", "Europe/London", "Asia/Kathmandu", "America/St_Johns")
#: A year with both clock changes, and a night before it.
FIRST, LAST = date(2025, 12, 31), date(2027, 1, 1)


def midnight(day: date) -> datetime:
    """The start of a settlement day, UTC."""
    local = datetime(day.year, day.month, day.day, tzinfo=LONDON)
    return local.astimezone(UTC).replace(tzinfo=None)


def days() -> list[date]:
    return [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days)]


def half_hours() -> list[tuple[datetime, date, int]]:
    """Each half-hour of the year with its settlement day and period."""
    found = []
    for day in days():
        moment, period = midnight(day), 1
        while moment < midnight(day + timedelta(days=1)):
            found.append((moment, day, period))
            moment, period = moment + HALF_HOUR, period + 1
    return found


@pytest.fixture(params=ZONES)
def connection(request: pytest.FixtureRequest) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{request.param}'")
    for function in FUNCTIONS:
        connection.execute(duckdb_statement(function))
    connection.execute("CREATE TABLE half_hours (moment TIMESTAMP, day DATE, period BIGINT)")
    columns = zip(*half_hours(), strict=True)
    connection.execute("INSERT INTO half_hours SELECT unnest(?), unnest(?), unnest(?)", [*columns])
    return connection


def test_every_half_hour_of_a_year(connection: duckdb.DuckDBPyConnection) -> None:
    wrong = connection.execute(
        "SELECT * FROM half_hours WHERE settlement_date(moment) IS DISTINCT FROM day "
        "OR settlement_period(moment) IS DISTINCT FROM period "
        "OR settlement_start(day, period) IS DISTINCT FROM moment"
    ).fetchall()
    assert wrong == []
    [count] = connection.execute("SELECT count(*) FROM half_hours").fetchall()
    assert count == (366 * 48,)


def test_the_last_moment_of_a_half_hour_belongs_to_it(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    wrong = connection.execute(
        "SELECT * FROM (SELECT *, moment + INTERVAL 1799999999 MICROSECOND AS last FROM half_hours)"
        " WHERE settlement_date(last) IS DISTINCT FROM day "
        "OR settlement_period(last) IS DISTINCT FROM period"
    ).fetchall()
    assert wrong == []


def test_the_number_of_periods(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        "SELECT DISTINCT day, settlement_periods(day) FROM half_hours"
    ).fetchall()
    assert len(rows) == 366
    assert {day: count for day, count in rows if count != 48} == {
        date(2026, 3, 29): 46,
        date(2026, 10, 25): 50,
    }


def test_the_days_of_the_clock_changes(connection: duckdb.DuckDBPyConnection) -> None:
    def of(text: str) -> tuple[object, ...]:
        query = f"SELECT settlement_date({text}), settlement_period({text})"
        [row] = connection.execute(query).fetchall()
        return tuple(row)

    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    assert of("TIMESTAMP '2026-03-29 00:59:59'") == (spring, 2)
    assert of("TIMESTAMP '2026-03-29 01:00:00'") == (spring, 3)
    assert of("TIMESTAMP '2026-03-29 22:30:00'") == (spring, 46)
    assert of("TIMESTAMP '2026-03-29 23:00:00'") == (date(2026, 3, 30), 1)
    assert of("TIMESTAMP '2026-10-24 23:00:00'") == (autumn, 1)
    assert of("TIMESTAMP '2026-10-25 00:00:00'") == (autumn, 3)
    assert of("TIMESTAMP '2026-10-25 01:00:00'") == (autumn, 5)
    assert of("TIMESTAMP '2026-10-25 23:30:00'") == (autumn, 50)
    assert of("CAST(NULL AS TIMESTAMP)") == (None, None)


def test_a_period_that_the_day_does_not_have_goes_on_into_the_next(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    [row] = connection.execute("SELECT settlement_start(DATE '2026-03-29', 47)").fetchall()
    assert row == (datetime(2026, 3, 29, 23),)


def test_bigquery_text() -> None:
    assert [bigquery_statement(one, "p.d") for one in FUNCTIONS[:2]] == [
        "CREATE OR REPLACE FUNCTION `p.d.settlement_date`(moment DATETIME) RETURNS DATE AS (\n"
        "CAST(DATETIME(TIMESTAMP(moment, 'UTC'), 'Europe/London') AS DATE)\n"
        ")\n"
        "OPTIONS(description='The settlement day (UK local date) of a moment in UTC.');",
        "CREATE OR REPLACE FUNCTION `p.d.settlement_period`(moment DATETIME) RETURNS INT64 AS (\n"
        "DIV(TIMESTAMP_DIFF(TIMESTAMP(moment, 'UTC'), "
        "TIMESTAMP(CAST(CAST(DATETIME(TIMESTAMP(moment, 'UTC'), 'Europe/London') AS DATE) "
        "AS DATETIME), 'Europe/London'), MICROSECOND), 1800000000) + 1\n"
        ")\n"
        "OPTIONS(description='The settlement period (half-hour of the settlement day, from 1) of a "
        "moment in UTC.');",
    ]
