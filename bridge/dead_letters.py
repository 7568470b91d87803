"""One pass over the queue's own dead letters: what an outage pushed there comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.guard import Ticket, ticket
from bridge.message import LASTING, reason
from bridge.metrics import Metrics
from bridge.relay import WAIT_SECONDS, Received, Relay
from bridge.source import Source


async def relay_dead_letters(
    source: Source, relay: Relay, metrics: Metrics, over: Callable[[], bool]
) -> bool:
    """Relays the dead letters until all are seen, or ``over``.

    Those that no attempt mends, and those that Pub/Sub refuses again, are left: locked by this
    pass, so that it gets to what stands behind them. Where there are more of them than can be
    received within the time of a lock, the first come again, and the pass ends there.

    Args:
        source: open, on the dead-letter queue.

    Returns:
        Whether all were seen.

    Raises:
        SourceLost: the connection is gone.
    """
    left: dict[int, Ticket] = {}
    again: set[int] = set()  # of those left, what came again since the last fresh letter
    through = False
    while not through and not over():
        received = await relay.receive(source, WAIT_SECONDS)
        held = {_number(one.message): ticket(one.message) for one in received}
        fresh = [one for one in received if _number(one.message) not in left]
        if mendable := [one for one in fresh if not _is_hopeless(one)]:
            landed = await relay.land(source, relay.depart(mendable))
            metrics.dead_letters_relayed.inc(landed.done)
            relayed = {_number(one.message) for one in mendable} - set(map(_number, landed.unfit))
            held = {number: one for number, one in held.items() if number not in relayed}
        left |= held
        again = set() if fresh else again | held.keys()
        through = not received or (not fresh and again == left.keys())
    metrics.dead_letters_left.set(len(left))
    await source.release(left.values())
    return through


def _number(message: Any) -> int:
    """Its place in the queue; in the dead-letter queue as in the other."""
    number: int = message.sequence_number
    return number


def _is_hopeless(one: Received) -> bool:
    return reason(one.message) in LASTING
