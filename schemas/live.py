"""What a warehouse holds: tables and their columns as they are, whoever made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from schemas.model import Column, Partition, Table


@dataclass(frozen=True)
class LiveTable:
    """A table of a warehouse.

    Attributes:
        name: without project and dataset.
        columns: in their order. A type that no schema file can name (``NUMERIC``, ``TIME``)
            stands as the warehouse calls it.
        partition: the column by which it is partitioned, by the day; None for any other way.
        cluster: the columns by which it is clustered.
        laid_out: the warehouse has partitions, so that having none is a choice.
        rows, bytes: its size, None where the warehouse does not tell.
    """

    name: str
    columns: tuple[Column, ...]
    partition: Partition | None = None
    cluster: tuple[str, ...] = ()
    laid_out: bool = False
    rows: int | None = None
    bytes: int | None = None
    description: str = ""

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """The columns by their names in lower case: warehouses ignore the case of a name."""
        return {column.name.lower(): column for column in self.columns}

    def column(self, name: str) -> Column | None:
        """The column called ``name``, in any case."""
        return self.by_name.get(name.lower())


@dataclass(frozen=True)
class LiveView:
    """A view or a function of a warehouse.

    Attributes:
        text: what tells whether it is the one declared; ``Warehouse.text_of`` gives the same.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Live:
    """Everything in a warehouse's dataset, by name in lower case."""

    tables: Mapping[str, LiveTable] = field(default_factory=dict)
    views: Mapping[str, LiveView] = field(default_factory=dict)

    @classmethod
    def of(cls, tables: Iterable[LiveTable], views: Iterable[LiveView] = ()) -> Live:
        """From what was found."""
        return cls(
            {one.name.lower(): one for one in tables}, {one.name.lower(): one for one in views}
        )

    def table(self, name: str) -> LiveTable | None:
        """The table called ``name``, in any case."""
        return self.tables.get(name.lower())


def as_declared(table: Table) -> LiveTable:
    """A table as it is right after it was created."""
    return LiveTable(table.name, table.columns, table.partition, table.cluster)
