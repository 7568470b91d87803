"""The embedded warehouse: one DuckDB file.

While one process holds the file open for writing no other can read it, so the file is opened for
each batch and closed again; readers and writers retry. All rows of a batch, for all its tables,
go into one transaction.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from pipeline.reject import Reason
from pipeline.sinks.arrow import to_arrow
from pipeline.sinks.base import (
    Refusal,
    TransientError,
    Warehouse,
    WarehouseError,
    Write,
    isolate,
    refuse_all,
)
from schemas.ddl import duckdb_ddl
from schemas.model import Table

_LOCK_TIMEOUT_SECONDS: Final = 60.0
#: Faults of a table as a whole: a column or type that does not fit.
_TABLE_FAULTS: Final = (duckdb.CatalogException, duckdb.BinderException)


class DuckDBWarehouse(Warehouse):
    """Tables in the DuckDB file at ``path``, created as they are needed.

    Args:
        path: the file; its folder is created.

    Raises:
        WarehouseError: the path cannot be written or the file is no DuckDB database.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._mutex = threading.Lock()
        self._missing: dict[str, frozenset[str]] = {}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(f"cannot make the folder of {path}: {error.strerror}") from None
        self._connect().close()

    def append(self, writes: Sequence[Write]) -> list[list[Refusal]]:
        with self._mutex:
            connection = self._connect()
            try:
                return self._append(connection, writes)
            except duckdb.IOException as error:
                raise TransientError(f"{self._path}: {error}") from error
            finally:
                connection.close()

    def missing_columns(self, table: Table) -> frozenset[str]:
        if table.name not in self._missing:
            with self._mutex:
                connection = self._connect()
                try:
                    connection.execute(duckdb_ddl(table))
                    self._missing[table.name] = _missing(connection, table)
                finally:
                    connection.close()
        return self._missing[table.name]

    def _append(
        self, connection: duckdb.DuckDBPyConnection, writes: Sequence[Write]
    ) -> list[list[Refusal]]:
        if self._insert(connection, writes) is None:
            return [[] for _ in writes]
        # Something was refused: each write for itself, so that no table holds up another.
        return [self._append_one(connection, write) for write in writes]

    def _append_one(self, connection: duckdb.DuckDBPyConnection, write: Write) -> list[Refusal]:
        fault = self._insert(connection, [write])
        if fault is None:
            return []
        if isinstance(fault, _TABLE_FAULTS):
            return refuse_all(write, Reason.TABLE_UNAVAILABLE, _first_line(fault))
        return isolate(write, lambda part: self._insert(connection, [part]))

    def _insert(
        self, connection: duckdb.DuckDBPyConnection, writes: Sequence[Write]
    ) -> duckdb.Error | None:
        """All of ``writes`` in one transaction; on a fault nothing is written."""
        connection.begin()
        try:
            for write in writes:
                connection.execute(duckdb_ddl(write.table))
                names = ", ".join(_quoted(column.name) for column in write.columns)
                rows = to_arrow(write)
                connection.register("new_rows", rows)
                connection.execute(
                    f"INSERT INTO {_quoted(write.table.name)} ({names}) "
                    f"SELECT {names} FROM new_rows"
                )
                connection.unregister("new_rows")
            connection.commit()
        except duckdb.IOException:
            raise
        except duckdb.Error as fault:
            connection.rollback()
            return fault
        return None

    def _connect(self) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + _LOCK_TIMEOUT_SECONDS
        wait = 0.01
        while True:
            try:
                connection = duckdb.connect(str(self._path))
            except duckdb.IOException as error:
                if "lock" not in str(error).lower():
                    raise WarehouseError(_explain(self._path, error)) from None
                if time.monotonic() > deadline:
                    raise TransientError(
                        f"{self._path} is held open by another process: close it and run again"
                    ) from error
                time.sleep(wait)
                wait = min(wait * 2, 0.5)
            except duckdb.Error as error:
                raise WarehouseError(_explain(self._path, error)) from None
            else:
                connection.execute("SET TimeZone = 'UTC'")
                return connection


def _missing(connection: duckdb.DuckDBPyConnection, table: Table) -> frozenset[str]:
    live = {
        row[0].lower()
        for row in connection.execute(f"DESCRIBE {_quoted(table.name)}").fetchall()
    }
    return frozenset(c.name for c in table.columns if c.name.lower() not in live)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _explain(path: Path, error: Exception) -> str:
    if path.is_dir():
        return f"{path} is a folder: name a file, for example {path}/iris.duckdb"
    return f"cannot open {path} as a DuckDB file: {_first_line(error)}"
