"""Tables and columns as BigQuery's API writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from google.cloud import bigquery

from schemas.changes import CreateTable
from schemas.model import Column, Table

#: The API's words for types, where they are not SQL's.
_TYPES: Final = {
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
}
_DAY_MILLISECONDS: Final = 24 * 60 * 60 * 1000


def milliseconds(change: CreateTable) -> int | None:
    """After which a partition of the table expires; None for never."""
    return change.expire_days * _DAY_MILLISECONDS if change.expire_days else None


def days(expiration_ms: int) -> float:
    """An expiration of the API in days."""
    return expiration_ms / _DAY_MILLISECONDS


def declared(dataset: str, table: Table, expire_days: int | None) -> bigquery.Table:
    """A table to be created."""
    fields = [bigquery.SchemaField.from_api_repr(_field(column)) for column in table.columns]
    made = bigquery.Table(f"{dataset}.{table.name}", schema=fields)
    made.description = table.description
    if table.partition is not None:
        made.time_partitioning = bigquery.TimePartitioning(
            field=table.partition.column,
            expiration_ms=milliseconds(CreateTable(table, expire_days)),
        )
    made.clustering_fields = list(table.cluster) or None
    return made


def column_of(field: bigquery.SchemaField) -> Column:
    """A column of a live table."""
    return Column(
        field.name,
        _TYPES.get(field.field_type, field.field_type),
        field.mode == "REPEATED",
        field.description or "",
        tuple(map(column_of, field.fields)),
    )


def required(fields: Iterable[bigquery.SchemaField], prefix: str = "") -> Iterator[str]:
    """The paths of the fields that refuse NULL, in lower case."""
    for field in fields:
        path = f"{prefix}{field.name.lower()}"
        if field.mode == "REQUIRED":
            yield path
        yield from required(field.fields, f"{path}.")


def merged(fields: Iterable[dict[str, Any]], columns: Iterable[Column]) -> list[dict[str, Any]]:
    """A table's fields with the declared descriptions, and those that it lacks at the end.

    What else a field has (a type of its own, a policy tag, REQUIRED) stays as it is.
    """
    wanted = {column.name.lower(): column for column in columns}
    found = []
    for field in fields:
        column = wanted.pop(field["name"].lower(), None)
        if column is not None:
            field = {**field, "description": column.description}
            if column.type == "STRUCT" and "fields" in field:
                field["fields"] = merged(field["fields"], column.columns)
        found.append(field)
    return [*found, *map(_field, wanted.values())]


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": "RECORD" if column.type == "STRUCT" else column.type,
        "mode": "REPEATED" if column.repeated else "NULLABLE",
        "description": column.description,
    }
    return {**field, "fields": list(map(_field, column.columns))} if column.columns else field
