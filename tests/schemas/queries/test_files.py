"""What holds for every question: described, translated, pruned, and the same in any time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import sqlglot
from sqlglot import exp

from schemas.historic import Historic
from schemas.live import Live, as_declared
from schemas.tables import all_tables
from schemas.views.catalog import catalog
from schemas.views.dialect import duckdb_statement
from schemas.views.model import HOME, View, bigquery_statement
from schemas.views.queries import Question, queries
from tests.schemas.queries.asking import CALENDAR, CLOCK, Asking, half_hour, snapshot
from tests.schemas.views.house import REGISTRY

EVERY = pytest.mark.parametrize("question", queries(), ids=lambda one: one.name)
SUBJECTS = (
    "BOALF", "BOD", "DISEBSP", "EBOCF", "FREQ", "FUELHH", "FUELINST", "INDDEM", "INDGEN", "INDO",
    "ITSDO", "MID", "PN", "REMIT", "WINDFOR",
)  # fmt: skip
ARGUMENTS = {
    "DATE": "DATE '2026-07-01'",
    "DATETIME": "DATETIME '2026-07-01 12:00:00'",
    "STRING": "'A'",
}
#: What is to be seen in the live table alone: rows that came twice, and, of EBOCF, all records of
#: one key.
READS_LIVE = {"completeness", "balancing_revenue"}
#: An event can have been announced any time before: all of REMIT is read.
READ_WHOLE = {("outages_at", "bmrs_remit_unified")}
_TABLE = re.compile(r"bmrs_(\w+)_(?:iris|unified|latest)")


@pytest.fixture(scope="module")
def asking() -> Asking:
    return Asking(*SUBJECTS, now="2026-07-01 12:00")


def _call(question: View) -> str:
    if not question.parameters:
        return question.name
    return f"{question.name}({', '.join(ARGUMENTS[one.type] for one in question.parameters)})"


def test_the_questions() -> None:
    days = ("first_day DATE", "last_day DATE")
    assert {
        one.name: tuple(f"{each.name} {each.type}" for each in one.parameters) for one in queries()
    } == {
        "acceptances_per_hour": days,
        "acceptances_per_hour_now": (),
        "active_outages": (),
        "active_outages_by_unit": (),
        "balancing_revenue": days,
        "bid_ladder": ("of_unit STRING", "of_day DATE"),
        "completeness": days,
        "demand_against_generation": days,
        "frequency_readings": days,
        "frequency_stress": days,
        "frequency_stress_daily": days,
        "generation_mix": days,
        "generation_mix_now": (),
        "generation_snapshots": days,
        "imbalance_against_wholesale": days,
        "indicated_balance": days,
        "interconnector_flows": days,
        "interconnector_flows_now": (),
        "interconnectors": (),
        "market_index_price": days,
        "mean_frequency": days,
        "outages_at": ("at_moment DATETIME",),
        "outages_by_unit_at": ("at_moment DATETIME",),
        "renewable_share": days,
        "settlement_calendar": days,
        "system_price": days,
        "system_price_spread": days,
        "wind_forecast_error": days,
    }


def test_a_whole_warehouse_can_answer_all_of_them() -> None:
    live = Live.of(map(as_declared, all_tables(REGISTRY)))
    definitions = catalog(REGISTRY, Historic({}), live).definitions
    assert {one.name for one in queries()} <= {one.name for one in definitions}


@EVERY
def test_every_column_is_described(question: Question, asking: Asking) -> None:
    cursor = asking.connection.execute(f"DESCRIBE SELECT * FROM {_call(question)}")
    assert list(question.columns) == [row[0] for row in cursor.fetchall()]
    assert all(text.endswith(".") for text in (*question.columns.values(), question.description))


@EVERY
def test_every_statement_can_be_written_in_both_dialects(question: Question) -> None:
    statement = bigquery_statement(question, "project.dataset")
    assert f"{HOME}." not in statement
    assert question.name in duckdb_statement(question)
    tree = sqlglot.parse_one(question.sql, read="bigquery")
    stars = [star for star in tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    assert stars == []


@EVERY
def test_parameters_are_no_columns(question: Question) -> None:
    """BigQuery takes such a name for the column, DuckDB for the parameter."""
    columns = {column.name.lower() for table in all_tables(REGISTRY) for column in table.columns}
    columns |= {column.lower() for one in queries() for column in one.columns}
    assert {one.name.lower() for one in question.parameters} & columns == set()


@EVERY
def test_the_clock_is_asked_in_a_zone(question: Question) -> None:
    sql = question.sql
    assert "CURRENT_" not in sql.replace(CALENDAR, "").replace(f"DATETIME({CLOCK}, 'UTC')", "")


@EVERY
def test_no_count_can_be_null(question: Question) -> None:
    """COUNTIF of no rows is NULL in some versions of DuckDB."""
    assert "COUNTIF" not in question.sql.upper()


@EVERY
def test_reads_the_partitions_alone_that_it_needs(question: Question) -> None:
    tree = sqlglot.parse_one(question.sql, read="bigquery")
    constants = {one.name for one in question.parameters}
    for table in tree.find_all(exp.Table):
        named = _TABLE.fullmatch(table.name)
        if named is None or (question.name, table.name) in READ_WHOLE:
            continue
        select = table.find_ancestor(exp.Select)
        assert select is not None
        column = REGISTRY[named[1].upper()].partition.column
        bounds = set(_bounds(select.args.get("where"), column, constants))
        assert bounds == ({"from", "to"} if constants else {"from"}), table.name


def _bounds(where: exp.Where | None, column: str, constants: set[str]) -> Iterator[str]:
    """The sides on which a WHERE bounds a column by what is the same for all rows."""
    if where is None:
        return
    conditions = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
    for condition in conditions:
        first, *others = (one for one in condition.args.values() if isinstance(one, exp.Expr))
        varying = {one.name for other in others for one in other.find_all(exp.Column)} - constants
        if not isinstance(first, exp.Column) or first.name != column or varying:
            continue
        if isinstance(condition, exp.GTE | exp.Between | exp.EQ):
            yield "from"
        if isinstance(condition, exp.LT | exp.Between | exp.EQ):
            yield "to"


@EVERY
def test_what_is_asked_of_days_reads_the_history(question: Question) -> None:
    live = [name for name in question.needs if name.endswith("_iris")]
    assert not question.parameters or question.name in READS_LIVE or live == []


@EVERY
def test_what_is_asked_of_now_reads_no_history(question: Question) -> None:
    if not question.parameters and not question.name.startswith("active_outages"):
        assert [name for name in question.needs if name.endswith(("_unified", "_latest"))] == []


def test_answers_do_not_depend_on_the_sessions_zone() -> None:
    there, *others = map(_with_some_rows, ("Asia/Tokyo", "UTC", "America/New_York"))
    for question in queries():
        answer = there.ask(_call(question))
        assert answer, question.name
        for other in others:
            assert other.ask(_call(question), google=False) == answer, question.name


def _with_some_rows(zone: str) -> Asking:
    asking = Asking(*SUBJECTS, now="2026-07-01 12:00", zone=zone)
    start, published = "2026-06-30 23:00", {"publishTime": "2026-06-30 23:30"}
    unit = {"settlementDate": "2026-07-01", "nationalGridBmUnit": "A", "timeFrom": start}
    asking.live("BOALF", unit | {"acceptanceTime": start})
    segment = unit | {"settlementPeriod": 1, "timeTo": "2026-06-30 23:30"}
    asking.live("BOD", segment | {"pairId": 1})
    asking.live("PN", segment | {"levelFrom": 1})
    asking.live("DISEBSP", half_hour(start, createdDateTime=start, systemBuyPrice=1.0))
    asking.live("EBOCF", half_hour(start, createdDateTime=start, totalCashflow=1.0))
    asking.live("FREQ", {"measurementTime": start, "frequency": 50.0})
    asking.live("FUELINST", *snapshot(start, WIND=1, INTFR=1))
    asking.live("INDDEM", half_hour(start, boundary="N", demand=-1, **published))
    asking.live("INDGEN", half_hour(start, boundary="N", generation=1, **published))
    asking.live("INDO", half_hour(start, demand=1, **published))
    asking.live("ITSDO", half_hour(start, demand=1, **published))
    asking.live("MID", half_hour(start, dataProvider="APXMIDP", price=1.0, volume=1.0))
    asking.live("WINDFOR", {"startTime": start, "publishTime": start, "generation": 1})
    event = {"publishTime": start, "eventStartTime": start, "eventStatus": "Active"}
    asking.live("REMIT", event | {"mrid": "A", "createdTime": start})
    return asking
