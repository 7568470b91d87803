"""All views and functions of a warehouse, in the order in which they can be created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.historic import Historic
from schemas.live import Live, as_declared
from schemas.model import Dataset
from schemas.registry import Registry
from schemas.tables import table_for
from schemas.views import conflicts, facts, resolved, settlement
from schemas.views.facts import ADOPTED, HISTORIC, LIVE, Source
from schemas.views.model import Definition, in_order
from schemas.views.queries import queries

#: What the name of a table gets when it is copied aside (``python -m schemas adopt``).
ASIDE = "_adopted"


class Catalog(NamedTuple):
    """What can be made of the tables that are there.

    Attributes:
        definitions: each behind what it needs.
        unused: why a historic table that is there is not used, by its name.
    """

    definitions: list[Definition]
    unused: dict[str, str]


def catalog(registry: Registry, historic: Historic, live: Live) -> Catalog:
    """The definitions for all datasets of ``registry``.

    Args:
        historic: which tables may hold their history.
        live: the tables that are there; a dataset's own counts as declared where it is missing.
    """
    unused: dict[str, str] = {}
    found: list[Definition] = [*settlement.FUNCTIONS]
    for dataset in registry.values():
        found += _of_dataset(dataset, _sources(dataset, historic, live, unused))
    found.append(conflicts.key_conflicts(registry.values()))
    names = {one.name for one in found} | {dataset.table_name for dataset in registry.values()}
    found += [one for one in queries() if one.needs <= names | {one.name for one in queries()}]
    return Catalog(in_order(found), unused)


def _of_dataset(dataset: Dataset, sources: list[Source]) -> Iterator[Definition]:
    yield facts.unified(dataset, sources)
    yield facts.latest(dataset)
    between = facts.latest_between(dataset)
    if between is not None:
        yield between
    if dataset.declarations:
        yield resolved.resolved(dataset)
        yield resolved.resolved_between(dataset)


def _sources(
    dataset: Dataset, historic: Historic, live: Live, unused: dict[str, str]
) -> list[Source]:
    own = live.table(dataset.table_name) or as_declared(table_for(dataset))
    sources = [Source(own, LIVE)]
    aside = live.table(dataset.table_name + ASIDE)
    candidates = [] if aside is None else [Source(aside, ADOPTED)]
    for one in historic.of(dataset.subject):
        table = live.table(one.name)
        if table is not None:
            candidates.append(Source(table, HISTORIC, one.instead))
    for source in candidates:
        lacking = [name for name in dataset.natural_key if source.column(name) is None]
        if lacking:
            unused[source.table.name] = (
                f"it has no {', '.join(lacking)}, which {dataset.subject} is recognised by: name "
                "other columns for them in the file of historic tables, or leave it out there"
            )
        else:
            sources.append(source)
    return sources
