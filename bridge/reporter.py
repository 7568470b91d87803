"""Writes the metrics to Cloud Monitoring, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from google.cloud.monitoring_v3 import MetricServiceClient, TimeSeries
from google.cloud.monitoring_v3.services.metric_service.transports import (
    MetricServiceGrpcTransport,
)

from bridge import words
from bridge.metrics import Metrics
from bridge.monitoring import time_series
from bridge.settings import Monitoring

log = logging.getLogger(__name__)

#: Series in one request, at the most (documentation of Cloud Monitoring, "Quotas and limits").
MOST_SERIES: Final = 200
#: Seconds between two points of a series.
EVERY_SECONDS: Final = 60.0
#: The same, at the least: Cloud Monitoring refuses those that come faster. Its documentation has
#: named 10 and 5.
APART_SECONDS: Final = 10.0
#: Seconds within which a request is answered, or counts as failed.
ANSWER_SECONDS: Final = 10.0
#: Seconds that the last points get when the bridge stops; then the connection is cut.
LAST_SECONDS: Final = 1.0
#: And seconds for the thread to notice that it was cut.
_CUT_SECONDS: Final = 0.5

_FAULTS: Final = (GoogleAPICallError, GoogleAuthError, grpc.RpcError)


class Reporter:
    """Writes all gauges and counters at a steady pace, and once more when it is stopped.

    The thread is a daemon, so that nothing which hangs in it keeps the process from ending. A
    write that fails is told once, until there is another kind of failure or it goes well again,
    and is not repeated: the next one holds the same counters.

    Args:
        target: where to.
        metrics: what.
        every: seconds between two writes.
        apart: seconds between two writes at the least, and before the first: a bridge that is
            started again must not follow on its predecessor's last points.
    """

    def __init__(
        self,
        target: Monitoring,
        metrics: Metrics,
        every: float = EVERY_SECONDS,
        apart: float = APART_SECONDS,
    ) -> None:
        self._target = target
        self._metrics = metrics
        self._every = every
        self._apart = apart
        self._started = datetime.now(UTC)
        self._stop = threading.Event()
        self._cut = False
        self._client: MetricServiceClient | None = None
        self._fault = ""
        self._thread = threading.Thread(target=self._run, name="monitoring", daemon=True)

    def start(self) -> None:
        """Begins; once per reporter."""
        self._thread.start()

    def stop(self) -> None:
        """Writes the last points and ends, within ``LAST_SECONDS`` or little more.

        To be called from a thread that may wait.
        """
        self._stop.set()
        self._thread.join(LAST_SECONDS)
        if self._thread.is_alive():
            self._cut = True
            self._close()
            self._thread.join(_CUT_SECONDS)

    def _run(self) -> None:
        due = time.monotonic() + self._apart
        written = due - self._apart
        while not self._stop.wait(max(due - time.monotonic(), 0.0)):
            written = time.monotonic()
            self._write()
            due = next_due(due, written, self._every, self._apart)
        if not self._cut and time.monotonic() - written >= self._apart:
            self._write()
        self._close()

    def _write(self) -> None:
        try:
            self._send()
        except Exception as error:  # of any type: the bridge goes on without these figures
            if not self._cut:
                self._note(error)
        else:
            if self._fault:
                log.info("metrics are written to Cloud Monitoring again")
            self._fault = ""

    def _send(self) -> None:
        if self._client is None:
            self._client = _client(self._target.emulator)
        series = time_series(
            self._metrics.registry.collect(), self._target, self._started, datetime.now(UTC)
        )
        for batch in _batches(series):
            self._client.create_time_series(
                name=f"projects/{self._target.project}",
                time_series=batch,
                retry=None,
                timeout=ANSWER_SECONDS,
            )

    def _note(self, error: Exception) -> None:
        kind = type(error).__name__
        self._metrics.monitoring_failures.labels(kind).inc()
        if kind == self._fault:  # texts differ each time, where they name points of time
            return
        self._fault = kind
        if isinstance(error, _FAULTS):
            said = words.of_monitoring(error, self._target.project)
            log.warning("metrics are not written to Cloud Monitoring: %s", said)
        else:
            log.error("a fault of the bridge itself: metrics are not written", exc_info=error)

    def _close(self) -> None:
        client = self._client
        if client is not None:
            client.transport.close()  # type: ignore[no-untyped-call]


def next_due(due: float, written: float, every: float, apart: float) -> float:
    """When to write next: at the pace, but not too soon after a write that was late.

    Args:
        due: when the last write was due.
        written: when it began.
    """
    return max(due + every, written + apart)


def _client(emulator: str | None) -> MetricServiceClient:
    channel = grpc.insecure_channel(emulator) if emulator else None
    return MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))


def _batches(series: list[TimeSeries]) -> Iterator[list[TimeSeries]]:
    for at in range(0, len(series), MOST_SERIES):
        yield series[at : at + MOST_SERIES]
