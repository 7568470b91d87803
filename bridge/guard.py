"""One receiver, one connection: the only module that reaches into the Service Bus SDK.

The SDK (7.15, pinned in ``setup.py``) reopens a lost connection by itself, and does so in every
call that is under way: a drop during a hundred concurrent completes opens nearly a hundred
connections, and IRIS allows one per queue. There is no public switch for it, so the receiver's
private ``_open`` is replaced, for this one object, by one that opens once. Likewise a message can
be given back without raising its delivery count (AMQP's ``released`` outcome) only by way of the
private handler. ``tests/bridge/test_guard.py`` holds the SDK to what is used here.
"""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

from azure.servicebus.exceptions import ServiceBusConnectionError


class Ticket(NamedTuple):
    """What it takes to give a message back: small, where a message holds its body."""

    delivery_id: int
    delivery_tag: bytes


def ticket(message: Any) -> Ticket:
    """The ticket of a ``ServiceBusReceivedMessage``."""
    return Ticket(message._delivery_id, message._delivery_tag)


class Guard:
    """Holds ``receiver`` (a ``ServiceBusReceiver`` of the aio package) to one connection."""

    def __init__(self, receiver: Any) -> None:
        self._receiver = receiver
        self._open_once = receiver._open
        self._opened = False
        self._socket: Any = None
        receiver._open = self._open

    async def _open(self, timeout: float | None = None) -> None:
        if self._receiver._running:
            return
        if self._opened:
            raise ServiceBusConnectionError(message="the connection is lost")
        self._opened = True
        try:
            await self._open_once(timeout)
        finally:
            self._remember()

    def _remember(self) -> None:
        connection = getattr(self._receiver._handler, "_connection", None)
        self._socket = getattr(connection, "_transport", None)

    async def release(self, ticket: Ticket) -> None:
        """Gives a received message back; its delivery count stays what it was.

        By the Service Bus team's word (GitHub Azure/amqpnetlite issue 342) ``released`` does not
        count as a failed delivery, unlike an abandon or a lock that expires.
        """
        await self._receiver._handler.settle_messages_async(
            ticket.delivery_id, ticket.delivery_tag, "released"
        )

    def abort(self) -> None:
        """Cuts the TCP connection, whatever state the SDK left it in."""
        handler = self._receiver._handler
        if handler is not None and self._socket is None:
            self._remember()
        writer = getattr(self._socket, "writer", None)
        if writer is not None:
            with contextlib.suppress(OSError, RuntimeError):  # gone already
                writer.transport.abort()
