"""Starts children again when they end, or hang."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from bridge.backoff import Backoff
from local.processes import BAD_INPUT, Child

#: A child that ran for so long did well: its next end is not one of a series.
_WELL_SECONDS: Final = 60.0
#: Seconds between two looks at whether a child is well.
_LOOK_SECONDS: Final = 5.0
#: A child that has answered once and then does not for so many seconds hangs.
_SILENT_SECONDS: Final = 60.0
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
        """Starts again what has ended and has waited long enough; ends what hangs.

        Raises:
            Hopeless: a child that has never run well ended because of its settings or its input.
        """
        for kept in self._kept:
            kept.child.limit_log()
            if kept.due is not None:
                if self._clock() >= kept.due:
                    kept.start(self._clock())
            elif not kept.child.is_running:
                self._plan(kept)
            elif why := kept.hangs(self._clock()):
                self._say(f"{kept.child.module} {why}: it is killed")
                kept.child.kill()
                self._plan(kept)

    def _plan(self, kept: _Kept) -> None:
        child, now = kept.child, self._clock()
        if now - kept.since > _WELL_SECONDS:
            kept.backoff.reset()
            kept.was_well = True
        if child.code == BAD_INPUT and not kept.was_well:
            words = child.last_words() or f"{child.fate}, without a word in {child.log}"
            raise Hopeless(f"{child.module} cannot run:\n{words}")
        wait = kept.backoff.next()
        kept.due = now + wait
        why = ""
        if child.code and child.code > 0:  # killed from outside, it had nothing to say
            words = child.last_words(1)[:_MOST_CHARACTERS]
            why = f" ({words})" if words else ""
        self._say(
            f"{child.module} {child.fate}{why}: it starts again in {math.ceil(wait)} s, "
            f"see {child.log}"
        )


class _Kept:
    """A child; when it was started, and when it is to be started again."""

    def __init__(self, child: Child, backoff: Backoff) -> None:
        self.child = child
        self.backoff = backoff
        self.since = 0.0
        self.due: float | None = None
        self.was_well = False
        self._look_at = 0.0
        self._has_answered = False
        self._silent_since: float | None = None

    def start(self, now: float) -> None:
        self.child.start()
        self.since, self.due = now, None
        self._look_at = now
        self._has_answered = False
        self._silent_since = None

    def hangs(self, now: float) -> str:
        """What is wrong with the child, which runs; empty where nothing is."""
        if now < self._look_at:
            return ""
        self._look_at = now + _LOOK_SECONDS
        well = self.child.is_well()
        if well is None:
            # Silence begins with a question: this process itself may have been stopped meanwhile.
            self._silent_since = now if self._silent_since is None else self._silent_since
            seconds = now - self._silent_since
            is_over = self._has_answered and seconds >= _SILENT_SECONDS
            return f"has not answered for {seconds:.0f} s" if is_over else ""
        self._has_answered, self._silent_since = True, None
        return "" if well else "says that it is stuck"
