"""How long the tests here take, and which chance they follow."""

from __future__ import annotations

import random

import pytest

#: Seconds after which a test of the long form hangs.
_LONG_TIMEOUT = 1_800


@pytest.fixture
def is_long(request: pytest.FixtureRequest) -> bool:
    """Whether all is wanted: ``--long``."""
    return bool(request.config.getoption("long"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Decides what happens, if not when; printed, so that ``--seed`` can repeat a run."""
    seed = request.config.getoption("seed")
    if seed is None:
        seed = random.SystemRandom().randrange(1_000_000)
    print(f"\nseed {seed}")
    return int(seed)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("long"):
        for item in items:
            item.add_marker(pytest.mark.timeout(_LONG_TIMEOUT))
