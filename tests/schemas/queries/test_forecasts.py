"""Indicated balance, and the wind forecast against the outturn."""

from __future__ import annotations

import pytest

from tests.schemas.queries.asking import Asking, days, half_hour, snapshot
from tests.schemas.views.house import Row


def test_indicated_balance_is_national_and_of_the_newest_publication() -> None:
    asking = Asking("INDGEN", "INDDEM")
    start, early, late = "2026-06-30 23:00", "2026-06-30 10:00", "2026-06-30 10:30"
    asking.live(
        "INDGEN",
        half_hour(start, boundary="N", publishTime=early, generation=100),
        half_hour(start, boundary="N", publishTime=late, generation=30000),
        half_hour(start, boundary="B1", publishTime=late, generation=7),
        half_hour("2026-06-30 23:30", boundary="N", publishTime=late, generation=31000),
        half_hour("2026-06-30 22:30", boundary="N", publishTime=late, generation=1),
        half_hour("2026-07-01 23:00", boundary="N", publishTime=late, generation=1),
    )
    asking.live(
        "INDDEM",
        half_hour(start, boundary="N", publishTime=late, demand=-29000),
        half_hour(start, boundary="N", publishTime=early, demand=-5),
        half_hour("2026-07-01 00:00", boundary="N", publishTime=late, demand=-28000),
        half_hour("2026-07-01 00:00", boundary="B9", publishTime=late, demand=-28),
        half_hour("2026-06-30 22:00", boundary="N", publishTime=late, demand=-1),
        half_hour("2026-07-01 23:30", boundary="N", publishTime=late, demand=-1),
    )
    day = "2026-07-01"
    assert asking.ask(f"indicated_balance({days(day)})") == [
        (day, 1, "2026-06-30 23:00", 30000, 29000, 1000, late, late),
        (day, 2, "2026-06-30 23:30", 31000, None, None, late, None),
        (day, 3, "2026-07-01 00:00", None, 28000, None, None, late),
    ]


def _balances(generated: dict[str, int | None], demanded: dict[str, int | None]) -> list[object]:
    """Of one settlement period, by times of publication."""
    asking = Asking("INDGEN", "INDDEM")
    at: Row = half_hour("2026-07-01 10:00", boundary="N")
    for published, generation in generated.items():
        time = f"2026-07-01 {published}"
        asking.live("INDGEN", at | {"publishTime": time, "generation": generation})
    for published, demand in demanded.items():
        time = f"2026-07-01 {published}"
        asking.live("INDDEM", at | {"publishTime": time, "demand": demand and -demand})
    [row] = asking.ask(f"indicated_balance({days('2026-07-01')})")
    head = ("2026-07-01", 23, "2026-07-01 10:00")
    assert row[:3] == head
    return [str(one)[11:] if isinstance(one, str) else one for one in row[3:]]


@pytest.mark.parametrize(
    ("generated", "demanded", "expected"),
    [
        # Of one of them the newest publication is not in yet, or has no value.
        (
            {"08:47": 30000, "09:17": 26000},
            {"08:47": 30000},
            [30000, 30000, 0, "08:47", "08:47"],
        ),
        (
            {"08:47": 30000, "09:17": None},
            {"08:17": 9, "08:47": 29000, "09:17": 25000},
            [30000, 29000, 1000, "08:47", "08:47"],
        ),
        (
            {"08:47": 30000, "09:17": 26000},
            {"08:47": 29000, "09:17": None},
            [30000, 29000, 1000, "08:47", "08:47"],
        ),
        # A few seconds or minutes apart.
        (
            {"08:47": 30000, "09:17": 26000},
            {"08:47:03": 29000, "09:21:30": 25500},
            [26000, 25500, 500, "09:17", "09:21:30"],
        ),
        ({"09:31:59": 26000}, {"09:17": 25000}, [26000, 25000, 1000, "09:31:59", "09:17"]),
        # Too far apart to be one.
        ({"09:32": 26000}, {"09:17": 25000}, [26000, 25000, None, "09:32", "09:17"]),
        ({"09:02": 26000}, {"09:17": 25000}, [26000, 25000, None, "09:02", "09:17"]),
        # One more publication of either does not pair with what has a nearer partner.
        (
            {"09:17": 26000, "09:25": 20000},
            {"09:17": 25000},
            [26000, 25000, 1000, "09:17", "09:17"],
        ),
        (
            {"09:17": 26000},
            {"09:17:10": 25000, "09:25": 20000},
            [26000, 25000, 1000, "09:17", "09:17:10"],
        ),
        ({"09:17": None}, {"09:17": 25000}, [None, 25000, None, None, "09:17"]),
    ],
)
def test_balance_is_of_one_publication(
    generated: dict[str, int | None], demanded: dict[str, int | None], expected: list[object]
) -> None:
    assert _balances(generated, demanded) == expected


