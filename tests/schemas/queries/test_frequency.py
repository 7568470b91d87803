"""Mean frequency and frequency stress."""

from __future__ import annotations

import pytest

from tests.schemas.queries.asking import Asking, days


def _readings(asking: Asking, readings: dict[str, float | None]) -> None:
    for time, frequency in readings.items():
        asking.live("FREQ", {"measurementTime": time, "frequency": frequency})


def test_mean_is_of_the_uk_local_period_in_summer() -> None:
    asking = Asking("FREQ")
    _readings(
        asking,
        {
            "2026-06-30 22:59:45": 40.0,
            "2026-06-30 23:00:00": 49.75,
            "2026-06-30 23:29:45": 50.25,
            "2026-06-30 23:30:00": 50.5,
            "2026-07-01 11:00:15": None,
            "2026-07-01 22:59:45": 49.5,
            "2026-07-01 23:00:00": 60.0,
        },
    )
    _readings(asking, {"2026-06-30 23:29:45": 50.25})
    day = "2026-07-01"
    rows = asking.ask(f"mean_frequency({days(day)})")
    assert [row for row in rows if row[6]] == [
        (day, 1, "2026-06-30 23:00", 50.0, 49.75, 50.25, 2),
        (day, 2, "2026-06-30 23:30", 50.5, 50.5, 50.5, 1),
        (day, 48, "2026-07-01 22:30", 49.5, 49.5, 49.5, 1),
    ]
    assert [row[1] for row in rows] == list(range(1, 49))
    assert rows[24] == (day, 25, "2026-07-01 11:00", None, None, None, 0)


@pytest.mark.parametrize(
    ("day", "first", "last", "periods"),
    [
        ("2026-03-29", "2026-03-29 00:00:00", "2026-03-29 22:59:45", 46),
        ("2026-10-25", "2026-10-24 23:00:00", "2026-10-25 23:59:45", 50),
        ("2026-12-01", "2026-12-01 00:00:00", "2026-12-01 23:59:45", 48),
    ],
)
def test_days_on_which_the_clocks_change(day: str, first: str, last: str, periods: int) -> None:
    asking = Asking("FREQ")
    _readings(asking, {first: 49.0, last: 51.0})
    rows = asking.ask(f"mean_frequency({days(day)})", "*")
    assert [(row[1], row[3]) for row in rows if row[6]] == [(1, 49.0), (periods, 51.0)]
    assert len(rows) == periods
    assert asking.ask(f"frequency_stress_daily({days(day)})") == [
        (day, 2, periods * 120, 49.0, 51.0, 15, 15, 15, 15, 30, 30)
    ]


def test_stress_counts_each_reading_once_and_none_on_a_limit() -> None:
    asking = Asking("FREQ")
    day = "2026-01-15"
    levels = [49.49, 49.5, 49.79, 49.8, 49.89, 49.9, 50.0, 50.1, 50.11, 50.2, 50.21, 50.5, 50.51]
    for place, level in enumerate(levels):
        time = f"{day} 00:{place // 4:02}:{place % 4 * 15:02}"
        _readings(asking, {time: level})
        _readings(asking, {time: level})
    _readings(asking, {f"{day} 00:10:00": None, f"{day} 00:30:00": 49.7})
    assert asking.ask(f"frequency_stress({days(day)})") == [
        (day, 1, 13, 49.49, 50.51, 45, 75, 75, 45, 90, 30),
        (day, 2, 1, 49.7, 49.7, 15, 15, 0, 0, 15, 0),
    ]
    assert asking.ask(f"frequency_stress_daily({days(day)})") == [
        (day, 14, 5760, 49.49, 50.51, 60, 90, 75, 45, 105, 30)
    ]


def test_readings_of_several_days() -> None:
    asking = Asking("FREQ")
    _readings(asking, {"2026-01-01 23:59:45": 50.0, "2026-01-02 00:00:00": 50.1})
    _readings(asking, {"2025-12-31 23:59:45": 49.0, "2026-01-03 00:00:00": 49.0})
    _readings(asking, {"2026-06-30 22:59:45": 49.0, "2026-06-30 23:00:00": 50.2})
    _readings(asking, {"2026-07-01 22:59:45": 50.3, "2026-07-01 23:00:00": 49.0})
    assert asking.ask(f"frequency_readings({days('2026-01-01', '2026-01-02')})") == [
        ("2026-01-01", 48, "2026-01-01 23:59:45", 50.0),
        ("2026-01-02", 1, "2026-01-02 00:00", 50.1),
    ]
    assert asking.ask(f"frequency_readings({days('2026-07-01')})") == [
        ("2026-07-01", 1, "2026-06-30 23:00", 50.2),
        ("2026-07-01", 48, "2026-07-01 22:59:45", 50.3),
    ]
