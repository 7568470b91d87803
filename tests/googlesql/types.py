"""Types and values between GoogleSQL's text, its messages and Python."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from zetasql.wasi._pb2.zetasql.public import type_pb2

from schemas.ddl import bigquery_identifier, bigquery_string, bigquery_type
from schemas.model import Column
from tests.googlesql import engine


@cache
def type_of(text: str) -> Any:
    """The message for a type such as ``ARRAY<STRUCT<a INT64>>``."""
    statement = engine.analyzed(f"SELECT CAST(NULL AS {text}) AS x", _builtin())
    return statement.output_column_list[0].column.type


@cache
def _builtin() -> int:
    return engine.registered(engine.names())


def text_of(type_: Any) -> str:
    """The other way."""
    match type_pb2.TypeKind.Name(type_.type_kind).removeprefix("TYPE_"):
        case "ARRAY":
            return f"ARRAY<{text_of(type_.array_type.element_type)}>"
        case "STRUCT":
            fields = (
                f"{bigquery_identifier(one.field_name)} {text_of(one.field_type)}"
                for one in type_.struct_type.field
            )
            return f"STRUCT<{', '.join(fields)}>"
        case "DOUBLE":
            return "FLOAT64"
        case name:
            return str(name)


def literal(value: Any, column: Column) -> str:
    """A value of a column as GoogleSQL's text."""
    if value is None:
        return "NULL"
    if column.repeated:
        one = Column(column.name, column.type, columns=column.columns)
        return f"[{', '.join(literal(item, one) for item in value)}]"
    match column.type:
        case "STRUCT":
            return (
                f"STRUCT({', '.join(literal(value.get(one.name), one) for one in column.columns)})"
            )
        case "STRING":
            return bigquery_string(str(value))
        case "JSON":
            return f"JSON {bigquery_string(value if isinstance(value, str) else json.dumps(value))}"
        case "FLOAT64" if not math.isfinite(value):
            return f"CAST('{value}' AS FLOAT64)"
        case "TIMESTAMP":
            return f"TIMESTAMP '{_moment(value).astimezone(UTC).isoformat(' ')}'"
        case "DATETIME":
            return f"DATETIME '{_moment(value).isoformat(' ')}'"
        case "DATE" | "NUMERIC":
            return f"{column.type} '{value}'"
    return str(value)


def _moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> str:
    """A query that gives these rows; what a row does not have is NULL."""
    whole = Column("row", "STRUCT", True, columns=tuple(columns))
    return f"SELECT * FROM UNNEST({bigquery_type(whole)}{literal(rows, whole)})"


def plain(value: Any, type_: Any) -> Any:
    """A value of an answer as DuckDB's client would give it."""
    kind = value.WhichOneof("value")
    content = None if kind is None else getattr(value, kind)
    match kind:
        case "array_value":
            return [plain(one, type_.array_type.element_type) for one in content.element]
        case "struct_value":
            fields = type_.struct_type.field
            return {
                one.field_name: plain(item, one.field_type)
                for one, item in zip(fields, content.field, strict=True)
            }
        case "date_value":
            return date(1970, 1, 1) + timedelta(days=content)
        case "timestamp_value":
            moment = datetime.fromtimestamp(content.seconds, UTC)
            return moment + timedelta(microseconds=content.nanos // 1000)
        case "datetime_value":
            return _datetime(content.bit_field_datetime_seconds, content.nanos)
    return content


def _datetime(bits: int, nanos: int) -> datetime:
    """Of packed fields: from the right 6 bits for seconds and minutes, 5 for hours and days, 4."""
    fields = []
    for width in (6, 6, 5, 5, 4):
        fields.append(bits & ((1 << width) - 1))
        bits >>= width
    second, minute, hour, day, month = fields
    return datetime(bits, month, day, hour, minute, second, nanos // 1000)
