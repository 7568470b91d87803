"""Typed rows into a warehouse, and what follows from its answers: ledger and dead letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from pipeline import metrics
from pipeline.ledger import dead_letter_rows
from pipeline.reject import Reason, Reject
from pipeline.settle import ledger_entry, measure, settle
from pipeline.sinks import open_warehouse
from pipeline.sinks.base import Refusal, WarehouseError
from pipeline.sinks.bundle import FLUSH_BYTES, Answer, bundle_of
from pipeline.transforms import DEAD_LETTER_TAG, LEDGER_TAG, UNMAPPED_TAG, now_micros
from pipeline.typed import Plan, Typed
from schemas.model import Column, Dataset, Table
from schemas.tables import DEAD_LETTERS, ENVELOPE_COLUMNS, MESSAGES, UNMAPPED, table_for

_ENVELOPE_NAMES: Final = frozenset(column.name for column in ENVELOPE_COLUMNS)
#: What a ledger entry adds to the memory that a bundle holds, roughly.
_ENTRY_BYTES: Final = 200


class AppendRows(beam.DoFn):
    """Typed → ledger entries, and dead letters on their tag, once the warehouse has answered.

    Both come as lists, for as many messages as were answered together.

    Args:
        warehouse: the warehouse's URL.
        dataset: whose rows these are, None for ``iris_unmapped``.
    """

    def __init__(self, warehouse: str, dataset: Dataset | None) -> None:
        self._url = warehouse
        self._dataset = dataset
        self._table: Table = UNMAPPED if dataset is None else table_for(dataset)
        self._name = UNMAPPED_TAG if dataset is None else dataset.subject
        # A live table without one of these cannot be written at all.
        self._needed = (
            frozenset(column.name for column in UNMAPPED.columns)
            if dataset is None
            else _ENVELOPE_NAMES | {dataset.partition.column}
        )

    def setup(self) -> None:
        self._warehouse = open_warehouse(self._url)
        self._meter = metrics.Meter(self._name)
        self._plans: dict[frozenset[str], Plan] = {}
        self._columns: dict[frozenset[str], tuple[Column, ...]] = {}

    def start_bundle(self) -> None:
        self._bundle = bundle_of(self._warehouse)
        self._bundle.begin(self._name, self._table)
        self._meter.clear()

    def process(self, typed: Typed) -> Iterator[Any]:
        missing: frozenset[str] = frozenset()
        if len(typed.batch):
            missing = self._warehouse.missing_columns(self._table)
            if missing & self._needed:
                yield from self._settle([_not_ours(typed, self._table, missing & self._needed)])
                return
            if missing and self._dataset is not None:
                typed = self._retype(self._dataset, typed, missing)
        columns = self._columns.get(missing)
        if columns is None:
            columns = tuple(c for c in self._table.columns if c.name not in missing)
            self._columns[missing] = columns
        values = typed.batch.full_columns(now_micros())
        self._bundle.add(self._name, columns, typed, values, len(typed.batch), typed.size)
        yield from self._settle(self._bundle.ready(self._name))

    def finish_bundle(self) -> Iterator[Any]:
        for output in self._settle(self._bundle.finish(self._name)):
            yield _in_global_window(output)
        self._meter.flush()

    def _retype(self, dataset: Dataset, typed: Typed, missing: frozenset[str]) -> Typed:
        """The same message for a table that lacks columns: their values go into ``_extra``."""
        plan = self._plans.get(missing)
        if plan is None:
            plan = self._plans[missing] = Plan(dataset, without=missing)
        again = plan.type_message(typed.batch.message, typed.batch.text, now_micros())
        again.size = typed.size
        self._meter.count(metrics.MISSING_COLUMNS, again.unknown_fields - typed.unknown_fields)
        again.unknown_fields = typed.unknown_fields
        return again

    def _settle(self, answers: Sequence[Answer[Typed]]) -> Iterator[Any]:
        """The outputs for messages whose rows have been answered."""
        if not answers:
            return
        entries: list[tuple[Any, ...]] = []
        rejects: list[Reject] = []
        for typed, refused in answers:
            entry, rejected = settle(typed, refused, now_micros())
            entries.append(tuple(entry))  # pickled where a runner does not fuse, and often
            rejects += rejected
            measure(self._meter, typed, entry, rejected)
        rows = sum(len(typed.batch) - len(refused) for typed, refused in answers)
        metrics.PROGRESS.add(len(answers), rows, len(rejects))
        if rejects:
            yield beam.pvalue.TaggedOutput(DEAD_LETTER_TAG, rejects)
        yield entries


class SettleUndecoded(beam.DoFn):
    """Reject of a whole message → its ledger entry, and the reject on the dead-letter tag.

    Args:
        subjects: the datasets that are counted by name, the others together: a broken message
            may carry any name.
    """

    def __init__(self, subjects: frozenset[str]) -> None:
        self._subjects = subjects

    def setup(self) -> None:
        self._meters: dict[str, metrics.Meter] = {}

    def start_bundle(self) -> None:
        for meter in self._meters.values():
            meter.clear()

    def process(self, reject: Reject) -> Iterator[Any]:
        message, size = reject.message, len(reject.message.data)
        name = message.dataset if message.dataset in self._subjects else UNMAPPED_TAG
        meter = self._meters.setdefault(name, metrics.Meter(name))
        meter.count(metrics.MESSAGES, 1)
        meter.count(metrics.PAYLOAD_BYTES, size)
        meter.dead_letters(Counter([reject.reason]))
        metrics.PROGRESS.add(1, 0, 1)
        yield beam.pvalue.TaggedOutput(DEAD_LETTER_TAG, [reject])
        yield [tuple(ledger_entry(message, now_micros(), size, 0, 0, 1))]

    def finish_bundle(self) -> None:
        for meter in self._meters.values():
            meter.flush()


class AppendOwn(beam.DoFn):
    """Rows for one of the pipeline's own tables, written when the bundle ends.

    Nothing can be dead-lettered from here: a row that is refused is an error that a person must
    mend, and the bundle is delivered again.
    """

    table: Table

    def __init__(self, warehouse: str) -> None:
        self._url = warehouse

    def setup(self) -> None:
        self._warehouse = open_warehouse(self._url)

    def start_bundle(self) -> None:
        self._bundle = bundle_of(self._warehouse)
        self._bundle.begin(self.table.name, self.table)
        self._rows: list[tuple[Any, ...]] = []
        self._size = 0

    def add(self, rows: Sequence[tuple[Any, ...]], size: int) -> None:
        """Takes rows, values in the order of the table's columns."""
        self._rows += rows
        self._size += size
        if self._size >= FLUSH_BYTES:
            self._hand_over()

    def finish_bundle(self) -> None:
        self._hand_over()
        self._check(self._bundle.finish(self.table.name))

    def _hand_over(self) -> None:
        if self._rows:
            values: list[Sequence[Any]] = list(zip(*self._rows, strict=True))
            name, columns, count = self.table.name, self.table.columns, len(self._rows)
            self._bundle.add(name, columns, None, values, count, self._size)
            self._rows, self._size = [], 0
        self._check(self._bundle.ready(self.table.name))

    def _check(self, answers: Sequence[Answer[None]]) -> None:
        for answer in answers:
            if answer.refused:
                detail = answer.refused[0].detail
                raise WarehouseError(f"{self.table.name} does not take its rows: {detail}")


