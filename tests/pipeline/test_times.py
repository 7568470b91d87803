"""Times against ``datetime`` as an oracle."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.times import (
    day_number,
    day_of,
    format_moment,
    join_moment,
    parse_clock,
    parse_day,
    parse_moment,
    to_date,
    to_datetime,
    year_later,
)
from tests.pipeline.made import days, micros
from tests.pipeline.type_table import REFUSES, TAKES

MOMENTS = st.integers(micros("0001-01-01T00:00:00Z"), micros("9999-12-31T23:59:59.999999Z"))


def texts(kind: str) -> list[tuple[str, int | None]]:
    taken = [(literal, value) for literal, value in TAKES[kind] if literal != "null"]
    refused: list[tuple[str, int | None]] = [
        (literal, None) for literal in REFUSES[kind] if literal.startswith('"')
    ]
    return [(json.loads(literal), value) for literal, value in taken + refused]


@pytest.mark.parametrize(("text", "moment"), texts("DATETIME"))
def test_a_moment(text: str, moment: int | None) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(("text", "day"), texts("DATE"))
def test_a_day(text: str, day: int | None) -> None:
    assert parse_day(text) == day


FRACTIONS = st.text("0123456789", min_size=1, max_size=9)


@given(
    whole=st.tuples(
        st.integers(1, 9999),
        st.integers(0, 13),
        st.integers(0, 32),
        st.integers(0, 24),
        st.integers(0, 60),
        st.integers(0, 61),
    ),
    fraction=st.none() | FRACTIONS,
    separator=st.sampled_from("T "),
    zone=st.none() | st.just("Z") | st.tuples(st.sampled_from("+-"), st.integers(0, 24 * 60)),
)
@example((2026, 5, 6, 3, 0, 0), "9999999", "T", "Z")
@example((2026, 10, 25, 1, 30, 0), None, "T", ("+", 60))
@example((2026, 12, 31, 23, 59, 60), None, "T", "Z")
@example((1, 1, 1, 0, 0, 0), None, "T", ("+", 1))
@example((9999, 12, 31, 23, 59, 59), "999999", " ", ("-", 1))
def test_parts_of_a_moment_mean_what_datetime_says(
    whole: tuple[int, ...],
    fraction: str | None,
    separator: str,
    zone: str | tuple[str, int] | None,
) -> None:
    year, month, day, hour, minute, second = whole
    text = f"{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}"
    text += "" if fraction is None else f".{fraction}"
    offset = timedelta()
    if isinstance(zone, tuple):
        sign, minutes = zone
        text += f"{sign}{minutes // 60:02}:{minutes % 60:02}"
        offset = timedelta(minutes=minutes) * (1 if sign == "+" else -1)
    else:
        text += zone or ""
    try:
        kept = (fraction or "0")[:6].ljust(6, "0")
        moment = datetime(*whole, int(kept), tzinfo=timezone(offset)).astimezone(UTC)  # type: ignore[arg-type,misc]
        expected = micros(moment.isoformat())
    except (ValueError, OverflowError):
        expected = None
    assert parse_moment(text) == expected


@given(
    day=st.tuples(st.integers(1, 9999), st.integers(0, 13), st.integers(0, 32)),
    clock=st.none() | st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 1)),
    fraction=st.none() | FRACTIONS | st.just("000"),
    minutes=st.none() | st.integers(-24 * 60, 24 * 60),
)
@example((2026, 5, 6), (0, 0, 0), "000", -60)
@example((2026, 5, 6), (0, 0, 0), "0000001", None)
@example((2026, 5, 6), (0, 0, 0), None, 24 * 60)
def test_a_day_may_have_midnight_behind_it_and_is_taken_as_written(
    day: tuple[int, int, int],
    clock: tuple[int, int, int] | None,
    fraction: str | None,
    minutes: int | None,
) -> None:
    text = "{:04}-{:02}-{:02}".format(*day)
    midnight = True
    if clock is not None:
        text += "T{:02}:{:02}:{:02}".format(*clock)
        text += "" if fraction is None else f".{fraction}"
        midnight = not any(clock) and not int(fraction or 0)
        if minutes is not None:
            hours, rest = divmod(abs(minutes), 60)
            text += f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
            midnight = midnight and hours < 24
    try:
        expected = days(date(*day).isoformat()) if midnight else None
    except ValueError:
        expected = None
    assert parse_day(text) == expected


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("T00:00", 0),
        (" 23:59:59.9999999Z", 86_399_999_999),
        ("T00:30+01:00", -1_800_000_000),
        ("T23:30-01:00", 88_200_000_000),
        ("", None),
        ("Z", None),
        ("T24:00", None),
        ("00:00", None),
        ("2026-05-06T00:00", None),
    ],
)
def test_a_clock_time_counts_from_midnight_utc(text: str, clock: int | None) -> None:
    assert parse_clock(text) == clock


@given(st.dates(), st.integers(-86_400_000_000, 2 * 86_400_000_000))
@example(date.min, -1)
@example(date.max, 86_400_000_000)
def test_day_and_clock_make_a_moment(day: date, clock: int) -> None:
    try:
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(microseconds=clock)
        expected = micros(moment.isoformat())
    except OverflowError:
        expected = None
    assert join_moment(day_number(day), clock) == expected


@given(MOMENTS)
@example(0)
@example(-1)
@example(micros("9999-12-31T23:59:59.999999Z"))
def test_a_moment_comes_back_from_its_text(moment: int) -> None:
    text = format_moment(moment)
    assert parse_moment(text) == moment
    assert micros(text) == moment
    assert to_datetime(moment) == datetime.fromisoformat(text)
    assert to_datetime(moment).utcoffset() == timedelta()
    assert to_date(day_of(moment)) == to_datetime(moment).date()


@given(st.text("0123456789-+:.TZ ") | st.text())
def test_any_text_gives_a_moment_and_a_day_or_none(text: str) -> None:
    moment, day = parse_moment(text), parse_day(text)
    assert moment is None or parse_moment(format_moment(moment)) == moment
    assert day is None or parse_day(str(to_date(day))) == day


@given(st.dates())
def test_a_day_comes_back_from_its_text(day: date) -> None:
    number = day_number(day)
    assert number == (day - date(1970, 1, 1)).days
    assert parse_day(day.isoformat()) == number
    assert to_date(number) == day


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("2026-05-06T03:00:00Z", "2026-05-06T03:00:00Z"),
        ("2026-05-06T03:00:00.000001Z", "2026-05-06T03:00:00.000001Z"),
        ("2026-05-06T03:00:00.100000Z", "2026-05-06T03:00:00.100000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_a_moment_is_written_so(moment: str, text: str) -> None:
    assert format_moment(micros(moment)) == text


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T23:59:59.999999Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-05-06T00:00:00Z", days("2026-05-06")),
    ],
)
def test_the_day_of_a_moment(moment: str, day: int) -> None:
    assert day_of(micros(moment)) == day


@pytest.mark.parametrize(
    ("day", "later"),
    [
        ("2026-11-01", "2027-11-01"),
        ("2026-12-31", "2027-12-31"),
        ("2027-02-28", "2028-02-28"),
        ("2027-03-01", "2028-03-01"),
        ("2028-02-28", "2029-02-28"),
        ("2028-02-29", "2029-03-01"),
    ],
)
def test_a_year_later_is_the_same_calendar_day(day: str, later: str) -> None:
    assert year_later(days(day)) == days(later)
