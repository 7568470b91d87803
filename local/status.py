"""One line that tells how a live chain does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

_STATE: Final = "iris_bridge_connection_state"
_QUESTION: Final = "SELECT sum(rows), sum(dead_letters) FROM iris_messages"
#: IRIS keeps messages for three days: one that has only this left (seconds) is told of.
_EXPIRES_SOON: Final = 86_400


@dataclass(frozen=True)
class Written:
    """What the ledger holds, over all runs into this warehouse, redeliveries included."""

    rows: int = 0
    dead_letters: int = 0


def written(warehouse: Path) -> Written | None:
    """Asks the ledger; None while the pipeline holds the file, or before there is one."""
    if not warehouse.exists():
        return None
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            found = connection.execute(_QUESTION).fetchone()
    except duckdb.Error:  # held by the writer, or its tables are not there yet
        return None
    return Written(int(found[0] or 0), int(found[1] or 0)) if found else None


def line(
    bridge: Mapping[str, float] | None, unwritten: int, ledger: Written | None, feed: str = ""
) -> str:
    """The line, what matters most first: a terminal may be too narrow for all of it.

    Args:
        bridge: its metrics; empty where it does not answer, None where they are off.
        unwritten: messages in Pub/Sub.
        ledger: what is in the warehouse; None where it is not known.
        feed: how a simulated feed does.
    """
    return " | ".join(part for part in _parts(bridge, unwritten, ledger, feed) if part)


def _parts(
    metrics: Mapping[str, float] | None, unwritten: int, ledger: Written | None, feed: str
) -> list[str]:
    bridge = metrics or {}
    left = bridge.get("iris_bridge_oldest_expires_in_seconds", _EXPIRES_SOON)
    queue, topic = _state(bridge, "queue"), _state(bridge, "topic")
    return [
        f"OLDEST MESSAGE EXPIRES IN {left / 3_600:.1f} h" if left < _EXPIRES_SOON else "",
        "Pub/Sub unavailable" if topic == "unavailable" else "",
        f"queue {queue}" if queue else _silence(metrics),
        f"{ledger.rows:,} rows, {ledger.dead_letters:,} dead letters" if ledger else "",
        f"{unwritten:,} to write",
        f"{int(bridge.get('iris_bridge_published_total', 0)):,} relayed" if bridge else "",
        feed,
    ]


def _silence(metrics: Mapping[str, float] | None) -> str:
    return "metrics are off" if metrics is None else "the bridge does not answer"


def _state(bridge: Mapping[str, float], part: str) -> str:
    """The state that holds for ``part``; empty where the bridge does not tell."""
    prefix = f'{_STATE}{{part="{part}",state="'
    for name, value in bridge.items():
        if value == 1.0 and name.startswith(prefix):
            return name.removeprefix(prefix).removesuffix('"}').replace("_", " ")
    return ""
