"""A warehouse of a few tables, in which the questions are asked at a chosen time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from schemas.model import Table
from tests.schemas.views.house import House, Row

LONDON = ZoneInfo("Europe/London")
#: The only two ways in which a question may ask for the time.
CLOCK = "CURRENT_TIMESTAMP()"
CALENDAR = "CURRENT_DATE('Europe/London')"


class Asking(House):
    """A warehouse that takes ``now`` for the time of the questions.

    Args:
        subjects: of the datasets that it has.
        now: UTC, such as ``2026-03-29 11:00``.
        zone: the session's time zone, on which nothing may depend.
        historic: historic tables, by subject.
    """

    def __init__(
        self,
        *subjects: str,
        now: str = "2030-01-01",
        zone: str = "Asia/Tokyo",
        historic: Mapping[str, Sequence[Table]] | None = None,
    ) -> None:
        super().__init__(*subjects, historic=historic, zone=zone)
        moment = utc(now).replace(tzinfo=UTC)
        for one in list(self.definitions.values()):
            sql = one.sql.replace(CLOCK, f"TIMESTAMP '{moment.isoformat(' ')}'")
            sql = sql.replace(CALENDAR, f"DATE '{moment.astimezone(LONDON).date()}'")
            if sql != one.sql:
                self.define(replace(one, sql=sql))

    def live(self, subject: str, *rows: Row) -> None:
        """Inserts rows into the table of a dataset."""
        self.put(f"bmrs_{subject.lower()}_iris", rows)

    def ask(self, question: str, *columns: str, google: bool = True) -> list[tuple[Any, ...]]:
        """The sorted rows of a view, or of a call of a table function; all columns by default.

        Days and moments are in ISO form.
        """
        query = f"SELECT {', '.join(columns) or '*'} FROM iris.{question}"
        found = [tuple(map(_plain, row.values())) for row in self.rows(query, google)]
        return sorted(found, key=lambda row: [(value is None, value) for value in row])


def days(first: str, last: str = "") -> str:
    """The arguments of a table function for some days."""
    return f"DATE '{first}', DATE '{last or first}'"


def utc(text: str) -> datetime:
    """A moment of UTC without a zone, as the tables have it."""
    return datetime.fromisoformat(text)


def settled(start: datetime) -> dict[str, object]:
    """Start, settlement day and period of a moment, reckoned by counting half-hours."""
    moment = start.replace(tzinfo=UTC)
    day = moment.astimezone(LONDON).date()
    period = 0
    while (moment - timedelta(minutes=30) * period).astimezone(LONDON).date() == day:
        period += 1
    return {"startTime": start, "settlementDate": day, "settlementPeriod": period}


def snapshot(start: str, **megawatts: int | None) -> list[Row]:
    """The rows of FUELINST for the five minutes from ``start`` (UTC)."""
    return [
        settled(utc(start))
        | {
            "publishTime": utc(start) + timedelta(minutes=5),
            "fuelType": fuel,
            "generation": generation,
        }
        for fuel, generation in megawatts.items()
    ]


def half_hour(start: str, **values: object) -> Row:
    """A row of a dataset that has one for each settlement period, from ``start`` (UTC)."""
    return settled(utc(start)) | values


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes" if not value.second else "seconds")
    return value.isoformat() if hasattr(value, "isoformat") else value
