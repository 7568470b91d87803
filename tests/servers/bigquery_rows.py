"""Reads the rows of an append request the way the service reads them.

A reader is bound once to a writer schema and the columns of a table, then reads any number of
requests. Every row comes back as a dictionary with all columns of the table: None where a column
is unset, ``[]`` where a repeated one is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from schemas.model import Column
from tests.servers.bigquery_values import (
    Converter,
    ValueRefused,
    arrow_converter,
    plain_arrow_type,
    proto_converter,
    proto_type_name,
)

Row = dict[str, Any]


class RowRefused(ValueError):
    """A row that the service refuses by itself; the text is the row error's message."""


class ExtraFields(ValueError):
    """The writer schema has fields that the table has not."""


class SchemaRefused(ValueError):
    """The writer schema is invalid, or a field's type does not fit its column."""


class Reader(Protocol):
    """Reads the payload of requests that were written with one writer schema."""

    def read(self, rows: Any) -> list[Row | RowRefused]:
        """Every row of the request in order; a refused one as the refusal itself.

        Raises:
            SchemaRefused: the payload as a whole cannot be read.
        """
        ...


@dataclass(frozen=True)
class _Field:
    """One field of the input, bound to its column."""

    source: str
    column: Column
    convert: Converter
    fields: tuple[_Field, ...] = ()


def _bind(
    names: Sequence[str], columns: Sequence[Column], path: str, extra: list[str]
) -> list[tuple[str, Column]]:
    # BigQuery's column names are case-insensitive.
    known = {column.name.lower(): column for column in columns}
    extra += [path + name for name in names if name.lower() not in known]
    return [(name, known[name.lower()]) for name in names if name.lower() in known]


def _complete(columns: Sequence[Column]) -> Row:
    return {column.name: [] if column.repeated else None for column in columns}


def _value(field: _Field, value: Any, struct: Callable[[_Field, Any, str], Row], path: str) -> Any:
    try:
        if field.column.type == "STRUCT":
            return struct(field, value, f"{path}.")
        return field.convert(value)
    except ValueRefused as refused:
        raise RowRefused(f"{refused} on field {path}.") from None


class ProtoReader:
    """Reads ``ProtoRows`` that were written with one ``ProtoSchema``.

    "The provided descriptor must be self contained" (proto comment of ``ProtoSchema``) and "the
    backend expects the serialized rows to adhere to proto2 semantics": a field that is not in the
    bytes is NULL, hence so is the zero of a proto3 field.

    Raises:
        ExtraFields: the descriptor has fields that the table has not.
        SchemaRefused: the descriptor is invalid, or a field does not fit its column.
    """

    def __init__(self, descriptor: bytes, columns: Sequence[Column]) -> None:
        self._columns = columns
        message = _message(descriptor)
        self._class = message_factory.GetMessageClass(message)
        extra: list[str] = []
        self._fields = _proto_fields(message, columns, "", extra)
        if extra:
            raise ExtraFields(", ".join(f"'{name}'" for name in extra))

    def read(self, rows: Sequence[bytes]) -> list[Row | RowRefused]:
        """See ``Reader``; ``rows`` are the request's ``serialized_rows``."""
        return [self._row(row) for row in rows]

    def _row(self, data: bytes) -> Row | RowRefused:
        try:
            message = self._class.FromString(data)
            if not message.IsInitialized():
                missing = ", ".join(message.FindInitializationErrors())
                raise RowRefused(f"Field value of {missing} cannot be empty.")
            return _proto_struct(message, self._fields, self._columns, "")
        except DecodeError as error:
            return RowRefused(f"Invalid proto: {error}")
        except RowRefused as refused:
            return refused


def _message(descriptor: bytes) -> Descriptor:
    root = descriptor_pb2.DescriptorProto.FromString(descriptor)
    # The service reads a writer schema as proto2, where this option is not allowed; the client's
    # own AppendRowsStream clears it for that reason.
    if _is_proto3(root):
        raise SchemaRefused(
            f"Invalid proto schema: BqMessage.proto: {root.name}: The [proto3_optional=true]"
            " option may only be set on proto3 fields"
        )
    file = descriptor_pb2.FileDescriptorProto(name="BqMessage.proto", message_type=[root])
    pool = descriptor_pool.DescriptorPool()
    try:
        pool.Add(file)
        return pool.FindMessageTypeByName(root.name)
    except (TypeError, KeyError, ValueError) as error:
        raise SchemaRefused(f"Invalid proto schema: BqMessage.proto: {error}") from None


def _is_proto3(message: descriptor_pb2.DescriptorProto) -> bool:
    return any(field.proto3_optional for field in message.field) or any(
        map(_is_proto3, message.nested_type)
    )


