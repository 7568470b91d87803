"""What the local BigQueryWrite server answers to each append request of one connection.

The texts of the refusals are those that the service was seen to give: in the integration tests
of Google's Java, Go and Node clients, and in the issues of their users.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import grpc
from google.cloud.bigquery_storage_v1 import types

from tests.servers.bigquery_answers import (
    REQUEST,
    RESPONSE,
    Answer,
    Close,
    Drop,
    Hang,
    Refusal,
    RowCounter,
    Settings,
    Step,
    default_stream_table,
    invalid,
    not_found,
)
from tests.servers.bigquery_faults import Fault, Faults, Kind
from tests.servers.bigquery_rows import (
    ArrowReader,
    ExtraFields,
    ProtoReader,
    Reader,
    Row,
    RowRefused,
    SchemaRefused,
)
from tests.servers.bigquery_tables import Request, Tables, TableState

_ROW_ERROR: Any = type(types.RowError.pb(types.RowError()))
_ROW_ERRORS = (
    "Errors found while processing rows. Please refer to the row_errors field for details."
    " The list may not be complete because of the size limitations."
)


@dataclass
class Connection:
    """One AppendRows call: the state that its requests share, and what each is answered."""

    number: int
    tables: Tables
    faults: Faults
    settings: Settings
    readers: dict[tuple[object, ...], Reader]
    routed: bool = True
    stream: str = ""
    _multiplexed: bool = False
    _schema: tuple[str, str, bytes] | None = None
    _versions: dict[str, int] = field(default_factory=dict)
    _counter: RowCounter = field(default_factory=RowCounter)

    def take(self, raw: bytes) -> Step:
        """Takes one serialized request and says what is to follow."""
        request = REQUEST.FromString(raw)
        table, rows = "", 0
        try:
            table = self._destination(request)
            self.tables.received(table, len(raw))
            rows = self._counter.count(request)
            step, outcome = self._append(request, table, len(raw))
        except Refusal as refusal:
            name = refusal.code.name
            if refusal.form == "stream":
                step, outcome = Close(refusal.status(self.stream)), f"closed {name}"
            else:
                response = RESPONSE(write_stream=self.stream, row_errors=refusal.row_errors)
                response.error.CopyFrom(refusal.status(self.stream))
                step = Answer(response.SerializeToString())
                outcome = "row_errors" if refusal.row_errors else f"error {name}"
        if isinstance(step, Answer):
            delay = self.faults.take(Kind.DELAY, table)
            step.delay = delay.amount if delay else 0.0
        self.tables.log(Request(self.number, table, rows, outcome))
        return step

    def _destination(self, request: Any) -> str:
        """The table of the request, by the rules for ``write_stream`` in its proto comment."""
        if not request.write_stream:
            if not self.stream:
                raise invalid("The first request must name a write_stream.", "stream")
            if self._multiplexed:
                raise invalid(
                    "write_stream must be populated in all requests of a connection that"
                    " writes to several tables.",
                    "stream",
                )
            request.write_stream = self.stream
        if self.stream and request.write_stream != self.stream:
            self._multiplexed = True
        self.stream = request.write_stream
        table = default_stream_table(self.stream)
        if table is None:
            raise not_found()
        if not self.routed:
            raise Refusal(
                grpc.StatusCode.PERMISSION_DENIED,
                f"Permission 'TABLES_UPDATE_DATA' denied on resource '{table}'"
                " (or it may not exist).",
                "stream",
            )
        return table

    def _append(self, request: Any, path: str, size: int) -> tuple[Step, str]:
        early = self._early_faults(path, size)
        if early is not None:
            return early
        table = self.tables.get(path)
        if table is None:
            raise not_found(self.settings.missing_table)
        if request.HasField("offset"):
            raise invalid("Offset is not allowed on the _default stream.")
        if 0 in request.missing_value_interpretations.values():
            # "Requests with this value will be rejected" (proto comment of the enum).
            raise invalid("A missing value interpretation is unspecified.")
        rows = self._read(request, table)
        if not self.tables.apply(path, rows, len(rows)):
            raise not_found(self.settings.missing_table)
        if self.faults.take(Kind.LOSE_ANSWER, path):
            return Drop(), "lost"
        # An append_result without an offset: "The offset will not be set if appending using
        # default streams."
        response = RESPONSE(write_stream=self.stream, append_result={})
        told = self._versions.setdefault(path, table.version)
        if told < table.version:
            self._versions[path] = table.version
            response.updated_schema.CopyFrom(types.TableSchema.pb(table.schema()))
        return Answer(response.SerializeToString()), "applied"

    def _early_faults(self, path: str, size: int) -> tuple[Step, str] | None:
        take = self.faults.take
        if take(Kind.HANG, path):
            return Hang(), "hung"
        if take(Kind.DROP_CONNECTION, path):
            return Drop(), "dropped"
        if fault := take(Kind.CLOSE_STREAM, path):
            raise Refusal(fault.code, fault.message, "stream")
        if fault := take(Kind.ANSWER_ERROR, path):
            raise Refusal(fault.code, fault.message)
        small = take(Kind.TOO_LARGE, path, lambda fault: size > fault.amount)
        limit = int(small.amount) if small else self.settings.max_request_bytes
        if size > limit:
            raise invalid(
                f"AppendRows request too large: {size} limit {limit}", self.settings.oversize
            )
        return None

    def _read(self, request: Any, table: TableState) -> list[Row]:
        """The decoded rows; refuses all of them where one is bad."""
        kind = request.WhichOneof("rows")
        reader = self._reader(request, kind, table)
        payload = getattr(request, kind).rows if kind else None
        serialized = (
            (payload.serialized_rows if kind == "proto_rows" else payload.serialized_record_batch)
            if payload
            else ()
        )
        if not serialized:
            raise invalid("Rows must be specified.")
        try:
            read = reader.read(serialized)
        except SchemaRefused as refused:
            raise invalid(str(refused)) from None
        bad: dict[int, str] = {}
        for index, row in enumerate(read):
            refused_row = (
                row if isinstance(row, RowRefused) else self.tables.check_partition(table, row)
            )
            if refused_row is not None:
                bad[index] = str(refused_row)
        self._row_faults(read, bad, table.path)
        if bad:
            errors = [
                _ROW_ERROR(index=i, code=types.RowError.RowErrorCode.FIELDS_ERROR, message=bad[i])
                for i in sorted(bad)
            ]
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                _ROW_ERRORS,
                row_errors=errors[: self.settings.max_row_errors],
            )
        return cast("list[Row]", read)

    def _row_faults(self, read: list[Row | RowRefused], bad: dict[int, str], path: str) -> None:
        rows = {i: row for i, row in enumerate(read) if not isinstance(row, RowRefused)}
        hit: list[int] = []

        def strikes(fault: Fault) -> bool:
            hit[:] = [i for i, row in rows.items() if fault.predicate(row)]
            return bool(hit)

        if fault := self.faults.take(Kind.REFUSE_REQUESTS, path, strikes):
            raise Refusal(fault.code, fault.message)
        while fault := self.faults.take(Kind.REFUSE_ROWS, path, strikes):
            bad |= dict.fromkeys(hit, fault.message)
            for index in hit:
                del rows[index]

    def _reader(self, request: Any, kind: str | None, table: TableState) -> Reader:
        """The reader of the request's writer schema, or of the one sent before.

        "Provide this value whenever: You send the first request of an RPC connection. You change
        the input schema. You specify a new destination table." A table that the connection comes
        back to counts as new, as it does for Google's own clients.
        """
        data = getattr(request, kind) if kind else None
        if kind and data is not None and data.HasField("writer_schema"):
            schema = data.writer_schema
            encoded = (
                schema.proto_descriptor.SerializeToString(deterministic=True)
                if kind == "proto_rows"
                else schema.serialized_schema
            )
            self._schema = (self.stream, kind, encoded)
        elif kind and (self._schema is None or self._schema[:2] != (self.stream, kind)):
            raise invalid("The writer schema must be specified for a new destination.", "stream")
        elif self._schema is None:
            raise invalid("Rows must be specified.")
        _, kind, encoded = self._schema
        key = (table.path, table.created, table.version, kind, encoded)
        if key not in self.readers:
            self.readers[key] = self._bound(kind, encoded, table)
        return self.readers[key]

    def _bound(self, kind: str, encoded: bytes, table: TableState) -> Reader:
        try:
            if kind == "proto_rows":
                return ProtoReader(encoded, table.columns)
            return ArrowReader(encoded, table.columns)
        except ExtraFields as extra:
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"Input schema has more fields than BigQuery schema, extra fields: {extra}",
                self.settings.schema_mismatch,
                types.StorageError.StorageErrorCode.SCHEMA_MISMATCH_EXTRA_FIELDS,
            ) from None
        except SchemaRefused as refused:
            raise invalid(str(refused), self.settings.schema_mismatch) from None
