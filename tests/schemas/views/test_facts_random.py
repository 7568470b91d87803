"""Unified and latest rows of every dataset, on random histories."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ddl import bigquery_identifier
from schemas.model import Table
from tests.schemas.views import histories
from tests.schemas.views.histories import VARIANTS, Stored
from tests.schemas.views.house import REGISTRY, House, dataset, facts

SUBJECTS = sorted(REGISTRY)


@lru_cache(maxsize=1)
def house_of(subject: str) -> tuple[House, Table]:
    """Each dataset meets one of the variants of a historic table."""
    variant = VARIANTS[SUBJECTS.index(subject) % len(VARIANTS)]
    table = histories.historic_table(dataset(subject), variant)
    return House(subject, historic={subject: [table]}), table


def deliver(house: House, table: Table, subject: str, stored: list[Stored]) -> None:
    one = dataset(subject)
    house.put(one.table_name, (it.row for it in stored if it.source == "IRIS"))
    old = (it.row for it in stored if it.source == "HISTORIC")
    house.put(table.name, (histories.as_stored(one, table, row) for row in old))


def shown(
    house: House, subject: str, relation: str, google: bool = False
) -> list[tuple[object, ...]]:
    names = [bigquery_identifier(column.name) for column in dataset(subject).columns]
    whole = f"bmrs_{subject.lower()}_{relation}"
    return facts(house, whole, *names, "data_source", google=google)


def expected(subject: str, rows: list[Stored]) -> list[tuple[object, ...]]:
    names = [column.name for column in dataset(subject).columns]
    return sorted((one.shown(names) for one in rows), key=repr)


@pytest.mark.parametrize("subject", SUBJECTS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=3)
def test_each_key_once_and_each_fact_by_its_newest_version(subject: str, seed: int) -> None:
    one = dataset(subject)
    house, table = house_of(subject)
    house.empty()
    stored = histories.history(Random(seed), one)
    unified = histories.unified(one, stored)
    for _ in range(2):  # and the same when everything is delivered again
        deliver(house, table, subject, stored)
        assert shown(house, subject, "unified") == expected(subject, unified)
        latest = histories.latest(one, unified)
        assert shown(house, subject, "latest") == expected(subject, latest)
        if one.partition.is_decided_by(one.entity_key):
            continue
        everything = "latest_between(DATE '2026-01-01', DATE '2026-12-31')"
        assert shown(house, subject, everything) == expected(subject, latest)
        days = date(2026, 3, 28), date(2026, 3, 29)
        some = histories.latest(one, histories.within(one, unified, *days))
        between = "latest_between(DATE '2026-03-28', DATE '2026-03-29')"
        assert shown(house, subject, between) == expected(subject, some)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_googles_engine_finds_the_same(subject: str) -> None:
    house, table = house_of(subject)
    house.empty()
    deliver(house, table, subject, histories.history(Random(subject), dataset(subject)))
    assert shown(house, subject, "unified", google=True)
    assert shown(house, subject, "latest", google=True)
