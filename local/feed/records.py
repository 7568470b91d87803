"""Records of one dataset for a simulated moment, as JSON, made from its sample records.

What keeps the records of a run apart, so that no two share their dataset's natural key:

- by a number that counts up with each publication: document and message ids, notification
  sequences, acceptance and contract numbers (see ``local.feed.fields``);
- else by the time of publication, which streams at random give to one message a second at most;
- else, where the key has settlement periods or spans of time and no time of publication, by the
  rhythm: such a stream must come by the clock and no message may reach into the next one's spans.

Only the first kind can have several streams, for two streams may publish in the same second.

Within a message they are apart by what the stream names: labels, units, days, times. A dataset
whose key has none of these has one record in a message. The bundled profile keeps to all this.
Two runs over the same simulated hours repeat each other's keys, but for those of the first kind.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from local.feed.clock import floor, local_day
from local.feed.facts import Fact, Render
from local.feed.fields import SHOWN_BY, publication, renderer
from local.feed.profile import Days, Profile, ProfileError, Stream, Times, draw
from local.feed.units import Unit, make_units
from local.feed.values import to_json
from pipeline.exact import parse
from schemas import Dataset

UNITS: Final = make_units()


class _Form(NamedTuple):
    """A record with a ``%s`` for each field that differs from one record to the next."""

    text: str
    renders: tuple[Render, ...]

    def write(self, fact: Fact) -> str:
        return self.text % tuple([render(fact) for render in self.renders])


class Recipe:
    """How the records of one stream are made.

    Args:
        dataset: the dataset's description.
        sample: the JSON array of its sample records; the records take after them in turn.
        stream: what is in a message.
        profile: where the stream is from.

    Raises:
        ProfileError: the stream names something that no field of the sample shows.
    """

    def __init__(self, dataset: Dataset, sample: str, stream: Stream, profile: Profile) -> None:
        records = [element.value for element in parse(sample)]
        _check(dataset, records[0], stream)
        self._stream = stream
        self._forms = [_form(dataset, one, records[0], stream, profile) for one in records]
        lists = {column: profile.lists[name] for column, name in stream.labels.items()}
        self._labels = [
            dict(zip(lists, map(json.dumps, values), strict=True))
            for values in itertools.product(*lists.values())
        ]

    def records(self, published: int, serial: int, rng: random.Random) -> list[str]:
        """The JSON of the records of one message.

        Args:
            published: the time of publication, seconds since 1970 UTC.
            serial: counts the dataset's publications, from any number.
            rng: what is left to chance.
        """
        units = _units(self._stream, rng)
        spans = list(_spans(self._stream.times, published, rng))
        days = list(_days(self._stream.days, published))
        different = itertools.product(self._labels, units, days, spans)
        forms = self._forms
        return [
            forms[(serial + place) % len(forms)].write(
                Fact(published, *span, day, unit, serial, place, labels, rng)
            )
            for place, (labels, unit, day, span) in enumerate(different)
        ]


def _form(
    dataset: Dataset,
    record: Mapping[str, Any],
    first: Mapping[str, Any],
    stream: Stream,
    profile: Profile,
) -> _Form:
    columns = {column.name: column for column in dataset.columns}
    published = publication(record, dataset.reference_time)
    members, renders = [], []
    for name, value in record.items():
        render: Render | None = None
        if name in stream.labels:
            render = _label(name)
        elif name in columns:
            render = renderer(columns[name], record, first, published, profile.spread)
        text = to_json(value).replace("%", "%%") if render is None else "%s"
        members.append(f"{json.dumps(name).replace('%', '%%')}:{text}")
        if render is not None:
            renders.append(render)
    return _Form("{" + ",".join(members) + "}", tuple(renders))


def _label(column: str) -> Render:
    return lambda fact: fact.labels[column]


def _check(dataset: Dataset, record: Mapping[str, Any], stream: Stream) -> None:
    where = f"datasets.{dataset.subject}"
    for column in stream.labels:
        if column not in record:
            raise ProfileError(f"{where}: labels.{column}: its sample has no such field")
    most = stream.units if isinstance(stream.units, int) else stream.units[1]
    if most > len(UNITS):
        raise ProfileError(f"{where}: units: {most} are too many, there are {len(UNITS)}")
    wanted = {
        "units": stream.units != 1,
        "times": stream.times.count != 1,
        "days": stream.days.count != 1,
    }
    for axis, is_wanted in wanted.items():
        names, types = SHOWN_BY[axis]
        shown = any(
            column.name in names and column.type in types and record.get(column.name) is not None
            for column in dataset.columns
        )
        if is_wanted and not shown:
            raise ProfileError(f"{where}: {axis}: no field of its sample would show them")


def _units(stream: Stream, rng: random.Random) -> Sequence[Unit]:
    first = rng.randrange(len(UNITS))
    return [UNITS[(first + at) % len(UNITS)] for at in range(draw(stream.units, rng))]


def _spans(times: Times, published: int, rng: random.Random) -> Iterator[tuple[int, int]]:
    start = floor(published, times.floor_seconds) + times.first_seconds
    for _ in range(draw(times.count, rng)):
        end = start + draw(times.step_seconds, rng)
        yield start, end
        start = end


def _days(days: Days, published: int) -> Iterator[date]:
    first = local_day(published) + timedelta(days=days.first)
    for number in range(days.count):
        yield first + timedelta(days=number * days.step)
