"""Settlement time: UK local days cut into half hours, and times as IRIS writes them.

A moment is an integer: whole seconds since 1970-01-01T00:00:00 UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

LONDON: Final = ZoneInfo("Europe/London")
HALF_HOUR: Final = 1_800

# A run asks for the same few half hours again and again; the caches hold some weeks of them.


@lru_cache(maxsize=4_096)
def settlement(moment: int) -> tuple[str, int]:
    """Settlement date (UK local, ISO) and settlement period (from 1) in which ``moment`` falls.

    A day has 48 periods, 46 on the day when the clocks go forward and 50 when they go back.
    """
    local = datetime.fromtimestamp(moment, LONDON)
    midnight = datetime(local.year, local.month, local.day, tzinfo=LONDON)
    return local.date().isoformat(), (moment - int(midnight.timestamp())) // HALF_HOUR + 1


@lru_cache(maxsize=4_096)
def local_day(moment: int) -> date:
    """The UK local date of ``moment``."""
    return datetime.fromtimestamp(moment, LONDON).date()


@lru_cache(maxsize=16_384)
def iso(moment: int) -> str:
    """``moment`` in UTC as ``YYYY-MM-DDTHH:MM:SS``, without a zone."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def floor(moment: int, step: int) -> int:
    """The last multiple of ``step`` seconds (since 1970) that is not after ``moment``."""
    return moment - moment % step
