"""Views as values: their statements, and the order in which they can be created."""

from __future__ import annotations

import pytest
import sqlglot

from schemas.historic import Historic
from schemas.live import Live
from schemas.views.catalog import catalog
from schemas.views.model import (
    Definition,
    Function,
    Parameter,
    View,
    at_home,
    bigquery_statement,
    in_order,
    mark_in,
    marked,
)
from tests.schemas.views.house import REGISTRY

DAY = Parameter("day", "DATE")


def definitions() -> list[Definition]:
    return catalog(REGISTRY, Historic({}), Live()).definitions


@pytest.mark.parametrize(
    ("dataset", "home"),
    [
        ("p.d", "`p.d.bmrs_freq_iris`"),
        ("my-project.uk_energy_prod", "`my-project.uk_energy_prod.bmrs_freq_iris`"),
        ("d", "`d.bmrs_freq_iris`"),
    ],
)
def test_the_relations_of_a_statement_get_their_home(dataset: str, home: str) -> None:
    assert at_home("SELECT 1 FROM iris.bmrs_freq_iris", dataset) == f"SELECT 1 FROM {home}"
    assert at_home("SELECT iris_x, x.iris FROM airis.t", dataset) == (
        "SELECT iris_x, x.iris FROM airis.t"
    )


def test_names_that_are_no_plain_words_stand_in_backticks() -> None:
    sql = "SELECT 1 FROM iris.`my-outages` JOIN iris.`it's` JOIN iris.plain"
    assert View("v", sql, "").needs == {"my-outages", "it's", "plain"}
    assert at_home(sql, "p.d") == (
        "SELECT 1 FROM `p.d.my-outages` JOIN `p.d.it's` JOIN `p.d.plain`"
    )


def test_a_mark_tells_what_a_definition_is_made_of() -> None:
    view = View("v", "SELECT a FROM iris.t", "What it is.", {"a": "First."})
    one = marked(view, bigquery_statement(view, "p.d"))
    assert one.description == "What it is. (made by python -m schemas apply: 0601945f)"
    assert mark_in(one.description) == mark_in(f"{one.description}\n") == "0601945f"
    others = [
        View("v", "SELECT a FROM iris.u", "What it is.", {"a": "First."}),
        View("v", "SELECT a FROM iris.t", "What it was.", {"a": "First."}),
        View("v", "SELECT a FROM iris.t", "What it is.", {"a": "Second."}),
    ]
    marks = {mark_in(marked(o, bigquery_statement(o, "p.d")).description) for o in others}
    assert len(marks) == 3
    assert "0601945f" not in marks


@pytest.mark.parametrize(
    "text",
    [None, "", "A view.", "(made by python -m schemas apply: 5f2a81c0) and changed", "5f2a81c0"],
)
def test_what_has_no_mark_at_its_end_is_somebody_elses(text: str | None) -> None:
    assert mark_in(text) is None


def test_what_a_statement_needs() -> None:
    sql = "SELECT iris.settlement_date(a) FROM iris.bmrs_freq_iris JOIN iris.b USING (x), other.c"
    assert View("v", sql, "").needs == {"settlement_date", "bmrs_freq_iris", "b"}
    assert Function("f", (), "DATE", "iris.g(1)", "").needs == {"g"}


def test_the_statement_of_a_view() -> None:
    view = View(
        "v",
        "SELECT `a`, b AS c FROM iris.t",
        "What it's for.",
        {"a": "First, MW.", "c": "It's the second."},
    )
    assert bigquery_statement(view, "p.d") == (
        "CREATE OR REPLACE VIEW `p.d.v` (\n"
        "  `a` OPTIONS(description='First, MW.'),\n"
        "  `c` OPTIONS(description='It\\'s the second.')\n"
        ")\n"
        "OPTIONS(description='What it\\'s for.')\n"
        "AS\n"
        "SELECT `a`, b AS c FROM `p.d.t`;"
    )


@pytest.mark.parametrize(
    "columns",
    [{}, {"a": "One alone."}, {"c": "Other", "a": "order."}, {"a": "", "c": "", "d": "Too many."}],
)
def test_columns_that_are_not_all_described_are_left_out(columns: dict[str, str]) -> None:
    view = View("v", "SELECT a, b AS c FROM iris.t", "Text.", columns)
    assert bigquery_statement(view, "p.d") == (
        "CREATE OR REPLACE VIEW `p.d.v`\nOPTIONS(description='Text.')\nAS\n"
        "SELECT a, b AS c FROM `p.d.t`;"
    )


def test_the_statement_of_a_table_function() -> None:
    view = View("v", "SELECT a FROM iris.t", "Text.", {"a": "A."}, (DAY, Parameter("n", "INT64")))
    assert bigquery_statement(view, "p.d") == (
        "CREATE OR REPLACE TABLE FUNCTION `p.d.v`(day DATE, n INT64)\n"
        "OPTIONS(description='Text.')\nAS\nSELECT a FROM `p.d.t`;"
    )


def test_the_statement_of_a_function() -> None:
    function = Function("f", (DAY,), "DATE", "iris.g(day)", "Text.")
    assert bigquery_statement(function, "p.d") == (
        "CREATE OR REPLACE FUNCTION `p.d.f`(day DATE) RETURNS DATE AS (\n`p.d.g`(day)\n)\n"
        "OPTIONS(description='Text.');"
    )


def test_each_stands_behind_what_it_needs_and_else_where_it_was() -> None:
    def view(name: str, *needs: str) -> View:
        return View(name, " ".join(f"iris.{one}" for one in needs), "")

    a, b, c, d = view("a", "c", "table"), view("b"), view("c", "d", "b"), view("d")
    assert in_order([a, b, c, d]) == [b, d, c, a]
    assert in_order([d, b, c, a]) == [d, b, c, a]
    assert in_order([]) == []


def test_the_whole_catalog_is_in_order() -> None:
    found = definitions()
    names = [one.name for one in found]
    assert len(set(names)) == len(names)
    for place, one in enumerate(found):
        assert one.needs & set(names) <= set(names[:place]), one.name


def test_every_generated_view_describes_all_its_columns() -> None:
    for one in definitions():
        if isinstance(one, View) and one.name.endswith(("_unified", "_latest", "_resolved")):
            assert sqlglot.parse_one(one.sql, read="bigquery").named_selects == list(one.columns)
            assert all(one.columns.values()), one.name


def test_no_view_is_too_long_for_bigquery() -> None:
    """256 K characters: https://cloud.google.com/bigquery/quotas#view_limits"""
    lengths = {
        one.name: len(bigquery_statement(one, "a-rather-long-project.uk_energy_prod"))
        for one in definitions()
    }
    assert {name: length for name, length in lengths.items() if length >= 256 * 1024} == {}
