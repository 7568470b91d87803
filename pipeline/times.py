"""Dates and times as IRIS writes them, converted exactly.

A moment is an integer: microseconds since 1970-01-01T00:00:00 UTC. A day is an integer: days
since 1970-01-01. Integers travel to Arrow and protocol buffers without another conversion.

IRIS writes ``2025-10-28T08:59:00.000Z`` (seen by a live client), ``2026-05-06T03:00:00Z`` (API
rows) and in a few fields no zone at all though UTC is meant; so no zone is UTC here.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

_CLOCK = re.compile(
    r"[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
    r"(?:Z|([+-])([0-9]{2})(?::?([0-9]{2}))?)?"
)
_DAY = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?"
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EPOCH: Final = datetime(1970, 1, 1)
MICROS_PER_SECOND: Final = 1_000_000
MICROS_PER_DAY: Final = 86_400 * MICROS_PER_SECOND
#: 0001-01-01 and 9999-12-31, the ends of what DATETIME columns hold.
_MIN_MOMENT: Final = (1 - _EPOCH_DAY) * MICROS_PER_DAY
_MAX_MOMENT: Final = (date.max.toordinal() + 1 - _EPOCH_DAY) * MICROS_PER_DAY - 1


def parse_moment(text: str) -> int | None:
    """Microseconds since 1970 UTC of an ISO time, or None where ``text`` is not one.

    Takes ``YYYY-MM-DD``, ``T`` or a space, ``HH:MM[:SS[.fraction]]``, then ``Z``, an offset or
    nothing (UTC). Digits beyond microseconds are cut off, never rounded: ``.9999999`` stays in
    its second. Impossible dates and second 60 are refused.
    """
    day, clock = parse_day(text[:10]), parse_clock(text[10:])
    return None if day is None or clock is None else join_moment(day, clock)


def parse_clock(text: str) -> int | None:
    """Microseconds from midnight UTC of what follows the date in an ISO time, or None.

    An offset may lead to the day before (negative) or after.
    """
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, fraction, sign, off_hour, off_minute = match.groups()
    h, m, s = int(hour), int(minute), int(second or 0)
    if h > 23 or m > 59 or s > 59:
        return None
    micros = int(fraction[:6].ljust(6, "0")) if fraction else 0
    clock = ((h * 60 + m) * 60 + s) * MICROS_PER_SECOND + micros
    if sign:
        oh, om = int(off_hour), int(off_minute or 0)
        if oh > 23 or om > 59:
            return None
        offset = (oh * 60 + om) * 60 * MICROS_PER_SECOND
        clock += -offset if sign == "+" else offset
    return clock


def join_moment(day: int, clock: int) -> int | None:
    """The moment ``clock`` microseconds from midnight of ``day``; None outside years 1 to 9999."""
    moment = day * MICROS_PER_DAY + clock
    return moment if _MIN_MOMENT <= moment <= _MAX_MOMENT else None


def parse_day(text: str) -> int | None:
    """Days since 1970 of ``YYYY-MM-DD``, also with a midnight time behind it, or None.

    The date is taken as written: a settlement date is a UK local date and no zone moves it.
    """
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    try:
        return date(*map(int, match.groups())).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


def day_of(moment: int) -> int:
    """The UTC day, in days since 1970, on which ``moment`` falls."""
    return moment // MICROS_PER_DAY


def day_number(day: date) -> int:
    """Days since 1970 of ``day``."""
    return day.toordinal() - _EPOCH_DAY


def to_datetime(moment: int) -> datetime:
    """``moment`` as an aware UTC datetime."""
    return (_EPOCH + timedelta(microseconds=moment)).replace(tzinfo=UTC)


def to_date(day: int) -> date:
    """``day`` (days since 1970) as a date."""
    return date.fromordinal(day + _EPOCH_DAY)


def format_moment(moment: int) -> str:
    """``moment`` as RFC 3339 in UTC: ``2026-05-06T03:00:00Z``, with microseconds if any."""
    return to_datetime(moment).replace(tzinfo=None).isoformat() + "Z"


def year_later(day: int) -> int:
    """The same calendar day one year on (29 February gives 1 March), in days since 1970."""
    today = to_date(day)
    try:
        return day_number(today.replace(year=today.year + 1))
    except ValueError:
        return day_number(date(today.year + 1, 3, 1))
