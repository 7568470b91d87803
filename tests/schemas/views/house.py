"""A DuckDB with tables as they are after ``apply``, and the views over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from schemas.views.dialect import duckdb_statement

REGISTRY = load()
Row = Mapping[str, Any]


class House:
    """A warehouse in memory.

    Args:
        subjects: of the datasets that it has; all by default.
        historic: historic tables beside them, by subject.
        mapping: how they are used; by their names alone by default.
        zone: the session's time zone, on which nothing may depend.
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
        tables = [table for tables in (historic or {}).values() for table in tables]
        for table in (*all_tables(self.registry), *tables):
            self.connection.execute(duckdb_ddl(table))
        named = {
            subject: tuple(HistoricTable(table.name) for table in tables)
            for subject, tables in (historic or {}).items()
        }
        live = Live.of(map(as_declared, (*all_tables(self.registry), *tables)))
        for definition in catalog(self.registry, mapping or Historic(named), live).definitions:
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

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query, by column name."""
        cursor = self.connection.execute(sql)
        names = [one[0] for one in cursor.description or ()]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def live_table(subject: str) -> LiveTable:
    """The table of a bundled dataset as it is after ``apply``."""
    return as_declared(table_for(dataset(subject)))


def dataset(subject: str) -> Dataset:
    return REGISTRY[subject]


def facts(house: House, relation: str, *names: str) -> list[tuple[Any, ...]]:
    """Some columns of a relation, in the order of their values."""
    query = f"SELECT {', '.join(names)} FROM {relation}"
    return sorted(house.connection.execute(query).fetchall(), key=repr)
