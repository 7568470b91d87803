"""Pieces of PromQL and the dashboard's questions: the whole text of each."""

from __future__ import annotations

import pytest

from deploy.monitoring.metrics import DATA_PROCESSED, MESSAGE_SIZES, METRICS, RECEIVED, USER_COUNTER
from deploy.monitoring.promql import Like, added, counted, labelled, newest, select, span
from deploy.monitoring.queries import (
    by_dataset,
    dead_letters,
    hourly,
    per_minute,
    rate,
    since_contact,
    total,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1s"),
        (90, "90s"),
        (600, "10m"),
        (2700, "45m"),
        (3600, "1h"),
        (5400, "90m"),
        (86400, "1d"),
    ],
)
def test_a_duration(seconds: int, text: str) -> None:
    assert span(seconds) == text


def test_a_selector() -> None:
    lag, rows = METRICS["dataflow.googleapis.com/job/system_lag"], Like("[^.]+[.]rows")
    ours = 'monitored_resource="dataflow_job",job_name="${name}"'
    assert select(lag) == f"dataflow_googleapis_com:job_system_lag{{{ours}}}"
    assert newest(lag, 600) == (
        f"last_over_time(dataflow_googleapis_com:job_system_lag{{{ours}}}[10m])"
    )
    assert select(USER_COUNTER, 60, 120, metric_name=rows, job_id="1") == (
        f'dataflow_googleapis_com:job_user_counter{{{ours},metric_name=~"[^.]+[.]rows",'
        'job_id="1"}[1m] offset 2m'
    )


def test_what_a_running_total_has_counted() -> None:
    data = METRICS["dataflow.googleapis.com/job/total_streaming_data_processed"]
    assert counted(data, 3_600) == (
        f"(clamp_min(max_over_time({select(data, 3_600)}) - "
        f"max_over_time({select(data, 21_600, 3_600)}), 0) or "
        f"max_over_time({select(data, 3_600)}))"
    )
    assert f"{select(data)}[1d] offset 1d" in counted(data, 86_400)


def test_only_a_running_total_is_counted_as_one() -> None:
    with pytest.raises(AssertionError, match="system_lag is no running total"):
        counted(METRICS["dataflow.googleapis.com/job/system_lag"], 600)


def test_what_a_counter_has_counted_is_added_up() -> None:
    assert added(MESSAGE_SIZES, 600, topic_id="t") == (
        "sum(increase(pubsub_googleapis_com:topic_message_sizes_count"
        '{monitored_resource="pubsub_topic",topic_id="t"}[10m]))'
    )


def test_labels_from_parts_of_a_name() -> None:
    assert labelled("q", "(.+)[.](.+)", first="$1", second="$2") == (
        'label_replace(label_replace(q, "first", "$1", "metric_name", "(.+)[.](.+)"), '
        '"second", "$2", "metric_name", "(.+)[.](.+)")'
    )


def told(pattern: str, window: str, before: str) -> str:
    """What the counters have counted whose names match the pattern."""
    series = (
        'dataflow_googleapis_com:job_user_counter{monitored_resource="dataflow_job",'
        f'job_name="${{name}}",metric_name=~"{pattern}"}}'
    )
    return (
        f"(clamp_min(max_over_time({series}[{window}]) - "
        f"max_over_time({series}[{before}] offset {window}), 0) or "
        f"max_over_time({series}[{window}]))"
    )


#: The dataset is the first part of a counter's name, the reason of a dead letter the last.
DATASET = '"dataset", "$1", "metric_name", "([^.]+)[.].+"'
REASON = '"reason", "$1", "metric_name", ".+[.]([^.]+)"'
SINCE_CONTACT = (
    "time() - max(last_over_time(custom_googleapis_com:iris_bridge_last_contact_timestamp_seconds"
    '{monitored_resource="global",installation="${name}"}[10m]) > 0)'
)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        pytest.param(
            by_dataset("rows", 86_400),
            f"sum by (dataset) (label_replace({told('[^.]+[.]rows', '1d', '1d')}, {DATASET}))",
            id="by_dataset",
        ),
        pytest.param(
            per_minute("rows"),
            f"sum by (dataset) (label_replace({told('[^.]+[.]rows', '10m', '6h')}, {DATASET}))"
            " / 10",
            id="per_minute",
        ),
        pytest.param(
            dead_letters(3_600),
            "sum by (dataset, reason) (label_replace(label_replace("
            f"{told('[^.]+[.]dead_letters[.].+', '1h', '6h')}, {DATASET}), {REASON})) > 0",
            id="dead_letters",
        ),
        pytest.param(
            total("unmapped[.]rows"), f"sum({told('unmapped[.]rows', '1h', '6h')})", id="total"
        ),
        pytest.param(
            rate(RECEIVED, kind="k"),
            "sum(rate(custom_googleapis_com:iris_bridge_received_total"
            '{monitored_resource="global",installation="${name}",kind="k"}[5m]))',
            id="rate",
        ),
        pytest.param(
            hourly(RECEIVED, kind="k"),
            "sum(increase(custom_googleapis_com:iris_bridge_received_total"
            '{monitored_resource="global",installation="${name}",kind="k"}[1h]))',
            id="hourly of a counter",
        ),
        pytest.param(
            hourly(DATA_PROCESSED, job_id="1"),
            f"sum({counted(DATA_PROCESSED, 3_600, job_id='1')})",
            id="hourly of a running total",
        ),
        pytest.param(since_contact(), SINCE_CONTACT, id="since_contact"),
    ],
)
def test_what_the_dashboard_asks(query: str, text: str) -> None:
    assert query == text
