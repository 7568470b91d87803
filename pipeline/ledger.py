"""The pipeline's own two tables: dead letters and the ledger of messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline.reject import Reject
from pipeline.version import VERSION


class LedgerEntry(NamedTuple):
    """What became of one message: a row of ``iris_messages``, values in its columns' order.

    Times are microseconds since 1970 UTC.
    ``records`` = ``rows`` + the dead letters that are records; a message that could not be
    decoded at all has no records and one dead letter.
    """

    message_id: str
    dataset: str
    source: str
    enqueued: int | None
    written: int
    bytes: int
    records: int
    rows: int
    dead_letters: int


def dead_letter_rows(rejects: Sequence[Reject]) -> list[tuple[Any, ...]]:
    """Rows of ``iris_dead_letters``, values in the order of its columns."""
    return [
        (
            str(reject.stage),
            str(reject.reason),
            detail,
            reject.message.dataset,
            reject.field,
            payload,
            encoding,
            reject.message.source,
            reject.message.message_id,
            reject.record_index,
            reject.message.enqueued,
            reject.failed,
            VERSION,
        )
        for reject in rejects
        for payload, encoding, detail in reject.parts()
    ]
