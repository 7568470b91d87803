"""One server for the tests of a module, and a topic of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from local.pubsub import PubSubServer
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
