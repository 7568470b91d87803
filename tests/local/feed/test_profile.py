"""The profile: what is in the bundled one, and what is refused."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from local.feed.profile import Days, Profile, ProfileError, Stream, Times, draw, parse
from schemas import Registry


def text(*streams: dict[str, Any], **more: Any) -> str:
    """A profile of one dataset with these streams."""
    return json.dumps({"about": ["made up"], "datasets": {"FREQ": streams}, **more})


def test_the_bundled_profile_has_every_dataset_with_a_sample(
    profile: Profile, arrays: dict[str, bytes], registry: Registry
) -> None:
    assert list(profile.datasets) == sorted(arrays)
    assert profile.datasets.keys() <= registry.keys()


def test_only_numbers_of_their_own_keep_two_streams_apart(
    profile: Profile, registry: Registry
) -> None:
    several = [subject for subject, streams in profile.datasets.items() if len(streams) > 1]
    numbers = {"acceptanceNumber", "notificationSequence"}
    assert [name for name in several if not numbers & {*registry[name].natural_key}] == []


def test_its_lists_and_spreads_are_used(profile: Profile, registry: Registry) -> None:
    streams = [stream for streams in profile.datasets.values() for stream in streams]
    assert {name for stream in streams for name in stream.labels.values()} == profile.lists.keys()
    columns = {column.name for dataset in registry.values() for column in dataset.columns}
    assert profile.spread.keys() <= columns


def test_a_stream_is_read() -> None:
    found = parse(
        text(
            {"every_minutes": 30, "labels": {"a": "zones"}, "units": [2, 5], "basis": "guess"},
            {"per_minute": 2.5, "times": {"count": [1, 3]}, "days": {"step": 7}},
            lists={"zones": ["N", 1]},
            spread={"frequency": 0.5},
        ),
        "mine.json",
    )
    assert found == Profile(
        about=["made up"],
        datasets={
            "FREQ": [
                Stream(basis="guess", every_minutes=30, labels={"a": "zones"}, units=(2, 5)),
                Stream(per_minute=2.5, times=Times(count=(1, 3)), days=Days(step=7)),
            ]
        },
        lists={"zones": ["N", 1]},
        spread={"frequency": 0.5},
    )


GOOD = {"every_minutes": 30}


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        ({}, "every_minutes: give either this or per_minute"),
        ({**GOOD, "per_minute": 1}, "every_minutes: give either this or per_minute"),
        ({"every_minutes": 7}, "every_minutes: 7 does not divide a day of 1440 minutes"),
        ({**GOOD, "offset_minutes": 30}, "offset_minutes: 30 is not less than every_minutes"),
        ({**GOOD, "delay_seconds": [5, 2]}, "delay_seconds: [5, 2] must rise and end within"),
        ({**GOOD, "delay_seconds": [5, 1800]}, "delay_seconds: [5, 1800] must rise and end within"),
        ({**GOOD, "messages": [3, 2]}, "messages: give a number from 1, or two of which"),
        ({**GOOD, "units": 0}, "units: give a number from 1, or two of which"),
        ({**GOOD, "times": {"count": [0, 2]}}, "times.count: give a number from 1, or two"),
        ({**GOOD, "times": {"step_seconds": 0}}, "times.step_seconds: give a number from 1"),
        ({**GOOD, "labels": {"a": "zones"}}, "labels.a: there is no list 'zones' in lists"),
        ({"per_minute": 31}, "per_minute: too many for apart_ms"),
    ],
)
def test_what_is_refused(stream: dict[str, Any], fault: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse(text(GOOD, stream), "mine.json")
    assert str(caught.value).startswith(f"mine.json: datasets.FREQ[1].{fault}")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "mine.json: Input data was truncated"),
        (b"\xff", "mine.json: "),
        ("{}", "mine.json: Object missing required field `about`"),
        (text({"every": 5}), "mine.json: Object contains unknown field `every`"),
        (text({"per_minute": 0}), "mine.json: Expected `float` > 0.0"),
        (text({"every_minutes": "5"}), "mine.json: Expected `int"),
        (text(GOOD, spread={"a": 2}), "mine.json: Expected `float` <= 1.0"),
    ],
)
def test_what_is_no_profile(content: str | bytes, fault: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse(content, "mine.json")
    assert str(caught.value).startswith(fault)


def test_as_many_messages_as_fit_are_taken() -> None:
    assert parse(text({"per_minute": 30}), "mine.json").datasets["FREQ"][0].per_minute == 30


def test_a_count_is_itself_or_one_of_its_range() -> None:
    rng = random.Random(1)
    assert draw(4, rng) == 4
    assert {draw((2, 4), rng) for _ in range(100)} == {2, 3, 4}


def test_only_some_datasets(profile: Profile) -> None:
    some = profile.only("FREQ", "MID")
    assert some.datasets == {name: profile.datasets[name] for name in ("FREQ", "MID")}
    assert some.lists == profile.lists
    with pytest.raises(KeyError):
        profile.only("NONE")
