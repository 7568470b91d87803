"""Receive a batch, publish it, wait for every confirmation, then complete it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from google.pubsub_v1.types import PubsubMessage

from bridge import state as states
from bridge.backoff import Backoff
from bridge.guard import Ticket, ticket
from bridge.locks import kept
from bridge.message import LASTING, Letter, Refusal, Unfit, is_large, pack, read
from bridge.metrics import Metrics
from bridge.pace import Pace
from bridge.source import Settled, Source, SourceLost
from bridge.state import State
from bridge.topic import Answer, Confirmed, Failed, Refused, Topic

log = logging.getLogger(__name__)

#: Seconds that a receive waits for a first message, and a stop therefore for a receive.
WAIT_SECONDS: Final = 1.0
#: Seconds that a publish under way gets when the bridge is told to stop.
STOP_SECONDS: Final = 3.0


class Received(NamedTuple):
    """A ``ServiceBusReceivedMessage`` and what it holds."""

    message: Any
    letter: Letter | Unfit

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.letter.data) if isinstance(self.letter, Letter) else 0


class Relay:
    """Moves batches from a source to the topic; holds what outlives a connection.

    Args:
        topic: where messages go.
        metrics, state: what an operator sees.
        stop: set when the bridge is to end; nothing new is begun then.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        topic: Topic,
        metrics: Metrics,
        state: State,
        stop: asyncio.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = topic
        self._metrics = metrics
        self._state = state
        self._stop = stop
        self._clock = clock
        self._pace = Pace()
        self._backoff = Backoff(first=0.5, longest=30.0)
        self._clock_is_wrong = False

    async def batch(self, source: Source) -> int:
        """Relays one batch of the queue; the number of its messages, 0 where none came.

        Raises:
            SourceLost: the connection is gone; what was not completed comes again.
        """
        received = await self._receive(source)
        if not received:
            self._metrics.saw(None)
            return 0
        await self._relay(source, received)
        return len(received)

    async def dead_letters(self, source: Source, seconds: float) -> bool:
        """Relays the queue's dead letters for ``seconds`` at most.

        Those that no attempt mends, and those that Pub/Sub refuses again, are left.

        Returns:
            Whether the pass got through, having seen them all.

        Raises:
            SourceLost: the connection is gone.
        """
        end = self._clock() + seconds
        left: dict[int, Ticket] = {}
        through = False
        while not (through or self._stop.is_set() or self._clock() > end):
            received = await self._receive(source)
            # What is left is locked by this pass; if it is seen again its lock ran out.
            fresh = [one for one in received if one.message.sequence_number not in left]
            through = not fresh
            hopeless = [one.message for one in fresh if one.message.dead_letter_reason in LASTING]
            others = [one for one in fresh if one.message.dead_letter_reason not in LASTING]
            refused = await self._relay(source, others) if others else []
            left |= {one.sequence_number: ticket(one) for one in (*hopeless, *refused)}
            self._metrics.dead_letters_relayed.inc(len(others) - len(refused))
        self._metrics.dead_letters_left.set(len(left))
        await source.release(left.values())
        return through

    async def _receive(self, source: Source) -> list[Received]:
        started = self._clock()
        messages = await source.receive(self._pace.count, WAIT_SECONDS)
        seconds = self._clock() - started
        self._state.step()
        if not messages:
            return []
        received = [Received(message, read(message)) for message in messages]
        size = sum(one.size for one in received)
        since = oldest(messages)
        age = (datetime.now(UTC) - since).total_seconds() if since else 0.0
        self._pace.note(len(messages), size, seconds, age)
        self._metrics.last_contact.set_to_current_time()
        self._metrics.received.inc(len(messages))
        self._metrics.received_bytes.inc(size)
        self._metrics.redelivered.inc(sum(bool(message.delivery_count) for message in messages))
        self._metrics.saw(since)
        self._check_clock(messages)
        return received

    async def _relay(self, source: Source, received: Sequence[Received]) -> list[Any]:
        """Publishes and settles; those that cannot be published, which stay dead letters."""
        packed = [await _pack(one.letter) for one in received]
        fit = [one for one in packed if isinstance(one, PubsubMessage)]
        async with kept(source, [one.message for one in received], self._metrics):
            answers = iter(await self._publish(fit))
        outcomes = [one if isinstance(one, Unfit) else next(answers) for one in packed]
        confirmed, unsure, unfit = [], [], []
        for one, outcome in zip(received, outcomes, strict=True):
            if isinstance(outcome, Confirmed):
                confirmed.append(one.message)
                self._note_published(one)
            elif isinstance(outcome, Failed):
                unsure.append(one.message)
            else:
                unfit.append((one.message, outcome))
        settled = [await source.complete(confirmed)] if confirmed else []
        self._metrics.completed.inc(sum(one.done for one in settled))
        if not source.dead_letters:
            settled += [await self._dead_letter(source, *one) for one in unfit]
        await source.release(ticket(message) for message in unsure)
        self._note_settled(settled)
        return [message for message, _ in unfit]

    async def _publish(self, messages: Sequence[PubsubMessage]) -> list[Answer]:
        """An answer for each; Failed only where the bridge is told to stop."""
        answers: list[Answer] = [Failed("not tried")] * len(messages)
        waiting = list(range(len(messages)))
        while waiting:
            found = await self._attempt([messages[at] for at in waiting])
            for at, answer in zip(waiting, found, strict=True):
                answers[at] = answer
            failed = [answer.why for answer in found if isinstance(answer, Failed)]
            waiting = [at for at in waiting if isinstance(answers[at], Failed)]
            if not failed:
                self._backoff.reset()
                self._state.topic_is(states.Topic.AVAILABLE)
                break
            self._metrics.publish_failures.inc(len(failed))
            if self._stop.is_set():
                break
            self._state.topic_is(states.Topic.UNAVAILABLE, failed[0])
            await stopped_within(self._stop, self._backoff.next())
        return answers

    async def _attempt(self, messages: list[PubsubMessage]) -> list[Answer]:
        """One attempt, cut short where the bridge is told to stop."""
        started = self._clock()
        attempt = asyncio.create_task(self._topic.publish(messages))
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({attempt, stop}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({attempt}, timeout=STOP_SECONDS)
            if not attempt.done():
                return [Failed("the bridge stops")] * len(messages)
            self._metrics.publish_seconds.observe(self._clock() - started)
            return attempt.result()
        finally:
            stop.cancel()
            attempt.cancel()

    async def _dead_letter(self, source: Source, message: Any, outcome: Unfit | Refused) -> Settled:
        reason = outcome.reason if isinstance(outcome, Unfit) else Refusal.REFUSED
        settled = await source.dead_letter(message, reason, outcome.detail)
        if settled.done:
            self._metrics.dead_lettered.labels(reason).inc()
            text = f"message {message.message_id} to the queue's dead letters: {reason}"
            log.warning("%s, %s", text, outcome.detail, extra={"reason": reason})
        return settled

    def _note_published(self, one: Received) -> None:
        self._metrics.published.inc()
        self._metrics.published_bytes.inc(one.size)
        self._metrics.compressed.inc(isinstance(one.letter, Letter) and is_large(one.letter))
        since = one.message.enqueued_time_utc
        if since is not None:
            age = (datetime.now(UTC) - since).total_seconds()
            self._metrics.relay_seconds.observe(max(age, 0.0))

    def _note_settled(self, settled: Sequence[Settled]) -> None:
        for one in settled:
            for kind, amount in one.failures.items():
                self._metrics.settle_failures.labels(kind).inc(amount)
        lost = [one.lost for one in settled if one.lost]
        if lost:
            raise SourceLost(lost[0])

    def _check_clock(self, messages: Sequence[Any]) -> None:
        """The SDK refuses to settle what this machine's clock calls expired: say so once."""
        ahead = min(message.locked_until_utc for message in messages) <= datetime.now(UTC)
        if ahead and not self._clock_is_wrong:
            log.error(
                "locks are over when they arrive: this machine's clock is ahead of Service Bus's; "
                "nothing can be completed until it is set (NTP)"
            )
        self._clock_is_wrong = ahead


async def _pack(letter: Letter | Unfit) -> PubsubMessage | Unfit:
    if isinstance(letter, Unfit):
        return letter
    if is_large(letter):  # compressing would hold up the locks and the probes
        return await asyncio.to_thread(pack, letter)
    return pack(letter)


def oldest(messages: Sequence[Any]) -> datetime | None:
    """The oldest enqueued time among received messages."""
    times = [one.enqueued_time_utc for one in messages if one.enqueued_time_utc is not None]
    return min(times, default=None)


async def stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Waits for ``stop``, ``seconds`` at most; whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
