"""What the service does beside relaying."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient

import bridge.message
import bridge.relay
from bridge.message import Letter, Unfit
from local.servicebus import Data, QueueMessage
from tests.bridge.stack import QUEUE, AtOnce, ids, numbered, stacked


def said_of_a_secret(days: int) -> list[str]:
    """What is said of a secret that ends in so many days."""
    end = datetime.now(UTC).date() + timedelta(days=days)
    with stacked() as stack, stack.bridge(IRIS_CLIENT_SECRET_EXPIRES=str(end)) as bridge:
        bridge.await_line("queue connecting")
        assert bridge.pages.metric("secret_expires_in_days") == pytest.approx(days, abs=1)
        return [line.replace(str(end), "END") for line in bridge.matching("IRIS_CLIENT_SECRET")]


def test_the_end_of_the_secret_is_told() -> None:
    line = (
        "WARNING IRIS_CLIENT_SECRET ends on END: make a new one on the IRIS page, and set it and "
        "IRIS_CLIENT_SECRET_EXPIRES"
    )
    told = {-3: [line], 30: [line], 32: []}
    with AtOnce({str(days): partial(said_of_a_secret, days) for days in told}) as results:
        assert {days: results[str(days)] for days in told} == told


def test_a_fault_of_its_own_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(message: Any) -> Letter | Unfit:
        if message.message_id == "odd":
            raise ZeroDivisionError("something that nobody thought of")
        return bridge.message.read(message)

    monkeypatch.setattr(bridge.relay, "read", read)
    with stacked(lock_seconds=0.5, max_delivery_count=2) as stack, stack.bridge() as running:
        running.await_ready()
        good = numbered(4)
        odd = QueueMessage(Data(b"[]"), message_id="odd")
        stack.queue.send([*good[:2], odd, *good[2:]])
        stack.topic.await_ids(ids(good))
        stack.await_empty()
        assert [one.message_id for one in stack.queue.dead_letters()] == ["odd"]
        running.await_line("ERROR a fault of the bridge itself")
        running.await_line(
            r"WARNING queue unavailable: a fault of the bridge itself: ZeroDivisionError \(some"
        )
        running.await_ready()


def test_a_message_that_is_shown_and_not_delivered() -> None:
    with stacked(max_connections_per_queue=2) as stack:
        stack.send(1)
        with (
            ServiceBusClient.from_connection_string(stack.servicebus.connection_string) as client,
            client.get_queue_receiver(QUEUE) as other,
        ):
            assert other.receive_messages(1, max_wait_time=5)  # and locks it, for a minute
            with stack.bridge(BRIDGE_SILENCE_SECONDS="0.2") as bridge:
                bridge.await_line(
                    "WARNING queue unavailable: the queue shows a message and does not deliver it"
                )
                bridge.await_line("INFO queue receiving", times=2)
