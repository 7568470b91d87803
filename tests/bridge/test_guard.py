"""The private names of the SDK that the guard uses, and what it claims of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import azure.servicebus
import pytest
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusConnectionError, ServiceBusError

from bridge.guard import Guard, ticket
from bridge.login import Secret
from bridge.settings import Settings
from bridge.source import Access, Source, SourceLost
from local.servicebus import Counts, Data, QueueMessage, ServiceBusServer, Value
from tests.bridge.stack import QUEUE, eventually, numbered

Work = Callable[[Any, Guard], Awaitable[None]]


@pytest.fixture
def server() -> Iterator[ServiceBusServer]:
    with ServiceBusServer([QUEUE], max_connections_per_queue=1) as server:
        yield server


def guarded(server: ServiceBusServer, work: Work, most_bytes: int = 10**9) -> None:
    """Runs ``work`` with an open receiver and its guard, which has room.

    The receiver is cut off, not closed, which would take a second.
    """

    async def run() -> None:
        client = ServiceBusClient.from_connection_string(server.connection_string, retry_total=0)
        receiver = client.get_queue_receiver(QUEUE)
        guard = Guard(receiver, most_bytes)
        await receiver.__aenter__()
        guard.make_room()
        try:
            await work(receiver, guard)
        finally:
            guard.abort()

    asyncio.run(run())


def test_the_sdk_is_the_one_that_the_guard_was_written_for() -> None:
    assert azure.servicebus.__version__.startswith("7.15.")


def test_a_hundred_completes_on_a_dropped_connection_open_no_other(
    server: ServiceBusServer,
) -> None:
    async def work(receiver: Any, guard: Guard) -> None:
        messages: list[Any] = []
        while len(messages) < 100:
            messages += await receiver.receive_messages(100 - len(messages), max_wait_time=5)
        server.faults.drop_after_settlements(20)
        outcomes = await asyncio.gather(
            *(receiver.complete_message(one) for one in messages), return_exceptions=True
        )
        assert any(isinstance(one, ServiceBusConnectionError) for one in outcomes)
        with pytest.raises(ServiceBusConnectionError, match="the connection is lost"):
            await receiver.receive_messages(1, max_wait_time=1)
        assert server.connections == 0

    server.queue(QUEUE).send(numbered(100))
    guarded(server, work)
    assert (server.peak_connections, server.total_connections) == (1, 1)


def test_a_released_message_comes_again_uncounted(server: ServiceBusServer) -> None:
    async def work(receiver: Any, guard: Guard) -> None:
        for _ in range(3):
            [message] = await receiver.receive_messages(1, max_wait_time=5)
            assert message.delivery_count == 0
            await guard.release(ticket(message))
        async with asyncio.timeout(10):  # before the connection is cut off
            while server.queue(QUEUE).counts() != Counts(1, 0, 0, 0):
                await asyncio.sleep(0.01)

    server.queue(QUEUE).send(numbered(1))
    guarded(server, work)


@pytest.mark.parametrize("body", [Data(b"x" * 600, b"x" * 400), Value(b"x" * 1_000)])
def test_a_receive_takes_what_there_is_room_for(
    server: ServiceBusServer, body: Data | Value
) -> None:
    seen: list[str] = []

    async def work(receiver: Any, guard: Guard) -> None:
        for _ in range(2):
            guard.make_room()
            messages = await receiver.receive_messages(10, max_wait_time=5)
            assert len(messages) == 3, "the third passes the 2,500 bytes"
            for message in messages:
                assert message.delivery_count == 0
                seen.append(message.message_id)
                await receiver.complete_message(message)

    server.queue(QUEUE).send(
        [QueueMessage(body, message_id=f"{at}") for at in range(10)],
    )
    guarded(server, work, most_bytes=2_500)
    assert len(set(seen)) == 6
    eventually(lambda: server.queue(QUEUE).counts() == Counts(4, 0, 0, 0))


def test_a_link_that_the_broker_ends_is_seen(server: ServiceBusServer) -> None:
    async def work(receiver: Any, guard: Guard) -> None:
        assert guard.is_attached
        server.faults.detach(QUEUE)
        with contextlib.suppress(ServiceBusError):  # it says so, or returns nothing
            assert await receiver.receive_messages(1, max_wait_time=1) == []
        assert not guard.is_attached

    guarded(server, work)


def test_an_abort_cuts_what_the_sdk_cannot_close(server: ServiceBusServer) -> None:
    async def work(receiver: Any, guard: Guard) -> None:
        assert server.connections == 1
        guard.abort()
        guard.abort()
        await asyncio.to_thread(eventually, lambda: server.connections == 0)

    guarded(server, work)


def test_fifty_drops_leave_nothing_behind() -> None:
    """Seventeen sources at once, each dropped three times in the middle of its completes."""

    def in_use() -> tuple[int, int]:
        gc.collect()
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    async def read(server: ServiceBusServer) -> None:
        text = server.connection_string
        settings = Settings(QUEUE, "projects/p/topics/iris", server.address, Secret(text))
        access = Access(settings)
        for _ in range(3):
            async with Source(access) as source:
                messages = await source.receive(20, 5.0)
                server.faults.drop_after_settlements(3)
                settled = await source.complete(messages)
                assert settled.lost is not None
                with pytest.raises(SourceLost):
                    await source.receive(20, 5.0)
        await access.close()

    async def run(servers: list[ServiceBusServer]) -> None:
        await asyncio.gather(*(read(server) for server in servers))
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.05)

    with ExitStack() as closing:
        servers = [
            closing.enter_context(ServiceBusServer([QUEUE], max_connections_per_queue=1))
            for _ in range(17)
        ]
        for server in servers:
            server.queue(QUEUE).send(numbered(100))
        before = in_use()
        asyncio.run(run(servers))
        eventually(lambda: in_use() <= before, in_use)
        for server in servers:
            counts = (server.connections, server.peak_connections, server.total_connections)
            assert counts == (0, 1, 3)
