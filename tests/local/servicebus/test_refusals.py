"""What the SDK makes of tokens, links and requests that are refused."""

from __future__ import annotations

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusQuotaExceededError,
    ServiceBusServerBusyError,
)

from local.servicebus.faults import SERVER_BUSY
from tests.local.servicebus.scenarios import Ends, Scenarios
from tests.local.servicebus.sdk import Sdk, bodies, numbered, receive

scenario = Scenarios()


@scenario
async def tokens_that_are_refused(sdk: Sdk) -> None:
    server = sdk.serve()
    server.faults.refuse_tokens(401, "InvalidSignature: The token has an invalid signature.")
    receiver = sdk.receiver(server)
    with pytest.raises(ServiceBusAuthenticationError) as caught:
        await receiver.receive_messages(1, max_wait_time=20)
    assert "401\nDescription: InvalidSignature: The token has" in str(caught.value.inner_exception)
    server.faults.clear()
    server.queue("iris").send(numbered(1))
    assert bodies(await receive(receiver, 1)) == [b"0"]


@scenario
async def tokens_that_expire(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(1))
    receiver = sdk.receiver(server)
    await receive(receiver, 1)
    server.faults.expire_tokens()
    assert server.connections == 0
    with pytest.raises(ServiceBusAuthorizationError, match="ExpiredToken"):
        await receiver.receive_messages(1, max_wait_time=20)
    handle.send(numbered(1))
    assert bodies(await receive(receiver, 1)) == [b"0"]


@scenario
async def claims_that_are_missing(sdk: Sdk) -> None:
    server = sdk.serve()
    server.faults.deny("iris", "Listen")
    receiver, sender = sdk.receiver(server), sdk.sender(server)
    listen = r"Unauthorized access. 'Listen' claim\(s\) are required to perform this operation."
    with pytest.raises(ServiceBusAuthorizationError, match=listen):
        await receiver.receive_messages(1, max_wait_time=20)
    await sender.send_messages(ServiceBusMessage(b"x"))
    server.faults.clear()
    server.faults.deny("iris", "Send")
    assert bodies(await receive(receiver, 1)) == [b"x"]
    with pytest.raises(ServiceBusAuthorizationError, match="'Send' claim"):
        await sdk.sender(server).send_messages(ServiceBusMessage(b"x"))


@scenario
async def a_queue_that_is_removed(sdk: Sdk) -> None:
    server = sdk.serve()
    handle = server.queue("iris")
    handle.send(numbered(2))
    receiver = sdk.receiver(server)
    await receive(receiver, 1)
    server.faults.remove("iris")
    for _ in range(2):
        with pytest.raises(MessagingEntityNotFoundError):
            await receiver.receive_messages(1, max_wait_time=20)
    server.faults.clear()
    assert bodies(await receive(receiver, 1)) == [b"1"]


@scenario
async def a_service_that_is_busy(sdk: Sdk) -> None:
    server = sdk.serve()
    receiver, sender = await sdk.opened(server), sdk.sender(server)
    await sender.send_messages(ServiceBusMessage(b"0"))
    await receiver.peek_messages(1)
    server.faults.throttle()
    with pytest.raises(ServiceBusServerBusyError, match="Error code: 50009"):
        await sender.send_messages(ServiceBusMessage(b"1"))
    with pytest.raises(ServiceBusServerBusyError, match="Status Code: 503"):
        await receiver.peek_messages(1)
    with pytest.raises(ServiceBusServerBusyError, match="Error code: 50009"):
        await sdk.receiver(server).receive_messages(1, max_wait_time=20)
    # Who receives goes on.
    assert bodies(await receive(receiver, 1)) == [b"0"]
    server.faults.throttle("amqp:resource-limit-exceeded", "the quota is used up")
    with pytest.raises(ServiceBusQuotaExceededError, match="the quota is used up"):
        await sender.send_messages(ServiceBusMessage(b"1"))
    server.faults.clear()
    await sender.send_messages(ServiceBusMessage(b"1"))
    assert bodies(await receive(receiver, 1)) == [b"1"]


@scenario
async def links_that_end_for_a_reason(sdk: Sdk) -> None:
    server = sdk.serve()
    server.queue("iris").send(numbered(3))
    receiver = await sdk.opened(server)
    for condition in ("com.microsoft:entity-disabled", "amqp:internal-error"):
        server.faults.detach("iris", condition, "a reason")
        await receive(receiver, 1)
    server.faults.detach("iris", SERVER_BUSY, "a reason")
    for _ in range(3):
        # The SDK keeps the link that was ended.
        with pytest.raises(ServiceBusServerBusyError, match="a reason"):
            await receiver.receive_messages(1, max_wait_time=20)
    await receiver.close()
    assert bodies(await receive(sdk.receiver(server), 1)) == [b"2"]


@scenario
async def one_connection_per_queue(sdk: Sdk) -> None:
    server = sdk.serve(queues=["iris", "other"], max_connections_per_queue=1)
    first = await sdk.opened(server)
    await first.peek_messages(1)
    second = sdk.receiver(server)
    with pytest.raises(ServiceBusQuotaExceededError, match="has 1 connections, the most"):
        await second.receive_messages(1, max_wait_time=20)
    assert (server.connections, server.peak_connections) == (1, 1)
    await sdk.opened(server, "other")
    assert (server.connections, server.peak_connections) == (2, 2)
    await first.close()
    assert server.connections == 1
    server.reset_peak()
    assert (server.peak_connections, server.total_connections) == (1, 2)
    server.queue("iris").send(numbered(1))
    assert bodies(await receive(second, 1)) == [b"0"]


@pytest.mark.parametrize("name", scenario.names)
def test_refusals(ends: Ends, name: str) -> None:
    ends[name].result()
