"""That a filter by date reads its partitions alone, as far as the text of a view can show it."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

from schemas.live import as_declared
from schemas.model import Dataset
from schemas.views.facts import HISTORIC, LIVE, Source, latest, latest_between, unified
from schemas.views.model import View, bigquery_statement
from tests.schemas.views.histories import VARIANTS, historic_table
from tests.schemas.views.house import REGISTRY, live_table

#: What BigQuery takes for the text of a view, in characters:
#: https://cloud.google.com/bigquery/quotas#view_limits
LONGEST = 256 * 1024


def of(dataset: Dataset, variant: int = 0) -> list[View]:
    old = as_declared(historic_table(dataset, VARIANTS[variant]))
    sources = [Source(live_table(dataset.subject), LIVE), Source(old, HISTORIC)]
    return [unified(dataset, sources), latest(dataset)]


def windows(view: View) -> list[set[str]]:
    """The columns by which each window of a statement is cut, but for what could not be read."""
    tree = sqlglot.parse_one(view.sql, read="bigquery")
    return [
        {column.name for column in window.args["partition_by"]} - {"_unread"}
        for window in tree.find_all(exp.Window)
    ]


def test_every_window_is_cut_by_the_partition_where_the_key_decides_it() -> None:
    for dataset in REGISTRY.values():
        partition = dataset.partition
        keys = (dataset.natural_key, dataset.entity_key)
        for view, key in zip(of(dataset), keys, strict=True):
            decided = {partition.column} if partition.is_decided_by(key) else set()
            assert windows(view) == [{*key, *decided}], view.name


def test_a_source_that_lacks_a_key_column_leaves_the_partition_in_the_window() -> None:
    for dataset in REGISTRY.values():
        column = next((one for one in dataset.natural_key if one != dataset.partition.column), "")
        if not column or len(dataset.natural_key) == 1:
            continue
        table = historic_table(dataset, VARIANTS[0])
        there = tuple(one for one in table.columns if one.name != column)
        old = as_declared(type(table)(table.name, there))
        view = unified(dataset, [Source(live_table(dataset.subject), LIVE), Source(old, HISTORIC)])
        shared = set(dataset.natural_key) - {column}
        by_day = dataset.partition.column
        whole = {by_day} if dataset.partition.is_decided_by(dataset.natural_key) else set()
        rest = {by_day} if dataset.partition.is_decided_by(shared) else set()
        assert windows(view) == [{*dataset.natural_key, *whole}, {*shared, *rest}], view.name


def test_where_it_is_not_decided_there_is_a_function_with_days() -> None:
    for dataset in REGISTRY.values():
        function = latest_between(dataset)
        decided = dataset.partition.is_decided_by(dataset.entity_key)
        assert (function is None) == decided, dataset.subject
        if function is None:
            continue
        assert [(one.name, one.type) for one in function.parameters] == [
            ("first_day", "DATE"),
            ("last_day", "DATE"),
        ]
        column = re.escape(dataset.partition.column)
        where = rf"\nWHERE `{column}` >= .*first_day.* AND `{column}` < .*last_day.*\nQUALIFY "
        assert re.search(where, function.sql), function.name


def test_every_key_of_a_version_decides_its_partition() -> None:
    """Else a filter by date would show versions that a window without the filter hides."""
    undecided = [
        one.subject for one in REGISTRY.values() if not one.partition.is_decided_by(one.natural_key)
    ]
    assert undecided == []


def test_no_statement_is_too_long_for_bigquery() -> None:
    for dataset in REGISTRY.values():
        function = latest_between(dataset)
        views = [view for variant in range(len(VARIANTS)) for view in of(dataset, variant)]
        for view in [*views, *([function] if function else [])]:
            assert len(bigquery_statement(view, "a-rather-long-project.uk_energy_prod")) < LONGEST
