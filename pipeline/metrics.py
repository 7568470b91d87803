"""The one place that names metrics.

Names begin with the dataset, so that the Dataflow monitoring UI, which sorts counters by name,
shows a dataset's together: ``FREQ.messages``, ``FREQ.rows``, ``FREQ.dead_letters.PartitionRange``.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from apache_beam.metrics import Metrics

from pipeline.reject import Reason

NAMESPACE: Final = "iris"

MESSAGES: Final = "messages"
RECORDS: Final = "records"
ROWS: Final = "rows"
DEAD_LETTERS: Final = "dead_letters"
MISFIT_VALUES: Final = "misfit_values"
UNKNOWN_FIELDS: Final = "unknown_fields"
MISSING_COLUMNS: Final = "missing_columns"
PAYLOAD_BYTES: Final = "payload_bytes"
ENQUEUED_TO_WRITTEN: Final = "milliseconds_enqueued_to_written"
REFERENCE_TO_WRITTEN: Final = "seconds_reference_to_written"
#: A distribution whose maximum is the newest reference time seen, in seconds since 1970.
REFERENCE_TIME: Final = "reference_time"

#: The meaning and unit of each metric; the documents are made from this.
MEANING: Final[dict[str, str]] = {
    MESSAGES: "messages processed, empty and undecodable ones included",
    RECORDS: "records in those messages; rows + dead-lettered records",
    ROWS: "rows that the warehouse has confirmed",
    DEAD_LETTERS: "dead letters; one counter per reason",
    MISFIT_VALUES: "values that did not fit their column: NULL there, kept in _extra",
    UNKNOWN_FIELDS: "fields that the schema file does not know, kept in _extra",
    MISSING_COLUMNS: "values of columns that the live table lacks, kept in _extra",
    PAYLOAD_BYTES: "bytes of the payloads as received",
    ENQUEUED_TO_WRITTEN: "distribution, from the broker's enqueued time to the write",
    REFERENCE_TO_WRITTEN: "distribution, seconds from the newest reference time to the write",
    REFERENCE_TIME: "distribution; its maximum is the newest reference time, seconds since 1970",
}


def name_of(dataset: str, metric: str, reason: str | None = None) -> str:
    """The name of a counter or distribution."""
    return f"{dataset}.{metric}" if reason is None else f"{dataset}.{metric}.{reason}"


def split_name(name: str) -> tuple[str, str, str | None]:
    """``(dataset, metric, reason)`` of a name made by ``name_of``."""
    dataset, metric, *reason = name.split(".", 2)
    return dataset, metric, reason[0] if reason else None


@dataclass
class Progress:
    """What this process has written so far, for a line on the terminal."""

    messages: int = 0
    rows: int = 0
    dead_letters: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, messages: int, rows: int, dead_letters: int) -> None:
        with self.lock:
            self.messages += messages
            self.rows += rows
            self.dead_letters += dead_letters


PROGRESS: Final = Progress()


class Meter:
    """Counts for one dataset during a bundle, handed to Beam when the bundle ends."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._counts: Counter[str] = Counter()
        self._spans: list[tuple[str, int]] = []
        self._metrics: dict[str, Any] = {}

    def count(self, metric: str, amount: int) -> None:
        """Adds to a counter; nothing is created for an amount of 0."""
        if amount:
            self._counts[metric] += amount

    def dead_letters(self, reasons: Counter[Reason]) -> None:
        """Adds dead letters, by reason."""
        for reason, amount in reasons.items():
            self._counts[f"{DEAD_LETTERS}.{reason}"] += amount

    def span(self, metric: str, value: int) -> None:
        """Adds one value to a distribution."""
        self._spans.append((metric, value))

    def flush(self) -> None:
        """Hands everything to Beam; call it in ``finish_bundle``."""
        for metric, amount in self._counts.items():
            self._metric(metric, Metrics.counter).inc(amount)
        for metric, value in self._spans:
            self._metric(metric, Metrics.distribution).update(value)
        self.clear()

    def clear(self) -> None:
        """Forgets what was counted: the bundle is done, or failed and will come again."""
        self._counts.clear()
        self._spans.clear()

    def _metric(self, metric: str, make: Any) -> Any:
        known = self._metrics.get(metric)
        if known is None:
            known = self._metrics[metric] = make(NAMESPACE, name_of(self._dataset, metric))
        return known
