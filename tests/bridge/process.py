"""The bridge as a process: ``python -m bridge``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bridge.stack import PATIENCE, Pages, eventually

ROOT = Path(__file__).parents[2]
MODULE = ("-m", "bridge")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings, and no others."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("IRIS_", "PUBSUB_", "BRIDGE_", "AZURE_"))
    }
    return {**inherited, "PYTHONPATH": str(ROOT), **settings}


def ran(
    settings: Mapping[str, str], folder: Path, *arguments: str, program: Sequence[str] = MODULE
) -> subprocess.CompletedProcess[str]:
    """A run in ``folder`` that ends by itself."""
    return subprocess.run(
        [sys.executable, *program, *arguments],
        env=environment(settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )


class Process:
    """A bridge that runs; a context manager, left by SIGKILL.

    Attributes:
        text: all of its standard error.
        records: its log lines.
    """

    def __init__(
        self, settings: Mapping[str, str], folder: Path, program: Sequence[str] = MODULE
    ) -> None:
        self.text = ""
        self.records: list[dict[str, Any]] = []
        self.popen = subprocess.Popen(
            [sys.executable, *program],
            env=environment(settings),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            self.text += line
            if line.startswith("{"):
                self.records.append(json.loads(line))

    def __enter__(self) -> Process:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.kill()
        self.popen.wait()
        self._reader.join(PATIENCE)
        assert self.popen.stderr is not None
        self.popen.stderr.close()

    def ended(self, within: float) -> int:
        """Waits for its end, and until all that it has said is read; the exit code."""
        code = self.popen.wait(within)
        self._reader.join(PATIENCE)
        return code

    @property
    def messages(self) -> list[str]:
        return [one["message"] for one in list(self.records)]

    def await_message(self, part: str) -> None:
        """Fails unless a log line holds ``part``."""

        def there() -> bool:
            assert self.popen.poll() is None, self.text
            return any(part in one for one in self.messages)

        eventually(there, lambda: self.text)

    @property
    def pages(self) -> Pages:
        self.await_message("metrics on port")
        return Pages(next(one["port"] for one in self.records if "port" in one))

    def memory(self, kind: str) -> int:
        """``VmRSS`` or the peak, ``VmHWM``, in bytes."""
        lines = Path(f"/proc/{self.popen.pid}/status").read_text().splitlines()
        [kilobytes] = [line.split()[1] for line in lines if line.startswith(kind)]
        return int(kilobytes) * 1024
