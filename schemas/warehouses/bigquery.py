"""Tables and views in a dataset of BigQuery, through Google's client."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from google.api_core import exceptions as api
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from schemas.changes import Change, CreateTable
from schemas.live import Live, LiveTable, LiveView
from schemas.model import Column, Partition, Table
from schemas.views.model import Definition, Function, View, at_home, bigquery_statement
from schemas.warehouses.base import Warehouse, WarehouseError

#: The API's words for types, where they are not SQL's.
_TYPES: Final = {
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
}
_AT_ONCE: Final = 8

P = ParamSpec("P")
T = TypeVar("T")


def _told(method: Callable[P, T]) -> Callable[P, T]:
    """Google's errors become WarehouseError."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except api.Forbidden as error:
            raise WarehouseError(
                f"{error.message}\nroles/bigquery.dataEditor on the dataset and "
                "roles/bigquery.jobUser on the project are needed"
            ) from error
        except api.GoogleAPICallError as error:
            raise WarehouseError(str(error.message)) from error
        except GoogleAuthError as error:
            raise WarehouseError(
                f"no Google credentials: run gcloud auth application-default login ({error})"
            ) from error

    return call


class BigQuery(Warehouse):
    """A dataset.

    Args:
        dataset: ``PROJECT.DATASET``.
        location: where it is made if it is not there; everything that is joined is in one place.
        client: Google's, by default made with the environment's credentials.
    """

    described = True

    @_told
    def __init__(self, dataset: str, location: str, client: bigquery.Client | None = None) -> None:
        self.name = dataset
        self._location = location
        self._client = client or _client(dataset.rpartition(".")[0])

    @_told
    def look(self) -> Live:
        try:
            items = list(self._client.list_tables(self.name))
            routines = list(self._client.list_routines(self.name))
        except api.NotFound:
            return Live()
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            found = list(threads.map(self._client.get_table, [one.reference for one in items]))
            bodies = list(
                threads.map(self._client.get_routine, [one.reference for one in routines])
            )
        return Live.of(
            (_table(one) for one in found if one.table_type == "TABLE"),
            [
                *(
                    LiveView(one.table_id, _text(one.view_query, one.description))
                    for one in found
                    if one.table_type == "VIEW"
                ),
                *(LiveView(one.routine_id, _text(one.body, one.description)) for one in bodies),
            ],
        )

    @_told
    def prepare(self) -> str | None:
        try:
            self._client.get_dataset(self.name)
        except api.NotFound:
            dataset = bigquery.Dataset(self.name)
            dataset.location = self._location
            dataset.description = "Elexon IRIS: live and historic data of the electricity market."
            self._client.create_dataset(dataset, exists_ok=True)
            return f"created dataset {self.name} in {self._location}"
        return None

    @_told
    def make(self, change: Change) -> None:
        if isinstance(change, CreateTable):
            self._client.create_table(_declared(self.name, change.table), exists_ok=True)
            return
        # One update of the whole schema: DDL cannot add a field to a STRUCT.
        table = self._client.get_table(f"{self.name}.{change.table.name}")
        fields = _merged([field.to_api_repr() for field in table.schema], change.table.columns)
        table.schema = [bigquery.SchemaField.from_api_repr(field) for field in fields]
        table.description = change.table.description
        self._client.update_table(table, ["schema", "description"])

    @_told
    def define(self, definition: Definition) -> None:
        if isinstance(definition, View) and not definition.parameters:
            self._run(self.statement(definition))
            return
        routine = self._routine(definition)
        try:
            self._client.create_routine(routine)
        except api.Conflict:
            self._client.update_routine(
                routine, ["body", "arguments", "return_type", "description", "type_"]
            )

    def _routine(self, definition: Definition) -> bigquery.Routine:
        is_scalar = isinstance(definition, Function)
        routine = bigquery.Routine(
            f"{self.name}.{definition.name}",
            type_="SCALAR_FUNCTION" if is_scalar else "TABLE_VALUED_FUNCTION",
            language="SQL",
            body=at_home(definition.sql, self.name),
            description=definition.description,
            arguments=[
                bigquery.RoutineArgument(name=one.name, data_type=_type(one.type))
                for one in definition.parameters
            ],
        )
        if isinstance(definition, Function):
            routine.return_type = _type(definition.returns)
        return routine

    def text_of(self, definition: Definition) -> str:
        return _text(at_home(definition.sql, self.name), definition.description)

    def statement(self, definition: Definition) -> str:
        return bigquery_statement(definition, self.name)

    @_told
    def count(self, table: str) -> int:
        [row] = self._run(f"SELECT COUNT(*) AS n FROM `{self.name}.{table}`")
        number: int = row["n"]
        return number

    @_told
    def copy(self, table: str, to: str) -> None:
        options = bigquery.CopyJobConfig(write_disposition="WRITE_EMPTY")
        source, copy = f"{self.name}.{table}", f"{self.name}.{to}"
        self._client.copy_table(source, copy, job_config=options).result()

    @_told
    def drop(self, table: str) -> None:
        self._client.delete_table(f"{self.name}.{table}")

    @_told
    def is_written(self, table: str) -> bool:
        # A copy does not hold what is still in the buffer of a stream.
        return self._client.get_table(f"{self.name}.{table}").streaming_buffer is not None

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def _run(self, sql: str) -> Iterable[Any]:
        rows: Iterable[Any] = self._client.query(sql).result()
        return rows


