"""What becomes of the connection to Service Bus, and that every message arrives all the same.

Each scenario has a server, a queue that allows one connection, and a bridge of its own; they run
at once, for nearly all of the time is waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.bridge.stack import QUEUE, AtOnce, Inside, Stack, eventually, stacked

Scenario = Callable[[Stack, Inside], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    SCENARIOS[function.__name__] = function
    return function


def run(function: Scenario) -> None:
    with (
        stacked(lock_seconds=2.0, max_delivery_count=100) as stack,
        stack.bridge(BRIDGE_SILENCE_SECONDS="0.5") as bridge,
    ):
        bridge.await_ready()
        bridge.lines.clear()
        function(stack, bridge)
        stack.servicebus.faults.clear()
        bridge.await_ready()
        stack.await_empty()
        assert stack.servicebus.peak_connections == 1


@pytest.fixture(scope="module")
def results() -> Iterator[AtOnce[None]]:
    with AtOnce({name: partial(run, one) for name, one in SCENARIOS.items()}) as results:
        yield results


@scenario
def dropped_while_idle(stack: Stack, bridge: Inside) -> None:
    stack.servicebus.faults.drop_connections()
    bridge.await_line("queue receiving")
    wanted = stack.send(50)
    stack.topic.await_ids(wanted)
    assert stack.topic.repeated(wanted) == 0
    [lost, back] = bridge.lines
    assert lost.startswith(f"WARNING queue unavailable: {stack.servicebus.address}: ")
    assert back == "INFO queue receiving"


def dropped_during_many_completes(settled: int, stack: Stack, bridge: Inside) -> None:
    stack.servicebus.faults.drop_after_settlements(settled)
    wanted = stack.send(300)
    stack.topic.await_ids(wanted)
    bridge.await_line("queue receiving")


for count in (1, 60, 150):
    SCENARIOS[f"dropped_during_many_completes_{count}"] = partial(
        dropped_during_many_completes, count
    )


@scenario
def answers_are_lost(stack: Stack, bridge: Inside) -> None:
    stack.servicebus.faults.lose_answers(1)
    wanted = stack.send(30)
    stack.topic.await_ids(wanted)
    bridge.await_line(f"queue unavailable: {stack.servicebus.address} does not answer")
    assert bridge.pages.metric("settle_failures_total", "TimeoutError") >= 1


@scenario
def settlements_are_ignored(stack: Stack, bridge: Inside) -> None:
    stack.servicebus.faults.ignore_settlements(1)
    wanted = stack.send(30)
    stack.topic.await_ids(wanted)
    bridge.await_line(f"queue unavailable: {stack.servicebus.address} does not answer")
    stack.await_empty()
    assert stack.topic.repeated(wanted) >= 1, "confirmed, and not completed: it comes again"


@scenario
def locks_are_lost(stack: Stack, bridge: Inside) -> None:
    wanted = stack.send(800)
    eventually(lambda: stack.queue.counts().locked)
    stack.servicebus.faults.lose_locks(QUEUE)
    stack.topic.await_ids(wanted)


def ended_by_the_broker(end: str, backlog: int, stack: Stack, bridge: Inside) -> None:
    wanted = stack.send(backlog)
    if backlog:
        eventually(lambda: stack.queue.counts().locked)
    if end == "detach":
        stack.servicebus.faults.detach(QUEUE)
    else:
        stack.servicebus.faults.close_connections()
    wanted |= stack.send(10)
    stack.topic.await_ids(wanted)
    bridge.await_line("queue receiving")


for end in ("detach", "close"):
    for backlog in (0, 500):
        SCENARIOS[f"ended_by_{end}_{backlog}"] = partial(ended_by_the_broker, end, backlog)


@scenario
def the_server_is_down_for_a_while(stack: Stack, bridge: Inside) -> None:
    wanted = stack.send(500)
    stack.servicebus.faults.down()
    bridge.await_line(r"queue unavailable: .*: \[Errno 111\] Connect call failed")
    assert bridge.pages.get("/healthz") == (200, "alive")
    bridge.await_page("/readyz", (503, "queue unavailable, topic available"))
    stack.servicebus.faults.up()
    stack.topic.await_ids(wanted)


@scenario
def silence_is_noticed(stack: Stack, bridge: Inside) -> None:
    stack.servicebus.faults.hang()
    bridge.await_line(f"queue unavailable: {stack.servicebus.address} does not answer")
    wanted = stack.send(10)
    stack.servicebus.faults.resume()
    stack.topic.await_ids(wanted)


@scenario
def silence_in_a_backlog(stack: Stack, bridge: Inside) -> None:
    wanted = stack.send(800)
    eventually(lambda: stack.queue.counts().locked)
    stack.servicebus.faults.hang()
    bridge.await_line(f"queue unavailable: {stack.servicebus.address} does not answer")
    stack.servicebus.faults.resume()
    stack.topic.await_ids(wanted)


@scenario
def nobody_answers_the_open(stack: Stack, bridge: Inside) -> None:
    stack.servicebus.faults.ignore_opens()
    stack.servicebus.faults.drop_connections()
    bridge.await_line(f"queue unavailable: {stack.servicebus.address} does not answer")
    assert bridge.pages.get("/readyz")[0] == 503
    wanted = stack.send(10)
    stack.servicebus.faults.clear()
    stack.topic.await_ids(wanted)


@scenario
def throttled(stack: Stack, bridge: Inside) -> None:
    stack.servicebus.faults.throttle()
    stack.servicebus.faults.drop_connections()
    bridge.await_line(
        f"queue unavailable: {stack.servicebus.address} asks to slow down "
        r"\(The request was terminated because the entity is being throttled. Error code: 50009\)"
    )
    wanted = stack.send(10)
    stack.servicebus.faults.clear()
    stack.topic.await_ids(wanted)


@scenario
def opens_are_refused(stack: Stack, bridge: Inside) -> None:
    stack.servicebus.faults.refuse_opens()
    stack.servicebus.faults.drop_connections()
    bridge.await_page("/readyz", (503, "queue unavailable, topic available"))
    wanted = stack.send(10)
    stack.servicebus.faults.clear()
    stack.topic.await_ids(wanted)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_everything_arrives(results: AtOnce[None], name: str) -> None:
    results[name]
