"""What the tests of the feed share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.feed import FeedMessage, Profile, bundled, day
from local.sample_messages import samples
from schemas import Registry
from tests.local.feed.moments import START

Feed = Callable[..., Iterator[FeedMessage]]


@pytest.fixture(scope="session")
def profile() -> Profile:
    return bundled()


@pytest.fixture(scope="session")
def arrays() -> dict[str, bytes]:
    """The bundled samples by dataset."""
    return dict(samples())


@pytest.fixture(scope="session")
def feed(registry: Registry, arrays: dict[str, bytes]) -> Feed:
    """``day`` with the bundled descriptions and samples."""

    def run(
        profile: Profile,
        seed: int = 1,
        start: datetime = START,
        duration: timedelta = timedelta(minutes=10),
        **options: Any,
    ) -> Iterator[FeedMessage]:
        return day(profile, registry, arrays, seed, start, duration, **options)

    return run
