"""Generation mix, interconnector flows, demand against generation and renewable share."""

from __future__ import annotations

from datetime import timedelta

from tests.schemas.queries.asking import Asking, days, half_hour, snapshot, utc


def test_mix_now_is_one_snapshot_and_not_the_sum_of_two_hours() -> None:
    asking = Asking("FUELINST", now="2026-06-30 22:57")
    for five_minutes in range(24):
        start = utc("2026-06-30 20:55") + timedelta(minutes=5) * five_minutes
        megawatts = {"WIND": 100, "CCGT": 100, "INTFR": -1000}
        if five_minutes == 23:
            megawatts = {"WIND": 6000, "CCGT": 2000, "INTFR": -500, "INTXX": -300, "COAL": 0}
        asking.live("FUELINST", *snapshot(str(start), **megawatts))
    twice = snapshot("2026-06-30 22:50", WIND=6000)
    asking.live("FUELINST", *twice, *twice)
    day, start, published = "2026-06-30", "2026-06-30 22:50", "2026-06-30 22:55"
    assert asking.ask("generation_mix_now") == [
        (day, 48, start, published, 2, "CCGT", 2000, 25.0),
        (day, 48, start, published, 2, "COAL", 0, 0.0),
        (day, 48, start, published, 2, "INTFR", -500, 0.0),
        (day, 48, start, published, 2, "INTXX", -300, 0.0),
        (day, 48, start, published, 2, "WIND", 6000, 75.0),
    ]
    assert asking.ask("interconnector_flows_now") == [
        (start, 2, "INTFR", "IFA", "France", -500),
        (start, 2, "INTXX", None, None, -300),
    ]


def test_mix_now_takes_the_newest_version_of_a_fuel_and_keeps_a_missing_value() -> None:
    asking = Asking("FUELINST", now="2026-01-05 00:08")
    later = [row | {"publishTime": utc("2026-01-05 00:06")} for row in
             snapshot("2026-01-05 00:00", WIND=900)]  # fmt: skip
    asking.live("FUELINST", *later, *snapshot("2026-01-05 00:00", WIND=800, CCGT=70, OIL=None))
    for megawatts, enqueued, ingested in ((100, 7, 7), (80, 7, 6), (90, 6, 8)):
        [row] = snapshot("2026-01-05 00:00", CCGT=megawatts)
        times = {
            "_enqueued_utc": f"2026-01-05 00:0{enqueued}+00",
            "ingested_utc": f"2026-01-05 00:0{ingested}+00",
        }
        asking.live("FUELINST", row | times)
    assert asking.ask("generation_mix_now", "fuelType", "generation", "supply_percent") == [
        ("CCGT", 100, 10.0),
        ("OIL", None, 0.0),
        ("WIND", 900, 90.0),
    ]


def test_mix_now_shows_how_old_it_is_and_nothing_that_is_older_than_yesterday() -> None:
    asking = Asking("FUELINST", now="2026-01-05 18:00")
    asking.live("FUELINST", *snapshot("2026-01-04 00:00", WIND=800))
    assert asking.ask("generation_mix_now", "age_minutes", "generation") == [(2515, 800)]
    asking = Asking("FUELINST", now="2026-01-05 18:00")
    asking.live("FUELINST", *snapshot("2026-01-03 23:55", WIND=800))
    assert asking.ask("generation_mix_now") == []


