"""The user's wish to end, by Ctrl-C or a signal."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final

#: What is said to the user then.
ENDING: Final = "ending what is under way; Ctrl-C again: at once"

#: The handler of a signal runs at once, but a sleep then goes on to its end (PEP 475), so it is
#: short.
_SLEEP_SECONDS: Final = 0.1
#: Signals that come within so many seconds are one wish: a key that bounces.
_ONE_WISH_SECONDS: Final = 1.0


class Stop:
    """Whether the process was told to end; a context manager, for the main thread.

    SIGINT, SIGTERM and SIGHUP (the terminal is closed) tell it. One that was ignored when the
    process began, as SIGHUP under ``nohup``, stays ignored.

    Args:
        clock: seconds; only differences matter.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wished_at: float | None = None
        self._urgent = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._wish)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _wish(self, number: int, frame: FrameType | None) -> None:
        # No lock is taken here: the main thread may hold it.
        now = self._clock()
        if self._wished_at is None:
            self._wished_at = now
        elif number == signal.SIGINT and now - self._wished_at > _ONE_WISH_SECONDS:
            self._urgent = True

    @property
    def is_wished(self) -> bool:
        """True once the process is to end."""
        return self._wished_at is not None

    @property
    def is_urgent(self) -> bool:
        """True once Ctrl-C came after that: nobody waits any longer.

        Only a user does that. A terminal that is closed, ``make`` and a signal for a whole group
        of processes send several of the others for one wish.
        """
        return self._urgent

    def wait(self, seconds: float) -> bool:
        """Waits for a wish, ``seconds`` at most; whether there is one."""
        end = self._clock() + seconds
        while not self.is_wished and (left := end - self._clock()) > 0:
            time.sleep(min(left, _SLEEP_SECONDS))
        return self.is_wished
