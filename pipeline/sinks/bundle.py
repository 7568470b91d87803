"""Everything that one bundle writes goes to the warehouse in one call.

A bundle touches many tables, each through a transform of its own. If each waited for its own
answers, a bundle would take one round trip per table. So the transforms of one thread (a runner
processes a bundle in one thread) put their rows into one ``Bundle``; the first that ends flushes
it for all, and the others find their answers ready.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

from pipeline.runs import Runs
from pipeline.sinks.base import Refusal, Warehouse, Write
from schemas.model import Column, Table

#: Payload bytes after which rows are written before the bundle ends: bounds the memory.
FLUSH_BYTES: Final = 16_000_000

T = TypeVar("T")


class Answer(NamedTuple, Generic[T]):
    """What became of the rows of one item: those not named in ``refused`` are durable."""

    item: T
    refused: list[Refusal]


@dataclass(slots=True)
class _Pending:
    item: Any
    values: list[Sequence[Any]]
    count: int


class _Slot:
    """What one transform has put in: rows for one table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        #: By the identity of their columns: hashing the columns themselves is slow.
        self.pending: dict[int, tuple[tuple[Column, ...], list[_Pending]]] = {}
        self.rowless: list[Any] = []
        self.answers: list[Answer[Any]] = []


class Bundle:
    """Rows on their way to one warehouse, for one thread."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self._slots: dict[str, _Slot] = {}
        self._bytes = 0
        self._used = False

    def begin(self, owner: str, table: Table) -> None:
        """Opens a slot for ``owner``, who takes part in the bundle that begins.

        All owners begin before the first adds. What an earlier bundle has left is forgotten: it
        failed, and its rows will be delivered again.
        """
        if self._used:
            self._slots.clear()
            self._bytes = 0
            self._used = False
        self._slots[owner] = _Slot(table)

    def add(
        self,
        owner: str,
        columns: tuple[Column, ...],
        item: Any,
        values: list[Sequence[Any]],
        count: int,
        size: int,
    ) -> None:
        """Takes ``count`` rows that belong to ``item``; ``size`` is their payload in bytes."""
        self._used = True
        slot = self._slots[owner]
        if count:
            pending = slot.pending.get(id(columns))
            if pending is None:
                pending = slot.pending[id(columns)] = (columns, [])
            pending[1].append(_Pending(item, values, count))
        else:
            slot.rowless.append(item)
        self._bytes += size
        if self._bytes >= FLUSH_BYTES:
            self._flush()

    def ready(self, owner: str) -> list[Answer[Any]]:
        """The answers that have come for ``owner`` since they were last asked for."""
        slot = self._slots[owner]
        answers, slot.answers = slot.answers, []
        return answers

    def finish(self, owner: str) -> list[Answer[Any]]:
        """Writes everything that is pending, for all owners; the answers of ``owner``."""
        self._used = True
        self._flush()
        return self.ready(owner)

    def _flush(self) -> None:
        self._bytes = 0
        groups: list[tuple[_Slot, list[_Pending]]] = []
        writes: list[Write] = []
        for slot in self._slots.values():
            for columns, pending in slot.pending.values():
                groups.append((slot, pending))
                writes.append(_join(slot.table, columns, pending))
            slot.pending = {}
            slot.answers += [Answer(item, []) for item in slot.rowless]
            slot.rowless = []
        if not writes:
            return
        for (slot, pending), refusals in zip(groups, self.warehouse.append(writes), strict=True):
            slot.answers.extend(_share(pending, refusals))


def _join(table: Table, columns: tuple[Column, ...], pending: list[_Pending]) -> Write:
    if len(pending) == 1:
        return Write(table, columns, pending[0].values, pending[0].count)
    values: list[Sequence[Any]] = [
        _join_column(column) for column in zip(*(part.values for part in pending), strict=True)
    ]
    return Write(table, columns, values, sum(part.count for part in pending))


def _join_column(parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    if all(isinstance(part, Runs) for part in parts):
        return Runs.join(part for part in parts if isinstance(part, Runs))
    return list(itertools.chain.from_iterable(parts))


def _share(pending: list[_Pending], refusals: list[Refusal]) -> list[Answer[Any]]:
    """Each refusal back to the item whose row it was."""
    answers = []
    refusals = sorted(refusals)
    first = at = 0
    for part in pending:
        refused = []
        while at < len(refusals) and refusals[at].row < first + part.count:
            refused.append(refusals[at]._replace(row=refusals[at].row - first))
            at += 1
        answers.append(Answer(part.item, refused))
        first += part.count
    return answers


_threads = threading.local()


def bundle_of(warehouse: Warehouse) -> Bundle:
    """This thread's bundle for ``warehouse``."""
    kept: Bundle | None = getattr(_threads, "bundle", None)
    if kept is None or kept.warehouse is not warehouse:
        # One is kept: a process writes to one warehouse, and must not hold on to a closed one.
        kept = _threads.bundle = Bundle(warehouse)
    return kept
