"""Metrics as time series of Cloud Monitoring."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from google.api.metric_pb2 import MetricDescriptor
from google.cloud.monitoring_v3 import Point, TimeInterval, TimeSeries, TypedValue
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from bridge.metrics import Metrics
from bridge.monitoring import time_series
from bridge.settings import Monitoring

TARGET = Monitoring("some-project", "home")
START = datetime(2026, 11, 20, 12, tzinfo=UTC)
END = START + timedelta(minutes=3)
GLOBAL = {"type": "global", "labels": {"project_id": "some-project"}}


def gauge(name: str, value: float, **labels: str) -> TimeSeries:
    return TimeSeries(
        metric={
            "type": f"custom.googleapis.com/iris/bridge/{name}",
            "labels": {"installation": "home", **labels},
        },
        resource=GLOBAL,
        metric_kind=MetricDescriptor.GAUGE,
        value_type=MetricDescriptor.DOUBLE,
        points=[Point(interval=TimeInterval(end_time=END), value=TypedValue(double_value=value))],
    )


def counter(name: str, value: int, **labels: str) -> TimeSeries:
    return TimeSeries(
        metric={
            "type": f"custom.googleapis.com/iris/bridge/{name}",
            "labels": {"installation": "home", **labels},
        },
        resource=GLOBAL,
        metric_kind=MetricDescriptor.CUMULATIVE,
        value_type=MetricDescriptor.INT64,
        points=[
            Point(
                interval=TimeInterval(start_time=START, end_time=END),
                value=TypedValue(int64_value=value),
            )
        ],
    )


def test_gauges_and_counters_whole() -> None:
    registry = CollectorRegistry()
    Gauge("iris_bridge_level", "of it", registry=registry).set(0.25)
    Gauge("iris_bridge_state", "of it", ["part"], registry=registry).labels("queue").set(1)
    Counter("iris_bridge_seen", "so far", registry=registry).inc(7.9)
    Counter("iris_bridge_failures", "so far", ["kind"], registry=registry).labels("Odd").inc()
    Gauge("another", "without the prefix", registry=registry).set(-3)
    assert time_series(registry.collect(), TARGET, START, END) == [
        gauge("level", 0.25),
        gauge("state", 1.0, part="queue"),
        counter("seen_total", 7),
        counter("failures_total", 1, kind="Odd"),
        gauge("another", -3.0),
    ]


def test_what_is_left_out() -> None:
    registry = CollectorRegistry()
    for number in (math.nan, math.inf, -math.inf):
        Gauge(f"iris_bridge_{number}".replace("-", "_"), "of it", registry=registry).set(number)
    Histogram("iris_bridge_seconds", "of it", registry=registry).observe(1)
    Info("iris_bridge_version", "of it", registry=registry).info({"version": "1"})
    Gauge("iris_bridge_process_open_fds", "of it", registry=registry).set(9)
    Gauge("iris_bridge_unused", "of it", ["part"], registry=registry)
    assert time_series(registry.collect(), TARGET, START, END) == []


@pytest.mark.parametrize("end", [START, START - timedelta(hours=1)])
def test_no_counter_where_no_time_has_passed(end: datetime) -> None:
    registry = CollectorRegistry()
    Counter("iris_bridge_seen", "so far", registry=registry).inc()
    Gauge("iris_bridge_level", "of it", registry=registry).set(1)
    [only] = time_series(registry.collect(), TARGET, START, end)
    assert only.metric.type.endswith("/level")


def test_those_of_the_bridge() -> None:
    metrics = Metrics(date(2026, 12, 1), now=lambda: START)
    metrics.saw(START - timedelta(hours=1))
    metrics.published.inc(12)
    metrics.monitoring_failures.labels("Forbidden").inc()
    metrics.phase.labels("queue", "receiving").set(1)
    metrics.relay_seconds.observe(0.1)
    found = time_series(metrics.registry.collect(), TARGET, START, END)
    by_name = {one.metric.type.rpartition("/")[2]: one for one in found}
    assert by_name["published_total"] == counter("published_total", 12)
    assert by_name["ready"] == gauge("ready", 0.0)
    left = timedelta(days=3, hours=-1).total_seconds()
    assert by_name["oldest_expires_in_seconds"] == gauge("oldest_expires_in_seconds", left)
    assert sorted(by_name) == [
        "completed_total",
        "compressed_total",
        "connection_state",
        "connections_total",
        "dead_letters_left",
        "dead_letters_relayed_total",
        "last_contact_timestamp_seconds",
        "locks_renewed_total",
        "monitoring_failures_total",
        "oldest_enqueued_timestamp_seconds",
        "oldest_expires_in_seconds",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "publish_failures_total",
        "published_bytes_total",
        "published_total",
        "ready",
        "received_bytes_total",
        "received_total",
        "redelivered_total",
        "secret_expires_in_days",
    ]


@given(
    st.dictionaries(st.tuples(st.text(), st.text()), st.integers(0, 2**53), max_size=5),
    st.dictionaries(st.text(), st.floats(), max_size=5),
)
def test_whatever_labels_hold(counts: dict[tuple[str, str], int], levels: dict[str, float]) -> None:
    registry = CollectorRegistry()
    seen = Counter("iris_bridge_seen", "so far", ["kind", "reason"], registry=registry)
    level = Gauge("iris_bridge_level", "of it", ["part"], registry=registry)
    for labels, count in counts.items():
        seen.labels(*labels).inc(count)
    for part, value in levels.items():
        level.labels(part).set(value)
    found = time_series(registry.collect(), TARGET, START, END)
    assert found == [
        *(counter("seen_total", n, kind=kind, reason=why) for (kind, why), n in counts.items()),
        *(
            gauge("level", value, part=part)
            for part, value in levels.items()
            if math.isfinite(value)
        ),
    ]
    for one in found:
        assert TimeSeries.deserialize(TimeSeries.serialize(one)) == one
