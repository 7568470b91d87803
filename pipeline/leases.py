"""A lease that lasts as long as the work does, and ends soon after a crash."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final

log = logging.getLogger(__name__)

#: Seconds between the attempts to renew a lease when one has failed.
RETRY_SECONDS: Final = 1.0


class KeptLease:
    """Renews a lease while its ``with`` block runs, in a thread of its own; used once.

    The first renewal comes at once. A renewal that fails is tried again until the lease is over;
    then the messages may be delivered to others too, which costs duplicates, no loss. When the
    block ends, however it ends, no renewal is under way and none follows.

    Args:
        renew: lets the lease last for ``seconds`` from now and tells whether it could. Leaving
            the block waits for a call under way, so it must not take long.
        seconds: the length of the lease: how long it outlives this process.
        every: seconds between renewals, well below ``seconds``.
        retry_after: see ``RETRY_SECONDS``.
        clock: seconds; only differences matter.
    """

    def __init__(
        self,
        renew: Callable[[], bool],
        seconds: float,
        every: float,
        retry_after: float = RETRY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._renew = renew
        self._seconds = seconds
        self._every = every
        self._retry_after = retry_after
        self._clock = clock
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> KeptLease:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        over = self._clock() + self._seconds
        pause = 0.0
        while not self._ended.wait(pause):
            began = self._clock()
            if self._renew():
                over, pause = began + self._seconds, self._every
            elif self._clock() < over:
                pause = self._retry_after
            else:
                log.warning("a lease is over before its batch: messages may be written twice")
                return
