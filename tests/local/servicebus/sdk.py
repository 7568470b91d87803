"""The real SDK on servers of a test, and one event loop for all that is asynchronous."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeVar

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from local.servicebus import Certificates, QueueMessage, ServiceBusServer

T = TypeVar("T")

#: The SDK by itself tries three times more, after 0.8, 1.6 and 3.2 seconds.
PATIENCE: dict[str, Any] = {"retry_total": 1, "retry_backoff_factor": 0.02}


class Sdk:
    """The servers and clients of tests.

    Clients are closed at the end of all tests, at once: each close takes up to a second, which
    the SDK sleeps.
    """

    def __init__(self, certificates: Certificates) -> None:
        self.certificates = certificates
        self._servers = ExitStack()
        self._clients: dict[ServiceBusServer, ServiceBusClient] = {}
        self._closing: list[Any] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def enter(self, server: AbstractContextManager[T]) -> T:
        """Starts a server that runs until all tests are over."""
        return self._servers.enter_context(server)

    def serve(self, **options: Any) -> ServiceBusServer:
        """A server that runs until all tests are over."""
        return self.enter(ServiceBusServer(**options))

    def close_later(self, client: Any) -> None:
        """Closes something when all tests are over."""
        self._closing.append(client)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs a coroutine where the clients live."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def client(self, server: ServiceBusServer) -> ServiceBusClient:
        """The client of a server."""
        if server not in self._clients:
            self._clients[server] = ServiceBusClient.from_connection_string(
                server.connection_string, **PATIENCE
            )
        return self._clients[server]

    def receiver(
        self, server: ServiceBusServer, queue: str = "iris", **options: Any
    ) -> ServiceBusReceiver:
        """A receiver, which opens when it is used."""
        receiver = self.client(server).get_queue_receiver(queue, **options)
        self._closing.append(receiver)
        return receiver

    def sender(self, server: ServiceBusServer, queue: str = "iris") -> ServiceBusSender:
        """A sender, which opens when it is used."""
        sender = self.client(server).get_queue_sender(queue)
        self._closing.append(sender)
        return sender

    def close(self) -> None:
        """Closes all clients and servers."""
        self.start(self._close()).result(30)
        self._servers.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def opened(
        self, server: ServiceBusServer, queue: str = "iris", **options: Any
    ) -> ServiceBusReceiver:
        """A receiver that is open."""
        return await self.receiver(server, queue, **options).__aenter__()

    async def _close(self) -> None:
        closing = [each.close() for each in [*self._closing, *self._clients.values()]]
        # A receiver whose server is gone by a test's wish may fail to say goodbye.
        await asyncio.gather(*closing, return_exceptions=True)


async def receive(receiver: ServiceBusReceiver, count: int) -> list[ServiceBusReceivedMessage]:
    """As many messages as asked for."""
    received: list[ServiceBusReceivedMessage] = []
    give_up = time.monotonic() + 30
    while len(received) < count:
        assert time.monotonic() < give_up, f"{len(received)} messages of {count}"
        received += await receiver.receive_messages(count - len(received), max_wait_time=20)
    return received


def bodies(messages: list[ServiceBusReceivedMessage]) -> list[bytes]:
    return [b"".join(message.body) for message in messages]


def numbered(count: int) -> list[QueueMessage]:
    """Messages whose bodies are b"0", b"1" and so on."""
    return [QueueMessage(str(number).encode()) for number in range(count)]


async def eventually(condition: Callable[[], bool]) -> None:
    """Fails unless ``condition`` comes true within some seconds."""
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.01)
