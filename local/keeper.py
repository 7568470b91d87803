"""Starts children again when they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from bridge.backoff import Backoff
from local.processes import BAD_INPUT, Child

#: A child that ran for so long did well: its next end is not one of a series.
_WELL_SECONDS: Final = 60.0
#: Characters of a child's last line that a notice repeats.
_MOST_CHARACTERS: Final = 200


class Hopeless(Exception):
    """A child says that its settings are wrong: starting it again is of no use."""


class Keeper:
    """Looks after children; for one thread.

    Args:
        children: started by the keeper.
        say: takes a line for the user.
        clock: seconds; only differences matter.
        longest: seconds between an end and the next start, at most.
    """

    def __init__(
        self,
        children: Sequence[Child],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        longest: float = 30.0,
    ) -> None:
        self._say = say
        self._clock = clock
        self._kept = [_Kept(child, Backoff(first=1.0, longest=longest)) for child in children]

    def start(self) -> None:
        """Starts all children."""
        for kept in self._kept:
            kept.start(self._clock())

    def tick(self) -> None:
        """Starts again what has ended and has waited long enough.

        Raises:
            Hopeless: a child ended because of its settings or its input.
        """
        for kept in self._kept:
            if kept.due is not None:
                if self._clock() >= kept.due:
                    kept.start(self._clock())
            elif not kept.child.is_running:
                self._plan(kept)

    def _plan(self, kept: _Kept) -> None:
        child, now = kept.child, self._clock()
        if child.code == BAD_INPUT:
            raise Hopeless(f"{child.module} cannot run:\n{child.last_words()}")
        if now - kept.since > _WELL_SECONDS:
            kept.backoff.reset()
        wait = kept.backoff.next()
        kept.due = now + wait
        why = ""
        if child.code and child.code > 0:  # killed from outside, it had nothing to say
            why = f" ({child.last_words(1)[:_MOST_CHARACTERS]})"
        self._say(
            f"{child.module} {child.fate}{why}: it starts again in {wait:.0f} s, see {child.log}"
        )


class _Kept:
    """A child; when it was started, and when it is to be started again."""

    def __init__(self, child: Child, backoff: Backoff) -> None:
        self.child = child
        self.backoff = backoff
        self.since = 0.0
        self.due: float | None = None

    def start(self, now: float) -> None:
        self.child.start()
        self.since, self.due = now, None
