"""A TCP proxy in front of a local server, so that a test can cut a client's connection."""

from __future__ import annotations

import contextlib
import socket
import threading


class TcpProxy:
    """Passes bytes between clients on 127.0.0.1 and an upstream port.

    gRPC gives a server no way to break a connection as a dying network does; this one does.
    """

    def __init__(self, upstream: int, port: int = 0) -> None:
        """Listens on ``port``, or on a free one; OSError where the port is taken."""
        self._upstream = upstream
        self._pairs: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self, upstream_client_port: int) -> None:
        """Cuts the connection that the upstream server sees as coming from that port."""
        with self._lock:
            pair = self._pairs.pop(upstream_client_port, ())
        for end in pair:
            _cut(end)

    def close(self) -> None:
        """Stops listening and cuts every connection."""
        _cut(self._listener)
        with self._lock:
            ports = list(self._pairs)
        for port in ports:
            self.drop(port)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._upstream))
            except OSError:
                _cut(client)
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            port = server.getsockname()[1]
            with self._lock:
                self._pairs[port] = (client, server)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink, port), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 18):
                sink.sendall(data)
        self.drop(port)


def _cut(end: socket.socket) -> None:
    # shutdown wakes a thread that waits in recv or accept; close alone does not.
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
