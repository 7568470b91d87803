"""Active outages."""

from __future__ import annotations

import pytest

from tests.schemas.queries.asking import Asking
from tests.schemas.views.house import Row

NOW = "2026-06-01 12:00"
_SHOWN = ("mrid", "revisionNumber", "available_capacity", "unavailable_capacity")


def _version(mrid: str, revision: int, published: str, **others: object) -> Row:
    return {
        "mrid": mrid,
        "revisionNumber": revision,
        "publishTime": published,
        "createdTime": published,
        "messageType": "UnavailabilitiesOfElectricityFacilities",
        "assetId": "T_ROCK-1",
        "affectedUnit": "ROCK-1",
        "eventStatus": "Active",
        "eventStartTime": "2026-05-01 00:00",
        "eventEndTime": "2026-07-01 00:00",
        "normalCapacity": 700.0,
        "availableCapacity": 300.0,
        "unavailableCapacity": 410.0,
        **others,
    }


def _segment(start: str, end: str, capacity: float) -> Row:
    return {"startTime": start, "endTime": end, "capacity": capacity}


def test_newest_version_of_each_thread_of_one_unit() -> None:
    asking = Asking("REMIT", now=NOW)
    asking.live(
        "REMIT",
        # By unit, revision 9 of A would be all that is seen of T_ROCK-1.
        _version("A", 8, "2026-05-01 00:00", availableCapacity=0.0),
        _version("A", 9, "2026-05-02 00:00"),
        _version("A", 9, "2026-05-02 00:00"),
        _version("B", 1, "2026-05-03 00:00", availableCapacity=100.0, unavailableCapacity=600.0),
        # The revision falls while time goes on.
        _version("C", 7, "2026-05-03 00:00", availableCapacity=1.0),
        _version("C", 2, "2026-05-04 00:00", availableCapacity=2.0),
        # Published twice with one number: the later creation counts.
        _version("D", 1, "2026-05-03 00:00", createdTime="2026-05-02 00:01", availableCapacity=3.0),
        _version("D", 1, "2026-05-03 00:00", createdTime="2026-05-02 00:00", availableCapacity=4.0),
        # Two numbers at one time: the higher counts, and what is published this minute is known.
        _version("E", 2, NOW, availableCapacity=5.0),
        _version("E", 1, NOW, availableCapacity=6.0),
    )
    assert asking.ask("active_outages", *_SHOWN) == [
        ("A", 9, 300.0, 410.0),
        ("B", 1, 100.0, 600.0),
        ("C", 2, 2.0, 410.0),
        ("D", 1, 3.0, 410.0),
        ("E", 2, 5.0, 410.0),
    ]


def test_what_was_dismissed_or_is_not_under_way_is_no_outage() -> None:
    asking = Asking("REMIT", now=NOW)
    asking.live(
        "REMIT",
        _version("dismissed", 1, "2026-05-01 00:00"),
        _version("dismissed", 2, "2026-05-02 00:00", eventStatus="Dismissed"),
        _version("inactive", 1, "2026-05-01 00:00"),
        _version("inactive", 2, "2026-05-02 00:00", eventStatus="Inactive"),
        _version("shortened", 1, "2026-05-01 00:00"),
        _version("shortened", 2, "2026-05-02 00:00", eventEndTime=NOW),
        _version("to come", 1, "2026-05-01 00:00", eventStartTime="2026-06-01 12:01"),
        _version("not yet known", 1, "2026-06-01 12:01"),
        _version("market", 1, "2026-05-01 00:00", messageType="OtherMarketInformation"),
        _version("begins", 1, "2026-05-01 00:00", eventStartTime=NOW),
        _version("open", 1, "2026-05-01 00:00", eventEndTime=None, messageType=None),
    )
    assert asking.ask("active_outages", *_SHOWN) == [
        ("begins", 1, 300.0, 410.0),
        ("open", 1, 300.0, 410.0),
    ]
    assert asking.ask("outages_at(DATETIME '2026-05-01 12:00:00')", "mrid") == [
        ("dismissed",), ("inactive",), ("open",), ("shortened",),
    ]  # fmt: skip


def test_capacity_is_that_of_the_profile_at_the_time() -> None:
    asking = Asking("REMIT", now=NOW)
    profile = [
        _segment("2026-05-01 00:00", "2026-06-01 12:00", 0.0),
        _segment("2026-06-01 12:00", "2026-06-01 12:00", 1.0),
        _segment("2026-06-01 12:00", "2026-06-02 00:00", 250.0),
        _segment("2026-06-01 11:00", "2026-06-02 00:00", 260.0),
    ]
    asking.live(
        "REMIT",
        _version("covered", 1, "2026-05-01 00:00", outageProfile=profile),
        _version("uncovered", 1, "2026-05-01 00:00", outageProfile=profile[:1]),
        _version("empty", 1, "2026-05-01 00:00", outageProfile=[]),
    )
    assert asking.ask("active_outages", *_SHOWN) == [
        ("covered", 1, 250.0, 450.0),
        ("empty", 1, 300.0, 410.0),
        ("uncovered", 1, 300.0, 410.0),
    ]


