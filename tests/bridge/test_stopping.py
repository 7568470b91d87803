"""SIGTERM and SIGINT, whatever the bridge is doing: exit code 0 within ten seconds. And SIGKILL.

Each scenario has servers and a process of its own; they run at once, for much of the time is
waiting.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import grpc
import pytest

from tests.bridge.process import Process
from tests.bridge.stack import PATIENCE, AtOnce, Stack, eventually, stacked

#: What is promised.
SECONDS = 10.0

Scenario = Callable[[Stack, Path], None]
SCENARIOS: dict[str, Scenario] = {}

#: A name service that is silent: the thread that asks it cannot be ended.
SILENT_DNS = """
import socket, sys, time

def silent(*_, **__):
    print("asked", file=sys.stderr, flush=True)
    time.sleep(60)

socket.getaddrinfo = silent
import bridge.__main__
bridge.__main__.CUT_OFF_SECONDS = 3.0
sys.exit(bridge.__main__.main())
"""


def scenario(function: Scenario) -> Scenario:
    SCENARIOS[function.__name__] = function
    return function


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtOnce[None]]:
    folder = tmp_path_factory.mktemp("bridges")

    def run(function: Scenario) -> None:
        # A single failed delivery shows: the message is a dead letter then.
        with stacked(max_delivery_count=1) as stack:
            function(stack, folder)

    with AtOnce({name: partial(run, one) for name, one in SCENARIOS.items()}) as results:
        yield results


def stop(bridge: Process, number: int = signal.SIGTERM) -> None:
    bridge.popen.send_signal(number)
    assert bridge.ended(SECONDS) == 0, bridge.text


def released(stack: Stack) -> bool:
    counts = stack.queue.counts()
    return counts.locked == 0 and counts.dead_lettered == 0


def idle(number: int, stack: Stack, folder: Path) -> None:
    with Process(stack.settings(), folder) as bridge:
        bridge.await_message("queue receiving")
        stop(bridge, number)
        assert bridge.messages[-1] == "queue stopped"
        assert stack.servicebus.connections == 0
        assert len(bridge.text.splitlines()) == len(bridge.records), "JSON, all of it"


SCENARIOS["idle_sigterm"] = partial(idle, signal.SIGTERM)
SCENARIOS["idle_sigint"] = partial(idle, signal.SIGINT)


@scenario
def in_a_backlog(stack: Stack, folder: Path) -> None:
    wanted = stack.send(4_000, 2_000)
    with Process(stack.settings(), folder) as bridge:
        eventually(lambda: stack.topic.server.unacknowledged(stack.topic.subscription) > 200)
        stop(bridge)
        eventually(lambda: released(stack), stack.queue.counts)
    arrived = {one.message_id for one in stack.topic.read()}
    assert len(arrived) + stack.queue.counts().active == len(wanted), "confirmed and completed"
    assert stack.topic.repeated(arrived) == 0
    assert arrived < wanted, "in the middle"


def in_an_outage(backlog: int, stack: Stack, folder: Path) -> None:
    with Process(stack.settings(), folder) as bridge:
        bridge.await_message("queue receiving")
        if backlog:
            stack.send(backlog, 2_000)
            eventually(lambda: stack.queue.counts().locked > 100)
        stack.pubsub.faults.refuse_publishes(grpc.StatusCode.UNAVAILABLE)
        stack.send(10)
        bridge.await_message("topic unavailable")
        stop(bridge)
    eventually(lambda: released(stack), stack.queue.counts)
    arrived = {one.message_id for one in stack.topic.read()}
    assert len(arrived) + stack.queue.counts().active == backlog + 10


SCENARIOS["in_an_outage"] = partial(in_an_outage, 0)
SCENARIOS["in_an_outage_with_a_backlog"] = partial(in_an_outage, 3_000)


@scenario
def pubsub_is_silent(stack: Stack, folder: Path) -> None:
    with Process(stack.settings(), folder) as bridge:
        bridge.await_message("queue receiving")
        stack.pubsub.faults.delay_answers(2 * PATIENCE, "Publish")
        stack.send(10)
        eventually(lambda: stack.queue.counts().locked)
        stop(bridge)
    eventually(lambda: released(stack), stack.queue.counts)
    assert stack.queue.counts().active == 10


def service_bus_is_silent(backlog: int, stack: Stack, folder: Path) -> None:
    with Process(stack.settings(), folder) as bridge:
        bridge.await_message("queue receiving")
        if backlog:
            stack.send(backlog, 2_000)
            eventually(lambda: stack.queue.counts().locked > 50)
        stack.servicebus.faults.hang()
        stop(bridge)


SCENARIOS["service_bus_is_silent"] = partial(service_bus_is_silent, 0)
SCENARIOS["service_bus_is_silent_in_a_backlog"] = partial(service_bus_is_silent, 3_000)


@scenario
def both_are_silent(stack: Stack, folder: Path) -> None:
    with Process(stack.settings(), folder) as bridge:
        bridge.await_message("queue receiving")
        stack.pubsub.faults.delay_answers(2 * PATIENCE, "Publish")
        stack.send(10)
        eventually(lambda: stack.queue.counts().locked)
        stack.servicebus.faults.hang()
        stop(bridge)


@scenario
def service_bus_never_opens(stack: Stack, folder: Path) -> None:
    stack.servicebus.faults.ignore_opens()
    with Process(stack.settings(), folder) as bridge:
        bridge.await_message("queue connecting")
        stop(bridge)


@scenario
def the_name_service_is_silent(stack: Stack, folder: Path) -> None:
    named = stack.servicebus.connection_string.replace("127.0.0.1", "localhost")
    settings = stack.settings(IRIS_CONNECTION_STRING=named)
    with Process(settings, folder, ("-c", SILENT_DNS)) as bridge:
        eventually(lambda: "asked" in bridge.text, lambda: bridge.text)
        stop(bridge)
        assert "cut off: something did not end in time" in bridge.text


@scenario
def killed_in_a_backlog_and_started_again(stack: Stack, folder: Path) -> None:
    wanted = stack.send(1_500, 2_000)
    with Process(stack.settings(), folder) as bridge:
        eventually(lambda: stack.topic.server.unacknowledged(stack.topic.subscription) > 200)
        bridge.popen.kill()
        bridge.popen.wait()
    assert stack.queue.counts().active > 0, "in the middle"
    stack.servicebus.faults.lose_locks("iris")  # as time would do
    with Process(stack.settings(BRIDGE_DEAD_LETTER_MINUTES="0.02"), folder):
        stack.topic.await_ids(wanted)
        eventually(lambda: stack.queue.counts() == (0, 0, 0, 0), stack.queue.counts)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_it_ends_in_time(results: AtOnce[None], name: str) -> None:
    results[name]
