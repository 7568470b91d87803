"""Faults of connections, links and settlements, as the SDK lives through them."""

from __future__ import annotations

import asyncio
import time

import pytest
from azure.servicebus.exceptions import (
    MessageLockLostError,
    OperationTimeoutError,
    ServiceBusConnectionError,
    ServiceBusError,
)

from local.servicebus import Counts
from tests.local.servicebus.scenarios import Ends, Scenarios
from tests.local.servicebus.sdk import Sdk, bodies, eventually, numbered, receive

scenario = Scenarios()

#: Seconds for an answer that is lost. One that comes must not need as long on a busy machine.
PATIENT = 3.0


@scenario
async def receivers_come_back_after_a_drop(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(3))
    receiver = sdk.receiver(server)
    messages = await receive(receiver, 2)
    server.faults.drop_connections()
    assert server.connections == 0
    assert handle.counts() == Counts(1, 2, 0, 0)
    await receiver.complete_message(messages[0])
    assert handle.counts() == Counts(1, 1, 0, 0)
    assert bodies(await receive(receiver, 1)) == [b"2"]
    assert (server.connections, server.peak_connections, server.total_connections) == (1, 1, 2)


@scenario
async def what_a_lost_link_holds_can_be_released(sdk: Sdk) -> None:
    server = sdk.serve(release_on_detach=True)
    handle = server.queue("iris")
    handle.send(numbered(3))
    receiver = sdk.receiver(server)
    messages = await receive(receiver, 2)
    await receiver.complete_message(messages[0])
    server.faults.drop_connections()
    await eventually(lambda: handle.counts() == Counts(2, 0, 0, 0))
    assert [each.delivery_count for each in await receive(receiver, 2)] == [0, 0]


