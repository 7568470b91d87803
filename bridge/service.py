"""Around the clock: connect, relay, look after the dead letters, connect again, stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from bridge.backoff import Backoff, stopped_within
from bridge.metrics import Metrics
from bridge.publishing import Publishing
from bridge.relay import Flight, Relay
from bridge.settings import Settings
from bridge.source import Access, Source, SourceLost
from bridge.state import Queue, State
from bridge.state import Topic as TopicState
from bridge.topic import Topic, TopicError
from bridge.web import serving

log = logging.getLogger(__name__)

#: Seconds for the bridge to end by itself when it is told to; then it is cut short.
STOP_SECONDS: Final = 8.0
#: The queue is not read during a pass over the dead letters, so a pass has an end (seconds).
PASS_SECONDS: Final = 120.0


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Relays until ``stop`` is set; returns at most about ``STOP_SECONDS`` later.

    Raises:
        SettingsError: the metrics server cannot listen where it should.
        TopicError: there are no Google credentials.
    """
    metrics = Metrics(settings.secret_expires)
    state = State(metrics)
    async with serving(settings.http, metrics, state) as port, Topic(settings.topic) as topic:
        if port is not None:
            log.info("metrics on port %d", port, extra={"port": port})
        service = Service(settings, topic, metrics, state, stop)
        running = asyncio.create_task(service.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({running}, timeout=STOP_SECONDS)
        if not running.done():
            log.warning("cut short: what was under way comes again when its locks run out")
            running.cancel()
        await asyncio.gather(running, return_exceptions=not running.done())
        stopping.cancel()
        state.queue_is(Queue.STOPPED)


class Service:
    """The life of one bridge; at most one connection to the queue at a time.

    Args:
        settings: checked settings.
        topic: open.
        metrics, state: what an operator sees.
        stop: set when the bridge is to end.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        metrics: Metrics,
        state: State,
        stop: asyncio.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._metrics = metrics
        self._state = state
        self._stop = stop
        self._clock = clock
        publishing = Publishing(topic, metrics, state, stop)
        self._relay = Relay(publishing, metrics, state, clock)
        self._backoff = Backoff()
        self._dead_letters_due = clock()

    async def run(self) -> None:
        """Relays until told to stop; whatever fails is told and tried again."""
        await self._wait_for_topic()
        access = Access(self._settings)
        try:
            while not self._stop.is_set():
                if self._clock() >= self._dead_letters_due:
                    await self._read_dead_letters(access)
                await self._read_queue(access)
        finally:
            await access.close()

    async def _wait_for_topic(self) -> None:
        """Nothing is taken from the queue before there is somewhere to put it."""
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                await self._topic.check()
            except TopicError as error:
                self._state.topic_is(TopicState.UNAVAILABLE, str(error))
                await stopped_within(self._stop, backoff.next())
            else:
                self._state.topic_is(TopicState.AVAILABLE)
                return

    async def _read_queue(self, access: Access) -> None:
        """Relays until the dead letters are due, the connection is lost, or told to stop."""
        self._state.queue_is(Queue.CONNECTING)
        try:
            async with Source(access) as source:
                self._metrics.connections.inc()
                self._state.queue_is(Queue.RECEIVING)
                await self._relay_all(source)
        except SourceLost as error:
            self._state.queue_is(Queue.UNAVAILABLE, str(error))
            await stopped_within(self._stop, self._backoff.next())

    async def _relay_all(self, source: Source) -> None:
        checked = self._clock()
        flight: Flight | None = None
        while not self._stop.is_set() and self._clock() < self._dead_letters_due:
            flight = await self._relay.step(source, flight)
            if self._relay.heard > checked:
                checked = self._relay.heard
                self._backoff.reset()
            elif self._clock() - checked > self._settings.silence_seconds:
                checked = self._clock()
                await self._probe(source)
        if flight is not None:
            await self._relay.land(source, flight)

    async def _probe(self, source: Source) -> None:
        """A silent queue is empty, or the connection is dead without a word."""
        if await source.probe():
            raise SourceLost("the queue shows a message and delivers none")
        self._metrics.last_contact.set_to_current_time()

    async def _read_dead_letters(self, access: Access) -> None:
        """One pass; an error ends it and tells nothing about the queue itself."""
        through = False
        self._state.queue_is(Queue.DEAD_LETTERS)
        try:
            async with Source(access, dead_letters=True) as source:
                self._metrics.connections.inc()
                end = self._clock() + PASS_SECONDS
                through = await self._relay.dead_letters(
                    source, lambda: self._stop.is_set() or self._clock() > end
                )
        except SourceLost as error:
            log.info("dead letters not read this time: %s", error)
        pause = self._settings.dead_letter_seconds
        self._dead_letters_due = self._clock() + (pause if through else min(pause, 60.0))
