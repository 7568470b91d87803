"""The live door: acknowledged after the write, never before."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apache_beam.io import PubsubMessage
from google.api_core import exceptions as api

import envelope
from local.pubsub import PubSubServer
from pipeline import deliveries, subscription
from pipeline.deliveries import Deliveries
from pipeline.message import Message
from pipeline.sinks.base import WarehouseError
from pipeline.subscription import SubscriptionError, check_subscription, to_message
from schemas import Dataset, Registry
from tests.local.pubsub.clients import Clients
from tests.pipeline.graph_runs import demand, reading
from tests.pipeline.live import PROJECT, Consumer, clients_of, publish
from tests.pipeline.made import micros
from tests.pipeline.memory import MemoryWarehouse

#: The test's own look at what is ready.
pytestmark = pytest.mark.filterwarnings("ignore:The return_immediately flag is deprecated")


@pytest.fixture(scope="module")
def server() -> Iterator[PubSubServer]:
    with PubSubServer() as server:
        yield server


@pytest.fixture
def clients(server: PubSubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    with clients_of(server, monkeypatch) as clients:
        yield clients


@pytest.fixture
def datasets(registry: Registry) -> list[Dataset]:
    return [registry[subject] for subject in ("FREQ", "INDOD", "mibm_mid")]


@pytest.fixture
def warehouse() -> MemoryWarehouse:
    return MemoryWarehouse()


@pytest.fixture
def consumer(clients: Clients, warehouse: MemoryWarehouse, datasets: list[Dataset]) -> Consumer:
    return Consumer(clients, warehouse, datasets)


def keys(warehouse: MemoryWarehouse, table: str) -> list[tuple[str, int]]:
    return [(row["_message_id"], row["_record_index"]) for row in warehouse.rows(table)]


def test_messages_are_written_then_acknowledged(
    clients: Clients, consumer: Consumer, warehouse: MemoryWarehouse
) -> None:
    publish(clients, [reading(1), 5], "a", enqueued_time="2026-11-01T11:59:00.250Z")
    publish(clients, [demand()], "b", dataset="INDOD")
    publish(clients, b"broken", "c")
    publish(clients, [{}], "d", dataset="NEWS")
    assert clients.unacknowledged() == 4
    consumer.run(until=4)
    assert clients.unacknowledged() == 0
    assert set(consumer.waiting) == {4}
    assert keys(warehouse, "bmrs_freq_iris") == [("a", 0)]
    (row,) = warehouse.tables["bmrs_freq_iris"]
    assert row["_enqueued_utc"] == micros("2026-11-01T11:59:00.250+00:00")
    assert keys(warehouse, "bmrs_indod_iris") == [("b", 0)]
    assert keys(warehouse, "iris_unmapped") == [("d", 0)]
    assert keys(warehouse, "iris_dead_letters") == [("a", 1), ("c", None)]
    assert [row["message_id"] for row in warehouse.rows("iris_messages")] == ["a", "b", "c", "d"]


def test_only_the_datasets_of_a_batch_have_branches(clients: Clients, consumer: Consumer) -> None:
    publish(clients, [demand()], "a", dataset="INDOD")
    publish(clients, [], "b", dataset="NEWS")
    consumer.run(until=2)
    assert consumer.subjects == [frozenset({"INDOD", "NEWS"})]


def test_a_backlog_is_worked_off_batch_by_batch(
    clients: Clients,
    consumer: Consumer,
    warehouse: MemoryWarehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deliveries, "BATCH_MESSAGES", 5)
    for at in range(12):
        publish(clients, [reading(at)], f"m{at:02}")
    consumer.run(until=12)
    assert [one.counters["FREQ.messages"] for one in consumer.results] == [5, 5, 2]
    assert consumer.waiting == [12, 12, 7, 7, 2, 2]
    assert clients.unacknowledged() == 0
    assert keys(warehouse, "bmrs_freq_iris") == [(f"m{at:02}", 0) for at in range(12)]
    assert subscription._batches == {}


class Rests(threading.Event):
    """A stop that notes how long it is waited for, and keeps nobody waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return self.is_set()


