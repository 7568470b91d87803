"""From the JSON text of a message to the typed rows of one table, and what is left over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from pipeline.convert import Faults, convert
from pipeline.decode import DecodeError
from pipeline.exact import Element, Number, TooDeep, is_nested_deeper, parse, to_strict_json
from pipeline.fast import Columns, FastDecoder
from pipeline.message import Message
from pipeline.reject import Reason, Reject, Stage
from pipeline.runs import Runs
from pipeline.times import MICROS_PER_DAY, day_number, day_of, format_moment, to_date, year_later
from schemas.model import Column, Dataset

#: BigQuery refuses streamed rows for partitions far in the past or future.
FIRST_DAY: Final = day_number(date(2000, 1, 1))


@dataclass(slots=True)
class Batch:
    """The rows of one message for one table, column by column.

    Attributes:
        message: its envelope, without the payload.
        columns: canonical values (see ``pipeline.convert``), one sequence per column.
        index: each row's place in the original array.
        extra: each row's ``_extra`` as JSON text or None; None where no row has one.
        text: the JSON text that the rows were read from.
    """

    message: Message
    columns: Columns
    index: Sequence[int]
    extra: list[str | None] | None = None
    text: str = ""

    def __len__(self) -> int:
        return len(self.index)

    def record_texts(self) -> list[str]:
        """The JSON of each row's record, as it stood in the message."""
        texts = [element.text for element in parse(self.text)]
        first = self.message.record_index or 0
        return [texts[at - first] for at in self.index]

    def full_columns(self, ingested: int) -> Columns:
        """All columns of the table: the dataset's, then the envelope's in their order."""
        counts, message = [len(self)], self.message
        return [
            *self.columns,
            Runs([message.source], counts),
            Runs([ingested], counts),
            Runs([message.message_id], counts),
            self.index,
            Runs([message.enqueued], counts),
            self.extra or Runs([None], counts),
        ]


@dataclass(slots=True)
class Typed:
    """What became of one message: rows, rejects and counts.

    ``records`` counts the elements of the message; it is ``len(batch)`` plus the number of
    record-level rejects. ``size`` is the payload in bytes as received, ``newest`` the newest
    reference time among the rows, in microseconds since 1970 UTC.
    """

    batch: Batch
    rejects: list[Reject] = field(default_factory=list)
    records: int = 0
    misfits: int = 0
    unknown_fields: int = 0
    size: int = 0
    newest: int | None = None


