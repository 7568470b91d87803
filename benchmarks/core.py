"""Parts (a) to (f): from the bytes of a message to encoded rows, and into a warehouse."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
import orjson
from apache_beam.options.pipeline_options import PipelineOptions

import schemas
from benchmarks.messages import Sized
from pipeline.append import Sink
from pipeline.build import WriteMessages
from pipeline.decode import unframe
from pipeline.sinks.arrow import to_arrow
from pipeline.sinks.base import Refusal, Warehouse, Write
from pipeline.sinks.bundle import Bundle
from pipeline.sinks.proto import RowEncoder
from pipeline.subscription import TakeBatch, held
from pipeline.transforms import now_micros
from pipeline.typed import Plan
from schemas.model import Column, Table
from schemas.tables import all_tables, table_for

REGISTRY: Final = schemas.load()


class EncodeOnly(Warehouse):
    """Encodes rows as a warehouse would and drops them."""

    def __init__(self, encode: Callable[[Write], object]) -> None:
        self._encode = encode

    def append(self, writes: Sequence[Write]) -> list[list[Refusal]]:
        for write in writes:
            self._encode(write)
        return [[] for _ in writes]

    def missing_columns(self, table: Table) -> frozenset[str]:
        return frozenset()


class ProtoEncode:
    """Rows as protocol buffers, one encoder per set of columns, as the BigQuery sink does it."""

    def __init__(self) -> None:
        self._encoders: dict[tuple[Column, ...], RowEncoder] = {}

    def __call__(self, write: Write) -> list[bytes]:
        encoder = self._encoders.get(write.columns)
        if encoder is None:
            encoder = self._encoders[write.columns] = RowEncoder(write.columns)
        return encoder.encode(write)


def limit(messages: Sequence[Sized]) -> None:
    """(a) What no design that parses and encodes JSON can beat."""
    for one in messages:
        orjson.dumps(orjson.loads(one.inner))


def old_way(messages: Sequence[Sized]) -> None:
    """(b) The system before: record by record, times by string replacement, a dict per row."""
    for one in messages:
        for record in json.loads(json.loads(one.message.data)):
            row = {}
            for name, value in record.items():
                if isinstance(value, str) and "T" in value and "Z" in value:
                    value = value.replace("T", " ").replace("Z", "").split(".")[0]
                row[name] = value
            row["source"] = "IRIS"
            row["ingested_utc"] = datetime.now(UTC).isoformat()
            json.dumps({"insertId": str(uuid.uuid4()), "json": row})


def core(messages: Sequence[Sized], plan: Plan, table: Table, warehouse: Warehouse) -> None:
    """(c), (e), (f): our functions without Beam, rows handed over as a bundle does it."""
    bundle = Bundle(warehouse)
    bundle.begin("rows", table)
    for one in messages:
        text = unframe(one.message.data)
        typed = plan.type_message(one.message, text, now_micros())
        values = typed.batch.full_columns(now_micros())
        count = len(typed.batch)
        bundle.add("rows", table.columns, typed, values, count, len(one.message.data))
    bundle.finish("rows")


def in_beam(messages: Sequence[Sized], url: str) -> None:
    """(d) The same in the real graph, with the branches of all datasets."""
    with held([one.message for one in messages]) as ticket:
        options = PipelineOptions(["--runner=FnApiRunner"])
        with beam.Pipeline(runner="FnApiRunner", options=options) as pipeline:
            batch = pipeline | beam.Create([ticket]) | beam.ParDo(TakeBatch())
            batch | WriteMessages(REGISTRY.values(), Sink(url))


class WriteServer:
    """The local BigQueryWrite server in a process of its own, on another core."""

    def __enter__(self) -> str:
        tables = {
            f"projects/bench/datasets/iris/tables/{table.name}": [
                _field(column) for column in table.columns
            ]
            for table in all_tables(REGISTRY)
        }
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "tables.json"
        file.write_text(json.dumps(tables))
        command = [sys.executable, "-m", "tests.servers.bigquery_write", "--port", "0"]
        self._process = subprocess.Popen(
            [*command, "--tables", str(file), "--discard"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()[-1]

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()


def _field(column: Column) -> dict[str, Any]:
    inner = [_field(one) for one in column.columns]
    return {
        "name": column.name,
        "type": column.type,
        "repeated": column.repeated,
        "columns": inner,
    }


def encoders() -> dict[str, Warehouse]:
    """The two encodings, each as a warehouse that drops what it encodes."""
    return {"duckdb": EncodeOnly(to_arrow), "bigquery": EncodeOnly(ProtoEncode())}


def plan_and_table(dataset: str) -> tuple[Plan, Table]:
    """What ``core`` needs for messages of ``dataset``."""
    return Plan(REGISTRY[dataset]), table_for(REGISTRY[dataset])
