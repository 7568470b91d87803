"""The traffic as data: how often each dataset is sent, and how much is in a message.

``profile.json`` is the bundled profile; its ``about`` says what its figures rest on. Of a dataset
it lists streams, each with its own rhythm and its own kind of message. ``Stream`` and ``Times``
say what the fields mean.
"""

from __future__ import annotations

import random
from importlib.resources import files
from typing import Annotated, Final

import msgspec

MINUTES_A_DAY: Final = 1_440
_BUNDLED: Final = "profile.json"

_Positive = Annotated[int, msgspec.Meta(ge=1)]
#: A number, or the least and the greatest of those that are drawn.
Count = int | tuple[int, int]


class ProfileError(ValueError):
    """A profile that cannot be used; the text names the file and the place in it."""


class Times(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Consecutive spans of time, a record each: ``startTime``, ``timeFrom``, ``timeTo`` ...

    Attributes:
        count: how many.
        step_seconds: how long each is; a range is drawn anew for each.
        first_seconds: where the first begins, counted from the publication rounded down.
        floor_seconds: to a multiple of this the publication is rounded down.
    """

    count: Count = 1
    step_seconds: Count = 1_800
    first_seconds: int = 0
    floor_seconds: _Positive = 1_800


class Days(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Forecast days or weeks, a record each: ``forecastDate``, ``year`` and ``week`` ...

    Attributes:
        count: how many.
        step: days from one to the next; 7 for weeks.
        first: the first, in days from the publication's UK local date.
    """

    count: _Positive = 1
    step: _Positive = 1
    first: int = 0


class Stream(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rhythm of one dataset, and what a message of it holds.

    Either ``per_minute`` (at random) or ``every_minutes`` (by the clock) is given. A message
    has one record for each combination of its labels, units, days and times.

    Attributes:
        basis: what the figures rest on, for readers.
        per_minute: messages a minute on average; no two come closer than ``apart_ms``.
        apart_ms: with a whole second no two records are published at the same time, which
            keeps those apart that only a unit and a time identify.
        every_minutes: a divisor of a day, counted from midnight UTC.
        offset_minutes: how long after that.
        messages: with ``every_minutes``: how many messages come each time.
        delay_seconds: with ``every_minutes``: how long after the time of publication a message
            is sent, from least to greatest.
        labels: column to the list (in ``Profile.lists``) of the values that it takes in turn.
        units: how many BM units; which ones is drawn for each message.
    """

    basis: str = ""
    per_minute: Annotated[float, msgspec.Meta(gt=0)] | None = None
    apart_ms: _Positive = 1_000
    every_minutes: _Positive | None = None
    offset_minutes: Annotated[int, msgspec.Meta(ge=0)] = 0
    messages: Count = 1
    delay_seconds: tuple[Annotated[float, msgspec.Meta(ge=0)], float] = (2.0, 20.0)
    labels: dict[str, str] = {}
    units: Count = 1
    times: Times = Times()
    days: Days = Days()


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The traffic of all datasets.

    Attributes:
        about: what the figures rest on, for readers.
        datasets: subject to its streams.
        lists: values of columns, such as the fuels, by the name that ``labels`` uses.
        spread: how far the numbers of a column stray from the sample's, as a share of it.
    """

    about: list[str]
    datasets: dict[str, list[Stream]]
    lists: dict[str, list[str | int]] = {}
    spread: dict[str, Annotated[float, msgspec.Meta(ge=0, le=1)]] = {}

    def only(self, *subjects: str) -> Profile:
        """The same with no other datasets than these; KeyError for one that it does not have."""
        chosen = {subject: self.datasets[subject] for subject in subjects}
        return msgspec.structs.replace(self, datasets=chosen)


def bundled() -> Profile:
    """The profile that comes with this package."""
    return parse((files("local.feed") / _BUNDLED).read_bytes(), _BUNDLED)


def parse(text: bytes | str, name: str) -> Profile:
    """The profile in ``text``, the content of the file ``name``.

    Raises:
        ProfileError: it is no JSON or no profile.
    """
    try:
        profile = msgspec.json.decode(text, type=Profile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{name}: {error}") from None
    for subject, streams in profile.datasets.items():
        for number, stream in enumerate(streams):
            fault = _fault(stream, profile)
            if fault is not None:
                raise ProfileError(f"{name}: datasets.{subject}[{number}].{fault}")
    return profile


def _fault(stream: Stream, profile: Profile) -> str | None:
    if (stream.per_minute is None) == (stream.every_minutes is None):
        return "every_minutes: give either this or per_minute"
    for field, count in _counts(stream).items():
        least, greatest = (count, count) if isinstance(count, int) else count
        if not 1 <= least <= greatest:
            return f"{field}: give a number from 1, or two of which the second is not less"
    for column, values in stream.labels.items():
        if not profile.lists.get(values):
            return f"labels.{column}: there is no list {values!r} in lists, or it is empty"
    if stream.per_minute is not None:
        if stream.per_minute * stream.apart_ms > 30_000:
            return "per_minute: too many for apart_ms; they would fill more than half of the time"
        return None
    return _clock_fault(stream)


def _clock_fault(stream: Stream) -> str | None:
    every, (least, greatest) = stream.every_minutes or 1, stream.delay_seconds
    if MINUTES_A_DAY % every:
        return f"every_minutes: {every} does not divide a day of {MINUTES_A_DAY} minutes"
    if stream.offset_minutes >= every:
        return f"offset_minutes: {stream.offset_minutes} is not less than every_minutes"
    if not least <= greatest < every * 60:
        return f"delay_seconds: [{least:g}, {greatest:g}] must rise and end within every_minutes"
    return None


def _counts(stream: Stream) -> dict[str, Count]:
    return {
        "messages": stream.messages,
        "units": stream.units,
        "times.count": stream.times.count,
        "times.step_seconds": stream.times.step_seconds,
    }


def draw(count: Count, rng: random.Random) -> int:
    """The number itself, or one of its range."""
    return count if isinstance(count, int) else rng.randint(*count)
