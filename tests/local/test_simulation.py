"""A feed in the place of the real queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusReceiver

from local import simulation as simulations
from local.feed import FeedMessage, day
from local.simulation import Simulation
from tests.local.waiting import eventually

START = datetime(2026, 5, 6, 15, 30, tzinfo=UTC)


def client_of(simulation: Simulation) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(simulation.settings["IRIS_CONNECTION_STRING"])


def take_all(receiver: ServiceBusReceiver) -> Iterator[tuple[str | None, str | None, bytes]]:
    while batch := receiver.receive_messages(max_message_count=100, max_wait_time=0.5):
        for one in batch:
            yield one.subject, one.message_id, b"".join(one.body)
            receiver.complete_message(one)


def test_it_sends_its_messages_and_is_over_when_they_are_taken() -> None:
    with Simulation(1e6, minutes=1, seed=3, odd=0.5, start=START) as simulation:
        messages = list(simulation.messages())
        assert {one.odd for one in messages} > {None}
        eventually(lambda: f"{len(messages)} sent" in simulation.describe())
        assert not simulation.is_over()
        with (
            client_of(simulation) as client,
            client.get_queue_receiver(simulation.settings["IRIS_QUEUE_NAME"]) as receiver,
        ):
            received = list(take_all(receiver))
        assert received == [(one.dataset, one.message_id, one.body) for one in messages]
        assert simulation.is_over()
        last = messages[-1].at
        assert simulation.describe() == (
            f"feed at {last:%Y-%m-%d %H:%M}, {len(messages)} sent, 0 in the queue"
        )


def test_it_stops_when_told() -> None:
    with Simulation(0.001, minutes=60, start=START) as simulation:
        simulation.stop()
        assert simulation.describe() == "feed at 2026-05-06 15:30, 0 sent, 0 in the queue"
        assert simulation.is_over()


def test_by_default_it_begins_with_the_current_minute() -> None:
    before = datetime.now(UTC).replace(second=0, microsecond=0)
    first = next(Simulation(1, minutes=60).messages())
    assert first.at >= before


def test_what_is_locked_is_not_over_and_for_so_long() -> None:
    with (
        Simulation(1e6, minutes=1, start=START, lock_seconds=20.0) as simulation,
        client_of(simulation) as client,
        client.get_queue_receiver("iris") as receiver,
    ):
        before = datetime.now(UTC)
        (message,) = receiver.receive_messages(max_message_count=1, max_wait_time=10)
        assert 19 < (message.locked_until_utc - before).total_seconds() < 60
        list(take_all(receiver))
        assert simulation.describe().endswith("sent, 1 in the queue")
        assert not simulation.is_over()
        receiver.complete_message(message)
        assert simulation.is_over()


def test_a_feed_that_fails_is_not_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def three(*arguments: Any) -> Iterator[FeedMessage]:
        yield from islice(day(*arguments), 3)
        raise RuntimeError("the fourth message cannot be made")

    monkeypatch.setattr(simulations, "day", three)
    with Simulation(1e6, minutes=1, start=START) as simulation:
        eventually(lambda: not simulation._thread.is_alive())
        with pytest.raises(RuntimeError, match="the fourth message"):
            simulation.is_over()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"speed": 0, "minutes": 1}, "speed: 0 must be greater than 0"),
        ({"speed": 1, "minutes": 0}, "minutes: 0 must be greater than 0"),
        ({"speed": 1, "minutes": float("nan")}, "minutes: nan must be greater than 0"),
        ({"speed": 1, "minutes": 1, "odd": 2}, "odd: 2 is no share between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Simulation(**arguments)  # type: ignore[arg-type]
