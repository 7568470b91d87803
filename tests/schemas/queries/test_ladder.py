"""The bid ladder."""

from __future__ import annotations

from tests.schemas.queries.asking import Asking, settled, utc
from tests.schemas.views.house import Row


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


def test_ladder_of_pairs_that_are_cut_at_different_times() -> None:
    asking = Asking("BOD")
    start, quarter, end = "2026-07-01 10:00", "2026-07-01 10:15", "2026-07-01 10:30"
    first = _pair(start, 1, 100, 60.0, 75.0) | {"timeTo": end}
    second = _pair(start, 2, 50, 90.0, 95.0)
    asking.live(
        "BOD",
        first,
        second | {"timeTo": quarter},
        second | {"timeFrom": quarter, "timeTo": end, "levelFrom": 40, "levelTo": 40},
        # Falls from -30 to 0 within the half-hour; the cut is in the middle.
        _pair(start, -1, -30, 40.0, 45.0) | {"timeTo": None, "levelTo": 0},
        # Of no length, and of the next period.
        _pair(quarter, 3, 9, 9.0, 9.0) | {"timeTo": quarter},
        _pair(end, 1, 70, 60.0, 75.0) | {"timeTo": "2026-07-01 11:00"},
    )
    shown = ("timeFrom", "timeTo", "step", "pairId", "levelFrom", "levelTo", "reach", "bid")
    assert asking.ask("bid_ladder('DRAXX-1', DATE '2026-07-01')", *shown) == [
        (start, quarter, 1, -1, -30.0, -15.0, -30.0, 40.0),
        (start, quarter, 2, 1, 100.0, 100.0, 100.0, 60.0),
        (start, quarter, 3, 2, 50.0, 50.0, 150.0, 90.0),
        (quarter, end, 1, -1, -15.0, 0.0, -15.0, 40.0),
        (quarter, end, 2, 1, 100.0, 100.0, 100.0, 60.0),
        (quarter, end, 3, 2, 40.0, 40.0, 140.0, 90.0),
        (end, "2026-07-01 11:00", 1, 1, 70.0, 70.0, 70.0, 60.0),
    ]


def test_ladder_of_a_pair_that_was_sent_again_with_other_times() -> None:
    asking = Asking("BOD")
    start, quarter, end = "2026-07-01 10:00", "2026-07-01 10:15", "2026-07-01 10:30"
    early, late = ({"_enqueued_utc": f"2026-07-01 08:{minute}+00"} for minute in ("58", "59"))
    pair = _pair(start, 1, 100, 60.0, 75.0)
    asking.live(
        "BOD",
        pair | {"timeTo": quarter} | early,
        pair | {"timeFrom": quarter, "timeTo": end, "levelFrom": 40, "levelTo": 40} | early,
        pair | {"timeTo": end} | late,
        # Another unit's edges cut nothing.
        pair | {"timeTo": "2026-07-01 10:05", "nationalGridBmUnit": None} | late,
    )
    shown = ("nationalGridBmUnit", "timeFrom", "timeTo", "step", "levelFrom", "reach")
    assert asking.ask("bid_ladder('T_DRAXX-1', DATE '2026-07-01')", *shown) == [
        ("DRAXX-1", start, quarter, 1, 100.0, 100.0),
        ("DRAXX-1", quarter, end, 1, 100.0, 100.0),
        (None, start, "2026-07-01 10:05", 1, 100.0, 100.0),
    ]
