"""The thread that a server lives in: an event loop, a listening socket, a clock that ticks."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from local.servicebus.namespace import Namespace
from local.servicebus.socket_wire import SocketWire

#: Seconds between looks at what is over: locks, messages, tokens, silent connections.
TICK = 0.05


class Host:
    """Runs a namespace. All methods may be called from any thread but the host's own.

    Args:
        address: host and port to listen on.
        certificate: files with the certificate chain and its key, for TLS.

    Attributes:
        namespace: what is served; to be set before ``start``.
        lock: whoever touches the namespace holds it.
        port: where the host listens, or is to listen; 0 until it is known.
        hung: whether nothing is read or written.
        wires: the connections that there are.
    """

    def __init__(self, address: tuple[str, int], certificate: tuple[Path, Path] | None) -> None:
        self.host, self.port = address
        self.lock = threading.Lock()
        self.hung = False
        self.wires: set[SocketWire] = set()
        self.namespace: Namespace
        self.loop: asyncio.AbstractEventLoop
        self._certificate = certificate
        self._tls: ssl.SSLContext | None = None
        #: Held by whoever starts, stops or waits for the loop: it must not end meanwhile.
        self._life = threading.Lock()
        self._thread: threading.Thread | None = None
        self._listener: asyncio.Server | None = None

    def start(self) -> None:
        """Listens and serves. Raises OSError when the port is taken, or a file is missing."""
        self._tls = _tls(self._certificate) if self._certificate else None
        with self._life:
            self.loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._run, name="servicebus", daemon=True)
            self._thread.start()
            try:
                self._wait_for(self._listen())
            except BaseException:
                self._end()
                raise

    def stop(self) -> None:
        """Cuts connections and frees the port."""
        with self._life:
            if self._thread is not None:
                self._end()

    def soon(self, function: Callable[[], None]) -> None:
        """Has a function called with the lock; nothing happens unless the host runs."""
        thread = self._thread
        if thread is not None and threading.get_ident() == thread.ident:
            self.loop.call_soon(self._in_turn, function)
            return
        with self._life:
            if self._thread is not None:
                self.loop.call_soon_threadsafe(self._in_turn, function)

    def act(self, function: Callable[[Namespace], None]) -> None:
        """Has a function called with the lock, and waits for it."""

        async def run() -> None:
            with self.lock:
                function(self.namespace)

        with self._life:
            if self._thread is not None:
                self._wait_for(run())
                return
        with self.lock:
            function(self.namespace)

    def listen(self, wanted: bool) -> None:
        """Starts or stops to accept connections; nothing happens unless the host runs."""
        with self._life:
            if self._thread is not None:
                self._wait_for(self._listen() if wanted else self._unlisten())

    def hang(self, wanted: bool) -> None:
        """Stops or goes on reading and writing."""

        def change(_: Namespace) -> None:
            self.hung = wanted
            for wire in self.wires:
                wire.hang(wanted)

        self.act(change)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_later(TICK, self._tick)
        self.loop.run_forever()
        self.loop.close()

    def _in_turn(self, function: Callable[[], None]) -> None:
        with self.lock:
            function()

    def _tick(self) -> None:
        with self.lock:
            self.namespace.expire()
            if not self.hung:
                self.namespace.tend()
        self.loop.call_later(TICK, self._tick)

    def _wait_for(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def _end(self) -> None:
        assert self._thread is not None
        self._wait_for(self._cut())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self._thread = None

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await self.loop.create_server(
                lambda: SocketWire(self), self.host, self.port, ssl=self._tls
            )
            self.port = self._listener.sockets[0].getsockname()[1]

    async def _unlisten(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _cut(self) -> None:
        await self._unlisten()
        with self.lock:
            self.namespace.drop_connections()
        # Aborted transports close their sockets in the next turn of the loop.
        await asyncio.sleep(0)


def _tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
