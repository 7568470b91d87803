"""Tables and views in a DuckDB file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb

from schemas.changes import AddColumns, Change, CreateTable
from schemas.ddl import duckdb_ddl, duckdb_identifier, duckdb_type
from schemas.live import Live, LiveTable, LiveView
from schemas.model import Column
from schemas.views.dialect import duckdb_statement
from schemas.views.model import Definition, Function
from schemas.warehouses.base import Warehouse, WarehouseError

#: What DuckDB says while another process holds the file, and how long that is waited for.
_LOCKED: Final = "Could not set lock on file"
_LOCK_SECONDS: Final = 30.0
_TYPES: Final = {
    "VARCHAR": "STRING",
    "BIGINT": "INT64",
    "INTEGER": "INT64",
    "DOUBLE": "FLOAT64",
    "BOOLEAN": "BOOL",
    "TIMESTAMP": "DATETIME",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "DATE": "DATE",
    "JSON": "JSON",
    "BLOB": "BYTES",
}


class DuckDB(Warehouse):
    """A file, which others write to in between.

    Descriptions are not kept; a view's comment holds what tells whether it is the one declared.

    Args:
        path: of the file, which need not exist.
    """

    described = False

    def __init__(self, path: str) -> None:
        self.name = path
        self._path = Path(path)
        self._held: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        self._held = self._connect()
        try:
            yield
        finally:
            self._held.close()
            self._held = None

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._held or self._connect()
        try:
            yield connection
        except duckdb.Error as error:
            raise WarehouseError(f"{self._path}: {_line(error)}") from error
        finally:
            if self._held is None:
                connection.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Waits for whoever writes at the moment."""
        until = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                return duckdb.connect(str(self._path))
            except duckdb.IOException as error:
                if _LOCKED not in str(error) or time.monotonic() > until:
                    raise WarehouseError(f"{self._path}: {_line(error)}") from error
                time.sleep(0.05)
            except duckdb.Error as error:
                raise WarehouseError(f"{self._path}: {_line(error)}") from error

    def look(self) -> Live:
        if not self._path.exists():
            return Live()
        with self._open() as connection:
            columns: dict[str, list[Column]] = {}
            for table, column, type_ in connection.execute(
                "SELECT c.table_name, c.column_name, c.data_type FROM duckdb_columns() c "
                "JOIN duckdb_tables() t ON t.table_oid = c.table_oid "
                "AND t.database_name = c.database_name AND t.schema_name = c.schema_name "
                "WHERE c.schema_name = 'main' AND NOT c.internal ORDER BY c.column_index"
            ).fetchall():
                columns.setdefault(table, []).append(_column(column, type_))
            views = connection.execute(
                "SELECT view_name, comment FROM duckdb_views() "
                "WHERE schema_name = 'main' AND NOT internal UNION ALL "
                "SELECT function_name, comment FROM duckdb_functions() "
                "WHERE schema_name = 'main' AND NOT internal"
            ).fetchall()
        return Live.of(
            (LiveTable(name, tuple(found)) for name, found in columns.items()),
            (LiveView(name, comment or "") for name, comment in views),
        )

    def prepare(self) -> str | None:
        if self._path.exists():
            return None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(f"{self._path}: {error.strerror}") from error
        with self._open():
            return f"created {self._path}"

    def make(self, change: Change) -> None:
        table = duckdb_identifier(change.table.name)
        with self._open() as connection:
            if isinstance(change, CreateTable):
                connection.execute(duckdb_ddl(change.table))
            elif isinstance(change, AddColumns):
                for path, column in change.columns:
                    place = ".".join([*_steps(change.table.columns, path), ""])
                    connection.execute(
                        f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS "
                        f"{place}{duckdb_identifier(column.name)} {duckdb_type(column)}"
                    )

    def define(self, definition: Definition) -> None:
        kind = "VIEW"
        if isinstance(definition, Function):
            kind = "MACRO"
        elif definition.parameters:
            kind = "MACRO TABLE"
        name = duckdb_identifier(definition.name)
        with self._open() as connection:
            connection.execute(self.statement(definition))
            connection.execute(f"COMMENT ON {kind} {name} IS '{self.text_of(definition)}'")

    def text_of(self, definition: Definition) -> str:
        return hashlib.sha256(self.statement(definition).encode()).hexdigest()

    def statement(self, definition: Definition) -> str:
        return duckdb_statement(definition)

    def count(self, table: str) -> int:
        with self._open() as connection:
            found: Any = connection.execute(
                f"SELECT count(*) FROM {duckdb_identifier(table)}"
            ).fetchone()
            number: int = found[0]
            return number

    def copy(self, table: str, to: str) -> None:
        with self._open() as connection:
            connection.execute(
                f"CREATE TABLE {duckdb_identifier(to)} AS FROM {duckdb_identifier(table)}"
            )

    def drop(self, table: str) -> None:
        with self._open() as connection:
            connection.execute(f"DROP TABLE {duckdb_identifier(table)}")

    def is_written(self, table: str) -> bool:
        return False  # a copy is one transaction

    def close(self) -> None:
        """Nothing is open between two steps."""


def _column(name: str, type_: str) -> Column:
    repeated = type_.endswith("[]")
    type_ = type_.removesuffix("[]")
    if not type_.startswith("STRUCT("):
        return Column(name, _TYPES.get(type_, type_), repeated)
    nested = tuple(_column(one, str(kind)) for one, kind in duckdb.type(type_).children)
    return Column(name, "STRUCT", repeated, columns=nested)


def _steps(columns: Iterable[Column], path: Sequence[str]) -> Iterator[str]:
    """The way to a field of nested STRUCTs, as ALTER TABLE has it."""
    for name in path:
        [step] = [column for column in columns if column.name == name]
        yield duckdb_identifier(name)
        if step.repeated:
            yield "element"
        columns = step.columns


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
