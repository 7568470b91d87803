"""What became of what was asked of the queue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Settled:
    """What became of a batch of settlements.

    Attributes:
        done: settlements that the broker confirmed.
        failures: the others, by the kind of error; their messages may come again.
        lost: why the connection can no longer be used, else None.
    """

    done: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    lost: str | None = None


@dataclass
class Renewed:
    """What became of a batch of locks.

    Attributes:
        done: the messages whose locks are prolonged.
        again: those that may be prolonged yet, where the broker was busy.
        failures: all that are not prolonged, by the kind of error.
        lost: why the connection can no longer be used, else None.
    """

    done: list[Any] = field(default_factory=list)
    again: list[Any] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    lost: str | None = None