def _type(name: str) -> bigquery.StandardSqlDataType:
    return bigquery.StandardSqlDataType(type_kind=bigquery.StandardSqlTypeNames[name])


def _client(project: str) -> bigquery.Client:
    # Google's client asks an emulator where there is one, but wants credentials all the same.
    if not os.environ.get("BIGQUERY_EMULATOR_HOST"):
        return bigquery.Client(project=project)
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return bigquery.Client(project=project, credentials=anonymous)


def _text(sql: str | None, description: str | None) -> str:
    return f"{(sql or '').strip()}\n-- {description or ''}"


def _table(found: bigquery.Table) -> LiveTable:
    partitioning = found.time_partitioning
    by_day = partitioning is not None and partitioning.type_ == "DAY" and partitioning.field
    return LiveTable(
        found.table_id,
        tuple(map(_column, found.schema)),
        Partition(partitioning.field) if by_day else None,
        tuple(found.clustering_fields or ()),
        laid_out=True,
        rows=found.num_rows,
        bytes=found.num_bytes,
        description=found.description or "",
    )


def _column(field: bigquery.SchemaField) -> Column:
    return Column(
        field.name,
        _TYPES.get(field.field_type, field.field_type),
        field.mode == "REPEATED",
        field.description or "",
        tuple(map(_column, field.fields)),
    )


def _declared(dataset: str, table: Table) -> bigquery.Table:
    fields = [bigquery.SchemaField.from_api_repr(_field(column)) for column in table.columns]
    declared = bigquery.Table(f"{dataset}.{table.name}", schema=fields)
    declared.description = table.description
    if table.partition is not None:
        declared.time_partitioning = bigquery.TimePartitioning(field=table.partition.column)
    declared.clustering_fields = list(table.cluster) or None
    return declared


def _merged(fields: Iterable[dict[str, Any]], declared: Iterable[Column]) -> list[dict[str, Any]]:
    """A table's fields with the declared descriptions, and those that it lacks at the end.

    What else a field has (a type of its own, a policy tag, REQUIRED) stays as it is.
    """
    wanted = {column.name.lower(): column for column in declared}
    found = []
    for field in fields:
        column = wanted.pop(field["name"].lower(), None)
        if column is not None:
            field = {**field, "description": column.description}
            if column.type == "STRUCT" and "fields" in field:
                field["fields"] = _merged(field["fields"], column.columns)
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
