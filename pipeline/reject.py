"""What could not be written, and why: the one owner of the dead-letter form."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import envelope
from pipeline.message import Message


class Stage(StrEnum):
    """Where a message or record was refused."""

    DECODE = "decode"
    TYPE = "type"
    WRITE = "write"


class Reason(StrEnum):
    """Why: a closed list, so that dead letters can be counted and selected."""

    BAD_ENCODING = "BadEncoding"
    NOT_JSON = "NotJson"
    NOT_RECORDS = "NotRecords"
    NOT_OBJECT = "NotObject"
    TOO_DEEP = "TooDeep"
    PARTITION_RANGE = "PartitionRange"
    ROW_REFUSED = "RowRefused"
    ROW_TOO_LARGE = "RowTooLarge"
    TABLE_UNAVAILABLE = "TableUnavailable"


#: The meaning of each reason, for people; the documents are made from this.
MEANING: dict[Reason, str] = {
    Reason.BAD_ENCODING: "the body is no UTF-8, or says gzip and is not",
    Reason.NOT_JSON: "the body is no JSON",
    Reason.NOT_RECORDS: "the body is JSON but neither an array nor an object",
    Reason.NOT_OBJECT: "an element of the array is no object",
    Reason.TOO_DEEP: "a record is nested deeper than any table could hold it",
    Reason.PARTITION_RANGE: (
        "the value that decides the partition is missing, a misfit, before 2000-01-01 or more "
        "than a year ahead"
    ),
    Reason.ROW_REFUSED: "the warehouse refused this row and took the others",
    Reason.ROW_TOO_LARGE: "the row alone exceeds what the warehouse takes in one request",
    Reason.TABLE_UNAVAILABLE: "the table is missing, forbidden or of another schema",
}

#: BigQuery takes rows up to just below 10 MB; larger payloads are cut into parts.
MAX_PAYLOAD_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Reject:
    """One message or one record that could not be written.

    Attributes:
        message: its envelope; ``message.data`` is not needed any more and may be empty.
        stage: where it was refused.
        reason: why, as a code.
        detail: why, in words, naming the value.
        payload: a record's JSON as it stood in the message, or a message's bytes as received.
        field: the column at fault, where there is one.
        record_index: the record's place in the original message; None for a whole message.
        content_encoding: of ``payload``.
        failed: microseconds since 1970 UTC.
    """

    message: Message
    stage: Stage
    reason: Reason
    detail: str
    payload: bytes
    failed: int
    field: str | None = None
    record_index: int | None = None
    content_encoding: str | None = None

    def parts(self) -> Iterator[tuple[bytes, str | None, str]]:
        """``(payload, content encoding, detail)`` in pieces that a warehouse row can hold.

        Nearly always one piece. A payload above 8,000,000 bytes is replaced by its URI at the
        file door, where the file stays; elsewhere it is compressed, and cut where even that is
        too large, the detail telling which part it is.
        """
        payload, encoding = self.payload, self.content_encoding
        if len(payload) > MAX_PAYLOAD_BYTES:
            if self.message.uri is not None:
                detail = f"{self.detail} (payload of {len(payload)} bytes: see the file)"
                yield self.message.uri.encode(), None, detail
                return
            if encoding != envelope.GZIP:
                payload, encoding = gzip.compress(payload, 6, mtime=0), envelope.GZIP
        count = max(1, -(-len(payload) // MAX_PAYLOAD_BYTES))
        for part in range(count):
            piece = payload[part * MAX_PAYLOAD_BYTES : (part + 1) * MAX_PAYLOAD_BYTES]
            note = f" (payload part {part + 1} of {count})" if count > 1 else ""
            yield piece, encoding, self.detail + note
