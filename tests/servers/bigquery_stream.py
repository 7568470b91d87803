"""The course of one AppendRows call: requests in, answers out in their order and time."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

import grpc

from tests.servers.bigquery_answers import Answer, Close, Drop, Refusal, Step, abort
from tests.servers.bigquery_append import Connection

#: The longest wait before the idle time, which a test may have changed, is looked up again.
_LOOK_AGAIN = 0.1

_Inbox = queue.SimpleQueue[bytes | None]


class AppendStream:
    """Serves one call. ``drop`` cuts the TCP connection that comes from a given port."""

    def __init__(
        self,
        connection: Connection,
        context: grpc.ServicerContext,
        idle_seconds: Callable[[], float],
        drop: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._context = context
        self._idle_seconds = idle_seconds
        self._drop = drop
        self._gone = threading.Event()
        # None in the inbox: the client has closed its side, or the call is over.
        self._inbox: _Inbox = queue.SimpleQueue()
        # Steps in order, each with the time from which it may be taken.
        self._pending: deque[tuple[float, Step]] = deque()

    def serve(self, requests: Iterator[bytes]) -> Iterator[bytes]:
        """Yields the serialized responses until the call ends."""
        self._context.add_callback(self._over)
        arguments = (requests, self._inbox)
        threading.Thread(target=_receive, args=arguments, daemon=True).start()
        reading, active = True, time.monotonic()
        while (reading or self._pending) and not self._gone.is_set():
            while self._pending and self._pending[0][0] <= time.monotonic():
                step = self._pending.popleft()[1]
                if not isinstance(step, Answer):
                    self._end(step)
                    return
                yield step.response
                active = time.monotonic()
            if not reading and not self._pending:
                return
            wake = self._pending[0][0] if self._pending else active + self._idle_seconds()
            try:
                raw = self._inbox.get(timeout=min(max(0.0, wake - time.monotonic()), _LOOK_AGAIN))
            except queue.Empty:
                if not self._pending and time.monotonic() >= active + self._idle_seconds():
                    self._close_idle()
                continue
            if raw is None:
                reading = False
                continue
            active = time.monotonic()
            step = self._connection.take(raw)
            due = active + step.delay if isinstance(step, Answer) else active
            # A short delay behind a long one waits for it: answers keep the requests' order.
            self._pending.append((max(due, self._pending[-1][0] if self._pending else 0), step))
            if not isinstance(step, Answer):
                # Nothing behind a step that ends the stream is looked at.
                reading, self._inbox = False, queue.SimpleQueue()

    def _over(self) -> None:
        self._gone.set()
        self._inbox.put(None)

    def _end(self, step: Step) -> None:
        if isinstance(step, Close):
            abort(self._context, step.status)
        if isinstance(step, Drop):
            self._drop(int(self._context.peer().rpartition(":")[2]))
        self._gone.wait()

    def _close_idle(self) -> None:
        refusal = Refusal(
            grpc.StatusCode.ABORTED,
            "Closing the stream because it has been inactive for"
            f" {self._idle_seconds():g} seconds.",
            "stream",
        )
        abort(self._context, refusal.status(self._connection.stream))


def _receive(requests: Iterator[bytes], inbox: _Inbox) -> None:
    # The iterator raises a bare Exception when the call ends.
    with suppress(Exception):
        for raw in requests:
            inbox.put(raw)
    inbox.put(None)
