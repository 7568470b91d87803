"""Which views and functions are to be made, and which must not be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.changes import FREE_THE_NAME, KEEP_HISTORY, Conflict
from schemas.live import VIEW, Live, LiveRoutine, LiveTable
from schemas.views.model import Definition, View


@dataclass(frozen=True)
class Making:
    """What becomes of the definitions.

    Attributes:
        made: those that are not there or are other ones, each behind what it needs.
        replaced: the names of those among them that are there.
        conflicts: what stays as it is.
        notes: what is left out for that, a line for each cause.
    """

    made: Sequence[Definition]
    replaced: frozenset[str]
    conflicts: Sequence[Conflict]
    notes: Sequence[str]


def compare(
    definitions: Iterable[Definition],
    live: Live,
    mark_of: Callable[[Definition], str],
    *,
    joining: Collection[str] = (),
    blocked: Iterable[str] = (),
    without_history: bool = False,
) -> Making:
    """What is to be made of ``definitions``, which stand each behind what it needs.

    What ``apply`` made has a mark; whatever else has a name that is needed stays as it is, and
    what needs it is left out.

    Args:
        live: what is there.
        mark_of: the mark of a definition that is in place.
        joining: names of the views that join history.
        blocked: names of tables that cannot be read as declared.
        without_history: views may stop reading a historic table that is there.
    """
    made: dict[str, Definition] = {}
    replaced = set()
    conflicts: list[Conflict] = []
    cause = {name: name for name in blocked}
    left: dict[str, list[str]] = {}
    for one in definitions:
        there = _there(one, live)
        # A view remembers the columns of what it reads: it is made anew with them.
        is_stale = not one.needs.isdisjoint(made)
        if there is not None and not is_stale and there.mark == mark_of(one):
            continue
        found = list(_conflicts(one, there))
        if one.name in joining and not without_history and isinstance(there, LiveTable):
            found += _lost(one, there, live)
        lacking = sorted(one.needs & cause.keys())
        if found:
            conflicts += found
            cause[one.name] = one.name
        elif lacking:
            cause[one.name] = cause[lacking[0]]
            left.setdefault(cause[one.name], []).append(one.name)
        else:
            made[one.name] = one
            if there is not None:
                replaced.add(one.name)
    notes = [
        f"left as they are, because they need {name}: {', '.join(names)}"
        for name, names in left.items()
    ]
    return Making([*made.values()], frozenset(replaced), conflicts, notes)


def kind_of(definition: Definition) -> str:
    """What a definition is, in words."""
    if isinstance(definition, View):
        return "table function" if definition.parameters else VIEW
    return "function"


def _there(one: Definition, live: Live) -> LiveTable | LiveRoutine | None:
    return live.table(one.name) if kind_of(one) == VIEW else live.routine(one.name)


def _conflicts(one: Definition, there: LiveTable | LiveRoutine | None) -> Iterator[Conflict]:
    """What has the name is of somebody else."""
    if there is None or there.mark is not None:
        return
    kind = kind_of(one)
    if kind == VIEW and there.kind != VIEW:
        yield Conflict(one.name, "kind", there.kind, kind, FREE_THE_NAME)
    else:
        yield Conflict(one.name, "maker", f"another ({there.kind})", "apply", FREE_THE_NAME)


def _lost(one: Definition, there: LiveTable, live: Live) -> Iterator[Conflict]:
    """What a view that is there reads, and would not read any more, though it is still there."""
    needed = {live.key(name) for name in one.needs}
    for name in sorted(there.reads):
        table = live.table(name)
        if live.key(name) not in needed and table is not None and table.mark is None:
            yield Conflict(one.name, "history", f"reads {name}", "does not", KEEP_HISTORY)
