"""One write to the disk for all who wait for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from local.pubsub.model import StorageError

#: Seconds after which changes that nobody waits for are written, too, and after which a write
#: that failed is repeated.
LINGER: Final = 0.5


class GroupCommit:
    """Calls ``write`` in a thread of its own, so that one call serves every waiting ``commit``.

    While a write is under way, more changes and more waiting threads gather; the next write
    serves them all. Any thread may call any method.

    Args:
        write: makes all changes safe that were noted before it was called. If it raises, they
            stay to be written by a later call.
        linger: see ``LINGER``.
    """

    def __init__(self, write: Callable[[], None], linger: float = LINGER) -> None:
        self._write = write
        self._linger = linger
        lock = threading.Lock()
        self._work = threading.Condition(lock)
        self._done = threading.Condition(lock)
        self._closing = False
        #: Changes, counted: noted so far, and how many of them are safe.
        self._noted = self._safe = 0
        #: Writes, counted: begun so far, the last one asked for, the last one that failed.
        self._begun = self._asked = self._failed = 0
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> Exception | None:
        """Why the last write failed; None if it did not."""
        return self._failure

    def note(self) -> None:
        """There is one more change to write."""
        with self._work:
            self._noted += 1
            self._work.notify()

    def commit(self) -> None:
        """Returns when every change noted before the call is safe.

        Raises:
            StorageError: a write that began after the call failed.
        """
        with self._done:
            target = self._noted
            if self._safe >= target:
                return
            mine = self._asked = self._begun + 1
            self._work.notify()
            self._done.wait_for(lambda: self._safe >= target or self._failed >= mine)
            if self._safe < target:
                raise StorageError(str(self._failure)) from self._failure

    def close(self) -> None:
        """Commits, then ends the thread, also when the commit fails."""
        try:
            self.commit()
        finally:
            with self._work:
                self._closing = True
                self._work.notify()
            self._thread.join()

    def _run(self) -> None:
        while self._await_work():
            with self._work:
                self._begun += 1
                noted = self._noted
            failure = self._attempt()
            with self._done:
                self._failure = failure
                if failure is None:
                    self._safe = noted
                else:
                    self._failed = self._begun
                self._done.notify_all()

    def _await_work(self) -> bool:
        """Waits until it is time to write; false when the thread has to end."""
        with self._work:
            self._work.wait_for(lambda: self._closing or self._noted > self._safe)
            self._work.wait_for(lambda: self._closing or self._asked > self._begun, self._linger)
            return not self._closing

    def _attempt(self) -> Exception | None:
        try:
            self._write()
        except Exception as error:  # raised again in the threads that wait for this write
            return error
        return None
