"""What the asynchronous SDK receives, and how."""

from __future__ import annotations

import asyncio
import datetime
import time
from typing import Any

import pytest
from azure.servicebus import ServiceBusReceiveMode
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
)

from local.servicebus import (
    Body,
    Counts,
    Data,
    QueueMessage,
    Sequences,
    Value,
)
from tests.local.servicebus.scenarios import Ends, Scenarios
from tests.local.servicebus.sdk import Sdk, bodies, numbered, receive

scenario = Scenarios()


@scenario
async def what_a_receiver_sees(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    before = time.time()
    handle.send(
        [
            QueueMessage(
                b'[{"n": 1}]',
                subject="FREQ",
                message_id="m1",
                content_type="application/json",
                correlation_id="c1",
                application_properties={"source_file_name": "f", "n": 5},
            ),
            QueueMessage(b""),
        ]
    )
    full, bare = await receive(sdk.receiver(server), 2)
    assert b"".join(full.body) == b'[{"n": 1}]'
    assert full.body_type is AmqpMessageBodyType.DATA
    assert (full.subject, full.message_id) == ("FREQ", "m1")
    assert (full.content_type, full.correlation_id) == ("application/json", "c1")
    assert full.application_properties == {b"source_file_name": b"f", b"n": 5}
    assert (full.sequence_number, full.delivery_count) == (1, 0)
    assert before - 0.001 <= full.enqueued_time_utc.timestamp() <= time.time()
    until = full.locked_until_utc - datetime.timedelta(seconds=60)
    assert before <= until.timestamp() <= time.time()
    assert (bare.subject, bare.message_id, bare.content_type) == (None, None, None)
    assert (bare.correlation_id, bare.application_properties) == (None, None)
    assert (b"".join(bare.body), bare.sequence_number) == (b"", 2)
    assert bare.lock_token != full.lock_token


@scenario
async def bodies_of_all_kinds(sdk: Sdk) -> None:
    server = sdk.serve()
    kind = AmqpMessageBodyType
    expected: list[tuple[Body, AmqpMessageBodyType, Any]] = [
        (Data(b"a", b"b"), kind.DATA, [b"a", b"b"]),
        (Value("text"), kind.VALUE, b"text"),
        (Value(b"bytes"), kind.VALUE, b"bytes"),
        (Value([1, None]), kind.VALUE, [1, None]),
        (Value(None), kind.VALUE, None),
        (Sequences([1], ["a"]), kind.SEQUENCE, [[1], [b"a"]]),
        (None, kind.VALUE, None),
    ]
    server.queue("iris").send(QueueMessage(body) for body, _, _ in expected)
    received = await receive(sdk.receiver(server), len(expected))
    for message, (_, body_type, seen) in zip(received, expected, strict=True):
        found = message.body if body_type is kind.VALUE else list(message.body)
        assert (message.body_type, found) == (body_type, seen)


@scenario
async def receive_and_delete(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(30))
    receiver = sdk.receiver(server, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    received = await receive(receiver, 30)
    assert bodies(received) == [str(number).encode() for number in range(30)]
    assert handle.counts() == Counts(0, 0, 0, 0)


@scenario
async def prefetched_messages_are_given_back_uncounted(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(20))
    receiver = sdk.client(server).get_queue_receiver("iris", prefetch_count=20)
    async with receiver:
        (message,) = await receive(receiver, 1)
        await receiver.complete_message(message)
    assert handle.counts() == Counts(19, 0, 0, 0)
    received = await receive(sdk.receiver(server), 19)
    assert {each.delivery_count for each in received} == {0}


@scenario
async def iterating(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(20))
    receiver = sdk.receiver(server, max_wait_time=0.5)
    seen = []
    for _ in range(10):  # on a busy machine half a second may pass without a message
        async for message in receiver:
            seen += bodies([message])
            await receiver.complete_message(message)
        if len(seen) == 20:
            break
    assert seen == [str(number).encode() for number in range(20)]
    assert handle.counts() == Counts(0, 0, 0, 0)


@scenario
async def an_empty_queue(sdk: Sdk) -> None:
    server = sdk.serve()
    receiver = await sdk.opened(server)
    assert await receiver.receive_messages(1, max_wait_time=0.3) == []
    server.queue("iris").send(numbered(1))
    assert bodies(await receive(receiver, 1)) == [b"0"]


@scenario
async def peeking(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    receiver = sdk.receiver(server)
    assert await receiver.peek_messages(5) == []
    handle.send(numbered(4))
    (locked, deferred) = await receive(receiver, 2)
    await receiver.defer_message(deferred)
    peeked = await receiver.peek_messages(9, sequence_number=1)
    assert bodies(peeked) == [b"0", b"1", b"2", b"3"]
    assert [each.state.name for each in peeked] == ["ACTIVE", "DEFERRED", "ACTIVE", "ACTIVE"]
    assert bodies(await receiver.peek_messages(2, sequence_number=2)) == [b"1", b"2"]
    await receiver.complete_message(locked)
    assert handle.counts() == Counts(2, 0, 1, 0)


@scenario
async def two_receivers_share_a_queue(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    receivers = [sdk.receiver(server) for _ in range(2)]
    waiting = [asyncio.ensure_future(receive(each, 10)) for each in receivers]
    handle.send(numbered(20))
    received = [message for batch in await asyncio.gather(*waiting) for message in batch]
    assert sorted(map(int, bodies(received))) == list(range(20))


@scenario
async def long_bodies(sdk: Sdk) -> None:
    server = sdk.serve()
    sizes = [65_300, 65_536, 200_000, 20_000_000, 1]
    sent = [(bytes(range(251)) * (size // 251 + 1))[:size] for size in sizes]
    server.queue("iris").send(QueueMessage(body, subject="long") for body in sent)
    received = await receive(sdk.receiver(server), len(sizes))
    assert [len(body) for body in bodies(received)] == sizes
    assert bodies(received) == sent


@scenario
async def a_client_that_does_not_read(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send([QueueMessage(b"x" * 500_000)] * 100)
    receiver = sdk.receiver(server, prefetch_count=100)
    received = await receive(receiver, 1)
    # Fifty megabytes do not go into sockets that nobody reads from.
    assert handle.counts().active > 0
    received += await receive(receiver, 99)
    assert {len(body) for body in bodies(received)} == {500_000}
    assert handle.counts() == Counts(0, 100, 0, 0)


@scenario
async def a_queue_that_does_not_exist(sdk: Sdk) -> None:
    server = sdk.serve()
    with pytest.raises(MessagingEntityNotFoundError, match=r"'sb://.*/nowhere' could not be"):
        await sdk.receiver(server, "nowhere").receive_messages(1, max_wait_time=20)
    with pytest.raises(KeyError, match="this server has no queue 'nowhere', only iris"):
        server.queue("nowhere")


@scenario
async def names_of_queues_are_the_same_in_any_case(sdk: Sdk) -> None:
    server = sdk.serve()
    server.queue("IRIS").send(numbered(1))
    assert bodies(await receive(sdk.receiver(server, "Iris"), 1)) == [b"0"]


@pytest.mark.parametrize("name", scenario.names)
def test_receiving(ends: Ends, name: str) -> None:
    ends[name].result()
