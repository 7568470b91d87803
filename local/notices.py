"""What the logs of children have to say to the user: warnings and errors, each once."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

#: Within so many seconds the same text is told once, and no more than so many texts.
_WINDOW_SECONDS: Final = 600.0
_MOST_TEXTS: Final = 10
#: Characters of a text.
_MOST_CHARACTERS: Final = 300
#: Of a log at a time.
_MOST_BYTES: Final = 1_000_000
_SEVERE: Final = ("WARNING", "ERROR", "CRITICAL")
#: A line of the pipeline; the bridge writes JSON.
_PLAIN: Final = re.compile(rf"({'|'.join(_SEVERE)}) [\w.]+: (.*)")


class Notices:
    """Reads on in a child's log. For one thread.

    Args:
        who: the child's name, before each text.
        log: its log; what is there already is not told.
        clock: seconds; only differences matter.
    """

    def __init__(self, who: str, log: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._who = who
        self._log = log
        self._clock = clock
        self._offset = log.stat().st_size if log.exists() else 0
        self._begun = clock()
        self._told: set[str] = set()
        self._more = 0

    def new(self) -> Iterator[str]:
        """A line for each warning and each error since the last call, but for floods of them."""
        if self._clock() - self._begun >= _WINDOW_SECONDS:
            if self._more:
                yield f"{self._who}: {self._more:,} more warnings, see {self._log}"
            self._begun, self._told, self._more = self._clock(), set(), 0
        for line in self._lines():
            text = severe_text(line)
            if text is None or text in self._told:
                continue
            if len(self._told) < _MOST_TEXTS:
                self._told.add(text)
                yield f"{self._who}: {text}"
            else:
                self._more += 1

    def _lines(self) -> list[str]:
        """All lines that are whole since the last call."""
        try:
            with self._log.open("rb") as log:
                if log.seek(0, os.SEEK_END) < self._offset:
                    self._offset = 0  # it has become long and was put aside
                log.seek(self._offset)
                found = log.read(_MOST_BYTES)
        except OSError:  # it is not there yet, or any more
            return []
        end = found.rfind(b"\n") + 1
        if not end and len(found) == _MOST_BYTES:
            end = len(found)  # whatever that is, it is no line
        self._offset += end
        return found[:end].decode("utf-8", "replace").splitlines()


def severe_text(line: str) -> str | None:
    """What a line of a log warns of, in one short line; None where it does not warn."""
    text = _json_text(line) if line.startswith("{") else _plain_text(line)
    if text is None:
        return None
    text = "".join(one if one.isprintable() else " " for one in text)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 3] + "..."


def _json_text(line: str) -> str | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return str(found.get("message")) if found.get("severity") in _SEVERE else None


def _plain_text(line: str) -> str | None:
    match = _PLAIN.match(line)
    return match[2] if match else None
