"""The graph, run over messages that a test has at hand, and what its metrics say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.testing.test_pipeline import TestPipeline

from local.query import connect
from pipeline import append, metrics, transforms
from pipeline.append import Sink
from pipeline.build import WriteMessages
from pipeline.message import Message
from pipeline.sinks import use_warehouse
from pipeline.sinks.base import Warehouse
from pipeline.version import VERSION
from schemas.model import Dataset
from tests.pipeline.made import NOW, micros

URL = "memory:tests"
#: When the messages of these tests were enqueued, a minute before they are written.
ENQUEUED = NOW - 60_000_000

Spread = tuple[int, int, int, int]
"""Sum, count, least and greatest value of a distribution."""


@dataclass
class Metrics:
    """What a run has counted: metrics by name, each reported once."""

    counters: dict[str, int]
    distributions: dict[str, Spread]


def metrics_of(result: Any) -> Metrics:
    """All metrics of the project's namespace."""
    found = result.metrics().query(MetricsFilter().with_namespace(metrics.NAMESPACE))
    counters: dict[str, int] = {}
    for one in found["counters"]:
        name = one.key.metric.name
        counters[name] = counters.get(name, 0) + one.result
    spreads = {
        one.key.metric.name: (one.result.sum, one.result.count, one.result.min, one.result.max)
        for one in found["distributions"]
    }
    assert len(spreads) == len(found["distributions"])
    return Metrics(counters, spreads)


def local_pipeline() -> beam.Pipeline:
    """A pipeline that runs in this process."""
    return TestPipeline(runner="FnApiRunner")


def run(
    warehouse: Warehouse,
    datasets: Iterable[Dataset],
    messages: Sequence[Message],
    publish: beam.PTransform | None = None,
) -> Metrics:
    """Runs the graph over ``messages``, all in one bundle."""
    use_warehouse(URL, warehouse)
    pipeline = local_pipeline()
    (
        pipeline
        | "Messages" >> beam.Create([list(messages)])
        | "Each" >> beam.FlatMap(lambda each: each)
        | "WriteMessages" >> WriteMessages(datasets, Sink(URL), publish)
    )
    result = pipeline.run()
    result.wait_until_finish()
    return metrics_of(result)


def ask(place: Path | str, sql: str) -> list[tuple[Any, ...]]:
    """The answer of a DuckDB file, which others may be writing to."""
    with connect(str(place)) as connection:
        return connection.sql(sql).fetchall()


def stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every time that a transform takes is ``NOW``."""
    for module in (append, transforms):
        monkeypatch.setattr(module, "now_micros", lambda: NOW)


def message(
    records: Any, dataset: str = "FREQ", message_id: str = "m1", **envelope: Any
) -> Message:
    """A message with ``records`` as JSON, or with ``records`` itself where it is bytes."""
    data = records if isinstance(records, bytes) else json.dumps(records).encode()
    given = {"data": data, "dataset": dataset, "message_id": message_id, "enqueued": ENQUEUED}
    return Message(**(given | envelope))


def reading(second: int = 0, **more: Any) -> dict[str, Any]:
    """A record of FREQ."""
    at = f"2026-11-01T11:58:{second:02d}Z"
    return {"dataset": "FREQ", "measurementTime": at, "frequency": 50.0 + second} | more


def freq_row(
    second: int = 0, message_id: str = "m1", index: int = 0, **more: Any
) -> dict[str, Any]:
    """The row that ``reading(second)`` becomes."""
    return {
        "dataset": "FREQ",
        "measurementTime": micros("2026-11-01T11:58:00+00:00") + second * 1_000_000,
        "frequency": 50.0 + second,
        "source": "IRIS",
        "ingested_utc": NOW,
        "_message_id": message_id,
        "_record_index": index,
        "_enqueued_utc": ENQUEUED,
        "_extra": None,
    } | more


def demand(day: str = "2026-10-31", value: int = 800, **more: Any) -> dict[str, Any]:
    """A record of INDOD."""
    at = "2026-11-01T09:00:00Z"
    return {"publishTime": at, "settlementDate": day, "demand": value, "dataset": "INDOD"} | more


def ledger_row(message: Message, records: int, rows: int, dead_letters: int) -> dict[str, Any]:
    """The line of ``iris_messages`` for ``message``."""
    return {
        "message_id": message.message_id,
        "dataset": message.dataset,
        "source": message.source,
        "enqueued_utc": message.enqueued,
        "written_utc": NOW,
        "bytes": len(message.data),
        "records": records,
        "rows": rows,
        "dead_letters": dead_letters,
    }


def dead_row(message: Message, stage: str, reason: str, payload: bytes, **more: Any) -> Any:
    """The line of ``iris_dead_letters`` for a record or the whole of ``message``."""
    return {
        "stage": stage,
        "reason": reason,
        "dataset": message.dataset,
        "field": None,
        "payload": payload,
        "content_encoding": None,
        "source": message.source,
        "_message_id": message.message_id,
        "_record_index": None,
        "_enqueued_utc": message.enqueued,
        "failed_utc": NOW,
        "pipeline_version": VERSION,
    } | more


def spread(*values: int) -> Spread:
    """What a distribution of ``values`` says."""
    return sum(values), len(values), min(values), max(values)
