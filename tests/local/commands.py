"""Programs of ``local/`` as processes, and what they leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from tests.local.settings import SETTINGS
from tests.local.waiting import children_of, eventually, is_alive

ROOT = Path(__file__).parents[2]


#: Stands still in the import of the module ``SLOW``, until there is a file ``go``.
SLOW_IMPORT = """
import os, pathlib, sys, time

class Slow:
    def find_spec(self, name, *rest):
        if name == os.environ["SLOW"]:
            pathlib.Path("importing").touch()
            while not pathlib.Path("go").exists():
                time.sleep(0.01)

sys.meta_path.insert(0, Slow())
"""

#: Takes every Ctrl-C after the first for a second one, however soon it comes.
HASTY = """
from local import stopping
stopping._ONE_WISH_SECONDS = 0.0
"""


def hook(folder: Path, code: str) -> str:
    """A ``PYTHONPATH`` with which every process runs ``code`` before its own begins."""
    place = folder / "hook"
    place.mkdir()
    (place / "sitecustomize.py").write_text(code)
    return f"{place}:{ROOT}"


class Command:
    """``python -m MODULE ...`` in a folder; a context manager, left by SIGKILL where it runs."""

    def __init__(self, folder: Path, module: str, *arguments: str, **settings: str) -> None:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env={**inherited, "PYTHONPATH": str(ROOT)} | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in (
                (self._process.stdout, self.out),
                (self._process.stderr, self.err),
            )
        ]

    @staticmethod
    def _read(stream: Iterable[str], lines: list[str]) -> None:
        for line in stream:
            lines.append(line.rstrip("\n"))  # noqa: PERF401  as they come

    def __enter__(self) -> Command:
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for reader in self._readers:
            reader.join(30)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def kill(self) -> None:
        """SIGKILL; what it has started ends with it."""
        children = self.children() if self._process.poll() is None else set()
        self._process.kill()
        self._process.wait(30)
        eventually(lambda: not any(map(is_alive, children)))

    def signal(self, number: int = signal.SIGINT) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = 60.0) -> int:
        """The exit code."""
        code = self._process.wait(seconds)
        for reader in self._readers:
            reader.join(30)
        return code

    def children(self) -> set[int]:
        """Process ids of the children that run."""
        return children_of(self._process.pid)

    def await_children(self) -> set[int]:
        """Those of bridge and pipeline, once there are both."""
        eventually(lambda: len(self.children()) == 2 or self._process.poll() is not None)
        return self.children()

    def said(self) -> list[str]:
        """Lines for the user, without the time of day."""
        return [line[9:] for line in self.err]