@pytest.mark.parametrize(("messages", "rests"), [(2, 1), (3, 0)])
def test_a_trickle_gathers_and_a_backlog_does_not_wait(
    messages: int,
    rests: int,
    clients: Clients,
    consumer: Consumer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscription, "BACKLOG_MESSAGES", 3)
    monkeypatch.setattr(subscription, "REST_SHARE", 1e9)
    consumer.stop = stop = Rests()
    for at in range(messages):
        publish(clients, [reading(at)], f"m{at}")
    consumer.run(until=messages)
    assert stop.seconds == [subscription.LONGEST_REST] * rests


def test_a_passing_fault_delays_and_loses_nothing(
    clients: Clients,
    consumer: Consumer,
    warehouse: MemoryWarehouse,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for at in range(3):
        publish(clients, [reading(at), 0], f"m{at}")
    warehouse.failures = 1
    consumer.run(until=3)
    assert set(consumer.waiting) == {3}
    assert clients.unacknowledged() == 0
    assert keys(warehouse, "bmrs_freq_iris") == [("m0", 0), ("m1", 0), ("m2", 0)]
    assert keys(warehouse, "iris_dead_letters") == [("m0", 1), ("m1", 1), ("m2", 1)]
    (result,) = consumer.results
    assert result.counters["FREQ.messages"] == 3
    assert "batch of 3 not written, trying again: the warehouse is away" in caplog.text


@pytest.mark.parametrize("error", [WarehouseError("apply the schema"), RuntimeError("a bug")])
def test_what_a_run_that_ends_has_not_written_is_given_back(
    error: Exception, clients: Clients, consumer: Consumer, warehouse: MemoryWarehouse
) -> None:
    for at in range(3):
        publish(clients, [reading(at)], f"m{at}")
    warehouse.error = error
    with pytest.raises(type(error), match=str(error)):
        consumer.run(until=3)
    assert clients.unacknowledged() == 3
    assert subscription._batches == {}
    # At once, not when their lease is over.
    warehouse.error = None
    consumer.run(until=3)
    assert clients.unacknowledged() == 0
    assert keys(warehouse, "bmrs_freq_iris") == [("m0", 0), ("m1", 0), ("m2", 0)]


def test_messages_larger_than_grpc_takes_by_default(
    clients: Clients, consumer: Consumer, warehouse: MemoryWarehouse
) -> None:
    padding = "x" * 6_000_000
    publish(clients, [reading(1, note=padding)], "large")
    publish(clients, b"[" + b" " * 9_000_000 + b"]", "blank")
    consumer.run(until=2)
    assert clients.unacknowledged() == 0
    (row,) = warehouse.tables["bmrs_freq_iris"]
    assert json.loads(row["_extra"]) == {"note": padding}


def test_a_stopped_run_reads_nothing(clients: Clients, consumer: Consumer) -> None:
    publish(clients, [], "a")
    consumer.stop.set()
    consumer.run(until=1)
    assert consumer.subjects == []
    assert clients.pull_now() == [b"[]"]


def test_stop_ends_after_the_batch_under_way(
    clients: Clients, consumer: Consumer, warehouse: MemoryWarehouse
) -> None:
    publish(clients, [reading(1)], "a")

    def stop() -> None:
        if not consumer.stop.is_set():
            publish(clients, [reading(2)], "b")
            consumer.stop.set()

    warehouse.on_append = stop
    consumer.run(until=9)
    assert keys(warehouse, "bmrs_freq_iris") == [("a", 0)]
    assert [json.loads(data) for data in clients.pull_now()] == [[reading(2)]]


def test_an_idle_run_ends_when_asked(
    clients: Clients, consumer: Consumer, warehouse: MemoryWarehouse
) -> None:
    publish(clients, [reading(1)], "a")
    consumer.batches(idle=0.1).run()
    assert clients.unacknowledged() == 0
    assert keys(warehouse, "bmrs_freq_iris") == [("a", 0)]


def test_a_run_is_not_idle_while_messages_wait_for_the_warehouse(
    clients: Clients,
    consumer: Consumer,
    warehouse: MemoryWarehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(clients, [reading(1)], "a")
    warehouse.failures = 1
    take, answers = Deliveries.take, iter([None, []])

    def late(self: Deliveries) -> Any:
        """The second batch is empty, as where a subscription redelivers with a delay."""
        return take(self) if (answer := next(answers, None)) is None else answer

    monkeypatch.setattr(Deliveries, "take", late)
    consumer.batches(idle=0.5).run()
    assert clients.unacknowledged() == 0
    assert keys(warehouse, "bmrs_freq_iris") == [("a", 0)]


Method = Callable[..., Any]


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Exception], None]:
    """Lets the first call of a method of the real client fail."""

    def fail(method: str, error: Exception) -> None:
        open_subscriber = subscription.open_subscriber

        def broken() -> Any:
            client = open_subscriber()
            real: Method = getattr(client, method)
            errors = [error]

            def call(*args: Any, **options: Any) -> Any:
                if errors:
                    raise errors.pop()
                return real(*args, **options)

            setattr(client, method, call)
            return client

        monkeypatch.setattr(subscription, "open_subscriber", broken)

    return fail


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("pull", api.ServiceUnavailable("away")),
        ("modify_ack_deadline", api.RetryError("tried for long", None)),
        ("acknowledge", api.RetryError("tried for long", None)),
    ],
)
def test_a_pubsub_that_is_away_for_a_moment_ends_nothing(
    method: str,
    error: Exception,
    clients: Clients,
    consumer: Consumer,
    warehouse: MemoryWarehouse,
    fail: Callable[[str, Exception], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    publish(clients, [reading(1)], "a")
    fail(method, error)
    consumer.run(until=1, idle=0.0)
    assert keys(warehouse, "bmrs_freq_iris") == [("a", 0)]
    # What is written and not acknowledged comes once more, when its lease is over.
    assert clients.unacknowledged() == (1 if method == "acknowledge" else 0)
    (record,) = [one for one in caplog.records if one.name.startswith("pipeline.")]
    assert record.levelno == logging.WARNING


@pytest.mark.parametrize(
    "error",
    [
        api.NotFound("gone"),
        api.PermissionDenied("not yours"),
        api.InvalidArgument("no such name"),
        api.FailedPrecondition("detached"),
    ],
)
def test_a_subscription_that_cannot_be_read_ends_the_run(
    error: api.GoogleAPICallError,
    clients: Clients,
    consumer: Consumer,
    fail: Callable[[str, Exception], None],
) -> None:
    fail("pull", error)
    with pytest.raises(SubscriptionError, match=f"^{clients.subscription}: {error.message}$"):
        consumer.batches(idle=0.0).run()


def test_a_missing_subscription(clients: Clients, consumer: Consumer) -> None:
    missing = f"{PROJECT}/subscriptions/missing"
    clients.subscription = missing
    with pytest.raises(SubscriptionError, match=f"^{missing}: .*does not exist"):
        consumer.batches().run()
    with pytest.raises(SubscriptionError, match=f"^{missing}: .*does not exist"):
        check_subscription(missing)
    with pytest.raises(SubscriptionError, match="is not of the form"):
        check_subscription("projects/local project/subscriptions/s")


def test_looking_at_a_subscription_takes_nothing_from_it(
    clients: Clients, fail: Callable[[str, Exception], None]
) -> None:
    publish(clients, [], "a")
    check_subscription(clients.subscription)
    fail("get_subscription", api.PermissionDenied("a subscriber need not be a viewer"))
    check_subscription(clients.subscription)
    assert clients.pull_now() == [b"[]"]


def test_a_message_published_by_hand(
    clients: Clients, consumer: Consumer, warehouse: MemoryWarehouse
) -> None:
    (pubsub_id,) = clients.publish(b'{"a": 1}')
    consumer.run(until=1)
    (row,) = warehouse.tables["iris_unmapped"]
    assert (row["dataset"], row["_message_id"], row["_enqueued_utc"]) == (
        "unknown",
        pubsub_id,
        None,
    )


def test_messages_from_beam() -> None:
    attributes = {"dataset": "MID", "enqueued_time": "2026-11-01T12:00:00Z", "source": "REPLAY"}
    noon = micros("2026-11-01T12:00:00+00:00")
    assert to_message(PubsubMessage(b"[]", attributes, message_id="17")) == Message(
        b"[]", "MID", "17", noon, "REPLAY"
    )
    assert to_message(PubsubMessage(b"[]", {})) == Message(
        b"[]", "unknown", envelope.hash_id(b"[]")
    )
