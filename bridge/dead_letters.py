"""One pass over the queue's own dead letters: what an outage pushed there comes back."""

from __future__ import annotations

from collections.abc import Callable

from bridge.guard import Ticket, ticket
from bridge.message import LASTING, reason
from bridge.metrics import Metrics
from bridge.relay import WAIT_SECONDS, Received, Relay
from bridge.source import Source


async def relay_dead_letters(
    source: Source, relay: Relay, metrics: Metrics, over: Callable[[], bool]
) -> bool:
    """Relays the dead letters until all are seen, or ``over``.

    Those that no attempt mends, and those that Pub/Sub refuses again, are left.

    Args:
        source: open, on the dead-letter queue.

    Returns:
        Whether all were seen.

    Raises:
        SourceLost: the connection is gone.
    """
    left: dict[int, Ticket] = {}
    through = False
    while not through and not over():
        received = await relay.receive(source, WAIT_SECONDS)
        # What is left is locked by this pass; if it is seen again its lock ran out.
        fresh = [one for one in received if one.message.sequence_number not in left]
        through = not fresh
        others = [one for one in fresh if not _is_hopeless(one)]
        stayed = [one.message for one in fresh if _is_hopeless(one)]
        stayed += await relay.land(source, relay.depart(others)) if others else []
        left |= {message.sequence_number: ticket(message) for message in stayed}
        metrics.dead_letters_relayed.inc(len(fresh) - len(stayed))
    metrics.dead_letters_left.set(len(left))
    await source.release(left.values())
    return through


def _is_hopeless(one: Received) -> bool:
    return reason(one.message) in LASTING
