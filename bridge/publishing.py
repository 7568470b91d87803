"""Publishing until it is confirmed, however long Pub/Sub is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from bridge.backoff import Backoff, stopped_within
from bridge.message import Packed
from bridge.metrics import Metrics
from bridge.state import State, TopicPhase
from bridge.topic import Answer, Failed, Topic

#: Seconds that a request under way gets when the bridge is told to stop.
LAST_SECONDS: Final = 3.0


class Publishing:
    """Publishes batches to a topic, again and again where it fails.

    Args:
        topic: open.
        metrics, state: what an operator sees.
        stop: set when the bridge is to end; then there is no further attempt.
        believe: a refusal is the message's own fault, whatever becomes of others.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        topic: Topic,
        metrics: Metrics,
        state: State,
        stop: asyncio.Event,
        *,
        believe: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = topic
        self._believe = believe
        self._metrics = metrics
        self._state = state
        self._stop = stop
        self._clock = clock
        self._backoff = Backoff(first=0.5, longest=30.0)

    async def publish(self, messages: Sequence[Packed]) -> list[Answer]:
        """An answer for each message; Failed only where the bridge is told to stop."""
        answers: list[Answer] = [Failed("the bridge stops")] * len(messages)
        waiting = list(range(len(messages)))
        while waiting and not self._stop.is_set():
            found = await self._attempt([messages[at] for at in waiting])
            for at, answer in zip(waiting, found, strict=True):
                answers[at] = answer
            failed = [answer.why for answer in found if isinstance(answer, Failed)]
            waiting = [at for at in waiting if isinstance(answers[at], Failed)]
            self._state.step()
            if not failed:
                self._backoff.reset()
                self._state.topic_is(TopicPhase.AVAILABLE)
                continue
            self._metrics.publish_failures.inc(len(failed))
            if not self._stop.is_set():  # else it was cut short, which says nothing of the topic
                self._state.topic_is(TopicPhase.UNAVAILABLE, failed[0])
                await stopped_within(self._stop, self._backoff.next())
        return answers

    async def _attempt(self, messages: list[Packed]) -> list[Answer]:
        """One attempt, cut short where the bridge is told to stop."""
        started = self._clock()
        attempt = asyncio.create_task(self._topic.publish(messages, self._believe))
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({attempt, stop}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({attempt}, timeout=LAST_SECONDS)
            if not attempt.done():
                return [Failed("the bridge stops")] * len(messages)
            answers = attempt.result()
            if not any(isinstance(answer, Failed) for answer in answers):
                self._metrics.publish_seconds.observe(self._clock() - started)
            return answers
        finally:
            stop.cancel()
            attempt.cancel()
