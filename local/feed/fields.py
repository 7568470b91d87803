"""What a field of a record says, and its JSON in a made-up record.

A field is known by its column's name and type: IRIS uses the same few names in all datasets.
What is not named here keeps its distance from the sample's publication if it is a date or time,
strays from the sample if it is a number, and else is the sample's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from local.feed.clock import HALF_HOUR, floor, iso, local_day, settlement
from local.feed.facts import Fact, Render
from local.feed.values import form_of, serial, similar
from pipeline.times import MICROS_PER_SECOND, parse_moment
from schemas import Column

_PUBLISHED: Final = (
    "acceptanceTime",
    "createdDateTime",
    "createdTime",
    "fileCreationTime",
    "messageReceivedDateTime",
    "notificationTime",
    "publishTime",
    "submissionDateTime",
    "time",
)
_STARTS: Final = ("measurementTime", "startTime", "timeFrom")
_ENDS: Final = ("endTime", "halfHourEndTime", "timeTo")
_WEEKS: Final = ("calendarWeekNumber", "forecastWeek", "week")
_YEARS: Final = ("forecastYear", "year")
_MONTHS: Final = ("forecastMonth", "month")
_UNITS: Final = ("assetId", "bmUnit", "id")
_NATIONAL_UNITS: Final = (
    "affectedUnit",
    "nationalGridBmUnit",
    "nationalGridBmUnitId",
    "registeredResourceName",
)
#: What no two publications of a dataset share.
_SERIALS: Final = (
    "acceptanceId",
    "acceptanceNumber",
    "bidId",
    "contractIdentification",
    "documentId",
    "mRID",
    "mrid",
    "notificationSequence",
    "serialNumber",
    "timeSeriesId",
)
#: Numbers that are codes, or that other fields would contradict if they strayed.
_KEPT: Final = (
    "bidOfferPairId",
    "clearedDefaultSettlementPeriod",
    "creditDefaultLevel",
    "documentRevisionNumber",
    "enteredDefaultSettlementPeriod",
    "instructionSequence",
    "pairId",
    "revisionNumber",
)
_MONTH_NAMES: Final = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"

_MOMENTS: Final[Mapping[str, Callable[[Fact], int]]] = {
    **dict.fromkeys(_PUBLISHED, lambda fact: fact.published),
    **dict.fromkeys(_STARTS, lambda fact: fact.start),
    **dict.fromkeys(_ENDS, lambda fact: fact.end),
    "publishingPeriodCommencingTime": lambda fact: floor(fact.published, HALF_HOUR),
}
_DATES: Final[Mapping[str, Render]] = {
    "settlementDate": lambda fact: f'"{settlement(fact.start)[0]}"',
    "measurementDate": lambda fact: f'"{local_day(fact.published)}"',
    "forecastDate": lambda fact: f'"{fact.day}"',
    "forecastWeekCommencingDate": lambda fact: f'"{_monday(fact.day)}"',
}
_WHOLE_NUMBERS: Final[Mapping[str, Render]] = {
    "settlementPeriod": lambda fact: str(settlement(fact.start)[1]),
    "settlementPeriodFrom": lambda fact: str(settlement(fact.start)[1]),
    # An end on the half hour counts as the period that begins there, as in live records.
    "settlementPeriodTo": lambda fact: str(settlement(fact.end)[1]),
    **dict.fromkeys(("id", "sequenceNumber"), lambda fact: str(fact.place + 1)),
    **dict.fromkeys(_WEEKS, lambda fact: str(fact.day.isocalendar().week)),
    **dict.fromkeys(_YEARS, lambda fact: str(fact.day.year)),
}
_TEXTS: Final[Mapping[str, Render]] = {
    "bmUnitType": lambda fact: f'"{fact.unit.kind}"',
    **dict.fromkeys(_UNITS, lambda fact: f'"{fact.unit.name}"'),
    **dict.fromkeys(_NATIONAL_UNITS, lambda fact: f'"{fact.unit.national}"'),
    **dict.fromkeys(_MONTHS, lambda fact: f'"{_MONTH_NAMES.split()[fact.day.month - 1]}"'),
}
_BY_TYPE: Final = {"DATE": _DATES, "INT64": _WHOLE_NUMBERS, "STRING": _TEXTS}

#: What can tell the records of one message apart: the fields that show it, and of which types.
SHOWN_BY: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "units": (frozenset([*_UNITS, *_NATIONAL_UNITS]), frozenset(["STRING"])),
    "times": (frozenset(_STARTS), frozenset(["DATETIME", "TIMESTAMP"])),
    "days": (
        frozenset([*_WEEKS, "forecastDate", "forecastWeekCommencingDate"]),
        frozenset(["INT64", "DATE"]),
    ),
}


def renderer(
    column: Column,
    record: Mapping[str, Any],
    first: Mapping[str, Any],
    published: int | None,
    spread: Mapping[str, float],
) -> Render | None:
    """What writes the field ``column`` in records like ``record``; None: it is always the same.

    Args:
        column: a column of the dataset, a field of ``record``.
        record: a sample, as ``pipeline.exact.parse`` gives it.
        first: the dataset's first sample.
        published: when ``record`` was published, seconds since 1970 UTC, None if unknown.
        spread: column to the share by which its numbers stray.
    """
    name, value = column.name, record[column.name]
    if value is None or name in _KEPT:
        return None
    if name in _SERIALS:
        return serial(value, first.get(name, value))
    if column.type in ("DATETIME", "TIMESTAMP") and name in _MOMENTS:
        moment, form = _MOMENTS[name], form_of(str(value))
        return lambda fact: f'"{iso(moment(fact))}{form}"'
    if name in _YEARS and any(week in record for week in _WEEKS):
        # The first days of January can lie in the last week of the year before.
        return lambda fact: str(fact.day.isocalendar().year)
    known = _BY_TYPE.get(column.type, {}).get(name)
    return known or similar(column, value, published, spread)


def publication(record: Mapping[str, Any], reference: str | None) -> int | None:
    """When a sample was published, by its reference time or another field of that kind.

    Seconds since 1970 UTC; None where no field tells.
    """
    for name in (reference, *_PUBLISHED):
        value = record.get(name) if name in _PUBLISHED else None
        micros = parse_moment(value) if isinstance(value, str) else None
        if micros is not None:
            return micros // MICROS_PER_SECOND
    return None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
