"""One receiver on the queue, or on its dead-letter queue, over one connection."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from azure.core.exceptions import AzureError
from azure.identity.aio import ClientSecretCredential
from azure.servicebus import ServiceBusSubQueue, TransportType
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError

from bridge import words
from bridge.guard import Guard, Ticket
from bridge.settings import Login, Secret, Settings

log = logging.getLogger(__name__)

#: Seconds within which a connection is open, or is given up.
OPEN_SECONDS: Final = 30.0
#: Seconds within which the broker answers a settlement, a renewal or a probe.
ANSWER_SECONDS: Final = 10.0
#: Seconds for a closing handshake; then the connection is cut.
CLOSE_SECONDS: Final = 3.0


class SourceLost(Exception):
    """The connection is lost, or could not be made; the text tells why in words."""


@dataclass
class Settled:
    """What became of a batch of settlements.

    Attributes:
        done: settlements that the broker confirmed.
        failures: the others, by the kind of error; their messages may come again.
        lost: why the connection can no longer be used, else None.
    """

    done: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    lost: str | None = None


class Access:
    """How to reach the namespace; holds the login, whose token is shared by all receivers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._credential: ClientSecretCredential | None = None
        if isinstance(settings.access, Login):
            self._credential = _credential(settings.access, settings)

    def client(self) -> ServiceBusClient:
        """A client without retries of its own: what to do after an error is decided here."""
        common: dict[str, Any] = {
            "retry_total": 0,
            "try_timeout": OPEN_SECONDS,
            "transport_type": TransportType.Amqp,
        }
        settings = self.settings
        if settings.ca_file:
            common["connection_verify"] = settings.ca_file
        if isinstance(settings.access, Secret):
            return ServiceBusClient.from_connection_string(settings.access.reveal(), **common)
        assert self._credential is not None
        if settings.endpoint:
            common["custom_endpoint_address"] = f"sb://{settings.endpoint}"
        return ServiceBusClient(settings.host, self._credential, **common)

    async def close(self) -> None:
        """Closes the login's own connections."""
        if self._credential is not None:
            await self._credential.close()


def _credential(login: Login, settings: Settings) -> ClientSecretCredential:
    options: dict[str, Any] = {}
    if login.authority:  # not one of Microsoft's own: there is nobody to confirm it
        options = {"authority": login.authority, "disable_instance_discovery": True}
    if settings.ca_file:
        options["connection_verify"] = settings.ca_file
    return ClientSecretCredential(
        login.tenant_id, login.client_id, login.client_secret.reveal(), **options
    )


class Source:
    """A receiver in peek-lock mode. Not for concurrent calls; use as a context manager.

    Args:
        access: how to reach the namespace.
        dead_letters: read the queue's dead-letter queue instead of the queue.
    """

    def __init__(self, access: Access, *, dead_letters: bool = False) -> None:
        settings = access.settings
        self.dead_letters = dead_letters
        self._host = settings.endpoint or settings.host
        self._queue = settings.queue_name
        self._access = access
        self._sub_queue = ServiceBusSubQueue.DEAD_LETTER if dead_letters else None

    async def __aenter__(self) -> Source:
        """Opens the connection. Raises SourceLost."""
        try:
            self._client = self._access.client()
            self._receiver = self._client.get_queue_receiver(self._queue, sub_queue=self._sub_queue)
        except ValueError as error:  # a connection string that is none
            raise SourceLost(f"IRIS_CONNECTION_STRING: {error}") from None
        self._guard = Guard(self._receiver)
        try:
            await self._call(self._receiver.__aenter__(), OPEN_SECONDS)
        except SourceLost:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._client.close()
        except Exception as error:  # of any type: the SDK closes what is broken already
            log.debug("closing the receiver: %r", error)
        finally:
            self._guard.abort()

    async def receive(self, count: int, seconds: float) -> list[Any]:
        """Up to ``count`` messages, as soon as there is one; empty after ``seconds`` without.

        Raises:
            SourceLost: the connection is gone or does not answer.
        """
        call = self._receiver.receive_messages(max_message_count=count, max_wait_time=seconds)
        return list(await self._call(call, seconds + ANSWER_SECONDS))

    async def probe(self) -> int:
        """Asks the broker for a message without taking it; how many it showed (0 or 1).

        Raises:
            SourceLost: there is no answer.
        """
        call = self._receiver.peek_messages(1, timeout=ANSWER_SECONDS)
        return len(await self._call(call, ANSWER_SECONDS + 1))

    async def complete(self, messages: Sequence[Any]) -> Settled:
        """Completes all ``messages`` at once."""
        return await self._settle([self._receiver.complete_message(one) for one in messages])

    async def dead_letter(self, message: Any, reason: str, detail: str) -> Settled:
        """Moves ``message`` to the queue's dead-letter queue."""
        call = self._receiver.dead_letter_message(message, reason=reason, error_description=detail)
        return await self._settle([call])

    async def renew(self, message: Any) -> None:
        """Prolongs the lock of ``message`` by the queue's lock duration.

        Raises:
            Exception: of any type, as the SDK has it; the lock may be lost then.
        """
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._receiver.renew_message_lock(message, timeout=ANSWER_SECONDS)

    async def release(self, tickets: Iterable[Ticket]) -> None:
        """Gives messages back uncounted; without effect where the connection is gone."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                for ticket in tickets:
                    await self._guard.release(ticket)
        except Exception as error:  # their locks run out instead
            log.debug("releasing messages: %r", error)

    async def _settle(self, calls: list[Coroutine[Any, Any, None]]) -> Settled:
        tasks = [asyncio.ensure_future(call) for call in calls]
        _, late = await asyncio.wait(tasks, timeout=ANSWER_SECONDS)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        settled = Settled()
        for task in tasks:
            error = TimeoutError() if task in late else task.exception()
            if error is None:
                settled.done += 1
                continue
            settled.failures[type(error).__name__] += 1
            # The SDK raises errors of many types for a link that is gone, ValueError among them:
            # but for an answer about the one message, the connection is not to be trusted.
            if not isinstance(error, (MessageLockLostError, MessageAlreadySettled)):
                settled.lost = self._words(error)
        return settled

    async def _call(self, call: Coroutine[Any, Any, Any], seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await call
        except (AzureError, OSError, ValueError, RuntimeError, AttributeError) as error:
            # The SDK's own bugs on broken connections included: each means a fresh connection.
            raise SourceLost(self._words(error)) from error

    def _words(self, error: BaseException) -> str:
        name = f"{self._queue}/$DeadLetterQueue" if self.dead_letters else self._queue
        return words.of_queue(error, name, self._host)
