"""Every metric that a query may name: what it is of, what labels it has, how late it comes.

Google's own are from the lists of metrics (sources below, as of April 2026), the bridge's from
``bridge/metrics.py``, the health check's from ``ops/metrics.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ops import metrics as health

_LIST: Final = "https://docs.cloud.google.com/monitoring/api/metrics_gcp_"
_DATAFLOW: Final = f"{_LIST}d_h#gcp-dataflow"
_PUBSUB: Final = f"{_LIST}p_z#gcp-pubsub"
_BIGQUERY: Final = f"{_LIST}a_b#gcp-bigquerystorage"
_BRIDGE: Final = "bridge/metrics.py"
_HEALTH: Final = "ops/metrics.py"

#: What stands for the installation's name in the templates.
NAME: Final = "${name}"
DATASET: Final = "${dataset}"

#: The labels of each resource that queries may use. https://docs.cloud.google.com/monitoring/api/resources
RESOURCES: Final = {
    "dataflow_job": ("job_name", "region"),
    "pubsub_topic": ("topic_id",),
    "pubsub_subscription": ("subscription_id",),
    "bigquery_project": ("location",),
    "global": (),
}


class Kind(StrEnum):
    """What a point tells; rates are of counters alone."""

    GAUGE = "gauge"
    #: A running total as GAUGE, which begins at 0 again with each job id.
    TOTAL = "total"
    #: CUMULATIVE and DELTA: PromQL sees both as counters.
    COUNTER = "counter"
    #: DELTA of distributions: counters with ``_count``, ``_sum`` and ``_bucket`` behind the name.
    DISTRIBUTION = "distribution"


@dataclass(frozen=True)
class Metric:
    """One metric of Cloud Monitoring.

    Attributes:
        type: the full name.
        resource: what it is of; the one that queries ask for.
        kind: what a point tells.
        labels: its own ones, beside the resource's.
        sampled: seconds from one point to the next.
        delay: seconds until a point can be seen.
        source: where all of this is from.
    """

    type: str
    resource: str
    kind: Kind
    labels: tuple[str, ...]
    sampled: int
    delay: int
    source: str

    @property
    def promql(self) -> str:
        """The name in PromQL. https://cloud.google.com/monitoring/promql/promql-mapping"""
        domain, path = self.type.split("/", 1)
        return ":".join(re.sub("[^a-zA-Z0-9_]", "_", part) for part in (domain, path))


def _dataflow(name: str, *labels: str, kind: Kind = Kind.GAUGE) -> Metric:
    type_ = f"dataflow.googleapis.com/job/{name}"
    return Metric(type_, "dataflow_job", kind, ("job_id", *labels), 60, 240, _DATAFLOW)


def _pubsub(name: str, kind: Kind, delay: int, *labels: str) -> Metric:
    resource = f"pubsub_{name.partition('/')[0]}"
    return Metric(f"pubsub.googleapis.com/{name}", resource, kind, labels, 60, delay, _PUBSUB)


def _bridge(name: str, *labels: str) -> Metric:
    """The bridge writes once a minute; a counter's name ends with ``_total``."""
    kind = Kind.COUNTER if name.endswith("_total") else Kind.GAUGE
    type_ = f"custom.googleapis.com/iris/bridge/{name}"
    return Metric(type_, "global", kind, (health.INSTALLATION, *labels), 60, 60, _BRIDGE)


def _health(metric: health.HealthMetric) -> Metric:
    labels = tuple(health.LABELS)
    every = health.PERIOD_SECONDS
    return Metric(metric.type, health.RESOURCE, Kind.GAUGE, labels, every, 60, _HEALTH)


SYSTEM_LAG: Final = _dataflow("system_lag")
WATERMARK_AGE: Final = _dataflow("data_watermark_age")
USER_COUNTER: Final = _dataflow("user_counter", "metric_name", "ptransform", kind=Kind.TOTAL)
VCPUS: Final = _dataflow("current_num_vcpus")
ACTIVE_WORKERS: Final = _dataflow("active_worker_instances")
TARGET_WORKERS: Final = _dataflow("target_worker_instances")
UTILIZATION: Final = _dataflow("aggregated_worker_utilization")
VCPU_TIME: Final = _dataflow("total_vcpu_time", kind=Kind.TOTAL)
MEMORY_TIME: Final = _dataflow("total_memory_usage_time", kind=Kind.TOTAL)
COMPUTE_UNITS: Final = _dataflow("total_secu_usage", kind=Kind.TOTAL)
DATA_PROCESSED: Final = _dataflow("total_streaming_data_processed", kind=Kind.TOTAL)

#: Its count is the number of messages: ``topic/send_message_operation_count`` is deprecated.
MESSAGE_SIZES: Final = _pubsub("topic/message_sizes", Kind.DISTRIBUTION, 181)
TOPIC_BYTES: Final = _pubsub(
    "topic/byte_cost", Kind.COUNTER, 240, "operation_type", "response_code"
)
SUBSCRIPTION_BYTES: Final = _pubsub(
    "subscription/byte_cost", Kind.COUNTER, 240, "operation_type", "response_code"
)
OLDEST_UNACKED: Final = _pubsub("subscription/oldest_unacked_message_age", Kind.GAUGE, 120)
UNDELIVERED: Final = _pubsub("subscription/num_undelivered_messages", Kind.GAUGE, 120)
BACKLOG_BYTES: Final = _pubsub("subscription/backlog_bytes", Kind.GAUGE, 120)

#: Of everything that the project writes with the Storage Write API: it has no label for a table.
UPLOADED_BYTES: Final = Metric(
    "bigquerystorage.googleapis.com/write/uploaded_bytes_count",
    "bigquery_project",
    Kind.COUNTER,
    (),
    60,
    360,
    _BIGQUERY,
)

READY: Final = _bridge("ready")
LAST_CONTACT: Final = _bridge("last_contact_timestamp_seconds")
EXPIRES_IN: Final = _bridge("oldest_expires_in_seconds")
SECRET_DAYS: Final = _bridge("secret_expires_in_days")
DEAD_LETTERS_LEFT: Final = _bridge("dead_letters_left")
RECEIVED: Final = _bridge("received_total")
REDELIVERED: Final = _bridge("redelivered_total")
PUBLISHED: Final = _bridge("published_total")
PUBLISH_FAILURES: Final = _bridge("publish_failures_total")
SETTLE_FAILURES: Final = _bridge("settle_failures_total", "kind")
DEAD_LETTERED: Final = _bridge("dead_lettered_total", "reason")

SILENCE: Final = _health(health.SILENCE)
AGE: Final = _health(health.AGE)

METRICS: Final = {
    value.type: value for value in list(globals().values()) if isinstance(value, Metric)
}