def test_mix_by_period_is_a_mean_in_the_day_of_the_clocks() -> None:
    asking = Asking("FUELINST")
    # 2026-10-25 has 50 periods: the first begins at 23:00 UTC of the day before.
    asking.live("FUELINST", *snapshot("2026-10-24 22:55", WIND=9999))
    asking.live("FUELINST", *snapshot("2026-10-24 23:00", WIND=300, INTNED=-100))
    asking.live("FUELINST", *snapshot("2026-10-24 23:25", WIND=500, INTNED=-300, CCGT=100))
    asking.live("FUELINST", *snapshot("2026-10-24 23:25", WIND=500))
    [early] = snapshot("2026-10-24 23:25", WIND=9999)
    asking.live("FUELINST", early | {"publishTime": "2026-10-24 23:29"})
    asking.live("FUELINST", *snapshot("2026-10-25 23:55", WIND=700, INTXX=700))
    asking.live("FUELINST", *snapshot("2026-10-26 00:00", WIND=9999))
    day, first, last = "2026-10-25", "2026-10-24 23:00", "2026-10-25 23:30"
    assert asking.ask(f"generation_mix({days(day)})") == [
        (day, 1, first, "CCGT", 100.0, 20.0, 1),
        (day, 1, first, "INTNED", -200.0, 0.0, 2),
        (day, 1, first, "WIND", 400.0, 80.0, 2),
        (day, 50, last, "INTXX", 700.0, 50.0, 1),
        (day, 50, last, "WIND", 700.0, 50.0, 1),
    ]
    assert asking.ask(f"interconnector_flows({days(day)})") == [
        (day, 1, first, "INTNED", "BritNed", "Netherlands", -200.0, -100.0, 2),
        (day, 50, last, "INTXX", None, None, 700.0, 350.0, 1),
    ]


def test_demand_against_generation_on_the_day_of_46_periods() -> None:
    asking = Asking("FUELINST", "INDO", "ITSDO")
    day = "2026-03-29"
    asking.live("FUELINST", *snapshot("2026-03-29 00:30", WIND=1000, PS=-40, INTFR=90, INTNSL=-30))
    asking.live("FUELINST", *snapshot("2026-03-29 00:35", WIND=3000, PS=-60, INTFR=110, INTNSL=-50))
    asking.live("FUELINST", *snapshot("2026-03-29 22:30", WIND=500))
    asking.live("FUELINST", *snapshot("2026-03-29 23:00", WIND=9999))
    published = {"publishTime": "2026-03-29 01:00"}
    asking.live("INDO", half_hour("2026-03-29 00:30", demand=1900, **published))
    asking.live("INDO", half_hour("2026-03-29 00:30", demand=1950, publishTime="2026-03-29 01:30"))
    asking.live("INDO", half_hour("2026-03-29 01:00", demand=1800, **published))
    asking.live("ITSDO", half_hour("2026-03-29 00:30", demand=2080, **published))
    asking.live("ITSDO", half_hour("2026-03-29 00:30", demand=2080, **published))
    asking.live("ITSDO", half_hour("2026-03-29 00:30", demand=9, publishTime="2026-03-29 00:59"))
    rows = asking.ask(f"demand_against_generation({days(day)})")
    assert [row[1] for row in rows] == list(range(1, 47))
    nothing = (None,) * 8
    assert [row for row in rows if row[3:] != nothing] == [
        (day, 2, "2026-03-29 00:30", 1950, 2080, 2000.0, 100.0, -40.0, -50.0, 20.0, 60.0),
        (day, 3, "2026-03-29 01:00", 1800, *nothing[1:]),
        (day, 46, "2026-03-29 22:30", None, None, 500.0, 0.0, 0.0, 0.0, None, None),
    ]


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
        (day, 1, "2026-06-30 23:00", 30000, 29000, 1000),
        (day, 2, "2026-06-30 23:30", 31000, None, None),
        (day, 3, "2026-07-01 00:00", None, 28000, None),
    ]


def test_renewable_share_is_of_energy_and_leaves_imports_and_storage_out() -> None:
    asking = Asking("FUELINST")
    day = "2026-10-25"
    asking.live("FUELINST", *snapshot("2026-10-24 22:55", WIND=9999))
    # One snapshot of a period counts as much as six of another one.
    asking.live("FUELINST", *snapshot("2026-10-24 23:00", WIND=1000, CCGT=800, BIOMASS=200))
    for minutes in range(0, 30, 5):
        start = str(utc("2026-10-25 23:30") + timedelta(minutes=minutes))
        asking.live(
            "FUELINST",
            *snapshot(start, WIND=600, NPSHYD=400, CCGT=1000, PS=500, INTFR=900, OTHER=-10),
        )
    asking.live("FUELINST", *snapshot("2026-10-25 23:30", WIND=600, NPSHYD=400, COAL=None))
    assert asking.ask(f"renewable_share({days(day)})") == [
        (day, 800.0, 200.0, 100.0, 2000.0, 50.0, 5.0, 2, 50)
    ]


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
