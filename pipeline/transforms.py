"""The transforms that every door and every warehouse share; as little logic as possible."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from pipeline import metrics
from pipeline.decode import DecodeError, unframe
from pipeline.ledger import LedgerEntry, dead_letter_rows, ledger_rows
from pipeline.message import Message
from pipeline.reject import Reason, Reject
from pipeline.sinks import open_warehouse
from pipeline.sinks.base import WarehouseError
from pipeline.sinks.bundle import FLUSH_BYTES, Answer, bundle_of
from pipeline.typed import Plan, Typed, reject_message, reject_rows
from pipeline.unmapped import UnmappedPlan
from schemas.model import Column, Dataset, Table
from schemas.tables import DEAD_LETTERS, ENVELOPE_COLUMNS, MESSAGES, UNMAPPED, table_for

UNMAPPED_TAG: Final = "unmapped"
DEAD_LETTER_TAG: Final = "dead_letter"
LEDGER_TAG: Final = "ledger"

_ENVELOPE_NAMES: Final = frozenset(column.name for column in ENVELOPE_COLUMNS)


def now_micros() -> int:
    """The time, in microseconds since 1970 UTC."""
    return time.time_ns() // 1_000


@dataclass(slots=True)
class Decoded:
    """A message whose framing is off: ``text`` begins its array or object."""

    message: Message
    text: str


class RouteByDataset(beam.DoFn):
    """Message → Decoded, on the tag of its dataset; what has no records goes to dead letters.

    The envelope alone decides: records may carry another ``dataset`` or none.
    """

    def __init__(self, subjects: frozenset[str]) -> None:
        self._subjects = subjects

    def process(self, message: Message) -> Iterator[Any]:
        try:
            text = unframe(message.data, message.content_encoding)
        except DecodeError as error:
            reject = reject_message(message, error, now_micros())
            yield beam.pvalue.TaggedOutput(DEAD_LETTER_TAG, reject)
            return
        known = message.dataset in self._subjects
        tag = message.dataset if known else UNMAPPED_TAG
        yield beam.pvalue.TaggedOutput(tag, Decoded(message, text))


class TypeRecords(beam.DoFn):
    """Decoded → Typed: the rows of one dataset's table, or of ``iris_unmapped``."""

    def __init__(self, dataset: Dataset | None) -> None:
        self._dataset = dataset

    def setup(self) -> None:
        self._plan = UnmappedPlan() if self._dataset is None else Plan(self._dataset)

    def process(self, decoded: Decoded) -> Iterator[Any]:
        message = decoded.message
        typed = self._plan.type_message(message, decoded.text, now_micros())
        typed.size = len(message.data)
        typed.batch.message = replace(message, data=b"")
        yield typed


