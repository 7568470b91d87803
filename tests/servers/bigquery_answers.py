"""The forms of the local BigQueryWrite server's answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types
from google.rpc import status_pb2
from grpc_status import rpc_status

#: How a refusal reaches the client: as the ``error`` of a response on a connection that stays
#: open, or as the status with which the whole stream ends.
Form = Literal["response", "stream"]

# The generated protocol buffer classes below proto-plus: several times faster.
REQUEST: Any = type(types.AppendRowsRequest.pb(types.AppendRowsRequest()))
RESPONSE: Any = type(types.AppendRowsResponse.pb(types.AppendRowsResponse()))
_STORAGE_ERROR: Any = type(types.StorageError.pb(types.StorageError()))

_DEFAULT_STREAM = re.compile(r"(projects/[^/]+/datasets/[^/]+/tables/[^/]+)(?:/streams)?/_default")


@dataclass(frozen=True)
class Settings:
    """The choices of the server; see ``BigQueryWriteServer`` for what they mean."""

    max_request_bytes: int
    missing_table: Form
    schema_mismatch: Form
    oversize: Form
    max_row_errors: int | None


@dataclass
class Answer:
    """The answer to one request: serialized, to be sent ``delay`` seconds from now."""

    response: bytes
    delay: float = 0.0


@dataclass
class Close:
    """End the stream with this status."""

    status: status_pb2.Status


class Drop:
    """Cut the TCP connection."""


class Hang:
    """Do nothing more."""


Step = Answer | Close | Drop | Hang


class Refusal(Exception):
    """A request that is not applied, and how the client hears of it."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        form: Form = "response",
        detail: int | None = None,
        row_errors: Sequence[Any] = (),
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.form = code, message, form
        self.detail, self.row_errors = detail, row_errors

    def status(self, entity: str) -> status_pb2.Status:
        """The status, with a ``StorageError`` among its details where the service has one."""
        message = f"{self.message} Entity: {entity}" if entity else self.message
        status = status_pb2.Status(code=self.code.value[0], message=message)
        if self.detail is not None:
            error = _STORAGE_ERROR(code=self.detail, entity=entity, error_message=self.message)
            status.details.add().Pack(error)
        return status


def default_stream_table(stream: str) -> str | None:
    """The path of the table whose default stream this is, else None."""
    match = _DEFAULT_STREAM.fullmatch(stream)
    return match[1] if match else None


def not_found(form: Form = "stream") -> Refusal:
    """The refusal of a stream whose table does not exist."""
    return Refusal(grpc.StatusCode.NOT_FOUND, "Requested entity was not found.", form)


def abort(context: grpc.ServicerContext, status: status_pb2.Status) -> NoReturn:
    """Ends the call with ``status``, its details included."""
    context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort_with_status never returns")


def invalid(message: str, form: Form = "response") -> Refusal:
    """The refusal of a malformed request."""
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, message, form)


class RowCounter:
    """Counts the rows of the requests of one connection without reading them."""

    def __init__(self) -> None:
        self._schema: pa.Schema | None = None

    def count(self, request: Any) -> int:
        """The number of rows; 0 for a record batch that cannot be read.

        The batch's own count: the request's ``row_count`` is deprecated and may be left out.
        """
        if not request.HasField("arrow_rows"):
            return len(request.proto_rows.rows.serialized_rows)
        data = request.arrow_rows
        try:
            if data.HasField("writer_schema"):
                self._schema = pa.ipc.read_schema(
                    pa.py_buffer(data.writer_schema.serialized_schema)
                )
            batch = pa.py_buffer(data.rows.serialized_record_batch)
            return int(pa.ipc.read_record_batch(batch, self._schema).num_rows)
        except (pa.ArrowException, OSError, TypeError):
            return 0
