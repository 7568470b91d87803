"""The relay's steps, against real servers, without the service around them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import bridge.pace
from benchmarks.delay import DelayProxy
from bridge.dead_letters import relay_dead_letters
from bridge.login import Secret
from bridge.metrics import Metrics
from bridge.publishing import Publishing
from bridge.relay import Relay
from bridge.settings import Settings
from bridge.source import Access, Source
from bridge.state import State
from bridge.topic import Topic
from tests.bridge.stack import QUEUE, Stack, ids, numbered, stacked
from tests.bridge.test_dead_letters import bury

Work = Callable[[Relay, Source, Metrics], Awaitable[None]]


def relaying(stack: Stack, work: Work, *, dead_letters: bool = False, rtt: float = 0.0) -> None:
    """Runs ``work`` with an open source ``rtt`` seconds away."""
    address = stack.servicebus.address
    if rtt:
        address = DelayProxy(address, rtt).address
    secret = Secret(stack.servicebus.connection_string.replace(stack.servicebus.address, address))

    async def run() -> None:
        metrics = Metrics()
        state = State(metrics)
        access = Access(Settings(QUEUE, stack.topic.name, address, secret))
        async with (
            Topic(stack.topic.name, stack.pubsub.address) as topic,
            Source(access, dead_letters=dead_letters) as source,
        ):
            publishing = Publishing(topic, metrics, state, asyncio.Event())
            await work(Relay(publishing, metrics, state), source, metrics)

    asyncio.run(run())


def value(metrics: Metrics, name: str) -> float | None:
    return metrics.registry.get_sample_value(f"iris_bridge_{name}")


def test_a_backlog_far_away_is_taken_in_large_batches() -> None:
    steps = 0

    async def work(relay: Relay, source: Source, metrics: Metrics) -> None:
        nonlocal steps
        flight = None
        while value(metrics, "completed_total") != 500:
            flight = await relay.step(source, flight)
            steps += 1

    with stacked() as stack:
        wanted = stack.send(500)
        relaying(stack, work, rtt=0.15)
        stack.topic.await_ids(wanted)
        stack.await_empty()
    assert steps < 20, "1, 2, 4, 8, 16, 32, 64, and then hundreds"


def test_dead_letters_whose_locks_run_out_hide_none_behind_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bridge.pace, "MOST_MESSAGES", 2)
    received: list[list[int]] = []

    with stacked(lock_seconds=1.0) as stack:

        async def work(relay: Relay, source: Source, metrics: Metrics) -> None:
            receive = source.receive

            async def receive_late(*arguments: Any) -> list[Any]:
                if len(received) == 3:
                    await asyncio.sleep(1.2)  # all locks run out
                messages = await receive(*arguments)
                received.append([one.sequence_number for one in messages])
                return messages

            source.receive = receive_late  # type: ignore[method-assign]
            assert await relay_dead_letters(source, relay, metrics, lambda: False)
            assert value(metrics, "dead_letters_left") == 6
            assert value(metrics, "dead_letters_relayed_total") == 1

        [last] = numbered(1)
        bury(stack, {**dict.fromkeys(numbered(6), "TooLarge"), last: "MaxDeliveryCountExceeded"})
        relaying(stack, work, dead_letters=True)
        stack.topic.await_ids(ids([last]))
        assert received[3] == [*received[0], received[1][0]], "seen before, all of them"
        assert {one.delivery_count for one in stack.queue.dead_letters()} == {0, 1}


def test_a_pass_over_dead_letters_that_only_come_again_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bridge.pace, "MOST_MESSAGES", 2)

    with stacked(lock_seconds=0.2) as stack:

        async def work(relay: Relay, source: Source, metrics: Metrics) -> None:
            receive = source.receive

            async def receive_late(*arguments: Any) -> list[Any]:
                await asyncio.sleep(0.4)  # all locks run out
                return await receive(*arguments)

            source.receive = receive_late  # type: ignore[method-assign]
            async with asyncio.timeout(30):
                assert await relay_dead_letters(source, relay, metrics, lambda: False)

        bury(stack, dict.fromkeys(numbered(4), "TooLarge"))
        relaying(stack, work, dead_letters=True)
        assert stack.queue.counts().dead_lettered == 4
