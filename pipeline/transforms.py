"""Messages to typed rows: the transforms that every door and every warehouse share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import apache_beam as beam

from pipeline.decode import DecodeError, unframe
from pipeline.message import Message
from pipeline.typed import Plan, reject_message
from pipeline.unmapped import UnmappedPlan
from schemas.model import Dataset

UNMAPPED_TAG: Final = "unmapped"
DEAD_LETTER_TAG: Final = "dead_letter"
LEDGER_TAG: Final = "ledger"


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
        typed.batch.message = message.envelope()
        yield typed
