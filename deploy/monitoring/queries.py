"""What the dashboard asks of the pipeline's counters, of rates and of amounts."""

from __future__ import annotations

from typing import Final

from deploy.monitoring import metrics
from deploy.monitoring.metrics import Kind, Metric
from deploy.monitoring.promql import Like, added, counted, labelled, newest, select
from pipeline import metrics as counters

_MINUTE: Final = 60
_TEN: Final = 600
_HOUR: Final = 3_600

#: The dataset is the first part of a counter's name, a dead letter's reason the last.
_FIRST: Final = "([^.]+)[.].+"
_LAST: Final = ".+[.]([^.]+)"


def by_dataset(counter: str, window: int) -> str:
    """What one of the pipeline's counters has counted in the window, for each dataset."""
    found = counted(metrics.USER_COUNTER, window, metric_name=Like(f"[^.]+[.]{counter}"))
    return f"sum by (dataset) ({labelled(found, _FIRST, dataset='$1')})"


def per_minute(counter: str) -> str:
    """The same per minute, over ten of them."""
    return f"{by_dataset(counter, _TEN)} / {_TEN // _MINUTE}"


def dead_letters(window: int) -> str:
    """Dead letters in the window, for each dataset and reason that had any."""
    like = Like(f"[^.]+[.]{counters.DEAD_LETTERS}[.].+")
    found = counted(metrics.USER_COUNTER, window, metric_name=like)
    found = labelled(labelled(found, _FIRST, dataset="$1"), _LAST, reason="$1")
    return f"sum by (dataset, reason) ({found}) > 0"


def total(pattern: str) -> str:
    """What all counters together have counted in an hour whose names match ``pattern``."""
    return f"sum({counted(metrics.USER_COUNTER, _HOUR, metric_name=Like(pattern))})"


def rate(metric: Metric, **labels: str) -> str:
    """Events of a counter per second, all series together."""
    return f"sum(rate({select(metric, 5 * _MINUTE, **labels)}))"


def hourly(metric: Metric, **labels: str) -> str:
    """What a counter or running total grows by in an hour, all series together."""
    if metric.kind is Kind.TOTAL:
        return f"sum({counted(metric, _HOUR, **labels)})"
    return added(metric, _HOUR, **labels)


def since_contact() -> str:
    """Seconds since the queue last answered the bridge; nothing before its first answer.

    Until then its gauge is 0.
    """
    return f"time() - max({newest(metrics.LAST_CONTACT, _TEN)} > 0)"
