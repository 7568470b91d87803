"""Pieces of PromQL, as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from deploy.monitoring.metrics import NAME, Kind, Metric

#: What makes a series one of this installation, by resource.
_OURS: Final = {"dataflow_job": "job_name", "global": "installation"}
#: Seconds in which what a series was before is looked for.
_MEMORY: Final = 21_600
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


@dataclass(frozen=True)
class Like:
    """A label's value is the whole of what this regular expression matches."""

    pattern: str


def span(seconds: int) -> str:
    """A duration as PromQL writes it: ``45m``."""
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def select(metric: Metric, window: int = 0, offset: int = 0, /, **labels: str | Like) -> str:
    """The series of ``metric`` that are of this installation.

    The resource always stands in it: Cloud Monitoring demands it where a metric has been seen on
    several.

    Args:
        window: seconds; 0 for the newest point of the last five minutes.
        offset: seconds before now at which the window ends.
    """
    found: dict[str, str | Like] = {"monitored_resource": metric.resource}
    if metric.resource in _OURS:
        found[_OURS[metric.resource]] = NAME
    matchers = ",".join(
        f'{label}=~"{value.pattern}"' if isinstance(value, Like) else f'{label}="{value}"'
        for label, value in (found | labels).items()
    )
    suffix = "_count" if metric.kind is Kind.DISTRIBUTION else ""
    text = f"{metric.promql}{suffix}{{{matchers}}}"
    return (
        text + (f"[{span(window)}]" if window else "") + (f" offset {span(offset)}" * (offset > 0))
    )


def newest(metric: Metric, window: int, /, **labels: str | Like) -> str:
    """The newest value of each series in a window.

    Without a window PromQL looks back for five minutes, and some metrics come later than that.
    """
    return f"last_over_time({select(metric, window, **labels)})"


def added(metric: Metric, window: int, /, **labels: str | Like) -> str:
    """What a counter has counted in the window, all series together."""
    return f"sum(increase({select(metric, window, **labels)}))"


def counted(metric: Metric, window: int, /, **labels: str | Like) -> str:
    """What each series of a running total has counted within ``window``.

    Dataflow's totals are GAUGEs that begin at 0 with each job id, and the job id is a label: a
    restart or an update ends one series and begins another. Within one series the total only
    grows, so what it has counted in the window is its highest value there less its highest before.
    A series with nothing before began in the window, at 0, and all of it counts; that holds for a
    counter's first event, too, which ``increase()`` does not see because nothing precedes it. So:

    - at a restart the old series gives what it still counted, the new one what it has, and
      neither is ever set against the other: never negative, nothing twice, no jump by a total;
    - windows that follow one another add up to the totals, however late points come;
    - a total that is corrected downwards gives 0.

    A series of which nothing came for as long as the window, and for six hours at least, would
    count anew.

    Args:
        window: seconds.
    """
    assert metric.kind is Kind.TOTAL, f"{metric.type} is no running total"
    memory = max(window, _MEMORY)
    now = f"max_over_time({select(metric, window, **labels)})"
    before = f"max_over_time({select(metric, memory, window, **labels)})"
    return f"(clamp_min({now} - {before}, 0) or {now})"


def labelled(query: str, pattern: str, **labels: str) -> str:
    """The series of ``query`` with labels taken from parts of their ``metric_name``.

    Args:
        pattern: of the whole ``metric_name``.
        labels: where a label's value is in it, such as ``$1``.
    """
    for label, group in labels.items():
        query = f'label_replace({query}, "{label}", "{group}", "metric_name", "{pattern}")'
    return query
