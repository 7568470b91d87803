"""What the tests of the graph share."""

from __future__ import annotations

import pytest

from schemas import Registry
from schemas.model import Dataset
from tests.pipeline.graph_runs import stop_the_clock
from tests.pipeline.memory import MemoryWarehouse


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline's clock stands still at ``made.NOW``."""
    stop_the_clock(monkeypatch)


@pytest.fixture
def datasets(registry: Registry) -> list[Dataset]:
    """Few enough for a graph that builds in no time."""
    return [registry[subject] for subject in ("FREQ", "INDOD", "mibm_mid")]


@pytest.fixture
def warehouse() -> MemoryWarehouse:
    return MemoryWarehouse()
