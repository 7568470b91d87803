"""Records made from samples: whole ones by hand, all datasets by the pipeline's typing."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from local.feed.message import FeedMessage, usual
from local.feed.profile import Days, Profile, ProfileError, Stream, Times
from local.feed.records import UNITS, Recipe
from schemas import Registry
from tests.local.feed.moments import seconds
from tests.local.feed.typing_checks import Reader
from tests.pipeline.made import SUBJECTS

AT = seconds("2026-10-24T23:40:07+00:00")

#: An ordinary moment, one in the hour that comes twice, one before New Year.
MOMENTS = [
    AT,
    seconds("2026-10-25T01:10:00+00:00"),
    seconds("2027-12-31T23:50:59+00:00"),
]


@pytest.fixture(scope="session")
def reader(registry: Registry) -> Reader:
    return Reader(registry)


@pytest.fixture
def make(registry: Registry, arrays: dict[str, bytes]) -> Any:
    """The records of one message of a dataset, as values."""

    def records(
        subject: str,
        stream: Stream,
        at: int = AT,
        serial: int = 0,
        lists: dict[str, list[str | int]] | None = None,
        sample: str | None = None,
        spread: float = 0.0,
        seed: int = 1,
    ) -> list[dict[str, Any]]:
        dataset = registry[subject]
        spreads = {column.name: spread for column in dataset.columns}
        profile = Profile(about=[], datasets={}, lists=lists or {}, spread=spreads)
        recipe = Recipe(dataset, sample or arrays[subject].decode(), stream, profile)
        return [json.loads(one) for one in recipe.records(at, serial, random.Random(seed))]

    return records


def test_a_declaration_over_two_half_hours(make: Any) -> None:
    stream = Stream(times=Times(count=2, first_seconds=3_600))
    first, second = make("MILS", stream, serial=5)
    assert (first["bmUnit"], first["nationalGridBmUnit"]) in [
        (unit.name, unit.national) for unit in UNITS
    ]
    # Published at 00:40 on the day when the clocks go back, for 01:30 local time onwards.
    assert first == {
        "dataset": "MILS",
        "settlementDate": "2026-10-25",
        "settlementPeriod": 4,
        "timeFrom": "2026-10-25T00:30:00Z",
        "timeTo": "2026-10-25T01:00:00Z",
        "levelFrom": 0,
        "levelTo": 0,
        "notificationTime": "2026-10-24T23:40:07Z",
        "notificationSequence": 236071425,
        "nationalGridBmUnit": first["nationalGridBmUnit"],
        "bmUnit": first["bmUnit"],
    }
    assert second == {
        **first,
        "settlementPeriod": 5,
        "timeFrom": "2026-10-25T01:00:00Z",
        "timeTo": "2026-10-25T01:30:00Z",
    }


def test_readings_of_15_seconds(make: Any) -> None:
    times = Times(count=3, step_seconds=15, first_seconds=-45, floor_seconds=15)
    assert make("FREQ", Stream(times=times)) == [
        {"dataset": "FREQ", "measurementTime": f"2026-10-24T23:39:{at}Z", "frequency": frequency}
        for at, frequency in (("15", 49.97), ("30", 50.017), ("45", 49.97))
    ]


def test_an_acceptance_is_of_segments_that_follow_one_another(make: Any) -> None:
    times = Times(count=3, step_seconds=900, first_seconds=600, floor_seconds=60)
    records = make("BOALF", Stream(times=times))
    assert [
        (
            r["timeFrom"][11:16],
            r["timeTo"][11:16],
            r["settlementPeriodFrom"],
            r["settlementPeriodTo"],
        )
        for r in records
    ] == [("23:50", "00:05", 2, 3), ("00:05", "00:20", 3, 3), ("00:20", "00:35", 3, 4)]
    assert {record["acceptanceTime"] for record in records} == {"2026-10-24T23:40:07Z"}
    assert {record["acceptanceNumber"] for record in records} == {186869}
    assert len({record["bmUnit"] for record in records}) == 1


def test_segments_of_any_length(make: Any) -> None:
    records = make("BOALF", Stream(times=Times(count=200, step_seconds=(60, 120))))
    ends = [seconds(record["timeTo"]) for record in records]
    starts = [seconds(record["timeFrom"]) for record in records]
    assert starts[1:] == ends[:-1]
    lengths = {end - start for start, end in zip(starts, ends, strict=True)}
    assert min(lengths) >= 60
    assert max(lengths) <= 120
    assert len(lengths) > 10


def test_an_end_on_the_half_hour_counts_as_the_period_that_begins_there(make: Any) -> None:
    (record,) = make("BOALF", Stream())
    assert (record["timeFrom"], record["timeTo"]) == (
        "2026-10-24T23:30:00Z",
        "2026-10-25T00:00:00Z",
    )
    assert (record["settlementPeriodFrom"], record["settlementPeriodTo"]) == (2, 3)


def test_labels_units_days_and_times_are_combined(make: Any) -> None:
    stream = Stream(labels={"pairId": "pairs"}, units=2, times=Times(count=2))
    records = make("BOD", stream, lists={"pairs": [-1, 1]})
    assert [
        (record["pairId"], record["settlementPeriod"], record["timeFrom"]) for record in records
    ] == [
        (pair, period, time)
        for pair in (-1, 1)
        for _ in range(2)
        for period, time in ((2, "2026-10-24T23:30:00Z"), (3, "2026-10-25T00:00:00Z"))
    ]
    assert len({record["nationalGridBmUnit"] for record in records}) == 2


def test_weeks(make: Any) -> None:
    stream = Stream(days=Days(count=3, step=7, first=7))
    at = seconds("2026-12-17T15:00:00+00:00")
    records = make("NDFW", stream, at)
    assert records == [
        {"dataset": "NDFW", "publishTime": "2026-12-17T15:00:00Z", **week, "demand": 30000}
        for week in (
            {"year": 2026, "week": 52},
            {"year": 2026, "week": 53},
            {"year": 2027, "week": 1},
        )
    ]
    (first, *_, new_year) = make("NDFW", Stream(days=Days(count=3, step=7, first=7)), at + 86_400)
    assert (first["week"], new_year["year"]) == (52, 2027)


def test_the_first_days_of_january_can_be_in_the_last_week_of_the_year_before(make: Any) -> None:
    at = seconds("2027-01-01T12:00:00+00:00")
    (record,) = make("NDFW", Stream(), at)
    assert (record["year"], record["week"]) == (2026, 53)
    (record,) = make("MATL", Stream(), at)
    assert (record["forecastYear"], record["forecastMonth"]) == (2027, "JAN")
    assert record["forecastWeekCommencingDate"] == "2026-12-28"


def test_days_are_local(make: Any) -> None:
    at = seconds("2026-06-01T23:30:00+00:00")
    records = make("NDFD", Stream(days=Days(count=2, first=2)), at)
    assert [record["forecastDate"] for record in records] == ["2026-06-04", "2026-06-05"]
    (temperature,) = make("TEMP", Stream(), at)
    assert temperature["measurementDate"] == "2026-06-02"


def test_documents_have_numbers_of_their_own(make: Any) -> None:
    identifiers = [make("AOBE", Stream(), serial=at)[0] for at in (0, 1)]
    assert [(record["documentId"], record["timeSeriesId"]) for record in identifiers] == [
        ("NGET-EMFIP-AOBE-00879999", "NGET-EMFIP-AOBE-36758603"),
        ("NGET-EMFIP-AOBE-00880000", "NGET-EMFIP-AOBE-36758604"),
    ]
    assert {record["documentRevisionNumber"] for record in identifiers} == {1}


def test_records_take_after_the_samples_in_turn(make: Any) -> None:
    fuels = [make("REMIT", Stream(), serial=at)[0]["fuelType"] for at in range(4)]
    assert fuels == ["Fossil Gas", "Wind Offshore", "Fossil Gas", "Fossil Gas"]
    first = make("REMIT", Stream())[0]
    assert "affectedArea" not in first
    assert "affectedArea" in make("REMIT", Stream(), serial=2)[0]


def test_an_outage_moves_as_a_whole(make: Any, arrays: dict[str, bytes]) -> None:
    sample = json.loads(arrays["REMIT"])[0]
    (record,) = make("REMIT", Stream())
    moved = AT - seconds(sample["createdTime"])
    assert seconds(record["eventEndTime"]) - seconds(sample["eventEndTime"]) == moved
    for made, like in zip(record["outageProfile"], sample["outageProfile"], strict=True):
        assert seconds(made["startTime"]) - seconds(like["startTime"]) == moved
        assert re.fullmatch(r".{19}\.000Z", made["startTime"])
    assert record["createdTime"] == record["publishTime"] == "2026-10-24T23:40:07Z"


def test_numbers_of_places(make: Any) -> None:
    records = make("ISPSTACK", Stream(units=3))
    assert [record["sequenceNumber"] for record in records] == [1, 2, 3]
    assert [record["id"] for record in records] != [records[0]["id"]] * 3
    assert make("DISBSAD", Stream())[0]["id"] == 1


@pytest.mark.parametrize(
    ("subject", "field"),
    [
        ("BEB", "bidId"),
        ("BOAV", "acceptanceId"),
        ("DCI", "mRID"),
        ("MELS", "notificationSequence"),
        ("PBC", "timeSeriesId"),
        ("REMIT", "mrid"),
        ("SOSO", "contractIdentification"),
        ("TUDM", "serialNumber"),
    ],
)
def test_no_two_publications_share_such_a_number(subject: str, field: str, make: Any) -> None:
    values = {make(subject, Stream(), serial=at)[0][field] for at in range(200)}
    assert len(values) == 200


def test_numbers_stray_but_null_and_codes_stay(make: Any) -> None:
    (record,) = make("ISPSTACK", Stream(), spread=0.1)
    assert record["originalPrice"] != 90.25
    assert 81 < record["originalPrice"] < 100
    assert record["tlmAdjustedCost"] is None
    assert make("DISBSAD", Stream())[0]["assetId"] is None
    (record,) = make("E0361", Stream(), spread=1.0)
    assert record["clearedDefaultSettlementPeriod"] == 29


def test_messages_are_of_different_units(make: Any) -> None:
    dataset_random = [make("SEL", Stream(units=3), seed=seed) for seed in range(20)]
    names = {tuple(record["bmUnit"] for record in records) for records in dataset_random}
    assert len(names) > 15
    all_units = make("SEL", Stream(units=len(UNITS)))
    assert {record["bmUnit"] for record in all_units} == {unit.name for unit in UNITS}


def test_a_percent_sign_and_unknown_fields_are_kept(make: Any) -> None:
    sample = '[{"dataset": "100%s", "measurementTime": "2026-05-08T00:00:00Z", "%d": {"a": 1.50}}]'
    assert make("FREQ", Stream(), sample=sample) == [
        {"dataset": "100%s", "measurementTime": "2026-10-24T23:30:00Z", "%d": {"a": 1.5}}
    ]


@pytest.mark.parametrize(
    ("subject", "stream", "fault"),
    [
        ("MID", Stream(units=2), "datasets.MID: units: no field of its sample would show them"),
        ("TEMP", Stream(times=Times(count=2)), "datasets.TEMP: times: no field of its sample"),
        ("SEL", Stream(units=(1, 691)), "datasets.SEL: units: 691 are too many, there are 690"),
        ("FREQ", Stream(days=Days(count=2)), "datasets.FREQ: days: no field of its sample"),
        ("DISBSAD", Stream(units=2), "datasets.DISBSAD: units: no field of its sample"),
        ("FREQ", Stream(labels={"fuel": "a"}), "datasets.FREQ: labels.fuel: its sample has no"),
    ],
)
def test_streams_that_would_repeat_a_record(
    subject: str, stream: Stream, fault: str, make: Any
) -> None:
    with pytest.raises(ProfileError) as caught:
        make(subject, stream, lists={"a": ["X"]})
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_dataset_types_without_a_fault(
    subject: str, profile: Profile, registry: Registry, arrays: dict[str, bytes], reader: Reader
) -> None:
    """As large as the profile has it; the samples themselves have no fault either."""
    sample = arrays[subject].decode()
    for number, stream in enumerate(profile.datasets[subject]):
        recipe = Recipe(registry[subject], sample, stream, profile)
        for serial, published in enumerate(MOMENTS):
            records = recipe.records(published, serial, random.Random(serial))
            message = _message(subject, published, records)
            typed = reader.type(message)
            assert (typed.rejects, typed.misfits, typed.unknown_fields) == ([], 0, 0), number
            assert len(typed.batch) == len(records) >= 1
            keys = reader.keys(message)
            assert len(set(keys)) == len(keys)


def _message(subject: str, published: int, records: list[str]) -> FeedMessage:
    return usual(datetime.fromtimestamp(published, UTC), subject, "made.json", records)
