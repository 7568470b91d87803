"""Columns in runs behave like the lists that they stand for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.runs import Runs
from pipeline.sinks.arrow import to_arrow
from pipeline.sinks.base import Write
from pipeline.sinks.proto import RowEncoder
from schemas.model import Column, Table

RUNS = st.lists(st.tuples(st.none() | st.text(max_size=5), st.integers(0, 4)), max_size=6)
COLUMN = Column("c", "STRING")


def made(runs: list[tuple[str | None, int]]) -> tuple[Runs, list[str | None]]:
    values, counts = [value for value, _ in runs], [count for _, count in runs]
    return Runs(values, counts), [value for value, count in runs for _ in range(count)]


@given(RUNS, st.integers(-8, 8), st.integers(-8, 8))
def test_as_a_sequence(runs: list[tuple[str | None, int]], start: int, stop: int) -> None:
    column, plain = made(runs)

    assert list(column) == plain
    assert len(column) == len(plain)
    assert column[start:stop] == plain[start:stop]
    assert column == plain
    assert (column == [*plain, "more"]) is False


@given(st.lists(RUNS, max_size=4))
def test_join(parts: list[list[tuple[str | None, int]]]) -> None:
    columns = [made(runs) for runs in parts]

    assert list(Runs.join(column for column, _ in columns)) == [
        one for _, plain in columns for one in plain
    ]


@given(RUNS)
def test_encoders_make_no_difference(runs: list[tuple[str | None, int]]) -> None:
    column, plain = made(runs)
    table = Table("t", (COLUMN,))
    in_runs = Write(table, (COLUMN,), [column], len(plain))
    in_list = Write(table, (COLUMN,), [plain], len(plain))

    assert to_arrow(in_runs).equals(to_arrow(in_list))
    assert RowEncoder((COLUMN,)).encode(in_runs) == RowEncoder((COLUMN,)).encode(in_list)


def test_map_asks_once_for_each_run() -> None:
    asked: list[str] = []
    column = Runs(["a", "b"], [3, 2])

    assert list(column.map(lambda value: asked.append(value) or value.upper())) == [*"AAABB"]
    assert asked == ["a", "b"]
