"""What all sinks share: errors, and finding the rows that a warehouse refuses."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reject import Reason
from pipeline.sinks.base import (
    Refusal,
    TransientError,
    WarehouseError,
    Write,
    first_line,
    isolate,
    refuse_all,
)
from tests.pipeline.sinks.support import GOOD, numbers


class Picky:
    """Takes a part of a write unless a bad number is in it; remembers what it took."""

    def __init__(self, bad: set[int]) -> None:
        self.bad = bad
        self.taken: list[int] = []
        self.attempts = 0

    def __call__(self, part: Write) -> Exception | None:
        self.attempts += 1
        rows: Sequence[Any] = part.values[0]
        assert part.count == len(rows) == len(part.values[1])
        hit = [row for row in rows if row in self.bad]
        if hit:
            return ValueError(f"cannot take {hit[0]}\nfor many reasons")
        self.taken += rows
        return None


@given(st.integers(0, 70).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n)))))
def test_isolate_finds_exactly_the_bad_rows(case: tuple[int, set[int]]) -> None:
    count, marked = case
    bad = {row for row in marked if row < count}
    warehouse = Picky(bad)
    refusals = isolate(numbers(GOOD, *range(count)), warehouse)
    assert refusals == [
        Refusal(row, Reason.ROW_REFUSED, f"cannot take {row}") for row in sorted(bad)
    ]
    assert warehouse.taken == [row for row in range(count) if row not in bad]
    assert warehouse.attempts <= 1 + 2 * len(bad) * math.ceil(math.log2(count or 1))


def test_isolate_without_rows() -> None:
    assert isolate(numbers(GOOD), lambda part: ValueError("no")) == []


def test_isolate_passes_on_what_is_no_fault_of_a_row() -> None:
    def fail(part: Write) -> Exception | None:
        raise TransientError("the disk is full")

    with pytest.raises(TransientError, match="the disk is full"):
        isolate(numbers(GOOD, 1, 2), fail)


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (ValueError("\n one \n two"), "one"),
        (ValueError(), "ValueError()"),
        (ValueError("  "), "ValueError('  ')"),
    ],
)
def test_a_fault_in_one_line(fault: Exception, line: str) -> None:
    assert first_line(fault) == line


def test_refuse_all() -> None:
    reason = Reason.TABLE_UNAVAILABLE
    refusals = refuse_all(numbers(GOOD, 5, 6), reason, "gone")
    assert refusals == [Refusal(0, reason, "gone"), Refusal(1, reason, "gone")]


def test_a_slice_of_a_write() -> None:
    assert numbers(GOOD, 1, 2, 3, 4).slice(1, 3) == numbers(GOOD, 2, 3)


@pytest.mark.parametrize("kind", [WarehouseError, TransientError])
def test_errors_survive_the_way_between_processes(kind: type[Exception]) -> None:
    error = pickle.loads(pickle.dumps(kind("table p.d.t: say what to do")))
    assert (type(error), str(error)) == (kind, "table p.d.t: say what to do")
