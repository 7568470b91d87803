"""The same server with the synchronous SDK."""

from __future__ import annotations

import asyncio

import pytest
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusReceiver,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import MessageLockLostError

from local.servicebus import Counts, ServiceBusServer
from tests.local.servicebus.scenarios import Ends, Scenarios
from tests.local.servicebus.sdk import PATIENCE, Sdk, bodies, numbered

scenario = Scenarios()


def receive(receiver: ServiceBusReceiver, count: int) -> list[ServiceBusReceivedMessage]:
    received: list[ServiceBusReceivedMessage] = []
    while len(received) < count:
        found = receiver.receive_messages(count - len(received), max_wait_time=20)
        assert found
        received += found
    return received


def do_everything_once() -> None:
    with (
        ServiceBusServer() as server,
        ServiceBusClient.from_connection_string(server.connection_string, **PATIENCE) as client,
        client.get_queue_receiver("iris") as receiver,
    ):
        handle = server.queue("iris")
        with client.get_queue_sender("iris") as sender:
            sender.send_messages(ServiceBusMessage(b"0"))
            sender.send_messages([ServiceBusMessage(f"{n}") for n in range(1, 5)])
            sender.send_messages(ServiceBusMessage(b"x" * 300_000))
        complete, abandon, defer, dead, renew, long = receive(receiver, 6)
        assert bodies([complete, long]) == [b"0", b"x" * 300_000]
        receiver.complete_message(complete)
        receiver.abandon_message(abandon)
        receiver.defer_message(defer)
        receiver.dead_letter_message(dead, reason="why")
        assert receiver.renew_message_lock(renew) == renew.locked_until_utc
        assert handle.counts() == Counts(1, 2, 1, 1)
        assert bodies(receiver.peek_messages(9, sequence_number=1)) == [
            b"1",
            b"2",
            b"4",
            b"x" * 300_000,
        ]
        (deferred,) = receiver.receive_deferred_messages(3)
        receiver.complete_message(deferred)
        server.faults.lose_locks("iris")
        with pytest.raises(MessageLockLostError):
            receiver.complete_message(renew)
        with client.get_queue_receiver(
            "iris", sub_queue=ServiceBusSubQueue.DEAD_LETTER
        ) as dead_receiver:
            (message,) = receive(dead_receiver, 1)
            assert message.dead_letter_reason == "why"
            dead_receiver.complete_message(message)
        assert handle.counts() == Counts(3, 0, 0, 0)


def do_receive_and_delete_after_a_drop() -> None:
    with (
        ServiceBusServer() as server,
        ServiceBusClient.from_connection_string(server.connection_string, **PATIENCE) as client,
        client.get_queue_receiver(
            "iris", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
        ) as receiver,
    ):
        handle = server.queue("iris")
        handle.send(numbered(5))
        assert bodies(receive(receiver, 5)) == [b"0", b"1", b"2", b"3", b"4"]
        server.faults.drop_connections()
        handle.send(numbered(1))
        assert bodies(receive(receiver, 1)) == [b"0"]
        assert handle.counts() == Counts(0, 0, 0, 0)


@scenario
async def everything_once(sdk: Sdk) -> None:
    await asyncio.to_thread(do_everything_once)


@scenario
async def receive_and_delete_after_a_drop(sdk: Sdk) -> None:
    await asyncio.to_thread(do_receive_and_delete_after_a_drop)


@pytest.mark.parametrize("name", scenario.names)
def test_sync_sdk(ends: Ends, name: str) -> None:
    ends[name].result()
