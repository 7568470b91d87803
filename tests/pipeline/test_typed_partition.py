"""Partition rules: which days BigQuery takes, and what becomes of the others."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.reject import Reason
from pipeline.times import day_of, format_moment, to_date, year_later
from pipeline.typed import FIRST_DAY, Plan
from schemas.model import Column
from tests.pipeline.made import dataset, days, message, micros, rows, told
from tests.pipeline.texts import array_of, object_of

BY_DAY = dataset((Column("v", "DATE"), Column("new", "BOOL")), "v", None)
BY_MOMENT = dataset((Column("v", "DATETIME"), Column("new", "BOOL")), "v", None)
BY_TIMESTAMP = dataset((Column("v", "TIMESTAMP"), Column("new", "BOOL")), "v", None)
PLANS = {"DATE": Plan(BY_DAY), "DATETIME": Plan(BY_MOMENT), "TIMESTAMP": Plan(BY_TIMESTAMP)}

#: A misfit beside the value sends the record down the exact path.
BOTH_PATHS = pytest.mark.parametrize("new", ["true", '"misfit"'], ids=["fast", "exact"])


def fault(kind: str, literal: str | None, now: str, new: str) -> str | None:
    """What is said of the only record of a message; None where it becomes a row."""
    record = f'{{"new":{new}}}' if literal is None else f'{{"v":{literal},"new":{new}}}'
    typed = PLANS[kind].type_message(message(), f"[{record}]", micros(now))
    if typed.rejects:
        (reject,) = typed.rejects
        assert told(reject) == (0, Reason.PARTITION_RANGE, "v", reject.detail, record.encode())
        assert (rows(typed), typed.records, reject.failed) == ([], 1, micros(now))
        return reject.detail
    assert len(typed.batch) == typed.records == 1
    return None


@BOTH_PATHS
@pytest.mark.parametrize(
    ("kind", "literal", "detail"),
    [
        ("DATE", None, "v is missing"),
        ("DATE", "null", "v is missing"),
        ("DATE", '"soon"', 'v is no DATE: "soon"'),
        ("DATE", "20260506", "v is no DATE: 20260506"),
        ("DATE", '["2026-05-06"]', 'v is no DATE: ["2026-05-06"]'),
        ("DATE", r'"\ud800"', r'v is no DATE: "\"\\ud800\""'),
        ("DATE", f'"{"x" * 90}"', f'v is no DATE: "{"x" * 76}...'),
        ("DATE", "1" * 90, f"v is no DATE: {'1' * 77}..."),
        ("DATETIME", None, "v is missing"),
        ("DATETIME", '"2026-05-06"', 'v is no DATETIME: "2026-05-06"'),
        ("DATETIME", '"2026-05-06T23:59:60Z"', 'v is no DATETIME: "2026-05-06T23:59:60Z"'),
        ("TIMESTAMP", "0", "v is no TIMESTAMP: 0"),
    ],
)
def test_missing_and_misfit(kind: str, literal: str | None, detail: str, new: str) -> None:
    assert fault(kind, literal, "2026-11-01T12:00:00Z", new) == detail


FAR = "is more than a year ahead"


@BOTH_PATHS
@pytest.mark.parametrize(
    ("kind", "text", "now", "detail"),
    [
        ("DATE", "2000-01-01", "2026-11-01T12:00:00Z", None),
        ("DATE", "1999-12-31", "2026-11-01T12:00:00Z", "is before 2000-01-01: 1999-12-31"),
        ("DATE", "0001-01-01", "2026-11-01T12:00:00Z", "is before 2000-01-01: 0001-01-01"),
        ("DATE", "2026-11-01", "2026-11-01T12:00:00Z", None),
        ("DATE", "2027-11-01", "2026-11-01T00:00:00Z", None),
        ("DATE", "2027-11-01", "2026-11-01T23:59:59.999999Z", None),
        ("DATE", "2027-11-02", "2026-11-01T23:59:59.999999Z", f"{FAR}: 2027-11-02"),
        ("DATE", "2027-11-02", "2026-11-02T00:00:00Z", None),
        ("DATE", "9999-12-31", "2026-11-01T12:00:00Z", f"{FAR}: 9999-12-31"),
        ("DATE", "2029-03-01", "2028-02-29T12:00:00Z", None),
        ("DATE", "2029-03-02", "2028-02-29T12:00:00Z", f"{FAR}: 2029-03-02"),
        ("DATETIME", "2000-01-01T00:00:00Z", "2026-11-01T12:00:00Z", None),
        (
            "DATETIME",
            "1999-12-31T23:59:59.9999999Z",
            "2026-11-01T12:00:00Z",
            "is before 2000-01-01: 1999-12-31T23:59:59.999999Z",
        ),
        # The day in UTC decides, not the day as written.
        (
            "DATETIME",
            "2000-01-01T00:30:00+01:00",
            "2026-11-01T12:00:00Z",
            "is before 2000-01-01: 1999-12-31T23:30:00Z",
        ),
        ("DATETIME", "1999-12-31T23:30:00-01:00", "2026-11-01T12:00:00Z", None),
        # All of the last day counts, as BigQuery looks at the partition.
        ("DATETIME", "2027-11-01T23:59:59.999999Z", "2026-11-01T00:00:00Z", None),
        (
            "DATETIME",
            "2027-11-02T00:00:00Z",
            "2026-11-01T23:59:59Z",
            f"{FAR}: 2027-11-02T00:00:00Z",
        ),
        ("TIMESTAMP", "2027-11-01T23:59:59Z", "2026-11-01T00:00:00Z", None),
        (
            "TIMESTAMP",
            "2027-11-02T00:30:00+00:00",
            "2026-11-01T00:00:00Z",
            f"{FAR}: 2027-11-02T00:30:00Z",
        ),
    ],
)
def test_boundaries(kind: str, text: str, now: str, detail: str | None, new: str) -> None:
    expected = None if detail is None else f"v {detail}"
    assert fault(kind, f'"{text}"', now, new) == expected


@given(
    st.lists(st.integers(days("1999-12-30"), days("2000-01-03")) | st.none(), max_size=3),
    st.lists(st.integers(days("2027-10-30"), days("2027-11-04")), max_size=3),
    st.sampled_from(["2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z", "2026-11-03T12:00:00Z"]),
    st.sampled_from(["DATE", "DATETIME"]),
)
@example([days("2000-01-01")], [days("2027-11-01")], "2026-11-01T00:00:00Z", "DATE")
@example([None], [], "2026-11-01T00:00:00Z", "DATETIME")
def test_each_record_by_itself(
    early: list[int | None], late: list[int], now: str, kind: str
) -> None:
    values = [*early, *late]
    last = year_later(day_of(micros(now)))
    clock = "T23:59:59Z" if kind == "DATETIME" else ""
    texts = ["null" if day is None else f'"{to_date(day)}{clock}"' for day in values]
    text = array_of([object_of([('"v"', each)]) for each in texts])
    typed = PLANS[kind].type_message(message(), text, micros(now))
    right = [
        at for at, day in enumerate(values) if day is not None and days("2000-01-01") <= day <= last
    ]
    assert list(typed.batch.index) == right
    assert [format_value(kind, value) for value in typed.batch.columns[0]] == [
        texts[at].strip('"') for at in right
    ]
    assert {reject.record_index for reject in typed.rejects} == set(range(len(values))) - {*right}


def format_value(kind: str, value: int) -> str:
    return str(to_date(value)) if kind == "DATE" else format_moment(value)


def test_the_first_day() -> None:
    assert days("2000-01-01") == FIRST_DAY
