"""What each tile of the dashboard shows: queries in short, unit, threshold, legends.

Of the datasets that come by the clock there is one here, and so one limit; what the limits of all
of them are is a test of its own.
"""

from __future__ import annotations

from typing import Any

from deploy.monitoring.dashboard import dashboard
from deploy.monitoring.queries import by_dataset, dead_letters, per_minute
from schemas import load
from tests.deploy.monitoring_queries import short

WIDGETS: list[dict[str, Any]] = [
    tile["widget"] for tile in dashboard([load()["FREQ"]])["mosaicLayout"]["tiles"]
]

MESSAGES = '{topic_id="${name}-messages"}'
DEAD_LETTERS = '{topic_id="${name}-dead-letters"}'
WAITING = '{subscription_id="${name}-messages"}'
WAITING_DEAD = '{subscription_id="${name}-dead-letters"}'
SILENCE = 'max by (dataset) (last_over_time(iris_health_silence_seconds{dataset=~"FREQ"}[45m]))'
AGE = 'max by (dataset) (last_over_time(iris_health_age_seconds{dataset=~"FREQ"}[45m]))'
SINCE_CONTACT = "time() - max(last_over_time(iris_bridge_last_contact_timestamp_seconds[10m]) > 0)"


def counters(names: str) -> str:
    return f'sum(counted(job_user_counter{{metric_name=~"{names}"}}[1h]))'


#: Title: query, unit, where it becomes red.
NUMBERS = {
    "Bridge: ready": ("min(last_over_time(iris_bridge_ready[10m]))", "1", "BELOW 1"),
    "Bridge: since contact": (SINCE_CONTACT, "s", "ABOVE 600"),
    "Left of the three days": (
        "min(last_over_time(iris_bridge_oldest_expires_in_seconds[10m]))",
        "s",
        "BELOW 86400",
    ),
    "Secret ends in": (
        "min(last_over_time(iris_bridge_secret_expires_in_days[1h]))",
        "d",
        "BELOW 30",
    ),
    "Oldest in Pub/Sub": (
        f"max(last_over_time(subscription_oldest_unacked_message_age{WAITING}[10m]))",
        "s",
        "ABOVE 900",
    ),
    "Dataflow: lag": ("max(last_over_time(job_system_lag[10m]))", "s", "ABOVE 300"),
    "Datasets late": (
        f"count({SILENCE} > 840 or {AGE} > 11040)"
        " or 0 * count(last_over_time(iris_health_silence_seconds[1h]))",
        "1",
        "ABOVE 0",
    ),
    "Dead letters, a day": (
        f"sum(increase(topic_message_sizes_count{DEAD_LETTERS}[1d])) or vector(0)",
        "1",
        "ABOVE 0",
    ),
}

#: Title: query, unit.
TABLES = {
    "Silence: since the newest message": (
        "max by (dataset) (last_over_time(iris_health_silence_seconds[45m]))",
        "s",
    ),
    "Age: since the newest time that the rows speak of": (
        "max by (dataset) (last_over_time(iris_health_age_seconds[45m]))",
        "s",
    ),
    "Rows of the last 24 hours": (short(by_dataset("rows", 86_400)), "{rows}"),
    "Dead letters of the last 24 hours": (short(dead_letters(86_400)), "1"),
}

