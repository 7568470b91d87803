"""Pub/Sub is away: nothing more is received, the locks are kept, and everything arrives.

Each scenario has servers and a bridge of its own; they run at once, for nearly all of the time is
waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import grpc
import pytest

from tests.bridge.stack import AtOnce, Inside, Stack, eventually, stacked

Scenario = Callable[[Stack], None]
SCENARIOS: dict[str, Callable[[], None]] = {}


def scenario(failed_deliveries: int = 0) -> Callable[[Scenario], Scenario]:
    """Those that a message may have; one more sends it to the dead letters, where none may be."""

    def add(function: Scenario) -> Scenario:
        SCENARIOS[function.__name__] = partial(run, function, failed_deliveries + 1)
        return function

    return add


def run(function: Scenario, max_delivery_count: int) -> None:
    # The locks are shorter than the outages.
    with stacked(lock_seconds=2.0, max_delivery_count=max_delivery_count) as stack:
        function(stack)
        stack.await_empty()
        assert stack.queue.counts().dead_lettered == 0
        assert stack.servicebus.peak_connections == 1


@pytest.fixture(scope="module")
def results() -> Iterator[AtOnce[None]]:
    with AtOnce(SCENARIOS) as results:
        yield results


def await_renewals(stack: Stack, bridge: Inside) -> None:
    """Waits until every message in hand has had its lock renewed more than once."""
    eventually(lambda: bridge.pages.metric("locks_renewed_total") > 0)
    held = stack.queue.counts().locked  # what was completed before the outage is over by then
    renewed = bridge.pages.metric("locks_renewed_total")
    eventually(lambda: bridge.pages.metric("locks_renewed_total") >= renewed + 2 * held + 1)
    assert stack.queue.counts().locked == held, "nothing more is received"


@scenario()
def refused_for_a_while(stack: Stack) -> None:
    with stack.bridge() as bridge:
        bridge.await_ready()
        wanted = stack.send(500, 2_000)
        eventually(lambda: bridge.pages.metric("completed_total") > 30)
        stack.pubsub.faults.refuse_publishes(grpc.StatusCode.UNAVAILABLE, details="away")
        bridge.await_page("/readyz", (503, "queue receiving, topic unavailable"))
        assert bridge.pages.get("/healthz") == (200, "alive")
        assert stack.queue.counts().locked > 1, "a backlog is held in batches"
        await_renewals(stack, bridge)
        assert bridge.pages.metric("connection_state", "topic", "unavailable") == 1
        stack.pubsub.faults.clear()
        stack.topic.await_ids(wanted)
        stack.await_empty()
        bridge.await_page("/readyz", (200, "queue receiving, topic available"))
        assert stack.topic.repeated(wanted) == 0
        assert stack.queue.counts().dead_lettered == 0
        assert bridge.pages.metric("redelivered_total") == 0
        # The queue is empty before the bridge has heard so.
        eventually(lambda: bridge.pages.metric("completed_total") == 500)
        assert bridge.matching("topic") == [
            "INFO topic available",
            f"WARNING topic unavailable: {stack.topic.name}: 503 away",
            "INFO topic available",
        ]


@scenario()
def refused_while_service_bus_is_busy(stack: Stack) -> None:
    with stack.bridge() as bridge:
        bridge.await_ready()
        stack.pubsub.faults.refuse_publishes(grpc.StatusCode.UNAVAILABLE)
        wanted = stack.send(3)
        await_renewals(stack, bridge)
        failures = partial(bridge.pages.metric, "renew_failures_total", "ServiceBusServerBusyError")
        stack.servicebus.faults.throttle()
        eventually(lambda: failures() >= 1)
        stack.servicebus.faults.clear()
        await_renewals(stack, bridge)
        stack.pubsub.faults.clear()
        stack.topic.await_ids(wanted)
        stack.await_empty()
        assert stack.topic.repeated(wanted) == 0
        assert bridge.pages.metric("redelivered_total") == 0


@scenario()
def no_answer_for_a_while(stack: Stack) -> None:
    with stack.bridge() as bridge:
        bridge.await_ready()
        stack.pubsub.faults.delay_answers(60, "Publish")
        wanted = stack.send(20)
        bridge.await_page("/readyz", (503, "queue receiving, topic unavailable"))
        await_renewals(stack, bridge)
        assert bridge.pages.get("/healthz") == (200, "alive")
        stack.pubsub.faults.clear()
        stack.topic.await_ids(wanted)
        # It had taken what it did not answer: only the first message was under way.
        assert {one for one in wanted if stack.topic.counts[one] > 1} == {min(wanted, key=number)}
        assert bridge.matching("topic unavailable") == [
            f"WARNING topic unavailable: Pub/Sub does not answer ({stack.topic.name})"
        ]


@scenario()
def answers_lost_after_the_publish(stack: Stack) -> None:
    with stack.bridge() as bridge:
        bridge.await_ready()
        stack.pubsub.faults.lose_publish_answers(2)
        wanted = stack.send(20)
        stack.topic.await_ids(wanted)
        stack.await_empty()
        first = min(wanted, key=number)
        assert {one: stack.topic.counts[one] for one in wanted} == {
            one: 3 if one == first else 1 for one in wanted
        }
        assert bridge.pages.metric("publish_failures_total") == 2


def number(message_id: str) -> int:
    return int(message_id[1:])


@scenario()
def the_topic_is_missing_at_the_start(stack: Stack) -> None:
    name = f"{stack.topic.name}-later"
    with stack.bridge(PUBSUB_TOPIC=name) as bridge:
        stack.send(1)
        bridge.await_line("topic unavailable")
        assert bridge.pages.get("/readyz") == (503, "queue starting, topic unavailable")
        assert stack.servicebus.total_connections == 0, "nothing is taken with nowhere to put it"
        stack.pubsub.ensure_topic(name)
        bridge.await_ready()
        stack.await_empty()
        assert bridge.lines[1:3] == [
            f"WARNING topic unavailable: there is no topic {name}: "
            "create it, or check PUBSUB_TOPIC",
            "INFO topic available",
        ]


@scenario(failed_deliveries=1)
def the_connection_is_lost_meanwhile(stack: Stack) -> None:
    with stack.bridge() as bridge:
        bridge.await_ready()
        stack.pubsub.faults.refuse_publishes(grpc.StatusCode.UNAVAILABLE)
        wanted = stack.send(3)
        bridge.await_line("topic unavailable")
        stack.servicebus.faults.drop_connections()
        bridge.await_line("WARNING locks are no longer renewed, messages come again: 127.0.0.1")
        eventually(lambda: stack.queue.counts().locked == 0)
        stack.pubsub.faults.clear()
        stack.topic.await_ids(wanted)
        stack.await_empty()


@scenario()
def a_topic_that_refuses_everything_loses_nothing(stack: Stack) -> None:
    with stack.bridge() as bridge:
        bridge.await_ready()
        stack.pubsub.faults.refuse_publishes(grpc.StatusCode.INVALID_ARGUMENT, details="a schema")
        wanted = stack.send(3)
        bridge.await_line(
            rf"topic unavailable: {stack.topic.name} takes no message: "
            r"a schema on the topic\? \(400 a schema\)"
        )
        stack.pubsub.faults.clear()
        stack.topic.await_ids(wanted)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_nothing_is_lost(results: AtOnce[None], name: str) -> None:
    results[name]
