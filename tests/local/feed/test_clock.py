"""Settlement time, also on the days when the clocks change."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.feed.clock import floor, iso, local_day, settlement
from tests.local.feed.moments import midnight, period_start, seconds

MOMENTS = st.integers(
    int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2037, 12, 31, tzinfo=UTC).timestamp()),
)


@given(MOMENTS)
def test_a_moment_lies_in_its_period_of_its_day(moment: int) -> None:
    day, period = settlement(moment)
    begin = period_start(day, period)
    assert begin <= moment < begin + 1_800
    assert date.fromisoformat(day) == local_day(moment)


@given(st.dates(date(2000, 1, 1), date(2037, 12, 30)))
def test_a_day_has_48_periods_46_or_50_when_the_clocks_change(day: date) -> None:
    begin, end = midnight(day), midnight(day + timedelta(days=1))
    periods = [settlement(moment) for moment in range(begin, end, 1_800)]
    assert periods == [(day.isoformat(), at) for at in range(1, len(periods) + 1)]
    assert len(periods) in (46, 48, 50)
    is_last_sunday = day.weekday() == 6 and (day + timedelta(days=7)).month != day.month
    expected = {3: 46, 10: 50}.get(day.month, 48) if is_last_sunday else 48
    assert len(periods) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-01-01T00:00:00+00:00", ("2026-01-01", 1)),
        ("2026-01-01T23:59:59+00:00", ("2026-01-01", 48)),
        ("2026-05-31T22:59:59+00:00", ("2026-05-31", 48)),
        ("2026-05-31T23:00:00+00:00", ("2026-06-01", 1)),
        ("2026-03-29T00:59:00+00:00", ("2026-03-29", 2)),
        ("2026-03-29T01:00:00+00:00", ("2026-03-29", 3)),
        ("2026-03-29T22:30:00+00:00", ("2026-03-29", 46)),
        ("2026-03-29T23:00:00+00:00", ("2026-03-30", 1)),
        ("2026-10-25T00:30:00+00:00", ("2026-10-25", 4)),
        ("2026-10-25T01:30:00+00:00", ("2026-10-25", 6)),
        ("2026-10-25T23:30:00+00:00", ("2026-10-25", 50)),
    ],
)
def test_by_hand(moment: str, expected: tuple[str, int]) -> None:
    assert settlement(seconds(moment)) == expected


@pytest.mark.parametrize(
    "dataset", ["AGPT", "FUELHH", "INDO", "LOLPDM", "MELS", "MID", "NDF", "PN", "QPN", "TSDF"]
)
def test_as_in_captured_records(dataset: str, arrays: dict[str, bytes]) -> None:
    for record in json.loads(arrays[dataset]):
        start = seconds(record.get("startTime") or record["timeFrom"])
        assert settlement(start) == (record["settlementDate"], record["settlementPeriod"])


def test_a_moment_as_text() -> None:
    assert iso(seconds("2026-05-06T03:00:07+00:00")) == "2026-05-06T03:00:07"
    assert iso(0) == "1970-01-01T00:00:00"


def test_rounding_down() -> None:
    half_past = seconds("2026-05-06T03:30:00+00:00")
    assert [floor(half_past + more, 1_800) for more in (-1, 0, 1_799)] == [
        half_past - 1_800,
        half_past,
        half_past,
    ]
