"""What the bridge counts, by Prometheus names; no label holds a payload or a message id."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
)

#: IRIS keeps a message for three days (the operator's documentation).
EXPIRY: Final = timedelta(days=3)

#: What every name begins with.
NAMESPACE: Final = "iris_bridge"
_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one bridge, in a registry of their own, which any thread may read.

    Args:
        secret_expires: the day when the client secret ends.
        now: the time, in UTC.
    """

    def __init__(
        self,
        secret_expires: date | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self.registry = CollectorRegistry()
        ProcessCollector(namespace=NAMESPACE, registry=self.registry)
        self.received = self._counter("received", "messages received from the queue")
        self.received_bytes = self._counter("received_bytes", "bytes of their bodies")
        self.redelivered = self._counter(
            "redelivered", "of the received: delivered before, so perhaps published before"
        )
        self.published = self._counter("published", "messages that Pub/Sub has confirmed")
        self.published_bytes = self._counter("published_bytes", "bytes of their data")
        self.compressed = self._counter("compressed", "messages that were compressed")
        self.publish_failures = self._counter(
            "publish_failures", "messages without a confirmation, each attempt counted"
        )
        self.completed = self._counter("completed", "messages completed on the queue")
        self.settle_failures = self._counter(
            "settle_failures", "settlements without a confirmation; they may come again", "kind"
        )
        self.dead_lettered = self._counter(
            "dead_lettered", "messages moved to the queue's dead-letter queue", "reason"
        )
        self.dead_letters_relayed = self._counter(
            "dead_letters_relayed", "messages of the queue's dead-letter queue that were relayed"
        )
        self.dead_letters_left = self._gauge(
            "dead_letters_left", "messages that the last pass left in the dead-letter queue"
        )
        self.locks_renewed = self._counter("locks_renewed", "locks prolonged during a publish")
        self.renew_failures = self._counter(
            "renew_failures", "locks that were not prolonged when asked for", "kind"
        )
        self.connections = self._counter("connections", "connections made to the queue")
        self.publish_seconds = Histogram(
            "publish_seconds",
            "from a publish request to its confirmation",
            namespace=NAMESPACE,
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.relay_seconds = Histogram(
            "relay_seconds",
            "from the broker's enqueued time to Pub/Sub's confirmation (two machines' clocks)",
            namespace=NAMESPACE,
            registry=self.registry,
            buckets=(*_SECONDS, 60.0, 600.0, 3_600.0, 86_400.0),
        )
        #: When the oldest message was enqueued; else when the queue was empty. Set at once: the
        #: readers may be threads.
        self._head: tuple[datetime | None, datetime | None] = (None, None)
        self._gauge(
            "oldest_enqueued_timestamp_seconds",
            "enqueued time of the oldest message of the last batch, seconds since 1970",
        ).set_function(self._oldest)
        self._gauge(
            "oldest_expires_in_seconds",
            "what is left of the three days of that message, or, where the queue was empty, of one "
            "that came right after",
        ).set_function(self._left)
        self.last_contact = self._gauge(
            "last_contact_timestamp_seconds", "when the queue last answered, seconds since 1970"
        )
        self.phase = self._gauge("connection_state", "1 for the state that holds", "part", "state")
        self.ready = self._gauge("ready", "1 where messages can flow, else 0")
        self.monitoring_failures = self._counter(
            "monitoring_failures",
            "attempts to write metrics to Cloud Monitoring that failed",
            "kind",
        )
        if secret_expires is not None:
            end = datetime(
                secret_expires.year, secret_expires.month, secret_expires.day, tzinfo=UTC
            )
            days = self._gauge("secret_expires_in_days", "days until the client secret ends")
            days.set_function(lambda: (end - now()) / timedelta(days=1))

    def saw(self, oldest: datetime | None) -> None:
        """Takes note of the oldest enqueued time of a batch; None for an empty queue."""
        self._head = (oldest, self._now() if oldest is None else None)

    def _oldest(self) -> float:
        oldest, _ = self._head
        return oldest.timestamp() if oldest else math.nan

    def _left(self) -> float:
        """Falls while the queue cannot be read; not a number before it has been read at all."""
        oldest, empty = self._head
        since = oldest or empty
        return (since + EXPIRY - self._now()).total_seconds() if since else math.nan

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, namespace=NAMESPACE, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, namespace=NAMESPACE, registry=self.registry)
