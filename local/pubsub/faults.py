"""Faults on demand, for tests of what stands before and behind Pub/Sub."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import grpc


@dataclass(frozen=True)
class Refusal:
    """The gRPC status that a publish is answered with."""

    code: grpc.StatusCode
    details: str


class Faults:
    """What goes wrong in a server. Any thread may set or clear faults while it serves.

    ``times`` is the number of calls a fault hits; None means every call until ``clear``. The
    client library retries what its own policy calls transient (for a publish UNAVAILABLE, for
    one), so a single such fault shows to the application as nothing but a delay.

    Args:
        wake: called after a change that waiting streams have to notice.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._cleared = threading.Event()
        self._streams_dropped = 0
        self.clear()

    def clear(self) -> None:
        """Everything works again; answers that are being delayed leave at once."""
        with self._lock:
            self._refusal = Refusal(grpc.StatusCode.OK, "")
            self._refusals_left: int | None = 0
            self._losses_left: int | None = 0
            self._delays: dict[str | None, float] = {}
            self._cleared.set()
            self._cleared = threading.Event()

    def refuse_publishes(
        self,
        code: grpc.StatusCode,
        times: int | None = None,
        details: str = "refused by a fault that a test asked for",
    ) -> None:
        """Publish calls are answered with ``code``; nothing is stored."""
        with self._lock:
            self._refusal = Refusal(code, details)
            self._refusals_left = times

    def lose_publish_answers(self, times: int | None = None) -> None:
        """Publish calls are stored and then answered with UNAVAILABLE.

        The publisher cannot tell this from a publish that failed, and sends again: duplicates.
        """
        with self._lock:
            self._losses_left = times

    def delay_answers(self, seconds: float, method: str | None = None) -> None:
        """Answers leave ``seconds`` late, their calls' effect comes at once; 0 ends the delay.

        Args:
            method: an RPC's name, such as ``Publish``; None is for all but StreamingPull and
                the methods with a delay of their own.
        """
        with self._lock:
            self._delays[method] = seconds

    def drop_streaming_pulls(self) -> None:
        """Ends every open streaming pull with UNAVAILABLE; its leases run on to their deadline.

        Streams opened afterwards work: the client library reconnects by itself.
        """
        with self._lock:
            self._streams_dropped += 1
        self._wake()

    # What follows is the server's side.

    @property
    def streams_dropped(self) -> int:
        """How many times streams were dropped: a stream that saw it rise has to end."""
        return self._streams_dropped

    def take_refusal(self) -> Refusal | None:
        """What to answer a publish with instead of storing it; None to go on."""
        with self._lock:
            hit, self._refusals_left = _count_down(self._refusals_left)
            return self._refusal if hit else None

    def take_loss(self) -> bool:
        """Whether a publish that has been stored loses its answer."""
        with self._lock:
            hit, self._losses_left = _count_down(self._losses_left)
            return hit

    def await_delay(self, method: str) -> None:
        """Sleeps for as long as an answer of ``method`` is to be late."""
        with self._lock:
            seconds = self._delays.get(method, self._delays.get(None, 0.0))
            cleared = self._cleared
        if seconds > 0:
            cleared.wait(seconds)


def _count_down(left: int | None) -> tuple[bool, int | None]:
    """Whether a fault hits this call, and for how many more calls it is set."""
    if left is None:
        return True, None
    return left > 0, max(0, left - 1)
