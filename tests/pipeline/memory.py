"""A warehouse in memory: rows as dicts, and faults on demand."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.reject import Reason
from pipeline.sinks.base import Refusal, TransientError, Warehouse, Write, refuse_all
from schemas.model import Table

Row = dict[str, Any]


class MemoryWarehouse(Warehouse):
    """Takes every row, unless told otherwise.

    A call of ``append`` is written as a whole or not at all, and like the real ones it refuses a
    write whose columns the table lacks.

    Attributes:
        tables: rows by table, canonical values by column.
        calls: for each successful ``append`` its tables and how many rows each write had.
        refuses: by table, what tells why a row is refused, or None where it is taken.
        reason: the code of such a refusal.
        unavailable: by table, why it cannot be written at all.
        lacks: by table, the declared columns that it does not have.
        failures: how many calls of ``append`` fail from now on, with a TransientError.
        fails_late: such a call has written its rows nevertheless, as when an answer is lost.
        error: what ``append`` raises instead of anything else.
        on_append: called first in each ``append``.
    """

    def __init__(self) -> None:
        self.tables: defaultdict[str, list[Row]] = defaultdict(list)
        self.calls: list[list[tuple[str, int]]] = []
        self.refuses: dict[str, Callable[[Row], str | None]] = {}
        self.reason = Reason.ROW_REFUSED
        self.unavailable: dict[str, str] = {}
        self.lacks: dict[str, frozenset[str]] = {}
        self.failures = 0
        self.fails_late = False
        self.error: Exception | None = None
        self.on_append: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def append(self, writes: Sequence[Write]) -> list[list[Refusal]]:
        self.on_append()
        with self._lock:
            if self.error is not None:
                raise self.error
            if self.failures and not self.fails_late:
                self.failures -= 1
                raise TransientError("the warehouse is away")
            answers = [self._append_one(write) for write in writes]
            if self.failures:
                self.failures -= 1
                raise TransientError("the answer is lost")
            self.calls.append([(write.table.name, write.count) for write in writes])
            return answers

    def missing_columns(self, table: Table) -> frozenset[str]:
        return self.lacks.get(table.name, frozenset())

    def rows(self, table: str) -> list[Row]:
        """The rows of a table by message and record; bundles come in any order."""
        return sorted(self.tables[table], key=_place)

    def _append_one(self, write: Write) -> list[Refusal]:
        name = write.table.name
        fault = self.unavailable.get(name)
        lacking = self.missing_columns(write.table).intersection(c.name for c in write.columns)
        if lacking:
            fault = f"no columns {sorted(lacking)}"
        if fault is not None:
            return refuse_all(write, Reason.TABLE_UNAVAILABLE, fault)
        names = [column.name for column in write.columns]
        rows = [dict(zip(names, values, strict=True)) for values in zip(*write.values, strict=True)]
        assert len(rows) == write.count
        why = self.refuses.get(name, lambda row: None)
        refusals = []
        for at, row in enumerate(rows):
            detail = why(row)
            if detail is None:
                self.tables[name].append(row)
            else:
                refusals.append(Refusal(at, self.reason, detail))
        return refusals


def _place(row: Row) -> tuple[str, int]:
    index = row.get("_record_index")
    return row.get("_message_id") or row["message_id"], -1 if index is None else index
