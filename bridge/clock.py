"""This machine's clock against Service Bus's.

The SDK compares the end of a lock with this machine's clock and refuses to settle a message whose
lock it calls expired, so a clock that is ahead by more than a lock's time completes nothing. One
that is behind does no harm here, but to the times that others read.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

log = logging.getLogger(__name__)

#: The longest lock that Azure allows (documentation of Service Bus, "Lock renewal"), and a bit.
_LONGEST_LOCK: Final = timedelta(minutes=6)

AHEAD: Final = (
    "the locks of messages are over when they arrive: either this machine slept, or its clock is "
    "ahead of Service Bus's, and then nothing can be completed until it is set (NTP)"
)


class ClockWatch:
    """Looks at the locks of messages that have just been received."""

    def __init__(self) -> None:
        self._behind = False

    def is_ahead(self, messages: Sequence[Any]) -> bool:
        """True where every lock is over on arrival. A clock that is behind is told once."""
        left: timedelta = max(message.locked_until_utc for message in messages) - datetime.now(UTC)
        behind = left > _LONGEST_LOCK
        if behind and not self._behind:
            log.error(
                "this machine's clock is behind Service Bus's by some %d minutes: set it (NTP)",
                left.total_seconds() // 60,
            )
        elif self._behind and not behind:
            log.info("this machine's clock agrees with Service Bus's again")
        self._behind = behind
        return left <= timedelta()
