"""The embedded warehouse: one DuckDB file.

While one process holds the file open for writing no other can read it, so the file is opened for
each batch and closed again; readers and writers retry. All rows of a batch, for all its tables,
go into one transaction.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from pipeline.reject import Reason
from pipeline.sinks.arrow import to_arrow
from pipeline.sinks.base import (
    Refusal,
    TransientError,
    Warehouse,
    WarehouseError,
    Write,
    first_line,
    isolate,
    refuse_all,
)
from schemas.ddl import duckdb_ddl, duckdb_identifier
from schemas.model import Column, Table

#: Seconds for which the file is waited for at a time, and after which that is told.
_LOCK_TIMEOUT_SECONDS: Final = 60.0
_LOCK_WARNING_SECONDS: Final = 5.0
#: What DuckDB says while another process holds the file.
_LOCKED: Final = "Could not set lock on file"
#: Faults of a table as a whole: a column or type that does not fit.
_TABLE_FAULTS: Final = (duckdb.CatalogException, duckdb.BinderException)
#: Faults of the rows or their table; all others are the file's or the machine's and may pass.
_DATA_FAULTS: Final = (
    duckdb.DataError,
    duckdb.IntegrityError,
    duckdb.NotSupportedError,
    duckdb.ProgrammingError,
)

log = logging.getLogger(__name__)


class DuckDBWarehouse(Warehouse):
    """Tables in the DuckDB file at ``path``, created as they are needed.

    Args:
        path: the file; its folder is created.

    Raises:
        WarehouseError: the path cannot be written or the file is no DuckDB database.
    """

    def __init__(self, path: str) -> None:
        if path.startswith(":"):  # DuckDB's names for a database in memory
            raise WarehouseError(f"{path} would keep nothing: name a file, for example iris.duckdb")
        self._path = Path(path).absolute()
        self._mutex = threading.Lock()
        self._waits = True
        self._missing: dict[str, frozenset[str]] = {}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(f"cannot make the folder of {path}: {error.strerror}") from None
        self._connect().close()

    def append(self, writes: Sequence[Write]) -> list[list[Refusal]]:
        with self._mutex, self._open() as connection:
            return self._append(connection, writes)

    def missing_columns(self, table: Table) -> frozenset[str]:
        missing = self._missing.get(table.name)
        if missing is None:
            with self._mutex, self._open() as connection:
                try:
                    connection.execute(duckdb_ddl(table))
                    missing = self._missing[table.name] = _missing(connection, table)
                except _DATA_FAULTS:  # no table that takes rows: ``append`` will tell
                    return frozenset()
        return missing

    def stop_waiting(self) -> None:
        """From here on it waits for nobody and raises TransientError instead: the process ends.

        Takes no lock: it is called while a signal is handled.
        """
        self._waits = False

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
            self._missing.pop(write.table.name, None)  # the table may have changed: look again
            return refuse_all(write, Reason.TABLE_UNAVAILABLE, first_line(fault))
        return isolate(write, lambda part: self._insert(connection, [part]))

    def _insert(
        self, connection: duckdb.DuckDBPyConnection, writes: Sequence[Write]
    ) -> duckdb.Error | None:
        """All of ``writes`` in one transaction; on a fault nothing is written."""
        connection.begin()
        try:
            for write in writes:
                connection.execute(duckdb_ddl(write.table))
                names = ", ".join(duckdb_identifier(column.name) for column in write.columns)
                rows = to_arrow(write)
                connection.register("new_rows", rows)
                connection.execute(
                    f"INSERT INTO {duckdb_identifier(write.table.name)} ({names}) "
                    f"SELECT {names} FROM new_rows"
                )
                connection.unregister("new_rows")
            connection.commit()
        except _DATA_FAULTS as fault:
            with contextlib.suppress(duckdb.TransactionException):  # it ended in the commit
                connection.rollback()
            return fault
        return None

    @contextlib.contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._connect()
        try:
            yield connection
        except duckdb.Error as error:
            raise TransientError(f"{self._path}: {first_line(error)}") from error
        finally:
            connection.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        begun = time.monotonic()
        wait, told = 0.01, False
        while True:
            try:
                connection = duckdb.connect(str(self._path))
            except duckdb.IOException as error:
                if _LOCKED not in str(error):
                    raise WarehouseError(_explain(self._path, error)) from None
                waited = time.monotonic() - begun
                held = f"{self._path} is held open by another process"
                if not self._waits or waited > _LOCK_TIMEOUT_SECONDS:
                    raise TransientError(f"{held}: close it and run again") from error
                if waited > _LOCK_WARNING_SECONDS and not told:
                    told = True
                    log.warning("%s: waiting until it is closed there", held)
                time.sleep(wait)
                wait = min(wait * 2, 0.5)
            except duckdb.Error as error:
                raise WarehouseError(_explain(self._path, error)) from None
            else:
                connection.execute("SET TimeZone = 'UTC'")
                return connection


def _missing(connection: duckdb.DuckDBPyConnection, table: Table) -> frozenset[str]:
    live = connection.sql(f"FROM {duckdb_identifier(table.name)}")
    missing = frozenset(_lacking(table.columns, zip(live.columns, live.types, strict=True)))
    if table.partition is not None and table.partition.column in missing:
        return frozenset()  # a table without its time is none of ours: ``append`` will tell
    return missing


def _lacking(columns: Iterable[Column], live: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """The columns that are not there, or not with all their fields.

    DuckDB would drop a field that the live STRUCT lacks without a word.
    """
    types = {name.lower(): kind for name, kind in live}
    for column in columns:
        kind = types.get(column.name.lower())
        while kind is not None and kind.id == "list":
            kind = kind.children[0][1]
        fields = kind.children if kind is not None and kind.id == "struct" else ()
        if kind is None or any(_lacking(column.columns, fields)):
            yield column.name


def _explain(path: Path, error: Exception) -> str:
    if path.is_dir():
        return f"{path} is a folder: name a file, for example {path}/iris.duckdb"
    return f"cannot open {path} as a DuckDB file: {first_line(error)}"
