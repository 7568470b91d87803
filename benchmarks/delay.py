"""A proxy that adds a round trip to every connection, as a distant service has it."""

from __future__ import annotations

import asyncio
import threading
from collections import deque


class DelayProxy:
    """Passes bytes between clients and ``upstream`` (``HOST:PORT``), each way half of ``rtt`` late.

    Only time is added: the bandwidth stays that of the loopback. Runs in a thread of its own.
    """

    def __init__(self, upstream: str, rtt: float) -> None:
        self._upstream = upstream
        self._delay = rtt / 2
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        listening = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self.address: str = listening.result()

    async def _listen(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=2**20)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self._upstream.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port), limit=2**20)
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        waiting: deque[bytes] = deque()

        def pass_on() -> None:
            if not sink.is_closing():
                sink.write(waiting.popleft())

        while data := await source.read(2**18):
            waiting.append(data)
            self._loop.call_later(self._delay, pass_on)
        self._loop.call_later(self._delay, sink.close)
