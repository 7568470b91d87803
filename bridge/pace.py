"""How many messages to ask the queue for.

Asked for more than there are, the SDK waits 0.2 seconds for the rest after the first message came
(its socket time-out), so a trickle is taken one by one and a backlog in large batches. A batch
is held in memory as a whole, so its size follows the size of the messages, too.
"""

from __future__ import annotations

from typing import Final

#: Beyond this the SDK gets slower: what arrives while it settles is released and sent again.
MOST_MESSAGES: Final = 100
#: Bytes that one batch should hold.
MOST_BYTES: Final = 2_000_000
#: A full batch that came within this time was waiting in the queue.
_WAITING_SECONDS: Final = 0.1
#: So was one of this age: over a slow line every call takes long.
_OLD_SECONDS: Final = 2.0

#: Asking for so many means that batches of half of it came full.
_BUSY_MESSAGES: Final = 8


class Pace:
    """The number to ask for next, in ``count``: 1 to ``MOST_MESSAGES``."""

    def __init__(self) -> None:
        self.count = 1

    @property
    def is_busy(self) -> bool:
        """True where the queue holds a backlog: full batches came one after the other."""
        return self.count >= _BUSY_MESSAGES

    def note(self, received: int, size: int, seconds: float, age: float) -> None:
        """Takes note of a batch.

        Args:
            received: its messages.
            size: bytes of their bodies together.
            seconds: how long the call took.
            age: of its oldest message, in seconds by this machine's clock.
        """
        if received < self.count:
            self.count = max(1, received // 2)
        elif seconds < _WAITING_SECONDS or age > _OLD_SECONDS:
            self.count = min(2 * self.count, MOST_MESSAGES)
        else:
            self.count = max(1, self.count // 2)
        if size:
            self.count = max(1, min(self.count, MOST_BYTES * received // size))
