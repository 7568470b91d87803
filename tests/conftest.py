"""What all tests share: options, how hard hypothesis tries, and the bundled datasets."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

import schemas

settings.register_profile(
    "default", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
#: The same examples on every run, so that a red build can be repeated.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    chaos = parser.getgroup("tests/chaos")
    chaos.addoption("--long", action="store_true", help="minutes instead of seconds")
    chaos.addoption("--seed", type=int, help="what a run has printed, to repeat it")


@pytest.fixture(scope="session")
def registry() -> schemas.Registry:
    """The bundled datasets."""
    return schemas.load()
