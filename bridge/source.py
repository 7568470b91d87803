"""One receiver on the queue, or on its dead-letter queue, over one connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Final

from azure.servicebus import ServiceBusMessageState, ServiceBusSubQueue, TransportType
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    ServiceBusConnectionError,
)

from bridge import words
from bridge.guard import Guard, Ticket
from bridge.login import Login, Secret
from bridge.outcomes import Renewed, Settled
from bridge.pace import MOST_BYTES
from bridge.settings import Settings
from bridge.tokens import LoginError, Tokens

log = logging.getLogger(__name__)

#: Seconds within which a connection is open, or is given up.
OPEN_SECONDS: Final = 30.0
#: Seconds within which the broker answers a settlement, a renewal or a probe.
ANSWER_SECONDS: Final = 10.0
#: Seconds for a closing handshake; then the connection is cut.
CLOSE_SECONDS: Final = 2.0
#: Seconds that a call of the SDK gets to end when it is cancelled.
_CANCEL_SECONDS: Final = 2.0
#: Locks renewed at once: one by one, a distant broker could not keep up with two batches in hand.
_RENEWALS: Final = 50

#: Errors that concern one message. Any other says that the connection is not to be trusted: the
#: SDK raises errors of many types for a link that is gone, ValueError among them.
ABOUT_THE_MESSAGE: Final = (MessageLockLostError, MessageAlreadySettled)


class SourceLost(Exception):
    """The connection is lost, or could not be made; the text tells why in words."""


class Access:
    """How to reach the namespace; holds the login, whose token is shared by all receivers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.login = settings.access if isinstance(settings.access, Login) else None
        self._tokens = Tokens(self.login, settings.ca_file) if self.login else None

    async def learn_secret(self) -> None:
        """Reads a client secret that Secret Manager keeps; to be called before ``log_in``.

        Raises:
            SecretError: it cannot be read.
        """
        if self._tokens is not None:
            await self._tokens.learn_secret()

    async def log_in(self) -> None:
        """Fetches a token, unless one is at hand that is good for some minutes.

        The SDK would do it, but leaves open who does not answer, the login or Service Bus.

        Raises:
            SourceLost: the login is refused, or nobody answers.
        """
        if self._tokens is None:
            return
        try:
            await self._tokens.fetch()
        except LoginError as error:
            raise SourceLost(str(error)) from error

    def client(self) -> ServiceBusClient:
        """A client without retries of its own: what to do after an error is decided here.

        Raises:
            ValueError: a connection string that is for another queue, or none.
        """
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
        assert self._tokens is not None
        assert self._tokens.credential is not None, "log_in comes first"
        if settings.endpoint:
            common["custom_endpoint_address"] = f"sb://{settings.endpoint}"
        return ServiceBusClient(settings.host, self._tokens.credential, **common)

    async def close(self) -> None:
        """Forgets the token and closes the login's own connections; ``log_in`` starts over."""
        if self._tokens is not None:
            await self._tokens.forget()


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
        await self._access.log_in()
        try:
            self._client = self._access.client()
            self._receiver = self._client.get_queue_receiver(self._queue, sub_queue=self._sub_queue)
        except ValueError as error:
            place = (
                "IRIS_CONNECTION_STRING"
                if isinstance(self._access.settings.access, Secret)
                else self._host
            )
            raise SourceLost(f"{place}: {error}") from None
        self._guard = Guard(self._receiver, MOST_BYTES)
        try:
            await self._call(self._receiver.__aenter__(), OPEN_SECONDS + 1)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        self._guard.end_keep_alive()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._client.close()
        except Exception as error:  # of any type: the SDK closes what is broken already
            log.debug("closing the receiver: %r", error)
        finally:
            self._guard.abort()

    async def receive(self, count: int, seconds: float) -> list[Any]:
        """Up to ``count`` messages, as soon as there is one; empty after ``seconds`` without.

        Bodies that together pass ``MOST_BYTES`` end the batch: what comes after them is given back.

        Raises:
            SourceLost: the connection is gone or does not answer.
        """
        self._guard.make_room()
        loop = asyncio.get_running_loop()
        started = loop.time()
        call = self._receiver.receive_messages(max_message_count=count, max_wait_time=seconds)
        messages = list(await self._call(call, seconds + ANSWER_SECONDS))
        # A link that is gone, and bytes that it cannot read, the SDK may take for an end.
        if not messages and (loop.time() - started < seconds / 2 or not self._guard.is_attached):
            raise SourceLost(f"{self._host}: the SDK has ceased to receive")
        return messages

    async def probe(self) -> int | None:
        """The sequence number of the queue's first message, locked ones included; else None.

        A deferred message counts as none: it is not delivered. None is taken.

        Raises:
            SourceLost: there is no answer.
        """
        # From the beginning: left to itself the SDK goes on behind what it has shown.
        call = self._receiver.peek_messages(1, sequence_number=1, timeout=ANSWER_SECONDS)
        for message in await self._call(call, ANSWER_SECONDS + 1):
            if message.state is ServiceBusMessageState.ACTIVE:
                number: int = message.sequence_number
                return number
        return None

    async def complete(self, messages: Sequence[Any]) -> Settled:
        """Completes all ``messages`` at once."""
        return await self._settle([self._receiver.complete_message(one) for one in messages])

    async def dead_letter(self, message: Any, reason: str, detail: str) -> Settled:
        """Moves ``message`` to the queue's dead-letter queue."""
        call = self._receiver.dead_letter_message(message, reason=reason, error_description=detail)
        return await self._settle([call])

    async def renew(self, messages: Sequence[Any]) -> Renewed:
        """Prolongs the locks of ``messages`` by the queue's lock duration."""
        renewed = Renewed()
        for at in range(0, len(messages), _RENEWALS):
            group = messages[at : at + _RENEWALS]
            calls = [
                self._receiver.renew_message_lock(one, timeout=ANSWER_SECONDS) for one in group
            ]
            for message, error in zip(group, await _answers(calls), strict=True):
                if error is None:
                    renewed.done.append(message)
                    continue
                renewed.failures[type(error).__name__] += 1
                if isinstance(error, ABOUT_THE_MESSAGE):
                    continue
                if isinstance(error, (ServiceBusConnectionError, TimeoutError)):
                    renewed.lost = self._words(error)
                renewed.again.append(message)
            if renewed.lost:
                break
        return renewed

    async def release(self, tickets: Iterable[Ticket]) -> None:
        """Gives messages back uncounted; without effect where the connection is gone."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                for ticket in tickets:
                    await self._guard.release(ticket)
        except Exception as error:  # their locks run out instead
            log.debug("releasing messages: %r", error)

    async def _settle(self, calls: Sequence[Coroutine[Any, Any, object]]) -> Settled:
        settled = Settled()
        for error in await _answers(calls):
            if error is None:
                settled.done += 1
                continue
            settled.failures[type(error).__name__] += 1
            if settled.lost is None and not isinstance(error, ABOUT_THE_MESSAGE):
                settled.lost = self._words(error)
        return settled

    async def _call(self, call: Coroutine[Any, Any, Any], seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await call
        except Exception as error:
            # Of any type: on broken connections, and on bytes that it cannot read, the SDK raises
            # what comes. Each means a fresh connection.
            if words.is_refused_token(error):
                await self._access.close()  # the login would hand out the same one for an hour
            raise SourceLost(self._words(error)) from error

    def _words(self, error: BaseException) -> str:
        name = f"{self._queue}/$DeadLetterQueue" if self.dead_letters else self._queue
        return words.of_queue(error, name, self._host, self._access.login)


async def _answers(calls: Sequence[Coroutine[Any, Any, object]]) -> list[BaseException | None]:
    """Makes all calls at once; the error of each, None where the broker confirmed it."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        _, late = await asyncio.wait(tasks, timeout=ANSWER_SECONDS)
    finally:
        for task in tasks:
            task.cancel()
    if late:
        await asyncio.wait(late, timeout=_CANCEL_SECONDS)
    return [
        TimeoutError() if not task.done() or task.cancelled() else task.exception()
        for task in tasks
    ]
