"""The dashboard: is all well, how fresh are the data, where are they held up, what does it cost.

The newest minutes of a chart of Google's metrics fill in as their points come, up to four minutes
late.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from deploy.monitoring import metrics
from deploy.monitoring.alerts import DEAD_LETTERS, MESSAGES
from deploy.monitoring.limits import LAG, LEFT, SOON, WAITING, WINDOW, beyond, groups, share
from deploy.monitoring.metrics import NAME
from deploy.monitoring.promql import added, newest, select
from deploy.monitoring.queries import (
    by_dataset,
    dead_letters,
    hourly,
    per_minute,
    rate,
    since_contact,
    total,
)
from deploy.monitoring.tiles import COLUMNS, Line, Tile, chart, header, mosaic, number, table
from ops.metrics import PERIOD_SECONDS
from pipeline import metrics as counters
from pipeline.reject import Reason
from pipeline.transforms import UNMAPPED_TAG
from schemas import Dataset
from schemas.views.freshness import allowed_age_seconds, allowed_silence_seconds

_TEN: Final = 600
_HOUR: Final = 3_600
_DAY: Final = 86_400
_HALF: Final = COLUMNS // 2
_QUARTER: Final = COLUMNS // 4

#: Reasons for which a message could not even be read.
_UNREADABLE: Final = (Reason.BAD_ENCODING, Reason.NOT_JSON, Reason.NOT_RECORDS)


def dashboard(datasets: Iterable[Dataset]) -> dict[str, Any]:
    """The dashboard of an installation that takes in these datasets."""
    datasets = tuple(datasets)
    silence = groups(datasets, allowed_silence_seconds)
    age = groups(datasets, allowed_age_seconds)
    late = f"{beyond(metrics.SILENCE, silence)} or {beyond(metrics.AGE, age)}"
    return {
        "displayName": f"{NAME}: IRIS to BigQuery",
        "labels": {"installation": NAME},
        "mosaicLayout": mosaic(
            [
                *_overview(late),
                header(
                    "Datasets that come by the clock",
                    "100 % is what a dataset's cadence allows: two turns and ten minutes without a "
                    "message, two turns and three hours between its newest time and now",
                ),
                *_freshness(share(metrics.SILENCE, silence), share(metrics.AGE, age)),
                *_contents(),
                *_pubsub(),
                *_bridge(),
                *_dataflow(),
                *_costs(),
            ]
        ),
    }


def _overview(late: str) -> Iterable[Tile]:
    yield header("Is all well?", "Red: somebody should look")
    yield number("Bridge: ready", f"min({newest(metrics.READY, _TEN)})", "1", below=1)
    yield number("Bridge: since contact", since_contact(), "s", above=_TEN)
    yield number(
        "Left of the three days", f"min({newest(metrics.EXPIRES_IN, _TEN)})", "s", below=LEFT
    )
    yield number("Secret ends in", f"min({newest(metrics.SECRET_DAYS, _HOUR)})", "d", below=SOON)
    yield number(
        "Oldest in Pub/Sub",
        f"max({newest(metrics.OLDEST_UNACKED, _TEN, subscription_id=MESSAGES)})",
        "s",
        above=WAITING,
    )
    yield number("Dataflow: lag", f"max({newest(metrics.SYSTEM_LAG, _TEN)})", "s", above=LAG)
    # Nothing, and not 0, where nobody looks.
    looked_at = f"count({newest(metrics.SILENCE, 4 * PERIOD_SECONDS)})"
    yield number("Datasets late", f"count({late}) or 0 * {looked_at}", "1", above=0)
    yield number(
        "Dead letters, a day",
        f"{added(metrics.MESSAGE_SIZES, _DAY, topic_id=DEAD_LETTERS)} or vector(0)",
        "1",
        above=0,
    )


def _freshness(silence: str, age: str) -> Iterable[Tile]:
    yield chart(
        "Silence, of what is allowed", silence, "10^2.%", "of allowed", threshold=1, width=_HALF
    )
    yield chart("Age, of what is allowed", age, "10^2.%", "of allowed", threshold=1, width=_HALF)
    yield table(
        "Silence: since the newest message",
        f"max by (dataset) ({newest(metrics.SILENCE, WINDOW)})",
        "s",
        width=_HALF,
    )
    yield table(
        "Age: since the newest time that the rows speak of",
        f"max by (dataset) ({newest(metrics.AGE, WINDOW)})",
        "s",
        width=_HALF,
    )


def _contents() -> Iterable[Tile]:
    yield header("Rows and dead letters", "As the pipeline counts them: docs/semantics.md")
    yield chart(
        "Rows per minute", per_minute(counters.ROWS), "{rows}/min", "rows per minute", width=_HALF
    )
    yield chart(
        "Messages per minute",
        per_minute(counters.MESSAGES),
        "{messages}/min",
        "messages per minute",
        width=_HALF,
    )
    yield table("Rows of the last 24 hours", by_dataset(counters.ROWS, _DAY), "{rows}")
    yield chart(
        "Dead letters of each hour, by dataset and reason",
        dead_letters(_HOUR),
        "1",
        "dead letters in an hour",
        stacked=True,
    )
    yield table("Dead letters of the last 24 hours", dead_letters(_DAY), "1")
    unreadable = f"[^.]+[.]{counters.DEAD_LETTERS}[.]({'|'.join(_UNREADABLE)})"
    yield chart(
        "Not decoded, and of no known dataset, each hour",
        [
            Line(total(unreadable), "messages that could not be decoded"),
            Line(total(f"{UNMAPPED_TAG}[.]{counters.ROWS}"), "records in iris_unmapped"),
        ],
        "1",
        "in an hour",
        width=_HALF,
    )
    yield chart(
        "Values kept in _extra, each hour",
        [
            Line(total(f"[^.]+[.]{counters.MISFIT_VALUES}"), "did not fit their column"),
            Line(total(f"[^.]+[.]{counters.UNKNOWN_FIELDS}"), "unknown to the schema file"),
            Line(total(f"[^.]+[.]{counters.MISSING_COLUMNS}"), "the table lacks their column"),
        ],
        "1",
        "values in an hour",
        width=_HALF,
    )


def _pubsub() -> Iterable[Tile]:
    yield header("Pub/Sub", "Between bridge and pipeline; what waits here is behind, not lost")
    yield chart(
        "Messages published",
        [
            Line(rate(metrics.MESSAGE_SIZES, topic_id=MESSAGES), "from IRIS"),
            Line(rate(metrics.MESSAGE_SIZES, topic_id=DEAD_LETTERS), "dead letters"),
        ],
        "1/s",
        "messages per second",
        width=_QUARTER,
    )
    yield chart(
        "Age of the oldest message that waits",
        f"max({select(metrics.OLDEST_UNACKED, subscription_id=MESSAGES)})",
        "s",
        "seconds",
        threshold=WAITING,
        width=_QUARTER,
    )
    yield chart(
        "Messages that wait",
        [
            Line(f"max({select(metrics.UNDELIVERED, subscription_id=MESSAGES)})", "for the job"),
            Line(
                f"max({select(metrics.UNDELIVERED, subscription_id=DEAD_LETTERS)})",
                "dead letters, for somebody",
            ),
        ],
        "1",
        "messages",
        width=_QUARTER,
    )
    yield chart(
        "Their size",
        f"max({select(metrics.BACKLOG_BYTES, subscription_id=MESSAGES)})",
        "By",
        "bytes for the job",
        width=_QUARTER,
    )


def _bridge() -> Iterable[Tile]:
    yield header("The bridge", "From IRIS's queue to Pub/Sub: docs/bridge.md")
    yield chart("Ready: 1 where messages can flow", f"min({select(metrics.READY)})", "1", "ready")
    yield chart("Since the queue last answered", since_contact(), "s", "seconds")
    yield chart(
        "Left of the three days, for the oldest message",
        f"min({select(metrics.EXPIRES_IN)})",
        "s",
        "seconds",
        threshold=LEFT,
    )
    yield chart(
        "Messages per second",
        [
            Line(rate(metrics.RECEIVED), "received"),
            Line(rate(metrics.REDELIVERED), "of these delivered before"),
            Line(rate(metrics.PUBLISHED), "published"),
        ],
        "1/s",
        "messages per second",
    )
    yield chart(
        "What failed, each hour",
        [
            Line(added(metrics.PUBLISH_FAILURES, _HOUR), "not confirmed by Pub/Sub"),
            Line(added(metrics.SETTLE_FAILURES, _HOUR), "not settled on the queue"),
            Line(added(metrics.DEAD_LETTERED, _HOUR), "moved to the queue's dead letters"),
        ],
        "1",
        "in an hour",
    )
    yield chart(
        "Left in the queue's dead letters",
        f"max({select(metrics.DEAD_LETTERS_LEFT)})",
        "1",
        "messages",
        threshold=0,
    )


def _dataflow() -> Iterable[Tile]:
    """The largest of all job ids, not their sum: a job that has ended is seen for some minutes."""
    yield header("The Dataflow job", "From Pub/Sub to BigQuery")
    yield chart(
        "System lag and watermark age",
        [
            Line(f"max({select(metrics.SYSTEM_LAG)})", "longest that something is in work"),
            Line(f"max({select(metrics.WATERMARK_AGE)})", "age of the newest that is done"),
        ],
        "s",
        "seconds",
        threshold=LAG,
    )
    yield chart(
        "Workers",
        [
            Line(f"max({select(metrics.ACTIVE_WORKERS)})", "at work"),
            Line(f"max({select(metrics.TARGET_WORKERS)})", "wanted"),
            Line(f"max({select(metrics.VCPUS)})", "vCPUs"),
        ],
        "1",
        "workers, vCPUs",
    )
    yield chart("CPU in use", f"max({select(metrics.UTILIZATION)})", "10^2.%", "of the workers")


def _costs() -> Iterable[Tile]:
    yield header(
        "What it costs",
        "Amounts of each hour, of the things that are billed; 730 hours are a month",
    )
    yield chart("CPU time", f"{hourly(metrics.VCPU_TIME)} / {_HOUR}", "h", "vCPU hours in an hour")
    yield chart(
        "Memory", f"{hourly(metrics.MEMORY_TIME)} / {_HOUR}", "GBy.h", "GB hours in an hour"
    )
    units = hourly(metrics.COMPUTE_UNITS)
    yield chart("Streaming Engine: compute units", units, "1", "units in an hour")
    data = hourly(metrics.DATA_PROCESSED)
    yield chart("Streaming Engine: data processed", data, "By", "bytes in an hour")
    yield chart(
        "Pub/Sub: published and delivered",
        [
            Line(hourly(metrics.TOPIC_BYTES, topic_id=MESSAGES), "published"),
            Line(hourly(metrics.SUBSCRIPTION_BYTES, subscription_id=MESSAGES), "delivered"),
        ],
        "By",
        "bytes in an hour",
    )
    uploaded = hourly(metrics.UPLOADED_BYTES)
    yield chart("BigQuery: uploaded, by the whole project", uploaded, "By", "bytes in an hour")
