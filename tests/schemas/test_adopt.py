"""Which tables are renamed, and to what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.adopt import Turn, adoption, way_back
from schemas.changes import CreateTable, Rename
from schemas.live import Live, LiveTable, as_declared
from schemas.model import Column, Table

TABLE = Table("tide", (Column("at", "DATETIME"),))
NEW_TABLE = as_declared(TABLE)
OLD_TABLE = LiveTable("tide", (Column("at", "STRING"),))


def named(table: LiveTable, ending: str) -> LiveTable:
    return LiveTable(f"tide{ending}", table.columns)


@pytest.mark.parametrize(
    ("there", "turns"),
    [
        ([], []),
        ([NEW_TABLE], []),
        ([NEW_TABLE, named(OLD_TABLE, "_adopted")], []),
        ([OLD_TABLE], [Turn("tide", (Rename("tide", "tide_adopted"), CreateTable(TABLE)))]),
        ([named(OLD_TABLE, "_adopted")], [Turn("tide", (CreateTable(TABLE),))]),
        ([named(OLD_TABLE, "_adopted_2")], [Turn("tide", (CreateTable(TABLE),))]),
        ([named(NEW_TABLE, "_after_adoption")], []),
        (
            [OLD_TABLE, named(OLD_TABLE, "_adopted")],
            [Turn("tide", (Rename("tide", "tide_adopted_2"), CreateTable(TABLE)))],
        ),
        (
            [OLD_TABLE, named(OLD_TABLE, "_adopted_9"), named(OLD_TABLE, "_adopted_10")],
            [Turn("tide", (Rename("tide", "tide_adopted_11"), CreateTable(TABLE)))],
        ),
    ],
)
def test_what_is_put_aside(there: list[LiveTable], turns: list[Turn]) -> None:
    assert list(adoption([TABLE], Live.of(there))) == turns


@pytest.mark.parametrize(
    ("there", "steps"),
    [
        ([], None),
        ([NEW_TABLE], None),
        ([NEW_TABLE, named(NEW_TABLE, "_after_adoption")], None),
        ([named(OLD_TABLE, "_adopted")], [("tide_adopted", "tide")]),
        (
            [NEW_TABLE, named(OLD_TABLE, "_adopted")],
            [("tide", "tide_after_adoption"), ("tide_adopted", "tide")],
        ),
        (
            [
                *(NEW_TABLE, named(OLD_TABLE, "_adopted"), named(OLD_TABLE, "_adopted_2")),
                named(NEW_TABLE, "_after_adoption"),
            ],
            [("tide", "tide_after_adoption_2"), ("tide_adopted_2", "tide")],
        ),
    ],
)
def test_what_comes_back(there: list[LiveTable], steps: list[tuple[str, str]] | None) -> None:
    wanted = [] if steps is None else [Turn("tide", tuple(Rename(*pair) for pair in steps))]
    assert list(way_back([TABLE], Live.of(there))) == wanted


def test_what_hinders_either_table_hinders_the_way_back() -> None:
    own = replace(NEW_TABLE, hindrance="Streamed into.")
    aside = replace(named(OLD_TABLE, "_adopted"), hindrance="Has an index.")
    [both] = way_back([TABLE], Live.of([own, aside]))
    [old] = way_back([TABLE], Live.of([NEW_TABLE, aside]))
    [new] = way_back([TABLE], Live.of([own, named(OLD_TABLE, "_adopted")]))
    assert [both.hindrance, old.hindrance, new.hindrance] == [
        *("Streamed into.", "Has an index.", "Streamed into."),
    ]


@pytest.mark.parametrize("name", ["tide_adopted_1", "tide_adopted_02", "tide_adopted_", "a_tide"])
def test_other_names_are_nobodys_affair(name: str) -> None:
    assert list(way_back([TABLE], Live.of([LiveTable(name, ())]))) == []