def test_wind_forecast_is_the_newest_before_the_hour() -> None:
    asking = Asking("FUELINST", "WINDFOR")

    def forecast(hour: str, published: str, generation: int) -> None:
        asking.live(
            "WINDFOR", {"startTime": hour, "publishTime": published, "generation": generation}
        )

    # 23:00 UTC is the first hour of the settlement day in summer.
    forecast("2026-06-30 23:00", "2026-06-27 05:00", 1)
    forecast("2026-06-30 23:00", "2026-06-30 22:30", 5500)
    forecast("2026-06-30 23:00", "2026-06-30 22:30", 5500)
    forecast("2026-06-30 23:00", "2026-06-30 20:30", 9000)
    forecast("2026-06-30 23:00", "2026-06-30 23:30", 5000)
    forecast("2026-07-01 00:00", "2026-07-01 00:00", 700)
    forecast("2026-07-01 01:00", "2026-06-27 01:00", 4000)
    forecast("2026-07-01 02:00", "2026-07-01 02:30", 4000)
    forecast("2026-06-30 22:00", "2026-06-30 20:30", 4000)
    forecast("2026-07-01 23:00", "2026-07-01 20:30", 4000)
    asking.live("FUELINST", *snapshot("2026-06-30 22:55", WIND=9999))
    asking.live("FUELINST", *snapshot("2026-06-30 23:00", WIND=4000, CCGT=9999))
    asking.live("FUELINST", *snapshot("2026-06-30 23:05", WIND=None))
    asking.live("FUELINST", *snapshot("2026-06-30 23:55", WIND=6000), *snapshot("2026-06-30 23:55"))
    [early] = snapshot("2026-06-30 23:55", WIND=9999)
    asking.live("FUELINST", early | {"publishTime": "2026-06-30 23:59"})
    asking.live("FUELINST", *snapshot("2026-07-01 00:00", WIND=0))
    asking.live("FUELINST", *snapshot("2026-07-01 02:00", WIND=9999))
    day = "2026-07-01"
    assert asking.ask(f"wind_forecast_error({days(day)})") == [
        (day, "2026-06-30 23:00", "2026-06-30 22:30", 30, 5500, 5000.0, 2, 500.0, 10.0),
        (day, "2026-07-01 00:00", "2026-07-01 00:00", 0, 700, 0.0, 1, 700.0, None),
        (day, "2026-07-01 01:00", "2026-06-27 01:00", 5760, 4000, None, 0, None, None),
    ]


@pytest.mark.parametrize(
    ("now", "error"), [("2026-07-01 10:59:59", (None, None)), ("2026-07-01 11:00", (1000.0, 25.0))]
)
def test_wind_forecast_error_of_an_hour_that_is_over(
    now: str, error: tuple[float | None, float | None]
) -> None:
    asking = Asking("FUELINST", "WINDFOR", now=now)
    hour = {"startTime": "2026-07-01 10:00"}
    asking.live(
        "WINDFOR",
        hour | {"publishTime": "2026-07-01 05:30:30", "generation": 5000},
        # What came later has no value.
        hour | {"publishTime": "2026-07-01 08:30", "generation": None},
    )
    asking.live("FUELINST", *snapshot("2026-07-01 10:00", WIND=4000))
    # A version without a value does not hide the one before.
    [empty] = snapshot("2026-07-01 10:00", WIND=None)
    asking.live("FUELINST", empty | {"publishTime": "2026-07-01 10:06"})
    day = "2026-07-01"
    assert asking.ask(f"wind_forecast_error({days(day)})") == [
        (day, hour["startTime"], "2026-07-01 05:30:30", 269, 5000, 4000.0, 1, *error)
    ]
