"""Tables and views in a DuckDB file."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from schemas.changes import AddColumns, Change, CreateTable, Rename
from schemas.ddl import duckdb_ddl, duckdb_identifier, duckdb_type
from schemas.live import Live
from schemas.model import Column
from schemas.views.dialect import duckdb_statement
from schemas.views.model import Definition, Function, marked
from schemas.warehouses.base import Refused, Warehouse, WarehouseError
from schemas.warehouses.duckdb_look import look

#: What DuckDB says while another process holds the file, and how long that is waited for.
_LOCKED: Final = re.compile(r"Could not set lock on file .*?held in (?P<holder>.*?\(PID \d+\))")
_LOCK_SECONDS: Final = 30.0


class DuckDB(Warehouse):
    """A file, which others write to in between.

    Descriptions of tables and columns are not kept, those of views and functions are: they hold
    the mark.

    Args:
        path: of the file, which need not exist.
        read_only: it is only looked at.
    """

    described = False
    expires = False

    def __init__(self, path: str, *, read_only: bool = False) -> None:
        self.name = path
        self.place = f"create file {path}"
        self._path = Path(path)
        self._read_only = read_only
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
        """Waits for whoever has it open at the moment."""
        until = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                return duckdb.connect(str(self._path), read_only=self._read_only)
            except duckdb.Error as error:
                locked = _LOCKED.search(str(error))
                if locked is None:
                    raise WarehouseError(f"{self._path}: {_line(error)}") from error
                if time.monotonic() > until:
                    raise WarehouseError(
                        f"{self._path}: {locked['holder']} has had it open for "
                        f"{_LOCK_SECONDS:.0f} seconds: end that, or try again when it has ended"
                    ) from error
                time.sleep(0.05)

    def look(self) -> Live:
        if not self._path.exists():
            return Live(exists=False)
        with self._open() as connection:
            return look(connection)

    def prepare(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(f"{self._path}: {error.strerror}") from error
        with self._open():
            pass

    def make(self, change: Change) -> None:
        with self._open() as connection:
            for statement in _statements(change):
                connection.execute(statement)

    def make_all(self, changes: Sequence[Change]) -> Iterator[str]:
        with self._open() as connection:
            connection.begin()
            try:
                for change in changes:
                    for statement in _statements(change):
                        connection.execute(statement)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
        yield from map(str, changes)

    def define(self, definition: Definition) -> None:
        kind = "VIEW"
        if isinstance(definition, Function):
            kind = "MACRO"
        elif definition.parameters:
            kind = "MACRO TABLE"
        name = duckdb_identifier(definition.name)
        comment = self.marked(definition).description.replace("'", "''")
        with self._open() as connection:
            connection.begin()
            try:
                connection.execute(duckdb_statement(definition))
                connection.execute(f"COMMENT ON {kind} {name} IS '{comment}'")
            except (duckdb.CatalogException, duckdb.BinderException) as error:
                connection.rollback()
                raise Refused(_line(error)) from error
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def marked(self, definition: Definition) -> Definition:
        return marked(definition, f"{duckdb_statement(definition)}\n{definition.description}")

    def close(self) -> None:
        """Nothing is open between two steps."""


def _statements(change: Change) -> Iterator[str]:
    if isinstance(change, Rename):
        name, to = duckdb_identifier(change.name), duckdb_identifier(change.to)
        yield f"ALTER TABLE {name} RENAME TO {to}"
    elif isinstance(change, CreateTable):
        yield duckdb_ddl(change.table)
    elif isinstance(change, AddColumns):
        table = duckdb_identifier(change.table.name)
        for path, column in change.columns:
            place = ".".join([*_steps(change.table.columns, path), ""])
            yield (
                f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS "
                f"{place}{duckdb_identifier(column.name)} {duckdb_type(column)}"
            )


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
