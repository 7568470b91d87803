"""Partitions of some days: what a table function with days reads."""

from __future__ import annotations

from typing import Final

from schemas.ddl import bigquery_identifier
from schemas.model import Dataset
from schemas.views.casts import start_of
from schemas.views.model import Parameter

#: The parameters of every function that reads some days.
DAYS: Final = (Parameter("first_day", "DATE"), Parameter("last_day", "DATE"))


def within_days(dataset: Dataset) -> str:
    """The condition that a row's partition is of these days, so that no other is read."""
    [type_] = [one.type for one in dataset.columns if one.name == dataset.partition.column]
    column = bigquery_identifier(dataset.partition.column)
    after = start_of("DATE_ADD(last_day, INTERVAL 1 DAY)", type_)
    return f"{column} >= {start_of('first_day', type_)} AND {column} < {after}"
