"""Brings a warehouse to what the schema files declare; adds, and never takes away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.changes import Change, Conflict, changes, foreseen
from schemas.historic import Historic
from schemas.live import Live
from schemas.registry import Registry
from schemas.tables import all_tables
from schemas.views.catalog import catalog
from schemas.views.model import Definition, View
from schemas.warehouses import Warehouse

#: A historic table of this size that is not partitioned is worth a word (bytes).
_LARGE = 1_000_000_000


@dataclass(frozen=True)
class Plan:
    """What is to be done, and what cannot be.

    Attributes:
        changes: of tables, in order.
        definitions: views and functions that are not there or are other ones than declared, in the
            order in which they can be created.
        replaced: the names of those that are there.
        conflicts: what stays as it is.
        notes: what a user should know, a line each.
    """

    changes: Sequence[Change]
    definitions: Sequence[Definition]
    replaced: frozenset[str]
    conflicts: Sequence[Conflict]
    notes: Sequence[str]

    @property
    def is_empty(self) -> bool:
        """True where nothing is to be done."""
        return not self.changes and not self.definitions


def plan(registry: Registry, historic: Historic, live: Live, warehouse: Warehouse) -> Plan:
    """What it takes to bring ``warehouse``, which holds ``live``, to what is declared."""
    found = list(changes(all_tables(registry), live, described=warehouse.described))
    conflicts = [one for one in found if isinstance(one, Conflict)]
    made = [one for one in found if not isinstance(one, Conflict)]
    views = catalog(registry, historic, foreseen(live, made))
    definitions: dict[str, Definition] = {}
    replaced = set()
    for one in views.definitions:
        there = live.views.get(one.name.lower())
        # A view remembers the columns of what it reads: it is made anew with them.
        is_stale = not one.needs.isdisjoint(definitions)
        if there is None or is_stale or there.text != warehouse.text_of(one):
            definitions[one.name] = one
            if there is not None:
                replaced.add(one.name)
    notes = [f"{table}: not in the unified view: {why}" for table, why in views.unused.items()]
    notes += _large(registry, historic, live)
    return Plan(made, [*definitions.values()], frozenset(replaced), conflicts, notes)


def carry_out(plan: Plan, warehouse: Warehouse) -> Iterator[str]:
    """Does it, a line for each step when it is done. What is done stays done: run it again."""
    made = warehouse.prepare()
    if made:
        yield made
    with warehouse.working():
        for change in plan.changes:
            warehouse.make(change)
            yield str(change)
        for definition in plan.definitions:
            warehouse.define(definition)
            yield described(definition, plan)


def steps(plan: Plan) -> Iterator[str]:
    """The same lines without doing anything."""
    yield from map(str, plan.changes)
    for definition in plan.definitions:
        yield described(definition, plan)


def described(definition: Definition, plan: Plan) -> str:
    """A line on what becomes of a definition."""
    verb = "replace" if definition.name in plan.replaced else "create"
    kind = "function"
    if isinstance(definition, View):
        kind = "table function" if definition.parameters else "view"
    return f"{verb} {kind} {definition.name}"


def conflict_table(conflicts: Iterable[Conflict]) -> Iterator[str]:
    """Live against declared, aligned."""
    rows = [("TABLE", "WHAT", "LIVE", "DECLARED")]
    rows += [(one.table, one.what, one.live, one.declared) for one in conflicts]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


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
