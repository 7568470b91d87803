"""A message of the feed, and what the project is to make of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from local.sample_messages import frame


class Odd(StrEnum):
    """What is wrong with a message that is not as it should be."""

    UNKNOWN_DATASET = "unknown dataset"
    NO_SUBJECT = "no subject"
    NOT_JSON = "not JSON"
    MISFIT = "misfit"
    OUT_OF_RANGE = "out of range"
    EMPTY = "empty"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a message.

    Attributes:
        rows: rows in the table of its dataset.
        unmapped: rows in the table for datasets that nobody has described.
        misfits: values among ``rows`` that did not fit their column.
        dead_letters: records, or the one message, that no table takes.
    """

    rows: int = 0
    unmapped: int = 0
    misfits: int = 0
    dead_letters: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.rows + other.rows,
            self.unmapped + other.unmapped,
            self.misfits + other.misfits,
            self.dead_letters + other.dead_letters,
        )


@dataclass(frozen=True, slots=True)
class FeedMessage:
    """One message as IRIS would send it.

    Attributes:
        at: when it is sent, in simulated time, UTC.
        dataset: the subject that it carries, None for a message without one.
        message_id: ``SUBJECT_yyyyMMddHHmm_NNNNNNNN.json``; only a duplicate repeats one.
        body: the bytes, framed as IRIS frames them.
        records: how many records a reader finds in it.
        outcome: what becomes of it.
        odd: what is wrong with it, None for the usual message.
    """

    at: datetime
    dataset: str | None
    message_id: str
    body: bytes
    records: int
    outcome: Outcome
    odd: Odd | None = None


def usual(at: datetime, dataset: str, message_id: str, records: list[str]) -> FeedMessage:
    """A message of ``records``, each the JSON of an object."""
    count = len(records)
    return FeedMessage(at, dataset, message_id, body(records), count, Outcome(rows=count))


def body(records: list[str]) -> bytes:
    """The array of ``records`` as a message body."""
    return frame(f"[{','.join(records)}]".encode())
