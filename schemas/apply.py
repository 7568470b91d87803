"""Brings a warehouse to what the schema files declare; adds, and never takes away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.changes import Change, Conflict, changes, foreseen
from schemas.definitions import compare, kind_of
from schemas.historic import Historic
from schemas.live import TABLE, Live, after_days
from schemas.registry import Registry
from schemas.tables import all_tables
from schemas.views.catalog import catalog
from schemas.views.model import Definition
from schemas.warehouses import Refused, Warehouse

#: A historic table of this size that is not partitioned is worth a word (bytes).
_LARGE = 1_000_000_000


@dataclass(frozen=True)
class Plan:
    """What is to be done, and what cannot be.

    Attributes:
        place: what makes the place for tables, in words; empty where it is there.
        changes: of tables, in order.
        definitions: views and functions that are not there or are other ones than declared, in the
            order in which they can be created.
        replaced: the names of those that are there.
        conflicts: what stays as it is.
        notes: what a user should know, a line each.
        unmet: what the user's file of historic tables names and is not there, a line each.
    """

    place: str
    changes: Sequence[Change]
    definitions: Sequence[Definition]
    replaced: frozenset[str]
    conflicts: Sequence[Conflict]
    notes: Sequence[str]
    unmet: Sequence[str]

    @property
    def is_empty(self) -> bool:
        """True where nothing is to be done."""
        return not self.place and not self.changes and not self.definitions


def plan(
    registry: Registry,
    historic: Historic,
    live: Live,
    warehouse: Warehouse,
    *,
    expire_days: int | None = None,
    without_history: bool = False,
) -> Plan:
    """What it takes to bring ``warehouse``, which holds ``live``, to what is declared.

    Args:
        expire_days: days after which partitions of tables expire that are made; None for never.
        without_history: views may stop reading historic tables that they read.
    """
    tables = all_tables(registry)
    found = list(changes(tables, live, described=warehouse.described, expire_days=expire_days))
    made = [one for one in found if not isinstance(one, Conflict)]
    conflicts = [one for one in found if isinstance(one, Conflict)]
    views = catalog(registry, historic, foreseen(live, made))
    making = compare(
        views.definitions,
        live,
        warehouse.mark_of,
        joining=[f"bmrs_{subject.lower()}_unified" for subject in registry],
        blocked=[
            table.name
            for table in tables
            if (there := live.table(table.name)) is not None and there.kind != TABLE
        ],
        without_history=without_history,
    )
    notes = [
        *live.notes,
        *making.notes,
        *_expiring(registry, historic, live, expire_days),
        *(f"{table}: not in the unified view: {why}" for table, why in views.unused.items()),
        *_large(registry, historic, live),
    ]
    return Plan(
        "" if live.exists else warehouse.place,
        made,
        making.made,
        making.replaced,
        [*conflicts, *making.conflicts],
        notes,
        list(historic.unmet(live)),
    )


def carry_out(plan: Plan, warehouse: Warehouse) -> Iterator[str]:
    """Does it, a line for each step when it is done. What is done stays done: run it again.

    Raises:
        Refused: at the end, where the warehouse did not take all views and functions.
        WarehouseError: it cannot be used.
    """
    refused, left = set[str](), list[str]()
    if plan.place:
        warehouse.prepare()
        yield plan.place
    with warehouse.working():
        for change in plan.changes:
            warehouse.make(change)
            yield str(change)
        for definition in plan.definitions:
            if not definition.needs.isdisjoint({*refused, *left}):
                left.append(definition.name)
                continue
            try:
                warehouse.define(definition)
                yield described(definition, plan)
            except Refused as error:
                refused.add(definition.name)
                yield f"cannot {described(definition, plan)}: {error}"
    if refused:
        raise Refused(
            f"{warehouse.name} refuses what is told above"
            + (f"; left out, because they need it: {', '.join(left)}" if left else "")
        )


def steps(plan: Plan) -> Iterator[str]:
    """The same lines without doing anything."""
    if plan.place:
        yield plan.place
    yield from map(str, plan.changes)
    for definition in plan.definitions:
        yield described(definition, plan)


def described(definition: Definition, plan: Plan) -> str:
    """A line on what becomes of a definition."""
    verb = "replace" if definition.name in plan.replaced else "create"
    return f"{verb} {kind_of(definition)} {definition.name}"


def conflict_table(conflicts: Iterable[Conflict]) -> Iterator[str]:
    """Live against declared, aligned."""
    rows = [("NAME", "WHAT", "LIVE", "DECLARED")]
    rows += [(one.table, one.what, one.live, one.declared) for one in conflicts]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _expiring(
    registry: Registry, historic: Historic, live: Live, expire_days: int | None
) -> Iterator[str]:
    """What the warehouse deletes by itself without having been asked to by this run."""
    own = tuple(table.name for table in all_tables(registry))  # those put aside begin so
    history = {live.key(one.name) for subject in registry for one in historic.of(subject)}
    asked = after_days(expire_days) if expire_days else ""
    for key, table in live.tables.items():
        if table.expires not in ("", asked) and (table.name.startswith(own) or key in history):
            yield f"{table.name}: {table.expires}; that stays so until you change it"


def _large(registry: Registry, historic: Historic, live: Live) -> Iterator[str]:
    for dataset in registry.values():
        for one in historic.of(dataset.subject):
            table = live.table(one.name)
            if table and table.laid_out and not table.partition and (table.bytes or 0) > _LARGE:
                size = (table.bytes or 0) / 1e9
                view = f"bmrs_{dataset.subject.lower()}_unified"
                yield (
                    f"{table.name}: {size:,.0f} GB and not partitioned by a day: a query of {view} "
                    "reads its columns whole, whatever days it asks for"
                )
