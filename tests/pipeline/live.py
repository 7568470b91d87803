"""The live door on a local Pub/Sub: publish, read in micro-batches, look at what is left."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.pubsub import PubSubServer
from pipeline.append import Sink
from pipeline.build import WriteMessages
from pipeline.sinks import use_warehouse
from pipeline.subscription import MicroBatches
from schemas import Dataset
from tests.local.pubsub.clients import Clients
from tests.pipeline.graph_runs import URL, Metrics, metrics_of
from tests.pipeline.memory import MemoryWarehouse

#: Beam wants six characters or more.
PROJECT = "projects/local-project"
_numbers = itertools.count()


@contextmanager
def clients_of(server: PubSubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Clients with a topic and a subscription of their own, the environment set for all others."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
    number = next(_numbers)
    topic, subscription = (
        f"{PROJECT}/topics/live-{number}",
        f"{PROJECT}/subscriptions/live-{number}",
    )
    clients = Clients(server, topic, subscription)
    try:
        yield clients
    finally:
        clients.close()


def publish(clients: Clients, records: Any, message_id: str = "", **attributes: str) -> None:
    """Publishes one message as the bridge does; ``records`` as JSON, or bytes as they are."""
    data = records if isinstance(records, bytes) else json.dumps(records).encode()
    given = {"dataset": "FREQ", "message_id": message_id, "source": "IRIS"} | attributes
    future = clients.publisher.publish(clients.topic, data, **given)
    future.result(timeout=10)


class Consumer:
    """``MicroBatches`` into a warehouse in memory.

    Attributes:
        stop: ends the run.
        results: the metrics of each batch.
        subjects: the datasets in each batch, failed ones included.
        waiting: how many messages were not acknowledged whenever something was written.
    """

    def __init__(
        self, clients: Clients, warehouse: MemoryWarehouse, datasets: Iterable[Dataset]
    ) -> None:
        self.stop = threading.Event()
        self.results: list[Metrics] = []
        self.subjects: list[frozenset[str]] = []
        self.waiting: list[int] = []
        self._clients = clients
        self._warehouse = warehouse
        self._datasets = list(datasets)
        self._until = 0
        warehouse.on_append = lambda: self.waiting.append(clients.unacknowledged())
        use_warehouse(URL, warehouse)

    def batches(self, idle: float | None = None) -> MicroBatches:
        return MicroBatches(
            self._clients.subscription, self._write, self._on_result, self.stop, idle
        )

    def run(self, until: int, idle: float | None = None) -> None:
        """Runs until so many messages stand in the ledger."""
        self._until = until
        self.batches(idle).run()

    def _write(self, messages: Any, subjects: frozenset[str]) -> None:
        self.subjects.append(subjects)
        datasets = [dataset for dataset in self._datasets if dataset.subject in subjects]
        messages | "WriteMessages" >> WriteMessages(datasets, Sink(URL))

    def _on_result(self, result: Any) -> None:
        self.results.append(metrics_of(result))
        if self._until and len(self._warehouse.tables["iris_messages"]) >= self._until:
            self.stop.set()