@scenario
async def down_and_up(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    port = server.port
    receiver = await sdk.opened(server)
    server.faults.down()
    with pytest.raises(ServiceBusConnectionError):
        await receiver.receive_messages(1, max_wait_time=20)
    server.faults.up()
    handle.send(numbered(1))
    assert bodies(await receive(receiver, 1)) == [b"0"]
    assert server.port == port


@scenario
async def a_closed_connection(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(2))
    receiver = sdk.receiver(server)
    await receive(receiver, 1)
    server.faults.close_connections("amqp:connection:forced", "maintenance")
    await eventually(lambda: server.connections == 0)
    assert bodies(await receive(receiver, 1)) == [b"1"]


@scenario
async def a_detached_link(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(2))
    receiver = sdk.receiver(server)
    (message,) = await receive(receiver, 1)
    server.faults.detach("iris", "com.microsoft:link-idle", "idle for ten minutes")
    assert server.connections == 0
    # The SDK does not notice until it reads; it settles over the management link.
    await receiver.complete_message(message)
    assert bodies(await receive(receiver, 1)) == [b"1"]
    assert handle.counts() == Counts(0, 1, 0, 0)


@scenario
async def a_server_that_hangs(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    receiver = await sdk.opened(server)
    # This leaves the server with credit for five messages.
    assert await receiver.receive_messages(5, max_wait_time=0.3) == []
    server.faults.hang()
    handle.send(numbered(1))
    began = time.monotonic()
    assert await receiver.receive_messages(1, max_wait_time=0.5) == []
    assert time.monotonic() - began >= 0.5
    assert handle.counts() == Counts(1, 0, 0, 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"AMQP\x03\x01\x00\x00")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(reader.read(8), 0.2)
    server.faults.resume()
    assert await reader.readexactly(8) == b"AMQP\x03\x01\x00\x00"
    writer.close()
    assert bodies(await receive(receiver, 1)) == [b"0"]


@scenario
async def opens_that_are_not_answered(sdk: Sdk) -> None:
    server = sdk.serve()
    server.faults.ignore_opens()
    server.queue("iris").send(numbered(1))
    receiver = sdk.receiver(server)
    with pytest.raises(OperationTimeoutError):
        await receiver.receive_messages(1, max_wait_time=0.7)
    server.faults.clear()
    assert bodies(await receive(receiver, 1)) == [b"0"]


@scenario
async def opens_that_are_refused(sdk: Sdk) -> None:
    server = sdk.serve()
    server.faults.refuse_opens("amqp:not-allowed", "not today")
    server.queue("iris").send(numbered(1))
    receiver = sdk.receiver(server)
    with pytest.raises(ServiceBusError):
        await receiver.receive_messages(1, max_wait_time=20)
    server.faults.clear()
    assert bodies(await receive(receiver, 1)) == [b"0"]


@scenario
async def settlements_whose_answers_are_lost(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(2))
    receiver = sdk.receiver(server, timeout=PATIENT)
    first, second = await receive(receiver, 2)
    server.faults.lose_answers(1)
    # The SDK gives up waiting, tries the management link, and hears that the lock is gone.
    with pytest.raises(MessageLockLostError):
        await receiver.complete_message(first)
    assert handle.counts() == Counts(0, 1, 0, 0)
    await receiver.complete_message(second)
    assert handle.counts() == Counts(0, 0, 0, 0)


@scenario
async def settlements_that_are_ignored(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(1))
    receiver = sdk.receiver(server, timeout=PATIENT)
    (message,) = await receive(receiver, 1)
    server.faults.ignore_settlements(1)
    completing = asyncio.ensure_future(receiver.complete_message(message))
    await asyncio.sleep(0.1)
    assert handle.counts() == Counts(0, 1, 0, 0)
    await completing
    assert handle.counts() == Counts(0, 0, 0, 0)


@scenario
async def faults_hit_the_management_link_too(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(2))
    receiver = sdk.receiver(server)
    for message in await receive(receiver, 2):
        await receiver.defer_message(message)
    first, second = await receiver.receive_deferred_messages([1, 2])
    server.faults.drop_after_settlements(1)
    with pytest.raises(ServiceBusError):
        await asyncio.wait_for(receiver.complete_message(first), 5)
    assert handle.counts() == Counts(0, 1, 0, 0)
    await receiver.complete_message(second)
    assert handle.counts() == Counts(0, 0, 0, 0)


@scenario
async def a_drop_after_some_settlements(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(4))
    receiver = sdk.receiver(server)
    messages = await receive(receiver, 4)
    server.faults.drop_after_settlements(2)
    await receiver.complete_message(messages[0])
    with pytest.raises(MessageLockLostError):
        await receiver.abandon_message(messages[1])
    assert handle.counts() == Counts(1, 2, 0, 0)
    await receiver.complete_message(messages[2])
    assert handle.counts() == Counts(1, 1, 0, 0)
    assert server.total_connections == 2


@scenario
async def late_answers(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(3))
    receiver = sdk.receiver(server)
    messages = await receive(receiver, 3)
    server.faults.delay_settlements(0.2)
    began = time.monotonic()
    await receiver.complete_message(messages[0])
    assert time.monotonic() - began >= 0.2
    server.faults.delay_settlements(600)
    completing = asyncio.ensure_future(receiver.complete_message(messages[1]))
    while handle.counts().locked != 1:
        await asyncio.sleep(0.01)
    assert not completing.done()
    server.faults.clear()
    await completing
    await receiver.complete_message(messages[2])
    assert handle.counts() == Counts(0, 0, 0, 0)


@scenario
async def lost_locks(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(2))
    receiver = sdk.receiver(server)
    first, second = await receive(receiver, 2)
    server.faults.lose_locks("iris")
    assert handle.counts() == Counts(2, 0, 0, 0)
    for settle in (receiver.complete_message, receiver.dead_letter_message):
        with pytest.raises(MessageLockLostError):
            await settle(first)
    with pytest.raises(MessageLockLostError):
        await receiver.renew_message_lock(second)
    again = await receive(receiver, 2)
    assert [each.delivery_count for each in again] == [1, 1]


@pytest.mark.parametrize("name", scenario.names)
def test_faults(ends: Ends, name: str) -> None:
    ends[name].result()
