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


class QueuePhase(StrEnum):
    """The Service Bus side."""

    STARTING = "starting"
    CONNECTING = "connecting"
    RECEIVING = "receiving"
    DEAD_LETTERS = "dead_letters"
    UNAVAILABLE = "unavailable"
    STOPPED = "stopped"


class TopicPhase(StrEnum):
    """The Pub/Sub side."""

    STARTING = "starting"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


_WELL: Final = (QueuePhase.RECEIVING, QueuePhase.DEAD_LETTERS, TopicPhase.AVAILABLE)


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
        self.queue = QueuePhase.STARTING
        self.topic = TopicPhase.STARTING
        self._told: dict[str, tuple[StrEnum, str]] = {}
        self._show("queue", self.queue)
        self._show("topic", self.topic)

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

    def queue_is(self, state: QueuePhase, detail: str = "") -> None:
        """The Service Bus side is in ``state``; ``detail`` says why."""
        self.queue = state
        self._change("queue", state, detail)

    def topic_is(self, state: TopicPhase, detail: str = "") -> None:
        """The Pub/Sub side is in ``state``; ``detail`` says why."""
        self.topic = state
        self._change("topic", state, detail)

    def _change(self, part: str, state: StrEnum, detail: str) -> None:
        self.step()
        self._show(part, state)
        before = self._told.get(part)
        # Between two attempts at something that is unavailable there is nothing to tell.
        again = state is QueuePhase.CONNECTING and before and before[0] is QueuePhase.UNAVAILABLE
        if again or before == (state, detail):
            return
        self._told[part] = (state, detail)
        level = logging.WARNING if "unavailable" in state else logging.INFO
        extra = {"part": part, "state": str(state), **({"detail": detail} if detail else {})}
        log.log(level, f"{part} {state}" + (f": {detail}" if detail else ""), extra=extra)

    def _show(self, part: str, state: StrEnum) -> None:
        for one in type(state):
            self._metrics.phase.labels(part, one).set(one is state)
        self._metrics.ready.set(self.ready)
