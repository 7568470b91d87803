"""Rows of many owners, written in one call."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reject import Reason
from pipeline.sinks import bundle as bundle_module
from pipeline.sinks.base import Refusal, TransientError, Warehouse, Write
from pipeline.sinks.bundle import Answer, Bundle, bundle_of
from schemas.model import Column, Table
from tests.pipeline.sinks.support import GOOD, NUMBER, OTHER, THIRD

BAD = "is bad"


class Memory(Warehouse):
    """A warehouse in memory: keeps rows by table, refuses rows whose number is in ``bad``."""

    def __init__(self, bad: frozenset[int] = frozenset(), fail: int = 0) -> None:
        self.bad = bad
        self.fail = fail
        self.calls: list[list[str]] = []
        self.tables: dict[str, list[tuple[Any, ...]]] = {}

    def append(self, writes: Sequence[Write]) -> list[list[Refusal]]:
        self.calls.append([write.table.name for write in writes])
        if self.fail:
            self.fail -= 1
            raise TransientError("not now")
        return [self._append_one(write) for write in writes]

    def _append_one(self, write: Write) -> list[Refusal]:
        refusals = []
        names = [column.name for column in write.columns]
        rows = list(zip(*write.values, strict=True))
        assert len(rows) == write.count
        for at, row in enumerate(rows):
            if row[names.index("n")] in self.bad:
                refusals.append(Refusal(at, Reason.ROW_REFUSED, BAD))
            else:
                self.tables.setdefault(write.table.name, []).append(row)
        return refusals[::-1]  # in any order

    def missing_columns(self, table: Table) -> frozenset[str]:
        return frozenset()


def add(
    bundle: Bundle,
    owner: str,
    item: Any,
    *rows: int,
    size: int = 1,
    columns: tuple[Column, ...] = NUMBER,
) -> None:
    values: list[Sequence[Any]] = [list(rows), [str(row) for row in rows]]
    bundle.add(owner, columns, item, values[: len(columns)], len(rows), size)


def bad(*rows: int) -> list[Refusal]:
    return [Refusal(row, Reason.ROW_REFUSED, BAD) for row in rows]


def test_one_call_for_all_owners() -> None:
    warehouse = Memory(bad=frozenset({2, 5}))
    bundle = Bundle(warehouse)
    for owner, table in (("a", GOOD), ("b", OTHER), ("c", THIRD)):
        bundle.begin(owner, table)
    add(bundle, "a", "first", 1, 2)
    add(bundle, "b", "second", 3)
    add(bundle, "a", "third", 4, 5, 6)
    assert bundle.ready("a") == []
    assert bundle.finish("a") == [Answer("first", bad(1)), Answer("third", bad(1))]
    assert bundle.finish("b") == [Answer("second", [])]
    assert bundle.finish("c") == []
    assert warehouse.calls == [["good", "other"]]
    assert warehouse.tables == {"good": [(1, "1"), (4, "4"), (6, "6")], "other": [(3, "3")]}
    assert bundle.finish("a") == []


def test_what_is_added_after_the_first_has_ended_is_written_too() -> None:
    warehouse = Memory()
    bundle = Bundle(warehouse)
    bundle.begin("rows", GOOD)
    bundle.begin("dead letters", OTHER)
    add(bundle, "rows", "message", 1)
    assert bundle.finish("rows") == [Answer("message", [])]
    add(bundle, "dead letters", "reject", 2)
    assert bundle.finish("dead letters") == [Answer("reject", [])]
    assert warehouse.calls == [["good"], ["other"]]


def test_items_without_rows_are_answered() -> None:
    warehouse = Memory()
    bundle = Bundle(warehouse)
    bundle.begin("a", GOOD)
    add(bundle, "a", "empty")
    assert bundle.finish("a") == [Answer("empty", [])]
    assert warehouse.calls == []


def test_rows_of_different_columns_are_different_writes() -> None:
    warehouse = Memory(bad=frozenset({2}))
    bundle = Bundle(warehouse)
    bundle.begin("a", GOOD)
    add(bundle, "a", "narrow", 1, columns=NUMBER[:1])
    add(bundle, "a", "wide", 2)
    add(bundle, "a", "narrow again", 3, columns=NUMBER[:1])
    answers = bundle.finish("a")
    assert sorted(answers) == [
        Answer("narrow", []),
        Answer("narrow again", []),
        Answer("wide", bad(0)),
    ]
    assert warehouse.tables == {"good": [(1,), (3,)]}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "FLUSH_BYTES", 100)
    warehouse = Memory()
    bundle = Bundle(warehouse)
    bundle.begin("a", GOOD)
    bundle.begin("b", OTHER)
    add(bundle, "a", 1, 1, size=99)
    assert warehouse.calls == []
    add(bundle, "b", 2, 2, size=1)
    assert warehouse.calls == [["good", "other"]]
    assert bundle.ready("b") == [Answer(2, [])]
    add(bundle, "a", 3, 3, size=99)
    assert len(warehouse.calls) == 1
    assert bundle.finish("a") == [Answer(1, []), Answer(3, [])]
    assert warehouse.calls == [["good", "other"], ["good"]]


def test_a_bundle_that_failed_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "FLUSH_BYTES", 100)
    warehouse = Memory(fail=1)
    bundle = Bundle(warehouse)
    bundle.begin("a", GOOD)
    bundle.begin("b", OTHER)
    add(bundle, "a", "lost", 1)
    add(bundle, "b", "empty")
    with pytest.raises(TransientError):
        bundle.finish("a")
    add(bundle, "b", "not written", 2, size=60)

    # The next bundle of this thread: of b's transform there is nothing in it.
    bundle.begin("a", GOOD)
    bundle.begin("c", THIRD)
    add(bundle, "a", "again", 1, size=60)
    assert warehouse.calls == [["good"]]
    assert bundle.finish("a") == [Answer("again", [])]
    assert bundle.finish("c") == []
    assert warehouse.calls == [["good"], ["good"]]
    assert warehouse.tables == {"good": [(1, "1")]}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.lists(st.integers(0, 99), max_size=4)), max_size=12
    ),
    st.frozensets(st.integers(0, 99), max_size=50),
    st.integers(1, 6),
)
def test_every_item_learns_the_fate_of_its_rows(
    items: list[tuple[str, list[int]]], bad_rows: frozenset[int], flush_every: int
) -> None:
    warehouse = Memory(bad_rows)
    bundle = Bundle(warehouse)
    tables = {"a": GOOD, "b": OTHER, "c": THIRD}
    answers: dict[str, list[Answer[int]]] = {owner: [] for owner in tables}
    for owner, table in tables.items():
        bundle.begin(owner, table)
    for number, (owner, rows) in enumerate(items):
        full = bundle_module.FLUSH_BYTES if number % flush_every == 0 else 0
        add(bundle, owner, number, *rows, size=full)
        answers[owner] += bundle.ready(owner)
    for owner in tables:
        answers[owner] += bundle.finish(owner)
    assert {owner: sorted(got) for owner, got in answers.items()} == {
        owner: [
            Answer(number, bad(*(at for at, row in enumerate(rows) if row in bad_rows)))
            for number, (whose, rows) in enumerate(items)
            if whose == owner
        ]
        for owner in tables
    }
    kept = {table.name: [] for table in tables.values()} | {
        name: sorted(n for n, _ in rows) for name, rows in warehouse.tables.items()
    }
    assert kept == {
        table.name: sorted(
            row for whose, rows in items if whose == owner for row in rows if row not in bad_rows
        )
        for owner, table in tables.items()
    }


def test_each_thread_has_its_own() -> None:
    warehouse = Memory()
    mine = bundle_of(warehouse)
    assert bundle_of(warehouse) is mine
    seen: list[Bundle] = []
    thread = threading.Thread(target=lambda: seen.append(bundle_of(warehouse)))
    thread.start()
    thread.join()
    assert seen[0] is not mine


def test_a_warehouse_that_is_no_longer_used_is_let_go() -> None:
    first, second = Memory(), Memory()
    assert bundle_of(first).warehouse is first
    gone = weakref.ref(first)
    assert bundle_of(second).warehouse is second
    del first
    gc.collect()
    assert gone() is None
