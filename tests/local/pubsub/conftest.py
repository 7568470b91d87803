"""One server for the tests of a module, a topic of its own for each test, and every backlog."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.pubsub import Backlog, DiskBacklog, MemoryBacklog, PubSubServer
from tests.local.pubsub.clients import Clients

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[PubSubServer]:
    with PubSubServer() as server:
        yield server


@pytest.fixture
def clients(server: PubSubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
    number = next(_numbers)
    clients = Clients(
        server,
        f"projects/local-project/topics/t{number}",
        f"projects/local-project/subscriptions/s{number}",
    )
    yield clients
    server.faults.clear()
    clients.close()


@pytest.fixture(params=["memory", "disk"])
def open_backlog(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Backlog]:
    """Opens one and the same backlog, each time after the last one was closed."""
    if request.param == "disk":
        return lambda: DiskBacklog(tmp_path / "data", first_id=1)
    memory = MemoryBacklog(first_id=1)
    return lambda: memory


@pytest.fixture
def backlog(open_backlog: Callable[[], Backlog]) -> Iterator[Backlog]:
    """An empty backlog of each kind, its ids beginning with 1."""
    backlog = open_backlog()
    yield backlog
    backlog.close()
