"""All views and functions of a warehouse, in the order in which they can be created."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from schemas.ddl import bigquery_identifier
from schemas.historic import Historic, HistoricTable
from schemas.live import TABLE, Live, LiveTable, as_declared
from schemas.model import Dataset
from schemas.registry import Registry
from schemas.tables import table_for
from schemas.views import conflicts, facts, freshness, resolved, settlement
from schemas.views.facts import ADOPTED, HISTORIC, LIVE, Source
from schemas.views.model import Definition, in_order
from schemas.views.queries import queries

#: What the name of a table gets that is put aside (``python -m schemas adopt``), and that of the
#: table in its place when the old one comes back. A number follows where the name is taken: ``_2``.
ASIDE: Final = "_adopted"
AFTER: Final = "_after_adoption"

#: Names that stand in a statement as they are, whatever words a dialect reserves.
_PLAIN: Final = re.compile(r"(?:bmrs|iris)_\w+", re.ASCII)
#: What no name in backticks can hold; a dot would end it.
_UNSAYABLE: Final = re.compile(r"[.`\\]")


class Catalog(NamedTuple):
    """What can be made of the tables that are there.

    Attributes:
        definitions: each behind what it needs.
        unused: why a historic or put-aside table that is there is not used, by its name.
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
    found.append(conflicts.key_conflicts_between(registry.values()))
    if any(one.cadence_seconds for one in registry.values()):
        found.append(freshness.freshness(registry.values()))
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


def put_aside(live: Live, table: str, ending: str) -> list[tuple[int, LiveTable]]:
    """The tables that were put aside for ``table``, each with its number, the last one first.

    Args:
        ending: ``ASIDE`` or ``AFTER``.
    """
    name = re.compile(rf"{re.escape(live.key(table + ending))}(?:_([2-9]|[1-9]\d+))?")
    found = [(name.fullmatch(key), one) for key, one in live.tables.items()]
    numbered = [(int(match[1] or 1), one) for match, one in found if match]
    return sorted(numbered, key=lambda pair: -pair[0])


def _sources(
    dataset: Dataset, historic: Historic, live: Live, unused: dict[str, str]
) -> list[Source]:
    """The live table first, then what this project wrote itself, then what is older."""
    own = live.table(dataset.table_name)
    if own is None or own.kind != TABLE:
        own = as_declared(table_for(dataset))
    sources = [Source(own, LIVE)]
    named = historic.of(dataset.subject)
    aside = [
        one for ending in (AFTER, ASIDE) for _, one in put_aside(live, dataset.table_name, ending)
    ]
    names = {one.name for one in aside}
    instead = {live.key(one.name): one for one in named}
    candidates = [_source(one, ADOPTED, instead.get(live.key(one.name))) for one in aside]
    for one in named:
        table = live.table(one.name)
        if table is not None and table.name not in names:
            candidates.append(_source(table, HISTORIC, one))
    for source in candidates:
        reason = _unusable(dataset, source, live)
        if reason:
            unused[source.table.name] = reason
        else:
            sources.append(replace(source, table=_said(source.table)))
    return sources


def _source(table: LiveTable, label: str, named: HistoricTable | None) -> Source:
    return Source(table, label, named.instead if named else {})


def _unusable(dataset: Dataset, source: Source, live: Live) -> str:
    name = source.table.name
    if source.table.mark is not None or live.key(name) == live.key(dataset.table_name):
        return "it is this project's own: name a table of yours"
    if _UNSAYABLE.search(name):
        return "a view of BigQuery's dialect cannot name it: make a view of a plain name over it"
    lacking = [one for one in dataset.natural_key if source.column(one) is None]
    if lacking:
        return (
            f"it has no {', '.join(lacking)}, which {dataset.subject} is recognised by: name "
            "other columns for them in the file of historic tables, or leave it out there"
        )
    odd = [
        f"{one.name} ({found.type})"
        for one in dataset.columns
        if one.name in dataset.natural_key
        and (found := source.column(one.name)) is not None
        and not source.gives(one)
    ]
    if odd:
        return (
            f"no value of its {', '.join(odd)} converts: make a view over it that has other types"
        )
    return ""


def _said(table: LiveTable) -> LiveTable:
    """The table by its name as it stands in a statement."""
    if _PLAIN.fullmatch(table.name):
        return table
    return replace(table, name=bigquery_identifier(table.name))
