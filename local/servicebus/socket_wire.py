"""A connection's socket, on asyncio."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from local.servicebus.connection import Connection

if TYPE_CHECKING:
    from local.servicebus.host import Host

#: Bytes that wait to be written; above that, deliveries wait in their queues.
_ENOUGH = 256 * 1024


class SocketWire(asyncio.Protocol):
    """Moves bytes between a socket and a ``Connection``; what is written leaves in one go.

    Everything happens on the event loop's thread, and the connection is only touched with the
    host's lock.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock: threading.Lock = host.lock
        self._transport: asyncio.Transport
        self._connection: Connection
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._flush_planned = False
        self._clogged = False
        self._hung = False

    # What the connection uses

    @property
    def has_room(self) -> bool:
        """Whether what was written leaves about as fast as it comes."""
        return not self._clogged and not self._hung and self._out_bytes < _ENOUGH

    def write(self, data: bytes) -> None:
        """Has bytes sent, at the end of this turn of the event loop."""
        self._out.append(data)
        self._out_bytes += len(data)
        if not self._flush_planned and not self._hung:
            self._flush_planned = True
            self._host.loop.call_soon(self._flush)

    def close(self) -> None:
        """Closes once all is sent."""
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()
        self._transport.close()

    def abort(self) -> None:
        """Closes at once."""
        self._out.clear()
        self._transport.abort()

    # What the host uses

    def hang(self, wanted: bool) -> None:
        """Stops or goes on reading and writing; with the lock."""
        if wanted == self._hung or self._transport.is_closing():
            return
        self._hung = wanted
        if wanted:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
            self._connection.heard()
            self._host.loop.call_soon(self._flush)

    # What asyncio uses

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        with self._lock:
            self._connection = Connection(self._host.namespace, self)
            self._host.wires.add(self)
            self.hang(self._host.hung)

    def data_received(self, data: bytes) -> None:
        with self._lock:
            self._connection.receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        with self._lock:
            self._host.wires.discard(self)
            self._connection.lost()

    def pause_writing(self) -> None:
        self._clogged = True

    def resume_writing(self) -> None:
        self._clogged = False
        with self._lock:
            self._connection.room()

    def _flush(self) -> None:
        self._flush_planned = False
        if self._hung or not self._out:
            return
        was_full = self._out_bytes >= _ENOUGH
        data = b"".join(self._out)
        self._out.clear()
        self._out_bytes = 0
        self._transport.write(data)
        if was_full:
            with self._lock:
                self._connection.room()
