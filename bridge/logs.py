"""Structured logs: a JSON object per line, in the field names that Google Cloud reads."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, TextIO

#: What every record carries; whatever else is in it was given as ``extra``.
_PLAIN: Final = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
#: Characters of a traceback: the SDK chains one error to a hundred others.
_LONGEST_EXCEPTION: Final = 10_000
#: Libraries whose own lines repeat, with tracebacks, what the bridge tells in one.
NOISY: Final = ("azure", "msal", "google", "grpc", "aiohttp", "asyncio")


class JsonFormatter(logging.Formatter):
    """``time``, ``severity``, ``message``, ``logger`` and whatever the caller gave as extra.

    Args:
        secrets: texts that are replaced by ``***`` wherever they occur.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        self._secrets: list[str] = []
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: str) -> None:
        """Replaces ``secret``, too, from here on."""
        if secret and secret not in self._secrets:
            self._secrets.append(secret)

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        found: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **{name: value for name, value in vars(record).items() if name not in _PLAIN},
        }
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        hidden = {name: self._hide(value) for name, value in found.items()}
        if record.exc_info:  # cut last: of a secret that is cut through, a part would be left
            hidden["exception"] = hidden["exception"][-_LONGEST_EXCEPTION:]
        return json.dumps(hidden, default=str)

    def _hide(self, value: Any) -> Any:
        if isinstance(value, (bool, int, float)) or value is None:
            return value
        text = str(value)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def set_up(level: str, secrets: Sequence[str] = (), stream: TextIO | None = None) -> None:
    """Sends all logs of the process, in JSON, to ``stream`` (standard error by default).

    Args:
        level: of the bridge's own lines. Libraries are heard from WARNING on at most: below that
            they write of headers and tokens.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(secrets))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("bridge").setLevel(level)
    quieten(level)


def hide(secret: str) -> None:
    """Hides a text that has become known only after ``set_up``. For any thread."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, JsonFormatter):
            handler.formatter.hide(secret)


def quieten(level: str) -> None:
    """Silences the libraries that are noisy, unless ``level`` is DEBUG."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING if level == "DEBUG" else logging.CRITICAL)
