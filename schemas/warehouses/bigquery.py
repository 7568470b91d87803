"""Tables and views in a dataset of BigQuery, through Google's client."""

from __future__ import annotations

import os
from typing import Final

from google.api_core import exceptions as api
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from schemas.changes import Change, CreateTable, Rename
from schemas.ddl import bigquery_identifier
from schemas.live import Live
from schemas.views.model import Definition, Function, View, at_home, bigquery_statement, marked
from schemas.warehouses.base import Refused, Warehouse
from schemas.warehouses.bigquery_errors import PATIENCE, told
from schemas.warehouses.bigquery_fields import declared, merged, milliseconds
from schemas.warehouses.bigquery_look import look

_LOCATION: Final = "US"


class BigQuery(Warehouse):
    """A dataset.

    Args:
        dataset: ``PROJECT.DATASET``.
        location: where it is made if it is not there, by default US; everything that is joined is
            in one place.
        client: Google's, by default made with the environment's credentials.
    """

    described = True
    expires = True

    @told
    def __init__(
        self, dataset: str, location: str | None = None, client: bigquery.Client | None = None
    ) -> None:
        self.name = dataset
        self.place = f"create dataset {dataset} in {location or _LOCATION}"
        self._location = location
        self._client = client or _client(dataset.rpartition(".")[0])

    @told
    def look(self) -> Live:
        return look(self._client, self.name, self._location)

    @told
    def prepare(self) -> None:
        dataset = bigquery.Dataset(self.name)
        dataset.location = self._location or _LOCATION
        dataset.description = "Elexon IRIS: live and historic data of the electricity market."
        self._client.create_dataset(dataset, exists_ok=True, **PATIENCE)

    @told
    def make(self, change: Change) -> None:
        if isinstance(change, Rename):
            name = bigquery_identifier(f"{self.name}.{change.name}")
            self._run(f"ALTER TABLE {name} RENAME TO {bigquery_identifier(change.to)}")
        elif isinstance(change, CreateTable):
            self._create(change)
        else:  # one update of the whole schema: DDL cannot add a field to a STRUCT
            table = self._client.get_table(f"{self.name}.{change.table.name}", **PATIENCE)
            fields = merged([field.to_api_repr() for field in table.schema], change.table.columns)
            table.schema = [bigquery.SchemaField.from_api_repr(field) for field in fields]
            table.description = change.table.description
            self._client.update_table(table, ["schema", "description"], **PATIENCE)

    def _create(self, change: CreateTable) -> None:
        wanted = declared(self.name, change.table, change.expire_days)
        try:
            self._client.create_table(wanted, **PATIENCE)
        except api.Conflict:  # another run was faster, or somebody's view has the name
            if self._client.get_table(wanted.reference, **PATIENCE).table_type != "TABLE":
                raise
        # Rows expire on request alone, whatever the dataset's defaults are.
        made = self._client.get_table(wanted.reference, **PATIENCE)
        changed = []
        if made.expires is not None:
            made.expires = None
            changed.append("expires")
        partitioning = made.time_partitioning
        if partitioning is not None and partitioning.expiration_ms != milliseconds(change):
            partitioning.expiration_ms = milliseconds(change)
            made.time_partitioning = partitioning
            changed.append("time_partitioning")
        if changed:
            self._client.update_table(made, changed, **PATIENCE)

    @told
    def define(self, definition: Definition) -> None:
        try:
            if isinstance(definition, View) and not definition.parameters:
                self._define_view(self.marked(definition))
            else:
                self._define_routine(definition)
        except (api.BadRequest, api.NotFound) as error:
            raise Refused(str(error.message)) from error

    def _define_routine(self, definition: Definition) -> None:
        routine = self._routine(self.marked(definition))
        try:
            self._client.create_routine(routine, **PATIENCE)
        except api.Conflict:
            self._client.update_routine(
                routine, ["body", "arguments", "return_type", "description", "type_"], **PATIENCE
            )

    def _define_view(self, view: Definition) -> None:
        self._run(bigquery_statement(view, self.name))
        # A dataset's default expiration goes for views, too; and without its mark the next run
        # would take it for somebody else's.
        made = self._client.get_table(f"{self.name}.{view.name}", **PATIENCE)
        if made.expires is not None or made.description != view.description:
            made.expires = None
            made.description = view.description
            self._client.update_table(made, ["expires", "description"], **PATIENCE)

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

    def marked(self, definition: Definition) -> Definition:
        return marked(definition, bigquery_statement(definition, self.name))

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def _run(self, sql: str) -> None:
        self._client.query(sql, **PATIENCE).result(retry=PATIENCE["retry"])


def _type(name: str) -> bigquery.StandardSqlDataType:
    return bigquery.StandardSqlDataType(type_kind=bigquery.StandardSqlTypeNames[name])


def _client(project: str) -> bigquery.Client:
    # Google's client asks an emulator where there is one, but wants credentials all the same.
    if not os.environ.get("BIGQUERY_EMULATOR_HOST"):
        return bigquery.Client(project=project)
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return bigquery.Client(project=project, credentials=anonymous)
