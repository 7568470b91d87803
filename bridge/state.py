"""Where the bridge stands: one state for each side, one log line per change."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from bridge.metrics import Metrics

log = logging.getLogger(__name__)

#: The relay makes a step at least this often, or the process is stuck (seconds).
STUCK_SECONDS: Final = 300.0


class Queue(StrEnum):
    """The Service Bus side."""

    STARTING = "starting"
    CONNECTING = "connecting"
    RECEIVING = "receiving"
    DEAD_LETTERS = "dead_letters"
    UNAVAILABLE = "unavailable"
    STOPPED = "stopped"


class Topic(StrEnum):
    """The Pub/Sub side."""

    STARTING = "starting"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


_WELL: Final = (Queue.RECEIVING, Queue.DEAD_LETTERS, Topic.AVAILABLE)


class State:
    """Both sides' states, as logs, metrics and probes show them.

    Args:
        metrics: where the states are shown.
        clock: monotonic seconds.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._stepped = clock()
        self.queue = Queue.STARTING
        self.topic = Topic.STARTING
        self._told: dict[type[StrEnum], tuple[StrEnum, str]] = {}
        self._show(Queue, self.queue)
        self._show(Topic, self.topic)

    def step(self) -> None:
        """The relay is alive."""
        self._stepped = self._clock()

    @property
    def stuck(self) -> bool:
        """True where the relay has not made a step for too long."""
        return self._clock() - self._stepped > STUCK_SECONDS

    @property
    def ready(self) -> bool:
        """True where messages can flow."""
        return self.queue in _WELL and self.topic in _WELL

    def queue_is(self, state: Queue, detail: str = "") -> None:
        """The Service Bus side is in ``state``; ``detail`` says why."""
        self.queue = state
        self._change(Queue, state, detail)

    def topic_is(self, state: Topic, detail: str = "") -> None:
        """The Pub/Sub side is in ``state``; ``detail`` says why."""
        self.topic = state
        self._change(Topic, state, detail)

    def _change(self, part: type[StrEnum], state: StrEnum, detail: str) -> None:
        self.step()
        self._show(part, state)
        before = self._told.get(part)
        # Between two attempts at something that is unavailable there is nothing to tell.
        again = state is Queue.CONNECTING and before and before[0] is Queue.UNAVAILABLE
        if again or before == (state, detail):
            return
        self._told[part] = (state, detail)
        level = logging.WARNING if "unavailable" in state else logging.INFO
        name = part.__name__.lower()
        extra = {"part": name, "state": str(state), **({"detail": detail} if detail else {})}
        log.log(level, f"{name} {state}" + (f": {detail}" if detail else ""), extra=extra)

    def _show(self, part: type[StrEnum], state: StrEnum) -> None:
        for one in part:
            self._metrics.phase.labels(part.__name__.lower(), one).set(one is state)
