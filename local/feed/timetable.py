"""When something is published, and when its message is sent. Says nothing of what is in it."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from local.feed.profile import MINUTES_A_DAY, Profile, Stream, draw

_MS_PER_MINUTE: Final = 60_000
_MS_PER_DAY: Final = MINUTES_A_DAY * _MS_PER_MINUTE


class Event(NamedTuple):
    """One message to be made. Events sort by when they are sent.

    Attributes:
        sent_ms: when the message is sent, milliseconds since 1970 UTC.
        subject: its dataset.
        stream: which stream of the dataset it belongs to, from 0.
        published: the time of publication that its records carry, seconds since 1970 UTC.
    """

    sent_ms: int
    subject: str
    stream: int
    published: int


def timetable(profile: Profile, seed: int, start: datetime, duration: timedelta) -> Iterator[Event]:
    """The events with ``start <= sent < start + duration``, in time order.

    Lazy; the same arguments give the same events. A dataset's times do not depend on the other
    datasets of the profile.

    Raises:
        ValueError: ``start`` has no zone or is not a whole second.
    """
    if start.tzinfo is None or start.microsecond:
        raise ValueError(f"start: {start.isoformat()} needs a zone and must be a whole second")
    first = int(start.timestamp()) * 1_000
    end = first + duration // timedelta(milliseconds=1)
    return heapq.merge(
        *(
            _events(Event(0, subject, number, 0), stream, f"{seed}/{subject}/{number}", first, end)
            for subject, streams in profile.datasets.items()
            for number, stream in enumerate(streams)
        )
    )


def _events(like: Event, stream: Stream, seed: str, first: int, end: int) -> Iterator[Event]:
    times = _at_random if stream.every_minutes is None else _by_the_clock
    for sent, published in times(stream, random.Random(seed), first, end):
        if sent >= end:
            return
        if sent >= first:
            yield like._replace(sent_ms=sent, published=published // 1_000)


def _at_random(
    stream: Stream, rng: random.Random, first: int, end: int
) -> Iterator[tuple[int, int]]:
    """Sent and published, both the same, at most one in each tick of ``apart_ms``.

    The gaps are geometric: each tick has the same chance, whatever happened before. With small
    ticks that is a Poisson process.
    """
    assert stream.per_minute is not None
    tick = stream.apart_ms
    log_of_none = math.log1p(-stream.per_minute * tick / _MS_PER_MINUTE)
    at = first - tick
    while at < end:
        at += tick * (1 + int(math.log(1.0 - rng.random()) / log_of_none))
        sent = at + int(tick * rng.random())
        yield sent, sent


def _by_the_clock(
    stream: Stream, rng: random.Random, first: int, end: int
) -> Iterator[tuple[int, int]]:
    assert stream.every_minutes is not None
    every = stream.every_minutes * _MS_PER_MINUTE
    least, greatest = stream.delay_seconds
    offset = stream.offset_minutes * _MS_PER_MINUTE
    # What was published before the start may be sent after it, but no delay is as long as a step.
    published = (first - offset) // every * every + offset
    while published < end:
        delays = [rng.uniform(least, greatest) for _ in range(draw(stream.messages, rng))]
        for delay in sorted(delays):
            yield published + int(delay * 1_000), published
        published += every
