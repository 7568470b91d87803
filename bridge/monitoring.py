"""Prometheus metrics as time series of Cloud Monitoring."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from google.api.metric_pb2 import MetricDescriptor  # type: ignore[import-untyped]
from google.cloud.monitoring_v3 import Point, TimeInterval, TimeSeries, TypedValue
from prometheus_client import Metric

from bridge.metrics import NAMESPACE
from bridge.settings import Monitoring

PREFIX: Final = "custom.googleapis.com/iris/bridge/"

#: Of the process's own metrics, those that are written; Prometheus's client brings more.
_OF_THE_PROCESS: Final = {"process_resident_memory_bytes", "process_cpu_seconds"}


def time_series(
    families: Iterable[Metric], target: Monitoring, start: datetime, end: datetime
) -> list[TimeSeries]:
    """A point for each gauge and counter.

    Gauges become GAUGE DOUBLE, counters CUMULATIVE INT64 without their fractions. What is not
    finite is left out, and so are histograms, when a counter was created, most of the process's
    own metrics, and counters while ``end`` is not after ``start`` (Cloud Monitoring's
    TimeInterval: the two must differ for cumulative values).

    Args:
        families: as a registry collects them.
        target: project and installation.
        start: when the counters began at 0; with a time zone, as ``end``.
        end: when the values were taken.
    """
    return [
        _series(name, value, labels, is_counter, target, start, end)
        for name, value, labels, is_counter in _samples(families)
        if math.isfinite(value) and (not is_counter or start < end)
    ]


def _samples(families: Iterable[Metric]) -> Iterator[tuple[str, float, dict[str, str], bool]]:
    """Name, value and labels of gauges and counters, and whether it is a counter."""
    for family in families:
        name = family.name.removeprefix(f"{NAMESPACE}_")
        is_counter = family.type == "counter"
        is_foreign = name.startswith("process_") and name not in _OF_THE_PROCESS
        if is_foreign or not (is_counter or family.type == "gauge"):
            continue
        suffix = "_total" if is_counter else ""
        for sample in family.samples:
            if sample.name == family.name + suffix:
                yield name + suffix, sample.value, sample.labels, is_counter


def _series(
    name: str,
    value: float,
    labels: dict[str, str],
    is_counter: bool,
    target: Monitoring,
    start: datetime,
    end: datetime,
) -> TimeSeries:
    if is_counter:
        kind, number = MetricDescriptor.CUMULATIVE, TypedValue(int64_value=int(value))
        type_, interval = MetricDescriptor.INT64, TimeInterval(start_time=start, end_time=end)
    else:
        kind, number = MetricDescriptor.GAUGE, TypedValue(double_value=value)
        type_, interval = MetricDescriptor.DOUBLE, TimeInterval(end_time=end)
    return TimeSeries(
        metric={
            "type": PREFIX + name,
            "labels": {**labels, "installation": target.installation},
        },
        resource={"type": "global", "labels": {"project_id": target.project}},
        metric_kind=kind,
        value_type=type_,
        points=[Point(interval=interval, value=number)],
    )
