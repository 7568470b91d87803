"""What a local run tells at its end: a line per dataset, and totals that must add up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from apache_beam.metrics.metric import MetricsFilter

from pipeline import metrics
from pipeline.reject import Reason
from pipeline.times import format_moment

#: Reasons for which a whole message is refused.
_WHOLE: Final = (Reason.BAD_ENCODING, Reason.NOT_JSON, Reason.NOT_RECORDS)


@dataclass
class Delay:
    """How long messages took from the queue to the table, in milliseconds."""

    count: int = 0
    total: int = 0
    longest: int = 0

    def add(self, count: int, total: int, longest: int) -> None:
        """Adds the messages of one run."""
        self.count += count
        self.total += total
        self.longest = max(self.longest, longest)

    @property
    def cells(self) -> tuple[str, str]:
        """Mean and longest, in seconds."""
        if not self.count:
            return "-", "-"
        return f"{self.total / self.count / 1_000:,.2f}", f"{self.longest / 1_000:,.2f}"


@dataclass
class DatasetTotals:
    """What became of one dataset's messages."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    newest: int | None = None
    delay: Delay = field(default_factory=Delay)

    @property
    def dead_letters(self) -> int:
        return self.reasons.total()

    @property
    def dead_records(self) -> int:
        """Dead letters that are records: those of whole messages have no records."""
        return self.dead_letters - sum(self.reasons[reason] for reason in _WHOLE)

    @property
    def adds_up(self) -> bool:
        """True where every record is a row or a dead letter."""
        written = self.counts[metrics.ROWS] + self.dead_records
        return self.counts[metrics.RECORDS] == written


class Totals:
    """Totals by dataset, added up over one run or over the batches of a live run.

    Args:
        delays: tell how long messages took; of files only the minute of their names is known.
    """

    def __init__(self, delays: bool = False) -> None:
        self._delays = delays
        self.datasets: defaultdict[str, DatasetTotals] = defaultdict(DatasetTotals)

    def add(self, result: Any) -> None:
        """Adds the metrics of a finished Beam run."""
        metered = result.metrics().query(MetricsFilter().with_namespace(metrics.NAMESPACE))
        for counter in metered["counters"]:
            dataset, metric, reason = metrics.split_name(counter.key.metric.name)
            totals = self.datasets[dataset]
            if reason is None:
                totals.counts[metric] += counter.result
            else:
                totals.reasons[reason] += counter.result
        for distribution in metered["distributions"]:
            dataset, metric, _ = metrics.split_name(distribution.key.metric.name)
            if metric == metrics.REFERENCE_TIME:
                totals, newest = self.datasets[dataset], distribution.result.max
                totals.newest = newest if totals.newest is None else max(totals.newest, newest)
            elif metric == metrics.ENQUEUED_TO_WRITTEN:
                found = distribution.result
                self.datasets[dataset].delay.add(found.count, found.sum, found.max)

    def count(self, metric: str) -> int:
        """A counter over all datasets."""
        return sum(totals.counts[metric] for totals in self.datasets.values())

    @property
    def reasons(self) -> Counter[str]:
        """Dead letters by reason, over all datasets."""
        return sum((totals.reasons for totals in self.datasets.values()), Counter())

    @property
    def adds_up(self) -> bool:
        """True where every record of every dataset is a row or a dead letter."""
        return all(totals.adds_up for totals in self.datasets.values())

    @property
    def _dead_records(self) -> int:
        return sum(totals.dead_records for totals in self.datasets.values())

    def lines(self) -> Iterator[str]:
        """The summary, line by line."""
        rows = [
            (
                name,
                f"{totals.counts[metrics.MESSAGES]:,}",
                f"{totals.counts[metrics.ROWS]:,}",
                f"{totals.dead_letters:,}",
                format_moment(totals.newest * 1_000_000) if totals.newest is not None else "-",
                *(totals.delay.cells if self._delays else ()),
            )
            for name, totals in sorted(self.datasets.items())
        ]
        whole = Delay()
        for totals in self.datasets.values():
            whole.add(totals.delay.count, totals.delay.total, totals.delay.longest)
        total = (
            "total",
            f"{self.count(metrics.MESSAGES):,}",
            f"{self.count(metrics.ROWS):,}",
            f"{self.reasons.total():,}",
            "",
            *(whole.cells if self._delays else ()),
        )
        head: tuple[str, ...]
        head = ("dataset", "messages", "rows", "dead letters", "newest reference time")
        if self._delays:
            head += ("seconds to table", "longest")
        yield from _table(head, rows, total)
        yield ""
        records, written = self.count(metrics.RECORDS), self.count(metrics.ROWS)
        sign = "=" if self.adds_up else "IS NOT"
        yield (
            f"{records:,} records {sign} {written:,} rows + {self._dead_records:,} dead-lettered "
            f"records; {self.reasons.total() - self._dead_records:,} undecodable messages"
        )
        for metric in (metrics.MISFIT_VALUES, metrics.UNKNOWN_FIELDS, metrics.MISSING_COLUMNS):
            if self.count(metric):
                yield f"{self.count(metric):,} {metric}: {metrics.MEANING[metric]}"
        for reason, amount in sorted(self.reasons.items(), key=lambda item: (-item[1], item[0])):
            yield f"{amount:,} dead letters {reason}"


def _table(
    head: tuple[str, ...], rows: Iterable[tuple[str, ...]], total: tuple[str, ...]
) -> Iterator[str]:
    body = [head, *rows, total]
    widths = [max(len(row[at]) for row in body) for at in range(len(head))]

    def line(row: tuple[str, ...]) -> str:
        cells = [row[0].ljust(widths[0])]
        cells += [row[at].rjust(widths[at]) for at in range(1, len(row))]
        return "  ".join(cells).rstrip()

    rule = "  ".join("-" * width for width in widths)
    yield line(head)
    yield rule
    yield from map(line, body[1:-1])
    yield rule
    yield line(total)
