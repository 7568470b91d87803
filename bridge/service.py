"""Around the clock: connect, relay, look after the dead letters, connect again, stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bridge.backoff import Backoff, ended_before, stopped_within
from bridge.dead_letters import relay_dead_letters
from bridge.metrics import Metrics
from bridge.publishing import Publishing
from bridge.relay import Flight, Relay
from bridge.secret_manager import SecretError
from bridge.settings import Monitoring, Settings, SettingsError
from bridge.source import Access, Source, SourceLost
from bridge.state import QueuePhase, State, TopicPhase
from bridge.topic import Topic, TopicError
from bridge.web import serving

log = logging.getLogger(__name__)

#: Seconds for the bridge to end by itself when it is told to; then it is cut short. With what
#: closing takes it ends within ten.
STOP_SECONDS: Final = 6.0
#: The queue is not read during a pass over the dead letters, so a pass has an end (seconds).
PASS_SECONDS: Final = 120.0
#: Where a pass did not get through, the queue is read for so many seconds before the next.
MORE_SECONDS: Final = 60.0
#: And where it failed in a way that it did not fail before.
AGAIN_SECONDS: Final = 30.0
#: The end of the client secret is told from here on.
WARN_BEFORE: Final = timedelta(days=30)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Relays until ``stop`` is set; returns some seconds later.

    Raises:
        SettingsError: the metrics server cannot listen where it should, or Secret Manager does
            not hand out the client secret.
        TopicError: there are no Google credentials.
    """
    metrics = Metrics(settings.secret_expires)
    state = State(metrics)
    access = Access(settings)
    async with (
        serving(settings.http, metrics, state) as port,
        reporting(settings.monitoring, metrics),
    ):
        if port is not None:
            log.info("metrics on port %d", port, extra={"port": port})
        try:
            if await learn_secret(access, state, stop):
                async with Topic(settings.topic, settings.emulator) as topic:
                    await _run(Service(settings, access, topic, metrics, state, stop), stop)
        finally:
            state.queue_is(QueuePhase.STOPPED)


