"""Drives a BigQueryWrite server through Google's own client, for the tests of the server."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import (
    BigQueryWriteGrpcTransport,
)
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from schemas.model import Column

_PROTO = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "BOOL": _PROTO.TYPE_BOOL,
    "BYTES": _PROTO.TYPE_BYTES,
    "DATE": _PROTO.TYPE_INT32,
    "DATETIME": _PROTO.TYPE_STRING,
    "FLOAT64": _PROTO.TYPE_DOUBLE,
    "INT64": _PROTO.TYPE_INT64,
    "JSON": _PROTO.TYPE_STRING,
    "STRING": _PROTO.TYPE_STRING,
    "STRUCT": _PROTO.TYPE_MESSAGE,
    "TIMESTAMP": _PROTO.TYPE_INT64,
}

#: Columns that have every type between them.
EVERY_TYPE = (
    Column("s", "STRING"),
    Column("i", "INT64"),
    Column("f", "FLOAT64"),
    Column("b", "BOOL"),
    Column("dt", "DATETIME"),
    Column("ts", "TIMESTAMP"),
    Column("d", "DATE"),
    Column("j", "JSON"),
    Column("y", "BYTES"),
    Column("one", "STRUCT", columns=(Column("x", "INT64"), Column("when", "DATE"))),
    Column("many", "STRUCT", repeated=True, columns=(Column("x", "FLOAT64"),)),
    Column("list", "INT64", repeated=True),
)


def connect(address: str) -> tuple[BigQueryWriteClient, grpc.Channel]:
    """The unmodified client on a channel of its own, which the caller closes."""
    # A private pool: clients of one process would else share the TCP connection.
    channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
    transport = BigQueryWriteGrpcTransport(channel=channel)
    return BigQueryWriteClient(transport=transport), channel  # type: ignore[no-untyped-call]


def default_stream(path: str) -> str:
    """The name of a table's default stream."""
    return f"{path}/streams/_default"


def descriptor(
    columns: Sequence[Column], name: str = "Row", override: Mapping[str, int] | None = None
) -> descriptor_pb2.DescriptorProto:
    """A proto2 descriptor for the columns; ``override`` sets other field types by name."""
    message = descriptor_pb2.DescriptorProto(name=name)
    for number, column in enumerate(columns, 1):
        message.field.add(
            name=column.name,
            number=number,
            type=(override or {}).get(column.name, _TYPES[column.type]),
            label=_PROTO.LABEL_REPEATED if column.repeated else _PROTO.LABEL_OPTIONAL,
        )
        if column.type == "STRUCT":
            message.field[-1].type_name = f"T{number}"
            message.nested_type.append(descriptor(column.columns, f"T{number}"))
    return message


def encode(
    message: descriptor_pb2.DescriptorProto, rows: Iterable[Mapping[str, Any]]
) -> list[bytes]:
    """The rows, whose values are those of the protocol buffer fields, as bytes."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorProto(name="row.proto", message_type=[message]))
    cls = message_factory.GetMessageClass(pool.FindMessageTypeByName(message.name))
    return [cls(**row).SerializeToString() for row in rows]


def proto_request(
    path: str,
    message: descriptor_pb2.DescriptorProto | None,
    rows: Iterable[bytes],
    **more: Any,
) -> types.AppendRowsRequest:
    """A request of serialized rows, without a writer schema where ``message`` is None."""
    request = types.AppendRowsRequest(write_stream=default_stream(path) if path else "", **more)
    data = types.AppendRowsRequest.ProtoData(rows=types.ProtoRows(serialized_rows=list(rows)))
    if message is not None:
        data.writer_schema = types.ProtoSchema(proto_descriptor=message)
    request.proto_rows = data
    return request


def arrow_request(path: str, batch: pa.RecordBatch) -> types.AppendRowsRequest:
    """A request of one Arrow record batch, as Google's sample builds it."""
    data = types.AppendRowsRequest.ArrowData()
    data.writer_schema.serialized_schema = batch.schema.serialize().to_pybytes()
    data.rows.serialized_record_batch = batch.serialize().to_pybytes()
    return types.AppendRowsRequest(write_stream=default_stream(path), arrow_rows=data)


def answered(response: types.AppendRowsResponse) -> tuple[str, str, str]:
    """Which branch of the response is set, and the stream and error text that come with it."""
    kind = types.AppendRowsResponse.pb(response).WhichOneof("response")
    return kind, response.write_stream, response.error.message


class Call:
    """One AppendRows call whose requests are sent one by one.

    The client waits for the first answer before it hands out the iterator of answers, and would
    call again with what is left of the requests where that fails with UNAVAILABLE; hence the
    first request is given at once and ``retry`` is off.
    """

    def __init__(
        self, client: BigQueryWriteClient, *first: types.AppendRowsRequest, **options: Any
    ) -> None:
        self._requests: queue.SimpleQueue[types.AppendRowsRequest | None] = queue.SimpleQueue()
        for request in first:
            self._requests.put(request)
        options = {"retry": None, "timeout": 10.0} | options
        self._answers = iter(client.append_rows(iter(self._requests.get, None), **options))

    def send(self, *requests: types.AppendRowsRequest) -> None:
        """Sends more requests without waiting."""
        for request in requests:
            self._requests.put(request)

    def answer(self) -> types.AppendRowsResponse:
        """The next answer; the error of ``google.api_core`` with which the call ended."""
        return next(self._answers)

    def close(self) -> Iterator[types.AppendRowsResponse]:
        """Closes the client's side and returns the answers that are left."""
        self._requests.put(None)
        return self._answers