class AppendDeadLetters(AppendOwn):
    """Rejects → ``iris_dead_letters``."""

    table = DEAD_LETTERS

    def process(self, rejects: list[Reject]) -> None:
        self.add(dead_letter_rows(rejects), sum(len(reject.payload) for reject in rejects))


class AppendLedger(AppendOwn):
    """Ledger entries → ``iris_messages``."""

    table = MESSAGES

    def process(self, entries: list[tuple[Any, ...]]) -> None:
        self.add(entries, len(entries) * _ENTRY_BYTES)


class Sink:
    """How rows reach a warehouse that answers for each of them: see ``Warehouse``.

    Args:
        warehouse: its URL.
    """

    def __init__(self, warehouse: str) -> None:
        self._warehouse = warehouse

    def append(self, dataset: Dataset | None) -> beam.PTransform:
        """Typed → outputs tagged as ledger entries and as dead letters."""
        append = AppendRows(self._warehouse, dataset)
        return beam.ParDo(append).with_outputs(DEAD_LETTER_TAG, main=LEDGER_TAG)

    def late_rejects(self, written: Sequence[Any]) -> list[Any]:
        """Dead letters that come only behind the outputs of ``append``: none here."""
        return []

    def write_own(self, dead_letters: Any, ledger: Any) -> None:
        """Writes the pipeline's own tables."""
        dead_letters | "WriteDeadLetters" >> beam.ParDo(AppendDeadLetters(self._warehouse))
        ledger | "WriteLedger" >> beam.ParDo(AppendLedger(self._warehouse))


def _not_ours(typed: Typed, table: Table, missing: frozenset[str]) -> Answer[Typed]:
    """The refusal of all rows for a table that lacks columns which every row needs."""
    names = ", ".join(sorted(missing))
    detail = f"table {table.name} lacks {names}: run python -m schemas apply"
    return Answer(
        typed, [Refusal(row, Reason.TABLE_UNAVAILABLE, detail) for row in range(len(typed.batch))]
    )


def _in_global_window(output: Any) -> Any:
    """``output`` for ``finish_bundle``, which must say window and time itself."""
    if isinstance(output, beam.pvalue.TaggedOutput):
        value = WindowedValue(output.value, MIN_TIMESTAMP, [GlobalWindow()])
        return beam.pvalue.TaggedOutput(output.tag, value)
    return WindowedValue(output, MIN_TIMESTAMP, [GlobalWindow()])
