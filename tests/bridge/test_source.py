"""One receiver against the local Service Bus, without a bridge around it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from bridge.guard import ticket
from bridge.login import Secret
from bridge.outcomes import Renewed, Settled
from bridge.settings import Settings
from bridge.source import Access, Source, SourceLost
from local.servicebus import Counts, ServiceBusServer
from tests.bridge.stack import QUEUE, eventually, numbered

Work = Callable[[Source], Awaitable[None]]


@pytest.fixture
def server() -> Iterator[ServiceBusServer]:
    with ServiceBusServer([QUEUE], max_connections_per_queue=1) as server:
        yield server


def within(server: ServiceBusServer, work: Work, *, dead_letters: bool = False) -> None:
    """Runs ``work`` with an open source."""

    async def run() -> None:
        secret = Secret(server.connection_string)
        access = Access(Settings(QUEUE, "projects/p/topics/iris", server.address, secret))
        async with Source(access, dead_letters=dead_letters) as source:
            await work(source)

    asyncio.run(run())
    eventually(lambda: server.connections == 0)
    assert server.peak_connections == 1


async def received(source: Source, count: int) -> list[Any]:
    """So many messages, however many the broker sends at a time."""
    messages: list[Any] = []
    while len(messages) < count:
        messages += await source.receive(count - len(messages), 5.0)
    return messages


def test_what_is_settled(server: ServiceBusServer) -> None:
    async def work(source: Source) -> None:
        first, second, third = await source.receive(3, 5.0)
        assert await source.complete([first]) == Settled(done=1)
        assert await source.dead_letter(second, "Reason", "in detail") == Settled(done=1)
        await source.release([ticket(third)])

    server.queue(QUEUE).send(numbered(3))
    within(server, work)
    assert server.queue(QUEUE).counts() == Counts(1, 0, 0, 1)
    [dead] = server.queue(QUEUE).dead_letters()
    assert (dead.reason, dead.description) == ("Reason", "in detail")


def test_a_lock_that_is_lost_concerns_the_message_alone(server: ServiceBusServer) -> None:
    async def work(source: Source) -> None:
        messages = await source.receive(2, 5.0)
        server.faults.lose_locks(QUEUE)
        lost = Settled(failures=Counter(MessageLockLostError=2))
        assert await source.complete(messages) == lost
        again = await source.receive(2, 5.0)
        assert [one.delivery_count for one in again] == [1, 1]
        assert await source.complete(again) == Settled(done=2)

    server.queue(QUEUE).send(numbered(2))
    within(server, work)


def test_of_two_answers_one_is_lost(server: ServiceBusServer) -> None:
    async def work(source: Source) -> None:
        messages = await source.receive(2, 5.0)
        server.faults.lose_answers(1)
        assert await source.complete(messages) == Settled(
            1, Counter(TimeoutError=1), f"{server.address} does not answer"
        )

    server.queue(QUEUE).send(numbered(2))
    within(server, work)
    assert server.queue(QUEUE).counts() == Counts(0, 0, 0, 0)


def test_a_lock_is_renewed(server: ServiceBusServer) -> None:
    async def work(source: Source) -> None:
        messages = await received(source, 120)
        before = min(message.locked_until_utc for message in messages)
        await asyncio.sleep(0.01)
        assert await source.renew(messages) == Renewed(done=messages)
        assert min(message.locked_until_utc for message in messages) > before

    server.queue(QUEUE).send(numbered(120))
    within(server, work)


def test_a_lock_that_is_lost_is_not_renewed(server: ServiceBusServer) -> None:
    async def work(source: Source) -> None:
        messages = await received(source, 2)
        server.faults.lose_locks(QUEUE)
        messages += await received(source, 2)
        assert await source.renew(messages) == Renewed(
            done=messages[2:], failures=Counter(MessageLockLostError=2)
        )

    server.queue(QUEUE).send(numbered(2))
    within(server, work)


def test_a_broker_that_is_busy_is_asked_again(server: ServiceBusServer) -> None:
    async def work(source: Source) -> None:
        messages = await received(source, 3)
        await source.renew(messages)  # opens the link for it
        server.faults.throttle()
        assert await source.renew(messages) == Renewed(
            again=messages, failures=Counter(ServiceBusServerBusyError=3)
        )
        server.faults.clear()
        assert await source.renew(messages) == Renewed(done=messages)

    server.queue(QUEUE).send(numbered(3))
    within(server, work)


def test_a_connection_that_is_lost_renews_nothing(server: ServiceBusServer) -> None:
    async def work(source: Source) -> None:
        messages = await received(source, 60)
        server.faults.drop_connections()
        renewed = await source.renew(messages)
        assert renewed.done == []
        assert renewed.failures.total() == 50, "after the first fifty it is known"
        assert renewed.lost is not None
        assert renewed.lost.startswith(f"{server.address}: ")

    server.queue(QUEUE).send(numbered(60))
    within(server, work)


def test_a_probe_takes_nothing(server: ServiceBusServer) -> None:
    async def work(source: Source) -> None:
        assert await source.probe() is None
        server.queue(QUEUE).send(numbered(2))
        first = await source.probe()
        assert first == await source.probe() is not None
        head, _ = await source.receive(2, 5.0)
        assert head.sequence_number == first
        assert await source.probe() == first, "locked ones are shown"

    within(server, work)


def test_a_message_that_is_deferred_counts_as_none(server: ServiceBusServer) -> None:
    async def work(source: Source) -> None:
        [message] = await source.receive(1, 5.0)
        await source._receiver.defer_message(message)
        assert await source.probe() is None

    server.queue(QUEUE).send(numbered(1))
    within(server, work)


def test_without_a_connection_nothing_is_done_and_nothing_raised(server: ServiceBusServer) -> None:
    async def work(source: Source) -> None:
        messages = await source.receive(2, 5.0)
        server.faults.drop_connections()
        await source.release(map(ticket, messages))
        settled = await source.complete(messages)
        assert (settled.done, sum(settled.failures.values())) == (0, 2)
        assert settled.lost is not None
        with pytest.raises(SourceLost):
            await source.probe()

    server.queue(QUEUE).send(numbered(2))
    within(server, work)


def test_the_dead_letter_queue(server: ServiceBusServer) -> None:
    async def bury(source: Source) -> None:
        [message] = await source.receive(1, 5.0)
        await source.dead_letter(message, "Reason", "in detail")

    async def work(source: Source) -> None:
        [message] = await source.receive(1, 5.0)
        assert message.dead_letter_reason == "Reason"
        assert await source.complete([message]) == Settled(done=1)

    server.queue(QUEUE).send(numbered(1))
    within(server, bury)
    within(server, work, dead_letters=True)
    assert server.queue(QUEUE).counts() == Counts(0, 0, 0, 0)
