"""A systemd unit, run as systemd would: its command, its environment, its restarts."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
#: Where the documents have a user install it.
PYTHON = "/opt/iris/bin/python"


def read_unit(path: Path) -> dict[str, list[str]]:
    """The unit's settings, all values of each in their order; sections are told apart by nobody."""
    return read_text(path.read_text())


def read_text(text: str) -> dict[str, list[str]]:
    """As ``read_unit``, of a unit's text."""
    text = text.replace("\\\n", " ")
    found = defaultdict(list)
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return dict(found)


def read_environment(path: Path) -> dict[str, str]:
    """An environment file's variables."""
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value for name, equals, value in pairs if equals and not name.startswith("#")}


class Unit:
    """A unit's process, without systemd; a context manager, left by SIGKILL.

    Args:
        path: the unit's file.
        environment: in the place of its environment files.
        folder: where it runs and logs.
    """

    def __init__(self, path: Path, environment: Mapping[str, str], folder: Path) -> None:
        self.settings = read_unit(path)
        (command,) = self.settings["ExecStart"]
        words = [
            re.sub(r"\$\{(\w+)\}", lambda match: environment[match[1]], word)
            for word in shlex.split(command)
        ]
        assert words[0] == PYTHON
        self._command = [sys.executable, *words[1:]]
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("IRIS_", "PUBSUB_", "BRIDGE_", "AZURE_", "GOOGLE_"))
        }
        self._environment = {**inherited, "PYTHONPATH": str(ROOT), **environment}
        self._folder = folder
        self.log = folder / f"{path.stem}.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environment, cwd=self._folder, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """kill -9, and the restart that ``Restart=always`` promises."""
        assert self.settings["Restart"] == ["always"]
        self.process.kill()
        self.process.wait()
        self.start()

    def stop(self) -> int:
        """What ``systemctl stop`` does; the exit code."""
        (seconds,) = self.settings["TimeoutStopSec"]
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(float(seconds))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
