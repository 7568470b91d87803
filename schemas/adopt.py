"""Old tables under a dataset's name: copied aside, and a new table in their place.

``apply`` never gives a column another type. A table of the system before, with other types or
without partitions, is adopted instead: its copy is one more source of the unified view, which casts
its columns. Every step can be taken back, and a run that was interrupted goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.changes import Conflict, CreateTable, changes
from schemas.live import Live
from schemas.model import Dataset, Table
from schemas.tables import table_for
from schemas.views.catalog import ASIDE
from schemas.warehouses import Warehouse, WarehouseError

#: What a new table's name gets when an adoption is taken back and it holds rows.
AFTER = "_after_adoption"


@dataclass(frozen=True)
class Step:
    """A step, to be told and to be taken.

    Attributes:
        what: ``copy``, ``drop`` or ``create``.
        table: the table concerned; of a copy, the one that is read.
        to: of a copy, its name.
        declared: of a creation, the table as declared.
    """

    what: str
    table: str
    to: str = ""
    declared: Table | None = None

    def __str__(self) -> str:
        return f"{self.what} {self.table}" + (f" to {self.to}" if self.to else "")


def adoption(datasets: Iterable[Dataset], live: Live, warehouse: Warehouse) -> Iterator[Step]:
    """The steps that put aside each dataset's table that is not as declared.

    Raises:
        WarehouseError: a copy would not hold everything.
    """
    for dataset in datasets:
        table = table_for(dataset)
        aside = table.name + ASIDE
        found, copied = live.table(table.name), live.table(aside)
        if found is None:
            if copied is not None:  # it was interrupted here
                yield Step("create", table.name, declared=table)
            continue
        if not any(isinstance(one, Conflict) for one in changes([table], live, described=False)):
            continue
        if warehouse.is_written(table.name):
            raise WarehouseError(
                f"{table.name} has rows that a copy would not hold yet: stop whoever writes to it, "
                "and try again in 90 minutes"
            )
        if copied is None:
            yield Step("copy", table.name, aside)
        elif warehouse.count(aside) != warehouse.count(table.name):
            raise WarehouseError(
                f"{table.name} and {aside} are both there and hold different numbers of rows: "
                "rename or drop one of them"
            )
        yield Step("drop", table.name)
        yield Step("create", table.name, declared=table)


def way_back(datasets: Iterable[Dataset], live: Live, warehouse: Warehouse) -> Iterator[Step]:
    """The steps that put the old tables back; what new ones hold is copied aside in turn."""
    for dataset in datasets:
        name = dataset.table_name
        if live.table(name + ASIDE) is None:
            continue
        if live.table(name) is not None:
            if warehouse.is_written(name):
                raise WarehouseError(
                    f"{name} has rows that a copy would not hold yet: drain the pipeline, and try "
                    "again in 90 minutes"
                )
            if warehouse.count(name):
                yield Step("copy", name, name + AFTER)
            yield Step("drop", name)
        yield Step("copy", name + ASIDE, name)
        yield Step("drop", name + ASIDE)


def take(steps: Iterable[Step], warehouse: Warehouse) -> Iterator[str]:
    """Takes the steps, a line for each when it is done.

    Raises:
        WarehouseError: a copy has another number of rows than the table; nothing is dropped then.
    """
    for step in steps:
        if step.declared is not None:
            warehouse.make(CreateTable(step.declared))
        elif step.to:
            warehouse.copy(step.table, step.to)
            rows, copied = warehouse.count(step.table), warehouse.count(step.to)
            if rows != copied:
                raise WarehouseError(
                    f"{step.table} has {rows:,} rows and its copy {step.to} {copied:,}: does "
                    "somebody write to it? Drop the copy and try again"
                )
            yield f"{step} ({rows:,} rows)"
            continue
        else:
            warehouse.drop(step.table)
        yield str(step)
