"""What a run holds: a line per dataset, totals, and what is to become of it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import envelope
from local.feed.message import FeedMessage, Outcome

_HEAD = ("dataset", "messages", "records", "bytes")


class Summary:
    """Adds up messages as they pass."""

    def __init__(self) -> None:
        self._messages: Counter[str] = Counter()
        self._records: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._minutes: Counter[datetime] = Counter()
        self._odd: Counter[str] = Counter()
        self._outcome = Outcome()

    def add(self, message: FeedMessage) -> None:
        """Counts ``message``; one without a subject under the name that the project gives it."""
        dataset = message.dataset or envelope.UNKNOWN_DATASET
        self._messages[dataset] += 1
        self._records[dataset] += message.records
        self._bytes[dataset] += len(message.body)
        self._minutes[message.at.replace(second=0, microsecond=0)] += 1
        self._outcome += message.outcome
        if message.odd is not None:
            self._odd[message.odd.value] += 1

    def lines(self) -> Iterator[str]:
        """The summary, line by line."""
        counts = (self._messages, self._records, self._bytes)
        rows = [
            (name, *(f"{count[name]:,}" for count in counts)) for name in sorted(self._messages)
        ]
        total = ("total", *(f"{count.total():,}" for count in counts))
        widths = [max(map(len, column)) for column in zip(_HEAD, *rows, total, strict=True)]
        rule = tuple("-" * width for width in widths)
        for row in (_HEAD, rule, *rows, rule, total):
            first, *others = (
                cell.ljust(width) if at == 0 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            yield "  ".join([first, *others])
        yield ""
        yield f"the busiest minute has {max(self._minutes.values(), default=0):,} messages"
        outcome = self._outcome
        yield (
            f"to become {outcome.rows:,} rows of datasets, {outcome.unmapped:,} unmapped rows,"
            f" {outcome.dead_letters:,} dead letters; {outcome.misfits:,} misfits"
        )
        for kind, count in sorted(self._odd.items()):
            yield f"{count:,} odd: {kind}"
