"""What a warehouse lacks of what the schema files declare, and what of it cannot be reconciled.

Nothing is ever dropped or given another type: users' queries rely on what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from schemas.ddl import bigquery_type
from schemas.live import TABLE, Live, LiveTable, after_days, as_declared
from schemas.model import Column, Table

#: What a user can do about a conflict.
ADOPT: Final = (
    "python -m schemas adopt puts tables aside whose columns or partitions are other ones, and "
    "makes new ones"
)
RELAX: Final = (
    "a column that is not written for every row has to take NULL (ALTER TABLE ... ALTER COLUMN ... "
    "DROP NOT NULL), or adopt the table"
)
FREE_THE_NAME: Final = (
    "what apply did not make is left alone, and what needs its name is left out: give it another "
    "name and run apply again"
)
KEEP_HISTORY: Final = (
    "a view that would lose history is left as it is: give --historic FILE again, or "
    "--without-history"
)


@dataclass(frozen=True)
class CreateTable:
    """A table that is not there.

    Attributes:
        expire_days: days after which BigQuery deletes a partition; None for never.
    """

    table: Table
    expire_days: int | None = None

    def __str__(self) -> str:
        expiry = f"; {after_days(self.expire_days)}" if self.expire_days else ""
        return f"create table {self.table.name} ({len(self.table.columns)} columns{expiry})"


@dataclass(frozen=True)
class AddColumns:
    """Columns, or fields of a STRUCT, that a table lacks.

    Attributes:
        table: as declared.
        columns: those to add, each with the STRUCTs that it is in, outermost first.
    """

    table: Table
    columns: tuple[tuple[tuple[str, ...], Column], ...]

    def __str__(self) -> str:
        names = ", ".join(
            f"{'.'.join((*path, column.name))} {bigquery_type(column)}"
            for path, column in self.columns
        )
        return f"add to {self.table.name}: {names}"


@dataclass(frozen=True)
class Describe:
    """Descriptions of a table or of its columns that are other ones than declared."""

    table: Table

    def __str__(self) -> str:
        return f"describe {self.table.name}"


@dataclass(frozen=True)
class Rename:
    """Another name for a table, with everything that is in it; ``to`` is free."""

    name: str
    to: str

    def __str__(self) -> str:
        return f"rename {self.name} to {self.to}"


Change = CreateTable | AddColumns | Describe | Rename


@dataclass(frozen=True)
class Conflict:
    """What is another thing than declared, and stays so.

    Attributes:
        table, what: where: a column's path, ``partition``, or what else is meant.
        live, declared: both sides.
        cure: what a user can do about it.
    """

    table: str
    what: str
    live: str
    declared: str
    cure: str = ADOPT


def changes(
    tables: Iterable[Table], live: Live, *, described: bool, expire_days: int | None = None
) -> Iterator[Change | Conflict]:
    """What is to be done for ``tables``, and what cannot be.

    Args:
        described: the warehouse keeps descriptions.
        expire_days: days after which partitions of tables expire that are made.
    """
    for table in tables:
        found = live.table(table.name)
        if found is None:
            yield CreateTable(table, expire_days if table.partition else None)
        elif found.kind != TABLE:
            yield Conflict(table.name, "kind", found.kind, TABLE, FREE_THE_NAME)
        else:
            yield from _changes(table, found, described)


def _changes(table: Table, live: LiveTable, described: bool) -> Iterator[Change | Conflict]:
    missing: list[tuple[tuple[str, ...], Column]] = []
    for item in _compare(table.columns, live.columns, ()):
        if isinstance(item, Conflict):
            yield replace(item, table=table.name)
        else:
            missing.append(item)
    yield from _required(table, live)
    if missing:
        yield AddColumns(table, tuple(missing))
    if described and _differs(table, live):
        yield Describe(table)
    yield from _layout(table, live)


def _compare(
    declared: Iterable[Column], live: Iterable[Column], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Column] | Conflict]:
    there = {column.name.lower(): column for column in live}
    for column in declared:
        found = there.get(column.name.lower())
        if found is None:
            yield path, column
        elif column.type == found.type == "STRUCT" and column.repeated == found.repeated:
            yield from _compare(column.columns, found.columns, (*path, column.name))
        elif (column.type, column.repeated) != (found.type, found.repeated):
            name = ".".join((*path, column.name))
            yield Conflict("", name, bigquery_type(found), bigquery_type(column))


def _required(table: Table, live: LiveTable) -> Iterator[Conflict]:
    """A row that has no value there would be refused: every declared column may be NULL, and what
    is not declared is never written."""
    declared = {path.lower() for path in _paths(table.columns)}
    for path in _paths(live.columns):
        is_known = path.lower() in declared
        if path.lower() in live.required and (is_known or path.lower() not in live.defaulted):
            side = "may be NULL" if is_known else "no such column, or may be NULL"
            yield Conflict(table.name, path, "NOT NULL", side, RELAX)


def _paths(columns: Iterable[Column], prefix: str = "") -> Iterator[str]:
    for column in columns:
        path = f"{prefix}{column.name}"
        yield path
        yield from _paths(column.columns, f"{path}.")


def _layout(table: Table, live: LiveTable) -> Iterator[Conflict]:
    """A table has its partition from its creation; its clustering is the user's affair."""
    declared, found = _day(table) or "none", _day(live) or live.layout or "none"
    if live.laid_out and declared != found:
        yield Conflict(table.name, "partition", found, declared)


def _day(table: Table | LiveTable) -> str:
    return f"day of {table.partition.column}" if table.partition else ""


def _differs(table: Table, live: LiveTable) -> bool:
    """Whether a description is another one; a column that is missing is described when added."""
    return table.description != live.description or _any_differs(table.columns, live.columns)


def _any_differs(declared: Iterable[Column], live: Iterable[Column]) -> bool:
    there = {column.name.lower(): column for column in live}
    return any(
        column.description != found.description or _any_differs(column.columns, found.columns)
        for column in declared
        if (found := there.get(column.name.lower())) is not None
    )


def foreseen(live: Live, made: Iterable[Change]) -> Live:
    """What a warehouse holds when changes have been made, as far as tables and types go."""
    tables = dict(live.tables)
    for change in made:
        if isinstance(change, Rename):
            moved = tables.pop(live.key(change.name))
            tables[live.key(change.to)] = replace(moved, name=change.to)
            continue
        name = live.key(change.table.name)
        if isinstance(change, CreateTable):
            tables[name] = as_declared(change.table)
        elif isinstance(change, AddColumns):
            columns = merged(tables[name].columns, change.table.columns)
            tables[name] = replace(tables[name], columns=columns)
    return replace(live, tables=tables)


def merged(live: Iterable[Column], declared: Iterable[Column]) -> tuple[Column, ...]:
    """The columns of a table with those that it lacks at the end, and the declared descriptions.

    Types stay as they are.
    """
    wanted = {column.name.lower(): column for column in declared}
    found = []
    for column in live:
        other = wanted.pop(column.name.lower(), None)
        if other is not None:
            nested = column.columns
            if column.type == other.type == "STRUCT":
                nested = merged(column.columns, other.columns)
            column = replace(column, description=other.description, columns=nested)
        found.append(column)
    return (*found, *wanted.values())
