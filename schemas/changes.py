"""What a warehouse lacks of what the schema files declare, and what of it cannot be reconciled.

Nothing is ever dropped, renamed or given another type: users' queries rely on what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from schemas.ddl import bigquery_type
from schemas.live import Live, LiveTable, as_declared
from schemas.model import Column, Table


@dataclass(frozen=True)
class CreateTable:
    """A table that is not there."""

    table: Table

    def __str__(self) -> str:
        return f"create table {self.table.name} ({len(self.table.columns)} columns)"


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


Change = CreateTable | AddColumns | Describe


@dataclass(frozen=True)
class Conflict:
    """What is another thing than declared, and stays so.

    Attributes:
        table, what: where: a column's path, or ``partition``.
        live, declared: both sides.
    """

    table: str
    what: str
    live: str
    declared: str


def changes(tables: Iterable[Table], live: Live, *, described: bool) -> Iterator[Change | Conflict]:
    """What is to be done for ``tables``, and what cannot be.

    Args:
        described: the warehouse keeps descriptions.
    """
    for table in tables:
        found = live.table(table.name)
        if found is None:
            yield CreateTable(table)
        else:
            yield from _changes(table, found, described)


def _changes(table: Table, live: LiveTable, described: bool) -> Iterator[Change | Conflict]:
    missing: list[tuple[tuple[str, ...], Column]] = []
    for item in _compare(table.columns, live.columns, ()):
        if isinstance(item, Conflict):
            yield Conflict(table.name, item.what, item.live, item.declared)
        else:
            missing.append(item)
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


def _layout(table: Table, live: LiveTable) -> Iterator[Conflict]:
    """A table has its partition from its creation; its clustering is the user's affair."""
    declared, found = _day(table), _day(live)
    if live.laid_out and declared != found:
        yield Conflict(table.name, "partition", found, declared)


def _day(table: Table | LiveTable) -> str:
    return f"day of {table.partition.column}" if table.partition else "none"


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
        name = change.table.name.lower()
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
