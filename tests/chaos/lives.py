"""One process after the other, killed and started again, and how much memory each has taken."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from local.processes import Child

_SAMPLE_SECONDS = 0.2
#: The bridge promises to end within 10 seconds.
_STOP_SECONDS = 10.0


@dataclass
class Life:
    """A process from start to end.

    Attributes:
        began: by the monotonic clock.
        memory: (when, resident bytes), in the order of time.
        peak: the most bytes that it has ever had resident, by the kernel's account.
    """

    pid: int
    began: float
    memory: list[tuple[float, int]] = field(default_factory=list)
    peak: int = 0

    @property
    def seconds(self) -> float:
        return self.memory[-1][0] - self.began if self.memory else 0.0

    @property
    def growth(self) -> int:
        """Resident bytes in the last third of the life less those in the second one, typically."""
        sizes = [resident for _, resident in self.memory]
        third = len(sizes) // 3
        if not third:
            return 0
        return int(median(sizes[-third:]) - median(sizes[third : 2 * third]))


class Lives:
    """Keeps one child alive but for when it kills it; a context manager.

    Attributes:
        all: every life, the last one last.
        stop_seconds: how long each clean stop took.
    """

    def __init__(self, child: Child) -> None:
        self.child = child
        self.all: list[Life] = []
        self.stop_seconds: list[float] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lives", daemon=True)

    def __enter__(self) -> Lives:
        self._start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self.child.is_running:
            self.child.kill()

    def check(self) -> None:
        """Fails where the child has ended by itself."""
        with self._lock:
            assert self.child.is_running, f"{self.child.fate}:\n{self.child.last_words()}"

    def kill(self) -> None:
        """SIGKILL and a fresh start."""
        with self._lock:
            self._sample()
            assert self.child.kill() == -signal.SIGKILL, self.child.last_words()
            self._start()

    def stop(self) -> None:
        """SIGTERM, which it follows in time, and a fresh start."""
        with self._lock:
            self._sample()
            self._stop()
            self._start()

    def end(self) -> None:
        """SIGTERM, for good."""
        with self._lock:
            self._sample()
            self._stop()

    def _start(self) -> None:
        self.child.start()
        self.all.append(Life(self.child.pid, time.monotonic()))

    def _stop(self) -> None:
        begun = time.monotonic()
        self.child.ask_to_end()
        while self.child.is_running and time.monotonic() < begun + 2 * _STOP_SECONDS:
            time.sleep(0.01)
        took = time.monotonic() - begun
        self.stop_seconds.append(took)
        # Before its first line it has no handler yet, and nothing in hand.
        was_starting = self.child.code == -signal.SIGTERM and not self.child.output
        assert self.child.code == 0 or was_starting, (
            f"{self.child.fate}:\n{self.child.last_words()}"
        )
        assert took < _STOP_SECONDS, f"took {took:.1f} s to stop:\n{self.child.last_words()}"

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            with self._lock:
                self._sample()

    def _sample(self) -> None:
        life = self.all[-1]
        try:
            text = Path(f"/proc/{life.pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        sizes = dict(line.split(":", 1) for line in text.splitlines())
        if "VmHWM" in sizes:  # a process that has ended and was not waited for has none
            life.memory.append((time.monotonic(), _bytes(sizes["VmRSS"])))
            life.peak = max(life.peak, _bytes(sizes["VmHWM"]))


def _bytes(text: str) -> int:
    return int(text.removesuffix("kB")) * 1_024
