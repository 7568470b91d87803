"""What tests of ``local.live`` put into the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import schemas
from local.bridge_process import queue_settings
from local.feed import FeedMessage, bundled, day
from local.sample_messages import samples
from local.servicebus import ServiceBusServer


def feed(minutes: float) -> list[FeedMessage]:
    """Traffic from 15:28 on, a half hour in it if it is longer than two minutes; some is odd."""
    start = datetime(2026, 5, 6, 15, 28, tzinfo=UTC)
    duration = timedelta(minutes=minutes)
    return list(day(bundled(), schemas.load(), dict(samples()), 7, start, duration, odd=0.05))


def settings_of(server: ServiceBusServer) -> dict[str, str]:
    """What tells ``local.live`` to read the queue of a server."""
    return queue_settings(server, "iris")
