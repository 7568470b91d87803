"""Acceptances per hour, balancing revenue and the bid ladder."""

from __future__ import annotations

from tests.schemas.queries.asking import Asking, days, half_hour, settled, utc
from tests.schemas.views.house import Row


def _segment(unit: str, number: int, accepted: str, start: str, so: bool | None = False) -> Row:
    when = settled(utc(start))
    return {
        "settlementDate": when["settlementDate"],
        "settlementPeriodFrom": when["settlementPeriod"],
        "timeFrom": start,
        "nationalGridBmUnit": unit,
        "acceptanceNumber": number,
        "acceptanceTime": accepted,
        "soFlag": so,
    }


def _acceptances(asking: Asking) -> None:
    asking.live(
        "BOALF",
        _segment("DRAXX-1", 7, "2026-06-30 22:59", "2026-06-30 23:10"),
        # One acceptance of three segments, one of them delivered twice.
        _segment("DRAXX-1", 8, "2026-06-30 23:05", "2026-06-30 23:10"),
        _segment("DRAXX-1", 8, "2026-06-30 23:05", "2026-06-30 23:12", so=True),
        _segment("DRAXX-1", 8, "2026-06-30 23:05", "2026-06-30 23:40"),
        _segment("DRAXX-1", 8, "2026-06-30 23:05", "2026-06-30 23:40"),
        # The same number of another unit, and another number of the first.
        _segment("PEMB-11", 8, "2026-06-30 23:05", "2026-06-30 23:10"),
        _segment("DRAXX-1", 9, "2026-06-30 23:59", "2026-07-01 00:10", so=None),
        # Issued on one settlement day for the next one.
        _segment("PEMB-11", 9, "2026-07-01 22:59", "2026-07-01 23:05"),
        _segment("PEMB-11", 10, "2026-07-01 23:00", "2026-07-01 23:05"),
        # Issued for a time that was over, and on the day before.
        _segment("PEMB-11", 11, "2026-07-01 08:00", "2026-06-30 22:40", so=None),
        # Issued a second time: the later time counts.
        _segment("DRAXX-1", 12, "2026-07-01 09:59", "2026-07-01 10:10"),
        _segment("DRAXX-1", 12, "2026-07-01 10:01", "2026-07-01 10:10"),
    )


def test_acceptances_are_counted_and_not_their_rows() -> None:
    asking = Asking("BOALF")
    _acceptances(asking)
    day = "2026-07-01"
    assert asking.ask(f"acceptances_per_hour({days(day)})") == [
        (day, "2026-06-30 23:00", 3, 1, 2),
        (day, "2026-07-01 08:00", 1, 0, 1),
        (day, "2026-07-01 10:00", 1, 0, 1),
        (day, "2026-07-01 22:00", 1, 0, 1),
    ]


def test_acceptances_of_the_last_24_clock_hours() -> None:
    asking = Asking("BOALF", now="2026-07-01 22:59")
    _acceptances(asking)
    asking.live("BOALF", _segment("PEMB-11", 5, "2026-06-30 23:00", "2026-06-30 22:40"))
    assert asking.ask("acceptances_per_hour_now") == [
        ("2026-06-30 23:00", 4, 1, 2),
        ("2026-07-01 08:00", 1, 0, 1),
        # The live table has all versions of one that was issued twice.
        ("2026-07-01 09:00", 1, 0, 1),
        ("2026-07-01 10:00", 1, 0, 1),
        ("2026-07-01 22:00", 1, 0, 1),
        ("2026-07-01 23:00", 1, 0, 1),
    ]


def _cashflow(start: str, unit: str, cashflow: float | None, created: str = "2026-02-01") -> Row:
    return half_hour(
        start,
        bmUnit=unit,
        nationalGridBmUnit=unit.removeprefix("T_"),
        leadPartyName="Party",
        createdDateTime=created,
        totalCashflow=cashflow,
    )


