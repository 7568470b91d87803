"""A local Service Bus with simulated traffic, in the place of the real IRIS queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final

import schemas
from local.bridge_process import queue_settings
from local.feed import FeedMessage, Sender, bundled, day
from local.feed.servicebus import to_queue
from local.sample_messages import samples
from local.servicebus import ServiceBusServer

QUEUE: Final = "iris"


class Simulation:
    """Sends a feed into a queue of its own, from a thread; a context manager.

    What is in the queue at the end is gone.

    Args:
        speed: simulated seconds in a second.
        minutes: how much traffic, in simulated minutes.
        seed: which traffic.
        odd: share of messages that are not as they should be, 0 to 1.
        start: of the simulated time, a whole second; by default the current minute.
        lock_seconds: how long the queue locks what a receiver has got.

    Attributes:
        settings: the bridge's settings for the queue, once the server runs.

    Raises:
        ValueError: ``speed``, ``minutes`` or ``odd`` makes no sense.
    """

    def __init__(
        self,
        speed: float,
        minutes: float,
        seed: int = 1,
        odd: float = 0.0,
        start: datetime | None = None,
        lock_seconds: float = 60.0,
    ) -> None:
        if not minutes > 0:
            raise ValueError(f"minutes: {minutes:g} must be greater than 0")
        self.settings: Mapping[str, str] = {}
        self._duration = timedelta(minutes=minutes)
        self._seed = seed
        self._odd = odd
        self._server = ServiceBusServer([QUEUE], lock_seconds=lock_seconds)
        self._queue = self._server.queue(QUEUE)
        self._sender = Sender(to_queue(self._queue), speed)
        self._start = start or datetime.now(UTC).replace(second=0, microsecond=0)
        self._messages = self.messages()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._error: BaseException | None = None

    def __enter__(self) -> Simulation:
        self._server.start()
        self.settings = queue_settings(self._server, QUEUE)
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._server.stop()

    def messages(self) -> Iterator[FeedMessage]:
        """All messages of the feed, made anew: the same each time."""
        return day(
            bundled(),
            schemas.load(),
            dict(samples()),
            self._seed,
            self._start,
            self._duration,
            self._odd,
        )

    def _run(self) -> None:
        try:
            self._sender.run(self._messages, self._start, self._stop)
        except BaseException as error:
            self._error = error

    def stop(self) -> None:
        """Sends no more."""
        self._stop.set()
        self._thread.join()

    def is_over(self) -> bool:
        """True where everything was sent and taken from the queue.

        Raises:
            Exception: what has ended the feed too early.
        """
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise self._error
        counts = self._queue.counts()
        return not (counts.active or counts.locked)

    def describe(self) -> str:
        """How far the feed is, for a status line."""
        progress = self._sender.progress
        at = progress.at or self._start
        counts = self._queue.counts()
        return (
            f"feed at {at:%Y-%m-%d %H:%M}, {progress.messages:,} sent, "
            f"{counts.active + counts.locked:,} in the queue"
        )
