"""Market index price, system price and its spread, and one against the other."""

from __future__ import annotations

from tests.schemas.queries.asking import Asking, days, half_hour
from tests.schemas.views.house import Row

WINTER = "2026-01-15"


def _market(start: str, provider: str, price: float | None, volume: float | None) -> Row:
    return half_hour(start, dataProvider=provider, price=price, volume=volume)


def _system(start: str, price: float | None, created: str = "2026-02-01 00:00") -> Row:
    return half_hour(
        start,
        createdDateTime=created,
        systemSellPrice=price,
        systemBuyPrice=price,
        netImbalanceVolume=-12.5,
    )


def test_market_price_leaves_placeholders_out_and_weights_by_volume() -> None:
    asking = Asking("MID")
    asking.live(
        "MID",
        _market("2026-01-14 23:30", "APXMIDP", 999.0, 999.0),
        _market("2026-01-15 00:00", "APXMIDP", 80.0, 1000.0),
        _market("2026-01-15 00:00", "N2EXMIDP", 0.0, 0.0),
        _market("2026-01-15 00:30", "APXMIDP", 80.0, 300.0),
        _market("2026-01-15 00:30", "N2EXMIDP", 40.0, 100.0),
        _market("2026-01-15 01:00", "APXMIDP", 0.0, 0.0),
        _market("2026-01-15 01:30", "APXMIDP", None, 500.0),
        _market("2026-01-15 01:30", "N2EXMIDP", -5.0, 100.0),
        _market("2026-01-15 02:00", "APXMIDP", 60.0, None),
        _market("2026-01-16 00:00", "APXMIDP", 999.0, 999.0),
    )
    asking.live("MID", _market("2026-01-15 00:30", "APXMIDP", 80.0, 300.0))
    assert asking.ask(f"market_index_price({days(WINTER)})") == [
        (WINTER, 1, "2026-01-15 00:00", 80.0, 1000.0, 1),
        (WINTER, 2, "2026-01-15 00:30", 70.0, 400.0, 2),
        (WINTER, 3, "2026-01-15 01:00", None, 0.0, 0),
        (WINTER, 4, "2026-01-15 01:30", -5.0, 100.0, 1),
        (WINTER, 5, "2026-01-15 02:00", None, 0.0, 0),
    ]


def test_market_price_takes_the_message_that_came_last() -> None:
    asking = Asking("MID")
    asking.live(
        "MID",
        _market("2026-07-01 23:00", "APXMIDP", 55.0, 10.0)
        | {"_enqueued_utc": "2026-07-02 00:05+00"},
        _market("2026-07-01 23:00", "APXMIDP", 50.0, 10.0)
        | {"_enqueued_utc": "2026-07-02 00:01+00"},
    )
    assert asking.ask(f"market_index_price({days('2026-07-02')})") == [
        ("2026-07-02", 1, "2026-07-01 23:00", 55.0, 10.0, 1)
    ]


def test_system_price_is_of_the_newest_calculation() -> None:
    asking = Asking("DISEBSP")
    asking.live(
        "DISEBSP",
        _system("2026-01-15 00:00", 90.0, "2026-01-15 00:40"),
        _system("2026-01-15 00:00", 70.0, "2026-02-10 09:00"),
        _system("2026-01-15 00:00", 80.0, "2026-01-20 09:00"),
        _system("2026-01-14 23:30", 999.0),
        _system("2026-01-16 00:00", 999.0),
    )
    assert asking.ask(f"system_price({days(WINTER)})") == [
        (WINTER, 1, "2026-01-15 00:00", 70.0, 70.0, -12.5, "2026-02-10 09:00")
    ]


def test_system_price_is_of_a_calculation_that_has_one() -> None:
    asking = Asking("DISEBSP")
    asking.live(
        "DISEBSP",
        _system("2026-01-15 00:00", 75.0, "2026-01-15 00:20"),
        _system("2026-01-15 00:00", 80.0, "2026-01-15 00:40"),
        _system("2026-01-15 00:00", None, "2026-01-20 09:00"),
        _system("2026-01-15 00:30", None, "2026-01-20 09:00"),
        _system("2026-01-15 00:30", None, "2026-01-20 08:00"),
    )
    assert asking.ask(f"system_price({days(WINTER)})") == [
        (WINTER, 1, "2026-01-15 00:00", 80.0, 80.0, -12.5, "2026-01-15 00:40"),
        (WINTER, 2, "2026-01-15 00:30", None, None, -12.5, "2026-01-20 09:00"),
    ]


def test_spread_counts_each_period_once() -> None:
    asking = Asking("DISEBSP")
    asking.live(
        "DISEBSP",
        _system("2026-03-29 00:00", 100.0),
        _system("2026-03-29 00:30", 500.0, "2026-03-29 01:00"),
        _system("2026-03-29 00:30", -20.0, "2026-03-30 01:00"),
        _system("2026-03-29 01:00", 130.0),
        _system("2026-03-29 01:00", 130.0),
        _system("2026-03-29 21:30", None),
        _system("2026-03-29 22:00", 130.0),
        _system("2026-03-29 22:30", -20.0),
        _system("2026-03-29 23:00", 5000.0),
    )
    assert asking.ask(f"system_price_spread({days('2026-03-29')})") == [
        ("2026-03-29", -20.0, 2, 130.0, 3, 150.0, 64.0, 5, 46)
    ]


def test_imbalance_against_wholesale_joins_by_settlement_period() -> None:
    asking = Asking("DISEBSP", "MID")
    asking.live(
        "MID",
        _market("2026-07-01 22:30", "APXMIDP", 999.0, 10.0),
        _market("2026-07-01 23:00", "APXMIDP", 60.0, 10.0),
        _market("2026-07-01 23:00", "N2EXMIDP", 0.0, 0.0),
        _market("2026-07-01 23:30", "APXMIDP", 61.0, 10.0),
    )
    asking.live(
        "DISEBSP",
        _system("2026-07-01 23:00", 80.0, "2026-07-02 00:00"),
        _system("2026-07-01 23:00", 75.5, "2026-07-03 00:00"),
        _system("2026-07-02 00:00", 70.0),
    )
    day = "2026-07-02"
    assert asking.ask(f"imbalance_against_wholesale({days(day)})") == [
        (day, 1, "2026-07-01 23:00", 75.5, 60.0, 15.5, -12.5),
        (day, 2, "2026-07-01 23:30", None, 61.0, None, None),
        (day, 3, "2026-07-02 00:00", 70.0, None, None, -12.5),
    ]
