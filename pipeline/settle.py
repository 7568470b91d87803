"""What a message has come to, once the warehouse has answered: ledger, rejects and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipeline import metrics
from pipeline.ledger import LedgerEntry
from pipeline.message import Message
from pipeline.reject import Reject
from pipeline.sinks.base import Refusal
from pipeline.typed import Typed, reject_rows


def settle(
    typed: Typed, refused: Sequence[Refusal], written: int
) -> tuple[LedgerEntry, list[Reject]]:
    """What a message has come to, once the warehouse has answered for each of its rows."""
    rejects = typed.rejects
    if refused:
        rejects = [*rejects, *reject_rows(typed.batch, refused, written)]
    rows = len(typed.batch) - len(refused)
    message = typed.batch.message
    return ledger_entry(message, written, typed.size, typed.records, rows, len(rejects)), rejects


def ledger_entry(
    message: Message, written: int, size: int, records: int, rows: int, dead_letters: int
) -> LedgerEntry:
    """The ledger's row for a message whose fate is known."""
    return LedgerEntry(
        message.message_id,
        message.dataset,
        message.source,
        message.enqueued,
        written,
        size,
        records,
        rows,
        dead_letters,
    )


def measure(
    meter: metrics.Meter, typed: Typed, entry: LedgerEntry, rejects: Sequence[Reject]
) -> None:
    """Counts one message."""
    meter.count(metrics.MESSAGES, 1)
    meter.count(metrics.RECORDS, typed.records)
    meter.count(metrics.ROWS, entry.rows)
    meter.count(metrics.MISFIT_VALUES, typed.misfits)
    meter.count(metrics.UNKNOWN_FIELDS, typed.unknown_fields)
    meter.count(metrics.PAYLOAD_BYTES, typed.size)
    if rejects:
        meter.dead_letters(Counter(reject.reason for reject in rejects))
    if entry.enqueued is not None:
        meter.span(metrics.ENQUEUED_TO_WRITTEN, (entry.written - entry.enqueued) // 1_000)
    if typed.newest is not None:
        meter.span(metrics.REFERENCE_TO_WRITTEN, (entry.written - typed.newest) // 1_000_000)
        meter.span(metrics.REFERENCE_TIME, typed.newest // 1_000_000)
