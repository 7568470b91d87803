"""Sending with the asynchronous SDK."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import ServiceBusError

from local.servicebus import Counts
from tests.local.servicebus.scenarios import Ends, Scenarios
from tests.local.servicebus.sdk import Sdk, bodies, receive

scenario = Scenarios()


@scenario
async def alone_and_in_batches(sdk: Sdk) -> None:
    server = sdk.serve()
    sender = sdk.sender(server)
    await sender.send_messages(ServiceBusMessage(b"a"))
    await sender.send_messages([ServiceBusMessage(b"b"), ServiceBusMessage(b"c")])
    batch = await sender.create_message_batch()
    assert batch.max_size_in_bytes == 1024 * 1024
    for number in range(500):
        batch.add_message(ServiceBusMessage(f"{number}", subject="s"))
    await sender.send_messages(batch)
    received = await receive(sdk.receiver(server), 503)
    assert bodies(received) == [b"a", b"b", b"c", *(f"{n}".encode() for n in range(500))]
    assert [each.sequence_number for each in received] == list(range(1, 504))
    assert received[-1].subject == "s"


@scenario
async def more_messages_than_there_is_credit_at_once(sdk: Sdk) -> None:
    server = sdk.serve()
    sender = sdk.sender(server)
    for number in range(1_200):
        await sender.send_messages(ServiceBusMessage(f"{number}"))
    assert server.queue("iris").counts() == Counts(1_200, 0, 0, 0)


@scenario
async def all_fields_arrive(sdk: Sdk) -> None:
    server = sdk.serve()
    sent = ServiceBusMessage(
        b"x",
        application_properties={"a": 1, "b": "c"},
        subject="s",
        message_id="m",
        content_type="t",
        correlation_id="c",
        to="to",
        reply_to="r",
        session_id="g",
        time_to_live=datetime.timedelta(minutes=5),
    )
    await sdk.sender(server).send_messages(sent)
    (received,) = await receive(sdk.receiver(server), 1)
    for field in [
        "subject",
        "message_id",
        "content_type",
        "correlation_id",
        "to",
        "reply_to",
        "session_id",
        "time_to_live",
    ]:
        assert getattr(received, field) == getattr(sent, field)
    assert received.application_properties == {b"a": 1, b"b": b"c"}
    assert received.expires_at_utc == received.enqueued_time_utc + sent.time_to_live


BODIES: list[dict[str, Any]] = [
    {"data_body": [b"a", b"b"]},
    {"value_body": "text"},
    {"value_body": {"a": [1, None]}},
    {"sequence_body": [["a", 1], [2.5]]},
]


@scenario
async def bodies_of_all_kinds(sdk: Sdk) -> None:
    server = sdk.serve()
    sender, receiver = sdk.sender(server), sdk.receiver(server)
    for body in BODIES:
        await sender.send_messages(AmqpAnnotatedMessage(**body))
        (received,) = await receive(receiver, 1)
        seen = received.body if "value_body" in body else list(received.body)
        assert seen == as_bytes(next(iter(body.values())))


def as_bytes(value: Any) -> Any:
    """The SDK makes bytes of text."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [as_bytes(each) for each in value]
    if isinstance(value, dict):
        return {as_bytes(key): as_bytes(each) for key, each in value.items()}
    return value


@scenario
async def long_bodies(sdk: Sdk) -> None:
    server = sdk.serve()
    sender, receiver = sdk.sender(server), sdk.receiver(server)
    for size in (65_300, 65_536, 20_000_000):
        body = (bytes(range(251)) * (size // 251 + 1))[:size]
        await sender.send_messages(ServiceBusMessage(body))
        (received,) = await receive(receiver, 1)
        assert b"".join(received.body) == body


@scenario
async def what_is_not_implemented_is_refused(sdk: Sdk) -> None:
    server = sdk.serve()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    sender = sdk.sender(server)
    message = ServiceBusMessage(b"x")
    message.scheduled_enqueue_time_utc = later
    with pytest.raises(ServiceBusError, match="scheduled messages are not implemented"):
        await sender.send_messages(message)
    with pytest.raises(ServiceBusError, match=r"no operation 'com\.microsoft:schedule-message'"):
        await sender.schedule_messages(ServiceBusMessage(b"x"), later)
    with pytest.raises(ServiceBusError, match=r"no operation 'com\.microsoft:cancel-scheduled"):
        await sender.cancel_scheduled_messages(5)
    with pytest.raises(ServiceBusError, match="Sessions are not implemented by this server"):
        await sdk.receiver(server, session_id="s").receive_messages(1, max_wait_time=20)
    assert server.queue("iris").counts() == Counts(0, 0, 0, 0)


@pytest.mark.parametrize("name", scenario.names)
def test_sending(ends: Ends, name: str) -> None:
    ends[name].result()
