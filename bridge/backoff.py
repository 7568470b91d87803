"""How long to wait before the next attempt, and waiting that a stop ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any


class Backoff:
    """Waits that double from ``first`` to ``longest`` seconds, each shortened by chance.

    The chance (half of the wait at most) keeps the bridges of many users from coming back to
    the namespace in step after an outage.
    """

    def __init__(
        self, first: float = 1.0, longest: float = 60.0, draw: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._longest = longest
        self._draw = draw
        self._next = first

    def next(self) -> float:
        """Seconds to wait; the following wait is twice as long."""
        wait = self._next * (1.0 - self._draw() / 2)
        self._next = min(self._next * 2, self._longest)
        return wait

    def reset(self) -> None:
        """Starts over, after a success."""
        self._next = self._first


async def stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Waits for ``stop``, ``seconds`` at most; whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


async def ended_before(stop: asyncio.Event, call: Coroutine[Any, Any, None]) -> bool:
    """Runs ``call``, which ``stop`` cuts short; whether it has ended. Raises what it raises."""
    task = asyncio.ensure_future(call)
    watch = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watch.cancel()
        ended = task.done()
        task.cancel()
    if ended:
        task.result()
    return ended
