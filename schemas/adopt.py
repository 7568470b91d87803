"""Old tables under this project's names: renamed, and a new table in their place.

``apply`` never gives a column another type. A table of the system before, with other types or
without partitions, is adopted instead: under its other name it is one more source of the unified
view, which casts its columns. No row is copied, so none can be missed: the table gets another name
with all that is in it and belongs to it, and the old one back on the way back. What an interrupted
run leaves is told by the names alone, and the next one goes on there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.changes import Change, Conflict, CreateTable, Rename, changes
from schemas.live import TABLE, Live
from schemas.model import Table
from schemas.views.catalog import AFTER, ASIDE, put_aside


@dataclass(frozen=True)
class Turn:
    """What becomes of one of the declared tables.

    Attributes:
        table: its name.
        steps: what is done, all of it or nothing where the warehouse can.
        hindrance: why it cannot be done and what to do about that; empty where it can.
    """

    table: str
    steps: tuple[Change, ...]
    hindrance: str = ""


def adoption(tables: Iterable[Table], live: Live) -> Iterator[Turn]:
    """Puts aside each table that is not as declared, and makes the declared one."""
    for table in tables:
        found = live.table(table.name)
        made = CreateTable(table)
        if found is None:
            if put_aside(live, table.name, ASIDE):  # it was interrupted here
                yield Turn(table.name, (made,))
        elif found.kind != TABLE:
            hindrance = f"it is no table ({found.kind}): give it another name, and run apply"
            yield Turn(table.name, (), hindrance)
        elif any(isinstance(one, Conflict) for one in changes([table], live, described=False)):
            renamed = Rename(found.name, _free(live, table.name, ASIDE))
            yield Turn(table.name, (renamed, made), found.hindrance)


def way_back(tables: Iterable[Table], live: Live) -> Iterator[Turn]:
    """Gives each table that was put aside last its name back; the one in its place is put aside."""
    for table in tables:
        aside = put_aside(live, table.name, ASIDE)
        if not aside:
            continue
        _, old = aside[0]
        found = live.table(table.name)
        steps = [Rename(old.name, table.name)]
        hindrance = old.hindrance
        if found is not None:
            steps.insert(0, Rename(found.name, _free(live, table.name, AFTER)))
            hindrance = found.hindrance or hindrance
        yield Turn(table.name, tuple(steps), hindrance)


def _free(live: Live, table: str, ending: str) -> str:
    """The name behind all that are taken: the last one comes back first."""
    aside = put_aside(live, table, ending)
    return f"{table}{ending}" + (f"_{aside[0][0] + 1}" if aside else "")
