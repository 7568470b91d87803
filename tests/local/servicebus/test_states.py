"""What becomes of messages that the asynchronous SDK has received."""

from __future__ import annotations

import asyncio
import datetime
import time

import pytest
from azure.servicebus import ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import AutoLockRenewer
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageNotFoundError,
)

from local.servicebus import (
    Counts,
    DeadLetter,
    QueueMessage,
)
from tests.local.servicebus.clock import Clock
from tests.local.servicebus.scenarios import Ends, Scenarios
from tests.local.servicebus.sdk import Sdk, bodies, eventually, numbered, receive

scenario = Scenarios()


@scenario
async def all_settlements(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(5))
    receiver = sdk.receiver(server)
    complete, abandon, defer, dead, bare = await receive(receiver, 5)
    assert handle.counts() == Counts(0, 5, 0, 0)
    await receiver.complete_message(complete)
    assert handle.counts() == Counts(0, 4, 0, 0)
    await receiver.abandon_message(abandon)
    await receiver.defer_message(defer)
    await receiver.dead_letter_message(dead, reason="why", error_description="so")
    await receiver.dead_letter_message(bare)
    await eventually(lambda: handle.counts() == Counts(1, 0, 1, 2))
    (again,) = await receive(receiver, 1)
    assert (bodies([again]), again.delivery_count) == ([b"1"], 1)
    await receiver.complete_message(again)
    assert handle.dead_letters() == [
        DeadLetter(4, None, "why", "so", b"3", 0),
        DeadLetter(5, None, None, None, b"4", 0),
    ]


@scenario
async def the_dead_letter_sub_queue(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send([QueueMessage(b"x", application_properties={"a": "b"})])
    receiver = sdk.receiver(server)
    await receiver.dead_letter_message(
        (await receive(receiver, 1))[0], reason="why", error_description="so"
    )
    dead = sdk.receiver(server, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    for count in range(12):
        (message,) = await receive(dead, 1)
        assert (message.dead_letter_reason, message.dead_letter_error_description) == (
            "why",
            "so",
        )
        assert message.application_properties == {
            b"a": b"b",
            b"DeadLetterReason": b"why",
            b"DeadLetterErrorDescription": b"so",
        }
        assert message.delivery_count == count
        await dead.abandon_message(message)
    (message,) = await receive(dead, 1)
    await dead.renew_message_lock(message)
    await dead.dead_letter_message(message, reason="again")
    (message,) = await receive(dead, 1)
    await dead.complete_message(message)
    assert handle.counts() == Counts(0, 0, 0, 0)


@scenario
async def a_message_that_fails_too_often(sdk: Sdk) -> None:
    server = sdk.serve(max_delivery_count=2)
    handle = server.queue("iris")
    handle.send(numbered(1))
    receiver = sdk.receiver(server)
    for count in range(2):
        (message,) = await receive(receiver, 1)
        assert message.delivery_count == count
        await receiver.abandon_message(message)
    assert handle.dead_letters() == [
        DeadLetter(
            1,
            None,
            "MaxDeliveryCountExceeded",
            "Message could not be consumed after 2 delivery attempts.",
            b"0",
            2,
        )
    ]


@scenario
async def deferred_messages(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(3))
    receiver = sdk.receiver(server)
    for message in await receive(receiver, 3):
        await receiver.defer_message(message)
    assert handle.counts() == Counts(0, 0, 3, 0)
    first, second = await receiver.receive_deferred_messages([3, 1])
    assert bodies([first, second]) == [b"2", b"0"]
    assert first.locked_until_utc > datetime.datetime.now(datetime.UTC)
    await receiver.renew_message_lock(first)
    await receiver.complete_message(first)
    await receiver.abandon_message(second)
    assert handle.counts() == Counts(0, 0, 2, 0)
    with pytest.raises(MessageNotFoundError, match="3 is not deferred"):
        await receiver.receive_deferred_messages([3])
    deleting = sdk.receiver(server, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    assert bodies(await deleting.receive_deferred_messages([2])) == [b"1"]
    (third,) = await receiver.receive_deferred_messages([1])
    assert third.delivery_count == 1
    await receiver.dead_letter_message(third, reason="why")
    assert handle.counts() == Counts(0, 0, 0, 1)
    assert handle.dead_letters()[0].reason == "why"


@scenario
async def locks_expire_and_are_renewed(sdk: Sdk) -> None:
    clock = Clock(time.time())
    server = sdk.serve(lock_seconds=60, clock=clock)
    handle = server.queue("iris")
    handle.send(numbered(2))
    receiver = sdk.receiver(server)
    kept, lost = await receive(receiver, 2)
    clock.now += 40
    renewed = await receiver.renew_message_lock(kept)
    assert renewed.timestamp() == pytest.approx(clock.now + 60, abs=0.01)
    clock.now += 40
    await eventually(lambda: handle.counts() == Counts(1, 1, 0, 0))
    with pytest.raises(MessageLockLostError, match="The lock supplied is invalid"):
        await receiver.complete_message(lost)
    with pytest.raises(MessageLockLostError, match="The lock supplied is invalid"):
        await receiver.renew_message_lock(lost)
    (again,) = await receive(receiver, 1)
    assert (bodies([again]), again.delivery_count) == ([b"1"], 1)
    await receiver.complete_message(kept)
    await receiver.complete_message(again)
    assert handle.counts() == Counts(0, 0, 0, 0)


@scenario
async def a_receiver_that_waits_gets_what_comes_back(sdk: Sdk) -> None:
    server = sdk.serve(lock_seconds=0.3)
    server.queue("iris").send(numbered(1))
    receiver = sdk.receiver(server)
    await receive(receiver, 1)
    (again,) = await receive(receiver, 1)
    assert again.delivery_count == 1


@scenario
async def the_sdks_lock_renewer(sdk: Sdk) -> None:
    # The renewer looks every second whether less than ten are left.
    server = sdk.serve(lock_seconds=10.8)
    server.queue("iris").send(numbered(1))
    receiver = sdk.receiver(server)
    async with AutoLockRenewer(max_lock_renewal_duration=30) as renewer:
        (message,) = await receive(receiver, 1)
        first = message.locked_until_utc
        renewer.register(receiver, message)
        give_up = time.monotonic() + 10
        while message.locked_until_utc == first:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.05)
        await receiver.complete_message(message)


@scenario
async def messages_expire(sdk: Sdk) -> None:
    clock = Clock(time.time())
    server = sdk.serve(time_to_live=30, clock=clock)
    handle = server.queue("iris")
    handle.send(numbered(2))
    receiver = sdk.receiver(server)
    (message,) = await receive(receiver, 1)
    assert message.time_to_live == datetime.timedelta(seconds=30)
    await receiver.complete_message(message)
    clock.now += 30
    assert handle.counts() == Counts(0, 0, 0, 1)
    assert handle.dead_letters()[0].reason == "TTLExpiredException"


@pytest.mark.parametrize("name", scenario.names)
def test_states(ends: Ends, name: str) -> None:
    ends[name].result()
