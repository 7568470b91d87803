"""One receiver, one connection: the only module that reaches into the Service Bus SDK.

What the SDK (7.15, pinned in ``setup.py``) has no public switch for, done to one receiver object:

- It reopens a lost connection by itself, and does so in every call that is under way: a drop
  during a hundred concurrent completes opens nearly a hundred connections, and IRIS allows one per
  queue. Its private ``_open`` is replaced by one that opens once.
- It asks for a number of messages, whatever their size. Those that arrive when a batch has its
  bytes are given back.
- It waits for its keep-alive, which sleeps for a second at a time, whenever it closes.
- It can give a message back without raising its delivery count (AMQP's ``released`` outcome), and
  does so with what arrives while nobody receives, but not when asked to.

``tests/bridge/test_guard.py`` holds the SDK to what is used here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
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
    """Holds ``receiver`` (a ``ServiceBusReceiver`` of the aio package) to one connection.

    Args:
        most_bytes: of the bodies that one receive takes; the message that passes them is its last.
    """

    def __init__(self, receiver: Any, most_bytes: int) -> None:
        self._receiver = receiver
        self._most_bytes = most_bytes
        self._room = 0
        self._open_once = receiver._open
        self._opened = False
        self._socket: Any = None
        self._take: Callable[[Any, Any], Awaitable[None]]
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
        link = self._receiver._handler._link
        self._take, link._on_transfer = link._on_transfer, self._arrived

    def _remember(self) -> None:
        connection = getattr(self._receiver._handler, "_connection", None)
        self._socket = getattr(connection, "_transport", None)

    @property
    def is_attached(self) -> bool:
        """False where the broker has ended the link; the SDK then receives nothing, in silence."""
        link = getattr(self._receiver._handler, "_link", None)
        return link is not None and link.state.name == "ATTACHED"

    def make_room(self) -> None:
        """A receive begins: there is room for ``most_bytes``."""
        self._room = self._most_bytes

    async def _arrived(self, frame: Any, message: Any) -> None:
        if self._room <= 0:
            await self.release(Ticket(frame[1], frame[2]))
            return
        self._room -= _size(message)
        await self._take(frame, message)

    async def release(self, ticket: Ticket) -> None:
        """Gives a received message back; its delivery count stays what it was.

        By the Service Bus team's word (GitHub Azure/amqpnetlite issue 342) ``released`` does not
        count as a failed delivery, unlike an abandon or a lock that expires.
        """
        await self._receiver._handler.settle_messages_async(
            ticket.delivery_id, ticket.delivery_tag, "released"
        )

    def end_keep_alive(self) -> None:
        """To be called before the receiver is closed, which then need not wait for it."""
        handler = self._receiver._handler
        task = getattr(handler, "_keep_alive_thread", None)  # a task, whatever its name
        if task is not None:
            handler._keep_alive_thread = None
            task.cancel()

    def abort(self) -> None:
        """Cuts the TCP connection, whatever state the SDK left it in."""
        handler = self._receiver._handler
        if handler is not None and self._socket is None:
            self._remember()
        writer = getattr(self._socket, "writer", None)
        if writer is not None:
            with contextlib.suppress(OSError, RuntimeError):  # gone already
                writer.transport.abort()


def _size(message: Any) -> int:
    """Bytes of the body of a message as the SDK's AMQP layer has it."""
    if message.data is not None:
        return sum(map(len, message.data))
    return len(message.value) if isinstance(message.value, (bytes, str)) else 0
