"""When messages come: proportions, bursts, order."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from datetime import datetime, timedelta

import pytest

from local.feed.profile import Profile, Stream
from local.feed.timetable import Event, timetable
from tests.local.feed.moments import START

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def events(profile: Profile) -> list[Event]:
    """A day of the bundled profile."""
    return list(timetable(profile, 1, START, DAY))


def of(stream: Stream, start: datetime = START, duration: timedelta = DAY) -> list[Event]:
    """The events of one stream alone."""
    profile = Profile(about=[], datasets={"TIDE": [stream]})
    return list(timetable(profile, 1, start, duration))


def ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000


def test_the_shares_of_a_live_backlog(events: list[Event], profile: Profile) -> None:
    counts = Counter(event.subject for event in events)
    assert counts.keys() == profile.datasets.keys()
    assert 140_000 < len(events) < 160_000
    shares = {name: counts[name] / len(events) for name in ("MILS", "MELS", "BOALF")}
    assert 0.45 < shares["MILS"] < 0.49
    assert 0.32 < shares["MELS"] < 0.36
    assert 0.13 < shares["BOALF"] < 0.15
    assert 0.04 < 1 - sum(shares.values()) < 0.06


def test_the_rhythms_that_are_known(events: list[Event]) -> None:
    counts = Counter(event.subject for event in events)
    per_day = {
        720: ["FREQ"],
        288: ["FUELINST"],
        48: ["BOD", "FUELHH", "INDO", "ITSDO", "MID", "NDF", "PN", "TSDF"],
        24: ["UOU2T14D"],
        1: ["INDOD", "NDFW", "TEMP", "TSDFW"],
    }
    for count, subjects in per_day.items():
        assert {name: counts[name] for name in subjects} == dict.fromkeys(subjects, count)
    assert 140 < counts["REMIT"] < 230


def test_messages_a_minute(events: list[Event]) -> None:
    minutes = Counter((event.sent_ms - ms(START)) // 60_000 for event in events)
    assert minutes.keys() == set(range(1_440))
    counts = sorted(minutes.values())
    assert 75 < statistics.median(counts) < 105
    assert counts[72] >= 70  # all but a twentieth
    # Gate closure: the first three minutes of each half hour, as far as the delay reaches.
    bursts = [minutes[at] for at in range(1_440) if at % 30 < 3]
    quiet = [minutes[at] for at in range(1_440) if at % 30 >= 3]
    assert statistics.mean(bursts) > 200
    assert max(quiet) < 170


def test_they_are_in_order_and_within_the_run(events: list[Event]) -> None:
    assert events == sorted(events)
    assert ms(START) <= events[0].sent_ms
    assert events[-1].sent_ms < ms(START + DAY)


def test_the_publication_comes_first(events: list[Event], profile: Profile) -> None:
    for event in events:
        stream = profile.datasets[event.subject][event.stream]
        least, greatest = stream.delay_seconds if stream.every_minutes else (0, 1)
        assert least * 1_000 <= event.sent_ms - event.published * 1_000 <= greatest * 1_000


def test_the_same_arguments_give_the_same_events(profile: Profile) -> None:
    def some(seed: int) -> list[Event]:
        return list(timetable(profile, seed, START, timedelta(minutes=5)))

    assert some(1) == some(1)
    assert some(1) != some(2)


def test_a_dataset_does_not_depend_on_the_others(profile: Profile) -> None:
    hour = timedelta(hours=1)
    among_all = [e for e in timetable(profile, 3, START, hour) if e.subject == "RDRE"]
    assert among_all
    assert list(timetable(profile.only("RDRE"), 3, START, hour)) == among_all


def test_it_is_lazy(profile: Profile) -> None:
    first = itertools.islice(timetable(profile, 1, START, timedelta(days=36_500)), 3)
    assert len(list(first)) == 3


def test_random_streams_keep_their_distance() -> None:
    events = of(Stream(per_minute=20, apart_ms=1_000))
    published = [event.published for event in events]
    assert len(set(published)) == len(published)
    assert 0.95 < len(events) / (20 * 1_440) < 1.05
    fractions = [event.sent_ms - event.published * 1_000 for event in events]
    assert all(0 <= fraction < 1_000 for fraction in fractions)
    assert 450 < statistics.mean(fractions) < 550


def test_with_small_ticks_they_are_a_poisson_process() -> None:
    events = of(Stream(per_minute=30, apart_ms=1))
    gaps = [b.sent_ms - a.sent_ms for a, b in itertools.pairwise(events)]
    assert 1_900 < statistics.mean(gaps) < 2_100
    assert 1_900 < statistics.stdev(gaps) < 2_100
    assert min(gaps) >= 1


def test_by_the_clock_from_midnight_utc() -> None:
    stream = Stream(every_minutes=480, offset_minutes=30, delay_seconds=(10, 10))
    at = [datetime.fromtimestamp(event.published, START.tzinfo) for event in of(stream)]
    assert [moment.isoformat() for moment in at] == [
        "2026-06-01T16:30:00+00:00",
        "2026-06-02T00:30:00+00:00",
        "2026-06-02T08:30:00+00:00",
    ]


def test_what_was_published_before_the_start_and_is_sent_after_it_belongs_to_it() -> None:
    stream = Stream(every_minutes=60, delay_seconds=(30, 30))
    events = of(stream, START + timedelta(seconds=20), timedelta(hours=1))
    assert [event.published for event in events] == [ms(START) // 1_000]
    assert [event.sent_ms for event in events] == [ms(START) + 30_000]
    # The end is not part of the run.
    assert of(stream, START, timedelta(seconds=30)) == []
    assert len(of(stream, START, timedelta(seconds=30, milliseconds=1))) == 1


def test_a_burst_is_spread_and_in_order() -> None:
    stream = Stream(every_minutes=30, messages=(20, 30), delay_seconds=(1, 180))
    events = of(stream)
    assert events == sorted(events)
    bursts = Counter(event.published for event in events)
    assert len(bursts) == 48
    assert min(bursts.values()) >= 20
    assert max(bursts.values()) <= 30
    delays = [event.sent_ms - event.published * 1_000 for event in events]
    assert min(delays) < 10_000
    assert max(delays) > 170_000


@pytest.mark.parametrize("start", [START.replace(tzinfo=None), START.replace(microsecond=1)])
def test_a_start_that_is_refused(start: datetime, profile: Profile) -> None:
    with pytest.raises(ValueError, match=r"start: .* needs a zone and must be a whole second"):
        timetable(profile, 1, start, DAY)