@pytest.mark.parametrize(
    ("normal", "available", "unavailable", "segment", "expected"),
    [
        # What a unit can give need not be its normal capacity: 413 of 457 were there to be lost.
        (457.0, 0.0, 413.0, 0.0, (0.0, 413.0)),
        (457.0, 0.0, 413.0, None, (0.0, 413.0)),
        (457.0, 0.0, 413.0, 125.0, (125.0, 332.0)),
        (None, 0.0, 413.0, 0.0, (0.0, 413.0)),
        (None, 0.0, 413.0, 125.0, (125.0, 413.0)),
        # A profile above the normal capacity.
        (400.0, 0.0, 400.0, 420.0, (420.0, 0.0)),
        (400.0, 420.0, -20.0, None, (420.0, 0.0)),
        # Nothing is said to be missing where all is.
        (350.0, 0.0, 0.0, 0.0, (0.0, 350.0)),
        (350.0, 350.0, 0.0, None, (350.0, 0.0)),
        (None, 0.0, 0.0, 0.0, (0.0, 0.0)),
        # Left out of the message.
        (400.0, None, 150.0, None, (250.0, 150.0)),
        (400.0, None, 450.0, None, (0.0, 450.0)),
        (400.0, None, 150.0, 300.0, (300.0, 100.0)),
        (400.0, 300.0, None, None, (300.0, 100.0)),
        (400.0, 300.0, None, 300.0, (300.0, 100.0)),
        (None, None, 150.0, None, (None, 150.0)),
        (400.0, None, None, None, (None, None)),
    ],
)
def test_capacity_that_is_missing(
    normal: float | None,
    available: float | None,
    unavailable: float | None,
    segment: float | None,
    expected: tuple[float | None, float | None],
) -> None:
    asking = Asking("REMIT", now=NOW)
    whole = [] if segment is None else [_segment("2026-05-01 00:00", "2026-07-01 00:00", segment)]
    version = _version(
        "A",
        1,
        "2026-05-01 00:00",
        normalCapacity=normal,
        availableCapacity=available,
        unavailableCapacity=unavailable,
        outageProfile=whole,
    )
    asking.live("REMIT", version)
    assert asking.ask("active_outages", *_SHOWN) == [("A", 1, *expected)]


def test_a_unit_has_one_row_however_many_threads_it_has() -> None:
    asking = Asking("REMIT", now=NOW)
    asking.live(
        "REMIT",
        _version("A", 1, "2026-05-01 00:00", availableCapacity=500.0, unavailableCapacity=200.0),
        _version(
            "B", 4, "2026-05-03 00:00", availableCapacity=0.0, unavailableCapacity=660.0,
            normalCapacity=660.0, eventStartTime="2026-05-20 00:00",
            eventEndTime="2026-06-02 00:00", fuelType="Fossil Gas", affectedUnit="ROCK 1",
        ),
        _version("C", 1, "2026-05-03 00:00", availableCapacity=100.0, unavailableCapacity=600.0),
        _version("gone", 1, "2026-05-03 00:00", eventStatus="Dismissed", normalCapacity=9000.0),
        _version("D", 1, "2026-05-01 00:00", assetId="T_PEMB-11"),
        _version("E", 1, "2026-05-01 00:00", assetId="T_PEMB-11", eventEndTime=None),
        _version("F", 1, "2026-05-01 00:00", assetId=None, affectedUnit="CABLE"),
        _version("G", 1, "2026-05-01 00:00", assetId=None, affectedUnit="CABLE"),
        _version("H", 1, "2026-05-01 00:00", assetId=None, affectedUnit=None),
    )  # fmt: skip
    start, end = "2026-05-01 00:00", "2026-07-01 00:00"
    asked = asking.ask("active_outages_by_unit")
    assert asked == [
        ("CABLE", "CABLE", None, 2, "F, G", start, end, 700.0, 300.0, 410.0),
        ("H", None, None, 1, "H", start, end, 700.0, 300.0, 410.0),
        ("T_PEMB-11", "ROCK-1", None, 2, "D, E", start, None, 700.0, 300.0, 410.0),
        ("T_ROCK-1", "ROCK-1", "Fossil Gas", 3, "A, B, C", start, end, 700.0, 0.0, 660.0),
    ]
    assert asking.ask(f"outages_by_unit_at(DATETIME '{NOW}:00')") == asked
    before = asking.ask("outages_by_unit_at(DATETIME '2026-05-02 12:00:00')", "unit", "mrids")
    assert before == [("CABLE", "F, G"), ("H", "H"), ("T_PEMB-11", "D, E"), ("T_ROCK-1", "A")]


def test_a_whole_row() -> None:
    asking = Asking("REMIT", now=NOW)
    asking.live(
        "REMIT",
        _version(
            "A", 3, "2026-05-01 00:00", participantId="RPCL", fuelType="Fossil Gas",
            eventType="Production unavailability", unavailabilityType="Planned", cause="Boiler",
        ),
    )  # fmt: skip
    assert asking.ask("active_outages") == [
        (
            "A", 3, "2026-05-01 00:00", "RPCL", "T_ROCK-1", "ROCK-1", "Fossil Gas",
            "Production unavailability", "Planned", "2026-05-01 00:00", "2026-07-01 00:00",
            "Boiler", 700.0, 300.0, 410.0,
        )
    ]  # fmt: skip