class Plan:
    """How the records of one dataset become rows. Not picklable: made where it is used.

    Args:
        dataset: the dataset's description.
        without: columns that the live table lacks; their values go into ``_extra``.
    """

    def __init__(self, dataset: Dataset, without: frozenset[str] = frozenset()) -> None:
        self.columns = tuple(c for c in dataset.columns if c.name not in without)
        self._names = frozenset(column.name for column in self.columns)
        self._fast = FastDecoder(self.columns)
        names = [column.name for column in self.columns]
        self._partition = names.index(dataset.partition.column)
        self._is_day = self.columns[self._partition].type == "DATE"
        self._today, self._year_ahead = -1, -1
        self._reference = (
            names.index(dataset.reference_time) if dataset.reference_time in names else None
        )

    def type_message(self, message: Message, text: str, now: int) -> Typed:
        """The rows and rejects of ``message``, whose JSON is ``text``; ``now`` in microseconds.

        Whatever the text holds, every record ends as a row or as a reject; text that is no JSON
        at all is one reject. Never raises for what is in the message.
        """
        first = message.record_index or 0
        columns = self._fast.decode(text)
        if columns is not None:
            count = len(columns[0])
            if not count or self._in_range(columns[self._partition], now):
                batch = Batch(message, columns, range(first, first + count), None, text)
                return Typed(batch, records=count, newest=self._newest(columns))
        return self._type_exactly(message, text, now)

    def _newest(self, columns: Columns) -> int | None:
        if self._reference is None:
            return None
        newest = max(set(columns[self._reference]) - {None}, default=None)
        if newest is not None and self.columns[self._reference].type == "DATE":
            return int(newest) * MICROS_PER_DAY
        return newest

    def _in_range(self, values: Sequence[int | None], now: int) -> bool:
        distinct = set(values)
        if None in distinct:
            return False
        first, last = min(distinct), max(distinct)  # type: ignore[type-var]
        if not self._is_day:
            first, last = day_of(first), day_of(last)  # type: ignore[arg-type]
        return first >= FIRST_DAY and last <= self._last_day(now)  # type: ignore[operator]

    def _last_day(self, now: int) -> int:
        """The last day on which a record may lie, a year ahead of ``now``."""
        today = day_of(now)
        if today != self._today:
            self._today, self._year_ahead = today, year_later(today)
        return self._year_ahead

    def _type_exactly(self, message: Message, text: str, now: int) -> Typed:
        try:
            elements = parse(text)
        except DecodeError as error:
            return undecodable(message, text, error, now)
        first = message.record_index or 0
        typed = Typed(Batch(message, [], [], None, text), records=len(elements))
        rows: list[list[Any]] = []
        index: list[int] = []
        extras: list[str | None] = []
        for at, element in enumerate(elements, first):
            faults = Faults()
            reject = check_element(message, element, at, now)
            if reject is None:
                row, extra = self._row(element.value, faults)
                reject = self._check_partition(message, element, row, at, now)
            if reject is not None:
                typed.rejects.append(reject)
                continue
            rows.append(row)
            index.append(at)
            extras.append(to_strict_json(extra) if extra else None)
            typed.misfits += faults.misfits
            typed.unknown_fields += faults.unknown
        typed.batch.columns = list(zip(*rows, strict=True)) if rows else [() for _ in self.columns]
        typed.batch.index = index
        typed.batch.extra = extras if any(extras) else None
        typed.newest = self._newest(typed.batch.columns)
        return typed

    def _row(self, record: dict[str, Any], faults: Faults) -> tuple[list[Any], dict[str, Any]]:
        extra = {name: value for name, value in record.items() if name not in self._names}
        faults.unknown += len(extra)
        row = []
        for column in self.columns:
            raw = record.get(column.name)
            before = faults.total
            row.append(convert(column, raw, faults))
            if faults.total != before:
                extra[column.name] = raw
        return row, extra

    def _check_partition(
        self, message: Message, element: Element, row: list[Any], at: int, now: int
    ) -> Reject | None:
        column = self.columns[self._partition]
        value = row[self._partition]
        fault = None
        if value is None:
            raw = element.value.get(column.name)
            fault = "is missing" if raw is None else f"is no {column.type}: {_shown(raw)}"
        else:
            day = value if self._is_day else day_of(value)
            if day < FIRST_DAY:
                fault = f"is before 2000-01-01: {_shown_day(column, value)}"
            elif day > self._last_day(now):
                fault = f"is more than a year ahead: {_shown_day(column, value)}"
        if fault is None:
            return None
        return _reject(
            message, element, at, now, Reason.PARTITION_RANGE, f"{column.name} {fault}", column.name
        )


def check_element(message: Message, element: Element, at: int, now: int) -> Reject | None:
    """A reject for an element that is no record, else None."""
    if isinstance(element.value, TooDeep) or is_nested_deeper(element.value):
        detail = "the record is nested more than 100 levels deep"
        return _reject(message, element, at, now, Reason.TOO_DEEP, detail)
    if not isinstance(element.value, dict):
        detail = f"expected an object, got {_shown(element.value)}"
        return _reject(message, element, at, now, Reason.NOT_OBJECT, detail)
    return None


def undecodable(message: Message, text: str, error: DecodeError, now: int) -> Typed:
    """One reject for the whole message; its payload is what was received."""
    reject = reject_message(message, error, now, text)
    return Typed(Batch(message, [], [], None, text), [reject])


def reject_message(message: Message, error: DecodeError, now: int, text: str = "") -> Reject:
    """The dead letter of a message that cannot be decoded at all."""
    return Reject(
        message=message,
        stage=Stage.DECODE,
        reason=error.reason,
        detail=str(error),
        payload=message.data or text.encode("utf-8", "surrogatepass"),
        failed=now,
        record_index=message.record_index,
        content_encoding=message.content_encoding if message.data else None,
    )


def _reject(
    message: Message,
    element: Element,
    at: int,
    now: int,
    reason: Reason,
    detail: str,
    name: str | None = None,
) -> Reject:
    return Reject(
        message=message,
        stage=Stage.TYPE,
        reason=reason,
        detail=detail,
        payload=element.text.encode("utf-8", "surrogatepass"),
        failed=now,
        field=name,
        record_index=at,
    )


def reject_rows(batch: Batch, rows: Iterable[tuple[int, Reason, str]], now: int) -> list[Reject]:
    """Dead letters of rows that the warehouse refused: ``(row, reason, detail)`` each."""
    texts = batch.record_texts()
    return [
        Reject(
            message=batch.message,
            stage=Stage.WRITE,
            reason=reason,
            detail=detail,
            payload=texts[row].encode("utf-8", "surrogatepass"),
            failed=now,
            record_index=batch.index[row],
        )
        for row, reason, detail in rows
    ]


def _shown(value: Any) -> str:
    """A value for people, cut short."""
    text = str(value) if isinstance(value, Number) else to_strict_json(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _shown_day(column: Column, value: int) -> str:
    return str(to_date(value)) if column.type == "DATE" else format_moment(value)
