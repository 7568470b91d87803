"""A local BigQueryWrite server for tests and benchmarks of the Storage Write API's clients.

It serves AppendRows on default streams and GetWriteStream as the service does where that is
documented, keeps the rows as Python values, and misbehaves on order (``server.faults``). Run as
``python -m tests.servers.bigquery_write`` it is a process of its own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
from google.cloud.bigquery_storage_v1 import types

from local.stopping import Stop
from schemas.model import Column, Partition
from tests.servers.bigquery_answers import (
    REQUEST,
    RESPONSE,
    Form,
    RowCounter,
    Settings,
    abort,
    default_stream_table,
    not_found,
)
from tests.servers.bigquery_append import Connection
from tests.servers.bigquery_faults import Faults, Kind
from tests.servers.bigquery_rows import Reader, Row
from tests.servers.bigquery_stream import AppendStream
from tests.servers.bigquery_tables import (
    Counters,
    Request,
    Tables,
    tables_from_json,
    utc_today,
)
from tests.servers.tcp_proxy import TcpProxy

_SERVICE = "google.cloud.bigquery.storage.v1.BigQueryWrite"
_OTHER_METHODS = (
    "CreateWriteStream",
    "FinalizeWriteStream",
    "BatchCommitWriteStreams",
    "FlushRows",
)


class BigQueryWriteServer:
    """A BigQueryWrite service on 127.0.0.1, without encryption or credentials.

    A context manager; ``start`` and ``close`` do the same without one.

    Args:
        port: the port to listen on; 0 takes a free one.
        tables: the tables that exist from the start, by path.
        max_request_bytes: larger requests are refused. The service's limit was "10 MB", in fact
            10,485,760 bytes, and is 20 MB in newer comments; the least of these is the default.
        missing_table: how the service's NOT_FOUND for a missing table reaches the client. It
            was seen to end the stream; of multiplexed connections nothing is known.
        schema_mismatch: the same for a writer schema that does not fit the table.
        oversize: the same for a request that is too large. It was seen both ways, lately as a
            response.
        max_row_errors: the most ``row_errors`` in one response; the service says of its list
            that it "may not be complete because of the size limitations".
        idle_seconds: a stream without requests for so long is closed with ABORTED; may be set
            anew at any time.
        location: the region that GetWriteStream names.
        require_routing: refuse a connection without the header ``x-goog-request-params`` naming
            a ``write_stream`` or ``write_location``. The service routes to a region by it
            (``writer.py`` of the client calls it required); without it, tables outside of the
            US were seen to be refused with PERMISSION_DENIED.
        partition_days: how many days back and ahead of ``today`` a partition takes rows.
        today: the present day in UTC.
        discard: count rows without decoding, checking or keeping them, without faults.

    Attributes:
        faults: orders misbehaviour.
        routing: per connection, in order, what its ``x-goog-request-params`` headers said.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        tables: Mapping[str, Iterable[Column]] | None = None,
        max_request_bytes: int = 10_000_000,
        missing_table: Form = "stream",
        schema_mismatch: Form = "stream",
        oversize: Form = "response",
        max_row_errors: int | None = None,
        idle_seconds: float = 600.0,
        location: str = "EU",
        require_routing: bool = False,
        partition_days: tuple[int, int] = (3650, 366),
        today: Callable[[], date] = utc_today,
        discard: bool = False,
    ) -> None:
        self.faults = Faults()
        self.routing: list[str] = []
        self.idle_seconds = idle_seconds
        self.port = port
        self._tables = Tables(partition_days, today)
        self._settings = Settings(
            max_request_bytes, missing_table, schema_mismatch, oversize, max_row_errors
        )
        self._readers: dict[tuple[object, ...], Reader] = {}
        self._location = location
        self._require_routing = require_routing
        self._discard = discard
        self._server: grpc.Server | None = None
        self._proxy: TcpProxy | None = None
        for path, columns in (tables or {}).items():
            self.create_table(path, columns)

    @property
    def address(self) -> str:
        """Where a client connects: ``127.0.0.1:port``."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Starts to listen; OSError or RuntimeError where the port is taken."""
        pool = ThreadPoolExecutor(max_workers=256, thread_name_prefix="bigquery-write")
        options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(pool, options=options)
        self._server.add_generic_rpc_handlers((self._handlers(),))
        if self._discard:
            # A benchmark has no faults, and should not pay for the proxy.
            self.port = self._server.add_insecure_port(self.address)
        else:
            self._proxy = TcpProxy(self._server.add_insecure_port("127.0.0.1:0"), self.port)
            self.port = self._proxy.port
        self._server.start()
        return self

    def close(self) -> None:
        """Ends every call and stops listening; rows, counters and log stay readable."""
        if self._proxy:
            self._proxy.close()
        if self._server:
            self._server.stop(None).wait()
        self._server = self._proxy = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def create_table(
        self, path: str, columns: Iterable[Column], partition: Partition | None = None
    ) -> None:
        """Creates ``projects/P/datasets/D/tables/T``; ValueError where it exists."""
        self._tables.create(path, columns, partition)

    def delete_table(self, path: str) -> None:
        """Deletes a table with its rows; KeyError where there is none."""
        self._tables.delete(path)

    def add_column(self, path: str, column: Column) -> None:
        """Adds a column; KeyError where there is no such table.

        The next answer of each open connection that has appended to the table before carries
        ``updated_schema``.
        """
        self._tables.add_column(path, column)

    def rows(self, path: str) -> list[Row]:
        """The rows of a table in the order of application; KeyError where there is none."""
        return self._tables.rows(path)

    def counters(self, path: str = "") -> Counters:
        """What the server has seen so far, or what it has seen of one table."""
        return self._tables.counters(path)

    def requests(self) -> list[Request]:
        """The append requests so far, with what became of each; empty with ``discard``."""
        return self._tables.requests()

    def _handlers(self) -> grpc.GenericRpcHandler:
        append = self._append_and_discard if self._discard else self._append_rows
        methods = {
            # Bytes in and out: their size counts, and the generated classes parse them faster.
            "AppendRows": grpc.stream_stream_rpc_method_handler(append),
            "GetWriteStream": grpc.unary_unary_rpc_method_handler(
                self._get_write_stream,
                types.GetWriteStreamRequest.deserialize,
                types.WriteStream.serialize,
            ),
        }
        for name in _OTHER_METHODS:
            methods[name] = grpc.unary_unary_rpc_method_handler(_unimplemented(name))
        return grpc.method_handlers_generic_handler(_SERVICE, methods)

    def _get_write_stream(
        self, request: types.GetWriteStreamRequest, context: grpc.ServicerContext
    ) -> types.WriteStream:
        path = default_stream_table(request.name) or ""
        fault = self.faults.take(Kind.FAIL_GET_WRITE_STREAM, path)
        if fault:
            context.abort(fault.code, fault.message)
        table = self._tables.get(path)
        if table is None:
            abort(context, not_found().status(request.name))
        stream = types.WriteStream(
            name=request.name,
            type_=types.WriteStream.Type.COMMITTED,
            create_time=table.created,
            location=self._location,
        )
        # "The basic view does not include schema information. This is the default view".
        if request.view == types.WriteStreamView.FULL:
            stream.table_schema = table.schema()
        return stream

    def _opened(self, context: grpc.ServicerContext) -> int:
        number = self._tables.opened()
        if not context.add_callback(self._tables.closed):
            self._tables.closed()
        return number

    def _append_and_discard(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        self._opened(context)
        stream, path, counter, answers = "", "", RowCounter(), {}
        for raw in requests:
            request = REQUEST.FromString(raw)
            if request.write_stream and request.write_stream != stream:
                stream = request.write_stream
                path = default_stream_table(stream) or ""
                answer = RESPONSE(write_stream=stream, append_result={})
                answers[stream] = answer.SerializeToString()
            self._tables.received(path, len(raw))
            if not self._tables.apply(path, (), counter.count(request)):
                abort(context, not_found().status(stream))
            yield answers[stream]

    def _append_rows(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        number = self._opened(context)
        routed = bool(self._routing(context)) or not self._require_routing
        connection = Connection(
            number, self._tables, self.faults, self._settings, self._readers, routed
        )
        drop = self._proxy.drop if self._proxy else lambda port: None
        stream = AppendStream(connection, context, lambda: self.idle_seconds, drop)
        yield from stream.serve(requests)

    def _routing(self, context: grpc.ServicerContext) -> str:
        # The client adds an empty header of this name behind the caller's own.
        said = "&".join(
            str(value)
            for key, value in context.invocation_metadata()
            if key == "x-goog-request-params" and value
        )
        self.routing.append(said)
        return said


def _unimplemented(name: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{name} is not part of this test server")
        raise AssertionError("abort never returns")

    return refuse


def main() -> None:
    """Serves until SIGTERM or SIGINT, then prints the counters as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tables", type=Path, required=True, help="JSON: {path: [columns]}")
    parser.add_argument("--discard", action="store_true", help="count rows, keep none")
    options = parser.parse_args()
    tables = tables_from_json(options.tables)
    with (
        Stop() as stop,
        BigQueryWriteServer(options.port, tables=tables, discard=options.discard) as server,
    ):
        print(f"ready {server.address}", flush=True)
        while not stop.wait(60.0):
            pass
    seen = {path: asdict(server.counters(path)) for path in tables}
    print(json.dumps(asdict(server.counters()) | {"tables": seen}), flush=True)


if __name__ == "__main__":
    main()
