"""What a warehouse must do for the pipeline, and what can go wrong.

A sink takes typed columns for any number of tables in one call and answers for each row. Faults
fall into three kinds: a row or table that will not take the data however often it is sent
(a ``Refusal``; the row becomes a dead letter), a passing fault that outlasted the sink's own
retries (``TransientError``; the bundle is delivered again), and a setting that is wrong
(``WarehouseError``; a person must mend it).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.reject import Reason
from schemas.model import Column, Table


class WarehouseError(Exception):
    """A wrong setting or a warehouse that is not ready; the text says what to do."""


class TransientError(Exception):
    """A passing fault that outlasted the retries; sending the same data again may succeed."""


class Refusal(NamedTuple):
    """A row that the warehouse will not take: its place in the write, the reason, the words."""

    row: int
    reason: Reason
    detail: str


@dataclass(slots=True)
class Write:
    """Rows for one table, column by column.

    Attributes:
        table: where they go.
        columns: which columns ``values`` holds, in that order; the table's others stay NULL.
        values: canonical values (see ``pipeline.convert``); JSON as text, BYTES as bytes.
        count: the number of rows.
    """

    table: Table
    columns: tuple[Column, ...]
    values: list[Sequence[Any]]
    count: int

    def slice(self, start: int, stop: int) -> Write:
        """The rows from ``start`` up to ``stop``."""
        values = [column[start:stop] for column in self.values]
        return Write(self.table, self.columns, values, stop - start)


class Warehouse(ABC):
    """One warehouse as seen by one process. Safe to use from several threads."""

    @abstractmethod
    def append(self, writes: Sequence[Write]) -> list[list[Refusal]]:
        """Writes all rows of all ``writes``, answering for each write with its refused rows.

        On return every row that is not refused is durable. At least once: after an error, or a
        lost answer, rows may have been written already.

        Raises:
            TransientError: the fault lasted longer than the retries.
            WarehouseError: nothing can be written before a person changes something.
        """

    @abstractmethod
    def missing_columns(self, table: Table) -> frozenset[str]:
        """The declared columns that the live table lacks; looked up on first use, then kept.

        Empty for a table that cannot be looked at: ``append`` will tell why.
        """

    def close(self) -> None:  # noqa: B027
        """Ends connections, if there are any; the warehouse is not used afterwards."""


def isolate(
    write: Write, attempt: Callable[[Write], Exception | None], offset: int = 0
) -> list[Refusal]:
    """Finds the rows that make ``attempt`` fail by halving, and writes all the others.

    ``attempt`` writes a part and returns the fault, or None when the part is written. For ``b``
    bad rows among ``n`` it is called at most about ``2 b log2(n)`` times.
    """
    if not write.count:
        return []
    fault = attempt(write)
    if fault is None:
        return []
    if write.count == 1:
        return [Refusal(offset, Reason.ROW_REFUSED, first_line(fault))]
    half = write.count // 2
    return [
        *isolate(write.slice(0, half), attempt, offset),
        *isolate(write.slice(half, write.count), attempt, offset + half),
    ]


def first_line(fault: Exception) -> str:
    """What went wrong, in one line."""
    return (str(fault).strip() or repr(fault)).splitlines()[0].rstrip()


def refuse_all(write: Write, reason: Reason, detail: str) -> list[Refusal]:
    """Every row of ``write``, refused for the same reason."""
    return [Refusal(row, reason, detail) for row in range(write.count)]
