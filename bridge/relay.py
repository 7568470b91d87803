"""Receive a batch, publish it, wait for every confirmation, then complete it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bridge.clock import AHEAD, ClockWatch
from bridge.guard import ticket
from bridge.locks import kept
from bridge.message import Letter, Packed, Refusal, Unfit, is_large, pack, read
from bridge.metrics import Metrics
from bridge.outcomes import Settled
from bridge.pace import MOST_BYTES, Pace
from bridge.publishing import Publishing
from bridge.source import Source, SourceLost
from bridge.state import State
from bridge.topic import Answer, Confirmed, Failed, Refused

log = logging.getLogger(__name__)

#: Seconds that a receive waits for a first message, and a stop therefore for a receive.
WAIT_SECONDS: Final = 1.0
#: Seconds that a receive waits, at the least and at the most, while a publish is under way: long
#: enough for a round trip to a distant broker, for what comes later is given back and sent again,
#: and no longer, for the completion waits meanwhile.
AHEAD_SECONDS: Final = (0.05, 0.5)
#: The round trip is known by what a completion took; the first message needs one, the rest of the
#: batch and an unsteady line take more.
_ROUND_TRIPS: Final = 3.0


class Received(NamedTuple):
    """A ``ServiceBusReceivedMessage`` and what it holds."""

    message: Any
    letter: Letter | Unfit

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.letter.data) if isinstance(self.letter, Letter) else 0


class Flight(NamedTuple):
    """A batch on its way to the topic, and what becomes of each of its messages."""

    batch: list[Received]
    outcomes: asyncio.Task[list[Answer | Unfit]]

    @property
    def size(self) -> int:
        """Bytes of the bodies."""
        return sum(one.size for one in self.batch)


class Landed(NamedTuple):
    """What became of a batch.

    Attributes:
        unfit: the messages that cannot be published.
        done: how many were published and completed.
    """

    unfit: list[Any]
    done: int


class Relay:
    """Moves batches from a source to the topic; holds what outlives a connection.

    Args:
        publishing: how messages get to the topic.
        metrics, state: what an operator sees.
        clock: monotonic seconds.

    Attributes:
        heard: when a message was last received, by ``clock``.
    """

    def __init__(
        self,
        publishing: Publishing,
        metrics: Metrics,
        state: State,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publishing = publishing
        self._metrics = metrics
        self._state = state
        self._clock = clock
        self._pace = Pace()
        self._clock_watch = ClockWatch()
        self._completing = AHEAD_SECONDS[1]
        self.heard = clock()

    async def step(self, source: Source, flight: Flight | None) -> Flight | None:
        """Relays a batch of the queue.

        While it is published the next one is received, and while it is completed the next one is
        published, so that a backlog does not wait for either side's round trips.

        Args:
            source: open.
            flight: what the step before has left; where None, a batch is received first.

        Returns:
            The batch received meanwhile, on its way; None unless the queue holds a backlog. It
            belongs to the next step or to ``land``.

        Raises:
            SourceLost: the connection is gone; what was not completed comes again.
        """
        if flight is None:
            batch = await self.receive(source, WAIT_SECONDS)
            if not batch:
                self._metrics.saw(None)
                return None
            flight = self.depart(batch)
        with cancelling(flight):
            ahead = []
            if self._pace.is_busy and flight.size <= MOST_BYTES:
                least, most = AHEAD_SECONDS
                seconds = min(max(_ROUND_TRIPS * self._completing, least), most)
                ahead = await self.receive(source, seconds)
            async with kept(
                source, [one.message for one in (*flight.batch, *ahead)], self._metrics
            ):
                outcomes = await flight.outcomes
        following = self.depart(ahead) if ahead else None
        with cancelling(following):
            await self._settle(source, flight.batch, outcomes)
        return following

    async def land(self, source: Source, flight: Flight) -> Landed:
        """Waits for a flight's outcomes and settles.

        Raises:
            SourceLost: the connection is gone; what was not completed comes again.
        """
        with cancelling(flight):
            async with kept(source, [one.message for one in flight.batch], self._metrics):
                outcomes = await flight.outcomes
        return await self._settle(source, flight.batch, outcomes)

    async def receive(self, source: Source, seconds: float) -> list[Received]:
        """A batch, as soon as there is one; empty after ``seconds`` without.

        Raises:
            SourceLost: the connection is gone, or nothing could be completed over it.
        """
        try:
            return await self._received(source, seconds)
        except Exception:
            self._pace = Pace()  # a message that breaks a batch breaks it alone next time
            raise

    async def _received(self, source: Source, seconds: float) -> list[Received]:
        started = self._clock()
        messages = await source.receive(self._pace.count, seconds)
        self._state.step()
        if not messages:
            return []
        self.heard = self._clock()
        if self._clock_watch.is_ahead(messages):
            await source.release(ticket(message) for message in messages)
            raise SourceLost(AHEAD)
        received = [Received(message, read(message)) for message in messages]
        size = sum(one.size for one in received)
        since = oldest(messages)
        if not source.dead_letters:  # they do not expire
            self._metrics.saw(since)
        age = (datetime.now(UTC) - since).total_seconds() if since else 0.0
        waited = self.heard - started
        if waited < seconds:  # else it was cut short, which tells nothing of the queue
            self._pace.note(len(messages), size, waited, age)
        self._metrics.last_contact.set_to_current_time()
        self._metrics.received.inc(len(messages))
        self._metrics.received_bytes.inc(size)
        self._metrics.redelivered.inc(sum(bool(message.delivery_count) for message in messages))
        return received

    def depart(self, batch: list[Received]) -> Flight:
        """Sends a batch on its way; the flight belongs to ``step`` or to ``land``."""
        return Flight(batch, asyncio.create_task(self._publish(batch)))

    async def _publish(self, batch: list[Received]) -> list[Answer | Unfit]:
        packed = [await _pack(one.letter) for one in batch]
        answers = iter(
            await self._publishing.publish([one for one in packed if not isinstance(one, Unfit)])
        )
        return [one if isinstance(one, Unfit) else next(answers) for one in packed]

    async def _settle(
        self, source: Source, batch: Sequence[Received], outcomes: Sequence[Answer | Unfit]
    ) -> Landed:
        confirmed, unsure, unfit = [], [], []
        for one, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Confirmed):
                confirmed.append(one.message)
                self._note_published(one)
            elif isinstance(outcome, Failed):
                unsure.append(one.message)
            else:
                unfit.append((one.message, outcome))
        settled = Settled()
        if confirmed:
            started = self._clock()
            settled = await source.complete(confirmed)
            self._completing = self._clock() - started
        self._metrics.completed.inc(settled.done)
        self._note_settled(settled)
        if not source.dead_letters:
            for message, outcome in unfit:
                await self._dead_letter(source, message, outcome)
        await source.release(ticket(message) for message in unsure)
        return Landed([message for message, _ in unfit], settled.done)

    async def _dead_letter(self, source: Source, message: Any, outcome: Unfit | Refused) -> None:
        reason = outcome.reason if isinstance(outcome, Unfit) else Refusal.REFUSED
        settled = await source.dead_letter(message, reason, outcome.detail)
        if settled.done:
            self._metrics.dead_lettered.labels(reason).inc()
            text = f"message {message.message_id} to the queue's dead letters: {reason}"
            log.warning("%s, %s", text, outcome.detail, extra={"reason": reason})
        self._note_settled(settled)

    def _note_published(self, one: Received) -> None:
        self._metrics.published.inc()
        self._metrics.published_bytes.inc(one.size)
        self._metrics.compressed.inc(isinstance(one.letter, Letter) and is_large(one.letter))
        since = one.message.enqueued_time_utc
        if since is not None:
            age = (datetime.now(UTC) - since).total_seconds()
            self._metrics.relay_seconds.observe(max(age, 0.0))

    def _note_settled(self, settled: Settled) -> None:
        """Counts failures. Raises SourceLost."""
        for kind, amount in settled.failures.items():
            self._metrics.settle_failures.labels(kind).inc(amount)
        if settled.lost:
            raise SourceLost(settled.lost)


@contextmanager
def cancelling(flight: Flight | None) -> Iterator[None]:
    """Ends a flight's publishing where the block fails: nobody is left to settle it."""
    try:
        yield
    except BaseException:
        if flight is not None:
            flight.outcomes.cancel()
        raise


async def _pack(letter: Letter | Unfit) -> Packed | Unfit:
    if isinstance(letter, Unfit):
        return letter
    if is_large(letter):  # compressing would hold up the locks and the probes
        return await asyncio.to_thread(pack, letter)
    return pack(letter)


def oldest(messages: Sequence[Any]) -> datetime | None:
    """The oldest enqueued time among received messages."""
    times = [one.enqueued_time_utc for one in messages if one.enqueued_time_utc is not None]
    return min(times, default=None)
