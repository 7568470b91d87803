"""A day, message by message: what holds for all of it."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from local.feed import FeedMessage, Outcome, Profile, ProfileError, day
from local.feed.profile import Count
from schemas import Registry
from tests.local.feed.conftest import Feed
from tests.local.feed.moments import START, period_start, seconds
from tests.local.feed.typing_checks import Reader

ROOT = Path(__file__).parents[3]
#: An hour before a UK local day of 50 settlement periods, until an hour after it.
CLOCKS_GO_BACK = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
LONG_DAY = timedelta(hours=27)


def thinned(profile: Profile) -> Profile:
    """All streams with the same rhythms and shapes, but few units, labels and busy messages."""

    def fewer(count: Count, most: int) -> Count:
        return min(count, most) if isinstance(count, int) else (min(count[0], most), most)

    datasets = {
        subject: [
            msgspec.structs.replace(
                stream,
                per_minute=stream.per_minute and min(stream.per_minute, 2.0),
                messages=fewer(stream.messages, 4),
                units=fewer(stream.units, 4),
            )
            for stream in streams
        ]
        for subject, streams in profile.datasets.items()
    }
    lists = {name: values[:2] for name, values in profile.lists.items()}
    return msgspec.structs.replace(profile, datasets=datasets, lists=lists)


@pytest.fixture(scope="module")
def messages(profile: Profile, feed: Feed) -> list[FeedMessage]:
    """The long day, thinned out."""
    return list(feed(thinned(profile), start=CLOCKS_GO_BACK, duration=LONG_DAY))


def records_of(message: FeedMessage) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(json.loads(message.body))
    return records


def test_every_dataset_with_a_sample_comes(
    messages: list[FeedMessage], arrays: dict[str, bytes]
) -> None:
    assert {message.dataset for message in messages} == arrays.keys()


def test_they_are_in_order_and_within_the_run(messages: list[FeedMessage]) -> None:
    times = [message.at for message in messages]
    assert times == sorted(times)
    assert times[0] >= CLOCKS_GO_BACK
    assert times[-1] < CLOCKS_GO_BACK + LONG_DAY
    assert {time.tzinfo for time in times} == {UTC}


def test_each_has_a_name_of_its_own(messages: list[FeedMessage]) -> None:
    numbers: dict[str | None, int] = {}
    for message in messages:
        match = re.fullmatch(r"(\w+)_(\d{12})_(\d{8,9})\.json", message.message_id)
        assert match is not None
        number = numbers.get(message.dataset, int(match[3]) - 1) + 1
        numbers[message.dataset] = number
        minute = datetime.strptime(match[2], "%Y%m%d%H%M").replace(tzinfo=UTC)
        assert timedelta() <= message.at - minute < timedelta(minutes=5)
        assert (match[1], int(match[3])) == (message.dataset, number)
    assert len({message.message_id for message in messages}) == len(messages)


def test_all_types_without_a_fault_and_no_fact_comes_twice(
    messages: list[FeedMessage], registry: Registry
) -> None:
    reader = Reader(registry)
    keys: Counter[tuple[Any, ...]] = Counter()
    for message in messages:
        typed = reader.type(message)
        faults = (typed.rejects, typed.misfits, typed.unknown_fields)
        assert faults == ([], 0, 0), message.message_id
        assert message.outcome == Outcome(rows=len(typed.batch))
        assert message.records == len(typed.batch)
        keys.update(reader.keys(message))
    assert len(keys) > 50_000
    assert {key: count for key, count in keys.items() if count > 1} == {}


def test_settlement_dates_and_periods_fit_the_times(messages: list[FeedMessage]) -> None:
    periods = set()
    for message in messages:
        for record in records_of(message):
            start = record.get("startTime") or record.get("timeFrom")
            if start is None or "settlementPeriod" not in record:
                continue
            begin = period_start(record["settlementDate"], record["settlementPeriod"])
            assert begin <= seconds(start) < begin + 1_800, record
            if record["settlementDate"] == "2026-10-25":
                periods.add(record["settlementPeriod"])
    assert periods == set(range(1, 51))


def test_publication_times_are_those_of_the_message(messages: list[FeedMessage]) -> None:
    for message in messages:
        for record in records_of(message):
            if "publishTime" in record:
                published = datetime.fromisoformat(record["publishTime"].rstrip("Z") + "+00:00")
                assert timedelta() <= message.at - published < timedelta(minutes=4)


def test_the_same_seed_and_start_give_the_same_bytes(profile: Profile, feed: Feed) -> None:
    minute = timedelta(minutes=1)
    once = list(feed(profile, 7, duration=minute))
    assert list(feed(profile, 7, duration=minute)) == once
    assert [one.body for one in feed(profile, 8, duration=minute)] != [one.body for one in once]


def test_the_same_name_means_the_same_bytes(profile: Profile, feed: Feed) -> None:
    """Runs into one folder: begun a minute later, of another seed, with odd messages, longer."""
    minutes = timedelta(minutes=3)
    runs = [
        feed(profile, duration=minutes),
        feed(profile, duration=minutes + minutes),
        feed(profile, start=START + timedelta(minutes=1), duration=minutes),
        feed(profile, start=START + timedelta(seconds=1), duration=minutes),
        feed(profile, 2, duration=minutes),
        feed(profile, duration=minutes, odd=0.3),
        feed(profile, duration=minutes, odd=0.31),
    ]
    bodies: dict[str, bytes] = {}
    for run in runs:
        for message in run:
            assert bodies.setdefault(message.message_id, message.body) == message.body
    assert len(bodies) > 2_000


def test_so_they_do_in_another_process() -> None:
    code = (
        "import hashlib; from datetime import *; import schemas; from local.feed import *;"
        "from local.sample_messages import samples;"
        "start = datetime(2026, 6, 1, 12, tzinfo=UTC);"
        "feed = day(bundled(), schemas.load(), dict(samples()), 1, start, timedelta(minutes=1));"
        "print(hashlib.sha256(b''.join(one.body for one in feed)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == len(hashlib.sha256().hexdigest())


def test_a_dataset_does_not_depend_on_the_others(profile: Profile, feed: Feed) -> None:
    among_all = [one for one in feed(profile) if one.dataset == "FUELINST"]
    assert len(among_all) == 2
    assert list(feed(profile.only("FUELINST"))) == among_all


def test_it_is_lazy(profile: Profile, feed: Feed) -> None:
    century = feed(profile, duration=timedelta(days=36_500))
    assert len(list(itertools.islice(century, 5))) == 5


def test_sizes_and_records(profile: Profile, feed: Feed) -> None:
    messages = list(feed(profile, duration=timedelta(minutes=5)))
    small = [one for one in messages if len(one.body) < 20_000]
    assert 1_700 < sum(len(one.body) for one in small) / len(small) < 2_300
    limits = [one for one in messages if one.dataset in ("MILS", "MELS")]
    assert 6 < sum(one.records for one in limits) / len(limits) < 7
    (forecast,) = (one for one in messages if one.dataset == "UOU2T14D")
    assert forecast.records == 8_970
    assert 1_600_000 < len(forecast.body) < 2_000_000


@pytest.mark.parametrize(
    ("known", "sampled", "fault"),
    [
        (False, True, "datasets.FREQ: there is no schema file of this name"),
        (True, False, "datasets.FREQ: there is no sample of this name"),
    ],
)
def test_a_dataset_that_nobody_knows(
    known: bool,
    sampled: bool,
    fault: str,
    profile: Profile,
    registry: Registry,
    arrays: dict[str, bytes],
) -> None:
    datasets = {"FREQ": registry["FREQ"]} if known else {}
    samples = {"FREQ": arrays["FREQ"]} if sampled else {}
    with pytest.raises(ProfileError, match=fault):
        day(profile.only("FREQ"), datasets, samples, 1, START)
