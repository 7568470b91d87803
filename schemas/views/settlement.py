"""The settlement day and its half-hours: the one place where the clock change is known.

A settlement day is a UK local date. It begins at 23:00 UTC of the day before in summer and has 46
half-hours on the day when the clocks go forward, 50 when they go back, else 48. A half-hour begins
at a full or half hour of UTC in any case, because the UK's offset is whole hours.
"""

from __future__ import annotations

from typing import Final

from schemas.views.model import Function, Parameter

_ZONE: Final = "'Europe/London'"
_HALF_HOUR: Final = 1_800_000_000  # microseconds
_MOMENT: Final = Parameter("moment", "DATETIME")
_DAY: Final = Parameter("settlement_day", "DATE")


def _midnight(day: str) -> str:
    """The moment at which a settlement day begins."""
    return f"TIMESTAMP(CAST({day} AS DATETIME), {_ZONE})"


_TODAY: Final = f"CAST(DATETIME(TIMESTAMP(moment, 'UTC'), {_ZONE}) AS DATE)"

FUNCTIONS: Final = (
    Function(
        "settlement_date",
        (_MOMENT,),
        "DATE",
        _TODAY,
        "The settlement day (UK local date) of a moment in UTC.",
    ),
    Function(
        "settlement_period",
        (_MOMENT,),
        "INT64",
        f"DIV(TIMESTAMP_DIFF(TIMESTAMP(moment, 'UTC'), {_midnight(_TODAY)}, MICROSECOND), "
        f"{_HALF_HOUR}) + 1",
        "The settlement period (half-hour of the settlement day, from 1) of a moment in UTC.",
    ),
    Function(
        "settlement_start",
        (_DAY, Parameter("period", "INT64")),
        "DATETIME",
        f"DATETIME(TIMESTAMP_ADD({_midnight('settlement_day')}, "
        "INTERVAL (period - 1) * 30 MINUTE), 'UTC')",
        "The moment in UTC at which a settlement period begins.",
    ),
    Function(
        "settlement_periods",
        (_DAY,),
        "INT64",
        f"DIV(TIMESTAMP_DIFF({_midnight('DATE_ADD(settlement_day, INTERVAL 1 DAY)')}, "
        f"{_midnight('settlement_day')}, MICROSECOND), {_HALF_HOUR})",
        "The number of settlement periods of a settlement day: 48, 46 or 50.",
    ),
)
