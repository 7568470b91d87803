"""The tables, rows and counters of the local BigQueryWrite server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from google.cloud.bigquery_storage_v1 import types

from schemas.model import Column, Partition
from tests.servers.bigquery_rows import Row, RowRefused

_FIELD_TYPES: Any = types.TableFieldSchema.Type
_FIELD_MODES: Any = types.TableFieldSchema.Mode


def utc_today() -> date:
    """The day in UTC, by which the service judges partitions."""
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Counters:
    """What the server, or one table of it, has seen.

    Attributes:
        connections_opened: AppendRows calls, which the API calls connections.
        connections_open: those of them that have not ended.
        requests: append requests received, refused ones included.
        bytes: the sizes of their messages.
        rows: rows applied.
    """

    connections_opened: int = 0
    connections_open: int = 0
    requests: int = 0
    bytes: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Request:
    """One line of the server's log of append requests.

    Attributes:
        connection: the number of the connection, from 1.
        table: the table's path, empty where the request names none.
        rows: the rows sent.
        outcome: ``applied``, ``row_errors``, ``error CODE`` (answered), ``closed CODE`` (the
            stream was ended), ``dropped``, ``lost`` (applied, never answered) or ``hung``.
    """

    connection: int
    table: str
    rows: int
    outcome: str


@dataclass
class TableState:
    """One table. ``version`` counts its schemas from 1."""

    path: str
    columns: tuple[Column, ...]
    partition: Partition | None = None
    version: int = 1
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    rows: list[Row] = field(default_factory=list)

    def schema(self) -> types.TableSchema:
        """The table's schema as the API spells it."""
        return types.TableSchema(fields=[_field_schema(column) for column in self.columns])


def _field_schema(column: Column) -> types.TableFieldSchema:
    # The API calls FLOAT64 by the name of its representation.
    name = "DOUBLE" if column.type == "FLOAT64" else column.type
    return types.TableFieldSchema(
        name=column.name,
        type_=_FIELD_TYPES[name],
        mode=_FIELD_MODES.REPEATED if column.repeated else _FIELD_MODES.NULLABLE,
        description=column.description,
        fields=[_field_schema(inner) for inner in column.columns],
    )


class Tables:
    """The state behind the server; every method may be called from any thread."""

    def __init__(
        self,
        partition_days: tuple[int, int] = (3650, 366),
        today: Callable[[], date] = utc_today,
    ) -> None:
        self._lock = threading.RLock()
        self._tables: dict[str, TableState] = {}
        self._counters: dict[str, Counters] = {}
        self._log: list[Request] = []
        self._partition_days = partition_days
        self._today = today

    def create(
        self, path: str, columns: Iterable[Column], partition: Partition | None = None
    ) -> None:
        """Creates an empty table; ValueError where one of that path exists."""
        with self._lock:
            if path in self._tables:
                raise ValueError(f"table {path} exists")
            self._tables[path] = TableState(path, tuple(columns), partition)

    def delete(self, path: str) -> None:
        """Deletes a table with its rows; KeyError where there is none."""
        with self._lock:
            del self._tables[path]

    def add_column(self, path: str, column: Column) -> None:
        """Adds a column; the rows that are there get its NULL."""
        with self._lock:
            table = self._tables[path]
            empty = column.repeated
            rows = [row | {column.name: [] if empty else None} for row in table.rows]
            self._tables[path] = replace(
                table,
                columns=(*table.columns, column),
                version=table.version + 1,
                rows=rows,
            )

    def get(self, path: str) -> TableState | None:
        """The table as it is now, or None."""
        with self._lock:
            return self._tables.get(path)

    def rows(self, path: str) -> list[Row]:
        """A copy of the list of a table's rows, in the order of application."""
        with self._lock:
            return list(self._tables[path].rows)

    def apply(self, path: str, rows: Sequence[Row], count: int) -> bool:
        """Appends ``rows`` and counts ``count``; False where the table has gone meanwhile."""
        with self._lock:
            table = self._tables.get(path)
            if table is None:
                return False
            table.rows.extend(rows)
            self._count(path, rows=count)
            return True

    def check_partition(self, table: TableState, row: Row) -> RowRefused | None:
        """The refusal of a row whose day is beyond what the service streams into, else None.

        NULL goes into a partition of its own.
        """
        value = row.get(table.partition.column) if table.partition else None
        if value is None:
            return None
        day = value.date() if isinstance(value, datetime) else value
        past, future = self._partition_days
        if -past <= (day - self._today()).days <= future:
            return None
        return RowRefused(
            f"Value {value} for partition column {table.partition.column} of the destination"  # type: ignore[union-attr]
            f" table {table.path} is outside the allowed bounds. You can only stream to"
            f" partitions of date range within {past} days in the past and {future} days in the"
            " future relative to the current date."
        )

    def received(self, path: str, size: int) -> None:
        """Counts one append request for a table."""
        with self._lock:
            self._count(path, requests=1, bytes=size)

    def opened(self) -> int:
        """Counts a connection and returns its number."""
        with self._lock:
            self._count("", connections_opened=1, connections_open=1)
            return self.counters().connections_opened

    def closed(self) -> None:
        """Counts the end of a connection."""
        with self._lock:
            self._count("", connections_open=-1)

    def log(self, request: Request) -> None:
        """Adds a line to the log."""
        with self._lock:
            self._log.append(request)

    def requests(self) -> list[Request]:
        """A copy of the log."""
        with self._lock:
            return list(self._log)

    def counters(self, path: str = "") -> Counters:
        """The counters of one table, or of all together."""
        with self._lock:
            return self._counters.get(path, Counters())

    def _count(self, path: str, **more: int) -> None:
        for key in {path, ""}:
            counters = self._counters.get(key, Counters())
            changed = {name: getattr(counters, name) + n for name, n in more.items()}
            self._counters[key] = replace(counters, **changed)


def tables_from_json(file: Path) -> dict[str, tuple[Column, ...]]:
    """The tables of a JSON file ``{path: [{name, type, repeated, columns}, ...], ...}``."""
    described: Mapping[str, list[dict[str, Any]]] = json.loads(file.read_text(encoding="utf-8"))
    return {path: tuple(map(_column, columns)) for path, columns in described.items()}


def _column(described: Mapping[str, Any]) -> Column:
    return Column(
        name=described["name"],
        type=described["type"],
        repeated=described.get("repeated", False),
        columns=tuple(map(_column, described.get("columns", ()))),
    )
