"""A queue with its dead-letter sub-queue. Synchronous, one caller, no I/O."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable
from uuid import UUID, uuid4

from local.servicebus.message import Content
from local.servicebus.model import Counts, DeadLetter
from local.servicebus.queue import DeadLetterer, Entry, Queue

#: The longest time to live that a header can say, in milliseconds: 2**32 - 1.
_LONGEST_TTL_MS = 0xFFFF_FFFF


class QueuePair:
    """A queue and its dead-letter sub-queue.

    Args:
        time_to_live: seconds; of a message without one of its own, and the longest of any.
            What expires goes to the sub-queue.
        clock: seconds since 1970-01-01 UTC: receivers compare the ends of locks with their own.
    """

    def __init__(
        self,
        *,
        lock_seconds: float = 60.0,
        max_delivery_count: int = 10,
        time_to_live: float | None = None,
        clock: Callable[[], float] = time.time,
        new_token: Callable[[], UUID] = uuid4,
    ) -> None:
        self._time_to_live = time_to_live
        self._clock = clock
        self._sequence_numbers = itertools.count(1)

        def queue(dead_letter: DeadLetterer | None) -> Queue:
            return Queue(
                lock_seconds=lock_seconds,
                max_delivery_count=max_delivery_count,
                clock=clock,
                new_token=new_token,
                dead_letter=dead_letter,
            )

        self.main = queue(self._bury)
        self.dead = queue(None)

    def send(self, contents: Iterable[Content]) -> None:
        """Puts messages into the queue, in this order."""
        now = self._clock()
        for content in contents:
            ttl_ms = self._time_to_live_ms(content)
            self.main.add(
                Entry(
                    sequence_number=next(self._sequence_numbers),
                    content=content,
                    enqueued_at=now,
                    expires_at=math.inf if ttl_ms is None else now + ttl_ms / 1000,
                    time_to_live_ms=ttl_ms,
                )
            )

    def counts(self) -> Counts:
        """How many messages are in which state."""
        self.expire()
        main = self.main
        return Counts(main.active, main.locked, main.deferred, len(self.dead))

    def oldest_enqueued_at(self) -> float | None:
        """When the oldest message of the queue came in, sub-queue aside; None when empty."""
        self.expire()
        oldest = self.main.oldest
        return oldest.enqueued_at if oldest else None

    def dead_letters(self) -> list[DeadLetter]:
        """What is in the sub-queue, oldest first."""
        self.expire()
        return [
            DeadLetter(
                sequence_number=entry.sequence_number,
                message_id=entry.content.message_id,
                reason=entry.content.application_property("DeadLetterReason"),
                description=entry.content.application_property("DeadLetterErrorDescription"),
                body=entry.content.decoded_body(),
                delivery_count=entry.delivery_count,
            )
            for entry in self.dead
        ]

    def expire(self) -> None:
        """Ends the locks and the messages whose time is over."""
        self.main.expire()
        self.dead.expire()

    def lose_locks(self) -> None:
        """All locks expire, those in the sub-queue included."""
        self.main.lose_locks()
        self.dead.lose_locks()

    def _time_to_live_ms(self, content: Content) -> int | None:
        own = content.time_to_live_ms
        if self._time_to_live is None:
            return own
        longest = min(int(self._time_to_live * 1000), _LONGEST_TTL_MS)
        return longest if own is None else min(own, longest)

    def _bury(self, entry: Entry, reason: str | None, description: str | None) -> None:
        added = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
        given = {key: text for key, text in added.items() if text}
        if given:
            entry.content = entry.content.with_application_properties(given)
        self.dead.add(entry)
