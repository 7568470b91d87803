"""A warehouse with tables as they are after ``apply``, and the views over them.

It is a DuckDB in memory; what is asked of it is asked of Google's reference engine, too.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb

from schemas.ddl import duckdb_ddl, duckdb_identifier
from schemas.historic import Historic, HistoricTable
from schemas.live import Live, LiveTable, as_declared
from schemas.load import load
from schemas.model import Dataset, Table
from schemas.registry import Registry
from schemas.tables import all_tables, table_for
from schemas.views.catalog import catalog
from schemas.views.dialect import duckdb_statement, translated
from schemas.views.model import Definition
from tests.googlesql.evaluation import answer

REGISTRY = load()
Row = Mapping[str, Any]


class House:
    """A warehouse in memory.

    Args:
        subjects: of the datasets that it has; all by default.
        historic: historic tables beside them, by subject.
        mapping: how they are used; by their names alone by default.
        zone: DuckDB's time zone, on which nothing may depend.
    """

    def __init__(
        self,
        *subjects: str,
        historic: Mapping[str, Sequence[Table]] | None = None,
        mapping: Historic | None = None,
        zone: str = "Asia/Tokyo",
    ) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(f"SET TimeZone = '{zone}'")
        self.registry = Registry(REGISTRY[one] for one in subjects) if subjects else REGISTRY
        old = [table for tables in (historic or {}).values() for table in tables]
        tables = (*all_tables(self.registry), *old)
        for table in tables:
            self.connection.execute(duckdb_ddl(table))
        named = {
            subject: tuple(HistoricTable(table.name) for table in tables)
            for subject, tables in (historic or {}).items()
        }
        live = Live.of(map(as_declared, tables))
        self._tables = {table.name: table for table in tables}
        self._rows: defaultdict[str, list[Row]] = defaultdict(list)
        self.definitions: dict[str, Definition] = {}
        for definition in catalog(self.registry, mapping or Historic(named), live).definitions:
            self.define(definition)

    def define(self, definition: Definition) -> None:
        """Creates or replaces a view or function."""
        self.definitions[definition.name] = definition
        self.connection.execute(duckdb_statement(definition))

    def put(self, table: str, rows: Iterable[Row]) -> None:
        """Inserts rows by column name; columns that are not named are NULL."""
        for row in rows:
            names = ", ".join(map(duckdb_identifier, row))
            places = ", ".join("?" * len(row))
            self.connection.execute(
                f"INSERT INTO {duckdb_identifier(table)} ({names}) VALUES ({places})",
                list(row.values()),
            )
            self._rows[table].append(row)

    def empty(self) -> None:
        """Deletes all rows."""
        for table in self._rows:
            self.connection.execute(f"DELETE FROM {duckdb_identifier(table)}")
        self._rows.clear()

    def rows(self, query: str, google: bool = True) -> list[dict[str, Any]]:
        """The rows of a query, by column name.

        Args:
            query: in BigQuery's dialect; relations and functions stand as ``iris.NAME``.
            google: ask Google's engine too, whose answer must be the same.
        """
        cursor = self.connection.execute(translated(query))
        names = [one[0] for one in cursor.description or ()]
        found = cursor.fetchall()
        if google:
            there = answer(query, self._tables, self._rows, self.definitions)
            assert sorted(map(comparable, there)) == sorted(map(comparable, found)), query
        return [dict(zip(names, values, strict=True)) for values in found]


def comparable(value: Any) -> str:
    """A value as text, the same for all that are equal.

    Sums are equal in whatever order their parts were added, and a moment in whatever zone it is.
    """
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, datetime):
        return str(value if value.tzinfo is None else value.astimezone(UTC))
    if isinstance(value, str) and value[:1] in "{[":
        return json.dumps(json.loads(value), sort_keys=True)
    if isinstance(value, (tuple, list)):
        return str(list(map(comparable, value)))
    if isinstance(value, dict):
        return str({name: comparable(one) for name, one in value.items()})
    return repr(value)


def live_table(subject: str) -> LiveTable:
    """The table of a bundled dataset as it is after ``apply``."""
    return as_declared(table_for(dataset(subject)))


def dataset(subject: str) -> Dataset:
    return REGISTRY[subject]


def facts(house: House, relation: str, *names: str, google: bool = True) -> list[tuple[Any, ...]]:
    """Some columns of a relation, in the order of their values."""
    query = f"SELECT {', '.join(names)} FROM iris.{relation}"
    return sorted((tuple(row.values()) for row in house.rows(query, google)), key=repr)