def test_revenue_is_of_the_newest_calculation() -> None:
    asking = Asking("EBOCF")
    asking.live(
        "EBOCF",
        _cashflow("2026-03-28 23:30", "T_DRAXX-1", 9999.0),
        _cashflow("2026-03-29 00:00", "T_DRAXX-1", 100.0, "2026-03-29"),
        _cashflow("2026-03-29 00:00", "T_DRAXX-1", 120.0, "2026-04-15"),
        _cashflow("2026-03-29 00:00", "T_DRAXX-1", 120.0, "2026-04-15"),
        _cashflow("2026-03-29 01:00", "T_DRAXX-1", -20.5),
        _cashflow("2026-03-29 01:30", "T_DRAXX-1", 0.0),
        _cashflow("2026-03-29 02:00", "T_DRAXX-1", None),
        _cashflow("2026-03-29 22:30", "T_PEMB-11", -3.0),
        _cashflow("2026-03-29 23:00", "T_PEMB-11", 9999.0),
    )
    day = "2026-03-29"
    assert asking.ask(f"balancing_revenue({days(day)})") == [
        (day, "T_DRAXX-1", "DRAXX-1", "Party", 99.5, 120.0, -20.5, 2),
        (day, "T_PEMB-11", "PEMB-11", "Party", -3.0, 0.0, -3.0, 1),
    ]


def _pair(start: str, pair: int, level: int, bid: float | None, offer: float | None) -> Row:
    when = settled(utc(start))
    return {
        "settlementDate": when["settlementDate"],
        "settlementPeriod": when["settlementPeriod"],
        "timeFrom": start,
        "timeTo": "2026-10-25 23:30",
        "pairId": pair,
        "levelFrom": level,
        "levelTo": level,
        "bid": bid,
        "offer": offer,
        "nationalGridBmUnit": "DRAXX-1",
        "bmUnit": "T_DRAXX-1",
    }


def test_ladder_is_sorted_and_has_its_reach() -> None:
    asking = Asking("BOD")
    at = "2026-10-25 23:00"
    asking.live(
        "BOD",
        _pair(at, 2, 50, 90.0, 9999.0),
        _pair(at, 1, 100, 60.0, 75.0),
        _pair(at, -1, -80, 40.0, 45.0) | {"_enqueued_utc": "2026-10-25 22:02+00"},
        _pair(at, -1, -70, 41.0, 45.0) | {"_enqueued_utc": "2026-10-25 22:01+00"},
        _pair(at, -2, -20, -9990.0, None),
        _pair(at, 3, 10, None, 9990.0),
        _pair(at, 4, 20, None, 9989.0),
        _pair(at, 1, 5, 5.0, 5.0) | {"nationalGridBmUnit": "PEMB-11", "bmUnit": None},
        _pair("2026-10-26 00:00", 1, 7, 7.0, 7.0),
    )
    head = ("2026-10-25", 49, "DRAXX-1", "T_DRAXX-1", at, "2026-10-25 23:30")
    ladder = [
        (*head, 1, -2, -20, -20, -100, -9990.0, None, True),
        (*head, 2, -1, -80, -80, -80, 40.0, 45.0, False),
        (*head, 3, 1, 100, 100, 100, 60.0, 75.0, False),
        (*head, 4, 2, 50, 50, 150, 90.0, 9999.0, True),
        (*head, 5, 3, 10, 10, 160, None, 9990.0, True),
        (*head, 6, 4, 20, 20, 180, None, 9989.0, False),
    ]
    assert asking.ask("bid_ladder('T_DRAXX-1', DATE '2026-10-25')") == ladder
    assert asking.ask("bid_ladder('DRAXX-1', DATE '2026-10-25')") == ladder
    assert asking.ask("bid_ladder('PEMB-11', DATE '2026-10-25')", "step", "reach", "bid") == [
        (1, 5, 5.0)
    ]
