"""Typed columns as Arrow, which DuckDB reads without a copy and BigQuery takes as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipeline.runs import Runs
from pipeline.sinks.base import Write
from schemas.model import Column

_TYPES: Final = {
    "STRING": pa.string(),
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "BOOL": pa.bool_(),
    "DATETIME": pa.timestamp("us"),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "DATE": pa.date32(),
    "JSON": pa.string(),
    "BYTES": pa.binary(),
}


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type that carries ``column``."""
    if column.type == "STRUCT":
        one = pa.struct([pa.field(inner.name, arrow_type(inner)) for inner in column.columns])
    else:
        one = _TYPES[column.type]
    return pa.list_(one) if column.repeated else one


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """The Arrow schema of ``columns``."""
    return pa.schema([pa.field(column.name, arrow_type(column)) for column in columns])


def to_arrow(write: Write) -> pa.Table:
    """All rows of ``write``."""
    schema = arrow_schema(write.columns)
    arrays = [
        _array(values, field.type) for values, field in zip(write.values, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if isinstance(values, Runs):
        places = np.repeat(np.arange(len(values.counts)), values.counts)
        return pa.array(values.values, kind).take(pa.array(places))
    return pa.array(values, kind)
