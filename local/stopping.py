"""The user's wish to end, by Ctrl-C or a signal."""

from __future__ import annotations

import signal
import time
from types import FrameType, TracebackType
from typing import Any, Final

#: What is said to the user then.
ENDING: Final = "ending what is under way; Ctrl-C again: at once"

#: A signal that comes while Python sleeps is looked at when the sleep is over, so it is short.
_SLEEP_SECONDS: Final = 0.1


class Stop:
    """Whether the process was told to end; a context manager, for the main thread.

    SIGINT, SIGTERM and SIGHUP (the terminal is closed) tell it. One that was ignored when the
    process began, as SIGHUP under ``nohup``, stays ignored.
    """

    def __init__(self) -> None:
        self._wishes = 0
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
        self._wishes += 1

    @property
    def is_wished(self) -> bool:
        """True once the process is to end."""
        return self._wishes > 0

    @property
    def is_urgent(self) -> bool:
        """True once it was told so twice: nobody waits any longer."""
        return self._wishes > 1

    def wait(self, seconds: float) -> bool:
        """Waits for a wish, ``seconds`` at most; whether there is one."""
        end = time.monotonic() + seconds
        while not self._wishes and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _SLEEP_SECONDS))
        return self.is_wished
