"""Acceptances per hour and balancing revenue."""

from __future__ import annotations

from schemas.model import Table
from schemas.tables import table_for
from schemas.views.facts import HISTORIC, LIVE
from tests.schemas.queries.asking import Asking, days, half_hour, settled, utc
from tests.schemas.views.house import Row, dataset


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
        # Issued a second time: the first time counts.
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
        (day, "2026-07-01 09:00", 1, 0, 1),
        (day, "2026-07-01 22:00", 1, 0, 1),
    ]


def test_acceptances_of_the_last_24_clock_hours() -> None:
    asking = Asking("BOALF", now="2026-07-01 22:59")
    _acceptances(asking)
    asking.live("BOALF", _segment("PEMB-11", 5, "2026-06-30 23:00", "2026-06-30 22:40"))
    assert asking.ask("acceptances_per_hour_now") == [
        ("2026-06-30 23:00", 4, 1, 2),
        ("2026-07-01 08:00", 1, 0, 1),
        ("2026-07-01 09:00", 1, 0, 1),
        ("2026-07-01 22:00", 1, 0, 1),
        ("2026-07-01 23:00", 1, 0, 1),
    ]


def test_an_acceptance_that_was_issued_again_in_part_counts_once_and_at_first() -> None:
    asking = Asking("BOALF", now="2026-07-02 08:30")
    asking.live(
        "BOALF",
        _segment("DRAXX-1", 8, "2026-07-01 10:50", "2026-07-01 11:00"),
        _segment("DRAXX-1", 8, "2026-07-01 10:50", "2026-07-01 11:10"),
        _segment("DRAXX-1", 8, "2026-07-01 11:05", "2026-07-01 11:10", so=True),
        # First issued before the 24 hours, and on the settlement day before.
        _segment("PEMB-11", 3, "2026-06-30 22:59", "2026-06-30 23:10"),
        _segment("PEMB-11", 3, "2026-07-01 09:01", "2026-07-01 10:00"),
        # A day later a number is another acceptance's, issued three times.
        _segment("PEMB-11", 4, "2026-07-01 07:10", "2026-07-01 07:20"),
        _segment("PEMB-11", 4, "2026-07-02 07:11", "2026-07-02 07:20"),
        _segment("PEMB-11", 4, "2026-07-02 07:11", "2026-07-02 07:40"),
        _segment("PEMB-11", 4, "2026-07-02 08:01", "2026-07-02 08:40"),
        # 24 hours later it is still the first.
        _segment("PEMB-12", 4, "2026-07-01 07:10", "2026-07-01 07:20"),
        _segment("PEMB-12", 4, "2026-07-02 07:10", "2026-07-02 07:20"),
    )
    later = [("2026-07-01 10:00", 1, 1, 1), ("2026-07-02 07:00", 1, 0, 1)]
    hours = ("hourStart", "acceptances", "so_flagged", "active_units")
    found = asking.ask(f"acceptances_per_hour({days('2026-07-01', '2026-07-02')})", *hours)
    assert found == [("2026-07-01 07:00", 2, 0, 2), *later]
    assert asking.ask("acceptances_per_hour_now") == later


def test_units_without_the_operators_name_are_told_apart() -> None:
    asking = Asking("BOALF", now="2026-07-01 12:00")
    row = _segment("", 8, "2026-07-01 10:50", "2026-07-01 11:00") | {"nationalGridBmUnit": None}
    asking.live("BOALF", row | {"bmUnit": "T_A-1"}, row | {"bmUnit": "T_B-1"})
    assert asking.ask("acceptances_per_hour_now") == [("2026-07-01 10:00", 2, 0, 2)]


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
        (day, "T_DRAXX-1", "DRAXX-1", "Party", 99.5, 120.0, -20.5, 2, 1),
        (day, "T_PEMB-11", "PEMB-11", "Party", -3.0, 0.0, -3.0, 1, 1),
    ]