async def _run(service: Service, stop: asyncio.Event) -> None:
    """Runs it until it has stopped, or has had its time to."""
    running = asyncio.create_task(service.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({running}, timeout=STOP_SECONDS)
    if not running.done():
        log.warning("cut short: what was under way comes again when its locks run out")
        running.cancel()
    # A fault of its own is raised; that it was cancelled here is none.
    await asyncio.gather(running, return_exceptions=not running.done())
    stopping.cancel()


async def learn_secret(access: Access, state: State, stop: asyncio.Event) -> bool:
    """Reads a client secret that Secret Manager keeps, however long that is away.

    Returns:
        False where told to stop.

    Raises:
        SettingsError: there is none, or none for this account.
    """
    backoff = Backoff(longest=30.0)
    while not stop.is_set():
        try:
            return await ended_before(stop, access.learn_secret())
        except SecretError as error:
            if error.lasts:
                raise SettingsError(str(error)) from None
            state.queue_is(QueuePhase.UNAVAILABLE, str(error))
            await stopped_within(stop, backoff.next())
    return False


@asynccontextmanager
async def reporting(target: Monitoring | None, metrics: Metrics) -> AsyncIterator[None]:
    """Writes metrics to Cloud Monitoring while the block runs; to nowhere where it is None."""
    if target is None:
        yield
        return
    # Here, for the few who want it: the library takes time and memory.
    from bridge.reporter import Reporter

    reporter = Reporter(target, metrics)
    reporter.start()
    try:
        yield
    finally:
        await asyncio.to_thread(reporter.stop)


class Service:
    """The life of one bridge; at most one connection to the queue at a time.

    Args:
        settings: checked settings.
        access: to the queue's namespace; closed when the service ends.
        topic: open.
        metrics, state: what an operator sees.
        stop: set when the bridge is to end.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        access: Access,
        topic: Topic,
        metrics: Metrics,
        state: State,
        stop: asyncio.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._access = access
        self._topic = topic
        self._metrics = metrics
        self._state = state
        self._stop = stop
        self._clock = clock
        self._relay = Relay(Publishing(topic, metrics, state, stop), metrics, state, clock)
        # What Pub/Sub has refused before must not hold up the rest.
        believing = Publishing(topic, metrics, state, stop, believe=True)
        self._dead_relay = Relay(believing, metrics, state, clock)
        self._backoff = Backoff()
        self._dead_letters_due = clock()
        self._dead_letters_fault = ""
        self._warned: date | None = None

    async def run(self) -> None:
        """Relays until told to stop; whatever fails is told and tried again."""
        await self._wait_for_topic()
        access = self._access
        try:
            while not self._stop.is_set():
                self._warn_of_secret(datetime.now(UTC).date())
                if self._clock() >= self._dead_letters_due:
                    await self._read_dead_letters(access)
                await self._read_queue(access)
        finally:
            await access.close()

    async def _wait_for_topic(self) -> None:
        """Nothing is taken from the queue before there is somewhere to put it."""
        backoff = Backoff(longest=30.0)
        while not self._stop.is_set():
            try:
                await self._topic.check()
            except TopicError as error:
                self._state.topic_is(TopicPhase.UNAVAILABLE, str(error))
                await stopped_within(self._stop, backoff.next())
            else:
                self._state.topic_is(TopicPhase.AVAILABLE)
                return

    async def _read_queue(self, access: Access) -> None:
        """Relays until the dead letters are due, the connection is lost, or told to stop."""
        self._state.queue_is(QueuePhase.CONNECTING)
        try:
            async with Source(access) as source:
                self._metrics.connections.inc()
                self._state.queue_is(QueuePhase.RECEIVING)
                await self._relay_all(source)
        except Exception as error:
            self._state.queue_is(QueuePhase.UNAVAILABLE, _told(error))
            await stopped_within(self._stop, self._backoff.next())

    async def _relay_all(self, source: Source) -> None:
        checked = self._clock()
        head: int | None = None
        flight: Flight | None = None
        while not self._stop.is_set():
            flight = await self._relay.step(source, flight)
            if self._relay.heard > checked:
                checked = self._relay.heard
                head = None
                self._backoff.reset()
            elif self._clock() - checked > self._settings.silence_seconds:
                head = await self._probe(source, head)
                checked = self._clock()
            if self._clock() >= self._dead_letters_due:
                break
        if flight is not None:
            await self._relay.land(source, flight)

    async def _probe(self, source: Source, before: int | None) -> int | None:
        """A silent queue is empty, or the connection is dead without a word.

        Args:
            before: the queue's head as the last probe saw it.

        Returns:
            Its head. Seen once it may be locked still, from a connection that was lost.

        Raises:
            SourceLost: it is the same head again, or there is no answer.
        """
        head = await source.probe()
        if head is not None and head == before:
            raise SourceLost("the queue shows a message and does not deliver it")
        self._metrics.last_contact.set_to_current_time()
        self._backoff.reset()
        return head

    async def _read_dead_letters(self, access: Access) -> None:
        """One pass. If it fails the queue is read all the same."""
        pause = self._settings.dead_letter_seconds
        self._state.queue_is(QueuePhase.CONNECTING)
        try:
            async with Source(access, dead_letters=True) as source:
                self._metrics.connections.inc()
                self._state.queue_is(QueuePhase.DEAD_LETTERS)
                end = self._clock() + PASS_SECONDS
                through = await relay_dead_letters(
                    source,
                    self._dead_relay,
                    self._metrics,
                    lambda: self._stop.is_set() or self._clock() > end,
                )
            pause = pause if through else min(pause, MORE_SECONDS)
            self._dead_letters_fault = ""
        except Exception as error:
            fault = _told(error)
            if fault != self._dead_letters_fault:
                log.warning("dead letters not read this time: %s", fault)
                # A message that breaks the connection is still locked then, and passed over.
                pause = min(pause, AGAIN_SECONDS)
            self._dead_letters_fault = fault
        self._dead_letters_due = self._clock() + pause

    def _warn_of_secret(self, today: date) -> None:
        """A line a day."""
        expires = self._settings.secret_expires
        if expires is not None and self._warned != today and expires - today <= WARN_BEFORE:
            self._warned = today
            login = self._access.login
            log.warning(
                "%s ends on %s: make a new one on the IRIS page, and set it and "
                "IRIS_CLIENT_SECRET_EXPIRES",
                login.secret_words if login else "IRIS_CLIENT_SECRET",
                expires,
            )


def _told(error: Exception) -> str:
    """What to say of an error; one that is not expected is logged with its traceback."""
    if isinstance(error, SourceLost):
        return str(error)
    # One message's fault must not end the process: it comes again, and at last the broker
    # moves it to the dead letters.
    log.error("a fault of the bridge itself", exc_info=error)
    return f"a fault of the bridge itself: {type(error).__name__} ({error})"
