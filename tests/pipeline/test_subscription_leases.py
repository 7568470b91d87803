"""The live door while a batch is written: how long others do not get its messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from local.pubsub import PubSubServer
from pipeline import deliveries, subscription
from schemas import Dataset
from tests.local.pubsub.clients import Clients, eventually
from tests.local.pubsub.clock import Clock
from tests.pipeline.calls import Calls
from tests.pipeline.graph_runs import reading
from tests.pipeline.live import Consumer, clients_of, publish
from tests.pipeline.memory import MemoryWarehouse

#: The test's own look at what is ready.
pytestmark = pytest.mark.filterwarnings("ignore:The return_immediately flag is deprecated")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def clients(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """On a server by whose clock leases end."""
    with PubSubServer(clock=clock) as server, clients_of(server, monkeypatch) as clients:
        yield clients


@pytest.fixture
def calls(clients: Clients) -> Iterator[Calls]:
    with subscription.open_subscriber() as client:
        yield Calls(client)


@pytest.fixture
def consumer(
    clients: Clients,
    calls: Calls,
    warehouse: MemoryWarehouse,
    datasets: list[Dataset],
    monkeypatch: pytest.MonkeyPatch,
) -> Consumer:
    monkeypatch.setattr(subscription, "open_subscriber", lambda: calls)
    return Consumer(clients, warehouse, datasets)


def await_renewal(calls: Calls) -> None:
    """One that begins after the call: the second that ends from here on."""
    before = calls.renewals()
    eventually(lambda: calls.renewals() >= before + 2)


def test_a_slow_write_keeps_its_messages(
    clients: Clients,
    calls: Calls,
    clock: Clock,
    consumer: Consumer,
    warehouse: MemoryWarehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deliveries, "RENEW_SECONDS", 0.01)
    publish(clients, [reading(1)], "a")

    def stand_still() -> None:
        for _ in range(10):
            clock.now += deliveries.LEASE_SECONDS - 5
            await_renewal(calls)
            assert clients.pull_now() == []

    warehouse.on_append = stand_still
    consumer.run(until=1)
    assert clients.unacknowledged() == 0
    assert len(warehouse.tables["bmrs_freq_iris"]) == 1
    assert [thread.name for thread in threading.enumerate()].count("lease") == 0
    assert calls.answered[-1] == ("acknowledge", 1)


@pytest.mark.parametrize("own_deadline", [10, 600])
def test_a_process_that_is_gone_keeps_them_for_a_short_time(
    own_deadline: int,
    clients: Clients,
    calls: Calls,
    clock: Clock,
    consumer: Consumer,
    warehouse: MemoryWarehouse,
) -> None:
    clients.subscription += "-own"
    clients.subscriber.create_subscription(
        request={
            "name": clients.subscription,
            "topic": clients.topic,
            "ack_deadline_seconds": own_deadline,
        }
    )
    publish(clients, [reading(1)], "a")

    def stand_still() -> None:
        # As if dead: the next renewal is ten real seconds away.
        eventually(lambda: calls.renewals() == 1)
        clock.now += deliveries.LEASE_SECONDS - 1
        assert clients.pull_now() == []
        clock.now += 1
        assert len(clients.pull_now()) == 1
        warehouse.on_append = lambda: None

    warehouse.on_append = stand_still
    consumer.run(until=1)
    assert clients.unacknowledged() == 1


def test_a_batch_that_fails_is_given_back_after_its_last_renewal(
    clients: Clients,
    calls: Calls,
    consumer: Consumer,
    warehouse: MemoryWarehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deliveries, "RENEW_SECONDS", 0.001)
    publish(clients, [reading(1)], "a")
    warehouse.on_append = lambda: eventually(lambda: calls.renewals() > 5)
    warehouse.error = RuntimeError("a bug")
    with pytest.raises(RuntimeError, match="a bug"):
        consumer.run(until=1)
    assert [thread.name for thread in threading.enumerate()].count("lease") == 0
    assert clients.pull_now() != []
