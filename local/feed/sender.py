"""Sends the messages of a feed when they are due."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from local.feed.message import FeedMessage

#: Takes messages in order; an error that it raises ends the run.
Send = Callable[[Sequence[FeedMessage]], None]


class Stop(Protocol):
    """What ends a run from outside: a ``threading.Event``."""

    def is_set(self) -> bool:
        """True once the run is to end."""

    def wait(self, timeout: float) -> bool:
        """Returns after ``timeout`` seconds, or as soon as the run is to end."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    Attributes:
        messages, bytes: what was sent, bodies only.
        at: the simulated time of the last message sent, None before the first.
        behind_seconds: how long after it was due the last group was on its way, in seconds of
            the clock; the oldest message of the group counts.
    """

    messages: int = 0
    bytes: int = 0
    at: datetime | None = None
    behind_seconds: float = 0.0


class Sender:
    """Paces one run. ``run`` is for one thread, ``progress`` for any.

    Args:
        send: where the messages go.
        speed: seconds of simulated time that pass in a second of the clock.
        clock: seconds; only differences matter.
        group: the most messages that are sent in one call.
        rest_seconds: between two groups, so that messages close together go together.

    Raises:
        ValueError: ``speed`` or ``group`` is not positive.
    """

    def __init__(
        self,
        send: Send,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        group: int = 100,
        rest_seconds: float = 0.05,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed: {speed:g} must be greater than 0")
        if group < 1:
            raise ValueError(f"group: {group} must be at least 1")
        self._send = send
        self._speed = speed
        self._clock = clock
        self._group = group
        self._rest = rest_seconds
        self._progress = Progress()

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        return self._progress

    def run(self, messages: Iterable[FeedMessage], start: datetime, stop: Stop) -> Progress:
        """Sends ``messages``, which are in time order, until they end or ``stop`` is set.

        Args:
            messages: taken one ahead of what is due.
            start: the simulated time that it is when the run begins.
            stop: looked at before each group and all through each wait; a group that is due
                when it is set still goes.
        """
        begun = self._clock()
        group: list[FeedMessage] = []
        for message in messages:
            due = begun + (message.at - start).total_seconds() / self._speed
            if group and (len(group) == self._group or due > self._clock()):
                self._send_group(group, begun, start)
                group = []
            if not group and not self._await(due, stop):
                return self._progress
            group.append(message)
        if group:
            self._send_group(group, begun, start)
        return self._progress

    def _await(self, due: float, stop: Stop) -> bool:
        """Waits until ``due``; False: the run is to end."""
        while not stop.is_set():
            left = due - self._clock()
            if left <= 0:
                return True
            stop.wait(max(left, self._rest))
        return False

    def _send_group(self, group: Sequence[FeedMessage], begun: float, start: datetime) -> None:
        due = begun + (group[0].at - start).total_seconds() / self._speed
        behind = max(0.0, self._clock() - due)
        self._send(group)
        self._progress = Progress(
            self._progress.messages + len(group),
            self._progress.bytes + sum(len(message.body) for message in group),
            group[-1].at,
            behind,
        )
