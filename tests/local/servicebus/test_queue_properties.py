"""No message is ever lost, or in two states, whatever receivers do and whenever."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from local.servicebus.message import content_of
from local.servicebus.model import Counts, MessageLockLost, MessageNotFound, QueueMessage
from local.servicebus.queue import Entry, Queue
from local.servicebus.queue_pair import QueuePair
from tests.local.servicebus.clock import Clock

LOCK = 10.0
MAX_DELIVERIES = 3


@dataclass
class Known:
    """What the model knows of a message that is not done with."""

    where: Literal["main", "dead"] = "main"
    deferred: bool = False
    token: UUID | None = None
    locked_until: float = 0.0
    failures: int = 0
    reason: str | None = None
    expires_at: float = 0.0


class PeekLock(RuleBasedStateMachine):
    """Any order of calls against a model that is a dictionary, without heaps or lazy deletion."""

    def __init__(self) -> None:
        super().__init__()
        numbers = itertools.count(1)
        self.clock = Clock(0.0)
        self.pair = QueuePair(
            lock_seconds=LOCK,
            max_delivery_count=MAX_DELIVERIES,
            time_to_live=45.0,
            clock=self.clock,
            new_token=lambda: UUID(int=next(numbers)),
        )
        self.known: dict[int, Known] = {}
        self.void: list[UUID] = [UUID(int=0)]
        self.sent = 0

    # The model

    def queue(self, where: str) -> Queue:
        return self.pair.main if where == "main" else self.pair.dead

    def unlock(self, message: Known) -> None:
        assert message.token is not None
        self.void.append(message.token)
        message.token = None

    def bury(self, message: Known, reason: str | None) -> None:
        if message.where == "main":
            message.where, message.deferred = "dead", False
            message.reason = reason or message.reason

    def fail(self, message: Known) -> None:
        message.failures += 1
        if message.where == "main" and message.failures >= MAX_DELIVERIES:
            self.bury(message, "MaxDeliveryCountExceeded")

    def expire(self) -> None:
        for message in self.known.values():
            if message.token and message.locked_until <= self.clock.now:
                self.unlock(message)
                self.fail(message)
            ready = message.where == "main" and not message.token and not message.deferred
            if ready and message.expires_at <= self.clock.now:
                self.bury(message, "TTLExpiredException")

    def ready(self, where: str) -> list[int]:
        return [
            number
            for number, each in sorted(self.known.items())
            if each.where == where and not each.token and not each.deferred
        ]

    def lock(self, entry: Entry, message: Known) -> None:
        assert entry.lock_token is not None
        assert entry.lock_token not in self.void
        assert (entry.delivery_count, entry.deferred) == (message.failures, message.deferred)
        message.token = entry.lock_token
        message.locked_until = self.clock.now + LOCK
        assert entry.locked_until == message.locked_until

    # What can happen

    @rule(count=st.integers(1, 3))
    def send(self, count: int) -> None:
        self.pair.send(content_of(QueueMessage(b"x")) for _ in range(count))
        for _ in range(count):
            self.sent += 1
            self.known[self.sent] = Known(expires_at=self.clock.now + 45.0)

    @rule(where=st.sampled_from(["main", "dead"]), count=st.integers(1, 4))
    def receive(self, where: str, count: int) -> None:
        entries = self.queue(where).receive(count)
        assert [each.sequence_number for each in entries] == self.ready(where)[:count]
        for entry in entries:
            self.lock(entry, self.known[entry.sequence_number])

    @rule(where=st.sampled_from(["main", "dead"]))
    def receive_and_delete(self, where: str) -> None:
        entries = self.queue(where).receive_and_delete(1)
        assert [each.sequence_number for each in entries] == self.ready(where)[:1]
        for entry in entries:
            del self.known[entry.sequence_number]

    @rule(
        how=st.sampled_from(["complete", "abandon", "release", "defer", "dead_letter", "renew"]),
        choice=st.data(),
    )
    def settle(self, how: str, choice: st.DataObject) -> None:
        locked = sorted(number for number, each in self.known.items() if each.token)
        if not locked:
            return
        number = choice.draw(st.sampled_from(locked))
        message = self.known[number]
        queue, token = self.queue(message.where), message.token
        assert token is not None
        if how == "renew":
            message.locked_until = queue.renew(token)
            assert message.locked_until == self.clock.now + LOCK
            return
        self.unlock(message)
        if how == "complete":
            queue.complete(token)
            del self.known[number]
        elif how == "abandon":
            queue.abandon(token)
            self.fail(message)
        elif how == "release":
            queue.release(token)
        elif how == "defer":
            queue.defer(token)
            message.deferred = True
        else:
            queue.dead_letter(token, "asked for", None)
            self.bury(message, "asked for")
        self.expire()

    @rule(where=st.sampled_from(["main", "dead"]), lock=st.booleans(), choice=st.data())
    def receive_deferred(self, where: str, lock: bool, choice: st.DataObject) -> None:
        deferred = sorted(
            number
            for number, each in self.known.items()
            if each.where == where and each.deferred and not each.token
        )
        if not deferred:
            return
        number = choice.draw(st.sampled_from(deferred))
        message = self.known[number]
        if where == "main" and message.expires_at <= self.clock.now:
            with pytest.raises(MessageNotFound):
                self.queue(where).receive_deferred([number], lock=lock)
            self.bury(message, "TTLExpiredException")
            return
        (entry,) = self.queue(where).receive_deferred([number], lock=lock)
        assert entry.sequence_number == number
        if lock:
            self.lock(entry, message)
        else:
            del self.known[number]

    @precondition(lambda self: self.void)
    @rule(where=st.sampled_from(["main", "dead"]), choice=st.data())
    def use_a_void_token(self, where: str, choice: st.DataObject) -> None:
        token = choice.draw(st.sampled_from(self.void))
        queue = self.queue(where)
        for settle in (queue.complete, queue.abandon, queue.release, queue.defer, queue.renew):
            with pytest.raises(MessageLockLost):
                settle(token)

    @rule()
    def lose_locks(self) -> None:
        self.pair.lose_locks()
        for message in self.known.values():
            if message.token:
                self.unlock(message)
                self.fail(message)
        self.expire()

    @rule(seconds=st.sampled_from([0.5, 4.0, 9.5, 30.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.expire()

    # What has to hold

    @invariant()
    def every_message_is_in_one_state(self) -> None:
        main = [each for each in self.known.values() if each.where == "main"]
        locked = sum(1 for each in main if each.token)
        deferred = sum(1 for each in main if each.deferred and not each.token)
        assert self.pair.counts() == Counts(
            active=len(main) - locked - deferred,
            locked=locked,
            deferred=deferred,
            dead_lettered=len(self.known) - len(main),
        )
        for where in ("main", "dead"):
            peeked = self.queue(where).peek(0, 10_000)
            assert [each.sequence_number for each in peeked] == [
                number for number, each in sorted(self.known.items()) if each.where == where
            ]
        for letter in self.pair.dead_letters():
            message = self.known[letter.sequence_number]
            assert (letter.reason, letter.delivery_count) == (message.reason, message.failures)

    def teardown(self) -> None:
        """Whatever happened, in the end each message is received, in order, and can be done."""
        self.clock.now += LOCK
        self.expire()
        for where in ("main", "dead"):
            queue = self.queue(where)
            entries = queue.receive(10_000)
            assert [each.sequence_number for each in entries] == self.ready(where)
            deferred = [
                number
                for number, each in self.known.items()
                if each.where == where and each.deferred
                if where == "dead" or each.expires_at > self.clock.now
            ]
            entries += queue.receive_deferred(deferred, lock=True)
            for entry in entries:
                assert entry.lock_token is not None
                queue.complete(entry.lock_token)
            assert queue.receive(1) == []
            assert queue.locked == 0


TestPeekLock = PeekLock.TestCase
TestPeekLock.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
