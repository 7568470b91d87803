"""Typed columns as protocol buffer rows, the Storage Write API's generally available form.

A protobuf message is the concatenation of its fields, so a row is joined from the bytes of its
values, and the bytes of a value that comes again (a unit, a time, a level) are looked up instead
of made again. Measured against building a message per row with the protobuf library: see
``docs/benchmarks.md``.

Types on the wire follow "Supported protocol buffer and Arrow data types" of the BigQuery
documentation: DATE as int32 days, DATETIME as a literal string, TIMESTAMP as int64 microseconds,
JSON as a string.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Final
from weakref import WeakSet

from google.protobuf import descriptor_pb2

from pipeline.runs import Runs
from pipeline.sinks.base import Write
from pipeline.times import MICROS_PER_DAY, to_date, to_datetime
from schemas.model import Column

_Field = descriptor_pb2.FieldDescriptorProto
_FIELD_TYPES: Final = {
    "STRING": _Field.TYPE_STRING,
    "INT64": _Field.TYPE_INT64,
    "FLOAT64": _Field.TYPE_DOUBLE,
    "BOOL": _Field.TYPE_BOOL,
    "DATETIME": _Field.TYPE_STRING,
    "TIMESTAMP": _Field.TYPE_INT64,
    "DATE": _Field.TYPE_INT32,
    "JSON": _Field.TYPE_STRING,
    "BYTES": _Field.TYPE_BYTES,
}
_VARINT, _FIXED64, _LENGTH = 0, 1, 2


def row_descriptor(columns: Sequence[Column], name: str = "Row") -> descriptor_pb2.DescriptorProto:
    """The self-contained descriptor of a row, for ``writer_schema``."""
    descriptor = descriptor_pb2.DescriptorProto(name=name)
    for number, column in enumerate(columns, 1):
        field = descriptor.field.add(
            name=column.name,
            number=number,
            label=_Field.LABEL_REPEATED if column.repeated else _Field.LABEL_OPTIONAL,
        )
        if column.type == "STRUCT":
            nested = f"{name}_{number}"
            descriptor.nested_type.append(row_descriptor(column.columns, nested))
            field.type = _Field.TYPE_MESSAGE
            field.type_name = nested
        else:
            field.type = _FIELD_TYPES[column.type]
    return descriptor


#: Values whose bytes a process keeps, for all columns of all encoders: some 100 MB.
KEPT_VALUES: Final = 400_000


class RowEncoder:
    """Encodes rows of fixed columns as ``row_descriptor`` describes them.

    Safe to use from several threads.
    """

    _alive: ClassVar[WeakSet[RowEncoder]] = WeakSet()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, columns: Sequence[Column]) -> None:
        self._memos: list[_Memo] = []
        self._fields = [self._field(*numbered) for numbered in enumerate(columns, 1)]
        with self._lock:
            self._alive.add(self)

    def encode(self, write: Write) -> list[bytes]:
        """One serialized row for each row of ``write``."""
        fragments = [
            values.map(field) if isinstance(values, Runs) else map(field, values)
            for field, values in zip(self._fields, write.values, strict=True)
        ]
        rows = list(map(b"".join, zip(*fragments, strict=True)))
        if _Memo.kept > KEPT_VALUES:
            self._forget()
        return rows

    def _forget(self) -> None:
        """Empties the memos of all encoders: many values, such as message ids, never come again."""
        with self._lock:
            _Memo.kept = 0
            for encoder in self._alive:
                for memo in encoder._memos:
                    memo.clear()

    def _field(self, number: int, column: Column) -> Callable[[Any], bytes]:
        """What turns a value, or None, into the bytes of its field."""
        if column.type == "STRUCT":
            one = self._struct(number, column)
        else:
            memo = _Memo(_scalar_encoder(number, column))
            self._memos.append(memo)
            one = memo.__getitem__
        if column.repeated:
            return lambda values: b"".join(map(one, values or ()))
        return one

    def _struct(self, number: int, column: Column) -> Callable[[Any], bytes]:
        tag = varint(number << 3 | _LENGTH)
        fields = [
            (inner.name, self._field(place, inner)) for place, inner in enumerate(column.columns, 1)
        ]

        def encode(value: dict[str, Any] | None) -> bytes:
            if value is None:
                return b""
            data = b"".join([field(value[name]) for name, field in fields])
            return tag + varint(len(data)) + data

        return encode


class _Memo(dict[Any, bytes]):
    """The bytes of a field for each value met, unless they are long."""

    LONGEST: Final = 200
    #: How many values all memos of this process hold.
    kept: ClassVar[int] = 0

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, value: Any) -> bytes:
        if value is None:
            return b""
        fragment = self._encode(value)
        if len(fragment) <= self.LONGEST:
            self[value] = fragment
            _Memo.kept += 1
        return fragment


def _scalar_encoder(number: int, column: Column) -> Callable[[Any], bytes]:
    payload = _PAYLOADS[column.type]
    tag = varint(number << 3 | _WIRE[column.type])
    if _WIRE[column.type] == _LENGTH:

        def with_length(value: Any) -> bytes:
            data = payload(value)
            return tag + varint(len(data)) + data

        return with_length
    return lambda value: tag + payload(value)


def varint(value: int) -> bytes:
    """``value`` as a base-128 varint; negative values as 64-bit two's complement."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _datetime_literal(moment: int) -> bytes:
    day, clock = divmod(moment, MICROS_PER_DAY)
    return _day_text(day) + _clock_text(clock)


@lru_cache(10_000)
def _day_text(day: int) -> bytes:
    return to_date(day).isoformat().encode()


@lru_cache(100_000)
def _clock_text(micros: int) -> bytes:
    clock = to_datetime(micros).time()
    return f" {clock.isoformat()}".encode()


def _double(value: float) -> bytes:
    return struct.pack("<d", value + 0.0)  # -0.0 and 0.0 are one key of the memo


_PAYLOADS: Final[dict[str, Callable[[Any], bytes]]] = {
    "STRING": str.encode,
    "INT64": varint,
    "FLOAT64": _double,
    "BOOL": varint,
    "DATETIME": _datetime_literal,
    "TIMESTAMP": varint,
    "DATE": varint,
    "JSON": str.encode,
    "BYTES": bytes,
}
_WIRE: Final = {
    "STRING": _LENGTH,
    "INT64": _VARINT,
    "FLOAT64": _FIXED64,
    "BOOL": _VARINT,
    "DATETIME": _LENGTH,
    "TIMESTAMP": _VARINT,
    "DATE": _VARINT,
    "JSON": _LENGTH,
    "BYTES": _LENGTH,
}
