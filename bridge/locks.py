"""Locks that are kept while a publish takes its time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from bridge.backoff import stopped_within
from bridge.metrics import Metrics
from bridge.source import Source

log = logging.getLogger(__name__)

#: Locks are not renewed more often than this, however short they are (seconds).
_LEAST_SECONDS: Final = 0.5
#: Nor more seldom: by a clock that is behind they seem to last for ever. Azure's default is 60.
_MOST_SECONDS: Final = 20.0


@asynccontextmanager
async def kept(source: Source, messages: Sequence[Any], metrics: Metrics) -> AsyncIterator[None]:
    """Renews the locks of ``messages`` at half of their time while the block runs.

    A lock that expires raises the message's delivery count, and enough of that sends it to the
    dead-letter queue; during an outage of Pub/Sub it must not. The receiver is free for this: the
    relay does not use it meanwhile. A lock that is lost is given up, and with the connection all
    of them; where the broker is busy it is asked again.
    """
    over = asyncio.Event()
    task = asyncio.create_task(_renew(source, list(messages), metrics, over))
    try:
        yield
    except asyncio.CancelledError:
        task.cancel()  # nobody needs the connection any more
        raise
    finally:
        over.set()  # not cancelled else: a half-read answer would break the connection
        await asyncio.wait({task})
    task.result()


async def _renew(
    source: Source, messages: list[Any], metrics: Metrics, over: asyncio.Event
) -> None:
    while messages:
        left = min(message.locked_until_utc for message in messages) - datetime.now(UTC)
        half = min(max(left.total_seconds() / 2, _LEAST_SECONDS), _MOST_SECONDS)
        if await stopped_within(over, half):
            return
        renewed = await source.renew(messages)
        metrics.locks_renewed.inc(len(renewed.done))
        for kind, amount in renewed.failures.items():
            metrics.renew_failures.labels(kind).inc(amount)
        if renewed.lost:
            log.warning("locks are no longer renewed, messages come again: %s", renewed.lost)
            return
        messages = renewed.done + renewed.again
