"""Locks that are kept while a publish takes its time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from bridge.metrics import Metrics
from bridge.source import Source

log = logging.getLogger(__name__)

#: Locks are not renewed more often than this, however short they are (seconds).
_LEAST_SECONDS: Final = 0.5


@asynccontextmanager
async def kept(source: Source, messages: Sequence[Any], metrics: Metrics) -> AsyncIterator[None]:
    """Renews the locks of ``messages`` at half of their time while the block runs.

    A lock that expires raises the message's delivery count, and enough of that sends it to the
    dead-letter queue; during an outage of Pub/Sub it must not. The receiver is free for this: the
    relay does not use it during a publish. A lock that cannot be renewed is given up.
    """
    over = asyncio.Event()
    task = asyncio.create_task(_renew(source, list(messages), metrics, over))
    try:
        yield
    finally:
        over.set()  # not cancelled: a half-read answer would break the connection
        await task


async def _renew(
    source: Source, messages: list[Any], metrics: Metrics, over: asyncio.Event
) -> None:
    while messages and not over.is_set():
        left = min(message.locked_until_utc for message in messages) - datetime.now(UTC)
        try:
            async with asyncio.timeout(max(left.total_seconds() / 2, _LEAST_SECONDS)):
                await over.wait()
        except TimeoutError:
            messages = [one for one in messages if await _renewed(source, one, metrics, over)]


async def _renewed(source: Source, message: Any, metrics: Metrics, over: asyncio.Event) -> bool:
    if over.is_set():
        return False
    try:
        await source.renew(message)
    except Exception as error:  # of any type, as everywhere in the SDK
        metrics.settle_failures.labels(f"renew:{type(error).__name__}").inc()
        log.debug("a lock is not renewed: %r", error)
        return False
    metrics.locks_renewed.inc()
    return True
