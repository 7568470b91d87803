"""How BigQuery reads one value of an append: its input type and its range.

Which input types a column takes is the table "Supported protocol buffer and Arrow data types"
(https://docs.cloud.google.com/bigquery/docs/supported-data-types); a pair that is not in that
table is refused here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from google.protobuf.descriptor import FieldDescriptor

Converter = Callable[[Any], Any]

_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_MIN_DAY, _MAX_DAY = -719162, 2932896
_MICROSECOND = timedelta(microseconds=1)
_MIN_MICROS = (datetime.min - _EPOCH) // _MICROSECOND
_MAX_MICROS = (datetime.max - _EPOCH) // _MICROSECOND
#: "JSON data has a nesting limit of 500" (BigQuery's data types reference).
_MAX_JSON_DEPTH = 500

_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_DATETIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt ](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,6}))?)?",
    re.ASCII,
)


class ValueRefused(ValueError):
    """A value that its column cannot hold; the text is the message of the row error."""


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    # The protobuf runtime hands out bytes where a proto2 string is not UTF-8.
    if not isinstance(value, str):
        raise ValueRefused("Invalid UTF-8 string")
    return value


def date_from_days(days: int) -> date:
    """The DATE of days since 1970-01-01; the documented range is -719162 to 2932896."""
    if not _MIN_DAY <= days <= _MAX_DAY:
        raise ValueRefused(f"Date field value is out of range: {days}")
    return date(1970, 1, 1) + timedelta(days=days)


def date_from_literal(value: Any) -> date:
    """The DATE of the canonical literal ``YYYY-[M]M-[D]D``."""
    match = _DATE.fullmatch(_text(value))
    try:
        if match:
            return date(*map(int, match.groups()))
    except ValueError:
        pass
    raise ValueRefused(f"Invalid date string {value!r}")


def datetime_from_literal(value: Any) -> datetime:
    """The DATETIME of the canonical literal: ``YYYY-[M]M-[D]D[( |T)[H]H:[M]M:[S]S[.F]]``.

    F has at most six digits and no zone may follow: a DATETIME has none.
    """
    match = _DATETIME.fullmatch(_text(value))
    try:
        if match:
            *parts, fraction = match.groups(default="0")
            return datetime(*map(int, parts), microsecond=int(fraction.ljust(6, "0")))  # type: ignore[misc,arg-type]
    except ValueError:
        pass
    raise ValueRefused(f"Invalid datetime string {value!r}")


def datetime_from_civil(packed: int) -> datetime:
    """The DATETIME of a packed civil time.

    The layout is that of the Java client's ``CivilTimeEncoder.encodePacked64DatetimeMicros``:
    year, month (4 bits), day (5), hour (5), minute (6), second (6), microseconds (20).
    """
    seconds, micros = packed >> 20, packed & 0xFFFFF
    try:
        return datetime(
            seconds >> 26,
            (seconds >> 22) & 0xF,
            (seconds >> 17) & 0x1F,
            (seconds >> 12) & 0x1F,
            (seconds >> 6) & 0x3F,
            seconds & 0x3F,
            micros,
        )
    except ValueError:
        raise ValueRefused(
            f"Cannot return an invalid datetime value of {packed} microseconds expressed as civil"
            " time, according to civil_time encoding. The range of valid datetime values is"
            " [0001-01-01 00:00:00, 9999-12-31 23:59:59.999999]"
        ) from None


def datetime_from_micros(micros: int) -> datetime:
    """The DATETIME of an Arrow timestamp without a zone."""
    if not _MIN_MICROS <= micros <= _MAX_MICROS:
        raise ValueRefused(f"Datetime field value is out of range: {micros}")
    return _EPOCH + timedelta(microseconds=micros)


def timestamp_from_micros(micros: int) -> datetime:
    """The TIMESTAMP of microseconds since the epoch, with the zone UTC."""
    if not _MIN_MICROS <= micros <= _MAX_MICROS:
        raise ValueRefused(f"Timestamp field value is out of range: {micros}")
    return _EPOCH_UTC + timedelta(microseconds=micros)


def json_text(value: Any) -> str:
    """The text itself, if it is strict JSON whose numbers keep their value.

    An integer must fit INT64 or UINT64, or survive the way through a FLOAT64 like any other
    number, as in PARSE_JSON's default ``wide_number_mode``. The service is known to refuse some
    numbers more than this (its own parser of doubles is not exact); no rule for it is known.
    """
    text = _text(value)
    try:
        parsed = json.loads(
            text, parse_int=_json_number, parse_float=_json_number, parse_constant=_json_constant
        )
        _check_json(parsed, 0)
    except ValueRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise ValueRefused(f"Invalid JSON: {error}") from None
    return text


def _json_constant(literal: str) -> None:
    raise ValueRefused(f"Invalid JSON: {literal} is not a number")


def _json_number(literal: str) -> None:
    exact = Decimal(literal)
    whole = not set(literal) & set(".eE")
    if whole and -(2**63) <= exact < 2**64:
        return
    # An infinite double never equals its literal, so that 1e400 is refused here too.
    if Decimal(repr(float(literal))) != exact:
        raise ValueRefused(
            f"Input number: {literal} cannot round-trip through string representation"
        )


def _check_json(value: Any, depth: int) -> None:
    if depth > _MAX_JSON_DEPTH:
        raise ValueRefused(f"Invalid JSON: nested more than {_MAX_JSON_DEPTH} levels deep")
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueRefused("Invalid JSON: a lone surrogate")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_json(key, depth)
            _check_json(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_json(item, depth + 1)


_PROTO_NAMES = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_ENUM: "enum",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_MESSAGE: "message",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}


def proto_type_name(number: int) -> str:
    """The name of a protocol buffer field type; a number where the table above has none."""
    return _PROTO_NAMES.get(number, f"type {number}")


def _each(names: str, convert: Converter) -> dict[str, Converter]:
    return dict.fromkeys(names.split(), convert)


def _utf8(value: Any) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


_PROTO: dict[str, dict[str, Converter]] = {
    "BOOL": _each("bool int32 int64 uint32 uint64", bool),
    "BYTES": _each("bytes string", _utf8),
    "DATE": _each("int32 int64", date_from_days) | _each("string", date_from_literal),
    "DATETIME": _each("string", datetime_from_literal) | _each("int64", datetime_from_civil),
    "FLOAT64": _each("double float", _same),
    "INT64": _each("int32 int64 uint32 enum", _same),
    "JSON": _each("string", json_text),
    "STRING": _each("string", _text),
    "STRUCT": _each("message", _same),
    "TIMESTAMP": _each("int32 int64 uint32", timestamp_from_micros),
}


def proto_converter(column_type: str, field_type: int) -> Converter | None:
    """How a column reads a protocol buffer field; None where it does not take that type."""
    return _PROTO[column_type].get(proto_type_name(field_type))


def arrow_converter(column_type: str, kind: pa.DataType) -> Converter | None:
    """How a column reads an Arrow type; None where it does not take that type.

    DATE and the timestamps are handed over as integers, see ``plain_arrow_type``.
    """
    if column_type in ("STRING", "JSON") and pa.types.is_string(kind):
        return json_text if column_type == "JSON" else _text
    if column_type == "DATE" and pa.types.is_string(kind):
        return date_from_literal
    if column_type == "DATE" and (pa.types.is_date32(kind) or pa.types.is_int32(kind)):
        return date_from_days
    if column_type == "DATETIME" and kind == pa.timestamp("us"):
        return datetime_from_micros
    if column_type == "TIMESTAMP" and kind == pa.timestamp("us", "UTC"):
        return timestamp_from_micros
    takes = {
        "BOOL": pa.types.is_boolean,
        "BYTES": pa.types.is_binary,
        "FLOAT64": lambda k: pa.types.is_float32(k) or pa.types.is_float64(k),
        "INT64": pa.types.is_integer,
        "STRUCT": pa.types.is_struct,
    }.get(column_type)
    return _same if takes is not None and takes(kind) else None


def plain_arrow_type(kind: pa.DataType) -> pa.DataType:
    """``kind`` with every date and timestamp as the integer it is stored as.

    Python's own dates end before Arrow's do; integers let a single bad value be told apart.
    """
    if pa.types.is_date32(kind):
        return pa.int32()
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_list(kind):
        return pa.list_(plain_arrow_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, plain_arrow_type(f.type)) for f in kind.fields])
    return kind
