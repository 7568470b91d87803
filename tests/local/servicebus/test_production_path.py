"""TLS and ``ClientSecretCredential``: the way to the real service, ended on this machine."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential as SyncCredential
from azure.identity.aio import ClientSecretCredential
from azure.servicebus import ServiceBusClient as SyncClient
from azure.servicebus import TransportType
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import (
    ServiceBusAuthenticationError,
    ServiceBusConnectionError,
    ServiceBusError,
)

from local.servicebus import Counts, ServiceBusServer, TokenEndpoint
from tests.local.servicebus.scenarios import Ends, Scenarios
from tests.local.servicebus.sdk import PATIENCE, Sdk, bodies, numbered, receive

scenario = Scenarios()

SCOPE = "https://servicebus.azure.net//.default"


def endpoint(sdk: Sdk, **options: Any) -> TokenEndpoint:
    known = {"app": "secret"}
    return sdk.enter(TokenEndpoint("tenant", known, sdk.certificates.server, **options))


def tls_server(sdk: Sdk, tokens: TokenEndpoint) -> ServiceBusServer:
    return sdk.serve(certificate=sdk.certificates.server, tokens=tokens)


def credential_options(sdk: Sdk, tokens: TokenEndpoint) -> dict[str, Any]:
    return {
        "authority": tokens.authority,
        "disable_instance_discovery": True,
        "connection_verify": str(sdk.certificates.authority),
        "retry_total": 0,
    }


def credential(sdk: Sdk, tokens: TokenEndpoint) -> ClientSecretCredential:
    options = credential_options(sdk, tokens)
    found = ClientSecretCredential("tenant", "app", "secret", **options)
    sdk.close_later(found)
    return found


def client_options(sdk: Sdk, server: ServiceBusServer) -> dict[str, Any]:
    return {
        "fully_qualified_namespace": "ns.servicebus.windows.net",
        "custom_endpoint_address": f"sb://{server.address}",
        "connection_verify": str(sdk.certificates.authority),
        "transport_type": TransportType.Amqp,
        **PATIENCE,
    }


def receiver(sdk: Sdk, server: ServiceBusServer, **options: Any) -> ServiceBusReceiver:
    client = ServiceBusClient(**{**client_options(sdk, server), **options})
    found = client.get_queue_receiver("iris")
    sdk.close_later(client)
    sdk.close_later(found)
    return found


@scenario
async def the_whole_way(sdk: Sdk) -> None:
    tokens = endpoint(sdk)
    server = tls_server(sdk, tokens)
    server.queue("iris").send(numbered(50))
    receiving = receiver(sdk, server, credential=credential(sdk, tokens))
    messages = await receive(receiving, 50)
    assert bodies(messages) == [str(number).encode() for number in range(50)]
    await asyncio.gather(*(receiving.complete_message(each) for each in messages))
    assert server.queue("iris").counts() == Counts(0, 0, 0, 0)
    assert (tokens.requests, server.connections) == (1, 1)


def synchronously(sdk: Sdk, server: ServiceBusServer, tokens: TokenEndpoint) -> None:
    options = credential_options(sdk, tokens)
    with (
        SyncCredential("tenant", "app", "secret", **options) as known,
        SyncClient(**client_options(sdk, server), credential=known) as client,
        client.get_queue_receiver("iris") as receiving,
    ):
        (message,) = receiving.receive_messages(1, max_wait_time=10)
        receiving.complete_message(message)


@scenario
async def the_whole_way_synchronously(sdk: Sdk) -> None:
    tokens = endpoint(sdk)
    server = tls_server(sdk, tokens)
    server.queue("iris").send(numbered(1))
    await asyncio.to_thread(synchronously, sdk, server, tokens)
    assert server.queue("iris").counts() == Counts(0, 0, 0, 0)


@scenario
async def a_certificate_that_is_not_trusted(sdk: Sdk) -> None:
    tokens = endpoint(sdk)
    server = tls_server(sdk, tokens)
    found = receiver(sdk, server, credential=credential(sdk, tokens), connection_verify=None)
    with pytest.raises(ServiceBusConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        await found.receive_messages(1, max_wait_time=20)


@scenario
async def a_token_from_somewhere_else(sdk: Sdk) -> None:
    server = tls_server(sdk, endpoint(sdk))
    stranger = credential(sdk, endpoint(sdk))
    found = receiver(sdk, server, credential=stranger)
    with pytest.raises((ServiceBusAuthenticationError, ServiceBusConnectionError)) as caught:
        await found.receive_messages(1, max_wait_time=20)
    assert "InvalidToken" in str(caught.value.inner_exception)


@scenario
async def a_token_that_is_revoked(sdk: Sdk) -> None:
    tokens = endpoint(sdk)
    server = tls_server(sdk, tokens)
    server.queue("iris").send(numbered(2))
    known = credential(sdk, tokens)
    found = receiver(sdk, server, credential=known)
    await receive(found, 1)
    tokens.revoke_tokens()
    server.faults.expire_tokens()
    # The credential keeps its token, which is good by its date.
    with pytest.raises(ServiceBusError):
        await receive(found, 1)
    found = receiver(sdk, server, credential=credential(sdk, tokens))
    assert bodies(await receive(found, 1)) == [b"1"]


@scenario
async def tokens_that_expire_are_followed_by_others(sdk: Sdk) -> None:
    tokens = endpoint(sdk, lifetime=2.0)
    server = tls_server(sdk, tokens)
    found = receiver(sdk, server, credential=credential(sdk, tokens))
    handle = server.queue("iris")
    give_up = time.monotonic() + 40
    while tokens.requests < 3 or handle.counts().active:
        assert time.monotonic() < give_up
        if tokens.requests < 3 and not handle.counts().active:
            handle.send(numbered(1))
        # The SDK renews tokens with a tenth of their life left, in whole seconds: here, too late.
        with suppress(ServiceBusError):
            await found.receive_messages(1, max_wait_time=20)


REFUSALS = [
    (("tenant", "app", "wrong"), "AADSTS7000215"),
    (("tenant", "unknown", "secret"), "AADSTS700016"),
    (("elsewhere", "app", "secret"), "AADSTS90002"),
    (("tenant", "old", "secret"), "AADSTS7000222"),
]


@scenario
async def credentials_that_are_refused(sdk: Sdk) -> None:
    clients = {"app": "secret", "old": "secret"}
    tokens = sdk.enter(TokenEndpoint("tenant", clients, sdk.certificates.server))
    tokens.expire_secret("old")
    options = credential_options(sdk, tokens)
    for known, code in REFUSALS:
        async with ClientSecretCredential(*known, **options) as asked:
            with pytest.raises(ClientAuthenticationError, match=code):
                await asked.get_token(SCOPE)
        # The synchronous one asks for the tenant's addresses first, and keeps why it is refused.
        said = "Unable to get authority configuration" if code == "AADSTS90002" else code
        with (
            SyncCredential(*known, **options) as asked_synchronously,
            pytest.raises(ClientAuthenticationError, match=said),
        ):
            await asyncio.to_thread(asked_synchronously.get_token, SCOPE)


@pytest.mark.parametrize("name", scenario.names)
def test_production_path(ends: Ends, name: str) -> None:
    ends[name].result()
