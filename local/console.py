"""Lines for the user on standard error, the last of which may be rewritten."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

#: Seconds between two states where there is no terminal to rewrite a line on.
STATE_SECONDS: Final = 10.0
#: Of a terminal that does not tell.
_WIDTH: Final = 80


class Console:
    """Says what happens and shows how things are. For one thread.

    Args:
        stream: where to; standard error by default.
        clock: seconds; only differences matter.
        now: gives the time of day that each line begins with.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], str] = lambda: time.strftime("%H:%M:%S"),
    ) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._now = now
        self._shown_at = -STATE_SECONDS

    @property
    def wants_state(self) -> bool:
        """Whether ``show`` would show something: always on a terminal, else now and then."""
        return self._stream.isatty() or self._clock() - self._shown_at >= STATE_SECONDS

    def say(self, text: str) -> None:
        """Writes lines that stay."""
        self._write(f"{self._start}{self._now()} {text}\n")

    def show(self, text: str) -> None:
        """Shows a state in one line, which on a terminal is rewritten and cut to its width."""
        if not self.wants_state:
            return
        self._shown_at = self._clock()
        if self._stream.isatty():
            # The last column stays free: a cursor behind it would be on the next line.
            self._write(self._start + f"{self._now()} {text}"[: self._width - 1])
        else:
            self.say(text)

    def clear(self) -> None:
        """Takes the state off the terminal."""
        self._write(self._start)

    @property
    def _start(self) -> str:
        return "\r\033[K" if self._stream.isatty() else ""

    @property
    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _WIDTH
        except OSError:  # no terminal after all
            return _WIDTH

    def _write(self, text: str) -> None:
        # Where the terminal is closed nobody reads; that must not get in the way of ending.
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