#: Title: unit, axis, threshold, queries by their legends. What functions stand for here is in the
#: test of PromQL.
CHARTS: dict[str, tuple[str, str, int | None, dict[str, str]]] = {
    "Silence, of what is allowed": ("10^2.%", "of allowed", 1, {"": f"{SILENCE} / 840"}),
    "Age, of what is allowed": ("10^2.%", "of allowed", 1, {"": f"{AGE} / 11040"}),
    "Rows per minute": ("{rows}/min", "rows per minute", None, {"": short(per_minute("rows"))}),
    "Messages per minute": (
        "{messages}/min",
        "messages per minute",
        None,
        {"": short(per_minute("messages"))},
    ),
    "Dead letters of each hour, by dataset and reason": (
        "1",
        "dead letters in an hour",
        None,
        {"": short(dead_letters(3_600))},
    ),
    "Not decoded, and of no known dataset, each hour": (
        "1",
        "in an hour",
        None,
        {
            "messages that could not be decoded": counters(
                "[^.]+[.]dead_letters[.](BadEncoding|NotJson|NotRecords)"
            ),
            "records in iris_unmapped": counters("unmapped[.]rows"),
        },
    ),
    "Values kept in _extra, each hour": (
        "1",
        "values in an hour",
        None,
        {
            "did not fit their column": counters("[^.]+[.]misfit_values"),
            "unknown to the schema file": counters("[^.]+[.]unknown_fields"),
            "the table lacks their column": counters("[^.]+[.]missing_columns"),
        },
    ),
    "Messages published": (
        "1/s",
        "messages per second",
        None,
        {
            "from IRIS": f"sum(rate(topic_message_sizes_count{MESSAGES}[5m]))",
            "dead letters": f"sum(rate(topic_message_sizes_count{DEAD_LETTERS}[5m]))",
        },
    ),
    "Age of the oldest message that waits": (
        "s",
        "seconds",
        900,
        {"": f"max(subscription_oldest_unacked_message_age{WAITING})"},
    ),
    "Messages that wait": (
        "1",
        "messages",
        None,
        {
            "for the job": f"max(subscription_num_undelivered_messages{WAITING})",
            "dead letters, for somebody": (
                f"max(subscription_num_undelivered_messages{WAITING_DEAD})"
            ),
        },
    ),
    "Their size": (
        "By",
        "bytes for the job",
        None,
        {"": f"max(subscription_backlog_bytes{WAITING})"},
    ),
    "Ready: 1 where messages can flow": ("1", "ready", None, {"": "min(iris_bridge_ready)"}),
    "Since the queue last answered": ("s", "seconds", None, {"": SINCE_CONTACT}),
    "Left of the three days, for the oldest message": (
        "s",
        "seconds",
        86_400,
        {"": "min(iris_bridge_oldest_expires_in_seconds)"},
    ),
    "Messages per second": (
        "1/s",
        "messages per second",
        None,
        {
            "received": "sum(rate(iris_bridge_received_total[5m]))",
            "of these delivered before": "sum(rate(iris_bridge_redelivered_total[5m]))",
            "published": "sum(rate(iris_bridge_published_total[5m]))",
        },
    ),
    "What failed, each hour": (
        "1",
        "in an hour",
        None,
        {
            "not confirmed by Pub/Sub": "sum(increase(iris_bridge_publish_failures_total[1h]))",
            "not settled on the queue": "sum(increase(iris_bridge_settle_failures_total[1h]))",
            "moved to the queue's dead letters": (
                "sum(increase(iris_bridge_dead_lettered_total[1h]))"
            ),
        },
    ),
    "Left in the queue's dead letters": (
        "1",
        "messages",
        0,
        {"": "max(iris_bridge_dead_letters_left)"},
    ),
    "System lag and watermark age": (
        "s",
        "seconds",
        300,
        {
            "longest that something is in work": "max(job_system_lag)",
            "age of the newest that is done": "max(job_data_watermark_age)",
        },
    ),
    "Workers": (
        "1",
        "workers, vCPUs",
        None,
        {
            "at work": "max(job_active_worker_instances)",
            "wanted": "max(job_target_worker_instances)",
            "vCPUs": "max(job_current_num_vcpus)",
        },
    ),
    "CPU in use": (
        "10^2.%",
        "of the workers",
        None,
        {"": "max(job_aggregated_worker_utilization)"},
    ),
    # Google counts both in seconds.
    "CPU time": (
        "h",
        "vCPU hours in an hour",
        None,
        {"": "sum(counted(job_total_vcpu_time[1h])) / 3600"},
    ),
    "Memory": (
        "GBy.h",
        "GB hours in an hour",
        None,
        {"": "sum(counted(job_total_memory_usage_time[1h])) / 3600"},
    ),
    "Streaming Engine: compute units": (
        "1",
        "units in an hour",
        None,
        {"": "sum(counted(job_total_secu_usage[1h]))"},
    ),
    "Streaming Engine: data processed": (
        "By",
        "bytes in an hour",
        None,
        {"": "sum(counted(job_total_streaming_data_processed[1h]))"},
    ),
    "Pub/Sub: published and delivered": (
        "By",
        "bytes in an hour",
        None,
        {
            "published": f"sum(increase(topic_byte_cost{MESSAGES}[1h]))",
            "delivered": f"sum(increase(subscription_byte_cost{WAITING}[1h]))",
        },
    ),
    "BigQuery: uploaded, by the whole project": (
        "By",
        "bytes in an hour",
        None,
        {"": "sum(increase(write_uploaded_bytes_count[1h]))"},
    ),
}


def views(kind: str) -> dict[str, Any]:
    return {one["title"]: one[kind] for one in WIDGETS if kind in one}


def asked(view: dict[str, Any]) -> tuple[str, str]:
    """The query, in short, and the unit."""
    query = view["timeSeriesQuery"]
    return short(query["prometheusQuery"]), query["unitOverride"]


def test_the_numbers() -> None:
    found = {}
    for title, view in views("scorecard").items():
        (limit,) = view["thresholds"]
        assert limit["color"] == "RED"
        found[title] = (*asked(view), f"{limit['direction']} {limit['value']}")
    assert found == NUMBERS


def test_the_tables() -> None:
    found = {}
    for title, view in views("timeSeriesTable").items():
        (one,) = view["dataSets"]
        found[title] = asked(one)
    assert found == TABLES


def test_the_charts() -> None:
    found = {}
    for title, view in views("xyChart").items():
        limits = [one["value"] for one in view.get("thresholds", [])] or [None]
        lines = {one.get("legendTemplate", ""): asked(one) for one in view["dataSets"]}
        (unit,) = {unit for _, unit in lines.values()}
        (limit,) = limits
        queries = {legend: query for legend, (query, _) in lines.items()}
        found[title] = (unit, view["yAxis"]["label"], limit, queries)
    assert found == CHARTS


def test_parts_of_a_whole_are_stacked() -> None:
    stacked = {
        title
        for title, view in views("xyChart").items()
        if {one["plotType"] for one in view["dataSets"]} == {"STACKED_BAR"}
    }
    assert stacked == {"Dead letters of each hour, by dataset and reason"}
