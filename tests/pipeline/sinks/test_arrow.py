"""Typed columns as Arrow."""

from __future__ import annotations

import pyarrow as pa

from pipeline.sinks.arrow import arrow_schema, to_arrow
from schemas.model import Table
from tests.pipeline.sinks.support import rows_of
from tests.servers.bigquery_client import EVERY_TYPE

EVERY = Table("every", EVERY_TYPE)


def test_types() -> None:
    assert arrow_schema(EVERY_TYPE) == pa.schema(
        {
            "s": pa.string(),
            "i": pa.int64(),
            "f": pa.float64(),
            "b": pa.bool_(),
            "dt": pa.timestamp("us"),
            "ts": pa.timestamp("us", "UTC"),
            "d": pa.date32(),
            "j": pa.string(),
            "y": pa.binary(),
            "one": pa.struct({"x": pa.int64(), "when": pa.date32()}),
            "many": pa.list_(pa.struct({"x": pa.float64()})),
            "list": pa.list_(pa.int64()),
        }
    )


def test_a_table_without_rows_keeps_its_types() -> None:
    empty = to_arrow(rows_of(EVERY, []))
    assert (empty.schema, empty.num_rows) == (arrow_schema(EVERY_TYPE), 0)
