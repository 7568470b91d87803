"""What a warehouse holds: tables, views and functions as they are, whoever made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from schemas.model import Column, Partition, Table

#: The kind of a relation that holds rows and can be written to.
TABLE: Final = "table"
#: The kind of a plain view.
VIEW: Final = "view"


@dataclass(frozen=True)
class LiveTable:
    """A table of a warehouse, or anything else that can be read like one.

    Attributes:
        name: without project and dataset.
        columns: in their order. A type that no schema file can name (``NUMERIC``, ``TIME``)
            stands as the warehouse calls it.
        partition: the column by which it is partitioned, by the day; None for any other way.
        cluster: the columns by which it is clustered.
        laid_out: the warehouse has partitions, so that having none is a choice.
        layout: another way of partitioning, in words; empty where there is none.
        bytes: its size, None where the warehouse does not tell.
        kind: ``table``, ``view`` or how else the warehouse calls it, in words.
        required: paths of columns that refuse NULL, in lower case.
        defaulted: those among them that fill themselves where an insert does not name them.
        expires: what the warehouse deletes of it by itself, in words; empty for nothing.
        hindrance: why it cannot be renamed and what to do about that; empty where it can.
        mark: of a view that ``apply`` made, its mark (``schemas.views.model``), else None.
        reads: of such a view, the relations of the same place that it reads, where told.
    """

    name: str
    columns: tuple[Column, ...]
    partition: Partition | None = None
    cluster: tuple[str, ...] = ()
    laid_out: bool = False
    layout: str = ""
    bytes: int | None = None
    description: str = ""
    kind: str = TABLE
    required: frozenset[str] = frozenset()
    defaulted: frozenset[str] = frozenset()
    expires: str = ""
    hindrance: str = ""
    mark: str | None = None
    reads: frozenset[str] = frozenset()

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """The columns by their names in lower case: warehouses ignore the case of a column."""
        return {column.name.lower(): column for column in self.columns}

    def column(self, name: str) -> Column | None:
        """The column called ``name``, in any case."""
        return self.by_name.get(name.lower())


@dataclass(frozen=True)
class LiveRoutine:
    """A function or a procedure of a warehouse.

    Attributes:
        kind: ``function``, ``table function`` or how else the warehouse calls it, in words.
        mark: of one that ``apply`` made, its mark, else None.
    """

    name: str
    kind: str
    mark: str | None = None


@dataclass(frozen=True)
class Live:
    """Everything in a dataset of BigQuery, or in a DuckDB file.

    Attributes:
        tables: tables, views and the like by ``key`` of their name.
        routines: functions by ``key`` of their name.
        folds: the case of a name makes no difference.
        exists: False where there is no such dataset or file.
        notes: what a user should know about the place, a line each.
    """

    tables: Mapping[str, LiveTable] = field(default_factory=dict)
    routines: Mapping[str, LiveRoutine] = field(default_factory=dict)
    folds: bool = True
    exists: bool = True
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        tables: Iterable[LiveTable],
        routines: Iterable[LiveRoutine] = (),
        *,
        folds: bool = True,
        notes: tuple[str, ...] = (),
    ) -> Live:
        """From what was found. Of routines of one name, one that is not apply's counts."""
        empty = cls(folds=folds)
        ordered = sorted(routines, key=lambda one: one.mark is None)
        return cls(
            {empty.key(one.name): one for one in tables},
            {empty.key(one.name): one for one in ordered},
            folds,
            notes=notes,
        )

    def key(self, name: str) -> str:
        """What is the same for all spellings of a name that mean one thing."""
        return name.lower() if self.folds else name

    def table(self, name: str) -> LiveTable | None:
        """The table, view or the like called ``name``."""
        return self.tables.get(self.key(name))

    def routine(self, name: str) -> LiveRoutine | None:
        """The function called ``name``."""
        return self.routines.get(self.key(name))


def as_declared(table: Table) -> LiveTable:
    """A table as it is right after it was created."""
    return LiveTable(table.name, table.columns, table.partition, table.cluster)


def after_days(days: float) -> str:
    """An expiration of partitions, as ``LiveTable.expires`` says it."""
    return f"a day's rows are deleted after {days:g} days"
