"""From where on something is wrong: for datasets by their cadence, for the rest by one number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from deploy.monitoring.metrics import Metric
from deploy.monitoring.promql import Like, newest
from ops.metrics import DATASET, PERIOD_SECONDS
from schemas import Dataset

#: Seconds that a message may wait in Pub/Sub.
WAITING: Final = 900
#: Seconds that Dataflow may lag.
LAG: Final = 300
#: Seconds of IRIS's three days that must be left.
LEFT: Final = 86_400
#: Days before the client secret's end: the first call, and the last.
SOON: Final = 30
LAST: Final = 7

#: Seconds in which a dataset's newest values are looked for: three checks, so one may be missed.
WINDOW: Final = 3 * PERIOD_SECONDS

#: Seconds that are allowed, and the datasets to which that applies, sorted.
Groups = dict[int, tuple[str, ...]]


def groups(datasets: Iterable[Dataset], allowed: Callable[[Dataset], int | None]) -> Groups:
    """The datasets that come by the clock, by equal limits, the shortest limit first."""
    found: dict[int, list[str]] = {}
    for dataset in datasets:
        limit = allowed(dataset)
        if limit is not None:
            found.setdefault(limit, []).append(dataset.subject)
    return {limit: tuple(sorted(found[limit])) for limit in sorted(found)}


def beyond(metric: Metric, limits: Groups) -> str:
    """The datasets that are beyond their limit; a series for each, with its label.

    One clause for each limit: a metric that is named once costs once, so not one for each dataset.
    """
    return _each(metric, limits, ">")


def share(metric: Metric, limits: Groups) -> str:
    """How much of what is allowed each dataset takes: above 1 it is late."""
    return _each(metric, limits, "/")


def _each(metric: Metric, limits: Groups, operator: str) -> str:
    return " or ".join(
        f"max by ({DATASET}) ({newest(metric, WINDOW, dataset=Like('|'.join(subjects)))})"
        f" {operator} {limit}"
        for limit, subjects in limits.items()
    )
