"""What a made-up record is about, in the terms from which its fields are written."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

from local.feed.units import Unit


class Fact(NamedTuple):
    """What one record is about. Moments are seconds since 1970 UTC.

    Attributes:
        published: the time of publication.
        start, end: the span of time that the record describes.
        day: the forecast day.
        unit: the BM unit.
        serial: counts the dataset's publications, from a number of the run's own.
        place: the record's place in its message, from 0.
        labels: column to the JSON of its value, for columns that go through a list.
        rng: how far numbers stray from the sample's.
    """

    published: int
    start: int
    end: int
    day: date
    unit: Unit
    serial: int
    place: int
    labels: Mapping[str, str]
    rng: random.Random


#: Gives the JSON text of one field.
Render = Callable[[Fact], str]