def test_bids_and_offers_may_come_as_one_record_or_as_two() -> None:
    """The two of a period differ in nothing but the money."""
    asking = Asking("EBOCF")
    at, run = "2026-07-01 10:00", "2026-07-03 05:00"
    offer, bid = _cashflow(at, "T_TWO-1", 1000.0, run), _cashflow(at, "T_TWO-1", -40.0, run)
    asking.live(
        "EBOCF",
        # Of an older calculation, and of the newest one: in one message, the offer sent twice.
        _cashflow(at, "T_TWO-1", 1100.0, "2026-07-02 05:00"),
        _cashflow(at, "T_TWO-1", -50.0, "2026-07-02 05:00"),
        offer | {"_message_id": "m", "_record_index": 0},
        bid | {"_message_id": "m", "_record_index": 1},
        offer | {"_message_id": "n", "_record_index": 0, "leadPartyName": "Other"},
        # No total, no calculation.
        _cashflow(at, "T_TWO-1", None, "2026-07-04 05:00"),
        _cashflow("2026-07-01 10:30", "T_TWO-1", -7.0, run),
        _cashflow(at, "T_ONE-1", 960.0, run),
        # Equal in total, and not in the pairs.
        _cashflow(at, "T_SAME-1", 5.0, run) | {"bidOfferPairCashflows": {"positive1": 5.0}},
        _cashflow(at, "T_SAME-1", 5.0, run) | {"bidOfferPairCashflows": {"negative1": 5.0}},
        _cashflow(at, "T_SAME-1", 5.0, run) | {"bidOfferPairCashflows": {"negative1": 5.0}},
        # Without a time they are of one calculation.
        _cashflow(at, "T_WHEN-1", 8.0) | {"createdDateTime": None},
        _cashflow(at, "T_WHEN-1", -3.0) | {"createdDateTime": None},
    )
    day = "2026-07-01"
    assert asking.ask(f"balancing_revenue({days(day)})") == [
        (day, "T_ONE-1", "ONE-1", "Party", 960.0, 960.0, 0.0, 1, 1),
        (day, "T_SAME-1", "SAME-1", "Party", 10.0, 10.0, 0.0, 1, 2),
        (day, "T_TWO-1", "TWO-1", "Party", 953.0, 960.0, -7.0, 2, 2),
        (day, "T_WHEN-1", "WHEN-1", "Party", 5.0, 5.0, 0.0, 1, 2),
    ]


def test_revenue_of_units_that_have_no_name_of_elexon() -> None:
    asking = Asking("EBOCF")
    at, unnamed = "2026-07-01 10:00", {"bmUnit": None}
    late = _cashflow(at, "BB", 20.0, "2026-02-02")
    asking.live("EBOCF", *(one | unnamed for one in (_cashflow(at, "AA", 10.0), late, late)))
    day = "2026-07-01"
    assert asking.ask(f"balancing_revenue({days(day)})") == [
        (day, None, "AA", "Party", 10.0, 10.0, 0.0, 1, 1),
        (day, None, "BB", "Party", 20.0, 20.0, 0.0, 1, 1),
    ]
    for relation in ("bmrs_ebocf_unified", "bmrs_ebocf_latest"):
        assert asking.ask(relation, "nationalGridBmUnit") == [("AA",), ("BB",)]


def test_revenue_of_what_a_historic_table_alone_has() -> None:
    live = table_for(dataset("EBOCF"))
    old = Table("bmrs_ebocf", live.columns)
    asking = Asking("EBOCF", historic={"EBOCF": [old]})
    at, later = "2026-07-01 10:00", "2026-07-01 10:30"
    both = _cashflow(at, "T_A-1", 10.0, "2026-07-02")
    asking.live("EBOCF", both, _cashflow(at, "T_A-1", -4.0, "2026-07-02"))
    asking.put(
        "bmrs_ebocf",
        [both, both | {"totalCashflow": 11.0}, _cashflow(later, "T_A-1", 3.0, "2026-07-02")],
    )
    assert [row[-1] for row in asking.ask("bmrs_ebocf_unified", "startTime", "data_source")] == [
        LIVE, HISTORIC,
    ]  # fmt: skip
    day = "2026-07-01"
    assert asking.ask(f"balancing_revenue({days(day)})") == [
        (day, "T_A-1", "A-1", "Party", 9.0, 9.0, 0.0, 2, 2)
    ]
