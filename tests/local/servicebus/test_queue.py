"""The rules of peek-lock, with a clock that the tests set."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from local.servicebus.message import content_of
from local.servicebus.model import (
    Counts,
    DeadLetter,
    MessageLockLost,
    MessageNotFound,
    QueueMessage,
)
from local.servicebus.queue import Entry, Queue
from local.servicebus.queue_pair import QueuePair
from tests.local.servicebus.clock import Clock


@dataclass
class Bench:
    """A queue with locks of 60 s and at most three deliveries."""

    time_to_live: float | None = None

    def __post_init__(self) -> None:
        self.clock = Clock()
        numbers = itertools.count(1)
        self.pair = QueuePair(
            lock_seconds=60,
            max_delivery_count=3,
            time_to_live=self.time_to_live,
            clock=self.clock,
            new_token=lambda: UUID(int=next(numbers)),
        )
        self.main = self.pair.main
        self.dead = self.pair.dead

    def send(self, *bodies: bytes) -> None:
        self.pair.send(content_of(QueueMessage(body)) for body in bodies)

    def lock(self, queue: Queue | None = None) -> tuple[Entry, UUID]:
        """The next message and its lock."""
        (entry,) = (queue or self.main).receive(1)
        assert entry.lock_token is not None
        return entry, entry.lock_token

    def counts(self) -> Counts:
        return self.pair.counts()


def bodies(entries: list[Entry]) -> list[object]:
    return [entry.content.decoded_body() for entry in entries]


def test_messages_are_received_in_order_and_locked() -> None:
    bench = Bench()
    bench.send(b"a", b"b", b"c")
    received = bench.main.receive(2)
    assert bodies(received) == [b"a", b"b"]
    assert [entry.sequence_number for entry in received] == [1, 2]
    assert [entry.enqueued_at for entry in received] == [bench.clock.now] * 2
    assert [entry.locked_until for entry in received] == [bench.clock.now + 60] * 2
    assert len({entry.lock_token for entry in received}) == 2
    assert bench.counts() == Counts(1, 2, 0, 0)
    assert bodies(bench.main.receive(9)) == [b"c"]
    assert bench.main.receive(9) == []


def test_a_completed_message_is_gone() -> None:
    bench = Bench()
    bench.send(b"a")
    _, token = bench.lock()
    bench.main.complete(token)
    assert (bench.counts(), len(bench.main)) == (Counts(0, 0, 0, 0), 0)


SETTLEMENTS: list[Callable[[Queue, UUID], object]] = [
    Queue.complete,
    Queue.abandon,
    Queue.release,
    Queue.defer,
    Queue.renew,
    lambda queue, token: queue.dead_letter(token, "r", "d"),
]


@pytest.mark.parametrize("settle", SETTLEMENTS)
def test_nothing_can_be_done_without_a_lock(settle: Callable[[Queue, UUID], object]) -> None:
    bench = Bench()
    bench.send(b"a")
    _, token = bench.lock()
    bench.clock.now += 60
    with pytest.raises(MessageLockLost, match=r"^The lock supplied is invalid"):
        settle(bench.main, token)
    assert bench.counts() == Counts(1, 0, 0, 0)
    with pytest.raises(MessageLockLost):
        settle(bench.main, UUID(int=0))
    _, token = bench.lock()
    bench.main.complete(token)
    with pytest.raises(MessageLockLost):
        settle(bench.main, token)


def test_an_abandoned_message_comes_back_in_its_place_and_is_counted() -> None:
    bench = Bench()
    bench.send(b"a", b"b")
    _, token = bench.lock()
    bench.main.abandon(token)
    entry, again = bench.lock()
    assert (entry.sequence_number, entry.delivery_count, again != token) == (1, 1, True)


def test_a_released_message_comes_back_uncounted() -> None:
    bench = Bench()
    bench.send(b"a")
    for _ in range(5):
        _, token = bench.lock()
        bench.main.release(token)
    assert bench.lock()[0].delivery_count == 0


def test_an_expired_lock_counts_as_a_failed_delivery() -> None:
    bench = Bench()
    bench.send(b"a")
    bench.lock()
    bench.clock.now += 59.9
    assert bench.counts() == Counts(0, 1, 0, 0)
    bench.clock.now += 0.1
    assert bench.counts() == Counts(1, 0, 0, 0)
    assert bench.lock()[0].delivery_count == 1


def test_a_renewed_lock_lasts_from_then_on() -> None:
    bench = Bench()
    bench.send(b"a")
    _, token = bench.lock()
    bench.clock.now += 50
    assert bench.main.renew(token) == bench.clock.now + 60
    bench.clock.now += 59
    assert bench.counts() == Counts(0, 1, 0, 0)
    bench.main.complete(token)
    bench.clock.now += 60
    assert bench.counts() == Counts(0, 0, 0, 0)


def test_a_message_that_fails_too_often_is_dead_lettered() -> None:
    bench = Bench()
    bench.send(b"a")
    _, token = bench.lock()
    bench.main.abandon(token)
    bench.lock()
    bench.clock.now += 60
    _, token = bench.lock()
    bench.main.abandon(token)
    assert bench.counts() == Counts(0, 0, 0, 1)
    assert bench.pair.dead_letters() == [
        DeadLetter(
            sequence_number=1,
            message_id=None,
            reason="MaxDeliveryCountExceeded",
            description="Message could not be consumed after 3 delivery attempts.",
            body=b"a",
            delivery_count=3,
        )
    ]


def test_in_the_sub_queue_a_message_stays_whatever_happens() -> None:
    bench = Bench(time_to_live=1)
    bench.send(b"a")
    _, token = bench.lock()
    bench.main.dead_letter(token, "reason", "description")
    for _ in range(5):
        _, token = bench.lock(bench.dead)
        bench.dead.abandon(token)
    bench.lock(bench.dead)
    bench.clock.now += 100
    _, token = bench.lock(bench.dead)
    bench.dead.dead_letter(token, "again", None)
    (letter,) = bench.pair.dead_letters()
    assert letter[2:] == ("reason", "description", b"a", 6)
    _, token = bench.lock(bench.dead)
    bench.dead.complete(token)
    assert bench.counts() == Counts(0, 0, 0, 0)


@pytest.mark.parametrize("reason", [None, ""])
def test_dead_lettered_without_a_reason(reason: str | None) -> None:
    bench = Bench()
    bench.send(b"a")
    bench.main.dead_letter(bench.lock()[1], reason, reason)
    (letter,) = bench.pair.dead_letters()
    assert (letter.reason, letter.description) == (None, None)


def test_a_deferred_message_is_received_by_its_number_only() -> None:
    bench = Bench()
    bench.send(b"a", b"b", b"c")
    for _ in range(2):
        bench.main.defer(bench.lock()[1])
    assert bench.counts() == Counts(1, 0, 2, 0)
    assert bodies(bench.main.receive(9)) == [b"c"]
    received = bench.main.receive_deferred([2, 1, 2], lock=True)
    assert bodies(received) == [b"b", b"a"]
    assert bench.counts() == Counts(0, 3, 0, 0)
    for entry, settle in zip(received, (bench.main.abandon, bench.main.complete), strict=True):
        assert entry.lock_token is not None
        settle(entry.lock_token)
    # It stays deferred.
    assert bench.counts() == Counts(0, 1, 1, 0)
    (entry,) = bench.main.receive_deferred([2], lock=True)
    assert entry.delivery_count == 1
    bench.clock.now += 60
    assert bench.counts() == Counts(1, 0, 1, 0)
    (entry,) = bench.main.receive_deferred([2], lock=False)
    assert (bodies([entry]), bench.counts()) == ([b"b"], Counts(1, 0, 0, 0))


@pytest.mark.parametrize("numbers", [[9], [1, 9], [1, 2], [1, 3]])
def test_what_is_not_deferred_is_not_found(numbers: list[int]) -> None:
    bench = Bench()
    bench.send(b"a", b"b", b"c")
    bench.main.defer(bench.lock()[1])
    bench.lock()
    with pytest.raises(MessageNotFound, match=f"{numbers[-1]} is not deferred"):
        bench.main.receive_deferred(numbers, lock=True)
    assert bench.counts() == Counts(1, 1, 1, 0)


def test_a_deferred_message_that_fails_too_often_is_dead_lettered() -> None:
    bench = Bench()
    bench.send(b"a")
    bench.main.defer(bench.lock()[1])
    for _ in range(3):
        (entry,) = bench.main.receive_deferred([1], lock=True)
        assert entry.lock_token is not None
        bench.main.abandon(entry.lock_token)
    assert bench.counts() == Counts(0, 0, 0, 1)
    assert bodies(bench.dead.receive(1)) == [b"a"]


def test_expired_messages_are_dead_lettered() -> None:
    bench = Bench(time_to_live=10)
    bench.send(b"a")
    bench.clock.now += 5
    bench.send(b"b")
    bench.clock.now += 5
    assert bench.counts() == Counts(1, 0, 0, 1)
    (letter,) = bench.pair.dead_letters()
    assert letter == DeadLetter(
        1, None, "TTLExpiredException", "The message expired and was dead lettered.", b"a", 0
    )
    assert bench.main.receive(9)[0].time_to_live_ms == 10_000


def test_a_locked_message_expires_when_it_comes_back() -> None:
    bench = Bench(time_to_live=10)
    bench.send(b"a", b"b", b"c")
    tokens = [bench.lock()[1] for _ in range(3)]
    bench.clock.now += 30
    assert bench.counts() == Counts(0, 3, 0, 0)
    bench.main.complete(tokens[0])
    bench.main.release(tokens[1])
    bench.main.abandon(tokens[2])
    assert bench.counts() == Counts(0, 0, 0, 2)
    assert {letter.reason for letter in bench.pair.dead_letters()} == {"TTLExpiredException"}


def test_a_deferred_message_expires_when_it_is_asked_for() -> None:
    bench = Bench(time_to_live=10)
    bench.send(b"a")
    bench.main.defer(bench.lock()[1])
    bench.clock.now += 30
    assert bench.counts() == Counts(0, 0, 1, 0)
    with pytest.raises(MessageNotFound):
        bench.main.receive_deferred([1], lock=True)
    assert bench.counts() == Counts(0, 0, 0, 1)


@pytest.mark.parametrize(
    ("own", "of_queue", "expected"),
    [(None, None, None), (5, None, 5), (None, 9.0, 9_000), (5, 9.0, 5), (9_001, 9.0, 9_000)],
)
def test_the_shorter_time_to_live_counts(
    own: int | None, of_queue: float | None, expected: int | None
) -> None:
    bench = Bench(time_to_live=of_queue)
    content = content_of(QueueMessage(b"a"))
    bench.pair.send([type(content)(own, *[getattr(content, n) for n in content.__slots__[1:]])])
    (entry,) = bench.main.receive(1)
    assert entry.time_to_live_ms == expected
    assert entry.expires_at == (
        math.inf if expected is None else bench.clock.now + expected / 1_000
    )


def test_receive_and_delete() -> None:
    bench = Bench()
    bench.send(b"a", b"b", b"c")
    bench.lock()
    assert bodies(bench.main.receive_and_delete(1)) == [b"b"]
    assert bench.counts() == Counts(1, 1, 0, 0)


def test_peeking_changes_nothing() -> None:
    bench = Bench()
    bench.send(b"a", b"b", b"c", b"d")
    bench.main.defer(bench.lock()[1])
    bench.lock()
    assert bodies(bench.main.peek(0, 9)) == [b"a", b"b", b"c", b"d"]
    assert bodies(bench.main.peek(2, 2)) == [b"b", b"c"]
    assert bench.main.peek(5, 9) == []
    assert bench.counts() == Counts(2, 1, 1, 0)


def test_all_locks_can_be_lost_at_once() -> None:
    bench = Bench()
    bench.send(b"a", b"b", b"c")
    bench.main.dead_letter(bench.lock()[1], None, None)
    bench.lock(bench.dead)
    bench.main.receive(2)
    bench.pair.lose_locks()
    assert (bench.counts(), bench.dead.active) == (Counts(2, 0, 0, 1), 1)
    assert [entry.delivery_count for entry in bench.main.receive(9)] == [1, 1]


def test_the_oldest_message() -> None:
    bench = Bench()
    assert bench.pair.oldest_enqueued_at() is None
    began = bench.clock.now
    bench.send(b"a")
    bench.clock.now += 5
    bench.send(b"b")
    _, token = bench.lock()
    assert bench.pair.oldest_enqueued_at() == began
    bench.main.complete(token)
    assert bench.pair.oldest_enqueued_at() == began + 5
