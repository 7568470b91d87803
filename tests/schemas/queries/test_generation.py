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
        (day, 48, start, published, 2, "CCGT", 2000, 25.0, 5),
        (day, 48, start, published, 2, "COAL", 0, 0.0, 5),
        (day, 48, start, published, 2, "INTFR", -500, 0.0, 5),
        (day, 48, start, published, 2, "INTXX", -300, 0.0, 5),
        (day, 48, start, published, 2, "WIND", 6000, 75.0, 5),
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
    # A later version without a value does not hide it.
    [empty] = snapshot("2026-01-05 00:00", WIND=None)
    asking.live("FUELINST", empty | {"publishTime": "2026-01-05 00:07"})
    shown = ("fuelType", "generation", "supply_percent", "fuel_types")
    assert asking.ask("generation_mix_now", *shown) == [
        ("CCGT", 100, 10.0, 2),
        ("OIL", None, 0.0, 2),
        ("WIND", 900, 90.0, 2),
    ]


def test_mix_now_is_of_a_snapshot_that_is_as_full_as_those_of_the_hour_before() -> None:
    asking = Asking("FUELINST", now="2026-07-01 12:11:00")
    # More than an hour before the newest there was one more fuel.
    asking.live("FUELINST", *snapshot("2026-07-01 11:05", WIND=1, CCGT=1, COAL=1))
    asking.live("FUELINST", *snapshot("2026-07-01 11:10", WIND=50, CCGT=50))
    asking.live("FUELINST", *snapshot("2026-07-01 11:55", WIND=100, CCGT=300))
    asking.live("FUELINST", *snapshot("2026-07-01 12:00", WIND=100, CCGT=None))
    asking.live("FUELINST", *snapshot("2026-07-01 12:05", WIND=100))
    shown = ("startTime", "fuelType", "supply_percent", "fuel_types", "age_minutes")
    assert asking.ask("generation_mix_now", *shown) == [
        ("2026-07-01 11:55", "CCGT", 75.0, 2, 11),
        ("2026-07-01 11:55", "WIND", 25.0, 2, 11),
    ]
    asking.live("FUELINST", *snapshot("2026-07-01 12:05", CCGT=100))
    assert asking.ask("generation_mix_now", *shown) == [
        ("2026-07-01 12:05", "CCGT", 50.0, 2, 1),
        ("2026-07-01 12:05", "WIND", 50.0, 2, 1),
    ]


