"""Passes over the queue's own dead letters; the queue allows one connection.

Each scenario has servers and a bridge of its own; they run at once, for nearly all of the time is
waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import grpc
import pytest
from azure.servicebus import ServiceBusClient

import bridge.service
from local.servicebus import QueueMessage, Value
from tests.bridge.stack import QUEUE, AtOnce, Stack, eventually, ids, numbered, stacked

#: A pass every second or so.
OFTEN = {"BRIDGE_DEAD_LETTER_MINUTES": "0.02"}

Scenario = Callable[[Stack], None]
SCENARIOS: dict[str, Callable[[], None]] = {}


def scenario(**options: Any) -> Callable[[Scenario], Scenario]:
    def add(function: Scenario) -> Scenario:
        SCENARIOS[function.__name__] = partial(run, function, options)
        return function

    return add


def run(function: Scenario, options: dict[str, Any]) -> None:
    with stacked(**options) as stack:
        function(stack)
        assert stack.servicebus.peak_connections == 1


@pytest.fixture(scope="module")
def results() -> Iterator[AtOnce[None]]:
    with AtOnce(SCENARIOS) as results:
        yield results


def bury(stack: Stack, messages: Mapping[QueueMessage, str]) -> None:
    """Puts messages into the dead-letter queue, each with its reason."""
    wanted = {str(one.message_id): reason for one, reason in messages.items()}
    stack.queue.send(messages)
    with (
        ServiceBusClient.from_connection_string(stack.servicebus.connection_string) as client,
        client.get_queue_receiver(QUEUE) as receiver,
    ):
        while wanted:
            for message in receiver.receive_messages(len(wanted), max_wait_time=5):
                reason = wanted.pop(str(message.message_id))
                receiver.dead_letter_message(message, reason=reason)


def reasons(stack: Stack) -> Counter[str | None]:
    return Counter(one.reason for one in stack.queue.dead_letters())


@scenario(max_delivery_count=1)
def what_an_outage_pushed_there_comes_back(stack: Stack) -> None:
    with stack.bridge(**OFTEN) as bridge:
        bridge.await_ready()
        stack.pubsub.faults.refuse_publishes(grpc.StatusCode.UNAVAILABLE)
        wanted = stack.send(20)
        bridge.await_line("topic unavailable")
        eventually(lambda: stack.queue.counts().locked)
        stack.servicebus.faults.lose_locks(QUEUE)
        assert reasons(stack).keys() == {"MaxDeliveryCountExceeded"}
        stack.pubsub.faults.clear()
        stack.topic.await_ids(wanted)
        eventually(lambda: stack.queue.counts() == (0, 0, 0, 0), stack.queue.counts)
        eventually(lambda: bridge.pages.metric("dead_letters_relayed_total") >= 1)


@scenario()
def at_the_start_and_more_than_a_batch(stack: Stack) -> None:
    buried = numbered(250)
    bury(stack, dict.fromkeys(buried, "MaxDeliveryCountExceeded"))
    waiting = stack.send(10)
    before = stack.servicebus.total_connections
    with stack.bridge() as bridge:
        bridge.await_ready()
        assert stack.queue.counts().dead_lettered == 0, "one pass, before the queue is read"
        stack.topic.await_ids(ids(buried) | waiting)
        assert bridge.pages.metric("dead_letters_relayed_total") == 250
        assert bridge.pages.metric("dead_letters_left") == 0
        assert stack.servicebus.total_connections == before + 2
        assert bridge.lines[2:] == [
            "INFO queue connecting",
            "INFO queue dead_letters",
            "INFO queue connecting",
            "INFO queue receiving",
        ]


@scenario()
def what_no_attempt_mends_stays(stack: Stack) -> None:
    others = numbered(3)
    reasons_of_others = ("Refused", "TTLExpiredException", "")
    bury(
        stack,
        {
            **dict.fromkeys(numbered(3), "TooLarge"),
            **dict.fromkeys(numbered(3), "UnreadableBody"),
            **dict(zip(others, reasons_of_others, strict=True)),
        },
    )
    with stack.bridge(**OFTEN) as bridge:
        stack.topic.await_ids(ids(others))
        bridge.await_line("queue dead_letters", times=3)
        assert bridge.pages.metric("dead_letters_left") == 6, "found again by the second pass"
        assert bridge.pages.metric("dead_letters_relayed_total") == 3
    assert reasons(stack) == {"TooLarge": 3, "UnreadableBody": 3}
    assert {one.delivery_count for one in stack.queue.dead_letters()} == {0}
    assert stack.topic.repeated(ids(others)) == 0


@scenario()
def a_body_that_is_unreadable_stays_whatever_the_reason(stack: Stack) -> None:
    bury(stack, {QueueMessage(Value(7), message_id="bad"): "MaxDeliveryCountExceeded"})
    with stack.bridge() as bridge:
        bridge.await_ready()
        assert bridge.pages.metric("dead_letters_left") == 1
    assert reasons(stack) == {"MaxDeliveryCountExceeded": 1}


@scenario()
def what_is_refused_again_holds_up_nothing(stack: Stack) -> None:
    buried = numbered(2)
    bury(stack, dict.fromkeys(buried, "Refused"))
    stack.pubsub.faults.refuse_publishes(grpc.StatusCode.INVALID_ARGUMENT)
    with stack.bridge(**OFTEN) as bridge:
        bridge.await_line("queue receiving")
        assert bridge.pages.metric("dead_letters_left") == 2
        stack.pubsub.faults.clear()
        stack.topic.await_ids(ids(buried) | stack.send(1))


@scenario(lock_seconds=0.5, max_delivery_count=1)
def a_pass_that_fails_stops_nothing(stack: Stack) -> None:
    deep: list[Any] = []
    for _ in range(100):  # more than the SDK can read: it ends the pass
        deep = [deep]
    stack.queue.send([QueueMessage(Value(deep), message_id="deep"), *numbered(1)])
    with stack.bridge(**OFTEN) as bridge:
        eventually(lambda: stack.queue.counts().dead_lettered)
        bridge.await_line("dead letters not read this time")
        stack.topic.await_ids(stack.send(20))
        bridge.await_line("queue dead_letters", times=3)
        assert len(bridge.matching("dead letters not read this time")) <= 2, "told when it changes"


@scenario()
def a_pass_without_a_connection_leaves_it_to_the_queue_to_tell(stack: Stack) -> None:
    stack.servicebus.faults.down()
    with stack.bridge() as bridge:
        bridge.await_line("queue unavailable")
        bridge.await_page("/readyz", (503, "queue unavailable, topic available"))
        stack.servicebus.faults.up()
        bridge.await_ready()
        assert len(bridge.matching("dead letters not read this time")) == 1


@scenario()
def passes_one_after_the_other_leave_time_for_the_queue(stack: Stack) -> None:
    with stack.bridge(BRIDGE_DEAD_LETTER_MINUTES="0.00001"):
        stack.topic.await_ids(stack.send(3))


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_the_dead_letters(results: AtOnce[None], name: str) -> None:
    results[name]


def test_a_pass_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.service, "PASS_SECONDS", 0.001)
    monkeypatch.setattr(bridge.service, "MORE_SECONDS", 0.2)
    with stacked() as stack:
        buried = numbered(3)
        bury(stack, dict.fromkeys(buried, "MaxDeliveryCountExceeded"))
        with stack.bridge() as running:
            running.await_line("queue receiving")
            assert stack.queue.counts().dead_lettered
            stack.topic.await_ids(ids(buried))
            assert len(running.matching("queue dead_letters")) >= 2, "one message, then two"
