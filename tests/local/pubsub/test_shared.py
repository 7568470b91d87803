"""Waiting pulls: what ends the wait, and that a pull nobody waits for leases nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from local.pubsub.backlog import MemoryBacklog
from local.pubsub.broker import Broker
from local.pubsub.model import Content, Delivery, NotFound, Subscription, Topic
from local.pubsub.shared import SharedBroker

TOPIC = "projects/p/topics/t"
SUB = "projects/p/subscriptions/s"


class CommittingBacklog(MemoryBacklog):
    """Counts commits; ``fail`` makes the next ones raise."""

    def __init__(self) -> None:
        super().__init__(first_id=1)
        self.commits = 0
        self.fail = False

    def commit(self) -> None:
        if self.fail:
            raise OSError("disk full")
        self.commits += 1


@pytest.fixture
def backlog() -> CommittingBacklog:
    return CommittingBacklog()


@pytest.fixture
def shared(backlog: CommittingBacklog) -> SharedBroker:
    shared = SharedBroker(Broker(backlog))
    with shared.turn() as broker:
        broker.create_topic(Topic(TOPIC))
        broker.create_subscription(Subscription(SUB, TOPIC))
    return shared


Pull = Callable[..., Future[list[Delivery]]]


@pytest.fixture
def pull(shared: SharedBroker) -> Iterator[Pull]:
    """Starts a pull in a thread of its own: for ever unless the test says otherwise.

    It has looked for messages once, and holds the lock until it waits, when ``start`` returns.
    """
    with ThreadPoolExecutor(4) as threads:

        def start(
            patience: float | None = None, alive: Callable[[], bool] = lambda: True
        ) -> Future[list[Delivery]]:
            looking = threading.Event()

            def look() -> bool:
                looking.set()
                return alive()

            pulled = threads.submit(shared.wait_and_pull, SUB, 10, patience=patience, alive=look)
            assert looking.wait(timeout=10)
            return pulled

        yield start
        shared.close()


def publish(shared: SharedBroker) -> None:
    with shared.turn() as broker:
        broker.publish(TOPIC, [Content(b"x")])


def data(pulled: Future[list[Delivery]]) -> list[bytes]:
    return [delivery.message.content.data for delivery in pulled.result(timeout=10)]


def test_a_publish_ends_the_wait(shared: SharedBroker, pull: Pull) -> None:
    waiting = pull()
    publish(shared)
    assert data(waiting) == [b"x"]


def test_a_nack_ends_the_wait(shared: SharedBroker, pull: Pull) -> None:
    publish(shared)
    (delivery,) = pull().result(timeout=10)
    waiting = pull()
    with shared.turn() as broker:
        broker.modify_ack_deadline(SUB, [delivery.ack_id], 0)
    assert data(waiting) == [b"x"]


def test_an_expired_lease_ends_the_wait(shared: SharedBroker, pull: Pull) -> None:
    publish(shared)
    (delivery,) = pull().result(timeout=10)
    with shared.turn() as broker:
        broker.modify_ack_deadline(SUB, [delivery.ack_id], 1)
    assert data(pull()) == [b"x"]


def test_the_end_of_patience_ends_the_wait(pull: Pull) -> None:
    assert data(pull(patience=0.0)) == []
    assert data(pull(patience=0.01)) == []


def test_the_end_of_the_call_ends_the_wait_and_leases_nothing(
    shared: SharedBroker, pull: Pull
) -> None:
    alive = True
    waiting = pull(alive=lambda: alive)
    alive = False
    shared.wake()
    publish(shared)
    assert data(waiting) == []
    assert data(pull()) == [b"x"]


def test_closing_ends_the_wait_now_and_later(shared: SharedBroker, pull: Pull) -> None:
    waiting = pull()
    shared.close()
    publish(shared)
    assert (data(waiting), data(pull()), shared.closed) == ([], [], True)


def test_deleting_the_subscription_ends_the_wait(shared: SharedBroker, pull: Pull) -> None:
    waiting = pull()
    with shared.turn() as broker:
        broker.delete_subscription(SUB)
    with pytest.raises(NotFound):
        waiting.result(timeout=10)


def test_only_a_durable_turn_commits(shared: SharedBroker, backlog: CommittingBacklog) -> None:
    publish(shared)
    assert backlog.commits == 0
    with shared.durable_turn() as broker:
        broker.publish(TOPIC, [Content(b"y")])
        assert backlog.commits == 0
    assert backlog.commits == 1


def test_a_failed_commit_fails_the_turn(shared: SharedBroker, backlog: CommittingBacklog) -> None:
    backlog.fail = True
    with pytest.raises(OSError, match="disk full"), shared.durable_turn() as broker:
        broker.publish(TOPIC, [Content(b"x")])
