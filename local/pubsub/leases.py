"""Which messages of one subscription are ready, which are leased, and until when.

Nothing here looks through the backlog: taking, settling and expiring cost O(log n) at most.
Times are seconds on the caller's clock.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass


class FlowControl:
    """How much one consumer may hold without having acknowledged it; 0 or less is no limit."""

    def __init__(self, max_messages: int = 0, max_bytes: int = 0) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._messages = 0
        self._bytes = 0

    def admits(self, size: int) -> bool:
        """Whether one more message of ``size`` bytes may be handed out."""
        if not self._messages:
            return True  # else a message above the limit would never be delivered
        if 0 < self._max_messages <= self._messages:
            return False
        return self._max_bytes <= 0 or self._bytes + size <= self._max_bytes

    def take(self, size: int) -> None:
        """One message of ``size`` bytes was handed out."""
        self._messages += 1
        self._bytes += size

    def give_back(self, size: int) -> None:
        """The lease on one message of ``size`` bytes has ended."""
        self._messages -= 1
        self._bytes -= size


@dataclass(slots=True)
class _Lease:
    message_id: int
    deadline: float
    size: int
    flow: FlowControl


class LeaseQueue:
    """The unacknowledged messages of one subscription.

    Args:
        pending: ids of the messages to start with, oldest first.
        new_ack_id: gives a text that it has never given before.
    """

    def __init__(self, pending: Iterable[int], new_ack_id: Callable[[], str]) -> None:
        self._fresh = deque(pending)
        self._returned: deque[int] = deque()
        self._returned_first = True
        self._new_ack_id = new_ack_id
        self._leases: dict[str, _Lease] = {}
        #: (deadline, ack id), smallest first; an entry whose lease ended or moved is void.
        self._deadlines: list[tuple[float, str]] = []

    def __len__(self) -> int:
        """How many messages are not acknowledged, leased ones included."""
        return len(self._fresh) + len(self._returned) + len(self._leases)

    def add(self, message_ids: Iterable[int]) -> None:
        """Newly published messages."""
        self._fresh.extend(message_ids)

    def head(self) -> int | None:
        """The message that ``lease`` would take next; None if none is ready."""
        ready = self._next_ready()
        return ready[0] if ready else None

    def lease(self, deadline: float, size: int, flow: FlowControl) -> str:
        """Takes the head until ``deadline``; returns the ack id. IndexError if none is ready."""
        ready = self._next_ready()
        lease = _Lease(ready.popleft(), deadline, size, flow)
        self._returned_first = ready is self._fresh
        flow.take(size)
        ack_id = self._new_ack_id()
        self._leases[ack_id] = lease
        self._schedule(deadline, ack_id)
        return ack_id

    def settle(self, ack_id: str) -> int | None:
        """Ends a lease for good; returns the message's id, None if there is no such lease."""
        lease = self._leases.pop(ack_id, None)
        if lease is None:
            return None
        lease.flow.give_back(lease.size)
        return lease.message_id

    def give_back(self, ack_id: str) -> None:
        """Makes a leased message ready again; an unknown ack id is ignored."""
        message_id = self.settle(ack_id)
        if message_id is not None:
            self._returned.append(message_id)

    def extend(self, ack_id: str, deadline: float) -> None:
        """Moves a lease's deadline, to either side; an unknown ack id is ignored."""
        lease = self._leases.get(ack_id)
        if lease is not None:
            lease.deadline = deadline
            self._schedule(deadline, ack_id)

    def expire(self, now: float) -> None:
        """Makes every message ready again whose deadline is ``now`` or earlier."""
        while self.next_deadline() <= now:
            self.give_back(self._deadlines[0][1])

    def next_deadline(self) -> float:
        """When the next lease expires; infinite without leases."""
        while self._deadlines:
            deadline, ack_id = self._deadlines[0]
            lease = self._leases.get(ack_id)
            if lease is not None and lease.deadline == deadline:
                return deadline
            heapq.heappop(self._deadlines)
        return math.inf

    def _next_ready(self) -> deque[int]:
        # Returned and fresh messages take turns: a redelivery is prompt, and a message that is
        # given back for ever does not hold up the others.
        if self._returned and (self._returned_first or not self._fresh):
            return self._returned
        return self._fresh

    def _schedule(self, deadline: float, ack_id: str) -> None:
        heapq.heappush(self._deadlines, (deadline, ack_id))
        # Void entries would otherwise stay until their time has come, up to ten minutes.
        if len(self._deadlines) > 2 * len(self._leases) + 1_000:
            self._deadlines = [(lease.deadline, key) for key, lease in self._leases.items()]
            heapq.heapify(self._deadlines)
