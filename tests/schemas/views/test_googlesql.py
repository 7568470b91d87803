"""The statements in BigQuery's dialect, before Google's own analyzer and reference engine.

Neither is BigQuery: what only it knows (quotas, locations, how many bytes a query reads) is not
tested by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from schemas.ddl import bigquery_ddl, bigquery_type
from schemas.historic import Historic
from schemas.live import Live, as_declared
from schemas.model import Column, Table
from schemas.tables import ENVELOPE_COLUMNS, all_tables
from schemas.views.casts import cast
from schemas.views.catalog import catalog
from schemas.views.facts import DATA_SOURCE
from schemas.views.model import HOME, Definition, Function, View
from schemas.views.settlement import FUNCTIONS
from tests.googlesql import engine
from tests.googlesql.analysis import Columns, analyzed
from tests.googlesql.evaluation import answer
from tests.schemas.views.histories import VARIANTS, historic_table
from tests.schemas.views.house import REGISTRY, House, comparable
from tests.schemas.views.test_casts import VALUES
from tests.schemas.views.test_settlement import half_hours

TABLES = all_tables(REGISTRY)


def definitions(tables: Iterable[Table]) -> list[Definition]:
    return catalog(REGISTRY, Historic({}), Live.of(map(as_declared, tables))).definitions


def declared(subject: str) -> Columns:
    columns = (*REGISTRY[subject].columns, DATA_SOURCE, *ENVELOPE_COLUMNS)
    return [(one.name, bigquery_type(one)) for one in columns]


def test_every_table_can_be_created() -> None:
    names = engine.registered(engine.names())
    for table in TABLES:
        engine.analyzed(bigquery_ddl(table, "p.d"), names)


def test_every_view_and_function_can_be_created_and_has_the_declared_types() -> None:
    found = definitions(TABLES)
    columns = analyzed(TABLES, found)
    for subject in REGISTRY:
        name = f"bmrs_{subject.lower()}"
        assert columns[f"{name}_unified"] == declared(subject)
        assert columns[f"{name}_latest"] == declared(subject)
    for one in found:
        if isinstance(one, Function):
            assert columns[one.name] == [("", one.returns)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_with_historic_tables_the_types_are_the_same(variant: dict[str, str]) -> None:
    tables = [*TABLES, *(historic_table(one, variant) for one in REGISTRY.values())]
    found = [one for one in definitions(tables) if one.name.endswith("_unified")]
    assert analyzed(tables, found) == {
        f"bmrs_{subject.lower()}_unified": declared(subject) for subject in REGISTRY
    }


def test_a_statement_that_bigquery_would_refuse() -> None:
    names = engine.registered(engine.names())
    with pytest.raises(engine.Refused, match="No matching signature for function DATE_TRUNC"):
        engine.analyzed("SELECT DATE_TRUNC(1, MONTH)", names)


def test_values_of_historic_tables_become_the_same_as_in_duckdb() -> None:
    for live, value, type_, expected in VALUES:
        table = Table("t", (Column("x", live),))
        query = f"SELECT {cast(Column('x', live), Column('y', type_))} FROM iris.t"
        [[found]] = answer(query, {"t": table}, {"t": [{"x": value}]}, {})
        assert comparable(found) == comparable(expected), (live, value, type_)


def test_settlement_periods_are_the_same_as_in_duckdb() -> None:
    """On the days around both clock changes, and on the first of each month."""
    table = Table(
        "t", (Column("moment", "DATETIME"), Column("day", "DATE"), Column("period", "INT64"))
    )
    changes = date(2026, 3, 29), date(2026, 10, 25)
    rows = [
        {"moment": moment, "day": day, "period": period}
        for moment, day, period in half_hours()
        if day.day == 1 or any(abs(day - one) <= timedelta(days=1) for one in changes)
    ]
    query = """SELECT moment, iris.settlement_date(moment), iris.settlement_period(moment),
        iris.settlement_start(day, period), iris.settlement_periods(day) FROM iris.t"""
    lengths = {changes[0]: 46, changes[1]: 50}
    found = answer(query, {"t": table}, {"t": rows}, {one.name: one for one in FUNCTIONS})
    assert sorted(found) == sorted(
        (one["moment"], one["day"], one["period"], one["moment"], lengths.get(one["day"], 48))
        for one in rows
    )
    assert datetime(2026, 10, 25, 0, 30) in {one[0] for one in found}


def test_an_answer_on_which_the_engines_disagree_is_noticed() -> None:
    """The JSON of a DATETIME has a T between day and time in one of them."""
    query = "SELECT TO_JSON_STRING(measurementTime) AS text FROM iris.bmrs_freq_latest"
    house = House("FREQ")
    house.put("bmrs_freq_iris", [{"measurementTime": datetime(2026, 7, 1, 12), "frequency": 50.0}])
    assert house.rows(query, google=False) == [{"text": '"2026-07-01 12:00:00"'}]
    with pytest.raises(AssertionError, match="TO_JSON_STRING"):
        house.rows(query)


def questions_of_documents() -> list[str]:
    """The SELECTs that a document has its reader ask, of whichever dataset it speaks."""
    root = Path(__file__).parents[3]
    found = []
    for document in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        text = document.read_text()
        found += re.findall(r"bq query --nouse_legacy_sql '(SELECT .*?)'\n", text)
        found += re.findall(r"`(SELECT [^`]*\bFROM\b[^`]*)`", text)
    return list(dict.fromkeys(found))


def test_documents_ask_what_google_understands() -> None:
    asked = questions_of_documents()
    assert len(asked) > 5
    views = [
        View(f"question_{at}", re.sub(r"\bFROM (?:\w+\.)?(\w+)", rf"FROM {HOME}.\1", question), "")
        for at, question in enumerate(asked)
    ]
    columns = analyzed(TABLES, [*definitions(TABLES), *views])
    assert all(columns[view.name] for view in views)
