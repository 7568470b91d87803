"""One queue: peek-lock, delivery counts, deferral, time to live. Synchronous, one caller.

The rules are those of "Message transfers, locks, and settlement", "Message expiration" and
"Overview of Service Bus dead-letter queues" in the Azure documentation. Times are seconds on
the caller's clock. Nothing here looks through the queue: receiving, settling and expiring cost
O(log n) at most, except for ``peek``.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from local.servicebus.message import Content
from local.servicebus.model import MessageLockLost, MessageNotFound

MAX_DELIVERY_COUNT_REASON = "MaxDeliveryCountExceeded"
EXPIRED_REASON = "TTLExpiredException"
EXPIRED_DESCRIPTION = "The message expired and was dead lettered."

#: Takes a message that leaves its queue for the dead-letter sub-queue, with why.
DeadLetterer = Callable[["Entry", str | None, str | None], None]


@dataclass(slots=True, eq=False)
class Entry:
    """A message in a queue.

    Attributes:
        sequence_number: unique in the queue and its sub-queue; rises with each message sent.
        expires_at: when its time to live ends; infinite without one.
        time_to_live_ms: what the header says of it.
        delivery_count: how many deliveries have failed: abandoned, or locks that expired.
        deferred: set aside; a lock does not change that.
        lock_token: of the lock on it; None if it is not locked.
        locked_until: when that lock ends.
    """

    sequence_number: int
    content: Content
    enqueued_at: float
    expires_at: float = math.inf
    time_to_live_ms: int | None = None
    delivery_count: int = 0
    deferred: bool = False
    lock_token: UUID | None = None
    locked_until: float = 0.0


class Queue:
    """The messages of a queue or of a sub-queue, in the order of their sequence numbers.

    Args:
        new_token: gives a lock token that it has never given before.
        dead_letter: where a message goes that has failed or expired; None for a dead-letter
            sub-queue, which keeps its messages whatever happens to them.
    """

    def __init__(
        self,
        *,
        lock_seconds: float,
        max_delivery_count: int,
        clock: Callable[[], float],
        new_token: Callable[[], UUID],
        dead_letter: DeadLetterer | None,
    ) -> None:
        self._lock_seconds = lock_seconds
        self._max_delivery_count = max_delivery_count
        self._clock = clock
        self._new_token = new_token
        self._dead_letter = dead_letter
        self._entries: dict[int, Entry] = {}
        self._locked: dict[UUID, Entry] = {}
        self._deferred = 0
        #: Sequence numbers, smallest first; one whose message has expired is void.
        self._ready: list[int] = []
        #: (time, sequence number); void unless the lock or the message ends at that time.
        self._lock_ends: list[tuple[float, int]] = []
        self._expiries: list[tuple[float, int]] = []

    def __len__(self) -> int:
        """How many messages there are, in whatever state."""
        return len(self._entries)

    @property
    def locked(self) -> int:
        """How many messages are locked."""
        return len(self._locked)

    @property
    def deferred(self) -> int:
        """How many messages are deferred and not locked."""
        return self._deferred

    @property
    def active(self) -> int:
        """How many messages are ready to be received."""
        return len(self._entries) - len(self._locked) - self._deferred

    @property
    def oldest(self) -> Entry | None:
        """The message with the lowest sequence number, in whatever state; None when empty."""
        return self._entries[min(self._entries)] if self._entries else None

    def add(self, entry: Entry) -> None:
        """Takes a message in, ready to be received."""
        self._entries[entry.sequence_number] = entry
        heapq.heappush(self._ready, entry.sequence_number)
        if entry.expires_at != math.inf and self._dead_letter:
            heapq.heappush(self._expiries, (entry.expires_at, entry.sequence_number))

    def __iter__(self) -> Iterator[Entry]:
        """All messages, in whatever state, oldest first."""
        return iter([self._entries[number] for number in sorted(self._entries)])

    def receive(self, limit: int) -> list[Entry]:
        """Locks messages that are ready, oldest first, perhaps none."""
        self.expire()
        until = self._clock() + self._lock_seconds
        received = list(itertools.islice(self._take_ready(), limit))
        for entry in received:
            self._lock(entry, until)
        return received

    def receive_and_delete(self, limit: int) -> list[Entry]:
        """Takes messages out of the queue, oldest first, perhaps none."""
        self.expire()
        received = list(itertools.islice(self._take_ready(), limit))
        for entry in received:
            del self._entries[entry.sequence_number]
        return received

    def receive_deferred(self, sequence_numbers: Iterable[int], *, lock: bool) -> list[Entry]:
        """Deferred messages, locked or taken out of the queue.

        Raises:
            MessageNotFound: one of them is not deferred, is locked, or has expired. Then no
                other is touched either.
        """
        self.expire()
        now = self._clock()
        found = []
        for number in dict.fromkeys(sequence_numbers):
            entry = self._entries.get(number)
            if entry and entry.deferred and not entry.lock_token:
                # A deferred message expires when it is asked for, not before.
                if entry.expires_at > now or not self._dead_letter:
                    found.append(entry)
                    continue
                self._deferred -= 1
                self._remove_as_expired(entry)
            raise MessageNotFound(
                f"Failed to lock one or more specified messages: {number} is not deferred."
            )
        for entry in found:
            self._deferred -= 1
            if lock:
                self._lock(entry, now + self._lock_seconds)
            else:
                del self._entries[entry.sequence_number]
        return found

    def peek(self, from_sequence_number: int, limit: int) -> list[Entry]:
        """Messages in whatever state, oldest first, without locking them."""
        self.expire()
        numbers = sorted(number for number in self._entries if number >= from_sequence_number)
        return [self._entries[number] for number in numbers[:limit]]

    def complete(self, token: UUID) -> None:
        """The message is done with. This and what follows raise ``MessageLockLost``."""
        del self._entries[self._unlock(token).sequence_number]

    def abandon(self, token: UUID) -> None:
        """The delivery has failed; the message is ready again unless that was once too often."""
        self._fail(self._unlock(token))

    def release(self, token: UUID) -> None:
        """The delivery does not count; the message is ready again."""
        self._return(self._unlock(token))

    def defer(self, token: UUID) -> None:
        """Sets the message aside until its sequence number is asked for."""
        entry = self._unlock(token)
        entry.deferred = True
        self._return(entry)

    def dead_letter(self, token: UUID, reason: str | None, description: str | None) -> None:
        """Moves the message to the sub-queue; in a sub-queue it stays as it is."""
        self._bury(self._unlock(token), reason, description)

    def renew(self, token: UUID) -> float:
        """Starts the lock's time anew; returns when it ends."""
        self.expire()
        entry = self._locked.get(token)
        if entry is None:
            raise MessageLockLost
        self._lock_until(entry, self._clock() + self._lock_seconds)
        return entry.locked_until

    def lose_locks(self) -> None:
        """All locks expire."""
        for entry in list(self._locked.values()):
            self._expire_lock(entry)

    def expire(self) -> None:
        """Ends the locks and the messages whose time is over; all other methods do it first."""
        now = self._clock()
        while self._lock_ends and self._lock_ends[0][0] <= now:
            ends, number = heapq.heappop(self._lock_ends)
            entry = self._entries.get(number)
            if entry and entry.lock_token and entry.locked_until == ends:
                self._expire_lock(entry)
        while self._expiries and self._expiries[0][0] <= now:
            _, number = heapq.heappop(self._expiries)
            entry = self._entries.get(number)
            # A locked message can still be settled; it expires when it comes back.
            if entry and not entry.lock_token and not entry.deferred:
                self._remove_as_expired(entry)

    def _take_ready(self) -> Iterator[Entry]:
        while self._ready:
            entry = self._entries.get(heapq.heappop(self._ready))
            if entry:
                yield entry

    def _lock(self, entry: Entry, until: float) -> None:
        entry.lock_token = self._new_token()
        self._locked[entry.lock_token] = entry
        self._lock_until(entry, until)

    def _lock_until(self, entry: Entry, until: float) -> None:
        entry.locked_until = until
        heapq.heappush(self._lock_ends, (until, entry.sequence_number))

    def _unlock(self, token: UUID) -> Entry:
        self.expire()
        entry = self._locked.pop(token, None)
        if entry is None:
            raise MessageLockLost
        entry.lock_token = None
        return entry

    def _return(self, entry: Entry) -> None:
        """A message that was locked is so no more."""
        if entry.deferred:
            self._deferred += 1
        elif entry.expires_at <= self._clock() and self._dead_letter:
            self._remove_as_expired(entry)
        else:
            heapq.heappush(self._ready, entry.sequence_number)

    def _fail(self, entry: Entry) -> None:
        entry.delivery_count += 1
        if self._dead_letter and entry.delivery_count >= self._max_delivery_count:
            self._bury(
                entry,
                MAX_DELIVERY_COUNT_REASON,
                "Message could not be consumed after"
                f" {self._max_delivery_count} delivery attempts.",
            )
        else:
            self._return(entry)

    def _expire_lock(self, entry: Entry) -> None:
        assert entry.lock_token is not None
        del self._locked[entry.lock_token]
        entry.lock_token = None
        self._fail(entry)

    def _remove_as_expired(self, entry: Entry) -> None:
        self._bury(entry, EXPIRED_REASON, EXPIRED_DESCRIPTION)

    def _bury(self, entry: Entry, reason: str | None, description: str | None) -> None:
        """Moves a message that is not locked to the sub-queue."""
        if self._dead_letter is None:
            self._return(entry)
        else:
            del self._entries[entry.sequence_number]
            entry.deferred = False
            self._dead_letter(entry, reason, description)