def test_ages_are_of_whole_minutes() -> None:
    asking = Asking("FUELINST", now="2026-07-01 12:11:00")
    [row] = snapshot("2026-07-01 11:55", INTFR=1)
    asking.live("FUELINST", row | {"publishTime": "2026-07-01 12:00:59"})
    assert asking.ask("generation_mix_now", "age_minutes") == [(10,)]
    assert asking.ask("interconnector_flows_now", "age_minutes") == [(10,)]
    asking.live("FUELINST", row | {"publishTime": "2026-07-01 12:01:00"})
    assert asking.ask("generation_mix_now", "age_minutes") == [(10,)]
    asking.live("FUELINST", row | {"publishTime": "2026-07-01 12:01:00.000001"})
    assert asking.ask("generation_mix_now", "age_minutes") == [(9,)]
    # The clock of this machine may be behind.
    asking.live("FUELINST", row | {"publishTime": "2026-07-01 12:12:30"})
    assert asking.ask("generation_mix_now", "age_minutes") == [(-1,)]


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
    asking.live("FUELINST", *snapshot("2026-10-25 23:55", WIND=700, INTXX=700, OIL=None))
    [empty] = snapshot("2026-10-25 23:55", WIND=None)
    asking.live("FUELINST", empty | {"publishTime": "2026-10-26 00:01"})
    asking.live("FUELINST", *snapshot("2026-10-26 00:00", WIND=9999))
    day, first, last = "2026-10-25", "2026-10-24 23:00", "2026-10-25 23:30"
    assert asking.ask(f"generation_mix({days(day)})") == [
        (day, 1, first, "CCGT", 100.0, 20.0, 1, 3),
        (day, 1, first, "INTNED", -200.0, 0.0, 2, 3),
        (day, 1, first, "WIND", 400.0, 80.0, 2, 3),
        (day, 50, last, "INTXX", 700.0, 50.0, 1, 2),
        (day, 50, last, "WIND", 700.0, 50.0, 1, 2),
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
    # Newer, and without a value.
    asking.live("INDO", half_hour("2026-03-29 00:30", demand=None, publishTime="2026-03-29 02:00"))
    asking.live("ITSDO", half_hour("2026-03-29 00:30", demand=None, publishTime="2026-03-29 02:00"))
    asking.live("INDO", half_hour("2026-03-29 01:00", demand=1800, **published))
    asking.live("ITSDO", half_hour("2026-03-29 00:30", demand=2080, **published))
    asking.live("ITSDO", half_hour("2026-03-29 00:30", demand=2080, **published))
    asking.live("ITSDO", half_hour("2026-03-29 00:30", demand=9, publishTime="2026-03-29 00:59"))
    rows = asking.ask(f"demand_against_generation({days(day)})")
    assert [row[1] for row in rows] == list(range(1, 47))
    nothing = (None,) * 10
    assert [row for row in rows if row[3:] != nothing] == [
        (day, 2, "2026-03-29 00:30", 1950, 2080, 2000.0, 100.0, -40.0, -50.0, 20.0, 60.0, 4, 2),
        (day, 3, "2026-03-29 01:00", 1800, *nothing[1:]),
        (day, 46, "2026-03-29 22:30", None, None, 500.0, 0.0, 0.0, 0.0, None, None, 1, 1),
    ]


def _against(asking: Asking, day: str) -> list[tuple[object, ...]]:
    """Periods with generation, from generation to the end."""
    rows = asking.ask(f"demand_against_generation({days(day)})")
    return [(row[1], *row[5:]) for row in rows if row[5] is not None]


def test_a_cable_that_turns_round_within_the_half_hour_imports_and_exports() -> None:
    asking = Asking("FUELINST", "INDO", "ITSDO")
    for place in range(6):
        start = str(utc("2026-07-01 10:00") + timedelta(minutes=5 * place))
        sign = 1 if place < 3 else -1
        asking.live("FUELINST", *snapshot(start, CCGT=20000, INTFR=sign * 1000, PS=sign * 600))
    published = {"publishTime": "2026-07-01 10:30"}
    asking.live("ITSDO", half_hour("2026-07-01 10:00", demand=20800, **published))
    asking.live("INDO", half_hour("2026-07-01 10:00", demand=19990, **published))
    assert _against(asking, "2026-07-01") == [
        (23, 20300.0, 500.0, -500.0, -300.0, 0.0, 10.0, 3, 6),
    ]


def test_a_snapshot_that_lacks_a_fuel_lowers_no_mean() -> None:
    asking = Asking("FUELINST", "INDO", "ITSDO")
    asking.live("FUELINST", *snapshot("2026-07-01 10:00", CCGT=20000, WIND=6000, PS=-600))
    asking.live("FUELINST", *snapshot("2026-07-01 10:05", CCGT=20000, WIND=None))
    asking.live("FUELINST", *snapshot("2026-07-01 10:10", CCGT=20000, WIND=9000, PS=0))
    # Here a fuel did not come at all: the sums are of what came, without differences.
    asking.live("FUELINST", *snapshot("2026-07-01 10:30", CCGT=20000, PS=-600))
    for start in ("2026-07-01 10:00", "2026-07-01 10:30"):
        published = {"publishTime": "2026-07-01 11:00"}
        asking.live("ITSDO", half_hour(start, demand=27000, **published))
        asking.live("INDO", half_hour(start, demand=26000, **published))
    assert _against(asking, "2026-07-01") == [
        (23, 27500.0, 0.0, 0.0, -300.0, 500.0, 1200.0, 3, 2),
        (24, 20000.0, 0.0, 0.0, -600.0, None, None, 2, 1),
    ]


def test_renewable_share_is_of_energy_and_leaves_imports_and_storage_out() -> None:
    asking = Asking("FUELINST")
    day = "2026-10-25"
    asking.live("FUELINST", *snapshot("2026-10-24 22:55", WIND=9999))
    # One snapshot of a period counts as much as six of another one.
    asking.live("FUELINST", *snapshot("2026-10-24 23:00", WIND=1000, CCGT=800, BIOMASS=200))
    asking.live("FUELINST", *snapshot("2026-10-24 23:00", NPSHYD=0, OTHER=0))
    # A period without all of its fuel types has no share.
    asking.live("FUELINST", *snapshot("2026-10-25 10:00", WIND=1000, INTFR=1, PS=1))
    asking.live("FUELINST", *snapshot("2026-10-25 10:30", WIND=0, CCGT=1, BIOMASS=1, NPSHYD=1))
    for minutes in range(0, 30, 5):
        start = str(utc("2026-10-25 23:30") + timedelta(minutes=minutes))
        fed = {"WIND": 600, "NPSHYD": 400, "CCGT": 1000, "BIOMASS": 0, "OTHER": -10}
        asking.live("FUELINST", *snapshot(start, **fed, PS=500, INTFR=900))
    asking.live("FUELINST", *snapshot("2026-10-25 23:30", WIND=600, NPSHYD=400, COAL=None))
    assert asking.ask(f"renewable_share({days(day)})") == [
        (day, 800.0, 200.0, 100.0, 2000.0, 50.0, 5.0, 2, 50)
    ]
