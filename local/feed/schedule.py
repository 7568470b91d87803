"""A day of IRIS, message by message."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from local.feed.message import FeedMessage, usual
from local.feed.odd import Oddities
from local.feed.profile import Profile, ProfileError
from local.feed.records import Recipe
from local.feed.timetable import Event, timetable
from schemas import Dataset

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
A_DAY: Final = timedelta(days=1)
#: Serials begin below this, and grow by less than a thousandth of it in a day.
_SERIALS: Final = 100_000_000


def day(
    profile: Profile,
    registry: Mapping[str, Dataset],
    samples: Mapping[str, bytes],
    seed: int,
    start: datetime,
    duration: timedelta = A_DAY,
    odd: float = 0.0,
) -> Iterator[FeedMessage]:
    """The messages that are sent from ``start`` on, in time order.

    Lazy: a message is made when it is asked for. The same arguments give the same bytes, and
    the records of a dataset do not depend on the other datasets of the profile. Another seed,
    start or share of odd messages gives other message ids and other serial numbers, so that
    several runs can go into one place.

    Args:
        profile: how often and how much.
        registry: the datasets of the profile.
        samples: a JSON array of sample records for each dataset of the profile.
        seed: which of all such days.
        start: a whole second, with a zone.
        duration: of the simulated time; ``start + duration`` is not part of it.
        odd: the share of messages that are not as they should be.

    Raises:
        ProfileError: the profile has a dataset of which there is no description or no sample,
            or a stream that does not suit it.
        ValueError: ``start`` has no zone or is not a whole second, or ``odd`` is no share.
    """
    recipes = _recipes(profile, registry, samples)
    events = timetable(profile, seed, start, duration)
    oddities = Oddities(odd, seed)
    first = _first_serial(f"{seed}/{int(start.timestamp())}/{odd:g}")
    return _messages(events, recipes, registry, seed, first, oddities)


def _recipes(
    profile: Profile, registry: Mapping[str, Dataset], samples: Mapping[str, bytes]
) -> dict[tuple[str, int], Recipe]:
    for subject in profile.datasets:
        if subject not in registry or subject not in samples:
            what = "sample" if subject in registry else "schema file"
            raise ProfileError(f"datasets.{subject}: there is no {what} of this name")
    return {
        (subject, number): Recipe(registry[subject], samples[subject].decode(), stream, profile)
        for subject, streams in profile.datasets.items()
        for number, stream in enumerate(streams)
    }


def _messages(
    events: Iterator[Event],
    recipes: Mapping[tuple[str, int], Recipe],
    registry: Mapping[str, Dataset],
    seed: int,
    first: int,
    oddities: Oddities,
) -> Iterator[FeedMessage]:
    counts: Counter[str] = Counter()
    chance = {subject: random.Random(f"{seed}/{subject}") for subject, _ in recipes}
    for event in events:
        subject, serial = event.subject, first + counts[event.subject]
        counts[subject] += 1
        recipe = recipes[subject, event.stream]
        records = recipe.records(event.published, serial, chance[subject])
        message = usual(
            _EPOCH + timedelta(milliseconds=event.sent_ms),
            subject,
            message_id(subject, event.published, serial),
            records,
        )
        yield from oddities.of(message, records, registry[subject])


def _first_serial(run: str) -> int:
    """Where the serials of a run begin: those of two runs are far apart, but for rare chance."""
    return int.from_bytes(hashlib.blake2b(run.encode(), digest_size=8).digest()) % _SERIALS


def message_id(subject: str, published: int, serial: int) -> str:
    """A file name of IRIS's pattern; ``published`` in seconds since 1970 UTC."""
    minute = _EPOCH + timedelta(seconds=published)
    return f"{subject}_{minute:%Y%m%d%H%M}_{serial:08}.json"