def _proto_fields(
    message: Descriptor, columns: Sequence[Column], path: str, extra: list[str]
) -> tuple[_Field, ...]:
    bound = []
    for name, column in _bind([f.name for f in message.fields], columns, path, extra):
        field: FieldDescriptor = message.fields_by_name[name]
        convert = proto_converter(column.type, field.type)
        if convert is None or field.is_repeated != column.repeated:
            raise SchemaRefused(
                "The proto field mismatched with BigQuery field at"
                f" {message.full_name}.{name}, the proto field type"
                f" {'repeated ' * field.is_repeated}{proto_type_name(field.type)}, BigQuery field"
                f" type {'REPEATED ' * column.repeated}{column.type}"
            )
        inner: tuple[_Field, ...] = ()
        if column.type == "STRUCT":
            inner = _proto_fields(field.message_type, column.columns, f"{path}{name}.", extra)
        bound.append(_Field(name, column, convert, inner))
    return tuple(bound)


def _proto_struct(
    message: Message, fields: Sequence[_Field], columns: Sequence[Column], path: str
) -> Row:
    def struct(field: _Field, value: Any, inner: str) -> Row:
        return _proto_struct(value, field.fields, field.column.columns, inner)

    row = _complete(columns)
    for field in fields:
        at = path + field.source
        if field.column.repeated:
            row[field.column.name] = [
                _value(field, item, struct, at) for item in getattr(message, field.source)
            ]
        elif message.HasField(field.source):
            row[field.column.name] = _value(field, getattr(message, field.source), struct, at)
    return row


class ArrowReader:
    """Reads Arrow record batches that were written with one IPC schema.

    Raises:
        ExtraFields: the schema has fields that the table has not.
        SchemaRefused: the schema is invalid, or a field does not fit its column.
    """

    def __init__(self, schema: bytes, columns: Sequence[Column]) -> None:
        self._columns = columns
        try:
            self._schema = pa.ipc.read_schema(pa.py_buffer(schema))
        except (pa.ArrowException, OSError) as error:
            raise SchemaRefused(f"Invalid Arrow schema: {error}") from None
        self._plain = pa.schema([pa.field(f.name, plain_arrow_type(f.type)) for f in self._schema])
        extra: list[str] = []
        self._fields = _arrow_fields(list(self._schema), columns, "", extra)
        if extra:
            raise ExtraFields(", ".join(f"'{name}'" for name in extra))

    def read(self, rows: bytes) -> list[Row | RowRefused]:
        """See ``Reader``; ``rows`` is the request's ``serialized_record_batch``."""
        try:
            batch = pa.ipc.read_record_batch(pa.py_buffer(rows), self._schema)
            batch.validate(full=True)
        except (pa.ArrowException, OSError) as error:
            raise SchemaRefused(f"Invalid Arrow record batch: {error}") from None
        return [self._row(row) for row in batch.cast(self._plain).to_pylist()]

    def _row(self, values: Row) -> Row | RowRefused:
        try:
            return _arrow_struct(values, self._fields, self._columns, "")
        except RowRefused as refused:
            return refused


def _arrow_fields(
    fields: Sequence[pa.Field], columns: Sequence[Column], path: str, extra: list[str]
) -> tuple[_Field, ...]:
    kinds = {field.name: field.type for field in fields}
    bound = []
    for name, column in _bind([f.name for f in fields], columns, path, extra):
        kind = kinds[name]
        repeated = pa.types.is_list(kind)
        item = kind.value_type if repeated else kind
        convert = arrow_converter(column.type, item)
        if convert is None or repeated != column.repeated:
            raise SchemaRefused(
                f"The Arrow field mismatched with BigQuery field at {path}{name}, the Arrow field"
                f" type {kind}, BigQuery field type {'REPEATED ' * column.repeated}{column.type}"
            )
        inner: tuple[_Field, ...] = ()
        if column.type == "STRUCT":
            inner = _arrow_fields(item.fields, column.columns, f"{path}{name}.", extra)
        bound.append(_Field(name, column, convert, inner))
    return tuple(bound)


def _arrow_struct(
    values: Row, fields: Sequence[_Field], columns: Sequence[Column], path: str
) -> Row:
    def struct(field: _Field, value: Any, inner: str) -> Row:
        return _arrow_struct(value, field.fields, field.column.columns, inner)

    row = _complete(columns)
    for field in fields:
        value, at = values[field.source], path + field.source
        if field.column.repeated:
            # "A NULL value must be represented by an empty list", and arrays hold no NULL.
            if value is None or None in value:
                raise RowRefused(f"Repeated field value cannot be NULL on field {at}.")
            row[field.column.name] = [_value(field, item, struct, at) for item in value]
        elif value is not None:
            row[field.column.name] = _value(field, value, struct, at)
    return row
