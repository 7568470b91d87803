"""Moments that tests can write down."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")

#: In summer time, on an hour.
START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def seconds(text: str) -> int:
    """Seconds since 1970 of an ISO time with a zone."""
    return int(datetime.fromisoformat(text).timestamp())


def midnight(day: date) -> int:
    """When a UK local day begins, in seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=LONDON).timestamp())


def period_start(day: str, period: int) -> int:
    """When a settlement period begins, reckoned from its day's midnight."""
    return midnight(date.fromisoformat(day)) + (period - 1) * 1_800
