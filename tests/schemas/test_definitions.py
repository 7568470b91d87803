"""Which views and functions are made, replaced or left alone."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.changes import FREE_THE_NAME, KEEP_HISTORY, Conflict
from schemas.definitions import Making, compare, kind_of
from schemas.live import Live, LiveRoutine, LiveTable
from schemas.views.model import Definition, Function, Parameter, View

DAY = (Parameter("day", "DATE"),)
BASE = View("base", "SELECT 1 FROM iris.rows", "")
OVER = View("over", "SELECT 1 FROM iris.base", "")
TOP = View("top", "SELECT 1 FROM iris.over", "", parameters=DAY)
SUM = Function("sum_of", DAY, "DATE", "day", "")
ALL: list[Definition] = [SUM, BASE, OVER, TOP]


def view(name: str, mark: str | None = "5f2a81c0", kind: str = "view", *reads: str) -> LiveTable:
    return LiveTable(name, (), kind=kind, mark=mark, reads=frozenset(reads))


ROUTINES = [
    LiveRoutine("sum_of", "function", "5f2a81c0"),
    LiveRoutine("top", "table function", "5f2a81c0"),
]


def making(live: Live, **more: Any) -> Making:
    return compare(ALL, live, lambda one: "5f2a81c0", **more)


def test_what_is_not_there_is_made() -> None:
    assert making(Live()) == Making(ALL, frozenset(), [], [])


def test_what_is_there_is_left() -> None:
    live = Live.of([view("base"), view("over")], ROUTINES)
    assert making(live) == Making([], frozenset(), [], [])


def test_what_is_another_one_is_replaced_and_so_is_what_is_over_it() -> None:
    live = Live.of([view("base"), view("over", "00000000")], ROUTINES)
    assert making(live) == Making([OVER, TOP], frozenset({"over", "top"}), [], [])


@pytest.mark.parametrize(
    ("theirs", "conflict"),
    [
        (view("base", None), Conflict("base", "maker", "another (view)", "apply", FREE_THE_NAME)),
        (
            view("base", None, "table"),
            Conflict("base", "kind", "table", "view", FREE_THE_NAME),
        ),
    ],
)
def test_what_is_somebody_elses_stays_and_what_needs_it_is_left_out(
    theirs: LiveTable, conflict: Conflict
) -> None:
    left = "left as they are, because they need base: over, top"
    assert making(Live.of([theirs])) == Making([SUM], frozenset(), [conflict], [left])
    live = Live.of([theirs, view("over")], ROUTINES)
    assert making(live) == Making([], frozenset(), [conflict], []), "what is there is not touched"


def test_a_function_of_somebody_elses() -> None:
    procedure = LiveRoutine("SUM_OF", "procedure")
    conflict = Conflict("sum_of", "maker", "another (procedure)", "apply", FREE_THE_NAME)
    assert making(Live.of([], [procedure])) == Making(
        [BASE, OVER, TOP], frozenset(), [conflict], []
    )
    both = Live.of([], [procedure, ROUTINES[0]])
    assert making(both).conflicts == [conflict], "two of one name: the other's counts"
    apart = Live.of([], [procedure], folds=False)
    assert making(apart) == Making(ALL, frozenset(), [], [])


def test_what_reads_a_table_that_is_none_is_left_out() -> None:
    left = "left as they are, because they need rows: base, over, top"
    assert making(Live(), blocked=["rows"]) == Making([SUM], frozenset(), [], [left])


def test_history_stays_in_a_view() -> None:
    old = view("base", "00000000", "view", "rows", "gone", "Old", "apart")
    live = Live.of([old, view("over"), view("apart"), LiveTable("old", ())], ROUTINES)
    conflict = Conflict("base", "history", "reads Old", "does not", KEEP_HISTORY)
    assert making(live, joining=["base"]) == Making([], frozenset(), [conflict], [])
    replaced = Making([BASE, OVER, TOP], frozenset({"base", "over", "top"}), [], [])
    assert making(live, joining=["base"], without_history=True) == replaced
    assert making(live, joining=["over"]) == replaced


def test_kinds() -> None:
    assert [kind_of(one) for one in ALL] == ["function", "view", "view", "table function"]
