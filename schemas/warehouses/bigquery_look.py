"""What a dataset of BigQuery holds, by its API."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from google.api_core import exceptions as api
from google.cloud import bigquery

from schemas.live import TABLE, VIEW, Live, LiveRoutine, LiveTable, after_days
from schemas.model import Partition
from schemas.views.model import mark_in
from schemas.warehouses.bigquery_errors import PATIENCE
from schemas.warehouses.bigquery_fields import column_of, days, required

_AT_ONCE: Final = 8
_KINDS: Final = {
    "TABLE": TABLE,
    "VIEW": VIEW,
    "MATERIALIZED_VIEW": "materialized view",
    "EXTERNAL": "external table",
}
_ROUTINE_KINDS: Final = {
    "SCALAR_FUNCTION": "function",
    "TABLE_VALUED_FUNCTION": "table function",
}
#: https://cloud.google.com/bigquery/docs/managing-tables#renaming-table
_STREAMING: Final = (
    "rows are being streamed into it, and BigQuery does not rename it so: stop whoever writes to "
    "it, and try again some 5 hours after the last row, or later"
)
_EXPIRING: Final = (
    "tables of this dataset expire by default, and BigQuery may delete a renamed one at once by "
    "its age: take that away first (ALTER SCHEMA `{}` SET OPTIONS (default_table_expiration_days = "
    "NULL, default_partition_expiration_days = NULL))"
)


def look(client: bigquery.Client, dataset: str, location: str | None) -> Live:
    """Everything in ``PROJECT.DATASET``; raises Google's errors.

    Args:
        location: where the user takes it to be; None for no opinion.
    """
    try:
        place = client.get_dataset(dataset, **PATIENCE)
    except api.NotFound:
        return Live(exists=False)
    items = list(client.list_tables(dataset, **PATIENCE))
    routines = list(client.list_routines(dataset, **PATIENCE))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        table, routine = (
            partial(client.get_table, **PATIENCE),
            partial(client.get_routine, **PATIENCE),
        )
        found = list(threads.map(table, [one.reference for one in items]))
        bodies = list(threads.map(routine, [one.reference for one in routines]))
    expiring = place.default_table_expiration_ms or place.default_partition_expiration_ms
    hindrance = _EXPIRING.format(dataset) if expiring else ""
    notes = []
    if location and place.location and location.upper() != place.location.upper():
        notes.append(
            f"{dataset} is in {place.location}, where it stays: --location {location} says nothing"
        )
    return Live.of(
        (live_table(one, dataset, hindrance) for one in found),
        (
            LiveRoutine(
                one.routine_id,
                _ROUTINE_KINDS.get(one.type_, str(one.type_).lower()),
                mark_in(one.description),
            )
            for one in bodies
        ),
        folds=bool(place.is_case_insensitive),
        notes=tuple(notes),
    )


def live_table(found: bigquery.Table, dataset: str, hindrance: str = "") -> LiveTable:
    """A table, or what else is listed beside them.

    Args:
        dataset: ``PROJECT.DATASET`` in which it is.
        hindrance: why no table of the dataset can be renamed.
    """
    kind = _KINDS.get(found.table_type, str(found.table_type).lower())
    partitioning = found.time_partitioning
    by_day = partitioning is not None and partitioning.type_ == "DAY" and partitioning.field
    mark = mark_in(found.description) if kind == VIEW else None
    return LiveTable(
        found.table_id,
        tuple(map(column_of, found.schema)),
        Partition(partitioning.field) if by_day else None,
        tuple(found.clustering_fields or ()),
        laid_out=kind == TABLE,
        layout="" if by_day else _layout(found),
        bytes=found.num_bytes,
        description=found.description or "",
        kind=kind,
        required=frozenset(required(found.schema)),
        expires=_expires(found),
        hindrance=_STREAMING if found.streaming_buffer is not None else hindrance,
        mark=mark,
        reads=_reads(found.view_query, dataset) if mark else frozenset(),
    )


def _layout(found: bigquery.Table) -> str:
    time, values = found.time_partitioning, found.range_partitioning
    if time is not None:
        return f"{time.type_.lower()} of {time.field or 'ingestion'}"
    return f"ranges of {values.field}" if values is not None else ""


def _expires(found: bigquery.Table) -> str:
    if found.expires is not None:
        return f"it is deleted on {found.expires:%Y-%m-%d}"
    partitioning = found.time_partitioning
    if partitioning is not None and partitioning.expiration_ms is not None:
        return after_days(days(partitioning.expiration_ms))
    return ""


def _reads(sql: str | None, dataset: str) -> frozenset[str]:
    return frozenset(re.findall(rf"`{re.escape(dataset)}\.([^`]+)`", sql or ""))