class AppendRows(beam.DoFn):
    """Typed → LedgerEntry, and dead letters on their tag, once the warehouse has answered.

    Args:
        warehouse: the warehouse's URL.
        dataset: whose rows these are, None for ``iris_unmapped``.
    """

    def __init__(self, warehouse: str, dataset: Dataset | None) -> None:
        self._url = warehouse
        self._dataset = dataset
        self._table: Table = UNMAPPED if dataset is None else table_for(dataset)
        self._name = UNMAPPED_TAG if dataset is None else dataset.subject

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
        missing = self._warehouse.missing_columns(self._table) if len(typed.batch) else frozenset()
        if missing & _ENVELOPE_NAMES:
            yield from self._settle(self._not_ours(typed, missing & _ENVELOPE_NAMES))
            return
        if missing and self._dataset is not None:
            typed = self._retype(self._dataset, typed, missing)
        columns = self._columns.get(missing)
        if columns is None:
            columns = tuple(c for c in self._table.columns if c.name not in missing)
            self._columns[missing] = columns
        values = typed.batch.full_columns(now_micros())
        self._bundle.add(self._name, columns, typed, values, len(typed.batch), typed.size)
        for answer in self._bundle.ready(self._name):
            yield from self._settle(answer)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for answer in self._bundle.finish(self._name):
            for output in self._settle(answer):
                yield _in_global_window(output)
        self._meter.flush()

    def _retype(self, dataset: Dataset, typed: Typed, missing: frozenset[str]) -> Typed:
        """The same message for a table that lacks columns: their values go into ``_extra``."""
        plan = self._plans.get(missing)
        if plan is None:
            plan = self._plans[missing] = Plan(dataset, without=missing)
        again = plan.type_message(typed.batch.message, typed.batch.text, now_micros())
        again.size = typed.size
        moved = again.unknown_fields - typed.unknown_fields
        self._meter.count(metrics.MISSING_COLUMNS, moved)
        again.unknown_fields = typed.unknown_fields
        return again

    def _not_ours(self, typed: Typed, missing: frozenset[str]) -> Answer[Typed]:
        names = ", ".join(sorted(missing))
        detail = f"table {self._table.name} lacks {names}: run python -m schemas apply"
        refused = [(row, Reason.TABLE_UNAVAILABLE, detail) for row in range(len(typed.batch))]
        return Answer(typed, refused)  # type: ignore[arg-type]

    def _settle(self, answer: Answer[Typed]) -> Iterator[Any]:
        """The outputs for one message, now that the fate of each row is known."""
        typed = answer.item
        written = now_micros()
        rejects = [*typed.rejects, *reject_rows(typed.batch, iter(answer.refused), written)]
        rows = len(typed.batch) - len(answer.refused)
        if rejects:
            yield beam.pvalue.TaggedOutput(DEAD_LETTER_TAG, rejects)
        yield ledger_entry(typed.batch.message, written, typed.size, typed.records, rows, rejects)
        self._measure(typed, rows, rejects, written)

    def _measure(self, typed: Typed, rows: int, rejects: list[Reject], written: int) -> None:
        meter = self._meter
        meter.count(metrics.MESSAGES, 1)
        meter.count(metrics.RECORDS, typed.records)
        meter.count(metrics.ROWS, rows)
        meter.count(metrics.MISFIT_VALUES, typed.misfits)
        meter.count(metrics.UNKNOWN_FIELDS, typed.unknown_fields)
        meter.count(metrics.PAYLOAD_BYTES, typed.size)
        meter.dead_letters(Counter(reject.reason for reject in rejects))
        enqueued = typed.batch.message.enqueued
        if enqueued is not None:
            meter.span(metrics.ENQUEUED_TO_WRITTEN, (written - enqueued) // 1_000_000)
        if typed.newest is not None:
            meter.span(metrics.REFERENCE_TO_WRITTEN, (written - typed.newest) // 1_000_000)
            meter.span(metrics.REFERENCE_TIME, typed.newest // 1_000_000)


class SettleUndecoded(beam.DoFn):
    """Reject of a whole message → LedgerEntry, and the reject on the dead-letter tag."""

    def setup(self) -> None:
        self._meters: dict[str, metrics.Meter] = {}

    def process(self, reject: Reject) -> Iterator[Any]:
        message = reject.message
        meter = self._meters.setdefault(message.dataset, metrics.Meter(message.dataset))
        meter.count(metrics.MESSAGES, 1)
        meter.count(metrics.PAYLOAD_BYTES, len(message.data))
        meter.dead_letters(Counter([reject.reason]))
        yield beam.pvalue.TaggedOutput(DEAD_LETTER_TAG, [reject])
        yield ledger_entry(message, now_micros(), len(message.data), 0, 0, [reject])

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

    def add(self, rows: list[tuple[Any, ...]], size: int) -> None:
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

    def _check(self, answers: list[Answer[None]]) -> None:
        for answer in answers:
            if answer.refused:
                detail = answer.refused[0].detail
                raise WarehouseError(f"{self.table.name} does not take its rows: {detail}")


class AppendDeadLetters(AppendOwn):
    """A message's rejects → ``iris_dead_letters``."""

    table = DEAD_LETTERS

    def process(self, rejects: list[Reject]) -> None:
        self.add(dead_letter_rows(rejects), sum(len(reject.payload) for reject in rejects))


class AppendLedger(AppendOwn):
    """LedgerEntry → ``iris_messages``."""

    table = MESSAGES

    def process(self, entry: LedgerEntry) -> None:
        self.add(ledger_rows([entry]), 100)


def ledger_entry(
    message: Message, written: int, size: int, records: int, rows: int, rejects: list[Reject]
) -> LedgerEntry:
    """The ledger's row for a message whose fate is known."""
    return LedgerEntry(
        message_id=message.message_id,
        dataset=message.dataset,
        source=message.source,
        enqueued=message.enqueued,
        written=written,
        bytes=size,
        records=records,
        rows=rows,
        dead_letters=len(rejects),
    )


def _in_global_window(output: Any) -> Any:
    """``output`` for ``finish_bundle``, which must say window and time itself."""
    if isinstance(output, beam.pvalue.TaggedOutput):
        value = WindowedValue(output.value, MIN_TIMESTAMP, [GlobalWindow()])
        return beam.pvalue.TaggedOutput(output.tag, value)
    return WindowedValue(output, MIN_TIMESTAMP, [GlobalWindow()])
